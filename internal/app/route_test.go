package app

import (
	"fmt"
	"testing"

	"cloudpay/internal/config"
	"cloudpay/internal/order"
)

// A route is WeChat Pay's own only if we can verify it, or the operator configures it.
func TestRoute(t *testing.T) {
	t.Parallel()
	const (
		own     = order.RouteOwn
		foreign = order.RouteForeign
	)
	for _, tc := range []struct {
		region  order.Region
		said    order.Route
		roots   bool
		address string
		want    order.Route
	}{
		{order.Mainland, "", false, "https://api.mch.weixin.qq.com", own},
		{order.Mainland, "", false, "https://api2.mch.weixin.qq.com", own},
		{order.Mainland, "", false, "https://api.mch.weixin.qq.com:443", own},
		{order.Global, "", false, "https://apihk.mch.weixin.qq.com", own},
		{order.HongKong, "", false, "https://api.mch.weixin.qq.com", own},

		{order.Mainland, "", true, "https://api.mch.weixin.qq.com", foreign},
		{order.Mainland, "", false, "https://apihk.mch.weixin.qq.com", foreign},
		{order.Mainland, "", false, "https://api.mch.weixin.qq.com:8443", foreign},
		{order.Mainland, "", false, "http://api.mch.weixin.qq.com", foreign},
		{order.Mainland, "", false, "https://api.mch.weixin.qq.com.example", foreign},
		{order.Mainland, "", false, "https://proxy.example", foreign},
		{order.Mainland, "", false, "http://127.0.0.1:9000", foreign},

		{order.Mainland, order.RouteOwn, false, "http://127.0.0.1:9000", own},
		{order.Mainland, order.RouteOwn, true, "https://proxy.example", own},
		{order.Mainland, order.RouteForeign, false, "https://api.mch.weixin.qq.com", foreign},
	} {
		t.Run(fmt.Sprintf("%s %q %t %s", tc.region, tc.said, tc.roots, tc.address), func(t *testing.T) {
			t.Parallel()
			got := route(config.Config{Region: tc.region, Route: tc.said, ForeignRoots: tc.roots}, tc.address)
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// Root certificates that the environment names make every route foreign.
func TestForeignRoots(t *testing.T) {
	t.Parallel()
	for _, variable := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		for value, want := range map[string]bool{"": false, "/etc/roots": true} {
			c, _ := config.Load([]string{variable + "=" + value}) // its faults do not matter here
			if c.ForeignRoots != want {
				t.Errorf("%s=%s: got %t, want %t", variable, value, c.ForeignRoots, want)
			}
		}
	}
}
