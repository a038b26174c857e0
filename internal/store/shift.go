package store

import (
	"fmt"
	"strings"
	"time"
)

// ShiftClock has every operation take the database's clock to be ahead by what shift returns then.
// It is for the emulator, whose clock is moved on by its user: orders become due by it. An
// operation fails with shift's error, and does nothing.
func (s *Store) ShiftClock(shift func() (time.Duration, error)) { s.shift = shift }

// dialect returns the dialect of the next transaction.
func (s *Store) dialect() (*dialect, error) {
	if s.shift == nil {
		return s.d, nil
	}
	by, err := s.shift()
	if err != nil || by == 0 {
		return s.d, err
	}
	shifted := *s.d
	shifted.now = clockOf{plain: s.d.now.plain, plus: s.d.now.plus, by: by}
	return &shifted, nil
}

// clockOf is a database's clock as its statements write it.
type clockOf struct {
	plain string
	// plus adds a number of microseconds to it.
	plus string
	by   time.Duration
}

// shifted writes the shifted clock into a statement.
func (c clockOf) shifted(statement string) string {
	if c.by == 0 {
		return statement
	}
	return strings.ReplaceAll(statement, c.plain, "("+c.plain+fmt.Sprintf(c.plus, c.by.Microseconds())+")")
}
