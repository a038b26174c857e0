package closing_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// memory is a store that keeps everything in memory, by the contract that internal/store documents. Its clock is the
// process's, which synctest makes a false one.
type memory struct {
	mu     sync.Mutex
	orders map[order.Ref]*row
	ids    []order.Ref // by ID
	tokens int
	events []*posting

	perSecond float64
	changed   time.Time
	opens     time.Time

	// latency is what each operation takes.
	latency time.Duration
	// hung: each operation takes until its context ends.
	hung atomic.Bool
	// fault, when it is not nil, is asked before each operation; its error is the operation's, which then does nothing.
	fault func(op string) error
	// asked counts the operations by name.
	asked map[string]int
	// finals counts how often an end was written for an order.
	finals map[order.Ref]int
}

type row struct {
	schedule.Record

	token string
}

type posting struct {
	schedule.Delivery

	due       time.Time
	done, bad bool
}

func newMemory() *memory {
	return &memory{orders: map[order.Ref]*row{}, asked: map[string]int{}, finals: map[order.Ref]int{}}
}

// begin waits as a database would, and locks.
func (m *memory) begin(ctx context.Context, op string) (unlock func(), err error) {
	if m.hung.Load() {
		<-ctx.Done()
	}
	if m.latency > 0 {
		timer := time.NewTimer(m.latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%s: %w", op, context.Cause(ctx))
	}
	m.mu.Lock()
	m.asked[op]++
	if m.fault != nil {
		if err := m.fault(op); err != nil {
			m.mu.Unlock()
			return nil, err
		}
	}
	return m.mu.Unlock, nil
}

func (m *memory) Register(ctx context.Context, e schedule.Entry) (bool, error) {
	if fault := e.Validate(); fault != nil {
		return false, fault
	}
	unlock, err := m.begin(ctx, "register")
	if err != nil {
		return false, err
	}
	defer unlock()
	if there, ok := m.orders[e.Ref]; ok {
		if field := there.Differs(e); field != "" {
			return false, &schedule.ConflictError{Ref: e.Ref, Field: field}
		}
		return false, nil
	}
	m.add(e)
	return true, nil
}

func (m *memory) add(e schedule.Entry) *row {
	m.ids = append(m.ids, e.Ref)
	r := &row{Record: schedule.Record{Entry: e, ID: int64(len(m.ids)), RegisteredAt: time.Now(), Progress: schedule.Waiting}}
	r.DueAt = e.CloseAt
	if e.CloseAt.IsZero() {
		r.DueAt = time.Now().Add(e.CloseIn)
	}
	m.orders[e.Ref] = r
	return r
}

func (m *memory) Show(ctx context.Context, ref order.Ref) (schedule.Record, error) {
	unlock, err := m.begin(ctx, "show")
	if err != nil {
		return schedule.Record{}, err
	}
	defer unlock()
	r, ok := m.orders[ref]
	if !ok {
		return schedule.Record{}, &schedule.NotRegisteredError{Ref: ref}
	}
	return r.Record, nil
}

func (m *memory) take(r *row, lease time.Duration, token string) schedule.Claim {
	c := schedule.Claim{Record: r.Record, Token: token, ClaimedAt: time.Now(), InDoubt: r.Progress == schedule.Closing}
	r.token, r.Progress = token, schedule.Closing
	r.LeaseUntil = time.Now().Add(lease)
	r.DueAt = r.LeaseUntil
	if r.ClosingSince.IsZero() {
		r.ClosingSince = time.Now()
	}
	c.LeaseUntil, c.Attempts = r.LeaseUntil, r.Attempts
	return c
}

func (m *memory) newToken() string {
	m.tokens++
	return fmt.Sprintf("token-%d", m.tokens)
}

func (m *memory) Begin(ctx context.Context, e schedule.Entry, lease time.Duration) (schedule.Claim, error) {
	unlock, err := m.begin(ctx, "begin")
	if err != nil {
		return schedule.Claim{}, err
	}
	defer unlock()
	r, ok := m.orders[e.Ref]
	if !ok {
		r = m.add(e)
	}
	switch {
	case r.Progress == schedule.Done:
		return schedule.Claim{}, &schedule.EndedError{Record: r.Record}
	case r.LeaseUntil.After(time.Now()):
		return schedule.Claim{}, &schedule.BusyError{Record: r.Record}
	}
	return m.take(r, lease, m.newToken()), nil
}

func (m *memory) Claim(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Claim, error) {
	return m.claim(ctx, of, limit, lease, schedule.Closing, schedule.Waiting)
}

func (m *memory) ClaimDoubtful(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Claim, error) {
	return m.claim(ctx, of, limit, lease, schedule.Closing)
}

func (m *memory) claim(
	ctx context.Context, of order.Account, limit int, lease time.Duration, from ...schedule.Progress,
) ([]schedule.Claim, error) {
	unlock, err := m.begin(ctx, "claim")
	if err != nil {
		return nil, err
	}
	defer unlock()
	var due []*row
	for _, progress := range from {
		var these []*row
		for _, ref := range m.ids {
			r := m.orders[ref]
			if r.Account() == of && r.Progress == progress && !r.DueAt.After(time.Now()) {
				these = append(these, r)
			}
		}
		slices.SortStableFunc(these, func(a, b *row) int { return a.DueAt.Compare(b.DueAt) })
		due = append(due, these...)
	}
	token := m.newToken()
	var claims []schedule.Claim
	for _, r := range due[:min(limit, len(due))] {
		r.Attempts++
		claims = append(claims, m.take(r, lease, token))
	}
	return claims, nil
}

// held finds the row of a claim that is still good.
func (m *memory) held(c schedule.Claim) (*row, error) {
	r, ok := m.orders[c.Ref]
	if !ok || r.token != c.Token || r.Progress == schedule.Done || r.Progress == schedule.GaveUp {
		return nil, &schedule.LostClaimError{Ref: c.Ref}
	}
	return r, nil
}

func (m *memory) Finish(ctx context.Context, c schedule.Claim, f schedule.Final) error {
	unlock, err := m.begin(ctx, "finish")
	if err != nil {
		return err
	}
	defer unlock()
	r := m.orders[c.Ref]
	if r.token == c.Token && r.Progress != schedule.Done {
		m.end(r, f)
		return nil
	}
	switch {
	case r.Progress == schedule.Done && r.FinalState != f.State:
		return m.contradict(r, f)
	case r.Progress == schedule.Done && r.token == c.Token:
		return nil
	}
	return &schedule.LostClaimError{Ref: c.Ref}
}

func (m *memory) Observe(ctx context.Context, ref order.Ref, f schedule.Final) error {
	unlock, err := m.begin(ctx, "observe")
	if err != nil {
		return err
	}
	defer unlock()
	r, ok := m.orders[ref]
	switch {
	case !ok:
		return &schedule.NotRegisteredError{Ref: ref}
	case r.Progress == schedule.Done && r.FinalState != f.State:
		return m.contradict(r, f)
	case r.Progress == schedule.Done:
		return nil
	}
	m.end(r, f)
	return nil
}

func (m *memory) end(r *row, f schedule.Final) {
	r.Progress, r.FinalState, r.TradeState, r.Authenticated = schedule.Done, f.State, f.TradeState, true
	r.TransactionID, r.PaidTotal, r.PaidAt, r.EndedAt = f.TransactionID, f.Total, f.PaidAt, time.Now()
	r.ClosingSince, r.DueAt, r.LeaseUntil = time.Time{}, time.Time{}, time.Time{}
	m.finals[r.Ref]++
	kind := map[schedule.FinalState]schedule.EventKind{
		schedule.FinalClosed: schedule.EventClosed, schedule.FinalPaid: schedule.EventPaid, schedule.FinalNotFound: schedule.EventNotFound,
	}[f.State]
	if f.Total != nil && r.Total != nil && *f.Total != *r.Total {
		kind = schedule.EventPaidOtherAmount
	}
	m.tell(r, kind, "")
}

func (m *memory) contradict(r *row, f schedule.Final) error {
	m.tell(r, schedule.EventContradicted, "")
	return fmt.Errorf("recording an end: %w", &schedule.ContradictionError{Ref: r.Ref, Had: r.FinalState, Said: f.State})
}

func (m *memory) tell(r *row, kind schedule.EventKind, reason string) {
	m.events = append(m.events, &posting{
		due: time.Now(),
		Delivery: schedule.Delivery{Event: schedule.Event{
			ID: int64(len(m.events) + 1), Kind: kind, Ref: order.Ref{Region: r.Region, MchID: r.MchID, OutTradeNo: r.OutTradeNo},
			OccurredAt: time.Now(), FinalState: r.FinalState, Reason: reason,
		}},
	})
}

func (m *memory) set(r *row, b schedule.Retry) {
	if b.TradeState != "" {
		r.TradeState, r.Authenticated = b.TradeState, b.Authenticated
	}
	r.LastError, r.LeaseUntil = b.Reason, time.Time{}
}

func (m *memory) Retry(ctx context.Context, c schedule.Claim, b schedule.Retry) error {
	unlock, err := m.begin(ctx, "retry")
	if err != nil {
		return err
	}
	defer unlock()
	r, err := m.held(c)
	if err != nil {
		return err
	}
	m.set(r, b)
	r.Progress, r.DueAt = schedule.Waiting, time.Now().Add(max(b.After, 0))
	if b.InDoubt {
		r.Progress = schedule.Closing
	} else {
		r.ClosingSince = time.Time{}
	}
	return nil
}

func (m *memory) GiveUp(ctx context.Context, c schedule.Claim, b schedule.Retry) error {
	unlock, err := m.begin(ctx, "giveUp")
	if err != nil {
		return err
	}
	defer unlock()
	r, err := m.held(c)
	if err != nil {
		return err
	}
	m.set(r, b)
	r.Progress, r.DueAt = schedule.GaveUp, time.Time{}
	m.tell(r, schedule.EventGaveUp, b.Reason)
	return nil
}

func (m *memory) Reopen(ctx context.Context, ref order.Ref) (bool, error) {
	unlock, err := m.begin(ctx, "reopen")
	if err != nil {
		return false, err
	}
	defer unlock()
	r := m.orders[ref]
	if r.Progress != schedule.GaveUp {
		return false, nil
	}
	r.Progress, r.DueAt, r.Attempts = schedule.Waiting, time.Now(), 0
	return true, nil
}

func (m *memory) Release(ctx context.Context, claims []schedule.Claim) (int, error) {
	unlock, err := m.begin(ctx, "release")
	if err != nil {
		return 0, err
	}
	defer unlock()
	n := 0
	for _, c := range claims {
		r, err := m.held(c)
		if err != nil || r.LeaseUntil.IsZero() {
			continue
		}
		r.Progress, r.ClosingSince = schedule.Waiting, time.Time{}
		if c.InDoubt {
			r.Progress, r.ClosingSince = schedule.Closing, c.ClosingSince
		}
		r.token, r.DueAt, r.LeaseUntil = "", time.Now(), time.Time{}
		r.Attempts--
		n++
	}
	return n, nil
}

// The quota is internal/store's arithmetic: halved by a complaint, and back at its ceiling within a minute.

func (m *memory) rate(ceiling float64) float64 {
	if m.changed.IsZero() {
		return ceiling
	}
	return max(0.2, min(ceiling, m.perSecond+ceiling*time.Since(m.changed).Minutes()))
}

func (m *memory) Rate(ctx context.Context, _ order.Account, ceiling float64) (float64, error) {
	unlock, err := m.begin(ctx, "rate")
	if err != nil {
		return 0, err
	}
	defer unlock()
	return m.rate(ceiling), nil
}

func (m *memory) Take(
	ctx context.Context, _ order.Account, n int, ceiling float64, patience time.Duration,
) (time.Duration, bool, error) {
	unlock, err := m.begin(ctx, "take")
	if err != nil {
		return 0, false, err
	}
	defer unlock()
	wait := max(time.Until(m.opens), 0)
	if wait > patience {
		return wait, false, nil
	}
	m.opens = time.Now().Add(wait + time.Duration(float64(n)/m.rate(ceiling)*float64(time.Second)))
	return wait, true, nil
}

func (m *memory) Limited(ctx context.Context, _ order.Account, ceiling float64, pause time.Duration) error {
	unlock, err := m.begin(ctx, "limited")
	if err != nil {
		return err
	}
	defer unlock()
	if until := time.Now().Add(pause); m.opens.Before(until) {
		m.opens = until
	}
	if m.changed.IsZero() || time.Since(m.changed) >= time.Second {
		m.perSecond, m.changed = max(0.2, m.rate(ceiling)/2), time.Now()
	}
	return nil
}

func (m *memory) ClaimDeliveries(ctx context.Context, _ order.Account, limit int, lease time.Duration) ([]schedule.Delivery, error) {
	unlock, err := m.begin(ctx, "claimDeliveries")
	if err != nil {
		return nil, err
	}
	defer unlock()
	token := m.newToken()
	var due []schedule.Delivery
	for _, p := range m.events {
		if len(due) < limit && !p.done && !p.bad && !p.due.After(time.Now()) {
			p.Token, p.due = token, time.Now().Add(lease)
			p.Attempts++
			due = append(due, p.Delivery)
		}
	}
	return due, nil
}

func (m *memory) post(ctx context.Context, op string, p schedule.Delivery, change func(*posting)) error {
	unlock, err := m.begin(ctx, op)
	if err != nil {
		return err
	}
	defer unlock()
	kept := m.events[p.ID-1]
	if kept.Token != p.Token {
		return &schedule.LostClaimError{Ref: p.Ref}
	}
	change(kept)
	return nil
}

func (m *memory) Delivered(ctx context.Context, p schedule.Delivery) error {
	return m.post(ctx, "delivered", p, func(kept *posting) { kept.done = true })
}

func (m *memory) Redeliver(ctx context.Context, p schedule.Delivery, after time.Duration, reason string) error {
	return m.post(ctx, "redeliver", p, func(kept *posting) { kept.due, kept.LastError = time.Now().Add(after), reason })
}

func (m *memory) DeadLetter(ctx context.Context, p schedule.Delivery, reason string) error {
	return m.post(ctx, "deadLetter", p, func(kept *posting) { kept.bad, kept.LastError = true, reason })
}

// The rest is for tests.

var errStore = errors.New("the database is out of reach")

func ref(outTradeNo string) order.Ref {
	return order.Ref{Region: order.Mainland, MchID: shop.MchID, OutTradeNo: outTradeNo}
}

// register keeps an order that is due after a while.
func (m *memory) register(t *testing.T, outTradeNo string, change ...func(*schedule.Entry)) {
	t.Helper()
	e := schedule.Entry{Ref: ref(outTradeNo)}
	for _, c := range change {
		c(&e)
	}
	if _, err := m.Register(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// giveUp keeps an order that was given up after twelve attempts.
func (m *memory) giveUp(t *testing.T, outTradeNo string) {
	t.Helper()
	m.register(t, outTradeNo)
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.orders[ref(outTradeNo)]
	r.Progress, r.DueAt, r.Attempts = schedule.GaveUp, time.Time{}, 12
}

// at returns how an order stands.
func (m *memory) at(outTradeNo string) schedule.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.orders[ref(outTradeNo)]
	if !ok {
		return schedule.Record{}
	}
	return r.Record
}

func (m *memory) wantAt(t *testing.T, outTradeNo string, progress schedule.Progress, ending schedule.FinalState) {
	t.Helper()
	if got := m.at(outTradeNo); got.Progress != progress || got.FinalState != ending {
		t.Errorf("%s is %s %q, want %s %q (%s)", outTradeNo, got.Progress, got.FinalState, progress, ending, got.LastError)
	}
}

// breaks makes one operation fail from now on, or all of them ("").
func (m *memory) breaks(op string) { m.breaksWith(op, errStore) }

// breaksWith is breaks with another error.
func (m *memory) breaksWith(op string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = func(asked string) error {
		if op == "" || op == asked {
			return err
		}
		return nil
	}
}

func (m *memory) mends() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = nil
}

// told lists the kinds of an order's events.
func (m *memory) told(outTradeNo string) []schedule.EventKind {
	m.mu.Lock()
	defer m.mu.Unlock()
	var kinds []schedule.EventKind
	for _, p := range m.events {
		if p.OutTradeNo == outTradeNo {
			kinds = append(kinds, p.Kind)
		}
	}
	return kinds
}
