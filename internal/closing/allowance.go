package closing

import (
	"slices"
	"sync"
	"time"

	"cloudpay/internal/order"
)

const (
	// maxUnproved is how many look-ups a customer may make in allowancePeriod that show no order
	// of theirs. Each spends exchanges of the merchant's quota, and an honest customer needs none.
	maxUnproved     = 10
	allowancePeriod = time.Minute
	// maxCustomers bounds the memory. One instance cannot look up orders for more in a minute.
	maxCustomers = 4096
	purgePeriod  = time.Second
)

// An Allowance counts the look-ups of each customer in the memory of one instance. The zero value
// is ready for use, by any number of goroutines; a nil one allows everything.
type Allowance struct {
	mu    sync.Mutex
	spent map[order.Owner][]time.Time // oldest first, maxUnproved at most
	// purged is when customers without recent look-ups were last dropped. That visits every
	// customer, so that a crowd of new ones could delay the others if each caused it.
	purged time.Time
}

// take spends one of the customer's look-ups. If none is left, wait is the time until there is one.
// refund gives the look-up back, after one that showed the customer an order of their own.
func (a *Allowance) take(customer order.Owner, now time.Time) (refund func(), wait time.Duration) {
	if a == nil {
		return func() {}, 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	times := recent(a.spent[customer], now)
	if len(times) >= maxUnproved {
		a.spent[customer] = times
		return nil, times[0].Add(allowancePeriod).Sub(now)
	}
	a.makeRoom(customer, now)
	a.spent[customer] = append(times, now)
	return func() { a.refund(customer, now) }, 0
}

func (a *Allowance) refund(customer order.Owner, taken time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	times := a.spent[customer]
	if i := slices.Index(times, taken); i >= 0 {
		times = slices.Delete(times, i, i+1)
	}
	if len(times) == 0 {
		delete(a.spent, customer)
		return
	}
	a.spent[customer] = times
}

// makeRoom keeps the map within its bound: it drops customers without recent look-ups, and if there
// are none, any.
func (a *Allowance) makeRoom(customer order.Owner, now time.Time) {
	if a.spent == nil {
		a.spent = map[order.Owner][]time.Time{}
	}
	if _, known := a.spent[customer]; known || len(a.spent) < maxCustomers {
		return
	}
	if now.Sub(a.purged) >= purgePeriod {
		a.purge(now)
	}
	for other := range a.spent {
		if len(a.spent) < maxCustomers {
			return
		}
		delete(a.spent, other)
	}
}

func (a *Allowance) purge(now time.Time) {
	a.purged = now
	for customer, times := range a.spent {
		if len(recent(times, now)) == 0 {
			delete(a.spent, customer)
		}
	}
}

// recent drops the times before the last allowancePeriod.
func recent(times []time.Time, now time.Time) []time.Time {
	first := slices.IndexFunc(times, func(t time.Time) bool { return now.Sub(t) < allowancePeriod })
	if first < 0 {
		return nil
	}
	return times[first:]
}
