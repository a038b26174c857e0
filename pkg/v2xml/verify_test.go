package v2xml_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"cloudpay/pkg/v2xml"
	"cloudpay/pkg/wire"
)

// TestAnotherStatusIsAnUnauthenticatedHint, whatever the body says: signed success included.
func TestAnotherStatusIsAnUnauthenticatedHint(t *testing.T) {
	t.Parallel()
	for _, status := range []int{201, 202, 204, 206, 400, 401, 403, 404, 429, 500, 502, 503} {
		for _, test := range []struct {
			name          string
			body          []byte
			code, message string
		}{
			{"empty", nil, "", ""},
			{"HTML", []byte("<!DOCTYPE html><html><h1>502</h1></html>"), "", ""},
			{"signed success", closeReply(), "", "OK"},
			{"a refusal", write([]element{
				{"return_code", "SUCCESS"}, {"return_msg", "OK"}, {"err_code", "SYSTEMERROR"}, {"err_code_des", "系统错误"},
			}), "SYSTEMERROR", "系统错误"},
			{"return_code FAIL", write([]element{{"return_code", "FAIL"}, {"return_msg", "签名错误"}}), "", "签名错误"},
			{"over the limit", make([]byte, 2<<20), "", ""},
		} {
			t.Run(fmt.Sprintf("%d %s", status, test.name), func(t *testing.T) {
				t.Parallel()
				_, err := closeOne(responding(status, test.body, "Request-ID", "08F7"))
				got := *wantError[*v2xml.Error](t, err)
				want := v2xml.Error{
					Code: test.code, Message: test.message, Envelope: v2xml.Envelope{HTTPStatus: status, RequestID: "08F7"},
				}
				if got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
			})
		}
	}
}

