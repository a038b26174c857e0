package app_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/telemetry/telemetrytest"
)

// A direct caller and the log get one report with all faults of the configuration, and no request
// reaches the gateway.
func TestFaultsAreReportedTogether(t *testing.T) {
	t.Parallel()
	e := newEnv(t, mode{api: order.V3})
	e.order("A1")
	e.vars["WXPAY_MCHID"] = "19x"
	e.vars["WXPAY_BASE_URL"] = "http://pay.example.com"
	e.vars["WXPAY_PRIVATE_KEY"] = "-----BEGIN PRIVATE KEY-----\nTm90IGEga2V5\n-----END PRIVATE KEY-----"
	e.vars["WXPAY_SUB_MCHIDS"] = "1900000109"
	e.vars["WXPAY_V2_KEY"] = "tooshort"
	delete(e.vars, "WXPAY_PUBLIC_KEY_ID")
	got := e.close("A1")
	e.wantOutcome(got, order.OutcomeRefused, "CONFIG_ERROR")
	for _, variable := range []string{"WXPAY_MCHID", "WXPAY_BASE_URL", "WXPAY_PRIVATE_KEY", "WXPAY_SUB_MCHIDS", "WXPAY_V2_KEY", "WXPAY_PUBLIC_KEY_ID"} {
		if !strings.Contains(e.logs.String(), variable) {
			t.Errorf("the log does not name %s: %s", variable, e.logs.String())
		}
	}
	if !strings.Contains(got.ReturnMsg, "the configuration has 6 faults") {
		t.Errorf("returnMsg = %q", got.ReturnMsg)
	}
	e.wantAsked(0)
}

func TestUnsoundKeysAreNamed(t *testing.T) {
	t.Parallel()
	e := newEnv(t, mode{api: order.V3})
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	asPrivate, err := x509.MarshalPKCS8PrivateKey(small)
	if err != nil {
		t.Fatal(err)
	}
	asPublic, err := x509.MarshalPKIXPublicKey(&small.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for variable, value := range map[string]string{
		"WXPAY_PRIVATE_KEY": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: asPrivate})),
		"WXPAY_PUBLIC_KEY":  string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: asPublic})),
	} {
		sound := e.vars[variable]
		e.vars[variable] = value
		got := e.close("A1")
		if got.ErrCode != errcode.ConfigError || !strings.Contains(got.ReturnMsg, variable+" cannot be used") || !strings.Contains(got.ReturnMsg, "1024") {
			t.Errorf("%s: got %q", variable, got.ReturnMsg)
		}
		e.vars[variable] = sound
	}
	e.wantAsked(0)
}

// A value in the wrong variable may be a secret.
func TestMisplacedSecretIsNotRepeated(t *testing.T) {
	t.Parallel()
	e := newEnv(t, mode{api: order.V3})
	e.vars["WXPAY_SERIAL_NO"] = e.Merchant.V2Key
	e.vars["WXPAY_PUBLIC_KEY_ID"] = e.Merchant.V2Key
	got := e.close("A1")
	text := strings.ToUpper(got.ReturnMsg + e.logs.String())
	if strings.Contains(text, strings.ToUpper(e.Merchant.V2Key)) {
		t.Errorf("a secret is repeated: %s", got.ReturnMsg)
	}
	if !strings.Contains(text, "WXPAY_SERIAL_NO") || strings.Contains(text, "WXPAY_PRIVATE_KEY CANNOT") {
		t.Errorf("the wrong variable is blamed: %s", got.ReturnMsg)
	}
}

// An unknown policy opens nothing, and the report lists the known ones.
func TestUnknownCallerPolicyIsAFault(t *testing.T) {
	t.Parallel()
	e := newEnv(t, mode{api: order.V3})
	e.vars["CLOUDPAY_CALLER_POLICY"] = "everybody"
	built, err := app.New(environ(e.vars), io.Discard)
	if err == nil {
		err = built.Broken
	}
	telemetrytest.Error(t, err)
	if err == nil || !strings.Contains(err.Error(), "CLOUDPAY_CALLER_POLICY is not one of the accepted words") {
		t.Errorf("got %v, want a fault of CLOUDPAY_CALLER_POLICY", err)
	}
}

// Bad input is refused before any request to the gateway.
func TestBadInputAsksNothing(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, e *env) {
		t.Helper()
		e.order("A1")
		long := strings.Repeat("A", 33)
		for field, event := range map[string]map[string]string{
			"out_trade_no":   {"out_trade_no": long},
			"nonce_str":      {"out_trade_no": "A1", "nonce_str": "no spaces"},
			"sub_appid":      {"out_trade_no": "A1", "sub_appid": "wx-1"},
			"sub_mch_id":     {"out_trade_no": "A1", "sub_mch_id": "x"},
			"transaction_id": {"transaction_id": "4x"},
			"api":            {"out_trade_no": "A1", "api": "v1"},
			"outTradeNO":     {"outTradeNO": "A1"},
		} {
			got := e.call(app.CloseOrder, event, patient)
			e.wantOutcome(got, order.OutcomeRefused, "PARAM_ERROR")
			if !strings.HasPrefix(got.ReturnMsg, field+": ") {
				t.Errorf("returnMsg = %q, want it to name %s", got.ReturnMsg, field)
			}
		}
		e.wantAsked(0)
	})
}

func TestCallerChoosesAnAPI(t *testing.T) {
	t.Parallel()
	e := newEnv(t, mode{api: order.V3})
	e.order("A1")
	for _, api := range []order.API{order.V2, order.V3} {
		got := e.call(app.QueryOrder, map[string]string{"out_trade_no": "A1", "api": string(api)}, patient)
		e.wantOutcome(got, order.OutcomeFound, "")
		if got.API != api {
			t.Errorf("spoke %s, want %s", got.API, api)
		}
	}
	e.vars["WXPAY_V2_KEY"] = ""
	got := e.call(app.QueryOrder, map[string]string{"out_trade_no": "A1", "api": "v2"}, patient)
	e.wantOutcome(got, order.OutcomeRefused, "PARAM_ERROR")
}

// No secret appears in a log or an answer, whatever goes wrong.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, e *env) {
		t.Helper()
		e.order("A1")
		e.vars["CLOUDPAY_LOG_LEVEL"] = "debug"
		e.inject("bad-signature", "", 3)
		results := []order.Result{e.close("A1"), e.query("A1")}
		e.vars["WXPAY_BASE_URL"] = "http://127.0.0.1:1"
		results = append(results, e.call(app.QueryOrder, map[string]string{"out_trade_no": "A1"}, 300*time.Millisecond))
		secrets := []string{e.Merchant.V2Key, strings.Split(e.vars["WXPAY_PRIVATE_KEY"], "\n")[3]}
		for _, secret := range secrets {
			if strings.Contains(e.logs.String(), secret) {
				t.Errorf("a secret is in the log")
			}
			for _, r := range results {
				if strings.Contains(r.ReturnMsg+r.ErrCodeDes, secret) {
					t.Errorf("a secret is in the answer")
				}
			}
		}
	})
}
