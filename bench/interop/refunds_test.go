package interop_test

import (
	"testing"
	"time"

	"github.com/go-pay/gopay"
	wechatv3 "github.com/go-pay/gopay/wechat/v3"
	"github.com/wechatpay-apiv3/wechatpay-go/services/refunddomestic"

	"cloudpay/pkg/paygate"
)

// placing is what gopay places or charges.
func (g *gopayV2) placing(outTradeNo string, more map[string]string) gopay.BodyMap {
	bm := g.ask(map[string]string{
		"body": "Tea, large", "out_trade_no": outTradeNo, "total_fee": "100", "spbill_create_ip": "127.0.0.1", "attach": "附加 <&>",
	})
	for name, value := range more {
		bm.Set(name, value)
	}
	return bm
}

// bind has the gateway know the sub-merchant, by an order for it.
func (g *gopayV2) bind() { g.order("BINDS") }

// gopay places an order in APIv2, has it paid, refunds it in two parts and queries both. Its
// verification believes every answer.
func TestGopayV2PlacesAndRefunds(t *testing.T) {
	t.Parallel()
	eachGopayV2(t, func(t *testing.T, g *gopayV2) {
		t.Helper()
		g.bind()
		placed, err := g.client.UnifiedOrder(t.Context(), g.placing("PLACED1", map[string]string{
			"trade_type": "JSAPI", "openid": "oABC", "notify_url": "http://127.0.0.1:9/notify",
		}))
		if err != nil || placed.PrepayId == "" || placed.ResultCode != "SUCCESS" || !g.believes(placed) {
			t.Fatalf("placing: got %+v and error %v\nhistory: %+v", placed, err, g.Requests())
		}
		g.wantState("out_trade_no", "PLACED1", paygate.StateNotPay)
		g.MustPay("PLACED1", g.owner())
		for _, part := range []struct{ no, amount string }{{"R1", "30"}, {"R2", "70"}} {
			reply, all, err := g.client.Refund(t.Context(), g.ask(map[string]string{
				"out_trade_no": "PLACED1", "out_refund_no": part.no, "total_fee": "100", "refund_fee": part.amount,
			}))
			if err != nil || reply.ResultCode != "SUCCESS" || reply.RefundFee != part.amount || !g.believes(all) {
				t.Fatalf("refunding %s: got %+v and error %v\nhistory: %+v", part.no, reply, err, g.Requests())
			}
		}
		g.wantState("out_trade_no", "PLACED1", paygate.StateRefund)
		g.MustAdvance(time.Minute)
		reply, all, err := g.client.QueryRefund(t.Context(), g.ask(map[string]string{"out_trade_no": "PLACED1"}))
		if err != nil || reply.RefundCount != "2" || reply.OutRefundNo1 != "R2" || reply.RefundStatus1 != "SUCCESS" || !g.believes(all) {
			t.Errorf("querying: got %+v and error %v\nhistory: %+v", reply, err, g.Requests())
		}
	})
}

// gopay charges a payment code in APIv2, waits for the password, and reverses.
func TestGopayV2ChargesAndReverses(t *testing.T) {
	t.Parallel()
	eachGopayV2(t, func(t *testing.T, g *gopayV2) {
		t.Helper()
		g.bind()
		code := map[string]string{"auth_code": "134567890123456789"}
		paid, err := g.client.Micropay(t.Context(), g.placing("TILL01", code))
		if err != nil || paid.ResultCode != "SUCCESS" || paid.TransactionId == "" || !g.believes(paid) {
			t.Fatalf("charging: got %+v and error %v\nhistory: %+v", paid, err, g.Requests())
		}
		code["total_fee"] = "100001"
		asked, err := g.client.Micropay(t.Context(), g.placing("TILL02", code))
		if err != nil || asked.ErrCode != "USERPAYING" || !g.believes(asked) {
			t.Fatalf("charging above 1,000 yuan: got %+v and error %v\nhistory: %+v", asked, err, g.Requests())
		}
		for _, no := range []string{"TILL01", "TILL02"} {
			reversed, err := g.client.Reverse(t.Context(), g.ask(map[string]string{"out_trade_no": no}))
			if err != nil || reversed.ResultCode != "SUCCESS" || reversed.Recall != "N" || !g.believes(reversed) {
				t.Errorf("reversing %s: got %+v and error %v\nhistory: %+v", no, reversed, err, g.Requests())
			}
			g.wantState("out_trade_no", no, paygate.StateRevoked)
		}
	})
}

