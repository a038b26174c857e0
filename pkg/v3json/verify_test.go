package v3json_test

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/v3json"
	"cloudpay/pkg/wire"
)

// The reply that pay.weixin.qq.com prints on page 4013053420, whose key is
// testdata/published_response_key.pem.
const (
	publishedReplyBody   = `{"code_url":"weixin://wxpay/bizpayurl?pr=JyC91EIz1"}`
	publishedReplySerial = "PUB_KEY_ID_0000000000000024101100397200000006"
	publishedReply       = "mfI1CPqvBrgcXfgXMFjdNIhBf27ACE2YyeWsWV9ZI7T7RU0vHvbQpu9Z32ogzc+k8ZC5n3kz7h70eWKjgqNdKQF0eRp8mVKlmfzMLBVH" +
		"bssB9jEZEDXThOX1XFqX7s7ymia1hoHQxQagPGzkdWxtlZPZ4ZPvr1RiqkgAu6Is8MZgXXrRoBKqjmSdrP1N7uxzJ/cjfSiis9FiLjuADoqm" +
		"Q1P7p2N876YPAol7Rn0+GswwAwxldbdLrmVSjfytfSBJFqTMHn4itojgxSWWN1byuckQt8hSTEv/Lg97QoeGniYP17T80pJeQyL3b+295FPH" +
		"SO2AtvCgyIbKMZ0BALilAA=="
)

// TestPublishedReply hands the client the published reply, at its own time. It answers another
// API's question, so the client is to find the signature good and the answer none of its own.
func TestPublishedReply(t *testing.T) {
	t.Parallel()
	key, err := v3json.ParsePublicKey(publishedReplySerial, readTestdata(t, "published_response_key.pem"))
	if err != nil {
		t.Fatalf("ParsePublicKey: %v", err)
	}
	ring, err := v3json.NewKeyring(key)
	if err != nil {
		t.Fatalf("NewKeyring: %v", err)
	}
	publish := func(status int) *v3json.Client {
		client := newClient(t, answer{status: status, body: publishedReplyBody, header: http.Header{
			"Wechatpay-Timestamp": {"1722850421"},
			"Wechatpay-Nonce":     {"d824f2e086d3c1df967785d13fcd22ef"},
			"Wechatpay-Signature": {publishedReply},
			"Wechatpay-Serial":    {publishedReplySerial},
		}})
		client.Keys = ring
		client.Now = func() time.Time { return time.Unix(1722850421, 0) }
		return client
	}
	_, err = publish(http.StatusBadRequest).CloseOrder(t.Context(), v3json.Request{OutTradeNo: "A1"})
	if refused := refusal(t, err); !refused.Authenticated || refused.Signature != publishedReply {
		t.Errorf("as a refusal it is %+v, want it authenticated", refused)
	}
	_, err = publish(http.StatusOK).CloseOrder(t.Context(), v3json.Request{OutTradeNo: "A1"})
	wantReason(t, err, wire.ReasonMismatch)
	_, err = publish(http.StatusOK).QueryOrder(t.Context(), v3json.Request{OutTradeNo: "A1"})
	wantMalformed(t, err)

	late := publish(http.StatusOK)
	late.Now = func() time.Time { return time.Unix(1722850421+301, 0) }
	_, err = late.QueryOrder(t.Context(), v3json.Request{OutTradeNo: "A1"})
	wantReason(t, err, wire.ReasonStale)

	message := "1722850421\nd824f2e086d3c1df967785d13fcd22ef\n" + publishedReplyBody + "\n"
	if err := ring.Verify(publishedReplySerial, message, publishedReply); err != nil {
		t.Errorf("Verify: %v, want the published signature to hold", err)
	}
	wantReason(t, ring.Verify(publishedReplySerial, message+" ", publishedReply), wire.ReasonBadSignature)
	wantReason(t, ring.Verify("PUB_KEY_ID_1", message, publishedReply), wire.ReasonUnknownSerial)
	wantReason(t, ring.Verify(publishedReplySerial, message, "WECHATPAY/SIGNTEST/"+publishedReply), wire.ReasonProbe)
}

