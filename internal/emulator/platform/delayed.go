package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"cloudpay/internal/emulator/scheduler"
	"cloudpay/internal/emulator/sqs"
	"cloudpay/internal/emulator/traffic"
)

// delayed are the services of AWS that call functions later, by the cloud's clock: SQS's queues
// with Lambda's event source mappings, and EventBridge Scheduler's one-shot schedules. They have
// the cloud's spool, and nothing else in common with /v1/queues and the timers.
type delayed struct {
	once      sync.Once
	queues    *sqs.Service
	schedules *scheduler.Service
}

// delays makes the services at their first use, with the cloud's clock and spool.
func (c *Cloud) delays() *delayed {
	c.delayed.once.Do(func() {
		c.delayed.queues = sqs.New(c.Clock, c.Spool, c.deliverMessages)
		c.delayed.schedules = scheduler.New(c.Clock, c.Spool, c.sendScheduled)
	})
	return &c.delayed
}

// resumeDelayed goes on with the queues and schedules that an earlier process left.
func (c *Cloud) resumeDelayed(ctx context.Context) error {
	if err := c.delays().queues.Resume(ctx); err != nil {
		return fmt.Errorf("reading the cloud's state: %w", err)
	}
	if err := c.delays().schedules.Resume(ctx); err != nil {
		return fmt.Errorf("reading the cloud's state: %w", err)
	}
	return nil
}

// closeDelayed ends both services. The schedules end first, since they send to the queues.
func (c *Cloud) closeDelayed() {
	c.delays().schedules.Close()
	c.delays().queues.Close()
}

// settleDelayed waits until no schedule is due and no visible message waits for a function, or
// until ctx ends. The schedules are first, since they send to the queues.
func (c *Cloud) settleDelayed(ctx context.Context) {
	if c.delays().schedules.Settled(ctx) {
		c.delays().queues.Settled(ctx)
	}
}

// delayedAPI finds which of the services a request is for; nil if it is for neither.
func (c *Cloud) delayedAPI(r *http.Request) http.Handler {
	switch {
	case strings.HasPrefix(r.Header.Get("X-Amz-Target"), sqs.TargetPrefix):
		return c.delays().queues
	case isAtOrBelow(r.URL.Path, sqs.MappingsPath):
		return http.HandlerFunc(c.delays().queues.ServeMappings)
	case isAtOrBelow(r.URL.Path, scheduler.Path):
		return c.delays().schedules
	}
	return nil
}

// isAtOrBelow reports whether a path is a folder or something in it.
func isAtOrBelow(path, folder string) bool {
	rest, found := strings.CutPrefix(path, folder)
	return found && (rest == "" || rest[0] == '/')
}

// serveDelayed is a route's handler of one of the services.
func serveDelayed(api http.Handler) func(http.ResponseWriter, *http.Request, string) {
	return func(w http.ResponseWriter, r *http.Request, id string) {
		w.Header().Set("X-Amzn-Requestid", id)
		api.ServeHTTP(w, r)
	}
}

// deliverMessages has a function handle a batch of a queue, and returns the messages that come
// again.
func (c *Cloud) deliverMessages(ctx context.Context, name string, b sqs.Batch) (again []string) {
	function := c.function(name)
	if function == nil {
		return b.IDs
	}
	ctx = withInbound(ctx, &inbound{call: traffic.Call{Via: viaQueue}})
	report, err := c.deliverBatch(ctx, function, queueEvent{document: b.Event, ids: b.IDs}, b.Partial)
	if err != nil {
		return b.IDs
	}
	return report.Again
}

// errNoTarget refuses a schedule's event for want of its target.
var errNoTarget = errors.New("there is no such queue or function")

// sendScheduled sends a schedule's event to a queue, or to a function as an asynchronous event. The
// function has Lambda's retries, and its answer is not looked at.
func (c *Cloud) sendScheduled(ctx context.Context, arn, event string) error {
	if parts := lambdaName.FindStringSubmatch(arn); parts != nil {
		function := c.function(parts[1])
		if function == nil || !json.Valid([]byte(event)) {
			return errNoTarget
		}
		ctx = withInbound(ctx, &inbound{call: traffic.Call{Via: viaScheduler}})
		return c.later(ctx, function, Event{Payload: []byte(event)}, lambdaRetries)
	}
	if !c.delays().queues.Send(arn, event) {
		return errNoTarget
	}
	return nil
}
