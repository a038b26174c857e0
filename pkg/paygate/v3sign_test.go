package paygate_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// The key and the first two signatures are published: pay.weixin.qq.com doc 4012365336. The close's
// and the query's were made with the same published private key by openssl.
// testdata/published_v3.pem is its public half.
const (
	publishedMchID  = "1900007291"
	publishedSerial = "408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB"
	publishedTime   = 1554208460
	publishedNonce  = "593BEC0C930BF1AFEB40B4A08C8FB242"

	publishedPost = "jnks4dlrPw3ZX+ozVvSK39oa0t7OMBsg83BHAwd8BRdUFiVaQNTLTvci+wURgP1OQBbKYhFGvt7iqYpDSTQkp7Uq1sltaQKyncCyrA1g88m5bs" +
		"KERQfPyT0ahSwKTYJ1CAn9QiJuSJRq1QsQs07eehbU/k9BCS51jTyc1Jpsi2H77HF9f/BnjXAOP3/sPObg6V5Ee4EzwLox684hhuMuIwHo7D8K" +
		"Fk3LIHOKDcNI4It1aCXydFWNpNK+SG86VUDe5kwoDpw4Ulqfu9z8OFDGbDs9TCxEv8iqQzbpxOlEVoOe2kalSYM5kApQb3nZcxdUtoE0liJGW3" +
		"RGUNE0t4v01A=="
	publishedGet = "Lc9VXxmeonkdV8Xk9tmigQFLhl0vRWTerdmoRu01aAnYwIrD/5nsSwE1WlmZGLRlAFTNQ3QsMa0+VRDlJp1Wp5p0nO8EK68b5sJBbjouxaFciI" +
		"fq1zfDWWz+jqhcMoKXI1A6dPm1AW7D4d30WsMTNzp6g23OXakIsh9LO3lUmwvTuE0BY8ncf6tNGk4wKmvXwERd/ZpoQY3MAVKz+Nakwc+2XBmz" +
		"T66KcUehU5kr4IvGa/lEU5RZb/q00zP9VLdBhC/jQSX3X1UcJLCtEc4gTmib4tnmAT+bHF/e17ZAuxDNcx6rqT8gNEXqaJGG+1OflMSTU2tpyG" +
		"65G4dMKdFcoA=="
	publishedClose = "P07HGWiMaJOltVF73HduLS9BRHZgDNu9vz6W34MvVxtX6wF7x4DukPqSYsKm1rcJ0ZGbdNZnYy4uFR/ghWB2Jr+m4wHI61IkZMKLZSO6mTycv9" +
		"hrr/GSGhNgCqme+yGjonosG6p5RN9dgn2O/1SL7k3uP6639dWs2mGwBDSd/TfGI1250II3UFxdH1wUTUyJx0nIaJKnsS8JcFkv/yL1HJlM7bg+" +
		"xoMLQU500RB4DPn6hG3luz4XDobPc49gT6jBxNCviFaPEanGXhW3NKe3dKBvDAsAcSTbEwI1kF2BOx8B0QTtS7FKRZ246KHDjsy5t4GWXztLdA" +
		"ZWIVVVVZDZEQ=="
	publishedQuery = "cVvdVujlEmASmAYpcmKXmIrlQualKxd87f8XZtnTeLCw3V7kZ1ST6YwX0kSLsqJeecZqmKJfd6ieRl/hRLZUodxXU1NzoTz1OXNh6TzBfcxU8x" +
		"RNFbmPiEHwMJM7Jo52TYGk71MaCbvkPlUpUL6WhpmAgfC7jg/3IcA/UILbby4Nro0Nbq0An/DYEEp8vZMaags/5ed52JpGqxEOcTLIuqihy+Am" +
		"y5z+t8m3a93YTRNDRi0W5b332UQBtrWRSwJOMU96Nof7hJC2MM71Y1bHB8YP8kBKaoDW7vEoNsEMVzkyp0pyjUHFWc6yaRVHE054z79S2koj3j" +
		"SRbCiY+CaJzg=="
)