// TestEveryByteIsSigned flips each byte of a good reply's body and signature headers: not one may
// go unnoticed.
func TestEveryByteIsSigned(t *testing.T) {
	t.Parallel()
	headers := []string{"Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Serial", "Wechatpay-Signature-Type"}
	for name, row := range calls() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := row.call(t, row.success); err != nil {
				t.Fatalf("the reply as it was signed: %v", err)
			}
			for i := range row.success.body {
				a := row.success
				a.body = flip(a.body, i)
				wantReason(t, row.call(t, a), wire.ReasonBadSignature)
			}
			for _, key := range headers {
				value := row.success.header.Get(key)
				for i := range value {
					wantRefused(t, key, row.call(t, row.success.with(key, flip(value, i))))
				}
				wantRefused(t, key, row.call(t, row.success.with(key, value+"0")))
				wantRefused(t, key, row.call(t, row.success.with(key, "0"+value)))
				wantRefused(t, key, row.call(t, row.success.with(key, value[:len(value)-1])))
			}
			longer := row.success
			longer.body += "\n"
			wantReason(t, row.call(t, longer), wire.ReasonBadSignature)
		})
	}
}

func flip(s string, i int) string {
	b := []byte(s)
	b[i] ^= 1
	return string(b)
}

func wantRefused(t *testing.T, what string, err error) {
	t.Helper()
	if _, ok := errors.AsType[*v3json.VerifyError](err); !ok {
		t.Errorf("%s changed: error is %v, want a VerifyError", what, err)
	}
}

// TestSignatureHasOneSpelling: base64 has more than one text for the same bytes, and only one is
// accepted.
func TestSignatureHasOneSpelling(t *testing.T) {
	t.Parallel()
	good := signed(http.StatusNoContent, "")
	signature := good.header.Get("Wechatpay-Signature")
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		t.Fatalf("the test's own signature: %v", err)
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := len(signature) - len("A==")
	spare := alphabet[strings.IndexByte(alphabet, signature[last])|1]
	tests := map[string]string{
		"spare bits set":    signature[:last] + string(spare) + "==",
		"a line break":      signature[:64] + "\n" + signature[64:],
		"a line break last": signature + "\r\n",
		"no padding":        strings.TrimRight(signature, "="),
		"for URLs":          base64.URLEncoding.EncodeToString(raw) + "-_",
		"two values in one": signature + ", " + signature,
		"a byte less":       base64.StdEncoding.EncodeToString(raw[1:]),
		"a byte more":       base64.StdEncoding.EncodeToString(append([]byte{0}, raw...)),
		"nothing signed":    base64.StdEncoding.EncodeToString(make([]byte, 256)),
		"not base64":        strings.Repeat("!", 344),
		"too long to look":  strings.Repeat("A", 1<<16),
	}
	for name, value := range tests {
		_, err := closeWith(t, good.with("Wechatpay-Signature", value))
		if fault := disbelief(t, err, wire.ReasonBadSignature); len(fault.Detail) > 256 {
			t.Errorf("%s: detail is %d bytes long, want a sentence", name, len(fault.Detail))
		}
	}
}

