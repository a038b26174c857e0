package app

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/paths"
	"cloudpay/internal/sweep"
	"cloudpay/internal/trigger/event"
)

// sweepRoute is the route of a timer that calls by HTTP, with the timer's token as its bearer
// token. It closes the orders that are due, then resolves those that are in doubt, within the
// request's time. One sweep runs at a time in an instance.
func (w web) sweepRoute() paths.Handler {
	busy := &sync.Mutex{}
	return paths.Handler{
		Methods: []string{http.MethodPost},
		Serve: func(ctx context.Context, inv hosting.Invocation, e event.Event, _ *event.Fault) (hosting.Response, error) {
			if w.access.MaySweep(e.Request) { // else it is only refused, and waits for nothing
				if !busy.TryLock() {
					return alreadySweeping()
				}
				defer busy.Unlock()
			}
			return w.sweep(ctx, inv, e)
		},
		Standing: func(head hosting.Request) hosting.Standing {
			if w.access.MaySweep(head) {
				return hosting.Proved
			}
			return hosting.Refused
		},
	}
}

// retryAfterSweep is how many seconds a caller is asked to wait while another sweep is under way:
// as long as one takes at most where the platform does not say how long a request may take.
const retryAfterSweep = 10

// alreadySweeping answers while this instance sweeps.
func alreadySweeping() (hosting.Response, error) {
	r := order.Refusal(errcode.FrequencyLimited, bilingual.New("a sweep is under way in this instance", "本实例正在扫描"))
	r.Retryable, r.RetryAfter = true, retryAfterSweep
	response, err := paths.Reply(http.StatusTooManyRequests, r)
	response.Header["Retry-After"] = strconv.Itoa(retryAfterSweep)
	return response, err
}

// sweeps is the reply of the route sweep: what the timers of the two functions report. The report
// of a sweep that did not take place is absent.
type sweeps struct {
	ReturnCode string `json:"returnCode"`
	ReturnMsg  string `json:"returnMsg,omitempty"`
	ErrCode    string `json:"errCode,omitempty"`
	Close      any    `json:"closeorder,omitempty"`
	Query      any    `json:"queryorder,omitempty"`
}

// sweep does what the timers of closeorder and queryorder do, one after the other. The second has a
// quarter of the time at least, and does not begin if the first could do nothing.
func (w web) sweep(ctx context.Context, inv hosting.Invocation, e event.Event) (hosting.Response, error) {
	first, cancel := leaving(ctx, 4)
	defer cancel()
	done := sweeps{ReturnCode: "SUCCESS"}
	var refusal *order.Result
	var err error
	report := &done.Close
	if *report, refusal, err = w.closing.SweepOnRequest(first, inv, e); err == nil && refusal == nil {
		report = &done.Query
		*report, refusal, err = w.querying.SweepOnRequest(ctx, inv, e)
	}
	status := http.StatusOK
	switch {
	case refusal != nil:
		status = statusOfRefusal(refusal.ErrCode)
		done.ReturnCode, done.ReturnMsg, done.ErrCode = refusal.ReturnCode, refusal.ReturnMsg, refusal.ErrCode
	case err != nil:
		status, done.ErrCode = statusOfFailure(*report)
		done.ReturnCode = "FAIL"
		done.ReturnMsg = bilingual.New("nothing could be swept; the function's log says why", "未能扫描；原因见云函数日志").String()
	}
	response, err := paths.Reply(status, done)
	if status == http.StatusUnauthorized {
		response.Header["WWW-Authenticate"] = `Bearer realm="cloudpay"`
	}
	return response, err
}

// leaving bounds a step so that a share of the time, 1/parts, is left after it. The step is not
// bounded if ctx is not.
func leaving(ctx context.Context, parts int) (context.Context, context.CancelFunc) {
	end, bounded := ctx.Deadline()
	if !bounded {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end.Add(-time.Until(end)/time.Duration(parts)))
}

// statusOfRefusal is the HTTP status of a sweep that did not begin.
func statusOfRefusal(code string) int {
	if code == errcode.NoAuth {
		return http.StatusUnauthorized
	}
	return http.StatusInternalServerError // of the configuration, or our own
}

// statusOfFailure is the HTTP status and the code of a sweep that could do nothing: for the
// configuration, as its report says, or because the register could not be asked.
func statusOfFailure(report any) (status int, code string) {
	if r, is := report.(sweep.Report); is && r.Err() != nil {
		return http.StatusInternalServerError, errcode.ConfigError
	}
	return http.StatusServiceUnavailable, errcode.StoreError
}
