package trigger

import (
	"context"
	"errors"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/schedule"
)

// executeOwn executes a user's call, which may be about the user's own orders only. Another user's
// order and one that does not exist are answered alike, to the byte and to the step of time: a user
// that tries numbers must not learn which of them are orders.
func (f *Function) executeOwn(ctx context.Context, owner string, p order.Reader) outcome {
	switch {
	case p.OutTradeNo == "" && p.CombineOutTradeNo == "" && p.TransactionID == "":
		return outcome{Result: refusalOf(order.MissingOutTradeNo())}
	case f.Op != order.OpQuery && p.TransactionID != "":
		// Its owner would be known only after it was closed.
		return outcome{
			refusalOf(notForUsers("transaction_id", bilingual.New(
				"is not for users to close by; give out_trade_no", "用户不可用它关单；请提供 out_trade_no"))),
			denial{ruleParameter, "users may not close by transaction_id: give out_trade_no, or send service_token"},
		}
	case p.CombineOutTradeNo != "" || p.TransactionID != "":
		return f.executeFound(ctx, owner, p)
	}
	o, do, err := f.Owns(ctx, owner, p.Params)
	switch {
	case err != nil:
		return f.ownershipUnknown(ctx, err)
	case o != schedule.Theirs:
		return outcome{notFound(p), denialFor(o)}
	}
	return ownResult(p, do(ctx, p.Params))
}

// executeFound executes a user's call about an order that must be looked up first, since the store
// does not have the number. For a query, what was found is the answer.
func (f *Function) executeFound(ctx context.Context, owner string, p order.Reader) outcome {
	asked := p.Params
	if f.Op != order.OpQuery {
		asked.NonceStr = "" // it is for the close
	}
	found, err := f.Find(ctx, owner, asked)
	switch {
	case err != nil:
		return f.ownershipUnknown(ctx, err)
	case found.Exhausted:
		return outcome{found.Result, denial{ruleLookups, "this user has asked for too many orders within a minute that are not " +
			"theirs: name orders by out_trade_no"}}
	case found.Ownership == schedule.Theirs && f.Op != order.OpQuery && found.Result.Outcome == order.OutcomeFound:
		return ownResult(p, f.Do(ctx, p.Params))
	case found.Result.Outcome == order.OutcomeNotFound, found.Result.Outcome == order.OutcomeFound && found.Ownership != schedule.Theirs:
		return outcome{notFound(p), denialFor(found.Ownership)}
	}
	return outcome{found.Result, denialFor(found.Ownership)}
}

// ownResult is the result of the user's own order. If WeChat Pay does not have it, the answer is
// that of any other order.
func ownResult(p order.Reader, result order.Result) outcome {
	if result.Outcome == order.OutcomeNotFound {
		return outcome{Result: notFound(p)}
	}
	return outcome{Result: result}
}

// ownershipUnknown is the answer when Owns or Find failed.
func (f *Function) ownershipUnknown(ctx context.Context, err error) outcome {
	if field, illFormed := errors.AsType[*order.FieldError](err); illFormed {
		// The user's own parameter is at fault, whichever orders there are.
		return outcome{Result: refusalOf(field)}
	}
	f.Log.ErrorContext(ctx, "the order's owner could not be determined", "error", err)
	if schedule.Lasting(err) { // calling again cannot help before the operator has acted
		result := order.Breakdown(bilingual.New(
			"the order's owner could not be determined; the function's log says why", "未能查明订单归属；原因见函数日志"))
		result.Retryable = false
		return outcome{Result: result}
	}
	return outcome{Result: order.Breakdown(bilingual.New(
		"the order's owner could not be determined; call again", "未能查明订单归属；请重新调用"))}
}

// notFound is the answer about an order that is not the user's, made of the user's own parameters
// only.
func notFound(p order.Reader) order.Result {
	row, _ := errcode.Lookup(errcode.OrderNotExist)
	return order.Result{
		ReturnCode:        "SUCCESS",
		ReturnMsg:         "OK",
		ResultCode:        "FAIL",
		ErrCode:           row.Name,
		ErrCodeDes:        row.Text(),
		OutTradeNo:        short(p.OutTradeNo),
		CombineOutTradeNo: short(p.CombineOutTradeNo),
		TransactionID:     short(p.TransactionID),
		Outcome:           order.OutcomeNotFound,
		Proof:             order.ProofNone,
	}
}

// denial is the rule that denied a call, and the setting or parameter that would admit it. Only the
// operator's log has it: from the rule a caller would learn which orders exist. The zero value is
// no denial.
type denial struct {
	rule   rule
	remedy string
}

// rule is a rule that denies calls. Its text is the log's (docs/callers.md lists them).
type rule string

const (
	ruleCaller    rule = "caller"    // this kind of caller may touch no orders, or not sweep
	ruleParameter rule = "parameter" // a parameter is not for users
	ruleLookups   rule = "lookups"   // too many look-ups
	ruleEvent     rule = "event"     // the event is for another function
	// The others are the texts of schedule.Ownership.
)

// denialFor is the denial that an ownership is for a user. That WeChat Pay has no such order is an
// answer, and no denial.
func denialFor(o schedule.Ownership) denial {
	remedy, denies := map[schedule.Ownership]string{
		schedule.NotTheirs: "the order is registered in the name of another user (openid, owner); an openid is another user's " +
			"below another appid",
		schedule.Unowned: "the order is registered without an owner, so it is no user's: register orders with openid or owner",
		schedule.NotRegistered: "the order is not registered, so it is no user's: register it (close_at, with openid or owner) by a " +
			"call with service_token",
	}[o]
	if !denies {
		return denial{}
	}
	return denial{rule(o), remedy}
}
