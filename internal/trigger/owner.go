package trigger

import (
	"context"
	"errors"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/schedule"
)

// performOwn does what a user asks of an order of theirs. An order of somebody else's and one that
// nobody ever heard of are answered alike, to the byte and to the step of time: whoever tries
// numbers must not learn which of them are orders.
func (f *Function) performOwn(ctx context.Context, owner string, p params) outcome {
	switch {
	case p.OutTradeNo == "" && p.CombineOutTradeNo == "" && p.TransactionID == "":
		return outcome{Result: refusalOf(order.MissingOutTradeNo())}
	case f.Op != order.OpQuery && p.TransactionID != "":
		// Whose order it is would be known only after it was closed.
		return outcome{
			refusalOf(notForUsers("transaction_id", bilingual.New(
				"is not for users to close by; give out_trade_no", "用户不可用它关单；请提供 out_trade_no"))),
			barred{ruleParameter, "users may not close by transaction_id: give out_trade_no, or send service_token"},
		}
	case p.CombineOutTradeNo != "" || p.TransactionID != "":
		return f.performFound(ctx, owner, p)
	}
	o, err := f.Owns(ctx, owner, p.Params)
	switch {
	case err != nil:
		return f.notFoundOut(ctx, err)
	case o != schedule.Theirs:
		return outcome{absent(p), barredBy(o)}
	}
	return ofTheirs(p, f.Do(ctx, p.Params))
}

// performFound does what a user asks of an order that has to be looked up first, since the store
// does not know the number. What a query finds is the answer to a query already.
func (f *Function) performFound(ctx context.Context, owner string, p params) outcome {
	asked := p.Params
	if f.Op != order.OpQuery {
		asked.NonceStr = "" // it is for the close
	}
	found, err := f.Find(ctx, owner, asked)
	switch {
	case err != nil:
		return f.notFoundOut(ctx, err)
	case found.Exhausted:
		return outcome{found.Result, barred{ruleLookups, "this user has asked for too many orders within a minute that are not " +
			"theirs: name orders by out_trade_no"}}
	case found.Ownership == schedule.Theirs && f.Op != order.OpQuery && found.Result.Outcome == order.OutcomeFound:
		return ofTheirs(p, f.Do(ctx, p.Params))
	case found.Result.Outcome == order.OutcomeNotFound, found.Result.Outcome == order.OutcomeFound && found.Ownership != schedule.Theirs:
		return outcome{absent(p), barredBy(found.Ownership)}
	}
	return outcome{found.Result, barredBy(found.Ownership)}
}

// ofTheirs is the result of an order that is the user's. That WeChat Pay has not got it is no more
// than is said of any other.
func ofTheirs(p params, result order.Result) outcome {
	if result.Outcome == order.OutcomeNotFound {
		return outcome{Result: absent(p)}
	}
	return outcome{Result: result}
}

// notFoundOut is the answer when Owns or Find failed.
func (f *Function) notFoundOut(ctx context.Context, err error) outcome {
	if field, illFormed := errors.AsType[*order.FieldError](err); illFormed {
		// It is the user's own words that are wrong, whichever orders there are.
		return outcome{Result: refusalOf(field)}
	}
	f.Log.ErrorContext(ctx, "whose order it is could not be found out", "error", err)
	if schedule.Lasting(err) { // calling again is of no use before somebody has read the log
		result := order.Breakdown(bilingual.New(
			"whose order it is could not be found out; the function's log says why", "未能查明订单归属；原因见函数日志"))
		result.Retryable = false
		return outcome{Result: result}
	}
	return outcome{Result: order.Breakdown(bilingual.New(
		"whose order it is could not be found out; call again", "未能查明订单归属；请重新调用"))}
}

// absent is the answer about an order that is not the user's to know of, made of the user's own
// words alone.
func absent(p params) order.Result {
	row, _ := errcode.Lookup(errcode.OrderNotExist)
	return order.Result{
		ReturnCode:        "SUCCESS",
		ReturnMsg:         "OK",
		ResultCode:        "FAIL",
		ErrCode:           row.Name,
		ErrCodeDes:        row.Text(),
		OutTradeNo:        clip(p.OutTradeNo),
		CombineOutTradeNo: clip(p.CombineOutTradeNo),
		TransactionID:     clip(p.TransactionID),
		Outcome:           order.OutcomeNotFound,
		Proof:             order.ProofNone,
	}
}
