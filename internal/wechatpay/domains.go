package wechatpay

import (
	"sync"
	"time"
)

const (
	// failuresToSwitch is how many exchanges in a row must find nobody at the main
	// address before the backup is asked. Tencent's rule is "连续失败" without a
	// number; its Java library (WXPayDomainSimpleImpl) bears two and switches at
	// the third, but has no platform's deadline to keep.
	failuresToSwitch = 2
	// probation is how long the backup is asked before the main address is tried
	// again, as in that library.
	probation = 3 * time.Minute
)

// Domains says which of WeChat Pay's two addresses is to be asked: the main one,
// nearest to us, until it cannot be reached several times in a row; then the
// backup for a while. What it knows is this process's own. The zero Domains is
// ready for use.
type Domains struct {
	// Now is the clock, time.Now when nil.
	Now func() time.Time

	mu       sync.Mutex
	failures int       // in a row, of the main address
	until    time.Time // the backup's turn ends
}

const (
	mainDomain = iota
	backupDomain
)

// pick returns the domain to ask, of that many.
func (d *Domains) pick(domains int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if domains > backupDomain && d.now().Before(d.until) {
		return backupDomain
	}
	return mainDomain
}

// report notes whether a domain was reached. A backup that is not ends its turn:
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
			d.failures = failuresToSwitch - 1 // back on probation, one more failure is enough
		}
	}
}

func (d *Domains) now() time.Time {
	if d.Now != nil {
		return d.Now()
	}
	return time.Now()
}
