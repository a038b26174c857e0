package v2xml_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
	"cloudpay/pkg/v2xml"
	"cloudpay/pkg/wire"
)

// The worked example of a notification, computed in Python and checked in Go.
const (
	exampleKey  = "cloudpayV2key0123456789abcdefABC"
	exampleMch  = "1900000001"
	exampleSign = "851C8D4D2B2E0F8B8C1D4CED9CFB2F8E"
	exampleHMAC = "4E593A3DC2A1E1AA7A59D8433BE4F04FC580EF43E5FB63C895232ECCC99D79CC"
)

func exampleNotification(t testing.TB) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/notification.xml")
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func exampleClient() *v2xml.Client { return &v2xml.Client{MchID: exampleMch, Key: exampleKey} }

func TestExampleNotification(t *testing.T) {
	t.Parallel()
	body := exampleNotification(t)
	withType := bytes.Replace(body, []byte("<sign>"), []byte("<sign_type>HMAC-SHA256</sign_type><sign>"), 1)
	for sign, body := range map[string][]byte{
		exampleSign: body,
		exampleHMAC: bytes.Replace(withType, []byte(exampleSign), []byte(exampleHMAC), 1),
	} {
		got, err := exampleClient().DecodeNotification(body)
		if err != nil {
			t.Fatal(err)
		}
		if got.Other() || len(got.Paid) != 1 || len(got.Refunded) != 0 || got.Signature != sign || got.Nonce != "5d2b6c2a8db53831f7eda20af46e531c" {
			t.Fatalf("got %+v, want the example's payment", got)
		}
		paid := got.Paid[0]
		if paid.AppID != "wx1234567890abcdef" || paid.MchID != exampleMch || paid.SubMchID != "" || paid.OutTradeNo != "EMU20261129000001" ||
			paid.TransactionID != "4200009999202611290000000001" || *paid.TotalFee != 100 || paid.OpenID != "oEMU00000000000000000000001a" ||
			paid.Attach != "shop-7" || paid.TradeState != "" || len(paid.Unread) != 0 ||
			!paid.TimeEnd.Equal(time.Date(2026, 11, 29, 0, 30, 0, 0, time.UTC)) {
			t.Errorf("got %+v, want the example's order", paid)
		}
	}
}

// TestEveryByteOfANotification flips each byte, cuts at each byte, and takes each element away.
// What still decodes must be the same order: white space, and how a text is written, are not
// signed.
func TestEveryByteOfANotification(t *testing.T) {
	t.Parallel()
	body := exampleNotification(t)
	changed := [][]byte{}
	for i := range body {
		flipped := bytes.Clone(body)
		flipped[i] ^= 1
		changed = append(changed, flipped, body[:i])
	}
	for i, e := range elementsOf(t, body) {
		without := elementsOf(t, body)
		changed = append(changed, write(append(without[:i], without[i+1:]...)))
		if e.name != "sign" {
			twice := append(elementsOf(t, body), element{e.name, e.value})
			changed = append(changed, write(twice))
		}
	}
	changed = append(changed, write(append(elementsOf(t, body), element{"new_element", "x"})))
	for _, body := range changed {
		got, err := exampleClient().DecodeNotification(body)
		if kind := kindOf(err); got != nil || kind == "none" || kind == "other" || strings.HasPrefix(kind, "Error") {
			t.Fatalf("got %+v and error %v of\n%s", got, err, body)
		}
	}
	empty := write(append(elementsOf(t, body), element{"coupon_fee", ""}))
	if got, err := exampleClient().DecodeNotification(empty); err != nil || got.Paid[0].CouponFee != nil {
		t.Errorf("an empty element, which is not signed: got %+v and error %v", got, err)
	}
}

// paidElements is a notification with everything there can be.
func paidElements() []element {
	return with(queryElements(), element{"trade_state", "-"}, element{"trade_state_desc", "-"})
}

