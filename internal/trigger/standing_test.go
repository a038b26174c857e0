package trigger_test

import (
	"testing"

	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/trigger"
)

// What a head proves before its body is there, and what becomes of the request when it is: a head
// that is refused would have been refused with any body, and one that is proved is let in.
func TestStanding(t *testing.T) {
	t.Parallel()
	wx := map[string]string{"x-wx-openid": user["WX_OPENID"], "x-wx-appid": user["WX_APPID"]}
	header := func(token string) map[string]string { return map[string]string{"cloudpay-service-token": token} }
	noService := func(a *trigger.Access) { a.Service = trigger.Token{} }
	everybody := func(a *trigger.Access) { a.Service, a.Policy = trigger.Token{}, trigger.PolicyAny }
	gateway := func(a *trigger.Access) { noService(a); a.BehindWXGateway = true }
	for name, c := range map[string]struct {
		header map[string]string
		access func(*trigger.Access)
		want   hosting.Standing
	}{
		"a bearer":                          {bearer(httpToken), nil, hosting.Proved},
		"a bearer, no service token":        {bearer(httpToken), noService, hosting.Proved},
		"the header":                        {header(serviceToken), nil, hosting.Proved},
		"nothing":                           {nil, nil, hosting.Unproved},
		"nothing, no service token":         {nil, noService, hosting.Refused},
		"nothing, everybody let in":         {nil, everybody, hosting.Unproved},
		"a wrong bearer":                    {bearer("x"), nil, hosting.Unproved},
		"a wrong bearer, no service token":  {bearer("x"), noService, hosting.Refused},
		"the service token as bearer":       {bearer(serviceToken), nil, hosting.Unproved},
		"a wrong header":                    {header("x"), nil, hosting.Refused},
		"a wrong header, everybody let in":  {header("x"), everybody, hosting.Refused},
		"the header, no service token":      {header(serviceToken), noService, hosting.Refused},
		"a wrong header beside the bearer":  {map[string]string{"cloudpay-service-token": "x", "authorization": "Bearer " + httpToken}, nil, hosting.Refused},
		"the header twice":                  {header(serviceToken + "," + serviceToken), nil, hosting.Refused},
		"a user behind WeChat's gateway":    {wx, gateway, hosting.Named},
		"a user's header elsewhere":         {wx, noService, hosting.Refused},
		"half a user behind the gateway":    {map[string]string{"x-wx-openid": "oABC"}, gateway, hosting.Refused},
		"two users behind the gateway":      {map[string]string{"x-wx-openid": "oABC,oDEF", "x-wx-appid": "wx1"}, gateway, hosting.Refused},
		"nothing behind the gateway":        {nil, gateway, hosting.Refused},
		"a service behind WeChat's gateway": {bearer(httpToken), gateway, hosting.Proved},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newHTTPKit(t, order.OpClose).store(map[string]string{"A1": alice})
			k.on = hosting.Web
			if c.access != nil {
				c.access(&k.fn.Access)
			}
			head := hosting.Request{Method: "POST", Path: "/closeorder", Header: c.header}
			got := k.fn.Access.Standing(head)
			if got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
			plain := k.http("web", post(`{"out_trade_no":"A1"}`, c.header)).status
			if isKnown := got == hosting.Proved || got == hosting.Named; isKnown && plain != 200 {
				t.Errorf("got %d of a head whose standing is %d", plain, got)
			}
			proving := k.http("web", post(`{"out_trade_no":"A1","service_token":"`+serviceToken+`"}`, c.header)).status
			if got == hosting.Refused && (plain == 200 || proving == 200) {
				t.Errorf("got %d, and %d with a token in the body, of a head that is refused", plain, proving)
			}
		})
	}
}

// A request whose body was withheld can do nothing, whatever its head: the answer is the one that
// it would have had, with its challenge, and the log says what would let it in.
func TestWithheldBodies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header map[string]string
		status int
		remedy string
	}{
		"nothing":        {nil, 401, "CLOUDPAY_HTTP_TOKEN"},
		"a wrong header": {map[string]string{"cloudpay-service-token": "x"}, 403, "out of date"},
		"a bearer":       {bearer(httpToken), 403, ""},
	} {
		k := newHTTPKit(t, order.OpClose)
		k.on, k.withheld = hosting.Web, true
		k.fn.Access.Policy = trigger.PolicyAny
		got := k.http("web", request{method: "POST", path: "/closeorder/A1", header: c.header})
		wantReply(t, got, c.status, "refused", "NOAUTH")
		if challenged := got.header["WWW-Authenticate"] != ""; challenged != (c.status == 401) || len(k.asked) != 0 {
			t.Errorf("%s: got %v, and the workflow was asked %v", name, got.header, k.asked)
		}
		if c.remedy != "" {
			k.wantLog(map[string]any{"remedy": c.remedy, "level": "WARN"})
		}
	}
	k := newHTTPKit(t, order.OpClose)
	k.on, k.withheld = hosting.Web, true
	k.fn.Access.CORSOrigins = []string{"https://shop.example"}
	got := k.http("web", request{method: "OPTIONS", path: "/closeorder", header: map[string]string{
		"origin": "https://shop.example", "access-control-request-method": "POST",
	}})
	if got.status != 204 {
		t.Errorf("a preflight: got %d, want 204", got.status)
	}
}
