package paygate_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"cloudpay/pkg/paygate"
)

func (s *session) echo(body members) v3Request {
	s.t.Helper()
	return v3Request{method: http.MethodPost, uri: "/v3/security/echo", body: body.text(s.t)}
}

// sealed encrypts a text as the documents want it: RSA-OAEP with SHA-1.
func sealed(t *testing.T, key *rsa.PublicKey, text string) string {
	t.Helper()
	raw, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, key, []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func TestEcho(t *testing.T) {
	t.Parallel()
	s := start(t)
	got := s.v3(s.echo(members{"echo_message": "ping 7"})).want(200)
	if got.body != `{"echo_message":"ping 7"}` {
		t.Errorf("the answer is %s", got.body)
	}
	if last := s.last(); last.Op != "echo" || last.Verdict != "ok" || last.OutTradeNo != "" {
		t.Errorf("history says %+v", last)
	}
	got = s.v3(s.echo(members{"echo_message": "ping 8", "encrypted_echo_message": sealed(t, s.PublicKey(), "secret 8")})).want(200)
	got.wantJSON(map[string]any{"echo_message": "ping 8"})
	answered, _ := got.json()["encrypted_echo_message"].(string)
	raw, err := base64.StdEncoding.DecodeString(answered)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := rsa.DecryptOAEP(sha1.New(), nil, s.Merchant.PrivateKey, raw, nil); err != nil || string(text) != "secret 8" {
		t.Errorf("the merchant reads %q (%v), want secret 8", text, err)
	}
	s.v3(s.echo(members{"echo_message": "x", "notify_url": "https://shop.example/echo"})).want(200)
}

// TestEchoByCertificate: the serial that the request names decides which key opens the text, and
// which signs the reply.
func TestEchoByCertificate(t *testing.T) {
	t.Parallel()
	s := start(t)
	serial := s.CertificateSerial()
	req := s.echo(members{"echo_message": "x", "encrypted_echo_message": sealed(t, certificateKey(t, s.Gateway), "y")})
	req.header = map[string]string{"Wechatpay-Serial": serial}
	if got := s.v3(req); got.status != 200 || got.signature() != serial {
		t.Errorf("status %d, signed by %s, want 200 and %s: %s", got.status, got.signature(), serial, got.body)
	}
	s.v3(s.echo(members{"echo_message": "x", "encrypted_echo_message": sealed(t, certificateKey(t, s.Gateway), "y")})).wantCode(400, "PARAM_ERROR")
	s.wantLast("refused", "was not encrypted for the key that Wechatpay-Serial names, "+s.PublicKeyID())
}

func TestEchoForm(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, test := range map[string]struct {
		req          v3Request
		code, reason string
	}{
		"no message":   {s.echo(members{}), "PARAM_ERROR", "/echo_message is missing"},
		"number":       {s.echo(members{"echo_message": 7}), "PARAM_ERROR", "must be a string"},
		"surplus":      {s.echo(members{"echo_message": "x", "mchid": "1"}), "PARAM_ERROR", "/mchid is not a parameter"},
		"not base64":   {s.echo(members{"echo_message": "x", "encrypted_echo_message": "-"}), "PARAM_ERROR", "must be in standard base64"},
		"too short":    {s.echo(members{"echo_message": "x", "encrypted_echo_message": "AAAA"}), "PARAM_ERROR", "is 3 bytes long, and the key makes 256"},
		"foreign":      {s.echo(members{"echo_message": "x", "encrypted_echo_message": strings.Repeat("A", 340) + "AA=="}), "PARAM_ERROR", "was not encrypted for"},
		"notify_url":   {s.echo(members{"echo_message": "x", "notify_url": "x"}), "PARAM_ERROR", "absolute address"},
		"broken":       {v3Request{method: "POST", uri: "/v3/security/echo", body: "{"}, "PARAM_ERROR", "it is not JSON"},
		"nothing":      {v3Request{method: "POST", uri: "/v3/security/echo"}, "INVALID_REQUEST", "Content-Type"},
		"no serial":    {v3Request{method: "POST", uri: "/v3/security/echo", body: `{"echo_message":"x"}`, header: map[string]string{"Wechatpay-Serial": ""}}, "INVALID_REQUEST", "Wechatpay-Serial is missing"},
		"wrong serial": {v3Request{method: "POST", uri: "/v3/security/echo", body: `{"echo_message":"x"}`, header: map[string]string{"Wechatpay-Serial": "X"}}, "PARAM_ERROR", "is neither"},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			got := s.v3(test.req)
			if got.status != 400 || got.json()["code"] != test.code || got.signature() == "none" {
				t.Errorf("status %d signed by %s, want a signed 400 %s: %s", got.status, got.signature(), test.code, got.body)
			}
			s.wantLast("refused", test.reason)
		})
	}
	s.MustInject(paygate.Fault{Action: paygate.BadSignature, Op: "echo", Times: 1})
	if got := s.v3(s.echo(members{"echo_message": "x"})); got.signature() != "bad signature" {
		t.Errorf("with a fault the reply is signed by %s", got.signature())
	}
	if err := s.Inject(paygate.Fault{Action: paygate.Pay, Op: "echo"}); err == nil || !strings.Contains(err.Error(), "does nothing to echo") {
		t.Errorf("a payment before an echo gave %v", err)
	}
}
