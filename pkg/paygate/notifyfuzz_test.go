package paygate_test

import (
	"encoding/xml"
	"net"
	"net/http"
	"strings"
	"testing"

	"cloudpay/pkg/paygate"
)

// FuzzNotifyURL: whatever the address, a notification goes to this machine or nowhere, by what
// net/url makes of the host as well as by what a dialer would.
func FuzzNotifyURL(f *testing.F) {
	gate := paygate.RunT(f, paygate.Options{Now: wireTime})
	for _, seed := range []string{
		"http://127.0.0.1:80/n", "https://[::1]/n", "http://localhost/n", "http://shop.example/n", "http://127.0.0.1@shop.example/n",
		"http://127.0.0.1%2eshop.example/", "http://[::ffff:10.0.0.1]/", "http://[fe80::1%25lo]/", "http:///n", "http://127.0.0.1\\@a/",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if gate.AllowNotify(address) != nil {
			return
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, http.NoBody)
		if err != nil {
			t.Fatalf("%q is allowed, and no request can be made of it: %v", address, err)
		}
		host := req.URL.Hostname()
		if ip := net.ParseIP(host); !strings.EqualFold(host, "localhost") && !ip.IsLoopback() {
			t.Errorf("%q is allowed, whose host is %q", address, host)
		}
	})
}

// FuzzNotifyAnswer: whatever a receiver answers, it acknowledges only as documented.
func FuzzNotifyAnswer(f *testing.F) {
	f.Add("v3", 200, []byte(`{"code":"FAIL"}`))
	f.Add("v2", 200, []byte("<xml><return_code><![CDATA[SUCCESS]]></return_code></xml>"))
	f.Add("v2", 200, []byte("<xml><return_code>SUCCESS</return_code><return_code>FAIL</return_code></xml>"))
	f.Fuzz(func(t *testing.T, api string, status int, body []byte) {
		acknowledged, reason := paygate.Judge(api, status, body)
		if !acknowledged && reason == "" {
			t.Error("there is no reason why it is not acknowledged")
		}
		if acknowledged && status != 200 && (api == "v2" || status != 204) {
			t.Errorf("status %d acknowledges in %s", status, api)
		}
		var doc struct {
			Code string `xml:"return_code"`
		}
		if acknowledged && api == "v2" && (xml.Unmarshal(body, &doc) != nil || doc.Code != "SUCCESS") {
			t.Errorf("%q acknowledges", body)
		}
	})
}
