package order

import "time"

// Progress is how far we are with a registered order. It is ours; what the gateway said of the order is its TradeState.
type Progress string

const (
	// Waiting: registered, and no close was sent that is still in doubt. It becomes due at its time; a Claim moves it on. A
	// process that dies here has done nothing.
	Waiting Progress = "waiting"
	// Closing: a close was intended, and may have been sent. It is what a crash leaves behind: when the lease has run out
	// the order is due again, and in doubt until a query or another close settles it.
	Closing Progress = "closing"
	// Done: a signed answer ended it. Nothing moves it on; Ending says how it ended.
	Done Progress = "done"
	// GaveUp: no end was found in all the attempts there were. A person has to look; Reopen, or a signed answer from
	// elsewhere, moves it on.
	GaveUp Progress = "gaveUp"
)

// Ending is a final state: what a signed answer of the gateway's said became of the order.
type Ending string

const (
	// EndedClosed: it can never be paid. The stock may be released.
	EndedClosed Ending = "closed"
	// EndedPaid: the customer's money was taken, even if it was given back since.
	EndedPaid Ending = "paid"
	// EndedNotFound: the gateway has no such order. It is final only long enough after the registration.
	EndedNotFound Ending = "notFound"
)

// Final is a signed answer that ends an order, with the facts that it brought.
type Final struct {
	Ending Ending
	// TradeState is the gateway's own word, where it gave one: REVOKED is closed, REFUND was paid.
	TradeState TradeState
	// TransactionID, Total (in fen) and PaidAt are a payment's, as far as they are known.
	TransactionID string
	Total         *int64
	PaidAt        time.Time
}

// FinalOf says which end a Result proves, and false when it proves none. That an order is not found ends it only for those
// who know that it must be there by now, which is for the caller to judge.
func FinalOf(r Result) (Final, bool) {
	if r.Proof != ProofSignature && r.Proof != ProofPrivateLink {
		return Final{}, false
	}
	f := Final{TradeState: r.TradeState}
	switch {
	case r.Outcome == OutcomeClosed, r.Outcome == OutcomeAlreadyClosed, r.Outcome == OutcomeFound && r.TradeState.Closed():
		f.Ending = EndedClosed
	case r.Outcome == OutcomePaid, r.Outcome == OutcomeFound && r.TradeState.Paid():
		f.Ending = EndedPaid
		f.TransactionID, f.Total = r.TransactionID, r.TotalFee // a query of an order that was not paid gives its price, too
		if at, err := time.ParseInLocation("20060102150405", r.TimeEnd, beijing); err == nil {
			f.PaidAt = at
		}
	case r.Outcome == OutcomeNotFound:
		f.Ending = EndedNotFound
	default:
		return Final{}, false
	}
	return f, true
}

// Standing is a registered order and where it stands, on two axes: what the gateway last said, and how far we are.
type Standing struct {
	Entry
	// ID is the store's own number for the order.
	ID int64
	// RegisteredAt is by the database's clock, as are all times here but the Entry's own and PaidAt.
	RegisteredAt time.Time

	// TradeState is what the gateway last said; empty when it was not asked yet. Authenticated says whether it was proved.
	TradeState    TradeState
	Authenticated bool

	Progress Progress
	// ClosingSince is when a close was first intended; zero when none was, or none is in doubt any more.
	ClosingSince time.Time
	// DueAt is when the order may next be claimed: its close_at, a retry's time, or the end of a lease. Zero when it is not
	// to be claimed again.
	DueAt time.Time
	// LeaseUntil is the end of the lease; zero when nobody holds one.
	LeaseUntil time.Time
	// Attempts counts the sweeps' claims that did not come back untouched; direct closes are not counted.
	Attempts int
	// LastError is one line on why the last attempt ended nothing.
	LastError string

	// The end, when Progress is Done.
	Ending        Ending
	TransactionID string
	PaidTotal     *int64
	PaidAt        time.Time
	EndedAt       time.Time
}

// Claim is an order under a lease: the right to settle what becomes of it. Every write under it says its Token, and writes
// nothing once somebody else has claimed the order.
type Claim struct {
	// Standing is how the order stood when it was claimed; Attempts counts this claim, and LeaseUntil is its end.
	Standing
	Token string
	// ClaimedAt is the database's clock at the claim: ages are to be told by it.
	ClaimedAt time.Time
	// InDoubt says that a close may have been sent before: the claim before this one was left without a word, or with doubt.
	InDoubt bool
}

// Setback is an attempt that ended nothing.
type Setback struct {
	// After is how long to leave the order alone.
	After time.Duration
	// InDoubt keeps the order Closing: a close was sent whose end is not known. Otherwise it is Waiting again.
	InDoubt bool
	// TradeState is what the gateway said, and Authenticated whether it was proved; empty leaves what was said before.
	TradeState    TradeState
	Authenticated bool
	// Reason is one line: a code and what it means.
	Reason string
}
