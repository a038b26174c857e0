package interop_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/credentials"
	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"

	"cloudpay/pkg/v3json"
)

// authorization takes the header apart, in the one form that the SDK writes it in.
var authorization = regexp.MustCompile(
	`^WECHATPAY2-SHA256-RSA2048 mchid="([^"]+)",nonce_str="([^"]+)",timestamp="(\d+)",serial_no="([^"]+)",signature="([^"]+)"$`)

// credential is an Authorization header, taken apart.
type credential struct {
	mchID, nonce, serial, signature string
	timestamp                       int64
}

func readCredential(header string) (credential, error) {
	part := authorization.FindStringSubmatch(header)
	if part == nil {
		return credential{}, fmt.Errorf("Authorization is %q, want the form %s", header, authorization)
	}
	timestamp, err := strconv.ParseInt(part[3], 10, 64)
	return credential{mchID: part[1], nonce: part[2], timestamp: timestamp, serial: part[4], signature: part[5]}, err
}

// newClient is v3json's client of the merchant.
func newClient(t *testing.T) *v3json.Client {
	t.Helper()
	return &v3json.Client{MchID: mchID, Key: merchant(t).ours, Keys: keyring(t)}
}

// request is what a client sent.
type request struct {
	method, uri, authorization string
	body                       []byte
}

// recorder takes what a client sends, and never answers.
type recorder struct{ got request }

var errNoAnswer = errors.New("the recorder never answers")

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.got = request{method: req.Method, uri: req.URL.RequestURI(), authorization: req.Header.Get("Authorization")}
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		r.got.body = body
	}
	return nil, errNoAnswer
}

// recordSDK is what the SDK sends for a call.
func recordSDK(t *testing.T, c call) request {
	t.Helper()
	r := &recorder{}
	known := option.WithWechatPayPublicKeyAuthCipher(mchID, merchant(t).serial, merchant(t).theirs.PrivateKey,
		publicKeyID, &platform(t).theirs.PrivateKey.PublicKey)
	s := &sdk{t: t, client: newSDKClient(t, known, r), mchID: mchID, subMchID: c.subMchID}
	if err := s.ask(c); !errors.Is(err, errNoAnswer) {
		t.Fatalf("%+v: wechatpay-go's error is %v, want none but the recorder's", c, err)
	}
	return r.got
}

// record is what v3json sends for a call.
func record(t *testing.T, client *v3json.Client, c call) request {
	t.Helper()
	r := &recorder{}
	client.HTTPClient = &http.Client{Transport: r}
	if err := c.ask(t.Context(), client); !errors.Is(err, errNoAnswer) {
		t.Fatalf("%+v: got error %v, want none but the recorder's", c, err)
	}
	return r.got
}

// For the same call, the SDK and v3json send the same request line, escapes included, and the same
// body, but for the line feed that the SDK ends it with.
func TestRequestLineAndBodyAreTheSameBytes(t *testing.T) {
	t.Parallel()
	r := source()
	for range 100 {
		c := randomCall(r)
		ours, theirs := record(t, newClient(t), c), recordSDK(t, c)
		if ours.method != theirs.method || ours.uri != theirs.uri {
			t.Errorf("%+v: got %s %s, wechatpay-go sends %s %s", c, ours.method, ours.uri, theirs.method, theirs.uri)
		}
		if want := strings.TrimSuffix(string(theirs.body), "\n"); string(ours.body) != want {
			t.Errorf("%+v: got body %s, wechatpay-go sends %s", c, ours.body, want)
		}
	}
}

