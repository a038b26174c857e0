package v3json_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/v3json"
)

// The signatures that pay.weixin.qq.com prints on page 4012365336 (POST, GET), and two more made
// with the private key that it prints there. All are by merchant 1900007291 at 1554208460 with one
// nonce. RSASSA-PKCS1-v1_5 gives the same signature for the same message always, so a message that
// one of them verifies is, byte for byte, the right one.
const (
	publishedTime = 1554208460

	publishedPostBody = `{"appid":"wxd678efh567hg6787","mchid":"1900007291","description":"Image形象店-深圳腾大-QQ公仔",` +
		`"out_trade_no":"1217752501201407033233368018","notify_url":"https://www.weixin.qq.com/wxpay/pay.php",` +
		`"amount":{"total":100,"currency":"CNY"},"payer":{"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}}`
	publishedPost = "jnks4dlrPw3ZX+ozVvSK39oa0t7OMBsg83BHAwd8BRdUFiVaQNTLTvci+wURgP1OQBbKYhFGvt7iqYpDSTQkp7Uq1sltaQKyncCyrA1g" +
		"88m5bsKERQfPyT0ahSwKTYJ1CAn9QiJuSJRq1QsQs07eehbU/k9BCS51jTyc1Jpsi2H77HF9f/BnjXAOP3/sPObg6V5Ee4EzwLox684hhuMu" +
		"IwHo7D8KFk3LIHOKDcNI4It1aCXydFWNpNK+SG86VUDe5kwoDpw4Ulqfu9z8OFDGbDs9TCxEv8iqQzbpxOlEVoOe2kalSYM5kApQb3nZcxdU" +
		"toE0liJGW3RGUNE0t4v01A=="
	publishedGet = "Lc9VXxmeonkdV8Xk9tmigQFLhl0vRWTerdmoRu01aAnYwIrD/5nsSwE1WlmZGLRlAFTNQ3QsMa0+VRDlJp1Wp5p0nO8EK68b5sJBbjou" +
		"xaFciIfq1zfDWWz+jqhcMoKXI1A6dPm1AW7D4d30WsMTNzp6g23OXakIsh9LO3lUmwvTuE0BY8ncf6tNGk4wKmvXwERd/ZpoQY3MAVKz+Nak" +
		"wc+2XBmzT66KcUehU5kr4IvGa/lEU5RZb/q00zP9VLdBhC/jQSX3X1UcJLCtEc4gTmib4tnmAT+bHF/e17ZAuxDNcx6rqT8gNEXqaJGG+1Of" +
		"lMSTU2tpyG65G4dMKdFcoA=="
	publishedClose = "P07HGWiMaJOltVF73HduLS9BRHZgDNu9vz6W34MvVxtX6wF7x4DukPqSYsKm1rcJ0ZGbdNZnYy4uFR/ghWB2Jr+m4wHI61IkZMKL" +
		"ZSO6mTycv9hrr/GSGhNgCqme+yGjonosG6p5RN9dgn2O/1SL7k3uP6639dWs2mGwBDSd/TfGI1250II3UFxdH1wUTUyJx0nIaJKnsS8JcFkv" +
		"/yL1HJlM7bg+xoMLQU500RB4DPn6hG3luz4XDobPc49gT6jBxNCviFaPEanGXhW3NKe3dKBvDAsAcSTbEwI1kF2BOx8B0QTtS7FKRZ246KHD" +
		"jsy5t4GWXztLdAZWIVVVVZDZEQ=="
	publishedQuery = "cVvdVujlEmASmAYpcmKXmIrlQualKxd87f8XZtnTeLCw3V7kZ1ST6YwX0kSLsqJeecZqmKJfd6ieRl/hRLZUodxXU1NzoTz1OXNh" +
		"6TzBfcxU8xRNFbmPiEHwMJM7Jo52TYGk71MaCbvkPlUpUL6WhpmAgfC7jg/3IcA/UILbby4Nro0Nbq0An/DYEEp8vZMaags/5ed52JpGqxEO" +
		"cTLIuqihy+Amy5z+t8m3a93YTRNDRi0W5b332UQBtrWRSwJOMU96Nof7hJC2MM71Y1bHB8YP8kBKaoDW7vEoNsEMVzkyp0pyjUHFWc6yaRVH" +
		"E054z79S2koj3jSRbCiY+CaJzg=="

	// The same close and query under testdata/merchant_key.pem, with MESSAGE as in the package
	// comment:
	//	printf MESSAGE | openssl dgst -sha256 -sign merchant_key.pem | base64 -w0
	goldenClose = "NAMZ7cb8ASM+MLxqp0muKBqBsV+qM+XJAC2k5WZ2YQ9afGVCj2J466KY20EAV6qbdf4+ggAZVAMPPNhvcgMVjYQ+2rdiLWGPu0cZYNBg" +
		"SgSVF968J8jLa9NstVzQqOWFxVwnSzORn2mzL6psDcsfjUPcgQ3fxdFAWVLTVhKTdCZCX2dSUmAZw09Ht/O83eNmvOJB2WbLFXnD9rBmOwtB" +
		"XP5qYWQB20d2/Ck3MJUdNJsuki1z2aMoioCebLi4oS9n4KDayNKxFapPx0qO6yNA04cz9gEnrhgyPI9Q9o1JQDjMbaYssr4j4Hf+HwUJ+7co" +
		"k+/vKC6WFQYf0D0NtvCNBA=="
	goldenQuery = "qOZ/dOPN17KmUmqwsbFeXlNB0hvTDG6mFo/lmMRvm++82+8s6dCe1pA/rV2El9e7v6O4bO4eaD6vY0soa8W09xtB8nhAxvYVecefGuIS" +
		"trA0QPMvd9hOedzgfuglWRjh3H5wc05IozlBKLxpB7g7QXasmbj/vUBf2vAnmVQL+br2HuK/jq0wS3Tqb2bKy/PR/Z6PipMn9GxPpKHcDOz4" +
		"5zWf3gc232QG8c5hK3JpL4Yj3+C44MQAL43WAe68vFBOwUpG1dcS/SiSi/eb4lVi0q2DGM/TE6Kzk+38pDvfEo9Cn6T6HoEYr++pp9dm0jb4" +
		"T28HoOhpwI9QlI35ZMomzw=="
)

