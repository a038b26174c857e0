package trigger

import (
	"context"
	"errors"

	"cloudpay/internal/order"
)

// performOwn does what a user asks of an order of theirs. An order of somebody else's and one that nobody ever heard of
// are answered alike, to the byte: whoever tries numbers must not learn which of them are orders.
func (f *Function) performOwn(ctx context.Context, owner string, p params) order.Result {
	named := p.OutTradeNo != "" || p.CombineOutTradeNo != ""
	switch {
	case !named && p.TransactionID == "":
		return order.Refusal(order.CodeParamError, "out_trade_no: must be given: it names the order")
	case f.Op != order.OpQuery && p.TransactionID != "":
		// Whose order it is would be known only after it was closed.
		return order.Refusal(order.CodeNoAuth, "transaction_id: is not for users to close by; give out_trade_no")
	}
	if named {
		if refusal := f.disown(ctx, owner, p, p.Params); refusal != nil {
			return *refusal
		}
	}
	result := f.Do(ctx, p.Params)
	if result.Outcome == order.OutcomeNotFound {
		return absent(p)
	}
	if p.TransactionID != "" && tells(result) {
		// The gateway knows the order by its other number; that is the one the store knows.
		found := order.Params{SubMchID: result.SubMchID, OutTradeNo: result.OutTradeNo, CombineOutTradeNo: result.CombineOutTradeNo}
		if refusal := f.disown(ctx, owner, p, found); refusal != nil {
			return *refusal
		}
	}
	return result
}

// disown refuses what is not the owner's; nil when it is.
func (f *Function) disown(ctx context.Context, owner string, asked params, found order.Params) *order.Result {
	refusal := absent(asked)
	if found.OutTradeNo == "" && found.CombineOutTradeNo == "" {
		return &refusal
	}
	owns, err := f.Owns(ctx, owner, found)
	field, illFormed := errors.AsType[*order.FieldError](err)
	switch {
	case illFormed:
		// It is the user's own words that are wrong, whichever orders there are.
		refusal = order.Refusal(field.Code, field.Error())
	case err != nil:
		f.Log.ErrorContext(ctx, "whose order it is could not be found out", "error", err)
		refusal = order.Breakdown("whose order it is could not be found out; call again")
	case owns:
		return nil
	}
	return &refusal
}

// tells reports whether a result says anything of an order.
func tells(r order.Result) bool {
	return r.Outcome == order.OutcomeFound || r.TradeState != "" || r.OutTradeNo != "" || r.CombineOutTradeNo != "" || len(r.SubOrders) > 0
}

// absent is the answer about an order that is not the user's to know of, made of the user's own words alone.
func absent(p params) order.Result {
	row, _ := order.Lookup(order.CodeOrderNotExist)
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
