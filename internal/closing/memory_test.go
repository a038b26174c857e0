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
	order.Standing

	token string
}

type posting struct {
	order.Posting

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

func (m *memory) Register(ctx context.Context, e order.Entry) (bool, error) {
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
			return false, &order.ConflictError{Ref: e.Ref, Field: field}
		}
		return false, nil
	}
	m.add(e)
	return true, nil
}

func (m *memory) add(e order.Entry) *row {
	m.ids = append(m.ids, e.Ref)
	r := &row{Standing: order.Standing{Entry: e, ID: int64(len(m.ids)), RegisteredAt: time.Now(), Progress: order.Waiting}}
	r.DueAt = e.CloseAt
	if e.CloseAt.IsZero() {
		r.DueAt = time.Now().Add(e.CloseIn)
	}
	m.orders[e.Ref] = r
	return r
}

func (m *memory) Show(ctx context.Context, ref order.Ref) (order.Standing, error) {
	unlock, err := m.begin(ctx, "show")
	if err != nil {
		return order.Standing{}, err
	}
	defer unlock()
	r, ok := m.orders[ref]
	if !ok {
		return order.Standing{}, &order.NotRegisteredError{Ref: ref}
	}
	return r.Standing, nil
}

func (m *memory) take(r *row, lease time.Duration, token string) order.Claim {
	c := order.Claim{Standing: r.Standing, Token: token, ClaimedAt: time.Now(), InDoubt: r.Progress == order.Closing}
	r.token, r.Progress = token, order.Closing
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

func (m *memory) Begin(ctx context.Context, e order.Entry, lease time.Duration) (order.Claim, error) {
	unlock, err := m.begin(ctx, "begin")
	if err != nil {
		return order.Claim{}, err
	}
	defer unlock()
	r, ok := m.orders[e.Ref]
	if !ok {
		r = m.add(e)
	}
	switch {
	case r.Progress == order.Done:
		return order.Claim{}, &order.EndedError{Standing: r.Standing}
	case r.LeaseUntil.After(time.Now()):
		return order.Claim{}, &order.BusyError{Standing: r.Standing}
	}
	return m.take(r, lease, m.newToken()), nil
}

func (m *memory) Claim(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]order.Claim, error) {
	return m.claim(ctx, of, limit, lease, order.Closing, order.Waiting)
}

func (m *memory) ClaimDoubtful(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]order.Claim, error) {
	return m.claim(ctx, of, limit, lease, order.Closing)
}

func (m *memory) claim(
	ctx context.Context, of order.Account, limit int, lease time.Duration, from ...order.Progress,
) ([]order.Claim, error) {
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
	var claims []order.Claim
	for _, r := range due[:min(limit, len(due))] {
		r.Attempts++
		claims = append(claims, m.take(r, lease, token))
	}
	return claims, nil
}

// held finds the row of a claim that is still good.
func (m *memory) held(c order.Claim) (*row, error) {
	r, ok := m.orders[c.Ref]
	if !ok || r.token != c.Token || r.Progress == order.Done || r.Progress == order.GaveUp {
		return nil, &order.LostClaimError{Ref: c.Ref}
	}
	return r, nil
}

func (m *memory) Finish(ctx context.Context, c order.Claim, f order.Final) error {
	unlock, err := m.begin(ctx, "finish")
	if err != nil {
		return err
	}
	defer unlock()
	r := m.orders[c.Ref]
	if r.token == c.Token && r.Progress != order.Done {
		m.end(r, f)
		return nil
	}
	switch {
	case r.Progress == order.Done && r.Ending != f.Ending:
		return m.contradict(r, f)
	case r.Progress == order.Done && r.token == c.Token:
		return nil
	}
	return &order.LostClaimError{Ref: c.Ref}
}

func (m *memory) Observe(ctx context.Context, ref order.Ref, f order.Final) error {
	unlock, err := m.begin(ctx, "observe")
	if err != nil {
		return err
	}
	defer unlock()
	r, ok := m.orders[ref]
	switch {
	case !ok:
		return &order.NotRegisteredError{Ref: ref}
	case r.Progress == order.Done && r.Ending != f.Ending:
		return m.contradict(r, f)
	case r.Progress == order.Done:
		return nil
	}
	m.end(r, f)
	return nil
}

func (m *memory) end(r *row, f order.Final) {
	r.Progress, r.Ending, r.TradeState, r.Authenticated = order.Done, f.Ending, f.TradeState, true
	r.TransactionID, r.PaidTotal, r.PaidAt, r.EndedAt = f.TransactionID, f.Total, f.PaidAt, time.Now()
	r.ClosingSince, r.DueAt, r.LeaseUntil = time.Time{}, time.Time{}, time.Time{}
	m.finals[r.Ref]++
	kind := map[order.Ending]order.EventKind{
		order.EndedClosed: order.EventClosed, order.EndedPaid: order.EventPaid, order.EndedNotFound: order.EventNotFound,
	}[f.Ending]
	if f.Total != nil && r.Total != nil && *f.Total != *r.Total {
		kind = order.EventPaidOtherAmount
	}
	m.tell(r, kind, "")
}

