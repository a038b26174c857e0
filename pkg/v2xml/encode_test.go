package v2xml_test

import (
	"strings"
	"testing"

	"cloudpay/pkg/v2xml"
)

const nonce = "4ca93f17ddf3443ceabf72f26d64fe0e"

// TestRequestBytes pins the documents byte by byte. The first two carry the published vectors; the
// other signatures are made likewise with openssl dgst, and checked here once more by the test's
// own signer.
func TestRequestBytes(t *testing.T) {
	t.Parallel()
	const (
		start = "<xml><appid>wx2421b1c4370ec43b</appid><mch_id>10000100</mch_id>" +
			"<nonce_str>4ca93f17ddf3443ceabf72f26d64fe0e</nonce_str>"
		number = "<out_trade_no>1415983244</out_trade_no>"
		hmac   = "<sign_type>HMAC-SHA256</sign_type>"
		subApp = "<sub_appid>wx8888888888888888</sub_appid>"
		subMch = "<sub_mch_id>1900000109</sub_mch_id>"
		wxID   = "<transaction_id>1008450740201411110005820873</transaction_id>"
	)
	sign := func(s string) string { return "<sign>" + s + "</sign></xml>" }
	closing := func(req v2xml.Request) func(*v2xml.Client) {
		req.OutTradeNo, req.Nonce = orderNo, nonce
		return func(c *v2xml.Client) { _, _ = c.CloseOrder(t.Context(), req) }
	}
	querying := func(req v2xml.Request) func(*v2xml.Client) {
		req.Nonce = nonce
		return func(c *v2xml.Client) { _, _ = c.QueryOrder(t.Context(), req) }
	}
	const id = "1008450740201411110005820873"
	for _, test := range []struct {
		name     string
		signType v2xml.SignType
		call     func(*v2xml.Client)
		want     string
	}{
		{
			"close, direct, MD5", v2xml.MD5, closing(v2xml.Request{}),
			start + number + sign("8D2363E7A0948301A065F369DEB9011B"),
		},
		{
			"close, direct, HMAC-SHA256", v2xml.HMACSHA256, closing(v2xml.Request{}),
			start + number + hmac + sign("B2B78B206EDC0392055030BC16EA076A70BFBC2351B34CFFAF3F32D521C8B231"),
		},
		{
			"close, partner, MD5", "", closing(v2xml.Request{SubMchID: "1900000109"}),
			start + number + subMch + sign("2C707FAABFDE6BF88FD36F44B2D16FB7"),
		},
		{
			"close, partner with sub_appid, HMAC-SHA256", v2xml.HMACSHA256,
			closing(v2xml.Request{SubMchID: "1900000109", SubAppID: "wx8888888888888888"}),
			start + number + hmac + subApp + subMch +
				sign("4678652E4C8E4DA4305DF70225B788F31109A3EEEB8216B4FEB2E289329BD5E4"),
		},
		{
			"query by out_trade_no, direct, MD5", "", querying(v2xml.Request{OutTradeNo: orderNo}),
			start + number + sign("8D2363E7A0948301A065F369DEB9011B"),
		},
		{
			"query by transaction_id, direct, MD5", "", querying(v2xml.Request{TransactionID: id}),
			start + wxID + sign("F5DA0F4C1FF0F403C3700E57D5C72D43"),
		},
		{
			"query by transaction_id, partner with sub_appid, HMAC-SHA256", v2xml.HMACSHA256,
			querying(v2xml.Request{TransactionID: id, SubMchID: "1900000109", SubAppID: "wx8888888888888888"}),
			start + hmac + subApp + subMch + wxID +
				sign("1F3630F4B2359BE4185E3E0B9D32359CE7012C25D70522DB59755B69EBA0130B"),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			gateway := &memory{keep: true}
			c := client(gateway)
			c.SignType = test.signType
			test.call(c)
			if got := string(gateway.asked); got != test.want {
				t.Fatalf("got  %s\nwant %s", got, test.want)
			}
			elements := elementsOf(t, gateway.asked)
			want := signMD5(elements, key)
			if test.signType == v2xml.HMACSHA256 {
				want = signHMAC(elements, key)
			}
			if got := valueOf(t, gateway.asked, "sign"); got != want {
				t.Errorf("sign %s, and the test's own is %s", got, want)
			}
		})
	}
}

