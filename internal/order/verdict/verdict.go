// Package verdict says what one exchange with WeChat Pay amounts to.
package verdict

// Verdict is what one exchange with the gateway amounts to. Every verdict but
// Doubted and Rejected was authenticated: the gateway said it and its signature
// (or its private link) held.
type Verdict string

const (
	// Accepted: the close was carried out.
	Accepted Verdict = "accepted"
	// SaysClosed: ORDERCLOSED; it had been closed before.
	SaysClosed Verdict = "saysClosed"
	// SaysPaid: ORDERPAID; it cannot be closed because it was paid.
	SaysPaid Verdict = "saysPaid"
	// SaysMissing: ORDERNOTEXIST.
	SaysMissing Verdict = "saysMissing"
	// SaysPaying: USERPAYING; the customer is paying at this moment.
	SaysPaying Verdict = "saysPaying"
	// Stated: a query was answered, and Answer.Facts holds the trade state.
	Stated Verdict = "stated"
	// Limited: asked too often; nothing was done. Ask again later.
	Limited Verdict = "limited"
	// Refused: a definite no, for a reason that asking again cannot cure.
	Refused Verdict = "refused"
	// Disputed: a no whose reason may be that the order is already closed or
	// paid, that it is too young, or none of these. Only a query can tell.
	Disputed Verdict = "disputed"
	// Doubted: no answer, or none that can be believed, or one that leaves open
	// whether anything was done. A query decides.
	Doubted Verdict = "doubted"
	// Rejected: an answer that proves nothing, and says that the request itself
	// is wrong (a bad signature, an unknown merchant, no such path). It is doubt,
	// but if a query meets it too then asking on and on is of no use.
	Rejected Verdict = "rejected"
)