// The reply is published on doc 4013053420, with the key in testdata/published_reply_v3.pem.
const publishedReply = "mfI1CPqvBrgcXfgXMFjdNIhBf27ACE2YyeWsWV9ZI7T7RU0vHvbQpu9Z32ogzc+k8ZC5n3kz7h70eWKjgqNdKQF0eRp8mVKlmfzMLBVHbssB9j" +
	"EZEDXThOX1XFqX7s7ymia1hoHQxQagPGzkdWxtlZPZ4ZPvr1RiqkgAu6Is8MZgXXrRoBKqjmSdrP1N7uxzJ/cjfSiis9FiLjuADoqmQ1P7p2N8" +
	"76YPAol7Rn0+GswwAwxldbdLrmVSjfytfSBJFqTMHn4itojgxSWWN1byuckQt8hSTEv/Lg97QoeGniYP17T80pJeQyL3b+295FPHSO2AtvCgyI" +
	"bKMZ0BALilAA=="

func readKey(t *testing.T, name string) *rsa.PublicKey {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, ok := key.(*rsa.PublicKey)
	if !ok {
		t.Fatalf("%s holds a %T, want an RSA key", name, key)
	}
	return rsaKey
}

func unbase64(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestMessagesPublished(t *testing.T) {
	t.Parallel()
	key := readKey(t, "testdata/published_v3.pem")
	at := strconv.Itoa(publishedTime)
	body := `{"appid":"wxd678efh567hg6787","mchid":"1900007291","description":"Image形象店-深圳腾大-QQ公仔",` +
		`"out_trade_no":"1217752501201407033233368018","notify_url":"https://www.weixin.qq.com/wxpay/pay.php",` +
		`"amount":{"total":100,"currency":"CNY"},"payer":{"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}}`
	for name, test := range map[string]struct {
		key                *rsa.PublicKey
		message, signature string
	}{
		"POST": {key, paygate.MessageV3("POST", "/v3/pay/transactions/jsapi", at, publishedNonce, []byte(body)), publishedPost},
		"GET":  {key, paygate.MessageV3("GET", "/v3/refund/domestic/refunds/123123123123", at, publishedNonce, nil), publishedGet},
		"reply": {
			readKey(t, "testdata/published_reply_v3.pem"),
			paygate.AnswerV3("1722850421", "d824f2e086d3c1df967785d13fcd22ef", []byte(`{"code_url":"weixin://wxpay/bizpayurl?pr=JyC91EIz1"}`)),
			publishedReply,
		},
	} {
		if err := paygate.VerifyV3(test.key, test.message, unbase64(t, test.signature)); err != nil {
			t.Errorf("%s: %v over\n%s", name, err, test.message)
		}
		for i := range test.message {
			if changed := test.message[:i] + "~" + test.message[i+1:]; paygate.VerifyV3(test.key, changed, unbase64(t, test.signature)) == nil {
				t.Errorf("%s: the signature holds although byte %d was changed", name, i)
			}
		}
	}
}

// TestPublishedV3 sends the published close and query over the wire, as they are.
func TestPublishedV3(t *testing.T) {
	t.Parallel()
	m := *paygate.RunT(t).Merchant
	m.MchID, m.SerialNo, m.PublicKey = publishedMchID, publishedSerial, readKey(t, "testdata/published_v3.pem")
	s := start(t, paygate.Options{
		Merchants: []*paygate.Merchant{&m},
		Now:       func() time.Time { return time.Unix(publishedTime, 0) },
	})
	const no = "1217752501201407033233368018"
	s.order(no)
	as := func(req v3Request, signature string) v3Request {
		req.timestamp = strconv.Itoa(publishedTime)
		req.nonce = publishedNonce
		req.signature = func(string) string { return signature }
		return req
	}
	s.v3(as(s.queryV3(no), publishedQuery)).want(200).wantJSON(map[string]any{"out_trade_no": no, "trade_state": "NOTPAY"})
	s.v3(as(s.closeV3(no), publishedClose)).want(204)
	s.v3(as(s.closeV3(no), publishedQuery)).wantUnsigned(401)
	s.WantState(no, paygate.StateClosed)
}

// TestAuthorization is what a 401 says, unsigned, and what history says.
func TestAuthorization(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	at := func(offset time.Duration) string { return strconv.FormatInt(wireTime().Add(offset).Unix(), 10) }
	edit := func(old, replacement string) func(string) string {
		return func(standard string) string { return strings.Replace(standard, old, replacement, 1) }
	}
	const form, serial = "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》", "商户证书序列号有误。请使用签名私钥匹配的证书序列号"
	const late = "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟"
	m := s.Merchant
	for name, test := range map[string]struct {
		req             v3Request
		message, reason string
	}{
		"none":         {v3Request{header: map[string]string{"Authorization": ""}}, form, "one Authorization header, not 0"},
		"other scheme": {v3Request{authorization: edit("WECHATPAY2-SHA256-RSA2048", "Bearer")}, "Http头Authorization认证类型不正确", "must start with"},
		"two spaces":   {v3Request{authorization: edit(" ", "  ")}, form, `field " mchid" is unknown`},
		"space":        {v3Request{authorization: edit(",", ", ")}, form, `field " nonce_str" is unknown`},
		"no pair":      {v3Request{authorization: edit(",", ",,")}, form, `"" is not a name="value" pair`},
		"no quotes":    {v3Request{authorization: edit(`"`+m.MchID+`"`, m.MchID)}, form, "field mchid must have a value, in double quotes"},
		"empty":        {v3Request{authorization: edit(m.MchID, "")}, form, "field mchid must have a value"},
		"inner quote":  {v3Request{mchID: `19"00`}, form, "field mchid"},
		"twice":        {v3Request{authorization: edit("nonce_str", "mchid")}, form, `field "mchid" is unknown or there twice`},
		"missing":      {v3Request{authorization: edit(`serial_no="`+m.SerialNo+`",`, "")}, form, "field serial_no is missing"},
		"unknown":      {v3Request{authorization: edit("mchid=", `x="y",mchid=`)}, form, `field "x" is unknown`},
		"merchant":     {v3Request{mchID: "1"}, serial, "no merchant of this gateway; it has " + m.MchID},
		"serial":       {v3Request{serial: strings.Repeat("A", 40)}, serial, "is not the serial number of merchant " + m.MchID},
		"platform":     {v3Request{serial: s.CertificateSerial()}, serial, "it is the platform certificate's"},
		"public key":   {v3Request{serial: s.PublicKeyID()}, serial, "it is the id of WeChat Pay's public key"},
		"small serial": {v3Request{serial: strings.ToLower(m.SerialNo)}, serial, "digits must be in capitals"},
		"colons":       {v3Request{serial: m.SerialNo[:2] + ":" + m.SerialNo[2:]}, serial, "without colons"},
		"decimal":      {v3Request{serial: decimal(t, m.SerialNo)}, serial, "it is in decimal"},
		"no number":    {v3Request{timestamp: "today"}, form, `timestamp "today" must be a whole number`},
		"behind":       {v3Request{timestamp: at(-301 * time.Second)}, late, "clock skew: the timestamp is 301 seconds behind"},
		"ahead":        {v3Request{timestamp: at(301 * time.Second)}, late, "clock skew: the timestamp is 301 seconds ahead"},
		"milliseconds": {v3Request{timestamp: at(0) + "000"}, late, "looks like milliseconds"},
		"long nonce":   {v3Request{nonce: strings.Repeat("n", 33)}, form, "nonce_str must be at most 32"},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			test.req.method, test.req.uri = "GET", s.queryV3("A1").uri
			got := s.v3(test.req).wantUnsigned(401)
			got.wantJSON(map[string]any{"code": "SIGN_ERROR", "message": test.message})
			s.wantLast("unauthentic", test.reason)
		})
	}
}

