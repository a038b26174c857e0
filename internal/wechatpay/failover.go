package wechatpay

import (
	"context"
	"sync"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
)

// Failover sends each call to one of a dialect's addresses: the main one or, once that cannot be
// reached, the backup. It marks each Answer with the Route that it came by, and believes no
// signature twice. It is used by pointer.
type Failover struct {
	// Exchangers are the dialect at its main address and, if there is one, at the backup.
	Exchangers []Exchanger
	// Routes are the ways to these addresses, in their order. A missing one is RouteForeign.
	Routes []order.Route
	// Domains chooses the address. The dialects that have the same addresses share it.
	Domains *Domains

	replays replays
}

// Close requests that the order be closed.
func (f *Failover) Close(ctx context.Context, c order.Call) order.Answer {
	return f.exchange(ctx, c, Exchanger.Close)
}

// Query requests the order's state.
func (f *Failover) Query(ctx context.Context, c order.Call) order.Answer {
	return f.exchange(ctx, c, Exchanger.Query)
}

func (f *Failover) exchange(ctx context.Context, c order.Call, do operation) order.Answer {
	domain := f.Domains.pick(len(f.Exchangers))
	route := order.RouteForeign
	if domain < len(f.Routes) {
		route = f.Routes[domain]
	}
	if c.Fresh && route != order.RouteForeign { // on a foreign route a fresh connection proves nothing
		ctx = onFreshConnection(ctx)
	}
	a := do(f.Exchangers[domain], ctx, c)
	// The route is that of the domain which answered: the backup's may be another.
	a.Route = route
	f.Domains.report(domain, isReached(a))
	if a.Proof == order.ProofSignature && !f.replays.first(c.API, a, f.Domains.now()) {
		replayed := doubt(errcode.BadSignature, "a reply that had been believed before came a second time", a.HTTPStatus, a.RequestID)
		replayed.Route, replayed.Fresh = a.Route, a.Fresh
		return replayed
	}
	return a
}

// isReached reports whether a reply arrived, whatever it is worth. A forged or malformed reply is
// no reason to change to the backup, which is behind the same network.
func isReached(a order.Answer) bool {
	switch a.Code {
	case errcode.NetworkError, errcode.Timeout, "TLS_ERROR":
		return a.HTTPStatus != 0
	}
	return true
}

const (
	// failuresToSwitch is the number of consecutive exchanges that do not reach the main address
	// before the backup takes over. Tencent's rule is "连续失败" without a number. Its Java library
	// (WXPayDomainSimpleImpl) switches at the third, but has no platform's deadline to keep.
	failuresToSwitch = 2
	// probation is how long the backup serves before the main address is tried again, as in that
	// library.
	probation = 3 * time.Minute
)

// Domains chooses between WeChat Pay's two addresses: the main one, which is the nearest, until
// consecutive exchanges do not reach it; then the backup for a while. Its memory is this process's
// own: another instance may find the main address in order. The zero Domains is ready for use, by
// pointer and concurrently.
type Domains struct {
	// Now is the clock, time.Now when nil.
	Now func() time.Time

	mu       sync.Mutex
	failures int       // consecutive, of the main address
	until    time.Time // the backup serves until then
}

// The places in Failover's lists.
const (
	mainDomain = iota
	backupDomain
)

// pick returns the domain for the next exchange, of that many.
func (d *Domains) pick(domains int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if domains > backupDomain && d.now().Before(d.until) {
		return backupDomain
	}
	return mainDomain
}

// report notes whether an exchange reached its domain. An unreachable backup hands back at once:
// the main address is then no worse.
func (d *Domains) report(domain int, reached bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case domain == backupDomain && !reached:
		d.until = time.Time{}
	case domain == backupDomain:
	case reached:
		d.failures = 0
	default:
		d.failures++
		if d.failures >= failuresToSwitch {
			d.until = d.now().Add(probation)
			d.failures = failuresToSwitch - 1 // after the probation, one failure is enough
		}
	}
}

func (d *Domains) now() time.Time {
	if d.Now != nil {
		return d.Now()
	}
	return time.Now()
}
