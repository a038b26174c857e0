package paygate_test

import (
	"testing"

	"cloudpay/pkg/paygate"
)

// The key and the first two signatures are published:
// pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=4_3. The closeorder ones follow from them by the
// documented rule, computed with openssl.
const publishedKey = "192006250b4c09247ec02edce69f6a2d"

func TestSignV2Published(t *testing.T) {
	t.Parallel()
	body := []pair{{"nonce_str", "ibuaiVcKdpRxkhJA"}, {"device_info", "1000"}, {"mch_id", "10000100"}, {"body", "test"}, {"appid", "wxd930ea5d5a258f4f"}}
	closing := []pair{
		{"appid", "wx2421b1c4370ec43b"}, {"mch_id", "10000100"}, {"nonce_str", "4ca93f17ddf3443ceabf72f26d64fe0e"}, {"out_trade_no", "1415983244"},
	}
	for _, test := range []struct {
		name, signType string
		doc            []pair
		want           string
	}{
		{"MD5", "MD5", body, "9A0A8659F005D6984697E2CA0A9CF3B7"},
		{"MD5 by default", "", body, "9A0A8659F005D6984697E2CA0A9CF3B7"},
		{"HMAC", "HMAC-SHA256", body, "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6"},
		{"empty values and sign do not count", "", append([]pair{{"sign", "X"}, {"attach", ""}}, body...), "9A0A8659F005D6984697E2CA0A9CF3B7"},
		{"close MD5", "", closing, "8D2363E7A0948301A065F369DEB9011B"},
		{
			"close HMAC", "HMAC-SHA256", append([]pair{{"sign_type", "HMAC-SHA256"}}, closing...),
			"B2B78B206EDC0392055030BC16EA076A70BFBC2351B34CFFAF3F32D521C8B231",
		},
	} {
		if got := paygate.SignV2(publishedKey, test.signType, test.doc...); got != test.want {
			t.Errorf("%s: sign is %s, want %s", test.name, got, test.want)
		}
	}
}

// TestPublishedCloseV2 sends the published signatures over the wire, as they are.
func TestPublishedCloseV2(t *testing.T) {
	t.Parallel()
	m := *paygate.RunT(t).Merchant
	m.MchID, m.AppID, m.V2Key = "10000100", "wx2421b1c4370ec43b", publishedKey
	s := start(t, paygate.Options{Merchants: []*paygate.Merchant{&m}})
	s.order("1415983244")
	req := s.closeV2("1415983244")
	req.sign = func([]pair, string) string { return "8D2363E7A0948301A065F369DEB9011B" }
	s.v2(req).want(pair{"result_code", "SUCCESS"})
	req = req.hmac()
	req.sign = func([]pair, string) string { return "B2B78B206EDC0392055030BC16EA076A70BFBC2351B34CFFAF3F32D521C8B231" }
	s.v2(req).wantCode("ORDERCLOSED")
}

// TestEveryByteOfASignCounts flips each character of a good sign.
func TestEveryByteOfASignCounts(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	for i := range 32 {
		req := s.closeV2("A1")
		req.sign = func(doc []pair, key string) string {
			good := signDocumented(doc, key, "")
			return good[:i] + paygate.Differently(good[i:i+1]) + good[i+1:]
		}
		s.v2(req).wantFail("签名错误")
	}
	s.WantState("A1", paygate.StateNotPay)
}

func TestUnknownSignType(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.v2(s.closeV2("A1", pair{"sign_type", "SHA1"})).wantFail("签名类型错误")
	s.wantLast("unauthentic", `sign_type "SHA1" must be MD5, HMAC-SHA256 or absent`)
}