func decimal(t *testing.T, serial string) string {
	t.Helper()
	n, ok := new(big.Int).SetString(serial, 16)
	if !ok {
		t.Fatalf("serial %s is not hexadecimal", serial)
	}
	return n.String()
}

// TestSkewAllowed: five minutes either way are fine, and the order of the five fields is free.
func TestSkewAllowed(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	for _, offset := range []time.Duration{-5 * time.Minute, 5 * time.Minute} {
		req := s.queryV3("A1")
		req.timestamp = strconv.FormatInt(wireTime().Add(offset).Unix(), 10)
		req.authorization = func(standard string) string {
			scheme, rest, _ := strings.Cut(standard, " ")
			parts := strings.Split(rest, ",")
			return fmt.Sprintf("%s %s,%s,%s,%s,%s", scheme, parts[4], parts[2], parts[0], parts[3], parts[1])
		}
		s.v3(req).want(200)
	}
}

// TestSignInformation is the detail that a 401 for a wrong signature carries.
func TestSignInformation(t *testing.T) {
	t.Parallel()
	s := start(t)
	req := s.closeV3(strings.Repeat("A1", 16)) // long enough to be cut
	req.message = func(v3Request) string { return "something else" }
	got := s.v3(req).wantUnsigned(401)
	expected := s.v3Defaults(req).documented()
	got.wantJSON(map[string]any{
		"code": "SIGN_ERROR", "message": "错误的签名，验签失败", "detail.detail.issue": "sign not match", "detail.field": "signature",
		"detail.location": "authorization", "detail.sign_information.method": "POST", "detail.sign_information.url": req.uri,
		"detail.sign_information.sign_message_length":    float64(len(expected)),
		"detail.sign_information.truncated_sign_message": expected[:128],
	})
	if s.last().Expected != expected {
		t.Errorf("history expected %q, want %q", s.last().Expected, expected)
	}
}

