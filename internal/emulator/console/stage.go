package console

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"cloudpay/internal/bilingual"
)

// stage is one thing that happened to an order: a call of a function, a request to WeChat Pay, a
// delivery, or a change of either side's state. A call has the requests, changes and events that
// came of it as steps of its own, and a notification has the call that took it.
type stage struct {
	language

	// ID names the step in the page and in a form, such as request-17.
	ID string
	// Kind is what it is:
	//
	//	placed, paid, closed   WeChat Pay's order changed, by no request that the history has
	//	registered, ended      the register changed
	//	call                   a function was called
	//	request                WeChat Pay got a request
	//	notification           WeChat Pay told the merchant's server
	//	event                  the functions told the event sink
	Kind string
	// What is one line of it. Verdict decides the colour, and Said is the answer in words.
	What, Verdict, Said, Reason string
	// State is WeChat Pay's state of the order afterwards; empty: it is not known.
	State string
	// Link is the page that has the rest; empty: none.
	Link string

	// At is when it began, by the emulator's clock. Whole seconds are all that is known of it if
	// Coarse is true.
	At     time.Time
	Coarse bool
	// Real is the same by this machine's clock; zero: it is not known.
	Real time.Time
	// Took is how long it took, by this machine's clock; negative: it is not known.
	Took time.Duration

	// Texts are its exact bytes. Without any, Lacks is why; empty for a step that has none.
	Texts []stageText
	Lacks bilingual.Text
	// Curl reads the bytes, and Again does it once more; empty where that is not possible.
	Curl, Again string
	// Whole says that nothing is to be added to it.
	Whole bool
	// Open says that the page shows its bytes.
	Open bool

	Steps []*stage

	// Gap is how long after the step before it began, or after its call did, in words.
	Gap string
	// Bar is its duration as a part of the row.
	Bar *stageBar

	// order is the time by which steps are sorted: At, but for what only whole seconds are known
	// of.
	order time.Time
}

// stageText is one of a step's texts.
type stageText struct {
	Label bilingual.Text
	Text  string
	// Cut is how many bytes are missing; -1: some.
	Cut int
}

// CutWords says how much of a text is missing; empty if nothing is.
func (l language) CutWords(text stageText) string {
	switch {
	case text.Cut > 0:
		return l.T(fmt.Sprintf("%d bytes more are not shown", text.Cut), fmt.Sprintf("另有 %d 字节未显示", text.Cut))
	case text.Cut < 0:
		return l.T("more bytes are not shown", "另有字节未显示")
	default:
		return ""
	}
}

// TookWords is the duration in words; empty if it is not known.
func (s *stage) TookWords() string {
	if s.Took < 0 {
		return ""
	}
	return s.Span(s.Took)
}

// AgainWords are those of the button that does it once more.
func (s *stage) AgainWords() string {
	switch s.Kind {
	case "request":
		return s.T("Send these bytes again", "原样重发")
	case "call":
		return s.T("Call again with this event", "以该事件再次调用")
	case "notification":
		return s.T("Notify again", "再次通知")
	default:
		return s.T("Deliver again as it was", "原样再次投递")
	}
}

// Span is a duration in words, in milliseconds below a second.
func (l language) Span(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 1, 64) + l.T(" ms", " 毫秒")
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + l.T(" ms", " 毫秒")
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + l.T(" s", " 秒")
	default:
		return l.Duration(d)
	}
}

// stageBar is a duration in percent of the longest one beside it.
type stageBar struct{ X, Width string }

// shortestBar is the part of a row that a bar has at least, to be seen.
const shortestBar = 0.8

// newBar is the bar of a duration behind an offset, where scale is the whole row.
func newBar(offset, took, scale time.Duration) *stageBar {
	if took < 0 || scale <= 0 {
		return nil
	}
	percent := func(d time.Duration) float64 { return 100 * float64(d) / float64(scale) }
	x := min(max(percent(offset), 0), 100-shortestBar)
	width := min(max(percent(took), shortestBar), 100-x)
	text := func(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }
	return &stageBar{text(x), text(width)}
}

