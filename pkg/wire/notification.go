package wire

import "time"

// Notification is what WeChat Pay sends by itself to a merchant's notify_url, verified: the
// decoders return none that is not authenticated. T is the protocol's record of one order. What the
// notification does not say is absent in it, as in a query's reply.
//
// Notifications come late, more than once and in any order, and some never come. So each may only
// add to what is known of an order.
type Notification[T any] struct {
	// Envelope has the Nonce, the Signature, and in APIv3 the RequestID and the Time. HTTPStatus,
	// Date and Fresh, which only replies have, are zero.
	Envelope
	// ID is APIv3's id of the notification, the same in each attempt to deliver it as far as is
	// known; "" in APIv2.
	ID string
	// EventType is APIv3's event_type as received; "" in APIv2.
	EventType string
	// CreatedAt is APIv3's create_time; zero in APIv2, and when it cannot be read.
	CreatedAt time.Time

	// Paid are orders that this notification proves paid: one, or those of a combined order that
	// were paid with it. All of them belong together.
	Paid []T
	// Refunded is an order of which this notification proves that money went back, and so that it
	// was paid before. Its trade state and its time of payment are absent.
	Refunded []T
}

// Other reports a notification that is authentic and proves nothing about a payment: an event of
// another type, or of a refund that failed. It is acknowledged or passed on, and not interpreted.
func (n *Notification[T]) Other() bool { return len(n.Paid) == 0 && len(n.Refunded) == 0 }
