package v3json_test

import (
	"errors"
	"net/http"
	"testing"

	"cloudpay/pkg/v3json"
)

func TestCertificateErrorTexts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  error
		want string
	}{
		"no certificate": {&v3json.CertificateError{Cause: errors.New("c")},
			"nothing was asked, for want of a platform certificate to verify the reply with: c"},
		"no certificate, with a remedy": {&v3json.CertificateError{Cause: errors.New("c"), Remedy: "r"},
			"nothing was asked, for want of a platform certificate to verify the reply with: c: r"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.err.Error(); got != test.want {
				t.Errorf("text is\n%s, want\n%s", got, test.want)
			}
		})
	}
}

func TestErrorsNameTheCallAndTheOrder(t *testing.T) {
	t.Parallel()
	refused := unsigned(http.StatusNotFound, `{"code":"ORDER_NOT_EXIST","message":"订单不存在"}`)
	const tail = "the gateway refused with HTTP 404 ORDER_NOT_EXIST: 订单不存在; not authenticated, so only a hint; Request-ID " + requestID
	_, err := closeWith(t, refused)
	if want := "closing order " + outTradeNo + ": " + tail; err == nil || err.Error() != want {
		t.Errorf("error is\n%v, want\n%s", err, want)
	}
	_, err = queryWith(t, refused)
	if want := "querying order " + outTradeNo + ": " + tail; err == nil || err.Error() != want {
		t.Errorf("error is\n%v, want\n%s", err, want)
	}
	_, err = newClient(t, refused).QueryOrder(t.Context(), v3json.Request{TransactionID: transactionID})
	if want := "querying order " + transactionID + ": " + tail; err == nil || err.Error() != want {
		t.Errorf("error is\n%v, want\n%s", err, want)
	}
}
