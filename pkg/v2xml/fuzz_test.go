package v2xml_test

import (
	"bytes"
	"strings"
	"testing"

	"cloudpay/pkg/v2xml"
)

// placeholder stands in a fuzzed reply for the signature that the rest of it should have, so that
// the fuzzer gets past the signature.
const placeholder = "@SIGN@"

// FuzzDecode: no reply makes the package panic, and what it accepts is signed over all that an
// independent reader finds in it, and is about this merchant and this order.
func FuzzDecode(f *testing.F) {
	for _, elements := range [][]element{closeElements(), queryElements(), with(head(), element{"result_code", "FAIL"})} {
		f.Add(signed(elements...))
		f.Add(write(append(elements, element{"sign", placeholder})))
	}
	for _, body := range []string{
		"", "<html>", "<xml><return_code>FAIL</return_code></xml>", `<?xml version="1.0" encoding="GBK"?><xml/>`,
		"<!DOCTYPE xml [<!ENTITY a 'b'>]><xml>&a;</xml>", "<xml><a><b/></a></xml>", "<xml><!-- --></xml>", "<a:xml b='c'/>",
		"<xml><coupon_fee_0>1</coupon_fee_0><promotion_detail>{}</promotion_detail><time_end>20140101000000</time_end></xml>",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if elements, err := readFlat(body); err == nil {
			body = bytes.ReplaceAll(body, []byte(placeholder), []byte(signMD5(elements, key)))
		}
		c := answering(body)
		if reply, err := closeOne(c); err == nil {
			mustBeSigned(t, body, reply.Envelope)
			if reply.AppID != appID || reply.MchID != mchID || reply.SubMchID != "" {
				t.Errorf("accepted a reply about another merchant: %+v", reply)
			}
		}
		if reply, err := queryOne(c); err == nil {
			mustBeSigned(t, body, reply.Envelope)
			if reply.AppID != appID || reply.MchID != mchID || reply.SubMchID != "" || reply.OutTradeNo != orderNo || reply.TradeState == "" {
				t.Errorf("accepted a reply about something else: %+v", reply)
			}
			for _, amount := range []*int64{reply.TotalFee, reply.CashFee, reply.SettlementTotalFee, reply.CouponFee} {
				if amount != nil && *amount < 0 {
					t.Errorf("accepted a negative amount: %+v", reply)
				}
			}
		}
	})
}

// mustBeSigned verifies body once more, with the test's own reader and signer.
func mustBeSigned(t *testing.T, body []byte, envelope v2xml.Envelope) {
	t.Helper()
	elements := elementsOf(t, body)
	if want := signMD5(elements, key); valueOf(t, body, "sign") != want || envelope.Signature != want {
		t.Errorf("accepted sign %s, and the test's own is %s of %s", envelope.Signature, want, message(elements, "…"))
	}
	for i, e := range elements {
		for _, other := range elements[i+1:] {
			if e.name == other.name {
				t.Errorf("accepted %s twice", e.name)
			}
		}
	}
}

// FuzzEncode: a request is refused before it is sent, or reaches an independent reader with the
// very values that were given and a signature that this reader makes as well; and a reply that
// repeats them is read back as they were.
func FuzzEncode(f *testing.F) {
	f.Add(orderNo, "1900000109", "wx8888888888888888", nonce, "深圳 & <分店> ]]>", false)
	f.Add("A|*@_-", "", "", "n", "a&bank_type=b", true)
	f.Add("A&b=c", "<>", "\x00", "", "\r\n", false)
	f.Add(orderNo, "", "", nonce, "l1\r\nl2\x1d\x00 \xe6\xb7 \uffff \r", true)
	f.Fuzz(func(t *testing.T, number, subMch, subApp, nonce, attach string, hmac bool) {
		signType, sign := v2xml.MD5, signMD5
		if hmac {
			signType, sign = v2xml.HMACSHA256, signHMAC
		}
		gateway := &memory{keep: true}
		c := client(gateway)
		c.SignType = signType
		query := v2xml.Request{OutTradeNo: number, SubMchID: subMch, SubAppID: subApp, Nonce: nonce}
		_, err := c.QueryOrder(t.Context(), query)
		if gateway.asked == nil {
			if kind := kindOf(err); kind != "other" {
				t.Fatalf("nothing was sent, and the error is a %s: %v", kind, err)
			}
			return
		}
		for name, want := range map[string]string{"out_trade_no": number, "sub_mch_id": subMch, "sub_appid": subApp} {
			if got := valueOf(t, gateway.asked, name); got != want {
				t.Errorf("%s was sent as %q, want %q", name, got, want)
			}
		}
		if got := valueOf(t, gateway.asked, "nonce_str"); nonce != "" && got != nonce {
			t.Errorf("nonce_str was sent as %q, want %q", got, nonce)
		}
		if got, want := valueOf(t, gateway.asked, "sign"), sign(elementsOf(t, gateway.asked), key); got != want {
			t.Errorf("sign %s, and the test's own is %s", got, want)
		}
		readBack(t, c, gateway, query, attach, sign)
	})
}

// readBack answers query with a reply that holds what it asked about, and attach.
func readBack(
	t *testing.T, c *v2xml.Client, gateway *memory, query v2xml.Request, attach string, sign func([]element, string) string,
) {
	t.Helper()
	elements := with(head(), element{"out_trade_no", query.OutTradeNo}, element{"trade_state", "NOTPAY"}, element{"attach", attach})
	if query.SubMchID != "" {
		elements = with(elements, element{"sub_mch_id", query.SubMchID}, element{"sub_appid", query.SubAppID})
	}
	body := write(elements)
	if read, err := readFlat(body); err != nil || valueOf(t, body, "attach") != attach {
		return // it has the test's own stand-ins
	} else if gateway.reply = write(append(read, element{"sign", sign(read, key)})); len(gateway.reply) > 1<<20 {
		return
	}
	got, err := c.QueryOrder(t.Context(), query)
	if err != nil {
		if kindOf(err) == "VerifyError bad signature" && strings.Contains(attach, "&") {
			return // it could be an attach with another element folded into it
		}
		t.Fatalf("%v\n%s", err, gateway.reply)
	}
	if got.OutTradeNo != query.OutTradeNo || got.SubMchID != query.SubMchID || got.SubAppID != query.SubAppID || got.Attach != attach {
		t.Errorf("asked %+v with attach %q, read %+v", query, attach, got)
	}
}
