// Package fakestore is a register in memory, for the tests of packages that use one. It keeps the
// contract of internal/store, and storetest proves it with the suite that the databases pass. The
// test owns its clock, and sets how slow it is and which operations fail.
package fakestore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cloudpay/internal/deadline"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Store keeps orders, events and quotas in memory. Set its fields before the operations that they
// are about; Hung may be set at any time.
type Store struct {
	// Latency is what each operation takes.
	Latency time.Duration
	// Hung makes each operation last until its context ends.
	Hung atomic.Bool
	// Fault is called with each operation's name (its method's, in lower camel case). An error of
	// Fault's is the operation's, which then does nothing. Nil is no fault.
	Fault func(op string) error

	account order.Account
	clock   func() time.Time

	mu     sync.Mutex
	rows   map[order.Ref]*row
	byID   []*row
	events []*delivery
	// numbers are the last event's of each merchant, and ids the last order's.
	numbers map[order.Account]int64
	ids     int64
	// tombstones are what is left of pruned orders, pruned how far pruning has got.
	tombstones map[order.Ref]schedule.Tombstone
	pruned     map[order.Account]mark
	quotas     map[order.Account]*schedule.Quota
	receivers  map[order.Account]receiver
	tokens     int
	calls      map[string]int
}

type row struct {
	schedule.Record

	token string
	// finals counts how often a final state was written.
	finals int
	// changes are the registration's history.
	changes []schedule.Changed
}

// New makes an empty register. The account is the merchant of all orders that a test names by their
// number alone; the clock is the database's clock.
func New(account order.Account, clock func() time.Time) *Store {
	return &Store{
		account: account, clock: clock,
		numbers: map[order.Account]int64{}, tombstones: map[order.Ref]schedule.Tombstone{}, pruned: map[order.Account]mark{},
		rows: map[order.Ref]*row{}, quotas: map[order.Account]*schedule.Quota{}, receivers: map[order.Account]receiver{},
		calls: map[string]int{},
	}
}

// now is the clock as a database keeps it: in UTC, to the microsecond.
func (s *Store) now() time.Time { return kept(s.clock()) }

