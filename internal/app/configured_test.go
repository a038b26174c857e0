package app_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"cloudpay/internal/app"
	"cloudpay/internal/config"
	"cloudpay/internal/order"
	"cloudpay/internal/telemetry/telemetrytest"
	"cloudpay/pkg/paygate"
)

// spoken are the parts of an APIv2 request that the configuration decides.
type spoken struct {
	SignType string `xml:"sign_type"`
	Sign     string `xml:"sign"`
	SubAppID string `xml:"sub_appid"`
	SubMchID string `xml:"sub_mch_id"`
}

// overhear puts a proxy between the function and the gateway, and returns the APIv2 requests that
// pass it.
func (e *env) overhear() <-chan spoken {
	e.t.Helper()
	gateway, err := url.Parse(e.URL)
	if err != nil {
		e.t.Fatal(err)
	}
	heard := make(chan spoken, 100)
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(gateway) }}
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			e.t.Errorf("listening: %v", err)
		}
		var s spoken
		if err := xml.Unmarshal(body, &s); err != nil {
			e.t.Errorf("listening to %s: %v", body, err)
		}
		heard <- s
		r.Body = io.NopCloser(bytes.NewReader(body))
		pass.ServeHTTP(w, r)
	}))
	e.t.Cleanup(between.Close)
	e.vars["WXPAY_BASE_URL"] = between.URL
	return heard
}

// A sub-merchant that is not on the allow-list is refused before any request about it.
func TestAllowListHolds(t *testing.T) {
	t.Parallel()
	for _, m := range modes() {
		if !m.partner {
			continue
		}
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			const listed, stranger = "1900000110", "1900000666"
			e := newEnv(t, m)
			e.vars["WXPAY_SUB_MCHIDS"] = subMchID + "," + listed
			for _, sub := range []string{listed, stranger} {
				e.MustAddOrder(paygate.Order{MchID: e.Merchant.MchID, SubMchID: sub, OutTradeNo: "A1", Total: 100})
			}
			about := map[string]string{"out_trade_no": "A1", "sub_mch_id": stranger}
			e.wantOutcome(e.call(app.CloseOrder, about, patient), order.OutcomeRefused, "NOAUTH")
			e.wantOutcome(e.call(app.QueryOrder, about, patient), order.OutcomeRefused, "NOAUTH")
			e.wantAsked(0)
			e.WantState("A1", paygate.StateNotPay, paygate.Owner{MchID: e.Merchant.MchID, SubMchID: stranger})
			about["sub_mch_id"] = listed
			e.wantOutcome(e.call(app.CloseOrder, about, patient), order.OutcomeClosed, "")
		})
	}
}

// WXPAY_V2_SIGN_TYPE decides how requests are signed, and with them the replies: the gateway
// verifies both types and signs each reply like its request.
func TestSignTypeIsSpoken(t *testing.T) {
	t.Parallel()
	const ofMD5, ofSHA256 = 32, 64 // hexadecimal digits
	for configured, want := range map[string]struct {
		onWire string
		length int
	}{
		"":            {"", ofMD5},
		"MD5":         {"", ofMD5},
		"HMAC-SHA256": {"HMAC-SHA256", ofSHA256},
	} {
		t.Run(configured, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, mode{api: order.V2})
			e.order("A1")
			e.vars["WXPAY_V2_SIGN_TYPE"] = configured
			heard := e.overhear()
			closed, queried := e.close("A1"), e.query("A1")
			e.wantOutcome(closed, order.OutcomeClosed, "")
			e.wantOutcome(queried, order.OutcomeFound, "")
			for _, result := range []order.Result{closed, queried} {
				request := <-heard
				if request.SignType != want.onWire || len(request.Sign) != want.length || len(result.Sign) != want.length {
					t.Errorf("sign_type %q, %d digits sent and %d received; want %q and %d",
						request.SignType, len(request.Sign), len(result.Sign), want.onWire, want.length)
				}
			}
		})
	}
}

// WXPAY_SUB_APPID is sent with WXPAY_SUB_MCHID, and with no other sub-merchant.
func TestDefaultSubAppIDIsSpoken(t *testing.T) {
	t.Parallel()
	const other = "1900000110"
	e := newEnv(t, mode{api: order.V2, partner: true})
	e.vars["WXPAY_SUB_APPID"] = "wxsub1"
	e.order("A1")
	e.MustAddOrder(paygate.Order{MchID: e.Merchant.MchID, SubMchID: other, OutTradeNo: "A1", Total: 100})
	heard := e.overhear()
	e.wantOutcome(e.query("A1"), order.OutcomeFound, "")
	e.wantOutcome(e.close("A1"), order.OutcomeClosed, "")
	e.wantOutcome(e.call(app.CloseOrder, map[string]string{"out_trade_no": "A1", "sub_mch_id": other}, patient), order.OutcomeClosed, "")
	for _, want := range []spoken{{SubMchID: subMchID, SubAppID: "wxsub1"}, {SubMchID: subMchID, SubAppID: "wxsub1"}, {SubMchID: other}} {
		if got := <-heard; got.SubMchID != want.SubMchID || got.SubAppID != want.SubAppID {
			t.Errorf("spoke of sub_mch_id %q with sub_appid %q, want %q with %q", got.SubMchID, got.SubAppID, want.SubMchID, want.SubAppID)
		}
	}
}