func TestWhatNotificationsProve(t *testing.T) {
	t.Parallel()
	hmac := func(elements []element) []byte {
		return write(append(elements, element{"sign", signHMAC(elements, key)}))
	}
	for name, test := range map[string]struct {
		body []byte
		// kind is kindOf the error; "paid" and "other" are of a notification.
		kind string
	}{
		"a payment":                        {signed(paidElements()...), "paid"},
		"of a sub-merchant":                {signed(with(paidElements(), element{"sub_mch_id", "1900000109"}, element{"sub_appid", "wx2"})...), "paid"},
		"of another appid":                 {signed(with(paidElements(), element{"appid", "wx2"})...), "paid"},
		"without a total":                  {signed(with(paidElements(), element{"total_fee", "-"})...), "paid"},
		"with sign_type MD5":               {signed(with(paidElements(), element{"sign_type", "MD5"})...), "paid"},
		"HMAC-SHA256":                      {hmac(with(paidElements(), element{"sign_type", "HMAC-SHA256"})), "paid"},
		"HMAC-SHA256 without its name":     {hmac(paidElements()), "paid"},
		"MD5 under the name HMAC-SHA256":   {signed(with(paidElements(), element{"sign_type", "HMAC-SHA256"})...), "VerifyError bad signature"},
		"HMAC-SHA256 under the name MD5":   {hmac(with(paidElements(), element{"sign_type", "MD5"})), "VerifyError bad signature"},
		"another sign_type":                {signed(with(paidElements(), element{"sign_type", "SHA1"})...), "VerifyError bad signature"},
		"result_code FAIL":                 {signed(with(paidElements(), element{"result_code", "FAIL"})...), "other"},
		"no result_code":                   {signed(with(paidElements(), element{"result_code", "-"})...), "other"},
		"return_code FAIL":                 {signed(with(paidElements(), element{"return_code", "FAIL"})...), "other"},
		"return_code FAIL, unsigned":       {write([]element{{"return_code", "FAIL"}}), "VerifyError unsigned"},
		"no sign":                          {write(paidElements()), "VerifyError unsigned"},
		"another key":                      {write(append(paidElements(), element{"sign", signMD5(paidElements(), exampleKey)})), "VerifyError bad signature"},
		"another merchant":                 {signed(with(paidElements(), element{"mch_id", exampleMch})...), "VerifyError mismatch"},
		"no merchant":                      {signed(with(paidElements(), element{"mch_id", "-"})...), "VerifyError mismatch"},
		"no number":                        {signed(with(paidElements(), element{"out_trade_no", "-"})...), "VerifyError mismatch"},
		"no transaction":                   {signed(with(paidElements(), element{"transaction_id", "-"})...), "VerifyError mismatch"},
		"no time":                          {signed(with(paidElements(), element{"time_end", "-"})...), "VerifyError mismatch"},
		"a total that is none":             {signed(with(paidElements(), element{"total_fee", "1.5"})...), "MalformedError"},
		"a refund":                         {write(append(with(head(), element{"result_code", "-"}), element{"req_info", "AAAA"})), "VerifyError unsigned"},
		"a total hidden in another value":  {signed(with(paidElements(), element{"total_fee", "-"}, element{"time_end", "20141111170043&total_fee=1"})...), "VerifyError bad signature"},
		"not a document":                   {[]byte("{}"), "MalformedError"},
		"nothing":                          {nil, "MalformedError"},
		"a page":                           {[]byte("<html></html>"), "MalformedError"},
		"a DOCTYPE":                        {append([]byte(`<!DOCTYPE xml [<!ENTITY a "b">]>`), signed(paidElements()...)...), "MalformedError"},
		"too long":                         {append(signed(paidElements()...), bytes.Repeat([]byte(" "), 64<<10)...), "MalformedError"},
		"long":                             {append(signed(paidElements()...), bytes.Repeat([]byte(" "), 60<<10)...), "paid"},
		"a long number with a line in it":  {signed(with(paidElements(), element{"out_trade_no", "A\x011"})...), "MalformedError"},
		"the reply to a close":             {closeReply(), "VerifyError mismatch"},
		"the reply to a query, paid":       {queryReply(), "VerifyError mismatch"},
		"the reply to a query, not paid":   {signed(with(head(), element{"out_trade_no", orderNo}, element{"trade_state", "NOTPAY"})...), "VerifyError mismatch"},
		"the reply to a unified order":     {signed(with(head(), element{"prepay_id", "wx1"}, element{"trade_type", "JSAPI"})...), "VerifyError mismatch"},
		"the reply to a refund":            {signed(with(paidElements(), element{"refund_id", "5"}, element{"out_refund_no", "R1"})...), "VerifyError mismatch"},
		"the request of a unified order":   {signed(element{"appid", appID}, element{"mch_id", mchID}, element{"out_trade_no", orderNo}, element{"total_fee", "1"}), "other"},
		"a request with an attach as code": {signed(element{"attach", "a&result_code=SUCCESS"}, element{"mch_id", mchID}, element{"out_trade_no", orderNo}), "other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := (&v2xml.Client{MchID: mchID, Key: key}).DecodeNotification(test.body)
			kind := kindOf(err)
			switch {
			case err != nil:
				if got != nil || !strings.HasPrefix(err.Error(), "taking a notification: message ") || strings.ContainsAny(err.Error(), "\n\x01") {
					t.Errorf("got %+v and error %q", got, err)
				}
			case got.Other():
				kind = "other"
			default:
				kind = "paid"
			}
			if kind != test.kind {
				t.Errorf("got %s (%+v, %v), want %s", kind, got, err, test.kind)
			}
		})
	}
}