// TestReturnCodeFailIsAHint, even with a signature and with codes that would be of weight if they
// were authenticated.
func TestReturnCodeFailIsAHint(t *testing.T) {
	t.Parallel()
	failed := with(closeElements(), element{"return_code", "FAIL"}, element{"return_msg", "签名错误"}, element{"err_code", "ORDERCLOSED"})
	for name, body := range map[string][]byte{
		// As a probe of the live gateway with a wrong sign was answered, line breaks included.
		"as observed": []byte("<xml><return_code><![CDATA[FAIL]]></return_code>\n<return_msg><![CDATA[签名错误]]></return_msg>\n</xml>\n"),
		"signed":      signed(failed...),
		"unsigned":    write(failed),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := queryOne(answering(body))
			got := *wantError[*v2xml.Error](t, err)
			if want := (v2xml.Error{Message: "签名错误", Envelope: v2xml.Envelope{HTTPStatus: 200}}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// TestResultCodeFailIsAuthenticated once the signature holds and the echo matches.
func TestResultCodeFailIsAuthenticated(t *testing.T) {
	t.Parallel()
	for _, refusal := range [][]element{
		{{"result_code", "FAIL"}, {"err_code", "ORDERPAID"}, {"err_code_des", "该订单已支付"}},
		{{"result_code", "FAIL"}, {"err_code", "ORDERCLOSED"}, {"err_code_des", ""}},
		{{"result_code", "FAIL"}},
	} {
		elements := with(head(), refusal...)
		want := v2xml.Error{
			Authenticated: true,
			Envelope:      v2xml.Envelope{HTTPStatus: 200, Nonce: "IITRi8Iabbblz1Jc", Signature: signMD5(elements, key)},
		}
		for _, e := range refusal {
			switch e.name {
			case "err_code":
				want.Code = e.value
			case "err_code_des":
				want.Message = e.value
			}
		}
		c := answering(signed(elements...))
		_, closing := closeOne(c)
		_, querying := queryOne(c)
		for _, err := range []error{closing, querying} {
			if got := *wantError[*v2xml.Error](t, err); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
	}
}

func TestCodesOutsideTheProtocolAreMalformed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"return_code", "result_code"} {
		for _, value := range []string{"", "-", "success", "SUCCESS ", "OK", "0"} {
			body := signed(with(queryElements(), element{name, value})...)
			_, err := queryOne(answering(body))
			got := wantError[*v2xml.MalformedError](t, err)
			if want := "its " + name + " is neither SUCCESS nor FAIL"; got.Detail != want {
				t.Errorf("%s %q: Detail %q, want %q", name, value, got.Detail, want)
			}
		}
	}
}

// TestSignatureIsDemanded, whatever result_code says.
func TestSignatureIsDemanded(t *testing.T) {
	t.Parallel()
	good := signMD5(closeElements(), key)
	for _, test := range []struct {
		name, sign string
		signType   v2xml.SignType
		reason     wire.Reason
		detail     string
	}{
		{"none", "-", "", wire.ReasonUnsigned, "has no sign"},
		{"empty", "", "", wire.ReasonUnsigned, "has no sign"},
		{"another key", signMD5(closeElements(), strings.Repeat("0", 32)), "", wire.ReasonBadSignature, "does not hold"},
		{"lower case", strings.ToLower(good), "", wire.ReasonBadSignature, "does not hold"},
		{"cut", good[:31], "", wire.ReasonBadSignature, "31 characters where MD5 makes 32"},
		{"longer", good + "0", "", wire.ReasonBadSignature, "33 characters where MD5 makes 32"},
		{"HMAC where MD5 was asked", signHMAC(closeElements(), key), v2xml.MD5, wire.ReasonBadSignature, "64 characters where MD5 makes 32"},
		{"MD5 where HMAC was asked", good, v2xml.HMACSHA256, wire.ReasonBadSignature, "32 characters where HMAC-SHA256 makes 64"},
		{"HMAC under another key", signHMAC(closeElements(), "x"), v2xml.HMACSHA256, wire.ReasonBadSignature, "does not hold"},
	} {
		for _, result := range []string{"SUCCESS", "FAIL"} {
			t.Run(test.name+", "+result, func(t *testing.T) {
				t.Parallel()
				elements := with(closeElements(), element{"sign", test.sign}, element{"result_code", result}, element{"err_code", "ORDERCLOSED"})
				if test.sign == "-" {
					elements = with(elements, element{"sign", "-"})
				}
				c := responding(http.StatusOK, write(elements), "Request-ID", "08F7")
				c.SignType = test.signType
				_, err := closeOne(c)
				got := wantError[*v2xml.VerifyError](t, err)
				if got.Reason != test.reason || !strings.Contains(got.Detail, test.detail) || got.HTTPStatus != 200 || got.RequestID != "08F7" {
					t.Errorf("got %+v, want %s with %q", got, test.reason, test.detail)
				}
				if strings.Contains(err.Error(), good) {
					t.Error("the error tells the signature that would have held")
				}
			})
		}
	}
}

// TestEcho: a reply, rightly signed, whose every identity is another in turn.
func TestEcho(t *testing.T) {
	t.Parallel()
	const (
		subMch, subApp, id = "1900000109", "wx8888888888888888", "1008450740201411110005820873"
		repeats            = ", which every answer to this question repeats"
	)
	partner := []element{{"sub_mch_id", subMch}, {"sub_appid", subApp}}
	closing := func(req v2xml.Request) func(*v2xml.Client) error {
		req.OutTradeNo = orderNo
		return func(c *v2xml.Client) error {
			_, err := c.CloseOrder(context.Background(), req)
			return err
		}
	}
	querying := func(req v2xml.Request) func(*v2xml.Client) error {
		return func(c *v2xml.Client) error {
			_, err := c.QueryOrder(context.Background(), req)
			return err
		}
	}
	closeDirect := closing(v2xml.Request{})
	closePartner := closing(v2xml.Request{SubMchID: subMch, SubAppID: subApp})
	queryByNo := querying(v2xml.Request{OutTradeNo: orderNo})
	queryByID := querying(v2xml.Request{TransactionID: id})
	queryPartner := querying(v2xml.Request{OutTradeNo: orderNo, SubMchID: subMch, SubAppID: subApp})
	fail := element{"result_code", "FAIL"}
	for _, test := range []struct {
		name   string
		call   func(*v2xml.Client) error
		reply  []element
		detail string
	}{
		{"close, appid", closeDirect, with(head(), element{"appid", "wx1"}), "its appid is wx1, and " + appID + " was asked for"},
		{"close, no appid", closeDirect, with(head(), element{"appid", "-"}), "it has no appid" + repeats},
		{"close, mch_id", closeDirect, with(head(), element{"mch_id", "1 0"}), `its mch_id is "1 0", and 10000100 was asked for`},
		{"close, no mch_id", closeDirect, with(head(), element{"mch_id", ""}), "it has no mch_id" + repeats},
		{"close, a sub-merchant's", closeDirect, with(head(), partner...), "its sub_mch_id is 1900000109, and none was asked for"},
		{"close, appid, refused", closeDirect, with(head(), element{"appid", "wx1"}, fail), "its appid is wx1"},
		{"close, out_trade_no", closeDirect, with(head(), element{"out_trade_no", "x"}), "its out_trade_no is x"},
		{"close, sub_mch_id", closePartner, with(head(), partner[1], element{"sub_mch_id", "19"}), "its sub_mch_id is 19"},
		{"close, no sub_mch_id", closePartner, with(head(), partner[1]), "it has no sub_mch_id"},
		{"close, sub_appid", closePartner, with(head(), partner[0], element{"sub_appid", "wx1"}), "its sub_appid is wx1"},
		{"query, appid", queryByNo, with(queryElements(), element{"appid", "wx1"}), "its appid is wx1"},
		{"query, mch_id", queryByNo, with(queryElements(), element{"mch_id", "1"}), "its mch_id is 1"},
		{"query, out_trade_no", queryByNo, with(queryElements(), element{"out_trade_no", "x"}), "its out_trade_no is x"},
		{"query, no out_trade_no", queryByNo, with(queryElements(), element{"out_trade_no", "-"}), "it has no out_trade_no" + repeats},
		{"query, out_trade_no, refused", queryByNo, with(queryElements(), element{"out_trade_no", "x"}, fail), "its out_trade_no is x"},
		{"query, a sub-merchant's", queryByNo, with(queryElements(), partner...), "its sub_mch_id is 1900000109, and none"},
		{"query, transaction_id", queryByID, with(queryElements(), element{"transaction_id", "42"}), "its transaction_id is 42"},
		{"query, no transaction_id", queryByID, with(queryElements(), element{"transaction_id", ""}), "it has no transaction_id" + repeats},
		{"query by id, no out_trade_no", queryByID, with(queryElements(), element{"out_trade_no", ""}), "it has no out_trade_no"},
		{"query, sub_mch_id", queryPartner, with(queryElements(), partner[1], element{"sub_mch_id", "19"}), "its sub_mch_id is 19"},
		{"query, no sub_mch_id", queryPartner, queryElements(), "it has no sub_mch_id"},
		{"query, sub_appid", queryPartner, with(queryElements(), partner[0], element{"sub_appid", "wx1"}), "its sub_appid is wx1"},
		{"query, a close's answer", queryByNo, closeElements(), "it has no out_trade_no"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := wantError[*v2xml.VerifyError](t, test.call(answering(signed(test.reply...))))
			if got.Reason != wire.ReasonMismatch || !strings.Contains(got.Detail, test.detail) {
				t.Errorf("got %s: %s; want mismatch: %s", got.Reason, got.Detail, test.detail)
			}
		})
	}
}

// TestFoldedElementsAreFound: the signing string cannot tell an element from a piece of the value
// before it. Folding one away keeps a valid signature, without the key.
func TestFoldedElementsAreFound(t *testing.T) {
	t.Parallel()
	whole := queryElements()
	sign := signMD5(whole, key)
	for _, test := range []struct{ outer, inner string }{
		{"return_msg", "settlement_total_fee"}, {"time_end", "total_fee"}, {"trade_state_desc", "trade_type"},
		{"trade_state_desc", "transaction_id"},
		{"settlement_total_fee", "time_end"}, {"attach", "bank_type"}, {"out_trade_no", "result_code"}, {"coupon_type_0", "coupon_type_1"}, {"openid", "out_trade_no"},
	} {
		t.Run(test.inner+" into "+test.outer, func(t *testing.T) {
			t.Parallel()
			folded := fold(whole, test.outer, test.inner)
			if got := signMD5(folded, key); got != sign {
				t.Fatalf("this folding does not keep the signature, so the test proves nothing: %s", message(folded, "…"))
			}
			for name, body := range map[string][]element{
				"plain": folded,
				// Empty elements are not signed, so they can be put in as a fence.
				"fenced": append(folded, element{test.outer + "a", ""}, element{test.inner[:1], ""}),
			} {
				_, err := queryOne(answering(write(append(slices.Clip(body), element{"sign", sign}))))
				if got := kindOf(err); got != "VerifyError bad signature" {
					t.Errorf("%s: got %s (%v), want VerifyError bad signature", name, got, err)
				}
			}
		})
	}
}

// fold makes the element inner a part of outer's value, with all that is signed between the two.
func fold(elements []element, outer, inner string) []element {
	values := map[string]string{}
	for _, e := range elements {
		values[e.name] = e.value
	}
	value := values[outer]
	out := elements
	for _, name := range sortedNames(elements) {
		if name > outer && name <= inner {
			value += "&" + name + "=" + values[name]
			out = with(out, element{name, "-"})
		}
	}
	return with(out, element{outer, value})
}

// TestAmpersandsInValuesAreFine where no element could have been.
func TestAmpersandsInValuesAreFine(t *testing.T) {
	t.Parallel()
	for _, attach := range []string{
		"a=1&b=2", "&", "&&=&", "shop=1&openid=x", "x&unknown=1", "trade_state=SUCCESS", "x&attach=1", "x&appid=1", "x&bank_type=Y",
	} {
		got, err := queryOne(answering(signed(with(queryElements(), element{"attach", attach})...)))
		if err != nil {
			t.Errorf("attach %q: %v", attach, err)
			continue
		}
		if got.Attach != attach {
			t.Errorf("attach %q was read as %q", attach, got.Attach)
		}
	}
}