// gopay refunds, queries the refund and reverses in APIv3, verifying each success.
func TestGopayV3RefundsAndReverses(t *testing.T) {
	t.Parallel()
	eachGopayV3(t, func(t *testing.T, g *gopayV3) {
		t.Helper()
		g.order("A1")
		g.MustPay("A1", g.owner())
		bm := gopay.BodyMap{"out_trade_no": "A1", "out_refund_no": "R1", "reason": "too cold"}
		bm.SetBodyMap("amount", func(amount gopay.BodyMap) { amount.Set("refund", 40).Set("total", 100).Set("currency", "CNY") })
		var sub gopay.BodyMap // an empty one makes gopay sign another address than it sends
		if g.subMchID != "" {
			bm.Set("sub_mchid", g.subMchID)
			sub = gopay.BodyMap{"sub_mchid": g.subMchID}
		}
		refund, err := g.client.V3Refund(t.Context(), bm)
		if err != nil || refund.Code != wechatv3.Success || refund.Response.Status != "PROCESSING" || refund.Response.Amount.Refund != 40 {
			t.Fatalf("refunding: got %+v and error %v\nhistory: %+v", refund, err, g.Requests())
		}
		g.MustAdvance(time.Minute)
		query, err := g.client.V3RefundQuery(t.Context(), "R1", sub)
		if err != nil || query.Code != wechatv3.Success || query.Response.Status != "SUCCESS" || query.Response.RefundId != refund.Response.RefundId {
			t.Errorf("querying: got %+v and error %v\nhistory: %+v", query, err, g.Requests())
		}
		g.MustAddOrder(paygate.Order{MchID: g.Merchant.MchID, SubMchID: g.subMchID, OutTradeNo: "TILL01", Total: 100, TradeType: "MICROPAY"})
		if err := g.reverse("TILL01"); err != nil {
			t.Errorf("reversing: %v\nhistory: %+v", err, g.Requests())
		}
		g.WantState("TILL01", paygate.StateRevoked, g.owner())
	})
}

// reverse reverses for either role.
func (g *gopayV3) reverse(outTradeNo string) error {
	if g.subMchID == "" {
		_, err := g.client.V3TransactionCodePayReverse(g.t.Context(), outTradeNo, gopay.BodyMap{"appid": g.Merchant.AppID})
		return err
	}
	_, err := g.client.V3PartnerTransactionCodePayReverse(g.t.Context(), outTradeNo, gopay.BodyMap{"sub_mchid": g.subMchID})
	return err
}

// WeChat Pay's own SDK refunds, queries the refund, and reads a refusal.
func TestSDKRefunds(t *testing.T) {
	t.Parallel()
	eachScene(t, func(t *testing.T, s *scene) {
		t.Helper()
		s.order("A1")
		s.MustPay("A1", s.owner())
		service := refunddomestic.RefundsApiService{Client: s.client}
		ask := refunddomestic.CreateRequest{
			OutTradeNo: new("A1"), TransactionId: new(s.MustOrder("A1", s.owner()).TransactionID),
			OutRefundNo: new("R1"), Reason: new("商品已售完"), NotifyUrl: new("http://127.0.0.1:9/notify"),
			FundsAccount: refunddomestic.REQFUNDSACCOUNT_AVAILABLE.Ptr(),
			Amount: &refunddomestic.AmountReq{
				Currency: new("CNY"), Refund: new(int64(40)), Total: new(int64(100)),
				From: []refunddomestic.FundsFromItem{{Account: refunddomestic.ACCOUNT_AVAILABLE.Ptr(), Amount: new(int64(40))}},
			},
			GoodsDetail: []refunddomestic.GoodsDetail{{
				MerchantGoodsId: new("M1006"), GoodsName: new("tea"), UnitPrice: new(int64(40)),
				RefundAmount: new(int64(40)), RefundQuantity: new(int64(1)),
			}},
		}
		find := refunddomestic.QueryByOutRefundNoRequest{OutRefundNo: new("R1")}
		if s.subMchID != "" {
			ask.SubMchid, find.SubMchid = &s.subMchID, &s.subMchID
		}
		refund, _, err := service.Create(t.Context(), ask)
		if err != nil || *refund.Status != refunddomestic.STATUS_PROCESSING || *refund.Amount.Refund != 40 || *refund.Amount.PayerRefund != 28 {
			t.Fatalf("refunding: got %+v and error %v\nhistory: %+v", refund, err, s.Requests())
		}
		s.wantState("A1", paygate.StateRefund)
		s.MustAdvance(time.Minute)
		found, _, err := service.QueryByOutRefundNo(t.Context(), find)
		if err != nil || *found.Status != refunddomestic.STATUS_SUCCESS || *found.RefundId != *refund.RefundId || found.SuccessTime == nil {
			t.Errorf("querying: got %+v and error %v\nhistory: %+v", found, err, s.Requests())
		}
		ask.OutRefundNo, ask.Amount.Refund, ask.Amount.From = new("R2"), new(int64(61)), nil
		_, _, err = service.Create(t.Context(), ask)
		s.wantRefusal(err, 400, "INVALID_REQUEST")
	})
}
