package paygate_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// The worked examples of notifications: their keys were generated with OpenSSL and protect nothing;
// the texts were computed in Python (cryptography 48), and verified with Go's standard library and
// with openssl. testdata/notify_v3.pem is the public half of the key that signed.
const (
	notifyV3Key     = "0123456789abcdefGHIJKLMNOPQRSTUV"
	notifyV2Key     = "cloudpayV2key0123456789abcdefABC"
	notifyNonce     = "EmuNonce0001"
	notifyTimestamp = "1795912201"
	notifyHTTPNonce = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
	notifySignature = "m0kS0AWvXTCjeSCqeTk2+ZLVAFl4al9oUJRRxhVJg0IJZ1EBYfBfAwygAxVnygX2/DNolGyXcmSjpXnI8pp7vQ9grEEcjJfq0JzUgHf7WrkJC+j8GVFIh" +
		"Mp07ykBwNgiYZ6Rj9HpPrAAGDUbeSNPu7Q7jKnC1Qa4QsaZOxEyLK7b7/PZRsIAdD7HpnEEp4sfjdS7rOKcgZt9yawdjgA08k1wiiYKip1CJ+UdEukRYuAZL97teM2J6/B" +
		"rgUBzQkNzYGSbjS/l2CX3CyCkNwz9w0BYKpC7dKb3C9AZ6oWVgJyZUGEGF6uKX9M31No1W1f659b0vWREnKynujru7bneDg=="
)

// golden reads a file of testdata as it is.
func golden(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// openGCM decrypts a resource with code of the test's own.
func openGCM(key, nonce, associatedData, ciphertext string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(ciphertext)
	if err != nil {
		return "", err
	}
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		return "", err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return "", err
	}
	plain, err := aead.Open(nil, []byte(nonce), raw, []byte(associatedData))
	return string(plain), err
}

// envelope is a notification's body, as a receiver reads it.
type envelope struct {
	ID           string `json:"id"`
	CreateTime   string `json:"create_time"`
	ResourceType string `json:"resource_type"`
	EventType    string `json:"event_type"`
	Summary      string `json:"summary"`
	Resource     struct {
		OriginalType   string `json:"original_type"`
		Algorithm      string `json:"algorithm"`
		Ciphertext     string `json:"ciphertext"`
		AssociatedData string `json:"associated_data"`
		Nonce          string `json:"nonce"`
	} `json:"resource"`
}

func TestExampleNotificationV3(t *testing.T) {
	t.Parallel()
	body, content := golden(t, "notify_v3.json"), string(golden(t, "notify_v3_content.json"))
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != "cbd73ea45bacbc2bb328b6a8f38533cfcce959f70ea3b2cc901fcfc3c40b7ef5" {
		t.Fatalf("the example is not what it was: %d bytes with SHA-256 %x", len(body), sum)
	}
	var read envelope
	if err := json.Unmarshal(body, &read); err != nil {
		t.Fatal(err)
	}
	plain, err := openGCM(notifyV3Key, read.Resource.Nonce, read.Resource.AssociatedData, read.Resource.Ciphertext)
	if err != nil || plain != content {
		t.Errorf("decrypted (%v):\n%s\nwant\n%s", err, plain, content)
	}
	if again := paygate.EncryptV3(notifyV3Key, notifyNonce, "transaction", []byte(content)); again != read.Resource.Ciphertext {
		t.Errorf("encrypted again it is\n%s\nwant\n%s", again, read.Resource.Ciphertext)
	}
	created := time.Date(2026, 11, 29, 0, 30, 1, 0, time.UTC)
	if again := paygate.NotificationV3(notifyV3Key, notifyNonce, read.ID, read.EventType, content, created); !bytes.Equal(again, body) {
		t.Errorf("written again it is\n%s\nwant\n%s", again, body)
	}
	if got, want := paygate.EncryptV3(notifyV3Key, notifyNonce, "", []byte(`{"ping":1}`)), "WtwxD+21UTu/xmcROe4ylValipLyGk5zHfk="; got != want {
		t.Errorf("with no associated data it is %s, want %s", got, want)
	}
}

