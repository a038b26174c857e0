package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// restless is a driver's connection that can always be used again.
type restless struct{ driverConn }

func (restless) ResetSession(context.Context) error { return nil }
func (restless) Ping(context.Context) error         { return nil }

// A connection that was idle for long, as while its function is frozen, is not used again: it may
// be dead.
func TestIdleConnectionsAreNotUsedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &boundConn{driverConn: restless{}, connector: &boundConnector{fault: mysqlFault}}
		for rest, usable := range map[time.Duration]bool{0: true, maxIdle: true, -time.Second: false, maxIdle + time.Second: false, time.Hour: false} {
			if err := c.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			if rest < 0 { // a clock that was put back
				c.used = c.used.Add(-rest)
			} else {
				<-time.After(rest)
			}
			if err := c.ResetSession(t.Context()); errors.Is(err, driver.ErrBadConn) == usable {
				t.Errorf("after a rest of %v: got %v, want usable %t", rest, err, usable)
			}
		}
	})
}
