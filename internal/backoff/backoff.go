// Package backoff computes the pauses between attempts.
package backoff

import (
	"math/rand/v2"
	"time"
)

// Exponential is pauses that double: First, then twice as long each time, up to Max. It is computed
// from the number of the attempt, which may have been counted by another process, and so it is no
// iterator as in other packages.
type Exponential struct {
	First, Max time.Duration
	// Early and Late are the shares of a pause by which it is shorter or longer at random, at most.
	Early, Late float64
}

// After is the pause after the nth attempt, from 1 on.
func (e Exponential) After(n int) time.Duration {
	pause := e.Exactly(n)
	early := time.Duration(float64(pause) * e.Early)
	late := time.Duration(float64(pause) * e.Late)
	return pause - early + rand.N(early+late+1)
}

// Exactly is the pause after the nth attempt, without the random share.
func (e Exponential) Exactly(n int) time.Duration {
	pause := e.First
	for ; n > 1 && pause < e.Max; n-- {
		pause *= 2
	}
	return min(pause, e.Max)
}

// Jitter adds up to a share of d at random, so that attempts that failed together do not come
// again together. A d that is negative becomes 0.
func Jitter(d time.Duration, share float64) time.Duration {
	d = max(d, 0)
	return d + rand.N(time.Duration(float64(d)*share)+1)
}
