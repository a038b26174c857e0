package clients_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/nodetest"
)

// told is what the function of nodefunction/ answers.
type told struct {
	OpenID  string `json:"OPENID"`
	AppID   string `json:"APPID"`
	Source  string `json:"SOURCE"`
	State   string
	Failure string
}

// A cloud function of Node.js runs on the emulated cloud as it is deployed: wx-server-sdk within it
// knows the caller, and calls cloudpay's function, without a change of its code.
func TestNodeFunction(t *testing.T) {
	t.Parallel()
	nodetest.Need(t)
	if err := sdk(); err != nil {
		t.Fatalf("npm ci: %v", err)
	}
	for _, sdk := range []string{"wx-server-sdk-2", "wx-server-sdk-3", "wx-server-sdk-4"} {
		t.Run(sdk, func(t *testing.T) {
			t.Parallel()
			c := startCloud(t, platform.Go1, "CLOUDPAY_SERVICE_TOKEN="+serviceToken)
			c.order(t, "UNPAID")
			c.runShop(t, "WX_SERVER_SDK="+sdk, "TOKEN="+serviceToken)
			for name, test := range map[string]struct {
				openID, event string
				want          told
			}{
				"a user":                                {"oABC", `{"order":"UNPAID"}`, told{OpenID: "oABC", AppID: c.Merchant.AppID, Source: "wx_client", State: "NOTPAY"}},
				"another one":                           {"oDEF", `{"order":"UNPAID"}`, told{OpenID: "oDEF", AppID: c.Merchant.AppID, Source: "wx_client", State: "NOTPAY"}},
				"no user":                               {"", `{"order":"UNPAID"}`, told{State: "NOTPAY"}},
				"an API of WeChat's that is not played": {"oABC", `{"order":"UNPAID","api":true}`, told{OpenID: "oABC", Failure: "fail"}},
			} {
				got := c.askShop(t, test.openID, test.event)
				if test.want.Failure != "" && strings.Contains(got.Failure, test.want.Failure) {
					got.Failure = test.want.Failure
				}
				if got != test.want {
					t.Errorf("%s: got %+v, want %+v", name, got, test.want)
				}
			}
		})
	}
}

// runShop starts the shop's function on the cloud.
func (c *cloud) runShop(t *testing.T, env ...string) {
	t.Helper()
	f, err := platform.Start(t.Context(), platform.Spec{
		Name: "shop", Folder: "nodefunction", Runtime: platform.Node, Env: env, CloudURL: c.url, TimeLimit: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	c.functions["shop"] = f
}

// askShop calls the shop's function as a mini-program's user does, or without one.
func (c *cloud) askShop(t *testing.T, openID, event string) told {
	t.Helper()
	var got told
	if text := c.callShop(t, openID, event); json.Unmarshal(text, &got) != nil {
		t.Fatalf("got %s", text)
	}
	return got
}

// callShop calls the shop's function and returns what it answers.
func (c *cloud) callShop(t *testing.T, openID, event string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+"/v1/functions/shop", strings.NewReader(event))
	if err != nil {
		t.Fatal(err)
	}
	if openID != "" {
		request.Header.Set("X-Wx-Openid", openID)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %v", response.Status, text, err)
	}
	return text
}
