package wechatpay_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
	"cloudpay/internal/telemetry/telemetrytest"
	"cloudpay/internal/wechatpay"
	"cloudpay/internal/wxcloudrun"
	"cloudpay/pkg/paygate"
	"cloudpay/pkg/v2xml"
	"cloudpay/pkg/v3json"
)

const subMchID = "1900000109"

// wire is a Gateway whose dialects lead to an emulated WeChat Pay, and what went through it.
type wire struct {
	*paygate.Server

	gateway *wechatpay.Gateway
	// sent is each request: its Authorization and its body.
	sent []string
	// reply, when it is set, answers instead of the gateway.
	reply func() *http.Response
	// alter, when it is set, changes the heads of the gateway's replies.
	alter func(http.Header)
}

func newWire(t *testing.T, opts ...paygate.Options) *wire {
	t.Helper()
	w := &wire{Server: paygate.RunT(t, opts...)}
	telemetrytest.Secret(t, telemetrytest.V2Key, w.Merchant.V2Key)
	client := &http.Client{Transport: w}
	w.gateway = &wechatpay.Gateway{APIs: map[order.API]wechatpay.Exchanger{
		order.V2: wechatpay.V2{Client: &v2xml.Client{
			AppID: w.Merchant.AppID, MchID: w.Merchant.MchID, Key: v2xml.Key(w.Merchant.V2Key),
			BaseURL: w.URL, HTTPClient: client,
		}},
		order.V3: wechatpay.V3{Client: &v3json.Client{
			MchID: w.Merchant.MchID, Key: merchantKey(t, w.Merchant), Keys: gatewayKeys(t, w.Gateway),
			BaseURL: w.URL, HTTPClient: client,
		}},
		order.WXCloudRun: wechatpay.WXCloudRun{Client: &wxcloudrun.Client{BaseURL: w.URL, HTTPClient: client}},
	}}
	return w
}

func merchantKey(t *testing.T, m *paygate.Merchant) v3json.Key {
	t.Helper()
	text := m.PrivateKeyPEM()
	telemetrytest.Secret(t, telemetrytest.PrivateKey, string(text))
	key, err := v3json.ParseKey(m.SerialNo, text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func gatewayKeys(t *testing.T, g *paygate.Gateway) v3json.Keyring {
	t.Helper()
	text, err := g.PublicKeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	key, err := v3json.ParsePublicKey(g.PublicKeyID(), text)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := v3json.NewKeyring(key)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// RoundTrip notes the request and passes it on.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	body := []byte{}
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	w.sent = append(w.sent, r.Header.Get("Authorization")+string(body))
	if w.reply != nil {
		return w.reply(), nil
	}
	got, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && w.alter != nil {
		w.alter(got.Header)
	}
	return got, err
}

// answers has every request answered with this, unsigned.
func (w *wire) answers(status int, body string) {
	w.reply = func() *http.Response {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
	}
}

// answersSigned has every request answered with this APIv2 document and its
// signature, on top of what every signed one says.
func (w *wire) answersSigned(fields map[string]string) {
	doc := map[string]string{
		"return_code": "SUCCESS", "appid": w.Merchant.AppID, "mch_id": w.Merchant.MchID, "nonce_str": "theirs",
	}
	maps.Copy(doc, fields)
	doc["sign"] = v2xml.Sign(doc, v2xml.Key(w.Merchant.V2Key), v2xml.MD5)
	w.answers(http.StatusOK, document(doc))
}

func document(fields map[string]string) string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		fmt.Fprintf(&out, "<%s>", name)
		_ = xml.EscapeText(&out, []byte(fields[name]))
		fmt.Fprintf(&out, "</%s>", name)
	}
	return "<xml>" + out.String() + "</xml>"
}

// ask makes one exchange about order A1.
func (w *wire) ask(t *testing.T, op order.Op, c order.Call) order.Answer {
	t.Helper()
	c.OutTradeNo = "A1"
	var got order.Answer
	if op == order.OpClose {
		got = w.gateway.Close(t.Context(), c)
	} else {
		got = w.gateway.Query(t.Context(), c)
	}
	_, _ = fmt.Fprintf(telemetrytest.Output(t, telemetrytest.Replies), "%+v %+v\n", got, got.Facts)
	return got
}

// eachCall runs a test for both operations in both dialects.
func eachCall(t *testing.T, test func(t *testing.T, w *wire, op order.Op, api order.API)) {
	t.Helper()
	for _, api := range []order.API{order.V2, order.V3} {
		for _, op := range []order.Op{order.OpClose, order.OpQuery} {
			t.Run(string(api)+" "+string(op), func(t *testing.T) {
				t.Parallel()
				test(t, newWire(t), op, api)
			})
		}
	}
}

