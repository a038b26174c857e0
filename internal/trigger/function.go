package trigger

import (
	"cmp"
	"context"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/schedule"
	"cloudpay/internal/telemetry"
	"cloudpay/internal/trigger/event"
)

// Workflow executes a call. It returns before its context's deadline. It may run for several
// messages of a queue at once.
type Workflow func(ctx context.Context, p order.Params) order.Result

// Function is one cloud function: its workflow, the callers that it admits, and its log. Op, Do and
// Log are required.
type Function struct {
	// Op is Do's operation. It names the function in the log and in HTTP paths.
	Op order.Op
	// Do is the workflow.
	Do Workflow
	// Sweep is what a timer runs. Its report is marshalled to JSON for the reply and the log. An
	// error makes the platform try again, and means that nothing at all could be begun. Nil: there
	// is no store of orders, and timers are refused.
	Sweep func(ctx context.Context) (any, error)
	// Owns returns whether the order that p names by its out_trade_no is registered in the owner's
	// name (see caller.owner), and Do on that order, which need not look it up again. An
	// *order.FieldError means that p can name no order; any other error, that the store could not
	// be read. Nil: there is no store, and users may do nothing.
	Owns func(ctx context.Context, owner string, p order.Params) (schedule.Ownership, Workflow, error)
	// Find queries the order that p names by another number, for the owner. It takes the same time
	// and the same exchanges for another owner's order as for one that does not exist. Its errors
	// are Owns's. Nil where Owns is.
	Find func(ctx context.Context, owner string, p order.Params) (schedule.Found, error)
	// Broken is why the function cannot serve; nil if it can. Nothing else is then called. Callers
	// that may decide get its text, the others only its code.
	Broken error
	// EMF are the dimensions of the metrics that a timer's log line declares for CloudWatch; nil:
	// it declares none.
	EMF []slog.Attr
	// Metrics returns how the register stands, in Prometheus's text format, for GET /metrics of a
	// container. Nil: there is no such path.
	Metrics func(ctx context.Context) (string, error)
	// Access is what callers may do. The zero value is the strictest.
	Access Access
	// Log has one line for each invocation, and one for each message of a queue's batch.
	Log *slog.Logger

	// Warm reports that this instance has begun an invocation before, for functions that share one.
	// Nil: the function has its instance to itself.
	Warm *atomic.Bool

	warm atomic.Bool
}

// Handle answers one event in the form that its trigger expects; see the package comment. The error
// is nil unless the platform is to redeliver the event: for a queue with unfinished messages, for a
// timer that could begin nothing, and for an event that is for another function. All else is a
// result: a platform error would hide from the caller what became of the order.
func (f *Function) Handle(ctx context.Context, inv hosting.Invocation) ([]byte, error) {
	e, fault := event.Decode(inv.Payload)
	i := f.invocation(inv, e, fault)
	ctx = i.named(ctx)
	switch e.Kind {
	case event.HTTP:
		response, err := i.handleRequest(ctx)
		if err != nil {
			return nil, err
		}
		return e.EncodeResponse(response), nil
	case event.Queue:
		return i.handleQueue(ctx)
	case event.Timer:
		return i.handleTimer(ctx)
	case event.Foreign:
		return i.handleForeign(ctx)
	case event.Call:
	}
	return i.handleCall(ctx)
}

// HandleHTTP answers one request to our own HTTP server. Its error is nil unless the result cannot
// be marshalled.
func (f *Function) HandleHTTP(ctx context.Context, inv hosting.Invocation, r hosting.Request) (hosting.Response, error) {
	e, fault := event.FromRequest(r)
	return f.HandleRequest(ctx, inv, e, fault)
}

// HandleRequest answers an HTTP request that was decoded already, for a process that serves several
// functions. fault is why it could not be read as a whole; nil if it could. The error is
// HandleHTTP's.
func (f *Function) HandleRequest(
	ctx context.Context, inv hosting.Invocation, e event.Event, fault *event.Fault,
) (hosting.Response, error) {
	i := f.invocation(inv, e, fault)
	return i.handleRequest(i.named(ctx))
}

// Execute runs a call whose parameters were read from an HTTP request already, in another form than
// the function's own, and logs it. fault is why the call must be refused; nil if it may be
// executed. The caller is identified, and restricted, as for every other call, and the result is
// what it may see.
func (f *Function) Execute(
	ctx context.Context, inv hosting.Invocation, e event.Event, p order.Reader, fault *order.FieldError,
) order.Result {
	i := f.invocation(inv, e, nil)
	ctx = i.named(ctx)
	return i.handle(ctx, i.caller(ctx, p.ServiceToken), p, fault)
}

// invocation is one event on its way through a Function. It does not change.
type invocation struct {
	*Function

	inv   hosting.Invocation
	event event.Event
	// fault is why the event could not be read; nil if it could.
	fault *event.Fault
	start time.Time
	// cold reports that this is the first invocation of its instance.
	cold bool
}

func (f *Function) invocation(inv hosting.Invocation, e event.Event, fault *event.Fault) *invocation {
	warm := cmp.Or(f.Warm, &f.warm)
	return &invocation{Function: f, inv: inv, event: e, fault: fault, start: time.Now(), cold: !warm.Swap(true)}
}

// named redacts the request ID in the log if it is a secret: some gateways take it from a header of
// the caller's.
func (i *invocation) named(ctx context.Context) context.Context {
	if i.Access.IsSecret(i.inv.RequestID) {
		return telemetry.WithRequestID(ctx, redacted)
	}
	return ctx
}