// TestRequestRefused: what the gateway would refuse is not sent, and the error names the field.
func TestRequestRefused(t *testing.T) {
	t.Parallel()
	closing := func(change func(*v2xml.Client, *v2xml.Request)) func(*v2xml.Client) error {
		return func(c *v2xml.Client) error {
			req := v2xml.Request{OutTradeNo: orderNo}
			change(c, &req)
			_, err := c.CloseOrder(t.Context(), req)
			return err
		}
	}
	querying := func(req v2xml.Request) func(*v2xml.Client) error {
		return func(c *v2xml.Client) error {
			_, err := c.QueryOrder(t.Context(), req)
			return err
		}
	}
	const allowed = "only 0-9 A-Z a-z _ - | * @ are allowed"
	for want, call := range map[string]func(*v2xml.Client) error{
		"Client.Key is empty":             closing(func(c *v2xml.Client, _ *v2xml.Request) { c.Key = "" }),
		"Client.SignType SHA1 is not":     closing(func(c *v2xml.Client, _ *v2xml.Request) { c.SignType = "SHA1" }),
		"appid is missing":                closing(func(c *v2xml.Client, _ *v2xml.Request) { c.AppID = "" }),
		"appid holds \"\\n\": " + allowed: closing(func(c *v2xml.Client, _ *v2xml.Request) { c.AppID = "wx\n" }),
		"mch_id is missing":               closing(func(c *v2xml.Client, _ *v2xml.Request) { c.MchID = "" }),
		"mch_id holds \" \"":              closing(func(c *v2xml.Client, _ *v2xml.Request) { c.MchID = "10000100 " }),
		"nonce_str is missing": closing(func(c *v2xml.Client, _ *v2xml.Request) {
			c.Nonce = func() string { return "" }
		}),
		"nonce_str has 33 characters: at most 32": closing(func(_ *v2xml.Client, r *v2xml.Request) {
			r.Nonce = strings.Repeat("n", 33)
		}),
		"out_trade_no is missing":                           closing(func(_ *v2xml.Client, r *v2xml.Request) { r.OutTradeNo = "" }),
		"transaction_id closes nothing":                     closing(func(_ *v2xml.Client, r *v2xml.Request) { r.TransactionID = "4" }),
		"out_trade_no has 33":                               closing(func(_ *v2xml.Client, r *v2xml.Request) { r.OutTradeNo = strings.Repeat("1", 33) }),
		"out_trade_no holds \"&\"":                          closing(func(_ *v2xml.Client, r *v2xml.Request) { r.OutTradeNo = "A&b=c" }),
		"out_trade_no holds \"<\"":                          closing(func(_ *v2xml.Client, r *v2xml.Request) { r.OutTradeNo = "<A>" }),
		"out_trade_no holds \"\\x00\"":                      closing(func(_ *v2xml.Client, r *v2xml.Request) { r.OutTradeNo = "A\x00" }),
		"out_trade_no holds \"\\xe5\"":                      closing(func(_ *v2xml.Client, r *v2xml.Request) { r.OutTradeNo = "号" }),
		"sub_appid goes only with":                          closing(func(_ *v2xml.Client, r *v2xml.Request) { r.SubAppID = "wx1" }),
		"sub_appid holds":                                   closing(func(_ *v2xml.Client, r *v2xml.Request) { r.SubAppID, r.SubMchID = "wx#", "1" }),
		"sub_mch_id holds":                                  closing(func(_ *v2xml.Client, r *v2xml.Request) { r.SubMchID = "1/2" }),
		"out_trade_no and transaction_id: give exactly one": querying(v2xml.Request{}),
		"give exactly one of them":                          querying(v2xml.Request{OutTradeNo: "A", TransactionID: "4"}),
		"transaction_id holds":                              querying(v2xml.Request{TransactionID: "4.2"}),
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			err := call(client(noGateway{t}))
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q in it", err, want)
			}
			if kind := kindOf(err); kind != "other" {
				t.Errorf("error %v is a %s, and nothing was answered", err, kind)
			}
		})
	}
}

// TestEveryAllowedCharacterIsSent as it is.
func TestEveryAllowedCharacterIsSent(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"0123456789ABCDEFGHIJKLMNOPQRSTUV", "WXYZabcdefghijklmnopqrstuvwxyz_-", "|*@", "1"} {
		gateway := &memory{keep: true}
		_, _ = client(gateway).CloseOrder(t.Context(), v2xml.Request{OutTradeNo: number})
		if got := valueOf(t, gateway.asked, "out_trade_no"); got != number {
			t.Errorf("sent %q, want %q", got, number)
		}
	}
}
