package order

// Outcome is how a call ended, in one word that is the same for every dialect.
// The set is closed; no value means success in general, because what counts as
// success differs between callers (a shop that wants its stock back is as happy
// with alreadyClosed as with closed, and has work to do when paid).
type Outcome string

const (
	// OutcomeClosed: the gateway proved that the order is closed now. The stock
	// may be released.
	OutcomeClosed Outcome = "closed"
	// OutcomeAlreadyClosed: the gateway proved that it had been closed before.
	OutcomeAlreadyClosed Outcome = "alreadyClosed"
	// OutcomePaid: the gateway proved that the customer paid. Deliver, or refund.
	OutcomePaid Outcome = "paid"
	// OutcomeNotFound: the gateway proved, twice with a delay between, that it
	// has no such order. It may never have been created, or belong to another
	// merchant number.
	OutcomeNotFound Outcome = "notFound"
	// OutcomeScheduled: nothing was asked of the gateway; the order is registered,
	// and a sweep closes it at its time.
	OutcomeScheduled Outcome = "scheduled"
	// OutcomeFound: a query was answered; tradeState says the rest.
	OutcomeFound Outcome = "found"
	// OutcomeTooSoon: the gateway proved that it will not do it yet. Call again
	// after retryAfter seconds.
	OutcomeTooSoon Outcome = "tooSoon"
	// OutcomeRefused: the gateway proved that it will not do it, or we would not
	// ask it to. Calling again with the same words changes nothing.
	OutcomeRefused Outcome = "refused"
	// OutcomeUnknown: no proof was had in the time there was. The order may be
	// open, closed or paid. Call again: closing and querying are both safe to
	// repeat.
	OutcomeUnknown Outcome = "unknown"
)
