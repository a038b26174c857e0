package v3json_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"cloudpay/pkg/v3json"
)

// FuzzReply hands the client any reply at all. The signing key is not in the fuzzer's hands, so
// only the replies that were signed for the seeds may succeed; everything else is one of the three
// errors, in one line.
func FuzzReply(f *testing.F) {
	for _, a := range []answer{
		signed(http.StatusNoContent, ""), signed(http.StatusOK, directOrder), signed(http.StatusBadRequest, refusalBody),
		unsigned(http.StatusBadGateway, "<html>"), unsigned(http.StatusOK, directOrder),
	} {
		h := a.header
		f.Add(a.status, h.Get("Wechatpay-Timestamp"), h.Get("Wechatpay-Nonce"), h.Get("Wechatpay-Signature"),
			h.Get("Wechatpay-Serial"), h.Get("Wechatpay-Signature-Type"), []byte(a.body))
	}
	client := newClient(f, nil)
	f.Fuzz(func(t *testing.T, status int, timestamp, nonce, signature, serial, kind string, body []byte) {
		a := answer{status: status, header: http.Header{}, body: string(body)}
		for key, value := range map[string]string{
			"Wechatpay-Timestamp": timestamp, "Wechatpay-Nonce": nonce, "Wechatpay-Signature": signature,
			"Wechatpay-Serial": serial, "Wechatpay-Signature-Type": kind,
		} {
			if value != "" {
				a.header.Set(key, value)
			}
		}
		copied := *client
		copied.HTTPClient = &http.Client{Transport: a}
		_, err := copied.CloseOrder(t.Context(), v3json.Request{OutTradeNo: "A1"})
		if err == nil && len(body) != 0 {
			t.Errorf("a close with body %q succeeded", body)
		}
		checkFuzzed(t, err)
		reply, err := copied.QueryOrder(t.Context(), v3json.Request{OutTradeNo: outTradeNo})
		if err == nil && (string(body) != directOrder || reply.OutTradeNo != outTradeNo) {
			t.Errorf("a query answered with %q succeeded", body)
		}
		checkFuzzed(t, err)
	})
}

func checkFuzzed(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	_, refused := errors.AsType[*v3json.Error](err)
	_, disbelieved := errors.AsType[*v3json.VerifyError](err)
	_, malformed := errors.AsType[*v3json.MalformedError](err)
	redirected := strings.Contains(err.Error(), "Location header") // net/http's own refusal
	if !refused && !disbelieved && !malformed && !redirected {
		t.Errorf("error is %v (%T), want one of the package's", err, err)
	}
	checkLine(t, err.Error())
}

func checkLine(t *testing.T, line string) {
	t.Helper()
	if !utf8.ValidString(line) {
		t.Errorf("not UTF-8: %q", line)
	}
	if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
		t.Errorf("not one printable line: %q", line)
	}
	if len(line) > 4096 {
		t.Errorf("a line of %d bytes", len(line))
	}
}

func FuzzDecodeTransaction(f *testing.F) {
	for _, body := range []string{fullOrder, directOrder, partnerOrder, refusalBody, "", "null", "[]", `{"trade_state":"A","Mchid":"1"}`,
		`{"trade_state":"A","attach":1,"amount":{"total":1},"promotion_detail":[{"amount":"1"}]}`, "\ufeff" + directOrder} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		transaction, err := v3json.DecodeTransaction(body)
		if err != nil {
			checkLine(t, err.Error())
			return
		}
		if transaction.TradeState == "" {
			t.Errorf("%q was taken for a transaction", body)
		}
		// A second reader of the same bytes, one that minds capitals, must see the same order.
		exact := readExactly(t, body)
		for key, got := range map[string]string{
			"out_trade_no": transaction.OutTradeNo, "transaction_id": transaction.TransactionID, "mchid": transaction.MchID,
			"sp_mchid": transaction.SPMchID, "sub_mchid": transaction.SubMchID, "trade_state": transaction.TradeState,
		} {
			if want, _ := exact[key].(string); got != want {
				t.Errorf("%q: %s was read as %q, want %q", body, key, got, want)
			}
		}
	})
}

// readExactly is a second reader of an object, one that minds capitals.
func readExactly(t *testing.T, body []byte) map[string]any {
	t.Helper()
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	var exact map[string]any
	second := json.NewDecoder(bytes.NewReader(body))
	second.UseNumber() // one that is none of ours may be beyond a float64
	if err := second.Decode(&exact); err != nil || !json.Valid(body) {
		t.Fatalf("%q was taken for an object: %v", body, err)
	}
	return exact
}

func FuzzDetail(f *testing.F) {
	for _, detail := range []string{
		`{"field":"/mchid","issue":"x","location":"body","value":"1"}`, `{"detail":{"issue":"sign not match"},"sign_information":{}}`,
		`"a"`, `[1,[2,[3,[4,[5,[6]]]]]]`, `null`, `1e999`, `{`, `"\ud800"`,
	} {
		f.Add([]byte(detail))
	}
	f.Fuzz(func(t *testing.T, detail []byte) {
		line := v3json.Describe(detail)
		checkLine(t, line)
		if len(line) > 600 {
			t.Errorf("described in %d bytes: %q", len(line), line)
		}
	})
}

func FuzzPEM(f *testing.F) {
	for _, file := range []string{"merchant_key.pem", "platform_pub.pem", "platform_cert.pem"} {
		f.Add(readTestdata(f, file))
	}
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if key, err := v3json.ParseKey(merchantSerial, file); err == nil {
			if _, err := key.Sign("m"); err != nil {
				t.Errorf("a key was accepted that cannot sign: %v", err)
			}
		} else {
			checkLine(t, err.Error())
		}
		if key, err := v3json.ParsePublicKey(publicKeyID, file); err == nil {
			checkUsable(t, key)
		} else {
			checkLine(t, err.Error())
		}
		if key, err := v3json.ParseCertificate(file); err == nil {
			checkUsable(t, key)
		} else {
			checkLine(t, err.Error())
		}
	})
}

func checkUsable(t *testing.T, key v3json.PlatformKey) {
	t.Helper()
	if _, err := v3json.NewKeyring(key); err != nil {
		t.Errorf("a key was accepted that no keyring takes: %v", err)
	}
	if key.Public.Size() < 256 {
		t.Errorf("a key of %d bytes was accepted", key.Public.Size())
	}
}
