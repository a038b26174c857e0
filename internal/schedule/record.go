package schedule

import (
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
)

// Progress is how far the closing of a registered order has got. It is the register's own; the
// gateway's word is the TradeState.
type Progress string

const (
	// Waiting: registered, and no close is in doubt. It becomes due at its time, and a Claim moves
	// it on. If the process dies here, nothing was sent.
	Waiting Progress = "waiting"
	// Closing: a close was intended, and may have been sent. If the process dies here, the order is
	// due again when the lease has run out, and in doubt until a query or another close proves its
	// state.
	Closing Progress = "closing"
	// Done: a signed answer ended it. FinalState is how it ended. Nothing moves it on, but that an
	// order which WeChat Pay did not have may be registered anew (RegisterAgain).
	Done Progress = "done"
	// GaveUp: no end was found in all the attempts there were. A person has to look; Reopen, or a
	// signed answer from elsewhere, moves it on.
	GaveUp Progress = "gaveUp"
	// Withdrawn: the registration was withdrawn, and nothing is attempted. A registration that asks
	// for it (RegisterAgain), a direct close, or a signed answer from elsewhere moves it on.
	Withdrawn Progress = "withdrawn"
)

// FinalState is how an order ended, by a signed answer of the gateway's.
type FinalState string

const (
	// FinalClosed: it can never be paid. The stock may be released.
	FinalClosed FinalState = "closed"
	// FinalPaid: the customer's money was taken, even if it was refunded since.
	FinalPaid FinalState = "paid"
	// FinalNotFound: the gateway has no such order. It is final only long enough after the
	// registration.
	FinalNotFound FinalState = "notFound"
)

// Wording is the state for people; the English word is the one that programs read.
func (f FinalState) Wording() bilingual.Text {
	switch f {
	case FinalClosed:
		return bilingual.New(string(f), "已关单")
	case FinalPaid:
		return bilingual.New(string(f), "已支付")
	case FinalNotFound:
		return bilingual.New(string(f), "不存在")
	}
	return bilingual.Same(string(f))
}

// Final is a signed answer that ends an order, with the facts that it brought.
type Final struct {
	State FinalState
	// TradeState is the gateway's own word, if it gave one: REVOKED is closed, REFUND was paid.
	TradeState tradestate.State
	// TransactionID, Total (in fen) and PaidAt are a payment's, as far as they are known.
	TransactionID string
	Total         *int64
	PaidAt        time.Time
}

// FinalFromResult returns the end that a Result proves, and false when it proves none. Whether an
// order that is not found must exist by now is for the caller to judge.
func FinalFromResult(r order.Result) (Final, bool) {
	if r.Proof != order.ProofSignature && r.Proof != order.ProofPrivateLink {
		return Final{}, false
	}
	f := Final{TradeState: r.TradeState}
	switch {
	case r.Outcome == order.OutcomeClosed, r.Outcome == order.OutcomeAlreadyClosed, r.Outcome == order.OutcomeFound && r.TradeState.Closed():
		f.State = FinalClosed
	case r.Outcome == order.OutcomePaid, r.Outcome == order.OutcomeFound && r.TradeState.Paid():
		f.State = FinalPaid
		f.TransactionID, f.Total = r.TransactionID, r.TotalFee // a query of an order that was not paid gives its price, too
		f.PaidAt = r.PaidAt()
	case r.Outcome == order.OutcomeNotFound:
		f.State = FinalNotFound
	default:
		return Final{}, false
	}
	return f, true
}

// Unpriced reports whether f is a payment whose amount is to be compared with the registered total
// and is not known. Recording it would say that all is well, and nothing would ask again.
func (e Entry) Unpriced(f Final) bool {
	return f.State == FinalPaid && e.Total != nil && f.Total == nil && f.TransactionID == ""
}

