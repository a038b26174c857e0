package diagnosis

import (
	"iter"
	"slices"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cause"
)

// mistake is one way in which a signer goes wrong: its cause, how that shows, and what makes a
// right recipe R wrong in that way. To teach a diagnosis another mistake, add one to a list;
// nothing else has to change.
type mistake[R any] struct {
	id cause.ID
	// empty: the table's words
	detail bilingual.Text
	do     func(*R)
}

// finding is a mistake that was proved, in its own words or the table's.
func (m *mistake[R]) finding() Finding {
	if m.detail == (bilingual.Text{}) {
		return known(m.id)
	}
	return detailed(m.id, m.detail)
}

// guesses are the mistakes that a search tries.
type guesses[R any] struct {
	// likely are tried alone, the likeliest first, and last in pairs.
	likely []mistake[R]
	// joined are those of the likely that one library makes together: they are tried in pairs
	// before all that is rare.
	joined []mistake[R]
	// rare come in many forms, and are tried alone. nil: there are none.
	rare iter.Seq[mistake[R]]
}

// search finds the mistake, or else the pair of mistakes, that turns the right recipe into one that
// fits what was received. Two at once are common, such as a key with a line feed and the wrong
// digits. Earlier ones go before later ones. No findings: none fits, or the effort is spent. fits
// counts what it costs in the effort, and no recipe is made or tried behind the last that may be.
func search[R any](right R, g guesses[R], spent *effort, fits func(*R) bool) (found []Finding, wrong R) {
	tried := func(ones ...*mistake[R]) bool {
		if found != nil || !spent.left() {
			return false
		}
		wrong = right
		for _, one := range ones {
			one.do(&wrong)
		}
		if fits(&wrong) {
			for _, one := range ones {
				found = append(found, one.finding())
			}
		}
		return found == nil
	}
	each := func(one mistake[R]) bool { return tried(&one) }
	all := slices.Values(g.likely)
	all(each)
	inPairs(g.joined, tried)
	if g.rare != nil && found == nil && spent.left() {
		g.rare(each)
	}
	inPairs(g.likely, tried)
	if found == nil {
		return nil, right
	}
	return found, wrong
}

// inPairs tries each two of a list, of which neither undoes the other, until a try says that it was
// the last.
func inPairs[R any](list []mistake[R], tried func(ones ...*mistake[R]) bool) {
	for i := range list {
		for j := range list[:i] {
			if first, second := &list[j], &list[i]; !replaces(first.id, second.id) && !tried(first, second) {
				return
			}
		}
	}
}

// parts are the parts of a request's message by the causes that lie in them.
var parts = map[cause.ID]int{
	"v3-query": partURI, "v3-query-order": partURI, "v3-url-full": partURI, "v3-path-escape": partURI, "v3-path-slash": partURI,
	"v3-path-unsigned": partURI, "v3-question-mark": partURI,
	"v3-method-case": partMethod, "v3-method-other": partMethod,
	"v3-timestamp-milliseconds": partTime, "v3-timestamp-differs": partTime,
	"v3-nonce-case": partNonce, "v3-nonce-differs": partNonce,
	"v3-last-line-feed": partLayout, "v3-body-line": partLayout, "v3-crlf": partLayout, "v3-backslash-n": partLayout,
	"v3-lines-swapped":           partLayout,
	"pay-sign-timestamp-differs": partTime, "pay-sign-nonce-differs": partNonce, "pay-sign-appid-signed": partAppID,
	"pay-sign-package-signed": partPackage, "pay-sign-last-line-feed": partLayout, "pay-sign-backslash-n": partLayout,
	"pay-sign-separator": partLayout, "pay-sign-lines-swapped": partLayout, "pay-sign-pairs": partLayout,
}

// The parts of a message whose mistakes replace each other.
const (
	partURI = iota + 1
	partMethod
	partTime
	partNonce
	partLayout
	partAppID
	partPackage
)

// replaces reports whether the second of two mistakes undoes the first, so that the pair is the
// second alone: both put another text into the same part of the message.
func replaces(first, second cause.ID) bool { return parts[first] != 0 && parts[first] == parts[second] }

// The bounds of one diagnosis. A refusal by the emulated gateway must not cost much more than an
// answer, whatever a stranger sends: ten milliseconds are the aim, of which these leave half.
//
// Work is counted in bytes: those of each text that is written or digested, and for each try as
// many as take the time of its bookkeeping.
const (
	maxWork = 7 << 18
	tryCost = 256
	// maxGuessed bounds the text that is guessed at, in bytes. Honest texts are below one kilobyte,
	// most of APIv3 below 500 bytes.
	maxGuessed = 4 << 10
)

// effort counts what a diagnosis has done, in bytes.
type effort struct{ work int }

// left reports whether another try may be made.
func (e *effort) left() bool { return e.work < maxWork }

// spend counts a try over a text of so many bytes.
func (e *effort) spend(size int) { e.work += tryCost + size }
