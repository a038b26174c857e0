package paynotify_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/paynotify"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store/fakestore"
	"cloudpay/pkg/v2xml"
	"cloudpay/pkg/v3json"
)

const (
	mchID    = "1900000001"
	subMchID = "1900000109"
	appID    = "wx1234567890abcdef"
	keyID    = "PUB_KEY_ID_0119000000012026112900000000000001"
	v3Key    = "0123456789abcdefGHIJKLMNOPQRSTUV"
	v2Key    = "cloudpayV2key0123456789abcdefABC"
)

// noon is the clock of every test.
func noon() time.Time { return time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC) }

// newKey makes a key such as WeChat Pay's.
func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// wechatPay is the key that is configured; stranger's is another.
var (
	wechatPay = sync.OnceValue(newKey)
	stranger  = sync.OnceValue(newKey)
)

// kit is a receiver with a register in memory.
type kit struct {
	*paynotify.Receiver

	t        testing.TB
	register *fakestore.Store
	logs     *bytes.Buffer
}

// newKit makes the receiver of a merchant, a partner with subs.
func newKit(t testing.TB, subs ...string) *kit {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&wechatPay().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public, err := v3json.ParsePublicKey(keyID, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := v3json.NewKeyring(public)
	if err != nil {
		t.Fatal(err)
	}
	key, err := v3json.ParseV3Key(v3Key)
	if err != nil {
		t.Fatal(err)
	}
	k := &kit{t: t, logs: &bytes.Buffer{}}
	k.register = fakestore.New(order.Account{Region: order.Mainland, MchID: mchID}, noon)
	k.Receiver = &paynotify.Receiver{
		Merchant: order.Merchant{Region: order.Mainland, MchID: mchID, Partner: len(subs) > 0, SubMchIDs: subs},
		V3:       &v3json.Client{MchID: mchID, Keys: ring, V3Key: key, Now: noon},
		V2:       &v2xml.Client{MchID: mchID, Key: v2Key},
		Register: k.register,
		Log:      slog.New(slog.NewJSONHandler(k.logs, nil)),
	}
	return k
}

// take has the receiver answer, and fails unless the answer's status and its words are in one.
func (k *kit) take(n paynotify.Notice, status int) paynotify.Answer {
	k.t.Helper()
	got := k.Take(k.t.Context(), n)
	acknowledges := strings.Contains(string(got.Body), "SUCCESS")
	if got.Status != status || acknowledges != (status == http.StatusOK) {
		k.t.Fatalf("got %d %s, want %d; the log: %s", got.Status, got.Body, status, k.logs)
	}
	return got
}

func (k *kit) wantLog(words string) {
	k.t.Helper()
	if !strings.Contains(k.logs.String(), words) {
		k.t.Errorf("the log does not say %s: %s", words, k.logs)
	}
}

// wantKinds fails unless an order has these events.
func (k *kit) wantKinds(number string, want ...string) {
	k.t.Helper()
	var got []string
	for _, kind := range k.register.EventKinds(number) {
		got = append(got, string(kind))
	}
	if !slices.Equal(got, want) {
		k.t.Errorf("order %s: got events %q, want %q", number, got, want)
	}
}

// closed ends an order as closed.
func (k *kit) closed(number string) {
	k.t.Helper()
	err := k.register.Observe(k.t.Context(), k.register.Ref(number), schedule.Final{State: schedule.FinalClosed, TradeState: "CLOSED"})
	if err != nil {
		k.t.Fatal(err)
	}
}

// v3Notice is an APIv3 notification before it is encrypted and signed.
type v3Notice struct {
	event, original, plain string
	v3Key, nonce           string
	signer                 *rsa.PrivateKey
	at                     time.Time
}

func paidNotice(plain string) v3Notice {
	return v3Notice{"TRANSACTION.SUCCESS", "transaction", plain, v3Key, "EmuNonce0001", wechatPay(), noon()}
}

func refundNotice(status string, more ...string) v3Notice {
	plain := `{"mchid":"` + mchID + `","out_trade_no":"A1","transaction_id":"TA1","refund_id":"R1","refund_status":"` + status + `"` +
		strings.Join(more, "") + `,"amount":{"total":100,"refund":40}}`
	n := paidNotice(plain)
	n.event, n.original = "REFUND."+status, "refund"
	return n
}

// direct is the payment of an order, with more members before them.
func direct(number string, more ...string) string {
	return `{` + strings.Join(more, "") + `"mchid":"` + mchID + `","appid":"` + appID + `","out_trade_no":"` + number +
		`","transaction_id":"T` + number + `","trade_state":"SUCCESS","success_time":"2026-11-29T19:59:00+08:00"}`
}

const total100 = `"amount":{"total":100},`

func (n v3Notice) sent(t testing.TB) paynotify.Notice {
	t.Helper()
	block, err := aes.NewCipher([]byte(n.v3Key))
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{
		"id": "EV-1", "create_time": "2026-11-29T20:00:00+08:00", "event_type": n.event, "resource_type": "encrypt-resource",
		"resource": map[string]string{
			"algorithm": "AEAD_AES_256_GCM", "original_type": n.original, "associated_data": n.original, "nonce": n.nonce,
			"ciphertext": base64.StdEncoding.EncodeToString(gcm.Seal(nil, []byte(n.nonce), []byte(n.plain), []byte(n.original))),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return signed(t, body, n.signer, n.at)
}

// signed is a body as APIv3 signs it.
func signed(t testing.TB, body []byte, signer *rsa.PrivateKey, at time.Time) paynotify.Notice {
	t.Helper()
	timestamp := strconv.FormatInt(at.Unix(), 10)
	digest := sha256.Sum256([]byte(timestamp + "\n0f1e2d3c\n" + string(body) + "\n"))
	signature, err := rsa.SignPKCS1v15(rand.Reader, signer, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return paynotify.Notice{Body: body, Header: http.Header{
		"Wechatpay-Timestamp": {timestamp}, "Wechatpay-Nonce": {"0f1e2d3c"}, "Wechatpay-Serial": {keyID},
		"Wechatpay-Signature": {base64.StdEncoding.EncodeToString(signature)}, "Content-Type": {"application/json"},
		"Wechatpay-Signature-Type": {"WECHATPAY2-SHA256-RSA2048"},
	}}
}

// paidV2 are the elements of APIv2's notification of a payment.
func paidV2(number string) map[string]string {
	return map[string]string{
		"return_code": "SUCCESS", "result_code": "SUCCESS", "appid": appID, "mch_id": mchID, "nonce_str": "5d2b6c2a", "out_trade_no": number,
		"transaction_id": "T" + number, "total_fee": "100", "cash_fee": "100", "trade_type": "JSAPI", "bank_type": "OTHERS",
		"time_end": "20261129195900", "openid": "oEMU1",
	}
}

// sentV2 signs elements with a key, in HMAC-SHA256 where sign_type says so.
func sentV2(elements map[string]string, key string) paynotify.Notice {
	names := slices.Sorted(maps.Keys(elements))
	var text, body strings.Builder
	body.WriteString("<xml>")
	for _, name := range names {
		fmt.Fprintf(&text, "%s=%s&", name, elements[name])
		fmt.Fprintf(&body, "<%s><![CDATA[%s]]></%[1]s>", name, elements[name])
	}
	text.WriteString("key=" + key)
	sum := md5.Sum([]byte(text.String()))
	sign := sum[:]
	if elements["sign_type"] == "HMAC-SHA256" {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(text.String()))
		sign = mac.Sum(nil)
	}
	fmt.Fprintf(&body, "<sign>%X</sign></xml>", sign)
	return paynotify.Notice{Header: http.Header{"Content-Type": {"text/xml"}}, Body: []byte(body.String())}
}

// counting is a register that counts how often it is asked to record.
type counting struct {
	paynotify.Register

	calls int
}

func (c *counting) ObservePayments(ctx context.Context, payments []schedule.Payment) ([]schedule.Observed, error) {
	c.calls++
	return c.Register.ObservePayments(ctx, payments)
}