func TestPublishedMessages(t *testing.T) {
	t.Parallel()
	key := loadPublic(t, "published_request_key.pem")
	tests := map[string]struct{ method, uri, body, signature string }{
		"POST":  {"POST", "/v3/pay/transactions/jsapi", publishedPostBody, publishedPost},
		"GET":   {"GET", "/v3/refund/domestic/refunds/123123123123", "", publishedGet},
		"CLOSE": {"POST", "/v3/pay/transactions/out-trade-no/" + outTradeNo + "/close", `{"mchid":"1900007291"}`, publishedClose},
		"QUERY": {"GET", "/v3/pay/transactions/out-trade-no/" + outTradeNo + "?mchid=1900007291", "", publishedQuery},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := v3json.RequestMessage(test.method, test.uri, "1554208460", requestNonce, test.body)
			if !verifiesUnder(key, message, test.signature) {
				t.Errorf("the published signature does not verify over %q", message)
			}
		})
	}
}

// TestPublishedRequests makes the published close and query with the client itself. Their messages
// must be those that were signed in public, and their signatures those that openssl makes of the
// same messages with our test key.
func TestPublishedRequests(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		call              func(*v3json.Client) error
		reply             answer
		published, golden string
	}{
		"CLOSE": {func(c *v3json.Client) error {
			_, err := c.CloseOrder(t.Context(), v3json.Request{OutTradeNo: outTradeNo})
			return err
		}, signedAt(time.Unix(publishedTime, 0), http.StatusNoContent, ""), publishedClose, goldenClose},
		"QUERY": {func(c *v3json.Client) error {
			_, err := c.QueryOrder(t.Context(), v3json.Request{OutTradeNo: outTradeNo})
			return err
		}, signedAt(time.Unix(publishedTime, 0), http.StatusOK, directOrder), publishedQuery, goldenQuery},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got captured
			client := newClient(t, capture(t, test.reply, &got))
			client.Now = func() time.Time { return time.Unix(publishedTime, 0) }
			if err := test.call(client); err != nil {
				t.Fatalf("calling: %v", err)
			}
			uri := strings.TrimPrefix(got.url, v3json.DefaultBaseURL)
			message := v3json.RequestMessage(got.method, uri, "1554208460", requestNonce, got.body)
			if !verifiesUnder(loadPublic(t, "published_request_key.pem"), message, test.published) {
				t.Errorf("the published signature does not verify over what was sent: %q", message)
			}
			want := `WECHATPAY2-SHA256-RSA2048 mchid="1900007291",nonce_str="593BEC0C930BF1AFEB40B4A08C8FB242",` +
				`timestamp="1554208460",serial_no="` + merchantSerial + `",signature="` + test.golden + `"`
			if header := got.header.Get("Authorization"); header != want {
				t.Errorf("Authorization is\n%s, want\n%s", header, want)
			}
		})
	}
}

func TestSign(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	message := v3json.RequestMessage("POST", "/v3/pay/transactions/out-trade-no/"+outTradeNo+"/close", "1554208460",
		requestNonce, `{"mchid":"1900007291"}`)
	if got, err := key.Sign(message); err != nil || got != goldenClose {
		t.Errorf("Sign gives %q, %v, want %q", got, err, goldenClose)
	}
	if len(message) != 141 {
		t.Errorf("the package comment's example has %d bytes, and says 141", len(message))
	}
	if got, err := (v3json.Key{}).Sign(message); err == nil || got != "" {
		t.Errorf("an empty Key signs %q, %v, want an error", got, err)
	}
}
