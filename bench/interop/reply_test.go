package interop_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/validators"
	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"

	"cloudpay/pkg/v3json"
)

// reply is an answer of the platform.
type reply struct {
	status int
	header http.Header
	body   string
}

// answerTo is the answer to a call, not yet signed: an empty 204 to a close, the order to a query.
func answerTo(c call) reply {
	if c.closing {
		return reply{status: http.StatusNoContent}
	}
	order := map[string]any{
		"trade_state":      "NOTPAY",
		"trade_state_desc": "订单未支付 <&> \u2028",
		"out_trade_no":     "A1",
		"mchid":            mchID,
		"a_new_field":      []any{1, nil, map[string]string{"": "é"}},
	}
	if c.outTradeNo != "" {
		order["out_trade_no"] = c.outTradeNo
	}
	if c.transactionID != "" {
		order["transaction_id"] = c.transactionID
	}
	if c.subMchID != "" {
		delete(order, "mchid")
		order["sp_mchid"], order["sub_mchid"] = mchID, c.subMchID
	}
	body, _ := json.Marshal(order)
	return reply{status: http.StatusOK, body: string(body)}
}

// signed is the reply with the platform's signature of now, made by either library.
func (r reply) signed(t *testing.T, sign sign, serial string) reply {
	t.Helper()
	return r.signedAt(t, time.Now(), sign, serial)
}

func (r reply) signedAt(t *testing.T, at time.Time, sign sign, serial string) reply {
	t.Helper()
	const nonce = "d824f2e086d3c1df967785d13fcd22ef"
	timestamp := strconv.FormatInt(at.Unix(), 10)
	r.header = http.Header{
		"Content-Type":            {"application/json"},
		"Request-Id":              {"08F78BB5AF0610D302"},
		consts.WechatPayTimestamp: {timestamp},
		consts.WechatPayNonce:     {nonce},
		consts.WechatPaySerial:    {serial},
		consts.WechatPaySignature: {sign(t, fmt.Sprintf("%s\n%s\n%s\n", timestamp, nonce, r.body))},
	}
	return r
}

// with is the reply with a header replaced, or without it when the value is empty.
func (r reply) with(key, value string) reply {
	r.header = r.header.Clone()
	if value == "" {
		r.header.Del(key)
	} else {
		r.header.Set(key, value)
	}
	return r
}

func (r reply) response(req *http.Request) *http.Response {
	return &http.Response{
		StatusCode: r.status, Header: r.header, Body: io.NopCloser(strings.NewReader(r.body)), Request: req,
	}
}

// RoundTrip makes the reply what every request is answered with.
func (r reply) RoundTrip(req *http.Request) (*http.Response, error) { return r.response(req), nil }

// judge asks both libraries whether the reply to c may be believed.
func (r reply) judge(t *testing.T, c call) (ours, theirs error) {
	t.Helper()
	client := newClient(t)
	client.HTTPClient = &http.Client{Transport: r}
	verifier := platform(t).theirPublicKeyVerifier(t)
	if r.header.Get(consts.WechatPaySerial) == platform(t).serial {
		verifier = platform(t).theirVerifier(t)
	}
	response := r.response(nil)
	defer func() { _ = response.Body.Close() }()
	return c.ask(t.Context(), client), validators.NewWechatPayResponseValidator(verifier).Validate(t.Context(), response)
}

// Whichever library signs a reply, and under whichever of the platform's names, both believe it.
func TestBothBelieveAGenuineReply(t *testing.T) {
	t.Parallel()
	for name, sign := range platform(t).signs() {
		t.Run("signed by "+name, func(t *testing.T) {
			t.Parallel()
			r := source()
			for range 50 {
				c := randomCall(r)
				for _, serial := range []string{publicKeyID, platform(t).serial} {
					ours, theirs := answerTo(c).signed(t, sign, serial).judge(t, c)
					if ours != nil || theirs != nil {
						t.Errorf("%+v as %s: v3json: %v; wechatpay-go: %v", c, serial, ours, theirs)
					}
				}
			}
		})
	}
}

// What was tampered with on the way is refused by both, whichever library signed it.
func TestBothRefuseATamperedReply(t *testing.T) {
	t.Parallel()
	calls := map[string]call{
		"close, 204": {closing: true, outTradeNo: "A1"},
		"query, 200": {outTradeNo: "A1", subMchID: subMchID},
	}
	for library, sign := range platform(t).signs() {
		for name, c := range calls {
			t.Run(name+", signed by "+library, func(t *testing.T) {
				t.Parallel()
				genuine := answerTo(c).signed(t, sign, publicKeyID)
				for what, r := range tampered(t, genuine, c, sign) {
					ours, theirs := r.judge(t, c)
					if _, refused := errors.AsType[*v3json.VerifyError](ours); !refused {
						t.Errorf("%s: v3json says %v, want a VerifyError", what, ours)
					}
					if theirs == nil {
						t.Errorf("%s: wechatpay-go accepts it", what)
					}
				}
			})
		}
	}
}

func tampered(t *testing.T, genuine reply, c call, sign sign) map[string]reply {
	t.Helper()
	signature := genuine.header.Get(consts.WechatPaySignature)
	byMerchant := merchant(t).signs()["v3json"]
	longer := genuine
	longer.status, longer.body = http.StatusOK, genuine.body+" "
	list := map[string]reply{
		"a longer body":            longer,
		"another nonce":            genuine.with(consts.WechatPayNonce, "d824f2e086d3c1df967785d13fcd22ee"),
		"another time":             genuine.with(consts.WechatPayTimestamp, strconv.FormatInt(time.Now().Unix()-60, 10)),
		"another serial":           genuine.with(consts.WechatPaySerial, "PUB_KEY_ID_1"),
		"a wrong signature":        genuine.with(consts.WechatPaySignature, "AAAA"+signature[4:]),
		"half a signature":         genuine.with(consts.WechatPaySignature, signature[:len(signature)/2]),
		"a signature test":         genuine.with(consts.WechatPaySignature, "WECHATPAY/SIGNTEST/"+signature),
		"the merchant's signature": answerTo(c).signed(t, byMerchant, publicKeyID),
		"ten minutes old":          answerTo(c).signedAt(t, time.Now().Add(-10*time.Minute), sign, publicKeyID),
		"ten minutes ahead":        answerTo(c).signedAt(t, time.Now().Add(10*time.Minute), sign, publicKeyID),
	}
	for _, key := range []string{
		consts.WechatPayTimestamp, consts.WechatPayNonce, consts.WechatPaySignature, consts.WechatPaySerial,
	} {
		list["without "+key] = genuine.with(key, "")
	}
	for i := range genuine.body {
		changed := genuine
		changed.body = genuine.body[:i] + string(genuine.body[i]^1) + genuine.body[i+1:]
		list[fmt.Sprintf("byte %d of the body changed", i)] = changed
	}
	return list
}
