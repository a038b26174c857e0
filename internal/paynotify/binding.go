package paynotify

import (
	"slices"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/pkg/v2xml"
	"cloudpay/pkg/v3json"
	"cloudpay/pkg/wire"
)

// bind returns the payments of orders that the register is about, and why others are not; "" if all
// are. A payment is ours by its merchant and its sub-merchant, and by its appid where AppIDs says
// which those are. A refund names no appid.
func (r *Receiver) bind(p proof) (ours []schedule.Payment, others string) {
	for _, one := range p.paid {
		switch {
		case one.MchID != r.Merchant.MchID:
			others = "it has a payment of another merchant"
		case !r.isOfSubMerchant(one.SubMchID):
			others = "it has a payment of a sub-merchant that is not configured"
		case len(r.AppIDs) > 0 && !one.Refunded && !slices.Contains(r.AppIDs, one.appID):
			others = "it has a payment by an appid that WXPAY_APPIDS does not list"
		case one.Validate() != nil: // beside it, the other parts of a combined order are recorded
			others = "it has a number that no registered order can have"
		default:
			ours = append(ours, one.Payment)
		}
	}
	return ours, others
}

// isOfSubMerchant reports whether the merchant's orders may be of a sub-merchant: a direct
// merchant's are of none, and a partner's each of one.
func (r *Receiver) isOfSubMerchant(subMchID string) bool {
	m := r.Merchant
	if !m.Partner {
		return subMchID == ""
	}
	return subMchID != "" && (len(m.SubMchIDs) == 0 || subMchID == m.SubMchID || slices.Contains(m.SubMchIDs, subMchID))
}

// ref is an order's name in the register.
func (r *Receiver) ref(mchID, subMchID, number string) order.Ref {
	if subMchID == mchID {
		subMchID = "" // a direct order that names its merchant twice
	}
	return order.Ref{Region: r.Merchant.Account().Region, MchID: mchID, SubMchID: subMchID, OutTradeNo: number}
}

// paymentsV3 are the orders of an APIv3 notification. A partner's order has its sp_mchid and
// sp_appid, each other one its mchid and appid.
func (r *Receiver) paymentsV3(n *wire.Notification[v3json.Transaction]) []payment {
	var all []payment
	add := func(t v3json.Transaction, refunded bool) {
		mchID, appID := t.MchID, t.AppID
		if t.SPMchID != "" {
			mchID, appID = t.SPMchID, t.SPAppID
		}
		p := schedule.Payment{
			Ref: r.ref(mchID, t.SubMchID, t.OutTradeNo), Refunded: refunded,
			TransactionID: t.TransactionID, PaidAt: t.SuccessTime,
		}
		if t.Amount != nil {
			p.Total = t.Amount.Total // nil if it was not said
		}
		all = append(all, payment{p, appID})
	}
	for _, t := range n.Paid {
		add(t, false)
	}
	for _, t := range n.Refunded {
		add(t, true)
	}
	return all
}

// paymentsV2 are the orders of an APIv2 notification: one at most.
func (r *Receiver) paymentsV2(n *wire.Notification[v2xml.Transaction]) []payment {
	all := make([]payment, 0, len(n.Paid))
	for _, t := range n.Paid {
		all = append(all, payment{schedule.Payment{
			Ref:           r.ref(t.MchID, t.SubMchID, t.OutTradeNo),
			TransactionID: t.TransactionID, Total: t.TotalFee, PaidAt: t.TimeEnd,
		}, t.AppID})
	}
	return all
}
