package trigger

import (
	"context"
	"log/slog"
	"runtime/debug"
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

// Workflow does what a call asks. It answers before its context's deadline. It may be called for several messages of a
// queue at once.
type Workflow func(ctx context.Context, p order.Params) order.Result

// Function is one cloud function: what it does with a call's parameters, whom it does it for, and where it says what it
// did. Op, Do and Log are required. The zero Access is the strictest.
type Function struct {
	// Op is what Do does. It names the function in the log and in HTTP paths.
	Op order.Op
	// Do is the workflow.
	Do Workflow
	// Sweep does what a timer asks, and reports it in something that JSON can say, for the reply and the log. An error
	// makes the platform try again, and is for when nothing at all could be begun. Nil: there is no store of orders, and
	// timers are told so.
	Sweep func(ctx context.Context) (any, error)
	// Owns tells whether the order that p names by its out_trade_no is registered in the owner's
	// name (see caller.owner). An error says that it could not be found out; an *order.FieldError,
	// that p names no order that could be. Nil: there is no store that knows, and users may do
	// nothing.
	Owns func(ctx context.Context, owner string, p order.Params) (schedule.Ownership, error)
	// Find queries the order that p names by another number, for the owner. It takes as long, and
	// asks as much, whether there is such an order of somebody else's or none. Its errors are
	// Owns's. Nil where Owns is.
	Find func(ctx context.Context, owner string, p order.Params) (schedule.Found, error)
	// Broken, when it is not nil, says why the function is not fit to serve. Nothing else is then called; whoever
	// may do everything is told, others only that it is so.
	Broken error
	// Access is who may do what.
	Access Access
	// Log gets one line for each invocation, and one for each message of a queue's batch besides.
	Log *slog.Logger

	// warm says that an invocation was begun before: this instance is not new.
	warm atomic.Bool
}

// Handle answers one invocation in the form that its trigger understands; see the package's comment
// for which. Its error is nil unless the platform is to bring the same event again: for a queue
// whose messages are not done with, for a timer that could begin nothing, and for an event that is
// for another function. All else is a result, because a platform error would hide from the caller
// what became of the order.
func (f *Function) Handle(ctx context.Context, inv hosting.Invocation) ([]byte, error) {
	e, fault := event.Decode(inv.Payload)
	i := f.invocation(inv, e, fault)
	ctx = i.named(ctx)
	switch e.Kind {
	case event.HTTP:
		response, err := i.http(ctx)
		if err != nil {
			return nil, err
		}
		return e.EncodeResponse(response), nil
	case event.Queue:
		return i.batch(ctx)
	case event.Timer:
		return i.tick(ctx)
	case event.Foreign:
		return i.foreign(ctx)
	case event.Call:
	}
	return i.call(ctx)
}

// HandleHTTP answers one request to our own HTTP server. Its error is nil unless the result cannot
// be marshalled.
func (f *Function) HandleHTTP(ctx context.Context, inv hosting.Invocation, r hosting.Request) (hosting.Response, error) {
	e, fault := event.FromRequest(r)
	i := f.invocation(inv, e, fault)
	return i.http(i.named(ctx))
}

// invocation is one event on its way through a Function. It does not change.
type invocation struct {
	*Function

	inv   hosting.Invocation
	event event.Event
	// fault says why the event could not be read; nil when it could.
	fault *event.Fault
	start time.Time
	// cold says that this is the first of its instance.
	cold bool
}

func (f *Function) invocation(inv hosting.Invocation, e event.Event, fault *event.Fault) *invocation {
	return &invocation{Function: f, inv: inv, event: e, fault: fault, start: time.Now(), cold: !f.warm.Swap(true)}
}

// named redacts the request ID in the log if it is a secret: some gateways take it from a header of
// the caller's.
func (i *invocation) named(ctx context.Context) context.Context {
	if i.Access.IsSecret(i.inv.RequestID) {
		return telemetry.WithRequestID(ctx, redacted)
	}
	return ctx
}

// unreadable is the invocation's fault as one of the caller's words; nil when there is none.
func (i *invocation) unreadable() *order.FieldError {
	if i.fault == nil {
		return nil
	}
	return brokenRule(i.fault.Field, i.fault.Rule)
}

// refusalOf is the result of a call whose words break a rule.
func refusalOf(fault *order.FieldError) order.Result {
	return order.Refusal(fault.Code, fault.Wording())
}

// notForUsers is the FieldError for a parameter that is well formed, and not for users to give.
func notForUsers(field string, rule bilingual.Text) *order.FieldError {
	return &order.FieldError{Field: field, Rule: rule, Code: errcode.NoAuth}
}

// caller is identify's, less what takes a store that is not there. An event that cannot be read is nobody's: a sign of a
// user may be in the rest of it.
func (i *invocation) caller(token string) caller {
	if i.fault != nil {
		return caller{kind: nobody}
	}
	c := identify(i.inv, i.event, token, i.Access)
	if c.may.orders == ownOrders && i.Owns == nil {
		c.may.orders = noOrders
		c.remedy = "users may touch their own orders only, and without a store nobody knows whose they are: set CLOUDPAY_STORE, " +
			"or CLOUDPAY_CALLER_POLICY=any if users may close and query all orders"
	}
	return c
}

// notAllowed is all that somebody learns who may not do something. The log has the rest.
var notAllowed = bilingual.New("this caller may not do that; the function's log says why", "调用方无此权限；原因见云函数日志")

// perform does what one set of parameters asks, as far as the caller may. A panic becomes a result.
func (f *Function) perform(ctx context.Context, c caller, p params, fault *order.FieldError) (done outcome) {
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
		return f.performOwn(ctx, c.owner, p)
	}
	return outcome{Result: f.Do(ctx, p.Params)}
}

// An outcome is a result, and why it is no other for the log alone.
type outcome struct {
	order.Result

	barred barred
}

// refuse finds what is wrong before anything is done: with us, with the words, with who says them; nil when all is well.
func (f *Function) refuse(c caller, p params, fault *order.FieldError) *outcome {
	var refused outcome
	switch {
	case f.Broken != nil:
		refused.Result = order.Refusal(errcode.ConfigError, inOneLine(bilingual.Wording(f.Broken)))
	case fault != nil:
		refused.Result = refusalOf(fault)
	case c.may.orders == noOrders:
		refused = outcome{order.Refusal(errcode.NoAuth, notAllowed), barred{ruleCaller, c.remedy}}
	case !c.may.decide && len(p.operators) > 0:
		refused = outcome{
			refusalOf(notForUsers(p.operators[0], bilingual.New("is not for users to choose; leave it out", "用户不可指定；请去掉"))),
			barred{ruleParameter, "users may not choose " + p.operators[0] + ": leave it out, or send service_token"},
		}
	default:
		return nil
	}
	return &refused
}

func inOneLine(t bilingual.Text) bilingual.Text {
	return bilingual.New(strings.Join(strings.Fields(t.EN), " "), strings.Join(strings.Fields(t.ZH), " "))
}

// caught logs what a deferred recover got, and reports whether that was anything.
func (f *Function) caught(ctx context.Context, fault any) bool {
	if fault == nil {
		return false
	}
	f.Log.ErrorContext(ctx, "panic", "fault", telemetry.PanicKind(fault), "stack", string(debug.Stack()))
	return true
}
