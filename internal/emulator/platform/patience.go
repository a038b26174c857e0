package platform

import (
	"cmp"
	"time"
)

// patience is how long the platform waits for what comes within milliseconds, unless something is wrong or the machine is
// very busy. It is part of the spec so that the tests can tell the one from the other.
type patience struct {
	start time.Duration // for a fresh process to be ready for events; SCF allows 3 to 300 s
	ping  time.Duration // for an idle Go1 process to show that it lives
	poll  time.Duration // for a process to ask for its next event; one that is about to exit, as after a panic, does not
	exit  time.Duration // for a process to exit after it (or a stranger on its port) answered nonsense
	eof   time.Duration // for the pipe to end after the process has: a descendant outside its group may hold it for ever
	log   time.Duration // for the last lines to be written, in Close
}

// orUsual fills in what is not given.
func (p patience) orUsual() patience {
	return patience{
		start: cmp.Or(p.start, 10*time.Second),
		ping:  cmp.Or(p.ping, 2*time.Second),
		poll:  cmp.Or(p.poll, 10*time.Second),
		exit:  cmp.Or(p.exit, time.Second),
		eof:   cmp.Or(p.eof, time.Second),
		log:   cmp.Or(p.log, time.Second),
	}
}
