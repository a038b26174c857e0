package app_test

import (
	"io"
	"testing"

	"cloudpay/internal/app"
	"cloudpay/internal/order"
)

// The function recognises its secrets, so that the web server logs none as a request's id.
func TestFunctionKnowsItsSecrets(t *testing.T) {
	t.Parallel()
	e := newEnv(t, mode{order.V3, false})
	e.inUse()
	e.vars["CLOUDPAY_SERVICE_TOKEN"] = serviceToken
	e.vars["WXPAY_V3_KEY"] = e.Merchant.V3Key
	fn, err := app.QueryOrder(environ(e.vars), e.logged(io.Discard))
	if err != nil || fn.Broken != nil {
		t.Fatal(err, fn.Broken)
	}
	for _, secret := range []string{serviceToken, e.Merchant.V2Key, e.Merchant.V3Key} {
		if !fn.IsSecret(secret) {
			t.Errorf("%q is no secret", secret)
		}
	}
	for _, text := range []string{"", "r-1", e.Merchant.MchID, serviceToken[1:]} {
		if fn.IsSecret(text) {
			t.Errorf("%q is a secret", text)
		}
	}
}