// proved are the verdicts of a call that the gateway carried out.
var proved = map[order.Op]verdict.Verdict{order.OpClose: verdict.Accepted, order.OpQuery: verdict.Stated}

func TestGivenNonceIsSent(t *testing.T) {
	t.Parallel()
	eachCall(t, func(t *testing.T, w *wire, op order.Op, api order.API) {
		t.Helper()
		w.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100})
		got := w.ask(t, op, order.Call{API: api, Nonce: "OneOfMyOwn1"})
		if got.Verdict != proved[op] {
			t.Errorf("got %+v", got)
		}
		want := map[order.API]string{order.V2: "<nonce_str>OneOfMyOwn1</nonce_str>", order.V3: `nonce_str="OneOfMyOwn1"`}[api]
		if len(w.sent) != 1 || !strings.Contains(w.sent[0], want) {
			t.Errorf("sent %q, want %s in it", w.sent, want)
		}
	})
}

func TestSubMerchantsAppIDIsSentInV2(t *testing.T) {
	t.Parallel()
	for op, granted := range proved {
		t.Run(string(op), func(t *testing.T) {
			t.Parallel()
			w := newWire(t)
			w.MustAddOrder(paygate.Order{SubMchID: subMchID, OutTradeNo: "A1", Total: 100})
			got := w.ask(t, op, order.Call{API: order.V2, Partner: true, Ref: order.Ref{SubMchID: subMchID}, SubAppID: "wxsub1"})
			if got.Verdict != granted {
				t.Errorf("got %+v", got)
			}
			for _, want := range []string{"<sub_appid>wxsub1</sub_appid>", "<sub_mch_id>" + subMchID + "</sub_mch_id>"} {
				if len(w.sent) != 1 || !strings.Contains(w.sent[0], want) {
					t.Errorf("sent %q, want %s in it", w.sent, want)
				}
			}
		})
	}
}

// An unsigned word about the order is not repeated as a code, since callers branch
// on it: that a customer is paying is such a word too.
func TestUnsignedUserPayingIsNotPassedOn(t *testing.T) {
	t.Parallel()
	eachCall(t, func(t *testing.T, w *wire, op order.Op, api order.API) {
		t.Helper()
		if api == order.V2 {
			w.answers(http.StatusInternalServerError, document(map[string]string{
				"return_code": "SUCCESS", "result_code": "FAIL", "err_code": "USERPAYING", "err_code_des": "用户支付中",
			}))
		} else {
			w.answers(http.StatusBadRequest, `{"code":"USERPAYING","message":"用户支付中"}`)
		}
		got := w.ask(t, op, order.Call{API: api})
		if got.Verdict != verdict.Doubted || got.Code != errcode.UnsignedReply || got.GatewayCode != "" || got.Proof != order.ProofNone {
			t.Errorf("got %+v, want a doubted %s", got, errcode.UnsignedReply)
		}
	})
}

// A signed code that no page has is a dispute, unless the status says that the
// gateway itself failed.
func TestSignedCodeThatNobodyKnows(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]verdict.Verdict{
		http.StatusBadRequest:          verdict.Disputed,
		http.StatusForbidden:           verdict.Disputed,
		http.StatusNotFound:            verdict.Disputed,
		http.StatusInternalServerError: verdict.Doubted,
		http.StatusServiceUnavailable:  verdict.Doubted,
	} {
		for _, op := range []order.Op{order.OpClose, order.OpQuery} {
			t.Run(fmt.Sprint(op, status), func(t *testing.T) {
				t.Parallel()
				w := newWire(t)
				w.MustInject(paygate.Fault{Action: paygate.Refuse, Code: "BRAND_NEW", HTTPStatus: status})
				w.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100})
				got := w.ask(t, op, order.Call{API: order.V3})
				if got.Verdict != want || got.Code != "BRAND_NEW" || got.HTTPStatus != status {
					t.Errorf("got %s %s with HTTP %d, want %s BRAND_NEW", got.Verdict, got.Code, got.HTTPStatus, want)
				}
			})
		}
	}
}

