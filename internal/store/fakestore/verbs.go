package fakestore

import (
	"errors"
	"maps"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// ErrDown is the error of operations that Break makes fail.
var ErrDown = errors.New("the database is out of reach")

// Ref names an order of the register's own account.
func (s *Store) Ref(outTradeNo string) order.Ref {
	return order.Ref{Region: s.account.Region, MchID: s.account.MchID, OutTradeNo: outTradeNo}
}

// Add registers an order that is due at once, or as the changes have it.
func (s *Store) Add(t testing.TB, outTradeNo string, changes ...func(*schedule.Entry)) {
	t.Helper()
	e := schedule.Entry{Ref: s.Ref(outTradeNo)}
	for _, change := range changes {
		change(&e)
	}
	if _, err := s.Register(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// AddGivenUp registers an order that was given up after twelve attempts.
func (s *Store) AddGivenUp(t testing.TB, outTradeNo string) {
	t.Helper()
	s.Add(t, outTradeNo)
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rows[s.Ref(outTradeNo)]
	r.Progress, r.DueAt, r.Attempts = schedule.GaveUp, time.Time{}, 12
}

// At returns an order's record; the zero Record if it is not registered.
func (s *Store) At(outTradeNo string) schedule.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rows[s.Ref(outTradeNo)]; r != nil {
		return r.Record
	}
	return schedule.Record{}
}

// WantAt fails the test unless an order is at a progress and in a final state ("" for none).
func (s *Store) WantAt(t testing.TB, outTradeNo string, progress schedule.Progress, final schedule.FinalState) {
	t.Helper()
	if got := s.At(outTradeNo); got.Progress != progress || got.FinalState != final {
		t.Errorf("order %s: got %s %q (%s), want %s %q", outTradeNo, got.Progress, got.FinalState, got.LastError, progress, final)
	}
}

// Finals returns how often a final state was written for an order.
func (s *Store) Finals(outTradeNo string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rows[s.Ref(outTradeNo)]; r != nil {
		return r.finals
	}
	return 0
}

// EventKinds lists the kinds of an order's events, in order.
func (s *Store) EventKinds(outTradeNo string) []outbox.EventKind {
	s.mu.Lock()
	defer s.mu.Unlock()
	var kinds []outbox.EventKind
	for _, d := range s.events {
		if d.OutTradeNo == outTradeNo {
			kinds = append(kinds, d.Kind)
		}
	}
	return kinds
}

// Refs lists the orders in the order of their registration.
func (s *Store) Refs() []order.Ref {
	s.mu.Lock()
	defer s.mu.Unlock()
	refs := make([]order.Ref, len(s.byID))
	for i, r := range s.byID {
		refs[i] = r.Ref
	}
	return refs
}

// Calls counts the operations so far, by name.
func (s *Store) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// Break makes one operation fail with ErrDown from now on, or all of them ("").
func (s *Store) Break(op string) { s.BreakWith(op, ErrDown) }

// BreakWith is Break with another error.
func (s *Store) BreakWith(op string, err error) {
	s.setFault(func(called string) error {
		if op == "" || op == called {
			return err
		}
		return nil
	})
}

// Mend ends all faults.
func (s *Store) Mend() { s.setFault(nil) }

func (s *Store) setFault(fault func(string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Fault = fault
}
