package v2xml_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/pkg/v2xml"
)

func TestCloseReply(t *testing.T) {
	t.Parallel()
	partner := with(closeElements(), element{"sub_mch_id", "1900000109"}, element{"sub_appid", "wx8888888888888888"})
	bare := with(closeElements(), element{"result_msg", "-"}, element{"return_msg", "-"})
	for _, test := range []struct {
		name     string
		req      v2xml.Request
		elements []element
		want     v2xml.CloseReply
	}{
		{"direct", v2xml.Request{}, closeElements(), v2xml.CloseReply{ReturnMsg: "OK", ResultMsg: "OK"}},
		{"without messages", v2xml.Request{}, bare, v2xml.CloseReply{}},
		{
			"with its number", v2xml.Request{}, with(bare, element{"out_trade_no", orderNo}), v2xml.CloseReply{},
		},
		{
			"with empty and unknown elements", v2xml.Request{},
			with(bare, element{"device_info", ""}, element{"sub_mch_id", ""}, element{"trade_state", ""}, element{"new_in_2030", "你好"}),
			v2xml.CloseReply{},
		},
		{
			"partner", v2xml.Request{SubMchID: "1900000109", SubAppID: "wx8888888888888888"}, partner,
			v2xml.CloseReply{
				SubMchID: "1900000109", SubAppID: "wx8888888888888888", ReturnMsg: "OK", ResultMsg: "OK",
			},
		},
		{
			"partner, sub_appid not asked about", v2xml.Request{SubMchID: "1900000109"}, partner,
			v2xml.CloseReply{
				SubMchID: "1900000109", SubAppID: "wx8888888888888888", ReturnMsg: "OK", ResultMsg: "OK",
			},
		},
		{
			"partner, sub_appid not repeated", v2xml.Request{SubMchID: "1900000109", SubAppID: "wx8888888888888888"},
			with(partner, element{"sub_appid", "-"}),
			v2xml.CloseReply{SubMchID: "1900000109", ReturnMsg: "OK", ResultMsg: "OK"},
		},
	} {
		for signType, sign := range signers() {
			t.Run(test.name+", "+string(signType), func(t *testing.T) {
				t.Parallel()
				signature := sign(test.elements, key)
				c := answering(write(append(slices.Clip(test.elements), element{"sign", signature})))
				c.SignType = signType
				req := test.req
				req.OutTradeNo = orderNo
				got, err := c.CloseOrder(t.Context(), req)
				if err != nil {
					t.Fatal(err)
				}
				want := test.want
				want.Envelope = v2xml.Envelope{HTTPStatus: 200, Nonce: "IITRi8Iabbblz1Jc", Signature: signature}
				want.AppID, want.MchID = appID, mchID
				if diff := cmp.Diff(want, *got); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		}
	}
}

// signers are the test's own.
func signers() map[v2xml.SignType]func([]element, string) string {
	return map[v2xml.SignType]func([]element, string) string{v2xml.MD5: signMD5, v2xml.HMACSHA256: signHMAC}
}

// TestCloseIsNotFooledByOtherAnswers: each is a success that the gateway signed for this merchant,
// to another question.
func TestCloseIsNotFooledByOtherAnswers(t *testing.T) {
	t.Parallel()
	answers := map[string][]element{
		"query of a paid order":    queryElements(),
		"query of an unpaid order": with(head(), element{"out_trade_no", orderNo}, element{"trade_state", "NOTPAY"}),
		"unified order":            with(head(), element{"prepay_id", "wx2015"}),
		"unified order, its type":  with(head(), element{"trade_type", "NATIVE"}),
		"code payment":             with(head(), element{"transaction_id", "42"}, element{"out_trade_no", orderNo}),
		"refund":                   with(head(), element{"refund_id", "50"}),
		"refund, ours":             with(head(), element{"out_refund_no", "R1"}),
		"reversal":                 with(head(), element{"recall", "N"}),
		"close of another order":   with(head(), element{"out_trade_no", "another"}),
	}
	for name, elements := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := closeOne(answering(signed(elements...)))
			if got := kindOf(err); got != "VerifyError mismatch" {
				t.Errorf("got %s (%v), want VerifyError mismatch", got, err)
			}
		})
	}
}
