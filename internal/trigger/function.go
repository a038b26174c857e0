package trigger

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
)

// Workflow does what a call asks. It answers before its context's deadline.
type Workflow func(ctx context.Context, p order.Params) order.Result

// Function is one cloud function: what it does with a call's parameters, and
// where it says what it did.
type Function struct {
	// Op names it in the log.
	Op order.Op
	// Do is the workflow.
	Do Workflow
	// Broken, when it is not nil, says why the function is not fit to serve. Do
	// is then not called; a direct caller is told, a user only that it is so.
	Broken error
	// Log gets one line for each invocation.
	Log *slog.Logger
}

// Handle answers one invocation with the result object. Its error is always nil:
// whatever happens is a result, because a platform error would hide from the
// caller what became of the order.
func (f *Function) Handle(ctx context.Context, inv hosting.Invocation) ([]byte, error) {
	start := time.Now()
	c := &call{}
	result := f.answer(ctx, inv, c)
	f.log(ctx, c, result, time.Since(start))
	if c.caller == user {
		result = forUser(result)
	}
	reply, err := json.Marshal(result)
	if err != nil {
		return nil, fmt.Errorf("encoding the result: %w", err)
	}
	return reply, nil
}

// call is what is known of an invocation, for the log, however far it came.
type call struct {
	caller caller
	params params
}

func (f *Function) answer(ctx context.Context, inv hosting.Invocation, c *call) (result order.Result) {
	defer func() {
		if fault := recover(); fault != nil {
			f.Log.ErrorContext(ctx, "panic", "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
			result = order.Breakdown("the function had a fault of its own, and what became of the order is not known; call again")
		}
	}()
	var fault *order.FieldError
	c.params, fault = readParams(inv.Payload)
	c.caller = callerOf(inv, c.params)
	if fault != nil && f.Broken != nil {
		c.caller = user // an event that cannot be read may be one: the report is not for them
	}
	switch {
	case f.Broken != nil:
		return order.Refusal(order.CodeConfigError, strings.Join(strings.Fields(f.Broken.Error()), " "))
	case fault != nil:
		return order.Refusal(fault.Code, fault.Error())
	case c.caller == user && len(c.params.operators) > 0:
		return order.Refusal(order.CodeNoAuth, c.params.operators[0]+": is not for users to choose; leave it out")
	}
	return f.Do(ctx, c.params.Params)
}

// forUser keeps what is the operator's business from a user: addresses, key
// names, settings. The outcome and the codes stay.
func forUser(r order.Result) order.Result {
	if !operatorsBusiness(r) {
		r.ReturnMsg, r.ErrCodeDes = withoutSettings(r.ReturnMsg), withoutSettings(r.ErrCodeDes)
		return r
	}
	row, known := order.Lookup(r.ErrCode)
	if !known {
		row, _ = order.Lookup(order.CodeGatewayRejected)
		r.ErrCode, r.GatewayCode = row.Name, ""
	}
	r.ErrCodeDes = row.Text()
	if r.ReturnCode == "FAIL" {
		r.ReturnMsg = r.ErrCodeDes
	}
	return r
}

// operatorsBusiness reports whether a result's text may be about the function
// itself rather than about the user's order: nothing was had that can be believed,
// or the gateway found fault with the merchant or its keys.
func operatorsBusiness(r order.Result) bool {
	switch r.ErrCode {
	case order.CodeConfigError, order.CodeSignError, "APPID_NOT_EXIST", "MCHID_NOT_EXIST", "APPID_MCHID_NOT_MATCH":
		return true
	case order.CodeNoAuth:
		return r.ReturnCode == "SUCCESS"
	}
	return r.ReturnCode == "FAIL" && r.Outcome != order.OutcomeRefused
}

// settings is how an error tells the operator what to set: in parentheses. Few
// calls need it, and every start would pay for it.
var settings = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(` \([^()]*(WXPAY|CLOUDPAY)_[^()]*\)`)
})

func withoutSettings(text string) string {
	if !strings.Contains(text, "PAY_") {
		return text
	}
	return settings().ReplaceAllString(text, "")
}

// log writes the invocation's one line. What was not proved is worth a warning;
// a function that cannot serve, an error.
func (f *Function) log(ctx context.Context, c *call, r order.Result, took time.Duration) {
	level := slog.LevelInfo
	switch {
	case r.ErrCode == order.CodeConfigError:
		level = slog.LevelError
	case r.Outcome == order.OutcomeUnknown:
		level = slog.LevelWarn
	}
	f.Log.LogAttrs(ctx, level, string(f.Op),
		slog.String("caller", string(c.caller)),
		slog.String("outTradeNo", cmp.Or(r.OutTradeNo, clip(c.params.OutTradeNo))),
		slog.String("api", string(r.API)),
		slog.String("outcome", string(r.Outcome)),
		slog.String("tradeState", string(r.TradeState)),
		slog.String("errCode", r.ErrCode),
		slog.String("gatewayCode", r.GatewayCode),
		slog.String("gatewayRequestId", r.RequestID),
		slog.String("returnMsg", r.ReturnMsg),
		slog.Int("attempts", r.Attempts),
		slog.Int64("ms", took.Milliseconds()),
	)
}