// TestNoPaymentsNotification: each element that only requests and other replies have is a mark of
// one that was replayed, whatever else it says.
func TestNoPaymentsNotification(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"trade_state", "prepay_id", "code_url", "mweb_url", "short_url", "recall", "refund_id", "refund_id_0", "out_refund_no",
		"out_refund_no_0", "refund_fee", "refund_count", "spbill_create_ip", "notify_url", "auth_code",
	} {
		body := signed(with(paidElements(), element{name, "1"})...)
		if got, err := (&v2xml.Client{MchID: mchID, Key: key}).DecodeNotification(body); kindOf(err) != "VerifyError mismatch" {
			t.Errorf("with %s: got %+v and %v, want it refused", name, got, err)
		}
	}
}

func TestNotificationNeedsItsKey(t *testing.T) {
	t.Parallel()
	for _, c := range []*v2xml.Client{{MchID: mchID}, {Key: key}} {
		if _, err := c.DecodeNotification(signed(paidElements()...)); kindOf(err) != "other" || !strings.Contains(err.Error(), "MchID and Key") {
			t.Errorf("got %v, want that a field is missing", err)
		}
	}
}

// TestNotificationsOfTheEmulatedGateway: the gateway shares no code with this package. Each of its
// forgeries is refused.
func TestNotificationsOfTheEmulatedGateway(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		order paygate.Order
		fault paygate.Action
		kind  string
	}{
		"MD5":               {paygate.Order{}, "", "none"},
		"HMAC-SHA256":       {paygate.Order{SignType: "HMAC-SHA256"}, "", "none"},
		"a sub-merchant":    {paygate.Order{SubMchID: "1900000109", SubAppID: "wx2"}, "", "none"},
		"an attach":         {paygate.Order{Attach: "深圳 & <分店> ]]>"}, "", "none"},
		"a wrong signature": {paygate.Order{}, paygate.BadSignature, "VerifyError bad signature"},
		"no signature":      {paygate.Order{}, paygate.Unsigned, "VerifyError unsigned"},
		"another key":       {paygate.Order{SignType: "HMAC-SHA256"}, paygate.WrongKey, "VerifyError bad signature"},
		"another merchant":  {paygate.Order{}, paygate.WrongMerchant, "VerifyError mismatch"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gate := paygate.RunT(t)
			client := &v2xml.Client{MchID: gate.Merchant.MchID, Key: v2xml.Key(gate.Merchant.V2Key)}
			type result struct {
				notification *wire.Notification[v2xml.Transaction]
				err          error
			}
			taken := make(chan result, 1)
			shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body) // half a body does not decode
				n, err := client.DecodeNotification(body)
				answer := "SUCCESS"
				if err != nil {
					answer = "FAIL"
				}
				_, _ = w.Write([]byte("<xml><return_code>" + answer + "</return_code></xml>"))
				taken <- result{n, err}
			}))
			t.Cleanup(shop.Close)
			order := test.order
			order.OutTradeNo, order.Total, order.API, order.NotifyURL = "A1", 100, "v2", shop.URL
			gate.MustAddOrder(order)
			if test.fault != "" {
				gate.MustInject(paygate.Fault{Action: test.fault, Op: "notify"})
			}
			gate.MustPay("A1")
			_, refused := gate.AwaitNotified(t.Context(), "A1")
			one := <-taken
			got, err := one.notification, one.err
			if kindOf(err) != test.kind || (refused == nil) != (err == nil) {
				t.Fatalf("got %+v and error %v, and the gateway %v, want %s", got, err, refused, test.kind)
			}
			if err == nil && (got.Paid[0].OutTradeNo != "A1" || *got.Paid[0].TotalFee != 100 || got.Paid[0].SubMchID != order.SubMchID ||
				got.Paid[0].Attach != order.Attach || got.Paid[0].TransactionID == "" || got.Paid[0].TimeEnd.IsZero() || len(got.Paid[0].Unread) != 0) {
				t.Errorf("got %+v, want the order's payment", got.Paid[0])
			}
		})
	}
}

