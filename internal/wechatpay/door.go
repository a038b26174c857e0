// Package wechatpay is the one door to WeChat Pay: whatever dialect a call
// asks for, what comes back is an order.Answer.
//
// Each dialect has one file here with the same functions in it (v2.go, v3.go),
// and each says what its package's replies and errors are in order words. What
// an error code means is not theirs to say: that is order's table, read by
// refusal. The rule that both obey: only what was authenticated may carry a
// verdict about the order; everything else is Doubted, or Rejected where it says
// that the request itself is wrong.
package wechatpay

import (
	"context"

	"cloudpay/internal/order"
	"cloudpay/pkg/v2xml"
	"cloudpay/pkg/v3json"
)

// Door makes one exchange with WeChat Pay for each call of its methods. A
// dialect whose client is nil is not configured; order.Merchant lets no call for
// it come this far, and if one does, it is answered with CONFIG_ERROR and
// nothing is sent.
type Door struct {
	V2 *v2xml.Client
	V3 *v3json.Client
}

// Close asks that the order be closed.
func (d *Door) Close(ctx context.Context, c order.Call) order.Answer {
	switch {
	case c.API == order.V2 && d.V2 != nil:
		return closeV2(ctx, d.V2, c)
	case c.API == order.V3 && d.V3 != nil:
		return closeV3(ctx, d.V3, c)
	}
	return notConfigured(c.API)
}

// Query asks what state the order is in.
func (d *Door) Query(ctx context.Context, c order.Call) order.Answer {
	switch {
	case c.API == order.V2 && d.V2 != nil:
		return queryV2(ctx, d.V2, c)
	case c.API == order.V3 && d.V3 != nil:
		return queryV3(ctx, d.V3, c)
	}
	return notConfigured(c.API)
}

func notConfigured(api order.API) order.Answer {
	return order.Answer{
		Verdict: order.Rejected,
		Proof:   order.ProofNone,
		Code:    order.CodeConfigError,
		Message: "API " + string(api) + " is not configured",
	}
}