func kept(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// begin takes as long as a database would, counts the operation, and locks the register.
func (s *Store) begin(ctx context.Context, op string) (unlock func(), err error) {
	if s.Hung.Load() {
		<-ctx.Done()
	}
	if !deadline.Sleep(ctx, s.Latency) {
		return nil, fmt.Errorf("%s: %w", op, context.Cause(ctx))
	}
	s.mu.Lock()
	s.calls[op]++
	if err := s.fault(op); err != nil {
		s.mu.Unlock()
		return nil, err
	}
	return s.mu.Unlock, nil
}

func (s *Store) fault(op string) error {
	if s.Fault == nil {
		return nil
	}
	return s.Fault(op)
}

// named is begin for an operation on one order that has to be registered.
func (s *Store) named(ctx context.Context, op string, ref order.Ref) (r *row, unlock func(), err error) {
	unlock, err = s.begin(ctx, op)
	if err != nil {
		return nil, nil, err
	}
	r, known := s.rows[ref]
	if !known {
		unlock()
		return nil, nil, &schedule.NotRegisteredError{Ref: ref}
	}
	return r, unlock, nil
}

// Register schedules one order.
func (s *Store) Register(ctx context.Context, e schedule.Entry) (added bool, err error) {
	if fault := e.Validate(); fault != nil {
		return false, fault
	}
	all, err := s.registerAll(ctx, "register", e)
	if err != nil {
		return false, err
	}
	return all[0].Added, all[0].Err
}

// RegisterAll schedules several orders.
func (s *Store) RegisterAll(ctx context.Context, entries []schedule.Entry) ([]schedule.Registration, error) {
	return s.registerAll(ctx, "registerAll", entries...)
}

func (s *Store) registerAll(ctx context.Context, op string, entries ...schedule.Entry) ([]schedule.Registration, error) {
	unlock, err := s.begin(ctx, op)
	if err != nil {
		return nil, err
	}
	defer unlock()
	all := make([]schedule.Registration, len(entries))
	for i, e := range entries {
		all[i] = s.register(e)
	}
	return all, nil
}

func (s *Store) register(e schedule.Entry) schedule.Registration {
	if fault := e.Validate(); fault != nil {
		return schedule.Registration{Err: fault}
	}
	if _, buried := s.tombstones[e.Ref]; buried && s.rows[e.Ref] == nil { // an order is registered once
		return schedule.Registration{}
	}
	if there, known := s.rows[e.Ref]; known {
		if there.Unregistered() {
			s.adopt(there, e)
		}
		return schedule.Registration{Ended: there.FinalState, Err: there.Refusal(e)}
	}
	s.add(e)
	return schedule.Registration{Added: true}
}

// Known returns what RegisterAll answers for orders that are registered or pruned.
func (s *Store) Known(ctx context.Context, entries []schedule.Entry) ([]schedule.Registration, error) {
	unlock, err := s.begin(ctx, "known")
	if err != nil {
		return nil, err
	}
	defer unlock()
	all := make([]schedule.Registration, len(entries))
	for i, e := range entries {
		_, buried := s.tombstones[e.Ref]
		switch fault := e.Validate(); {
		case fault != nil:
			all[i].Err = fault
		case s.rows[e.Ref] == nil && !buried, s.rows[e.Ref] != nil && s.rows[e.Ref].Unregistered():
			all[i].Err = &schedule.NotRegisteredError{Ref: e.Ref}
		default:
			all[i] = s.register(e)
		}
	}
	return all, nil
}

// RegisterAgain registers an order anew that was withdrawn, or that was not found.
func (s *Store) RegisterAgain(ctx context.Context, e schedule.Entry, by string) (again bool, err error) {
	if fault := e.Validate(); fault != nil {
		return false, fault
	}
	unlock, err := s.begin(ctx, "registerAgain")
	if err != nil {
		return false, err
	}
	defer unlock()
	there, known := s.rows[e.Ref]
	_, buried := s.tombstones[e.Ref]
	switch {
	case !known && !buried, known && there.Unregistered():
		return false, &schedule.NotRegisteredError{Ref: e.Ref}
	case !known:
		return false, nil
	case !there.MayReturn():
		return false, there.Refusal(e)
	}
	added := s.add(e)
	s.byID = slices.DeleteFunc(s.byID, func(r *row) bool { return r == there })
	added.ID, added.Generation = there.ID, there.Generation+1
	added.changes = slices.Concat(there.changes, []schedule.Changed{s.changed(by, there.Progress, schedule.Waiting)})
	return true, nil
}

func (s *Store) add(e schedule.Entry) *row {
	now := s.now()
	e.CreatedAt, e.CloseAt, e.CloseIn = kept(e.CreatedAt), kept(e.CloseAt), e.CloseIn.Truncate(time.Microsecond)
	due := e.CloseAt
	switch {
	case due.IsZero():
		due = now.Add(e.CloseIn)
	case due.Before(now):
		due = now // nothing becomes due before it is written
	}
	s.ids++
	r := &row{Record: schedule.Record{
		Entry: e, ID: s.ids, RegisteredAt: now, Generation: 1, Round: 1, Progress: schedule.Waiting, DueAt: due,
	}}
	s.rows[e.Ref] = r
	s.byID = append(s.byID, r)
	return r
}

// Clock returns the time by the register's clock.
func (s *Store) Clock(ctx context.Context) (time.Time, error) {
	unlock, err := s.begin(ctx, "clock")
	if err != nil {
		return time.Time{}, err
	}
	defer unlock()
	return s.now(), nil
}

// Show returns an order's record.
func (s *Store) Show(ctx context.Context, ref order.Ref) (schedule.Record, error) {
	unlock, err := s.begin(ctx, "show")
	if err != nil {
		return schedule.Record{}, err
	}
	defer unlock()
	if r, known := s.rows[ref]; known {
		return r.Record, nil
	}
	if left, buried := s.tombstones[ref]; buried {
		return left.Record(ref), nil
	}
	return schedule.Record{}, &schedule.NotRegisteredError{Ref: ref}
}

// Owners returns the owners of those of the orders that are registered.
func (s *Store) Owners(ctx context.Context, refs []order.Ref) (map[order.Ref]order.Owner, error) {
	for _, ref := range refs {
		if ref.Validate() != nil {
			return nil, &schedule.NotRegisteredError{Ref: ref}
		}
	}
	unlock, err := s.begin(ctx, "owners")
	if err != nil {
		return nil, err
	}
	defer unlock()
	owners := map[order.Ref]order.Owner{}
	for _, ref := range refs {
		if r, known := s.rows[ref]; known {
			owners[ref] = r.Owner
		}
	}
	return owners, nil
}

// List returns the selected orders, page by page. Its cursor is the index of the page's first
// order.
func (s *Store) List(ctx context.Context, of schedule.Selection, from string, limit int) (schedule.Page, error) {
	start, err := strconv.Atoi("0" + from)
	if err != nil {
		return schedule.Page{}, fmt.Errorf("listing orders: %q is not a place in the list", from)
	}
	all, err := s.selected(ctx, of)
	if err != nil {
		return schedule.Page{}, err
	}
	all = all[min(start, len(all)):]
	var page schedule.Page
	if limit < len(all) {
		all, page.Next = all[:limit], strconv.Itoa(start+limit)
	}
	page.Orders = append(page.Orders, all...)
	return page, nil
}

// Count returns how many orders are selected.
func (s *Store) Count(ctx context.Context, of schedule.Selection) (int64, error) {
	all, err := s.selected(ctx, of)
	return int64(len(all)), err
}

func (s *Store) selected(ctx context.Context, of schedule.Selection) ([]schedule.Record, error) {
	switch of.Progress {
	case schedule.Waiting, schedule.Closing, schedule.Done, schedule.GaveUp, schedule.Withdrawn:
	default:
		return nil, fmt.Errorf("listing orders: progress must be waiting, closing, done, gaveUp or withdrawn, not %q", of.Progress)
	}
	unlock, err := s.begin(ctx, "list")
	if err != nil {
		return nil, err
	}
	defer unlock()
	var all []schedule.Record
	for _, r := range s.at(of.Account, of.Progress) {
		since := r.RegisteredAt
		if of.Progress == schedule.Done {
			since = r.EndedAt
		}
		if (of.SubMchID == "" || r.SubMchID == of.SubMchID) && !since.Before(of.Since) &&
			(of.DueBy.IsZero() || !r.DueAt.IsZero() && !r.DueAt.After(of.DueBy)) {
			all = append(all, r.Record)
		}
	}
	return all, nil
}

// oneLine is text as a database keeps it: one line of at most that many bytes.
func oneLine(text string, most int) string {
	text = strings.Join(strings.Fields(strings.ReplaceAll(text, "\x00", "")), " ")
	return text[:min(len(text), most)]
}
