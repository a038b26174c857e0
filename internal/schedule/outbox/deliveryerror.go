package outbox

import (
	"fmt"
	"time"
)

// Answers of a receiver (RFC 9110, section 15, and RFC 6585).
const (
	gone            = 410
	tooManyRequests = 429
	badGateway      = 502
	unavailable     = 503
	gatewayTimeout  = 504
)

// DeliveryError says that the receiver answered a delivery, and did not acknowledge it. A delivery
// that got no answer has another error.
type DeliveryError struct {
	Number int64
	// Status is the HTTP status of the answer.
	Status int
	// RetryAfter is the answer's Retry-After, at most 24 h: no delivery is wanted before that. 0
	// when there was none.
	RetryAfter time.Duration
}

// Error is one line.
func (e *DeliveryError) Error() string {
	text := fmt.Sprintf("delivering event %d: the receiver answered %d, not 2xx", e.Number, e.Status)
	if e.RetryAfter > 0 {
		text += fmt.Sprintf("; retry after %s", e.RetryAfter)
	}
	return text
}

// IsGone reports whether the receiver wants no events any more (410).
func (e *DeliveryError) IsGone() bool { return e.Status == gone }

// IsBusy reports whether the receiver, or what stands before it, is overloaded (429, 502, 503,
// 504): fewer deliveries at once may succeed.
func (e *DeliveryError) IsBusy() bool {
	switch e.Status {
	case tooManyRequests, badGateway, unavailable, gatewayTimeout:
		return true
	}
	return false
}