// CLOUDPAY_LOG_LEVEL=error omits the line about each invocation.
func TestLogLevelIsKept(t *testing.T) {
	t.Parallel()
	for level, lines := range map[string]int{"": 1, "info": 1, "warn": 0, "error": 0} {
		e := newEnv(t, mode{api: order.V3})
		e.order("A1")
		e.vars["CLOUDPAY_LOG_LEVEL"] = level
		e.wantOutcome(e.close("A1"), order.OutcomeClosed, "")
		if got := ownLines(e.logs.String()); len(got) != lines || lines > 0 && !strings.Contains(got[0], `"level":"INFO"`) {
			t.Errorf("at level %q: got %q, want %d lines", level, got, lines)
		}
	}
}

// ownLines returns the lines of a log without what net/http logs for the whole process: that a
// reply was unsolicited, which other tests bring about.
func ownLines(log string) []string {
	return slices.DeleteFunc(slices.Collect(strings.Lines(log)), func(line string) bool {
		return strings.Contains(line, "a reply came that no request had asked for")
	})
}

// Each faulty variable is named once: a missing key is not reported as unusable too, and a faulty
// number does not hide a fault of its key.
func TestEachFaultIsNamedOnce(t *testing.T) {
	t.Parallel()
	const misplaced = "this-is-no-number"
	private, public := shortKeys(t)
	for name, tc := range map[string]struct {
		set  map[string]string // empty: not set
		want []string
	}{
		"no serial number":                   {map[string]string{"WXPAY_SERIAL_NO": ""}, []string{"WXPAY_SERIAL_NO"}},
		"no private key":                     {map[string]string{"WXPAY_PRIVATE_KEY": ""}, []string{"WXPAY_PRIVATE_KEY"}},
		"no public key's id":                 {map[string]string{"WXPAY_PUBLIC_KEY_ID": ""}, []string{"WXPAY_PUBLIC_KEY_ID"}},
		"no public key":                      {map[string]string{"WXPAY_PUBLIC_KEY": ""}, []string{"WXPAY_PUBLIC_KEY"}},
		"neither number nor public key":      {map[string]string{"WXPAY_SERIAL_NO": "", "WXPAY_PUBLIC_KEY": ""}, []string{"WXPAY_PUBLIC_KEY", "WXPAY_SERIAL_NO"}},
		"no number, unsound private key":     {map[string]string{"WXPAY_SERIAL_NO": "", "WXPAY_PRIVATE_KEY": private}, []string{"WXPAY_PRIVATE_KEY", "WXPAY_SERIAL_NO"}},
		"number at fault, unsound private":   {map[string]string{"WXPAY_SERIAL_NO": misplaced, "WXPAY_PRIVATE_KEY": private}, []string{"WXPAY_PRIVATE_KEY", "WXPAY_SERIAL_NO"}},
		"id at fault, unsound public key":    {map[string]string{"WXPAY_PUBLIC_KEY_ID": misplaced, "WXPAY_PUBLIC_KEY": public}, []string{"WXPAY_PUBLIC_KEY", "WXPAY_PUBLIC_KEY_ID"}},
		"number at fault, sound private key": {map[string]string{"WXPAY_SERIAL_NO": misplaced}, []string{"WXPAY_SERIAL_NO"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, mode{api: order.V3})
			maps.Copy(e.vars, tc.set)
			broken, err := app.New(environ(e.vars), io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			telemetrytest.Error(t, broken.Broken)
			if got := faultyVariables(t, broken.Broken); !slices.Equal(got, tc.want) {
				t.Errorf("named %q, want %q:\n%v", got, tc.want, broken.Broken)
			}
			if strings.Contains(broken.Broken.Error(), misplaced) {
				t.Errorf("the report repeats a value: %v", broken.Broken)
			}
		})
	}
}

// faultyVariables lists the variables that a report names, sorted.
func faultyVariables(t *testing.T, report error) []string {
	t.Helper()
	faults, ok := errors.AsType[*config.Faults](report)
	if !ok {
		t.Fatalf("the report is %v", report)
	}
	var names []string
	for _, f := range faults.List {
		names = append(names, f.Variable)
	}
	slices.Sort(names)
	return names
}

// shortKeys are RSA keys of half the length that APIv3 requires.
func shortKeys(t *testing.T) (private, public string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	asPrivate, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	asPublic, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: asPrivate})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: asPublic}))
}
