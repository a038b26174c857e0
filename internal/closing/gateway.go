package closing

import (
	"context"

	"cloudpay/internal/order"
)

// Gateway is the door to WeChat Pay. Each method makes one exchange, without
// retrying, and returns as soon as ctx is done.
type Gateway interface {
	// Close asks that the order be closed. It always gives an Answer: when none
	// was had, or none that can be believed, its Verdict is Doubted or Rejected
	// and its Code says why.
	Close(ctx context.Context, c order.Call) order.Answer
	// Query asks what state the order is in. When that was learned the Verdict
	// is Stated and Facts are set; otherwise as for Close.
	Query(ctx context.Context, c order.Call) order.Answer
}