// Record is a registered order and its state, on two axes: what the gateway last said, and how far
// closing it has got.
type Record struct {
	Entry
	// ID is the store's own number for the order.
	ID int64
	// RegisteredAt is by the database's clock, as are all times here but the Entry's own and
	// PaidAt.
	RegisteredAt time.Time
	// Generation counts the registrations of this number: 1, and one more for each that took the
	// order up again (MayReturn). 0: none, and nothing but a payment is known (Unregistered).
	Generation int
	// Round is 1, and one more for each reopening.
	Round int

	// TradeState is the gateway's last word; empty before the first. Authenticated reports whether
	// it was proved.
	TradeState    tradestate.State
	Authenticated bool

	Progress Progress
	// ClosingSince is when a close was first intended; zero when none was, or none is in doubt any
	// more.
	ClosingSince time.Time
	// DueAt is when the order may next be claimed: its close_at, a retry's time, or the end of a
	// lease. Zero when it is not to be claimed again.
	DueAt time.Time
	// LeaseUntil is the end of the lease; zero when there is none.
	LeaseUntil time.Time
	// Attempts counts the sweeps' claims that were not released; direct closes are not counted.
	Attempts int
	// LastError is why the last attempt ended nothing, in one line.
	LastError string
	// ClockWaits counts how often the order waited because the database's clock differs from WeChat
	// Pay's.
	ClockWaits int
	// WithdrawnAt is when the registration was withdrawn; zero unless Progress is Withdrawn.
	WithdrawnAt time.Time
	// Pruned: only the tombstone of the order is left. Of the facts it has the Ref, the Generation,
	// FinalState and EndedAt.
	Pruned bool

	// The end, when Progress is Done.
	FinalState    FinalState
	TransactionID string
	PaidTotal     *int64
	PaidAt        time.Time
	EndedAt       time.Time
}

// MayReturn reports whether the order may be registered anew, in place of this registration: it was
// withdrawn, or it ended because WeChat Pay had no such order.
func (r Record) MayReturn() bool {
	return r.Progress == Withdrawn || r.Progress == Done && r.FinalState == FinalNotFound && !r.Pruned
}

// Claim is an order under a lease. Every write under it carries its Token, and writes nothing once
// another process has claimed the order.
type Claim struct {
	// Record is the order as it was claimed: Attempts counts this claim, and LeaseUntil is its end.
	Record
	Token string
	// ClaimedAt is the database's clock at the claim, by which ages are computed.
	ClaimedAt time.Time
	// InDoubt reports whether an earlier attempt may have sent a close whose result was never
	// recorded (crash, expired lease, unverified reply).
	InDoubt bool
}

// Ended is a claimed order and its end, as FinishAll records them.
type Ended struct {
	Claim Claim
	Final Final
}

// Postponed is a claimed order and an attempt that did not end it, as RetryAll records them.
type Postponed struct {
	Claim Claim
	Retry Retry
}

// Retry is an attempt that ended nothing.
type Retry struct {
	// After is how long the order is not due.
	After time.Duration
	// InDoubt keeps the order Closing: a close was sent whose result is not known. Otherwise it is
	// Waiting again.
	InDoubt bool
	// TradeState is the gateway's word, and Authenticated whether it was proved; empty keeps the
	// one before.
	TradeState    tradestate.State
	Authenticated bool
	// Reason is a code and what it means, in one line.
	Reason string
	// ClockWait: the order was claimed before its close_at, since the database's clock is ahead. It
	// counts in ClockWaits, and the claim does not count as an attempt.
	ClockWait bool
}

// Selection is which of a merchant's records a list has: those at one Progress, and of them those
// that meet each further condition that is not zero.
type Selection struct {
	order.Account
	Progress Progress
	// SubMchID limits the list to one sub-merchant.
	SubMchID string
	// Since limits it to orders registered since then; of orders that are Done, to those that ended
	// since then.
	Since time.Time
	// DueBy limits it to orders that are due by then. Orders that are not to be claimed never are.
	DueBy time.Time
}

// Page is a part of a list of records.
type Page struct {
	Orders []Record
	// Next is the cursor of the page behind this one; empty on the last page.
	Next string
}