// Hints are for replies that have no code because they are unsigned. A signed
// refusal without a code has said nothing, whatever its text.
func TestSignedRefusalWithoutCodeIsGivenNone(t *testing.T) {
	t.Parallel()
	for op := range proved {
		w := newWire(t)
		w.answersSigned(map[string]string{"result_code": "FAIL", "err_code_des": "签名错误"})
		got := w.ask(t, op, order.Call{API: order.V2})
		if got.Verdict != verdict.Doubted || got.Code != errcode.GatewayRejected || got.GatewayCode != "" || got.Proof != order.ProofNone {
			t.Errorf("%s: got %+v, want a doubted %s", op, got, errcode.GatewayRejected)
		}
		w.answers(http.StatusOK, document(map[string]string{"return_code": "FAIL", "return_msg": "签名错误"}))
		if got := w.ask(t, op, order.Call{API: order.V2}); got.Code != errcode.SignError {
			t.Errorf("%s, unsigned: got %+v, want the hint's %s", op, got, errcode.SignError)
		}
	}
}

// What is settled may be less than what was ordered: coupons that are not settled
// make the difference, and only APIv2 tells.
func TestSettlementTotalIsPassedOn(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.answersSigned(map[string]string{
		"result_code": "SUCCESS", "out_trade_no": "A1", "trade_state": "SUCCESS", "transaction_id": "4200001",
		"total_fee": "100", "settlement_total_fee": "90", "cash_fee": "80", "coupon_fee": "20", "time_end": "20261122180000",
	})
	got := w.ask(t, order.OpQuery, order.Call{API: order.V2})
	if got.Verdict != verdict.Stated {
		t.Fatalf("got %+v", got)
	}
	for name, amount := range map[string]struct {
		got  *int64
		want int64
	}{
		"total":      {got.Facts.TotalFee, 100},
		"settlement": {got.Facts.SettlementTotalFee, 90},
		"cash":       {got.Facts.CashFee, 80},
		"coupon":     {got.Facts.CouponFee, 20},
	} {
		if amount.got == nil || *amount.got != amount.want {
			t.Errorf("%s = %v, want %d", name, amount.got, amount.want)
		}
	}
}

// result_msg, which CloudPay's page requires of each result, is passed on.
func TestResultMsgOfASuccessIsPassedOn(t *testing.T) {
	t.Parallel()
	for op, granted := range proved {
		w := newWire(t)
		w.answersSigned(resultMsgReply(op))
		if got := w.ask(t, op, order.Call{API: order.V2}); got.Verdict != granted || got.ResultMsg != "OK" {
			t.Errorf("v2 %s: got %+v", op, got)
		}
		link := resultMsgReply(op)
		link["return_code"], link["sub_mch_id"] = "SUCCESS", w.Merchant.MchID
		body, err := json.Marshal(map[string]any{"errcode": 0, "respdata": link})
		if err != nil {
			t.Fatal(err)
		}
		w.answers(http.StatusOK, string(body))
		got := w.ask(t, op, order.Call{API: order.WXCloudRun, Ref: order.Ref{MchID: w.Merchant.MchID}})
		if got.Verdict != granted || got.ResultMsg != "OK" {
			t.Errorf("wxcloudrun %s: got %+v", op, got)
		}
	}
}

func resultMsgReply(op order.Op) map[string]string {
	fields := map[string]string{"result_code": "SUCCESS", "result_msg": "OK"}
	if op == order.OpQuery {
		fields["out_trade_no"], fields["trade_state"] = "A1", "NOTPAY"
	}
	return fields
}

// What informs and cannot be read is left out of the facts, with one warning that
// names it; the state stands.
func TestUnreadableInformationIsWarnedOf(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	var log bytes.Buffer
	w.gateway.Log = slog.New(slog.NewTextHandler(&log, nil))
	fields := map[string]string{
		"result_code": "SUCCESS", "out_trade_no": "A1", "trade_state": "SUCCESS", "total_fee": "100", "cash_fee": "70",
		"coupon_fee_0": "0.30", "coupon_id_0": "c", "time_end": "2026-01-01 12:00:00",
	}
	w.answersSigned(fields)
	got := w.ask(t, order.OpQuery, order.Call{API: order.V2})
	if got.Verdict != verdict.Stated || got.Facts.TradeState != tradestate.Success || *got.Facts.TotalFee != 100 || !got.Facts.PaidAt.IsZero() {
		t.Errorf("got %+v %+v, want the proved state", got, got.Facts)
	}
	if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), "level=WARN") ||
		!strings.Contains(log.String(), `outTradeNo=A1 api=v2 fields="time_end coupon_fee_0"`) || strings.Contains(log.String(), "0.30") {
		t.Errorf("logged %s, want one warning that names both elements", log.String())
	}
	log.Reset()
	delete(fields, "coupon_fee_0")
	fields["time_end"] = "20260101120000"
	w.answersSigned(fields)
	if w.ask(t, order.OpQuery, order.Call{API: order.V2}); log.Len() > 0 {
		t.Errorf("logged %s of a reply that can be read", log.String())
	}
}
