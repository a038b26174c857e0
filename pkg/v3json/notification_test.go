package v3json_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/v3json"
	"cloudpay/pkg/wire"
)

// The worked example of a notification: its keys were generated with OpenSSL and protect nothing;
// the texts were computed in Python (cryptography 48), and verified with Go's standard library and
// with openssl. testdata/notification_key.pem is the public half of the key that signed.
const (
	exampleV3Key     = "0123456789abcdefGHIJKLMNOPQRSTUV"
	exampleKeyID     = "PUB_KEY_ID_0119000000012026112900000000000001"
	exampleTimestamp = 1795912201
	exampleSignature = "m0kS0AWvXTCjeSCqeTk2+ZLVAFl4al9oUJRRxhVJg0IJZ1EBYfBfAwygAxVnygX2/DNolGyXcmSjpXnI8pp7vQ9grEEcjJfq0JzUgHf7WrkJC+j8GVFIh" +
		"Mp07ykBwNgiYZ6Rj9HpPrAAGDUbeSNPu7Q7jKnC1Qa4QsaZOxEyLK7b7/PZRsIAdD7HpnEEp4sfjdS7rOKcgZt9yawdjgA08k1wiiYKip1CJ+UdEukRYuAZL97teM2J6/B" +
		"rgUBzQkNzYGSbjS/l2CX3CyCkNwz9w0BYKpC7dKb3C9AZ6oWVgJyZUGEGF6uKX9M31No1W1f659b0vWREnKynujru7bneDg=="
)

func exampleHeader() http.Header {
	return http.Header{
		"Wechatpay-Timestamp":      {fmt.Sprint(exampleTimestamp)},
		"Wechatpay-Nonce":          {"0f1e2d3c4b5a69788796a5b4c3d2e1f0"},
		"Wechatpay-Signature":      {exampleSignature},
		"Wechatpay-Serial":         {exampleKeyID},
		"Wechatpay-Signature-Type": {"WECHATPAY2-SHA256-RSA2048"},
		"Request-Id":               {requestID},
	}
}

