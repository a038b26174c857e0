// Package closingtest has answers and ways to a gateway for the tests of what closes orders.
package closingtest

import (
	"context"

	"cloudpay/internal/closing"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/verdict"
)

// Answer is a signed answer over the own route, on a connection of its own.
func Answer(v verdict.Verdict, code string) order.Answer {
	return order.Answer{Verdict: v, Code: code, Proof: order.ProofSignature, Route: order.RouteOwn, Fresh: true}
}

// Hangs answers nothing until ctx ends.
func Hangs(ctx context.Context) order.Answer {
	<-ctx.Done()
	return order.Answer{Verdict: verdict.Doubted, Code: errcode.Timeout, Proof: order.ProofNone}
}

// Routed is a way to a gateway. It keeps one connection, which is used after its first exchange; an
// exchange that wants another has one of its own.
type Routed struct {
	closing.Gateway

	Route order.Route
	// Used reports whether the kept connection has carried an exchange.
	Used bool
}

// Close requests that the order be closed.
func (r *Routed) Close(ctx context.Context, c order.Call) order.Answer {
	return r.over(c, r.Gateway.Close(ctx, c))
}

// Query requests the order's state.
func (r *Routed) Query(ctx context.Context, c order.Call) order.Answer {
	return r.over(c, r.Gateway.Query(ctx, c))
}

func (r *Routed) over(c order.Call, a order.Answer) order.Answer {
	a.Route, a.Fresh = r.Route, c.Fresh || !r.Used
	r.Used = r.Used || !c.Fresh
	return a
}