func (m *memory) contradict(r *row, f order.Final) error {
	m.tell(r, order.EventContradicted, "")
	return fmt.Errorf("recording an end: %w", &order.ContradictionError{Ref: r.Ref, Had: r.Ending, Said: f.Ending})
}

func (m *memory) tell(r *row, kind order.EventKind, reason string) {
	m.events = append(m.events, &posting{
		due: time.Now(),
		Posting: order.Posting{Event: order.Event{
			ID: int64(len(m.events) + 1), Kind: kind, Region: r.Region, MchID: r.MchID, OutTradeNo: r.OutTradeNo,
			OccurredAt: time.Now(), Ending: r.Ending, Reason: reason,
		}},
	})
}

func (m *memory) set(r *row, b order.Setback) {
	if b.TradeState != "" {
		r.TradeState, r.Authenticated = b.TradeState, b.Authenticated
	}
	r.LastError, r.LeaseUntil = b.Reason, time.Time{}
}

func (m *memory) Retry(ctx context.Context, c order.Claim, b order.Setback) error {
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
	r.Progress, r.DueAt = order.Waiting, time.Now().Add(max(b.After, 0))
	if b.InDoubt {
		r.Progress = order.Closing
	} else {
		r.ClosingSince = time.Time{}
	}
	return nil
}

func (m *memory) GiveUp(ctx context.Context, c order.Claim, b order.Setback) error {
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
	r.Progress, r.DueAt = order.GaveUp, time.Time{}
	m.tell(r, order.EventGaveUp, b.Reason)
	return nil
}

func (m *memory) Reopen(ctx context.Context, ref order.Ref) (bool, error) {
	unlock, err := m.begin(ctx, "reopen")
	if err != nil {
		return false, err
	}
	defer unlock()
	r := m.orders[ref]
	if r.Progress != order.GaveUp {
		return false, nil
	}
	r.Progress, r.DueAt, r.Attempts = order.Waiting, time.Now(), 0
	return true, nil
}

func (m *memory) Release(ctx context.Context, claims []order.Claim) (int, error) {
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
		r.Progress, r.ClosingSince = order.Waiting, time.Time{}
		if c.InDoubt {
			r.Progress, r.ClosingSince = order.Closing, c.ClosingSince
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

func (m *memory) Undelivered(ctx context.Context, _ order.Account, limit int, lease time.Duration) ([]order.Posting, error) {
	unlock, err := m.begin(ctx, "undelivered")
	if err != nil {
		return nil, err
	}
	defer unlock()
	token := m.newToken()
	var due []order.Posting
	for _, p := range m.events {
		if len(due) < limit && !p.done && !p.bad && !p.due.After(time.Now()) {
			p.Token, p.due = token, time.Now().Add(lease)
			p.Attempts++
			due = append(due, p.Posting)
		}
	}
	return due, nil
}

func (m *memory) post(ctx context.Context, op string, p order.Posting, change func(*posting)) error {
	unlock, err := m.begin(ctx, op)
	if err != nil {
		return err
	}
	defer unlock()
	kept := m.events[p.ID-1]
	if kept.Token != p.Token {
		return &order.LostClaimError{Ref: p.Ref()}
	}
	change(kept)
	return nil
}

func (m *memory) Delivered(ctx context.Context, p order.Posting) error {
	return m.post(ctx, "delivered", p, func(kept *posting) { kept.done = true })
}

func (m *memory) Redeliver(ctx context.Context, p order.Posting, after time.Duration, reason string) error {
	return m.post(ctx, "redeliver", p, func(kept *posting) { kept.due, kept.LastError = time.Now().Add(after), reason })
}

func (m *memory) Bury(ctx context.Context, p order.Posting, reason string) error {
	return m.post(ctx, "bury", p, func(kept *posting) { kept.bad, kept.LastError = true, reason })
}

// The rest is for tests.

var errStore = errors.New("the database is out of reach")

func ref(outTradeNo string) order.Ref {
	return order.Ref{Region: order.Mainland, MchID: shop.MchID, OutTradeNo: outTradeNo}
}

// register keeps an order that is due after a while.
func (m *memory) register(t *testing.T, outTradeNo string, change ...func(*order.Entry)) {
	t.Helper()
	e := order.Entry{Ref: ref(outTradeNo)}
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
	r.Progress, r.DueAt, r.Attempts = order.GaveUp, time.Time{}, 12
}

// at returns how an order stands.
func (m *memory) at(outTradeNo string) order.Standing {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.orders[ref(outTradeNo)]
	if !ok {
		return order.Standing{}
	}
	return r.Standing
}

func (m *memory) wantAt(t *testing.T, outTradeNo string, progress order.Progress, ending order.Ending) {
	t.Helper()
	if got := m.at(outTradeNo); got.Progress != progress || got.Ending != ending {
		t.Errorf("%s is %s %q, want %s %q (%s)", outTradeNo, got.Progress, got.Ending, progress, ending, got.LastError)
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
func (m *memory) told(outTradeNo string) []order.EventKind {
	m.mu.Lock()
	defer m.mu.Unlock()
	var kinds []order.EventKind
	for _, p := range m.events {
		if p.OutTradeNo == outTradeNo {
			kinds = append(kinds, p.Kind)
		}
	}
	return kinds
}
