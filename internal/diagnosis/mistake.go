package diagnosis

import (
	"iter"

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

// search finds the mistake, or else the pair of mistakes, that turns the right recipe into one that
// fits what was received. The likely ones are tried alone, then the rare ones alone, then the
// likely ones in pairs: two at once are common, such as a key with a line feed and the wrong
// digits. Earlier ones go before later ones. No findings: none fits, or the effort is spent. A pair
// costs the square of the likely mistakes, so fits must be bounded by an effort.
func search[R any](right R, likely []mistake[R], rare iter.Seq[mistake[R]], fits func(*R) bool) (found []Finding, wrong R) {
	for one := range alone(likely, rare) {
		wrong := right
		one.do(&wrong)
		if fits(&wrong) {
			return []Finding{one.finding()}, wrong
		}
	}
	for i := range likely {
		for j := range likely[:i] {
			first, second := &likely[j], &likely[i]
			wrong := right
			first.do(&wrong)
			second.do(&wrong)
			if fits(&wrong) {
				return []Finding{first.finding(), second.finding()}, wrong
			}
		}
	}
	return nil, right
}

// alone yields the likely mistakes, and the rare ones behind them. rare may be nil.
func alone[R any](likely []mistake[R], rare iter.Seq[mistake[R]]) iter.Seq[mistake[R]] {
	return func(yield func(mistake[R]) bool) {
		for _, one := range likely {
			if !yield(one) {
				return
			}
		}
		if rare != nil {
			rare(yield)
		}
	}
}

// The bounds of one diagnosis. Tries are bounded for short texts, of which thousands can be
// digested in the time of one, and bytes for long ones. A refusal by the emulated gateway must not
// cost much more than an answer: these are some ten milliseconds.
const (
	maxTries = 16_000
	// maxDigested bounds the bytes that are digested.
	maxDigested = 8 << 20
	// maxGuessed bounds the text that is guessed at, in bytes. Honest texts are below one kilobyte,
	// most of APIv3 below 500 bytes.
	maxGuessed = 4 << 10
)

// effort counts what a diagnosis has tried.
type effort struct{ tries, bytes int }

// left counts a try, and reports whether it may be made. A function that searches returns false for
// each try behind the last: the loops run to their end without digesting anything.
func (e *effort) left() bool {
	e.tries++
	return e.tries <= maxTries && e.bytes < maxDigested
}

// spent counts a text that was digested.
func (e *effort) spent(text string) { e.bytes += len(text) }
