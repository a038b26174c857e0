package closing

import "time"

// lookupStep is the grid on which a look-up waits and answers. It is wide because what differs
// between an order that exists and one that does not (WeChat Pay's own time, a round trip to the
// store) may only show where an exchange ends within that difference of a step: with 250 ms that is
// where an exchange takes 240 ms, which is common from abroad.
const lookupStep = 500 * time.Millisecond

// Steps are the moments at which a look-up goes on or ends, counted from its start. What happens
// between two of them cannot be told by the clock.
type steps struct {
	start time.Time
	size  time.Duration
	waits int // so far
}

// mostSteps bounds the wait between two attempts.
const mostSteps = 10

// last is the last step before until; start itself when there is none.
func (s *steps) last(until time.Time) time.Time {
	return s.start.Add(max(until.Sub(s.start), 0).Truncate(s.size))
}

// next is the first step at or after t, and never start.
func (s *steps) next(t time.Time) time.Time {
	whole := (t.Sub(s.start) + s.size - 1).Truncate(s.size)
	return s.start.Add(max(whole, s.size))
}

// pause is how long to wait before the next attempt: until the next step that grants the wish, and
// from the third attempt on one, three, seven steps more. It takes three for "no such order" where
// the first had a used connection. A pause is never random, or its end would say when it began.
func (s *steps) pause(wish time.Duration) time.Duration {
	more := min(1<<min(max(s.waits-1, 0), mostSteps)-1, mostSteps)
	s.waits++
	now := time.Now()
	return s.next(now.Add(wish)).Add(time.Duration(more) * s.size).Sub(now)
}
