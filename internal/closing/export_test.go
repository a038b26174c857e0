package closing

import (
	"time"

	"cloudpay/internal/order"
)

// MostCustomers is the bound of an Allowance's memory.
const MostCustomers = maxCustomers

// Take spends a look-up.
func (a *Allowance) Take(customer order.Owner, now time.Time) (refund func(), wait time.Duration) {
	return a.take(customer, now)
}

// Customers is how many an Allowance remembers.
func (a *Allowance) Customers() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.spent)
}
