package wechatpay

import (
	"context"

	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
	"cloudpay/pkg/v3json"
)

// closeCombined and queryCombined are what v3.go does for a combined order, whose
// sub-orders are paid and closed together or not at all.
func closeCombined(ctx context.Context, client *v3json.Client, c order.Call) order.Answer {
	subs := make([]v3json.SubOrder, 0, len(c.SubOrders))
	for _, s := range c.SubOrders {
		subs = append(subs, v3json.SubOrder{MchID: s.MchID, SubMchID: s.SubMchID, OutTradeNo: s.OutTradeNo})
	}
	reply, err := client.CloseCombined(ctx, v3json.CombineRequest{
		CombineOutTradeNo: c.CombineOutTradeNo,
		SubOrders:         subs,
		Nonce:             c.Nonce,
	})
	if err != nil {
		return failedV3(order.OpClose, err)
	}
	return signedV3(verdict.Accepted, reply.Envelope)
}

func queryCombined(ctx context.Context, client *v3json.Client, c order.Call) order.Answer {
	reply, err := client.QueryCombined(ctx, v3json.CombineRequest{
		CombineOutTradeNo: c.CombineOutTradeNo,
		Nonce:             c.Nonce,
	})
	if err != nil {
		return failedV3(order.OpQuery, err)
	}
	a := signedV3(verdict.Stated, reply.Envelope)
	a.Facts = factsCombined(reply.CombinedTransaction)
	return a
}

func factsCombined(t v3json.CombinedTransaction) *order.Facts {
	f := &order.Facts{
		OpenID:        t.CombinePayerInfo.OpenID,
		SubOpenID:     t.CombinePayerInfo.SubOpenID,
		DeviceInfo:    t.SceneInfo.DeviceID,
		TransactionID: t.CombineTransactionID,
		Unread:        t.Unread,
	}
	states := make([]tradestate.State, 0, len(t.SubOrders))
	var total, cash sum
	for _, s := range t.SubOrders {
		state := tradestate.State(s.TradeState)
		states = append(states, state)
		sub := order.SubFacts{
			SubOrder: order.SubOrder{MchID: s.MchID, SubMchID: s.SubMchID, OutTradeNo: s.OutTradeNo}, SubAppID: s.SubAppID,
			TransactionID: s.TransactionID, TradeState: state, TradeType: s.TradeType, BankType: s.BankType,
			Attach: s.Attach, SubOpenID: s.SubOpenID, TimeEnd: order.TimeEnd(s.SuccessTime),
		}
		if s.Amount != nil {
			sub.TotalFee, sub.FeeType = s.Amount.TotalAmount, s.Amount.Currency
			sub.CashFee, sub.CashFeeType = s.Amount.PayerAmount, s.Amount.PayerCurrency
		}
		total.add(sub.TotalFee)
		cash.add(sub.CashFee)
		if s.SuccessTime.After(f.PaidAt) {
			f.PaidAt = s.SuccessTime
		}
		f.SubOrders = append(f.SubOrders, sub)
	}
	f.TradeState = tradestate.Combined(states)
	f.TotalFee, f.CashFee = total.amount(), cash.amount()
	return f
}

// A sum is of amounts, and is none when one of them is not known.
type sum struct {
	fen     int64
	unknown bool
}

func (s *sum) add(fen *int64) {
	if fen == nil {
		s.unknown = true
		return
	}
	s.fen += *fen
}

func (s *sum) amount() *int64 {
	if s.unknown {
		return nil
	}
	return &s.fen
}