// arrange sorts steps in the order of their causes, and words what lies between them.
func arrange(steps []*stage) {
	settleSeconds(steps)
	slices.SortStableFunc(steps, func(a, b *stage) int {
		return cmp.Or(a.order.Compare(b.order), cmp.Compare(rank(a.Kind), rank(b.Kind)))
	})
	longest := time.Duration(0)
	for _, s := range steps {
		longest = max(longest, s.Took)
	}
	for i, s := range steps {
		if i > 0 {
			s.Gap = s.gapBehind(steps[i-1])
		}
		s.Bar = newBar(0, s.Took, longest)
		s.within()
	}
}

// rank is the place of a kind in the order of causes, for steps at the same time.
func rank(kind string) int {
	return slices.Index([]string{"placed", "registered", "paid", "call", "request", "closed", "ended", "notification", "event"}, kind)
}

// seen is the shortest distance that is told.
const seen = 50 * time.Microsecond

// within arranges the steps of a step, each by its distance from the beginning.
func (s *stage) within() {
	settleSeconds(s.Steps)
	slices.SortStableFunc(s.Steps, func(a, b *stage) int {
		return cmp.Or(a.order.Compare(b.order), cmp.Compare(rank(a.Kind), rank(b.Kind)))
	})
	for _, inner := range s.Steps {
		offset := inner.order.Sub(s.order)
		if !inner.Coarse && !s.Coarse && offset >= seen {
			inner.Gap = "+" + s.Span(offset)
		}
		inner.Bar = newBar(offset, inner.Took, max(s.Took, offset+inner.Took))
		inner.within()
	}
}

// settleSeconds places what only whole seconds are known of: an order that was paid within a second
// was so before the notification of that second, and before the requests that found it paid; and it
// was placed before everything else.
func settleSeconds(steps []*stage) {
	for _, s := range steps {
		s.order = s.At
	}
	for _, s := range steps {
		if !s.Coarse {
			continue
		}
		switch s.Kind {
		case "placed":
			s.order = time.Time{}
		case "paid":
			s.order = s.At.Add(time.Second)
			for _, other := range steps {
				if other.showsPaid() && !other.At.Before(s.At) && other.At.Before(s.order) {
					s.order = other.At
				}
			}
		case "closed":
			s.order = s.At.Add(time.Second)
		}
	}
}

// showsPaid reports whether a step could not be without a payment.
func (s *stage) showsPaid() bool {
	if s.Kind == "notification" {
		return true
	}
	return slices.Contains(settledBy["paid"], s.State) || slices.ContainsFunc(s.Steps, (*stage).showsPaid)
}

// gapBehind is the time since another step ended, in words; empty for none that can be told. It is
// by the emulator's clock. Where that was moved on in between, this machine's says how much of it
// really passed:
//
//	20 ms later
//	30 min later, of which 31 s really passed
func (s *stage) gapBehind(before *stage) string {
	if before.At.IsZero() || s.At.IsZero() {
		return ""
	}
	gap := s.At.Sub(before.At.Add(max(before.Took, 0)))
	words := s.Span(gap)
	if s.Coarse || before.Coarse {
		gap = gap.Truncate(time.Second)
		words = s.Duration(gap)
	}
	if gap < time.Millisecond {
		return ""
	}
	if s.Real.IsZero() || before.Real.IsZero() {
		return s.T(words+" later", words+"后")
	}
	// An advance of the clock: both are told.
	passed := s.Real.Sub(before.Real.Add(max(before.Took, 0)))
	if skipped := gap - passed; skipped < time.Second || passed < 0 {
		return s.T(words+" later", words+"后")
	}
	really := s.Span(passed)
	return s.T(words+" later, of which "+really+" really passed", words+"后，其中真实经过 "+really)
}