func TestMissingSignatureHeaders(t *testing.T) {
	t.Parallel()
	keys := []string{"Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Serial"}
	for name, row := range calls() {
		refused := signed(http.StatusBadRequest, refusalBody)
		for missing := 1; missing < 1<<len(keys)-1; missing++ {
			success, failure := row.success, refused
			for i, key := range keys {
				if missing>>i&1 == 1 {
					success, failure = success.with(key, ""), failure.with(key, "")
				}
			}
			for _, a := range []answer{success, failure} {
				fault := disbelief(t, row.call(t, a), wire.ReasonUnsigned)
				for i, key := range keys {
					if named := strings.Contains(fault.Detail, key); named != (missing>>i&1 == 1) {
						t.Errorf("%s: detail is %q, want it to name just what is missing", name, fault.Detail)
					}
				}
				if !strings.Contains(fault.Detail, "proxy") {
					t.Errorf("%s: detail is %q, want it to suspect a proxy", name, fault.Detail)
				}
			}
		}
		for _, key := range keys {
			empty := row.success.with(key, "x")
			empty.header.Set(key, "")
			wantReason(t, row.call(t, empty), wire.ReasonUnsigned)
		}
		// Without its type the reply is as good: no line of the message has it.
		if err := row.call(t, row.success.with("Wechatpay-Signature-Type", "")); err != nil {
			t.Errorf("%s: without Wechatpay-Signature-Type: %v, want success", name, err)
		}
	}
}

func TestRepeatedSignatureHeaders(t *testing.T) {
	t.Parallel()
	keys := []string{"Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Serial"}
	for name, row := range calls() {
		for _, a := range []answer{row.success, signed(http.StatusBadRequest, refusalBody)} {
			for _, key := range keys {
				for _, second := range []string{a.header.Get(key), "x", ""} {
					twice := a.with(key, a.header.Get(key))
					twice.header.Add(key, second)
					fault := disbelief(t, row.call(t, twice), wire.ReasonBadSignature)
					if !strings.Contains(fault.Detail, key) {
						t.Errorf("%s: detail is %q, want it to name %s", name, fault.Detail, key)
					}
				}
			}
		}
	}
}

func TestClockSkew(t *testing.T) {
	t.Parallel()
	tests := map[time.Duration]string{
		0:                  "",
		299 * time.Second:  "",
		300 * time.Second:  "",
		301 * time.Second:  "5m1s ahead of",
		-299 * time.Second: "",
		-300 * time.Second: "",
		-301 * time.Second: "5m1s behind",
		-24 * time.Hour:    "24h0m0s behind",
	}
	for skew, want := range tests {
		replies := map[string]answer{
			"close":   signedAt(wireTime().Add(skew), http.StatusNoContent, ""),
			"query":   signedAt(wireTime().Add(skew), http.StatusOK, directOrder),
			"refusal": signedAt(wireTime().Add(skew), http.StatusBadRequest, refusalBody),
		}
		for name, a := range replies {
			row := calls()["query"]
			if name == "close" {
				row = calls()["close"]
			}
			err := row.call(t, a)
			switch {
			case want != "":
				if fault := disbelief(t, err, wire.ReasonStale); !strings.Contains(fault.Detail, want) {
					t.Errorf("%s at %v: detail is %q, want it to say %q", name, skew, fault.Detail, want)
				}
			case name == "refusal":
				wantRefusal(t, err)
			case err != nil:
				t.Errorf("%s at %v: %v, want success", name, skew, err)
			}
		}
	}
}

func TestClockSkewCountsNanoseconds(t *testing.T) {
	t.Parallel()
	client := newClient(t, signed(http.StatusNoContent, ""))
	client.Now = func() time.Time { return wireTime().Add(5*time.Minute + 1) }
	_, err := client.CloseOrder(t.Context(), v3json.Request{OutTradeNo: "A1"})
	wantReason(t, err, wire.ReasonStale)
}

func TestTimestampsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, timestamp := range []string{
		"+1722850421", "-1722850421", "1722850421.0", "0x66B0A1B5", "1_722_850_421", " 1722850421", "9223372036854775808",
		"999999999999", "2024-08-05T09:33:41Z", "１７２２８５０４２１",
	} {
		// Signed, so that nothing but the timestamp's form is wrong.
		a := signed(http.StatusNoContent, "").with("Wechatpay-Timestamp", timestamp).
			with("Wechatpay-Signature", platformSign(timestamp+"\n"+replyNonce+"\n\n"))
		_, err := closeWith(t, a)
		if fault := disbelief(t, err, wire.ReasonBadSignature); !strings.Contains(fault.Detail, "seconds since 1970") {
			t.Errorf("timestamp %q: detail is %q, want it to say what is wrong", timestamp, fault.Detail)
		}
	}
	for _, timestamp := range []string{"0", "99999999999"} {
		a := signed(http.StatusNoContent, "").with("Wechatpay-Timestamp", timestamp).
			with("Wechatpay-Signature", platformSign(timestamp+"\n"+replyNonce+"\n\n"))
		_, err := closeWith(t, a)
		wantReason(t, err, wire.ReasonStale)
	}
}

func TestProbes(t *testing.T) {
	t.Parallel()
	for name, row := range calls() {
		for _, a := range []answer{row.success, signed(http.StatusBadRequest, refusalBody)} {
			for _, tail := range []string{"", "u9r", a.header.Get("Wechatpay-Signature")} {
				err := row.call(t, a.with("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+tail))
				if fault := disbelief(t, err, wire.ReasonProbe); fault.HTTPStatus != a.status {
					t.Errorf("%s: VerifyError is of HTTP %d, want %d", name, fault.HTTPStatus, a.status)
				}
			}
		}
	}
}

func TestSerials(t *testing.T) {
	t.Parallel()
	good := []string{publicKeyID, platformSerial, strings.ToLower(platformSerial), strings.TrimLeft(platformSerial, "0")}
	for _, serial := range good {
		for name, row := range calls() {
			if err := row.call(t, row.success.with("Wechatpay-Serial", serial)); err != nil {
				t.Errorf("%s signed by %s: %v, want success", name, serial, err)
			}
		}
	}
	unknown := map[string]string{
		"PUB_KEY_ID_0000000000000000000000000000000001": "add this WeChat Pay public key",
		strings.ToLower(publicKeyID):                    "",
		"7132D72A03E93CDDF8C03BBD1F37EEDF6B1A2C3D":      "add this platform certificate",
		merchantSerial:            "",
		"0":                       "",
		strings.Repeat("A", 1000): "",
		"PUB_KEY_ID_":             "",
	}
	for serial, want := range unknown {
		for _, row := range calls() {
			fault := disbelief(t, row.call(t, row.success.with("Wechatpay-Serial", serial)), wire.ReasonUnknownSerial)
			for _, say := range []string{want, publicKeyID, platformSerial, serial[:1]} {
				if !strings.Contains(fault.Detail, say) {
					t.Errorf("signed by %.20s: detail is %q, want it to say %q", serial, fault.Detail, say)
				}
			}
		}
	}
}

// TestMerchantKeyInTheKeyring: no reply could ever be verified, so nothing is to be closed.
func TestMerchantKeyInTheKeyring(t *testing.T) {
	t.Parallel()
	for _, id := range []string{publicKeyID, platformSerial} {
		own := v3json.PlatformKey{ID: id, Public: &loadMerchantKey(t).PublicKey}
		ring, err := v3json.NewKeyring(own)
		if err != nil {
			t.Fatalf("NewKeyring: %v", err)
		}
		client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
			t.Error("a request was sent, want none")
			return nil, io.EOF
		}))
		client.Keys = ring
		_, err = client.CloseOrder(t.Context(), v3json.Request{OutTradeNo: "A1"})
		wantSays(t, id, err, "the merchant's own public key as "+id)
	}
}

func TestOtherSignatureTypes(t *testing.T) {
	t.Parallel()
	for name, row := range calls() {
		a := row.success.with("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3")
		fault := disbelief(t, row.call(t, a), wire.ReasonBadSignature)
		if !strings.Contains(fault.Detail, "SM2") {
			t.Errorf("%s: detail is %q, want it to name the type", name, fault.Detail)
		}
	}
}
