package doctor_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"cloudpay/internal/doctor"
)

// mangled are what is done on the way to the answer to a self-test, and the cause that doctor
// names.
var mangled = []struct {
	name string
	do   func(e *env, reply *http.Response, body []byte) []byte
	says string
}{
	{"a body that is written anew", func(_ *env, _ *http.Response, body []byte) []byte {
		return bytes.ReplaceAll(body, []byte(`":"`), []byte(`": "`))
	}, "the cause is reply-body-parsed"},
	{"a nonce in capitals", func(_ *env, reply *http.Response, body []byte) []byte {
		reply.Header.Set("Wechatpay-Nonce", strings.ToUpper(reply.Header.Get("Wechatpay-Nonce")))
		return body
	}, "the cause is reply-header-changed"},
	{"a signature in another spelling", func(_ *env, reply *http.Response, body []byte) []byte {
		reply.Header.Set("Wechatpay-Signature", strings.TrimRight(reply.Header.Get("Wechatpay-Signature"), "=")[:300])
		return body
	}, "the cause is reply-base64"},
	{"a probe", func(_ *env, reply *http.Response, body []byte) []byte {
		reply.Header.Set("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+reply.Header.Get("Wechatpay-Signature"))
		return body
	}, "the cause is reply-probe"},
	{"the merchant's own key", func(e *env, reply *http.Response, body []byte) []byte {
		signAs(e, reply, body)
		return body
	}, "the cause is reply-other: the signature was made with the merchant's own key"},
	{"headers that are dropped", func(_ *env, reply *http.Response, body []byte) []byte {
		for _, name := range []string{"Timestamp", "Nonce", "Signature", "Serial"} {
			reply.Header.Del("Wechatpay-" + name)
		}
		return body
	}, "the cause is reply-unsigned"},
}

// signAs signs an answer with the merchant's own key.
func signAs(e *env, reply *http.Response, body []byte) {
	e.t.Helper()
	block, _ := pem.Decode([]byte(e.vars["WXPAY_PRIVATE_KEY"]))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		e.t.Fatal(err)
	}
	h := reply.Header
	sum := sha256.Sum256([]byte(h.Get("Wechatpay-Timestamp") + "\n" + h.Get("Wechatpay-Nonce") + "\n" + string(body) + "\n"))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key.(*rsa.PrivateKey), crypto.SHA256, sum[:])
	if err != nil {
		e.t.Fatal(err)
	}
	h.Set("Wechatpay-Signature", base64.StdEncoding.EncodeToString(signature))
}

// A wrongly signed answer to the self-test has its cause named, with the cause's own remedy.
func TestSelfTestNamesTheCause(t *testing.T) {
	t.Parallel()
	for _, row := range mangled {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t).onlyV3()
			e.behind(e.mangling("/v3/security/echo", row.do))
			list := e.examined().of(doctor.CheckSelfTest)
			if len(list) != 1 || list[0].Level == doctor.LevelFine || !strings.Contains(list.text(), row.says) {
				t.Errorf("got\n%swant one finding that is not fine and says %q", list.text(), row.says)
			}
		})
	}
}

// mangling passes requests on to the gateway, and changes the answers of one path.
func (e *env) mangling(path string, do func(*env, *http.Response, []byte) []byte) http.HandlerFunc {
	e.t.Helper()
	target, err := url.Parse(e.vars["WXPAY_BASE_URL"])
	if err != nil {
		e.t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = func(reply *http.Response) error {
		if reply.Request.URL.Path != path {
			return nil
		}
		body, err := io.ReadAll(reply.Body)
		if err != nil {
			return err
		}
		body = do(e, reply, body)
		reply.Body, reply.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		reply.Header.Set("Content-Length", strconv.Itoa(len(body)))
		return nil
	}
	return proxy.ServeHTTP
}
