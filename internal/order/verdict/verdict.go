// Package verdict has the meanings of a reply from WeChat Pay.
package verdict

// Verdict is what one exchange with the gateway means. Every verdict but Doubted and Rejected is
// authenticated, by the reply's signature or the private link.
type Verdict string

const (
	// Accepted: the close was carried out.
	Accepted Verdict = "accepted"
	// SaysClosed: ORDERCLOSED; the order was closed before.
	SaysClosed Verdict = "saysClosed"
	// SaysPaid: ORDERPAID; the order cannot be closed because it was paid.
	SaysPaid Verdict = "saysPaid"
	// SaysMissing: ORDERNOTEXIST.
	SaysMissing Verdict = "saysMissing"
	// SaysPaying: USERPAYING; the customer is paying right now.
	SaysPaying Verdict = "saysPaying"
	// Stated: the query succeeded, and Answer.Facts has the trade state.
	Stated Verdict = "stated"
	// Limited: too many requests; nothing was done. Send it again later.
	Limited Verdict = "limited"
	// Refused: refused for good; the same request is always refused.
	Refused Verdict = "refused"
	// Disputed: refused, perhaps because the order is closed, paid or too young. A query decides.
	Disputed Verdict = "disputed"
	// Doubted: no reply, an unauthenticated one, or one that leaves open whether the request was
	// carried out. A query decides.
	Doubted Verdict = "doubted"
	// Rejected: an unauthenticated reply that blames the request itself (its signature, its
	// merchant, its path). It is a doubt, but retrying is useless if a query is rejected too.
	Rejected Verdict = "rejected"
)