func TestNonceReuseIsToldAndTolerated(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	for _, want := range []bool{false, true} {
		s.v3(s.queryV3("A1")).want(200)
		if got := s.last().NonceReused; got != want {
			t.Errorf("NonceReused is %t, want %t", got, want)
		}
	}
	req := s.queryV3("A1")
	req.nonce = "another"
	s.v3(req).want(200)
	if s.last().NonceReused {
		t.Error("a fresh nonce counts as reused")
	}
}

// TestEveryByteOfASignatureCounts flips each character of a good signature.
func TestEveryByteOfASignatureCounts(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	good := s.sign(s.v3Defaults(s.closeV3("A1")))
	for i := range good {
		req := s.closeV3("A1")
		req.signature = func(string) string { return good[:i] + paygate.Differently(good[i:i+1]) + good[i+1:] }
		s.v3(req).wantUnsigned(401)
	}
	s.WantState("A1", paygate.StateNotPay)
}

// TestEveryHeaderCounts leaves out, one by one, what the gateway requires.
func TestEveryHeaderCounts(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, name := range []string{"Accept", "User-Agent"} {
		req := s.closeV3("A1")
		req.header = map[string]string{name: ""}
		s.v3(req).wantCode(400, "INVALID_REQUEST").wantJSON(map[string]any{"message": "Http头缺少Accept或User-Agent"})
		s.wantLast("refused", "the header "+name+" is missing")
		req.header["Authorization"] = "" // then the reply is not signed
		s.v3(req).wantUnsigned(400)
		s.wantLast("unauthentic", "the header "+name+" is missing")
	}
}

func TestDifferently(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{"A1": "A0", "A0": "A1", "0": "1", "x": "0"} {
		if got := paygate.Differently(id); got != want {
			t.Errorf("differently(%s) is %s, want %s", id, got, want)
		}
	}
}