// FuzzNotification: what is accepted is signed over all that an independent reader finds in it, and
// says what a payment says.
func FuzzNotification(f *testing.F) {
	for _, elements := range [][]element{paidElements(), queryElements(), closeElements()} {
		f.Add(signed(elements...), false)
		f.Add(write(append(elements, element{"sign", placeholder})), true)
	}
	f.Add(exampleNotification(f), true)
	client := &v2xml.Client{MchID: mchID, Key: key}
	f.Fuzz(func(t *testing.T, body []byte, hmac bool) {
		sign := signMD5
		if hmac {
			sign = signHMAC
		}
		if elements, err := readFlat(body); err == nil {
			body = bytes.ReplaceAll(body, []byte(placeholder), []byte(sign(elements, key)))
		}
		got, err := client.DecodeNotification(body)
		if err != nil {
			_, unverified := errors.AsType[*wire.VerifyError](err)
			_, malformed := errors.AsType[*wire.MalformedError](err)
			if !unverified && !malformed {
				t.Errorf("got error %v (%T)", err, err)
			}
			return
		}
		elements := elementsOf(t, body)
		if s := valueOf(t, body, "sign"); s != signMD5(elements, key) && s != signHMAC(elements, key) {
			t.Errorf("accepted the sign %q", s)
		}
		if valueOf(t, body, "mch_id") != mchID {
			t.Errorf("accepted one of another merchant: %s", body)
		}
		if got.Other() {
			return
		}
		for _, name := range []string{"return_code", "result_code"} {
			if valueOf(t, body, name) != "SUCCESS" {
				t.Errorf("a payment without %s SUCCESS: %s", name, body)
			}
		}
		if paid := got.Paid[0]; paid.OutTradeNo == "" || paid.OutTradeNo != valueOf(t, body, "out_trade_no") ||
			paid.TransactionID != valueOf(t, body, "transaction_id") || valueOf(t, body, "trade_state") != "" {
			t.Errorf("got %+v of %s", paid, body)
		}
	})
}