func TestExampleNotificationSignature(t *testing.T) {
	t.Parallel()
	key := readKey(t, "testdata/notify_v3.pem")
	signature, err := base64.StdEncoding.DecodeString(notifySignature)
	if err != nil {
		t.Fatal(err)
	}
	body := golden(t, "notify_v3.json")
	if err := paygate.VerifyV3(key, paygate.AnswerV3(notifyTimestamp, notifyHTTPNonce, body), signature); err != nil {
		t.Errorf("the example's signature: %v", err)
	}
	for i := range body {
		broken := slices.Clone(body)
		broken[i] ^= 1
		if paygate.VerifyV3(key, paygate.AnswerV3(notifyTimestamp, notifyHTTPNonce, broken), signature) == nil {
			t.Errorf("the signature holds with byte %d changed", i)
		}
	}
}

func TestExampleNotificationV2(t *testing.T) {
	t.Parallel()
	body := golden(t, "notify_v2.xml")
	pairs, err := paygate.DecodeV2(body)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := paygate.SignV2(notifyV2Key, "MD5", pairs...), "851C8D4D2B2E0F8B8C1D4CED9CFB2F8E"; got != want {
		t.Errorf("MD5 sign is %s, want %s", got, want)
	}
	withType := append(slices.Clone(pairs), pair{"sign_type", "HMAC-SHA256"})
	if got, want := paygate.SignV2(notifyV2Key, "HMAC-SHA256", withType...),
		"4E593A3DC2A1E1AA7A59D8433BE4F04FC580EF43E5FB63C895232ECCC99D79CC"; got != want {
		t.Errorf("HMAC-SHA256 sign is %s, want %s", got, want)
	}
	if again := paygate.EncodeFlat(pairs); !bytes.Equal(again, body) {
		t.Errorf("written again it is\n%s\nwant\n%s", again, body)
	}
}

func TestExampleRefundV2(t *testing.T) {
	t.Parallel()
	content, info := golden(t, "notify_v2_refund_content.xml"), string(golden(t, "notify_v2_refund_info.txt"))
	key := paygate.InfoKey(notifyV2Key)
	if want := "41d03b53680ca11c985c1cd1b4fb51e8"; string(key) != want {
		t.Errorf("the key is %s, want %s", key, want)
	}
	if got := base64.StdEncoding.EncodeToString(paygate.EncryptECB(key, content)); got != info {
		t.Errorf("req_info is\n%s\nwant\n%s", got, info)
	}
	if got := openECB(t, key, info); got != string(content) {
		t.Errorf("decrypted it is\n%s\nwant\n%s", got, content)
	}
	paid := time.Date(2026, 11, 29, 8, 30, 0, 0, time.FixedZone("", 8*60*60))
	order := paygate.Order{
		OutTradeNo: "EMU20261129000001", TransactionID: "4200009999202611290000000001", Total: 100, API: "v2", PaidAt: paid,
	}
	refund := paygate.Refund{
		OutRefundNo: "R1", RefundID: "50000009999202611290000000001", Amount: 100, PayerAmount: 100, Status: "SUCCESS", API: "v2",
		EndedAt: paid.Add(10 * time.Minute), FundsAccount: "AVAILABLE",
	}
	if got := paygate.RefundContent(order, refund); got != string(content) {
		t.Errorf("a refund is told as\n%s\nwant\n%s", got, content)
	}
}

// openECB decrypts req_info with code of the test's own.
func openECB(t *testing.T, key []byte, info string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(info)
	if err != nil || len(raw)%aes.BlockSize != 0 {
		t.Fatalf("req_info has %d bytes (%v), want whole blocks", len(raw), err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(raw); at += aes.BlockSize {
		block.Decrypt(raw[at:], raw[at:])
	}
	padding := int(raw[len(raw)-1])
	if padding == 0 || padding > aes.BlockSize || !bytes.HasSuffix(raw, bytes.Repeat([]byte{byte(padding)}, padding)) {
		return "" // not encrypted with this key
	}
	return string(raw[:len(raw)-padding])
}

// TestScheduleIsADay: the pauses are those of the document, and their sum is.
func TestScheduleIsADay(t *testing.T) {
	t.Parallel()
	var sum time.Duration
	var texts []string
	for _, wait := range paygate.NotifyWaits() {
		sum += wait
		texts = append(texts, wait.String())
	}
	if sum != 86_640*time.Second {
		t.Errorf("the pauses are %s together, want 24h4m: %s", sum, strings.Join(texts, ", "))
	}
	want := "15s, 15s, 30s, 3m0s, 10m0s, 20m0s, 30m0s, 30m0s, 30m0s, 1h0m0s, 3h0m0s, 3h0m0s, 3h0m0s, 6h0m0s, 6h0m0s"
	if got := strings.Join(texts, ", "); got != want {
		t.Errorf("the pauses are %s, want %s", got, want)
	}
}