// The SDK's own maker of the Authorization header, given what v3json sends, writes what v3json
// writes: the same message, the same signature, the same header. It chooses nonce and time by
// itself, so v3json is given those.
func TestAuthorizationIsTheSameBytes(t *testing.T) {
	t.Parallel()
	theirs := credentials.WechatPayCredentials{Signer: merchant(t).theirs}
	r := source()
	for range 100 {
		c := randomCall(r)
		client := newClient(t)
		sent := record(t, client, c)
		want, err := theirs.GenerateAuthorizationHeader(t.Context(), sent.method, sent.uri, string(sent.body))
		if err != nil {
			t.Fatalf("%+v: wechatpay-go: %v", c, err)
		}
		chosen, err := readCredential(want)
		if err != nil {
			t.Fatalf("%+v: wechatpay-go: %v", c, err)
		}
		client.Nonce = func() string { return chosen.nonce }
		client.Now = func() time.Time { return time.Unix(chosen.timestamp, 0) }
		if got := record(t, client, c).authorization; got != want {
			t.Errorf("%+v:\ngot          %s\nwechatpay-go %s", c, got, want)
		}
	}
}

// verifyRequest judges a request as it came in, over the message that the SDK's format makes of it.
func verifyRequest(r *http.Request, verifier auth.Verifier) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	c, err := readCredential(r.Header.Get("Authorization"))
	if err != nil {
		return err
	}
	if c.mchID != mchID {
		return fmt.Errorf("mchid is %s, want %s", c.mchID, mchID)
	}
	message := fmt.Sprintf(consts.SignatureMessageFormat, r.Method, r.RequestURI, c.timestamp, c.nonce, body)
	return verifier.Verify(r.Context(), c.serial, message, c.signature)
}

// A gateway made of the SDK believes what v3json sends over a real connection, and v3json believes
// what it answers.
func TestConversationWithAGatewayMadeOfTheSDK(t *testing.T) {
	t.Parallel()
	verifier := merchant(t).theirVerifier(t)
	sign := platform(t).signs()["wechatpay-go"]
	var asked call
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := verifyRequest(r, verifier); err != nil {
			t.Errorf("%+v: wechatpay-go refuses %s %s: %v", asked, r.Method, r.RequestURI, err)
		}
		if got := r.Header.Get(consts.WechatPaySerial); got != publicKeyID {
			t.Errorf("%+v: Wechatpay-Serial asks for %q, want %q", asked, got, publicKeyID)
		}
		given := answerTo(asked).signed(t, sign, publicKeyID)
		maps.Copy(w.Header(), given.header)
		w.WriteHeader(given.status)
		_, _ = io.WriteString(w, given.body) // an error shows in the client
	}))
	t.Cleanup(gateway.Close)
	client := newClient(t)
	client.BaseURL = gateway.URL
	r := source()
	for range 100 {
		asked = randomCall(r)
		if err := asked.ask(t.Context(), client); err != nil {
			t.Errorf("%+v: %v", asked, err)
		}
	}
}

// Their verifier refuses a request of ours when it arrives as another.
func TestTamperedRequestIsRefused(t *testing.T) {
	t.Parallel()
	verifier := merchant(t).theirVerifier(t)
	sent := record(t, newClient(t), call{closing: true, outTradeNo: "A|1*@_-"})
	c, err := readCredential(sent.authorization)
	if err != nil {
		t.Fatal(err)
	}
	verify := func(method, uri string, timestamp int64, nonce, body string) error {
		message := fmt.Sprintf(consts.SignatureMessageFormat, method, uri, timestamp, nonce, body)
		return verifier.Verify(t.Context(), c.serial, message, c.signature)
	}
	body := string(sent.body)
	if err := verify(sent.method, sent.uri, c.timestamp, c.nonce, body); err != nil {
		t.Fatalf("untouched: %v", err)
	}
	for what, err := range map[string]error{
		"method":    verify(http.MethodGet, sent.uri, c.timestamp, c.nonce, body),
		"order":     verify(sent.method, sent.uri+"x", c.timestamp, c.nonce, body),
		"timestamp": verify(sent.method, sent.uri, c.timestamp+1, c.nonce, body),
		"nonce":     verify(sent.method, sent.uri, c.timestamp, c.nonce+"x", body),
		"body":      verify(sent.method, sent.uri, c.timestamp, c.nonce, body+" "),
	} {
		if err == nil {
			t.Errorf("another %s is accepted", what)
		}
	}
}