// unreadable is the invocation's fault as the fault of a parameter; nil without one.
func (i *invocation) unreadable() *order.FieldError {
	if i.fault == nil {
		return nil
	}
	return brokenRule(i.fault.Field, i.fault.Rule)
}

// brokenRule is order.ParamError for a rule that is worded already.
func brokenRule(field string, rule bilingual.Text) *order.FieldError {
	return &order.FieldError{Field: field, Rule: rule, Code: errcode.ParamError}
}

// refusalOf is the result of a call with a faulty parameter.
func refusalOf(fault *order.FieldError) order.Result {
	return order.Refusal(fault.Code, fault.Wording())
}

// notForUsers is the FieldError for a well-formed parameter that users may not give.
func notForUsers(field string, rule bilingual.Text) *order.FieldError {
	return &order.FieldError{Field: field, Rule: rule, Code: errcode.NoAuth}
}

// caller is identify's caller, without the rights that need a store if there is none. The caller of
// an event that cannot be read is unidentified: a sign of a user may be in the rest of it.
// An access token may need a fetch of keys, within ctx.
func (i *invocation) caller(ctx context.Context, token string) caller {
	if i.fault != nil {
		return caller{kind: unidentified}
	}
	return i.withinStore(identify(i.inv, i.event, token, i.Access, i.Access.loginWithin(ctx, i.inv)))
}

// withinStore is a caller without the rights that need a store if there is none.
func (i *invocation) withinStore(c caller) caller {
	if c.may.orders == ownOrders && i.Owns == nil {
		c.may.orders = noOrders
		c.remedy = "users may use their own orders only, and without a store no order has an owner: set CLOUDPAY_STORE, " +
			"or CLOUDPAY_CALLER_POLICY=any if users may close and query all orders"
	}
	return c
}

// onBehalf gives a trusted caller that acts for a user that user's rights, and those only. The
// parameter is then used up; from any other caller it is refused as not for users.
func (i *invocation) onBehalf(c caller, p order.Reader) (caller, order.Reader) {
	if p.OnBehalfOf == "" || !c.may.decide {
		return c, p
	}
	c.owner, c.may = string(p.OnBehalfOf), rights{orders: ownOrders}
	p.Trusted = slices.DeleteFunc(slices.Clone(p.Trusted), func(name string) bool { return name == order.OnBehalfOf })
	return i.withinStore(c), p
}

// notAllowed is all that an unauthorized caller is told; the reason is logged.
var notAllowed = bilingual.New("this caller may not do that; the function's log says why", "调用方无此权限；原因见云函数日志")

// execute runs one call, as far as the caller may. A panic becomes a result.
func (f *Function) execute(ctx context.Context, c caller, p order.Reader, fault *order.FieldError) (done outcome) {
	defer func() {
		if f.caught(ctx, recover()) {
			done = outcome{Result: order.Breakdown(bilingual.New(
				"the function had a fault of its own, and what became of the order is not known; call again",
				"云函数内部错误，订单结果未知；请重新调用"))}
		}
	}()
	if refused := f.refuse(c, p, fault); refused != nil {
		return *refused
	}
	if c.may.orders == ownOrders {
		return f.executeOwn(ctx, c.owner, p)
	}
	return outcome{Result: f.Do(ctx, p.Params)}
}

// outcome is a result, and for the log the denial that it stands for, if any.
type outcome struct {
	order.Result

	denial denial
}

// refuse is the refusal of a call before anything is done: for the configuration, for a parameter,
// for the caller; nil if the call may be executed.
func (f *Function) refuse(c caller, p order.Reader, fault *order.FieldError) *outcome {
	var refused outcome
	switch {
	case f.Broken != nil:
		refused.Result = order.Refusal(errcode.ConfigError, inOneLine(bilingual.Wording(f.Broken)))
	case fault != nil:
		refused.Result = refusalOf(fault)
	case c.may.orders == noOrders:
		refused = outcome{order.Refusal(errcode.NoAuth, notAllowed), denial{ruleCaller, c.remedy}}
	case !c.may.decide && len(p.Trusted) > 0:
		refused = outcome{
			refusalOf(notForUsers(p.Trusted[0], withoutIt(p.Trusted[0]))),
			denial{ruleParameter, "users may not choose " + p.Trusted[0] + ": leave it out, or send service_token"},
		}
	default:
		return nil
	}
	return &refused
}

// withoutIt says that a parameter is not for users, and what to do. A close without its close_at is
// another call, which ends the order now.
func withoutIt(parameter string) bilingual.Text {
	if parameter == "close_at" {
		return bilingual.New("is not for users to choose: your server sends it, with service_token; without it the order is closed now",
			"用户不可指定：须由您的服务器携带 service_token 发送；去掉则立即关单")
	}
	return bilingual.New("is not for users to choose; leave it out", "用户不可指定；请去掉")
}

// inOneLine joins a text's lines: the log and the reply have one.
func inOneLine(t bilingual.Text) bilingual.Text {
	return bilingual.New(strings.Join(strings.Fields(t.EN), " "), strings.Join(strings.Fields(t.ZH), " "))
}

// caught logs a recovered panic, and reports whether there was one.
func (f *Function) caught(ctx context.Context, fault any) bool {
	if fault == nil {
		return false
	}
	f.Log.ErrorContext(ctx, "panic", "fault", telemetry.PanicKind(fault), "stack", string(debug.Stack()))
	return true
}
