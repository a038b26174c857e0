package v2xml_test

import (
	"maps"
	"strings"
	"testing"

	"cloudpay/pkg/v2xml"
)

// TestSignPublished: the example of the signing document (wiki doc/api chapter 4_3, the same on
// each product's page), and what follows from its key for the published closeorder sample, computed
// with openssl dgst:
//
//	printf %s 'appid=…&key=192006250b4c09247ec02edce69f6a2d' |
//		openssl dgst -md5 [-sha256 -hmac 192006250b4c09247ec02edce69f6a2d]
func TestSignPublished(t *testing.T) {
	t.Parallel()
	example := map[string]string{
		"appid": "wxd930ea5d5a258f4f", "mch_id": "10000100", "device_info": "1000", "body": "test",
		"nonce_str": "ibuaiVcKdpRxkhJA",
	}
	closing := map[string]string{
		"appid": appID, "mch_id": mchID, "nonce_str": "4ca93f17ddf3443ceabf72f26d64fe0e", "out_trade_no": orderNo,
	}
	closingHMAC := maps.Clone(closing)
	closingHMAC["sign_type"] = "HMAC-SHA256"
	for _, test := range []struct {
		name   string
		fields map[string]string
		t      v2xml.SignType
		want   string
	}{
		{"example, MD5", example, v2xml.MD5, "9A0A8659F005D6984697E2CA0A9CF3B7"},
		{"example, default", example, "", "9A0A8659F005D6984697E2CA0A9CF3B7"},
		{
			"example, HMAC-SHA256", example, v2xml.HMACSHA256,
			"6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6",
		},
		{"closeorder, MD5", closing, v2xml.MD5, "8D2363E7A0948301A065F369DEB9011B"},
		{
			"closeorder, HMAC-SHA256", closingHMAC, v2xml.HMACSHA256,
			"B2B78B206EDC0392055030BC16EA076A70BFBC2351B34CFFAF3F32D521C8B231",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := v2xml.Sign(test.fields, key, test.t); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// TestSignAgreesWithTheTestsOwn: each rule of the package comment, against signers that know
// nothing of the package.
func TestSignAgreesWithTheTestsOwn(t *testing.T) {
	t.Parallel()
	for name, elements := range map[string][]element{
		"none":                             {},
		"one":                              {{"a", "1"}},
		"empty values left out":            {{"a", "1"}, {"b", ""}, {"c", "3"}},
		"sign left out, sign_type not":     {{"sign", "x"}, {"sign_type", "MD5"}, {"signature", "y"}},
		"case of names tells":              {{"b", "1"}, {"B", "2"}, {"_", "3"}, {"a", "4"}},
		"names order, not whole pairs":     {{"a", "z"}, {"a_b", "1"}, {"a-b", "2"}, {"a0", "3"}},
		"UTF-8 as it is":                   {{"attach", "深圳分店"}, {"é", "ü"}},
		"white space, escapes as they are": {{"attach", " a&b=c <>\"'%20\n"}},
		"longer than the stack's room":     {{"long", strings.Repeat("x", 5000)}, {"z", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fields := map[string]string{}
			for _, e := range elements {
				fields[e.name] = e.value
			}
			if got, want := v2xml.Sign(fields, key, v2xml.MD5), signMD5(elements, key); got != want {
				t.Errorf("MD5: got %s, want %s of %q", got, want, message(elements, "…"))
			}
			if got, want := v2xml.Sign(fields, key, v2xml.HMACSHA256), signHMAC(elements, key); got != want {
				t.Errorf("HMAC-SHA256: got %s, want %s of %q", got, want, message(elements, "…"))
			}
		})
	}
}

func TestSignOfAnUnknownTypeIsNone(t *testing.T) {
	t.Parallel()
	if got := v2xml.Sign(map[string]string{"a": "1"}, key, "md5"); got != "" {
		t.Errorf("got %s, want none", got)
	}
}