// notifiedClient is the example's merchant. It has no key of its own: no request is made. Its APIv3
// key is no secret to look for: half of it is the appid of many tests.
func notifiedClient(t testing.TB) *v3json.Client {
	t.Helper()
	public, err := v3json.ParsePublicKey(exampleKeyID, readTestdata(t, "notification_key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := v3json.NewKeyring(public)
	if err != nil {
		t.Fatal(err)
	}
	return &v3json.Client{
		MchID: "1900000001", Keys: ring, V3Key: newV3Key(t, exampleV3Key),
		Now: func() time.Time { return time.Unix(exampleTimestamp, 0) },
	}
}

func TestExampleNotification(t *testing.T) {
	t.Parallel()
	body := readTestdata(t, "notification.json")
	got, err := notifiedClient(t).DecodeNotification(t.Context(), exampleHeader(), body)
	if err != nil {
		t.Fatal(err)
	}
	beijing := time.FixedZone("", 8*60*60)
	if got.ID != "EV-20261129083001-0001" || got.EventType != "TRANSACTION.SUCCESS" || got.Other() || got.Signature != exampleSignature ||
		!got.CreatedAt.Equal(time.Date(2026, 11, 29, 8, 30, 1, 0, beijing)) || got.RequestID != requestID || got.Time.Unix() != exampleTimestamp ||
		got.Nonce != "0f1e2d3c4b5a69788796a5b4c3d2e1f0" || len(got.Refunded) != 0 || len(got.Paid) != 1 {
		t.Fatalf("got %+v, want the example's payment", got)
	}
	paid := got.Paid[0]
	if paid.MchID != "1900000001" || paid.SubMchID != "" || paid.AppID != "wx1234567890abcdef" || paid.OutTradeNo != "EMU20261129000001" ||
		paid.TransactionID != "4200009999202611290000000001" || paid.TradeState != "SUCCESS" || *paid.Amount.Total != 100 ||
		paid.Payer.OpenID != "oEMU00000000000000000000001a" || paid.Attach != "shop-7" || len(paid.Unread) != 0 ||
		!paid.SuccessTime.Equal(time.Date(2026, 11, 29, 8, 30, 0, 0, beijing)) {
		t.Errorf("got %+v, want the example's order", paid)
	}
}

// TestNotificationHeaderInAnyCase: an event of a platform has the header's names as the platform
// writes them.
func TestNotificationHeaderInAnyCase(t *testing.T) {
	t.Parallel()
	lower := http.Header{}
	for name, values := range exampleHeader() {
		lower[strings.ToLower(name)] = values
	}
	client, body := notifiedClient(t), readTestdata(t, "notification.json")
	if _, err := client.DecodeNotification(t.Context(), lower, body); err != nil {
		t.Errorf("in small letters: %v", err)
	}
	lower["Wechatpay-Nonce"] = []string{"another"}
	_, err := client.DecodeNotification(t.Context(), lower, body)
	wantReason(t, err, wire.ReasonBadSignature)
}

// TestEveryByteOfANotification flips each byte of the body and of the signature's headers.
func TestEveryByteOfANotification(t *testing.T) {
	t.Parallel()
	client, body := notifiedClient(t), readTestdata(t, "notification.json")
	for i := range body {
		_, err := client.DecodeNotification(t.Context(), exampleHeader(), []byte(flip(string(body), i)))
		wantReason(t, err, wire.ReasonBadSignature)
	}
	for i := range body {
		_, err := client.DecodeNotification(t.Context(), exampleHeader(), body[:i])
		wantReason(t, err, wire.ReasonBadSignature)
	}
	for name, values := range exampleHeader() {
		if name == "Request-Id" {
			continue // nothing signs it
		}
		for i := range values[0] {
			header := exampleHeader()
			header.Set(name, flip(values[0], i))
			_, err := client.DecodeNotification(t.Context(), header, body)
			wantRefused(t, name, err)
		}
		header := exampleHeader()
		header[name] = append(header[name], values[0])
		if _, err := client.DecodeNotification(t.Context(), header, body); name != "Wechatpay-Signature-Type" {
			wantReason(t, err, wire.ReasonBadSignature)
		}
	}
}

// TestNotificationsThatAreRefused: each with its reason, since an answer may depend on it.
func TestNotificationsThatAreRefused(t *testing.T) {
	t.Parallel()
	body := readTestdata(t, "notification.json")
	for name, test := range map[string]struct {
		header func(http.Header)
		client func(*v3json.Client)
		want   wire.Reason
	}{
		"no header at all":   {func(h http.Header) { clear(h) }, nil, wire.ReasonUnsigned},
		"a header is gone":   {func(h http.Header) { h.Del("Wechatpay-Nonce") }, nil, wire.ReasonUnsigned},
		"a probe":            {func(h http.Header) { h.Set("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+exampleSignature) }, nil, wire.ReasonProbe},
		"another key":        {func(h http.Header) { h.Set("Wechatpay-Serial", publicKeyID) }, nil, wire.ReasonUnknownSerial},
		"a certificate":      {func(h http.Header) { h.Set("Wechatpay-Serial", platformSerial) }, nil, wire.ReasonUnknownSerial},
		"SM2":                {func(h http.Header) { h.Set("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3") }, nil, wire.ReasonBadSignature},
		"no number for time": {func(h http.Header) { h.Set("Wechatpay-Timestamp", "-1") }, nil, wire.ReasonBadSignature},
		"five minutes late":  {nil, at(exampleTimestamp + 301), wire.ReasonStale},
		"five minutes early": {nil, at(exampleTimestamp - 301), wire.ReasonStale},
		"another merchant":   {nil, func(c *v3json.Client) { c.MchID = "1900000002" }, wire.ReasonMismatch},
		"another APIv3 key": {nil, func(c *v3json.Client) {
			c.V3Key = newV3Key(t, "1123456789abcdefGHIJKLMNOPQRSTUV")
		}, wire.ReasonBadSignature},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header, client := exampleHeader(), notifiedClient(t)
			if test.header != nil {
				test.header(header)
			}
			if test.client != nil {
				test.client(client)
			}
			got, err := client.DecodeNotification(t.Context(), header, body)
			wantReason(t, err, test.want)
			if got != nil || !strings.HasPrefix(err.Error(), "taking a notification: message failed verification") {
				t.Errorf("got %+v and error %v, want nothing and an error about a notification", got, err)
			}
		})
	}
	for _, seconds := range []int64{exampleTimestamp - 300, exampleTimestamp + 300} {
		client := notifiedClient(t)
		at(seconds)(client)
		if _, err := client.DecodeNotification(t.Context(), exampleHeader(), body); err != nil {
			t.Errorf("at %d: %v, want it accepted within five minutes", seconds, err)
		}
	}
}

// at sets a client's clock.
func at(seconds int64) func(*v3json.Client) {
	return func(c *v3json.Client) { c.Now = func() time.Time { return time.Unix(seconds, 0) } }
}

func TestNotificationNeedsItsKeys(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*v3json.Client){
		"V3Key is empty": func(c *v3json.Client) { c.V3Key = v3json.V3Key{} },
		"Keys is empty":  func(c *v3json.Client) { c.Keys = v3json.Keyring{} },
		"MchID must be":  func(c *v3json.Client) { c.MchID = "" },
		"Region is":      func(c *v3json.Client) { c.Region = "mars" },
		"Key is empty":   func(c *v3json.Client) { c.Certificates = &v3json.Certificates{Key: c.V3Key} },
	} {
		client := notifiedClient(t)
		change(client)
		_, err := client.DecodeNotification(t.Context(), exampleHeader(), readTestdata(t, "notification.json"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestNotificationTooLong(t *testing.T) {
	t.Parallel()
	long := bytes.Repeat([]byte(" "), 1<<20+64<<10+1)
	_, err := notifiedClient(t).DecodeNotification(t.Context(), exampleHeader(), long)
	if malformed := malformation(t, err); !malformed.TooLong || malformed.HTTPStatus != 0 {
		t.Errorf("got %+v, want it too long", malformed)
	}
	_, err = notifiedClient(t).DecodeNotification(t.Context(), exampleHeader(), long[1:])
	wantReason(t, err, wire.ReasonBadSignature)
}

// notice is a notification that the test's own WeChat Pay encrypts and signs.
type notice struct {
	event, original, algorithm, nonce, associated string
	// plain is encrypted; body, if given, stands in the place of all of it.
	plain, body string
	serial      string
}

func paidNotice(plain string) notice {
	return notice{
		event: "TRANSACTION.SUCCESS", original: "transaction", algorithm: "AEAD_AES_256_GCM", nonce: "EmuNonce0002", associated: "transaction",
		plain: plain, serial: publicKeyID,
	}
}

func refundNotice(plain string) notice {
	n := paidNotice(plain)
	n.event, n.original, n.associated = "REFUND.SUCCESS", "refund", "refund"
	return n
}

// message returns the body, and the header that signs it.
func (n notice) message(t testing.TB) (http.Header, []byte) {
	t.Helper()
	body := n.body
	if body == "" {
		sealed, err := json.Marshal(map[string]any{
			"id": "EV-1", "create_time": "2024-08-05T17:33:41+08:00", "resource_type": "encrypt-resource", "event_type": n.event, "summary": "s",
			"resource": map[string]string{
				"original_type": n.original, "algorithm": n.algorithm, "associated_data": n.associated, "nonce": n.nonce,
				"ciphertext": seal(t, exampleV3Key, "EmuNonce0002", n.associated, []byte(n.plain)),
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		body = string(sealed)
	}
	a := signed(http.StatusOK, body)
	a.header.Set("Wechatpay-Serial", n.serial)
	return a.header, []byte(body)
}

// take decodes the notice for the merchant of all other tests.
func (n notice) take(t testing.TB) (*wire.Notification[v3json.Transaction], error) {
	t.Helper()
	client := newClient(t, nil)
	client.V3Key = newV3Key(t, exampleV3Key)
	header, body := n.message(t)
	return client.DecodeNotification(t.Context(), header, body)
}

const combinedPaid = `{"combine_appid":"wx1","combine_mchid":"` + mchID + `","combine_out_trade_no":"C1","sub_orders":[` +
	`{"mchid":"1900000010","trade_type":"JSAPI","trade_state":"SUCCESS","success_time":"2026-11-29T08:32:00+08:00",` +
	`"transaction_id":"T1","out_trade_no":"S1","amount":{"total_amount":60,"currency":"CNY","payer_amount":50}},` +
	`{"mchid":"1900000011","sub_mchid":"1900000012","sub_appid":"wx2","trade_state":"CLOSED","out_trade_no":"S2"},` +
	`{"mchid":"1900000011","sub_mchid":"1900000012","sub_appid":"wx2","trade_state":"SUCCESS","out_trade_no":"S3","transaction_id":"T3"}],` +
	`"combine_payer_info":{"openid":"o1","sub_openid":"o2"}}`

// TestWhatNotificationsProve: each order that a notification of each kind is about, in short.
func TestWhatNotificationsProve(t *testing.T) {
	t.Parallel()
	const order = `"out_trade_no":"A1","transaction_id":"T1"`
	refund := func(status string) string {
		return `{"mchid":"` + mchID + `",` + order + `,"refund_id":"5","out_refund_no":"R1","refund_status":"` + status +
			`","success_time":"2026-11-29T09:00:00+08:00","amount":{"total":100,"refund":40,"payer_total":90,"payer_refund":36}}`
	}
	for name, test := range map[string]struct {
		notice   notice
		paid     []string
		refunded []string
	}{
		"direct, without an amount":      {paidNotice(directOrder), []string{mchID + "//" + outTradeNo + " " + transactionID + " SUCCESS nil"}, nil},
		"a partner's":                    {paidNotice(partnerOrder), []string{mchID + "/" + subMchID + "/" + outTradeNo + " " + transactionID + " SUCCESS nil"}, nil},
		"an empty associated_data":       {with(paidNotice(directOrder), func(n *notice) { n.associated = "" }), []string{mchID + "//" + outTradeNo + " " + transactionID + " SUCCESS nil"}, nil},
		"signed by a certificate":        {with(paidNotice(directOrder), func(n *notice) { n.serial = platformSerial }), []string{mchID + "//" + outTradeNo + " " + transactionID + " SUCCESS nil"}, nil},
		"the amount is the order's":      {paidNotice(`{"mchid":"` + mchID + `",` + order + `,"trade_state":"SUCCESS","amount":{"total":100,"payer_total":80}}`), []string{mchID + "//A1 T1 SUCCESS 100"}, nil},
		"its own merchant again":         {paidNotice(`{"mchid":"` + mchID + `","sub_mchid":"` + mchID + `",` + order + `,"trade_state":"SUCCESS"}`), []string{mchID + "//A1 T1 SUCCESS nil"}, nil},
		"the paid parts of a whole":      {paidNotice(combinedPaid), []string{"1900000010//S1 T1 SUCCESS 60", "1900000011/1900000012/S3 T3 SUCCESS nil"}, nil},
		"no part was paid":               {paidNotice(strings.ReplaceAll(combinedPaid, `"SUCCESS"`, `"CLOSED"`)), nil, nil},
		"another trade state":            {paidNotice(strings.Replace(directOrder, `"SUCCESS"`, `"REFUND"`, 1)), nil, nil},
		"another original type":          {with(paidNotice(directOrder), func(n *notice) { n.original = "coupon" }), nil, nil},
		"another event":                  {with(paidNotice(directOrder), func(n *notice) { n.event = "TRANSACTION.FAIL" }), nil, nil},
		"a refund's event for a payment": {with(paidNotice(directOrder), func(n *notice) { n.event = "REFUND.SUCCESS" }), nil, nil},
		"another event, of no JSON":      {with(paidNotice("nonsense"), func(n *notice) { n.event = "COUPON.USE" }), nil, nil},
		"an event that is never decrypted": {with(paidNotice("nonsense"), func(n *notice) {
			n.event, n.algorithm = "MCHTRANSFER.BILL.FINISHED", "AEAD_SM4_GCM"
		}), nil, nil},
		"a refund":                  {refundNotice(refund("SUCCESS")), nil, []string{mchID + "//A1 T1  100"}},
		"a partner's refund":        {refundNotice(strings.Replace(refund("SUCCESS"), `"mchid":"`+mchID, `"sub_mchid":"`+subMchID+`","sp_mchid":"`+mchID, 1)), nil, []string{mchID + "/" + subMchID + "/A1 T1  100"}},
		"a refund of another type":  {with(refundNotice(refund("SUCCESS")), func(n *notice) { n.original = "transaction" }), nil, nil},
		"another event of a refund": {with(refundNotice(refund("SUCCESS")), func(n *notice) { n.event = "REFUND.CLOSED" }), nil, nil},
		"a refund that is closed":   {refundNotice(refund("CLOSED")), nil, nil},
		"a refund that failed":      {with(refundNotice(refund("ABNORMAL")), func(n *notice) { n.event = "REFUND.ABNORMAL" }), nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := test.notice.take(t)
			if err != nil {
				t.Fatal(err)
			}
			if paid, refunded := inShort(got.Paid), inShort(got.Refunded); !slices.Equal(paid, test.paid) || !slices.Equal(refunded, test.refunded) {
				t.Errorf("got paid %q and refunded %q, want %q and %q", paid, refunded, test.paid, test.refunded)
			}
			if got.ID != "EV-1" || got.EventType != test.notice.event || got.Other() != (test.paid == nil && test.refunded == nil) {
				t.Errorf("got %+v", got)
			}
			for _, one := range got.Refunded {
				if !one.SuccessTime.IsZero() {
					t.Errorf("a refund's time %s was taken for that of the payment", one.SuccessTime)
				}
			}
		})
	}
}

func with(n notice, change func(*notice)) notice {
	change(&n)
	return n
}

// inShort is each order as merchant/sub-merchant/number, transaction, state and total.
func inShort(orders []v3json.Transaction) []string {
	var short []string
	for _, o := range orders {
		total := "nil"
		if o.Amount != nil && o.Amount.Total != nil {
			total = fmt.Sprint(*o.Amount.Total)
		}
		merchant := o.MchID
		if o.SPMchID != "" {
			merchant = o.SPMchID
		}
		short = append(short, fmt.Sprintf("%s/%s/%s %s %s %s", merchant, o.SubMchID, o.OutTradeNo, o.TransactionID, o.TradeState, total))
	}
	return short
}

func TestCombinedNotification(t *testing.T) {
	t.Parallel()
	got, err := paidNotice(combinedPaid).take(t)
	if err != nil {
		t.Fatal(err)
	}
	first, second := got.Paid[0], got.Paid[1]
	if first.AppID != "wx1" || first.Payer.OpenID != "o1" || first.Payer.SubOpenID != "o2" || *first.Amount.PayerTotal != 50 ||
		first.Amount.Currency != "CNY" || first.TradeType != "JSAPI" || !first.SuccessTime.Equal(time.Date(2026, 11, 29, 0, 32, 0, 0, time.UTC)) {
		t.Errorf("got %+v, want the part with the facts of the whole", first)
	}
	if second.SubAppID != "wx2" || second.Amount != nil || !second.SuccessTime.IsZero() {
		t.Errorf("got %+v, want what was not said to be absent", second)
	}
}

// TestNotificationsAboutOthers: genuine, and of another merchant, or of none that is certain.
func TestNotificationsAboutOthers(t *testing.T) {
	t.Parallel()
	const order = `"out_trade_no":"A1","trade_state":"SUCCESS","refund_status":"SUCCESS"}`
	for _, plain := range []string{
		`{"mchid":"1900000002",` + order,
		`{` + order,
		`{"sp_mchid":"1900000002","sub_mchid":"1",` + order,
		`{"sp_mchid":"1900000002","sub_mchid":"1","mchid":"` + mchID + `",` + order,
		`{"sp_mchid":"` + mchID + `","mchid":"1900000002","sub_mchid":"1",` + order,
		`{"sp_mchid":"` + mchID + `",` + order,
		`{"mchid":"` + mchID + `","sub_mchid":"1",` + order,
		`{"mchid":"` + mchID + `","trade_state":"SUCCESS","refund_status":"SUCCESS"}`,
	} {
		_, err := paidNotice(plain).take(t)
		wantReason(t, err, wire.ReasonMismatch)
		_, err = refundNotice(plain).take(t)
		wantReason(t, err, wire.ReasonMismatch)
	}
	_, err := paidNotice(strings.Replace(combinedPaid, mchID, "1900000002", 1)).take(t)
	wantReason(t, err, wire.ReasonMismatch)
}

// TestMalformedNotifications: signed, and not to be read, or to be read in two ways.
func TestMalformedNotifications(t *testing.T) {
	t.Parallel()
	plain := map[string]string{
		"not an object":          `[` + directOrder + `]`,
		"not JSON":               `{`,
		"nothing":                ` `,
		"no state":               `{"mchid":"` + mchID + `","out_trade_no":"A1"}`,
		"a number twice":         strings.Replace(directOrder, `{`, `{"out_trade_no":"B1",`, 1),
		"a number in capitals":   strings.Replace(directOrder, `{`, `{"Out_trade_no":"B1",`, 1),
		"a total that is none":   strings.Replace(directOrder, `{`, `{"amount":{"total":"1"},`, 1),
		"no parts":               `{"combine_mchid":"` + mchID + `","combine_out_trade_no":"C1","sub_orders":[]}`,
		"a part twice":           strings.Replace(strings.Replace(combinedPaid, `"S3"`, `"S2"`, 1), `"CLOSED"`, `"SUCCESS"`, 1),
		"a part without a state": strings.Replace(combinedPaid, `"trade_state":"CLOSED"`, `"trade_state":null`, 1),
	}
	for name, text := range plain {
		_, err := paidNotice(text).take(t)
		if malformed := malformation(t, err); !strings.Contains(err.Error(), "taking a notification: message cannot be read: ") {
			t.Errorf("%s: got %+v", name, malformed)
		}
	}
	for _, text := range []string{
		`{"mchid":"` + mchID + `","out_trade_no":"A1","refund_status":1}`,
		`{"mchid":"` + mchID + `","out_trade_no":"A1","refund_status":"CLOSED","refund_status":"SUCCESS"}`,
	} {
		_, err := refundNotice(text).take(t)
		wantMalformed(t, err)
	}
	_, err := with(paidNotice(directOrder), func(n *notice) { n.algorithm = "AEAD_SM4_GCM" }).take(t)
	wantMalformed(t, err)
	for _, body := range []string{
		"null", "[]", "<xml/>", `{}`, `{"event_type":1}`, `{"event_type":"A","event_type":"B"}`, `{"event_type":"A","Event_type":"A"}`,
		`{"event_type":"A","resource":{"nonce":"1","nonce":"2"}}`, `{"event_type":"A","resource":"x"}`,
		`{"event_type":"TRANSACTION.SUCCESS","resource":{"original_type":"transaction"}}`,
		`{"event_type":"TRANSACTION.SUCCESS","resource":{"original_type":"transaction","algorithm":"AEAD_AES_256_GCM","nonce":"short"}}`,
		`{"event_type":"TRANSACTION.SUCCESS","resource":{"original_type":"transaction","algorithm":"AEAD_AES_256_GCM","nonce":"123456789012","ciphertext":"!"}}`,
	} {
		_, err := notice{body: body, serial: publicKeyID}.take(t)
		wantMalformed(t, err)
	}
	if got, err := (notice{body: `{"event_type":"A"}`, serial: publicKeyID}).take(t); err != nil || !got.Other() {
		t.Errorf("an event without a resource: got %+v and error %v, want it verified and not interpreted", got, err)
	}
}

// TestEncryptionIsAuthenticated: a part of a notification that is encrypted otherwise does not
// count, although it is signed; nor does an event that is not interpreted, which WeChat Pay may
// have signed for another merchant.
func TestEncryptionIsAuthenticated(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*notice){
		"another nonce":           func(n *notice) { n.nonce = "EmuNonce0003" },
		"another associated data": func(n *notice) { n.associated, n.body = "", resealed(t, "transaction", "") },
		"no associated data":      func(n *notice) { n.body = resealed(t, "", "transaction") },
	} {
		for _, event := range []string{"TRANSACTION.SUCCESS", "COUPON.USE"} {
			n := with(paidNotice(directOrder), change)
			n.event, n.body = event, strings.Replace(n.body, "TRANSACTION.SUCCESS", event, 1)
			got, err := n.take(t)
			if fault := disbelief(t, err, wire.ReasonBadSignature); !strings.Contains(fault.Detail, "does not decrypt") || got != nil {
				t.Errorf("%s, %s: got %+v and %v, want that it does not decrypt", event, name, got, err)
			}
		}
	}
}

// resealed is a notification whose resource was encrypted with other associated data than it says.
func resealed(t *testing.T, bound, said string) string {
	t.Helper()
	return `{"event_type":"TRANSACTION.SUCCESS","resource":{"original_type":"transaction","algorithm":"AEAD_AES_256_GCM",` +
		`"nonce":"EmuNonce0002","associated_data":"` + said + `","ciphertext":"` + seal(t, exampleV3Key, "EmuNonce0002", bound, []byte(directOrder)) + `"}}`
}

// TestNotificationByDownloadedCertificate: a certificate that is not held is downloaded, and a
// serial that does not exist costs one download a minute.
func TestNotificationByDownloadedCertificate(t *testing.T) {
	t.Parallel()
	first, _, gateway := newPair(t)
	client := newCertClient(t, gateway)
	body := `{"id":"EV-1","event_type":"OTHER"}`
	a := gateway.sign(http.StatusOK, body)
	if _, err := client.DecodeNotification(t.Context(), a.header, []byte(body)); err != nil {
		t.Fatalf("signed by %s: %v", first.serial, err)
	}
	gateway.wantDownloads(1, "for the first notification")
	for range 5 {
		_, err := client.DecodeNotification(t.Context(), a.with("Wechatpay-Serial", "5F1C0E9B7A3D2846").header, []byte(body))
		wantReason(t, err, wire.ReasonUnknownSerial)
	}
	gateway.wantDownloads(1, "for a serial that does not exist, within a minute of the first search")
	gateway.advance(time.Minute)
	_, err := client.DecodeNotification(t.Context(), a.with("Wechatpay-Serial", "5F1C0E9B7A3D2846").header, []byte(body))
	wantReason(t, err, wire.ReasonUnknownSerial)
	gateway.wantDownloads(2, "a minute later")
}

// FuzzNotification has any text encrypted and signed, and any body signed. What is accepted must be
// what a second reader of the same bytes sees.
func FuzzNotification(f *testing.F) {
	for _, plain := range []string{directOrder, partnerOrder, combinedPaid, fullOrder, "", "null", "{}", `{"mchid":"` + mchID + `","refund_status":"SUCCESS"}`} {
		f.Add("TRANSACTION.SUCCESS", "transaction", "transaction", []byte(plain), []byte(nil))
		f.Add("REFUND.SUCCESS", "refund", "", []byte(plain), []byte(plain))
	}
	f.Add("", "", "", []byte(nil), readTestdata(f, "notification.json"))
	f.Fuzz(func(t *testing.T, event, original, associated string, plain, body []byte) {
		n := paidNotice(string(plain))
		n.event, n.original, n.associated, n.body = event, original, associated, string(body)
		got, err := n.take(t)
		if err != nil {
			checkFuzzed(t, err)
			return
		}
		if got.Other() || len(body) > 0 {
			return // of a body of the fuzzer's own, the plain text is not known here
		}
		if len(got.Paid) > 0 && (event != "TRANSACTION.SUCCESS" || original != "transaction") ||
			len(got.Refunded) > 0 && (event != "REFUND.SUCCESS" || original != "refund") {
			t.Errorf("%s %s was taken for %+v", event, original, got)
		}
		exact := readExactly(t, plain)
		for _, one := range slices.Concat(got.Paid, got.Refunded) {
			if parts, combined := exact["sub_orders"].([]any); combined {
				if exact["combine_mchid"] != mchID || len(got.Paid) > len(parts) || one.TradeState != "SUCCESS" || one.OutTradeNo == "" {
					t.Errorf("%q was taken for %+v", plain, one)
				}
				continue
			}
			if exact["out_trade_no"] != one.OutTradeNo || exact["mchid"] != mchID && exact["sp_mchid"] != mchID ||
				len(got.Paid) > 0 && exact["trade_state"] != "SUCCESS" || len(got.Refunded) > 0 && exact["refund_status"] != "SUCCESS" {
				t.Errorf("%q was taken for %+v", plain, one)
			}
		}
	})
}
