package paygate_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // for crypto.SHA1
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// The example of testdata/paysign_merchant.pem: a merchant's public key, made for this with
// OpenSSL, and what its private half, which was thrown away, signed. Python's cryptography computed
// it, and openssl dgst -verify and Go's crypto/rsa agree.
const (
	exampleAppID  = "wx1234567890abcdef"
	exampleV2Key  = "cloudpayV2key0123456789abcdefABC"
	examplePrepay = "wx29083000000000000000000000000001"
	exampleNonce  = "abc123DEF456ghi789JKL012mno345PQ"
	exampleStamp  = "1795912140"
	exampleJSAPI  = "H9PlHxgnwikCJ/LrrujjaFYL12dpDFLo2eu2jFygquE0/YqgwrAwEv9akA3hNQAn27BM7PqW5fwZeAbxeXzi6OU9FvZNV/7vURFhFCb3RfwTSR79CagLgOdireVJXIRnMpdMpv1+XelrW0sVwYO3G1UykpDPqTClJ0I9kafjZCtU/QAtqUvQ439yVmuPlp+euTyH1SvhhrwFrd/0KFyPQnkuqXtd5alHc3yScf66ff0Z4ESwVwwG6cu7TVSHAWeSzylO6UNymIouq/dxuyH7mnoTuevxXhAaBizFbJbsGC1TBd6kpZwJN/5ScYBaD4C20ou5vDlCGxoLgrqPBe4aeQ=="
	exampleApp    = "jS/cptI5yk7xA4tGZT+ABrS+VONT/Bv+8kJCSu+hpZMk+dP6aD3FainX9wug1iERqmuvBT17eeEHmi3Ol58VM7ZziEGH9s9LZXQgyC0GOih7StCBZJraHZcAyzMcXcH9QFXY6dTAMhvzHaEmmBNz8M+bn25LcGbSmylUREDezmT3WKFds191T0IGwlLUjSO1L63DmUxr9gX5nbA1j3h4TLh4o3QIdkYXFPoHLWhrPhjqtqgVN3uLoWqq7HZg//wmAEwSsvmTmkMkQ5M2vN8n3QlwNJ7RgOUVXS3sNQMiZ4Zhs/k+FOL9uWiBF/WGp1XFyt8YJut4oilAL0NhR+SeyA=="
	exampleMD5    = "92DB2111C4516F408653ECEA31D9789F"
)

// exampleGateway has the example's merchant, and an order of its by each API.
func exampleGateway(t *testing.T) *session {
	t.Helper()
	text, err := os.ReadFile("testdata/paysign_merchant.pem")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := public.(*rsa.PublicKey)
	s := start(t, paygate.Options{Merchants: []*paygate.Merchant{{
		MchID: "1900000001", AppID: exampleAppID, V2Key: exampleV2Key, SerialNo: "40", PublicKey: key,
	}}})
	return s
}

// handed is the example's fields of a mini-program.
func handed(sign, signType string) map[string]string {
	return map[string]string{
		"timeStamp": exampleStamp, "nonceStr": exampleNonce, "package": "prepay_id=" + examplePrepay, "signType": signType, "paySign": sign,
	}
}

func TestPaySignExamples(t *testing.T) {
	t.Parallel()
	app := map[string]string{
		"appid": exampleAppID, "partnerid": "1900000001", "prepayid": examplePrepay, "package": "Sign=WXPay", "noncestr": exampleNonce,
		"timestamp": exampleStamp, "sign": exampleApp,
	}
	packaged := maps.Clone(app)
	delete(packaged, "package")
	packaged["packageValue"] = "Sign=WXPay"
	cloudBase := handed(exampleJSAPI, "RSA")
	delete(cloudBase, "package")
	cloudBase["packageVal"] = "prepay_id=" + examplePrepay
	withoutAppID := maps.Clone(app)
	delete(withoutAppID, "appid")
	withAppID := handed(exampleJSAPI, "RSA")
	withAppID["appId"] = exampleAppID
	for name, test := range map[string]struct {
		api    string
		fields map[string]string
	}{
		"v3 JSAPI": {"v3", handed(exampleJSAPI, "RSA")}, "v3 JSAPI with appId": {"v3", withAppID}, "packageVal": {"v3", cloudBase},
		"v3 APP": {"v3", app}, "packageValue": {"v3", packaged}, "v3 APP without appid": {"v3", withoutAppID}, "v2 JSAPI": {"v2", handed(exampleMD5, "MD5")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := exampleGateway(t)
			s.MustAddOrder(paygate.Order{OutTradeNo: "EMU20261129000001", Total: 100, API: test.api})
			s.IssuePrepay("EMU20261129000001", examplePrepay)
			s.WantPaySign(test.fields)
			for _, name := range []string{"timeStamp", "timestamp", "nonceStr", "noncestr", "sign", "paySign"} {
				broken := maps.Clone(test.fields)
				value := broken[name]
				for i := 0; i < len(value) && i < 40; i++ {
					broken[name] = value[:i] + string(value[i]^1) + value[i+1:]
					if err := s.CheckPaySign(broken); err == nil {
						t.Fatalf("with %s %s it is right, want an error", name, broken[name])
					}
				}
			}
		})
	}
}

// handing signs what a client is handed, with a merchant's key of the test's own.
type handing struct {
	s      *session
	appID  string
	prepay string
	at     string
	nonce  string
}

func (h handing) rsa(hash crypto.Hash, lines ...string) string {
	h.s.t.Helper()
	return h.rsaOf(h.s.Merchant.PrivateKey, hash, strings.Join(lines, "\n")+"\n")
}

func (h handing) rsaOf(key *rsa.PrivateKey, hash crypto.Hash, text string) string {
	h.s.t.Helper()
	digest := hash.New()
	_, _ = digest.Write([]byte(text))
	raw, err := rsa.SignPKCS1v15(rand.Reader, key, hash, digest.Sum(nil))
	if err != nil {
		h.s.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func (h handing) fields(sign string) map[string]string {
	return map[string]string{"timeStamp": h.at, "nonceStr": h.nonce, "package": "prepay_id=" + h.prepay, "signType": "RSA", "paySign": sign}
}

func (h handing) app(sign string) map[string]string {
	return map[string]string{
		"appid": h.appID, "partnerid": h.s.Merchant.MchID, "prepayid": h.prepay, "package": "Sign=WXPay", "noncestr": h.nonce,
		"timestamp": h.at, "sign": sign,
	}
}

// placed places an order and has what its client is handed.
func (s *session) placed(kind, no string) handing {
	s.t.Helper()
	prepay, _ := s.place(kind, s.placing(kind, no)).want(200).json()["prepay_id"].(string)
	return handing{s: s, appID: s.Merchant.AppID, prepay: prepay, at: "1772337600", nonce: "5K8264ILTKCH16CQ2502SI8ZNMTM67Vs"}
}

// wantWrong checks that fields are refused for a reason.
func (s *session) wantWrong(fields map[string]string, phrase string) {
	s.t.Helper()
	if err := s.CheckPaySign(fields); err == nil || !strings.Contains(err.Error(), phrase) {
		s.t.Errorf("checking %v gave %v, want …%s…", fields, err, phrase)
	}
}

// TestPaySignMistakesV3: each mistake is named.
func TestPaySignMistakesV3(t *testing.T) {
	t.Parallel()
	s := start(t)
	h := s.placed("jsapi", "SIGNED-1")
	pack := "prepay_id=" + h.prepay
	right := h.rsa(crypto.SHA256, h.appID, h.at, h.nonce, pack)
	s.WantPaySign(h.fields(right))
	for phrase, sign := range map[string]string{
		"the bare prepay_id was signed":           h.rsa(crypto.SHA256, h.appID, h.at, h.nonce, h.prepay),
		"the last line feed is missing":           h.rsaOf(s.Merchant.PrivateKey, crypto.SHA256, strings.Join([]string{h.appID, h.at, h.nonce, pack}, "\n")),
		"a backslash and an n":                    h.rsaOf(s.Merchant.PrivateKey, crypto.SHA256, strings.Join([]string{h.appID, h.at, h.nonce, pack, ""}, `\n`)),
		"carriage return":                         h.rsaOf(s.Merchant.PrivateKey, crypto.SHA256, strings.Join([]string{h.appID, h.at, h.nonce, pack, ""}, "\r\n")),
		"in the wrong order":                      h.rsa(crypto.SHA256, h.appID, h.nonce, h.at, pack),
		"name=value pairs were signed":            h.rsaOf(s.Merchant.PrivateKey, crypto.SHA256, "appId="+h.appID+"&nonceStr="+h.nonce+"&package="+pack+"&signType=RSA&timeStamp="+h.at),
		"the merchant number was signed":          h.rsa(crypto.SHA256, s.Merchant.MchID, h.at, h.nonce, pack),
		"no appId was signed":                     h.rsa(crypto.SHA256, "", h.at, h.nonce, pack),
		"in milliseconds":                         h.rsa(crypto.SHA256, h.appID, h.at+"000", h.nonce, pack),
		"-1 seconds from the one handed over":     h.rsa(crypto.SHA256, h.appID, "1772337599", h.nonce, pack),
		"the nonceStr signed is in capitals":      h.rsa(crypto.SHA256, h.appID, h.at, strings.ToUpper(h.nonce), pack),
		"the nonceStr signed is in small letters": h.rsa(crypto.SHA256, h.appID, h.at, strings.ToLower(h.nonce), pack),
		"the right key signed another text: appId, timeStamp, nonceStr or package differ": h.rsa(crypto.SHA256, "wx", "1", "2", pack),
		"over SHA-1":                        h.rsa(crypto.SHA1, h.appID, h.at, h.nonce, pack),
		"was not made with the private key": h.rsaOf(otherKey(t), crypto.SHA256, "x"),
		"each + has become a space":         strings.Replace(right[:len(right)-4]+"+AA=", "+", " ", 1),
		"the padding is missing":            strings.TrimRight(right, "="),
		"is 2 bytes long":                   "AAAA",
		"is APIv2's, in hexadecimal":        strings.Repeat("A1", 16),
	} {
		s.wantWrong(h.fields(sign), phrase)
	}
	if err := s.CheckPaySign(h.fields(h.rsa(crypto.SHA256, h.appID, h.at, h.nonce, h.prepay))); !strings.Contains(err.Error(), `expected "`+h.appID+`\n`+h.at) ||
		!strings.Contains(err.Error(), `received "`) {
		t.Errorf("the error has not both strings: %v", err)
	}
	a := s.placed("app", "SIGNED-2")
	s.WantPaySign(a.app(a.rsa(crypto.SHA256, a.appID, a.at, a.nonce, a.prepay)))
	s.wantWrong(a.app(a.rsa(crypto.SHA256, a.appID, a.at, a.nonce, "prepay_id="+a.prepay)), "an app signs the bare prepay_id")
	s.wantWrong(a.app(a.rsa(crypto.SHA256, a.appID, a.at, a.nonce, "Sign=WXPay")), "package was signed, Sign=WXPay")
}

func otherKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestPaySignFields are the mistakes beside the signature.
func TestPaySignFields(t *testing.T) {
	t.Parallel()
	s := start(t)
	h := s.placed("jsapi", "FIELDS-1")
	sign := h.rsa(crypto.SHA256, h.appID, h.at, h.nonce, "prepay_id="+h.prepay)
	edited := func(base map[string]string, name, value string) map[string]string {
		fields := maps.Clone(base)
		if fields[name] = value; value == "" {
			delete(fields, name)
		}
		return fields
	}
	mini, app := h.fields(sign), h.app(sign)
	for _, test := range []struct {
		fields map[string]string
		phrase string
	}{
		{edited(mini, "timeStamp", ""), "timeStamp is missing or empty"},
		{edited(mini, "paySign", ""), "paySign is missing or empty"},
		{edited(mini, "timeStamp", "1772337600000"), "is in milliseconds"},
		{edited(mini, "timeStamp", "soon"), "must be seconds since 1970"},
		{edited(mini, "nonceStr", strings.Repeat("n", 33)), "at most 32 characters"},
		{edited(mini, "package", h.prepay), "must be prepay_id= and the prepay_id"},
		{edited(mini, "package", "prepay_id=wx1"), `never answered the prepay_id "wx1"`},
		{edited(mini, "signType", ""), "signType is missing"},
		{edited(mini, "signType", "MD5"), "signType MD5 must be RSA: the order was placed by APIv3"},
		{edited(mini, "appId", "wx0"), "appId wx0 is not the one that the order was placed for"},
		{edited(mini, "packageVal", "x"), "package is there twice"},
		{edited(mini, "prepay_id", "wx1"), "package has another prepay_id than the one beside it, wx1"},
		{edited(edited(mini, "package", h.prepay), "prepay_id", h.prepay), "partnerid is missing or empty"},
		{edited(mini, "openid", "x"), "openid is no field to pay with"},
		{edited(app, "partnerid", ""), "partnerid is missing or empty"},
		{edited(app, "partnerid", "1900000000"), "partnerid 1900000000 is not the merchant"},
		{edited(app, "package", "prepay_id="+h.prepay), "must be Sign=WXPay for an app"},
	} {
		s.wantWrong(test.fields, test.phrase)
	}
	s.WantPaySign(edited(mini, "prepay_id", h.prepay))
	s.MustAdvance(2 * time.Hour)
	s.wantWrong(mini, "the signature is right, but the user cannot pay: The prepay_id or this address has expired")
	paid := s.placed("jsapi", "FIELDS-2")
	s.MustPay("FIELDS-2")
	s.wantWrong(paid.fields(paid.rsa(crypto.SHA256, paid.appID, paid.at, paid.nonce, "prepay_id="+paid.prepay)), "The order is paid")
}

// TestPaySignOfPartner: the appid is the one that the openid belongs to.
func TestPaySignOfPartner(t *testing.T) {
	t.Parallel()
	s := start(t, ofProvider(t))
	body := s.placingSub("jsapi", "PARTNER-1").with("sub_appid", "wxsub")
	body["payer"] = members{"sub_openid": "oSubUser"}
	prepay, _ := s.place("jsapi", body).want(200).json()["prepay_id"].(string)
	h := handing{s: s, appID: "wxsub", prepay: prepay, at: "1772337600", nonce: "n1"}
	s.WantPaySign(h.fields(h.rsa(crypto.SHA256, "wxsub", h.at, h.nonce, "prepay_id="+prepay)))
	s.wantWrong(h.fields(h.rsa(crypto.SHA256, s.Merchant.AppID, h.at, h.nonce, "prepay_id="+prepay)), "the other party's appid was signed")

	combined, _ := s.place("jsapi", s.combining("jsapi", "C-SIGNED")).want(200).json()["prepay_id"].(string)
	h = handing{s: s, appID: s.Merchant.AppID, prepay: combined, at: "1772337600", nonce: "n1"}
	s.WantPaySign(h.fields(h.rsa(crypto.SHA256, h.appID, h.at, h.nonce, "prepay_id="+combined)))
}

// TestPaySignMistakesV2: each mistake is named.
func TestPaySignMistakesV2(t *testing.T) {
	t.Parallel()
	for _, signType := range []string{"MD5", "HMAC-SHA256"} {
		s := start(t)
		s.MustAddOrder(paygate.Order{OutTradeNo: "V2-1", Total: 100, API: "v2", SignType: signType})
		s.IssuePrepay("V2-1", examplePrepay)
		m := s.Merchant
		sum := func(text, key string) string {
			if signType == "MD5" {
				return fmt.Sprintf("%X", md5.Sum([]byte(text)))
			}
			mac := hmac.New(sha256.New, []byte(key))
			_, _ = mac.Write([]byte(text))
			return fmt.Sprintf("%X", mac.Sum(nil))
		}
		text := func(names, pack, key string) string {
			n := strings.Fields(names)
			return n[0] + "=" + m.AppID + "&" + n[1] + "=n1&package=" + pack + "&" + n[2] + "=" + signType + "&" + n[3] + "=1772337600" + key
		}
		const names = "appId nonceStr signType timeStamp"
		pack, key := "prepay_id="+examplePrepay, "&key="+m.V2Key
		fields := func(sign string) map[string]string {
			return map[string]string{"timeStamp": "1772337600", "nonceStr": "n1", "package": pack, "signType": signType, "paySign": sign}
		}
		right := sum(text(names, pack, key), m.V2Key)
		s.WantPaySign(fields(right))
		for phrase, sign := range map[string]string{
			"in lower-case digits":                strings.ToLower(right),
			"the APIv3 key was used":              sum(text(names, pack, "&key="+m.V3Key), m.V3Key),
			"&key= and the APIv2 key are missing": sum(text(names, pack, ""), m.V2Key),
			"the names were signed in small":      sum(text("appid noncestr signtype timestamp", pack, key), m.V2Key),
			"the bare prepay_id was signed":       sum(text(names, examplePrepay, key), m.V2Key),
			"appid was signed: its name is appId": sum(text("appid nonceStr signType timeStamp", pack, key), m.V2Key),
			"no likely mistake makes paySign":     strings.Repeat("0", 32),
			"is APIv3's, in base64":               strings.Repeat("A", 344),
		} {
			s.wantWrong(fields(sign), phrase)
		}
		signed := "appid=" + m.AppID + "&noncestr=n1&package=Sign=WXPay&partnerid=" + m.MchID + "&prepayid=" + examplePrepay + "&timestamp=1772337600"
		phone := map[string]string{
			"appid": m.AppID, "partnerid": m.MchID, "prepayid": examplePrepay, "package": "Sign=WXPay", "noncestr": "n1",
			"timestamp": "1772337600", "sign": sum(signed+key, m.V2Key),
		}
		s.WantPaySign(phone)
		phone["sign"] = sum(signed, m.V2Key)
		s.wantWrong(phone, "&key= and the APIv2 key are missing")
		other := fields(right)
		other["signType"] = map[string]string{"MD5": "HMAC-SHA256", "HMAC-SHA256": "MD5"}[signType]
		s.wantWrong(other, "must be "+signType)
		if err := s.CheckPaySign(fields(strings.ToLower(right))); strings.Contains(err.Error(), m.V2Key) {
			t.Errorf("the error has the key: %v", err)
		}
	}
}

func TestAdminPaySign(t *testing.T) {
	t.Parallel()
	s := start(t)
	h := s.placed("jsapi", "ADMIN-1")
	send := func(fields map[string]any) answer {
		text, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		return s.admin("POST", "/paysign", string(text)).wantStatus(200)
	}
	fields := map[string]any{
		"timeStamp": h.at, "nonceStr": h.nonce, "package": "prepay_id=" + h.prepay, "signType": "RSA",
		"paySign": h.rsa(crypto.SHA256, h.appID, h.at, h.nonce, "prepay_id="+h.prepay),
	}
	send(fields).wantJSON(map[string]any{"right": true, "reason": nil})
	fields["timeStamp"] = 1772337600
	send(fields).wantJSON(map[string]any{"right": false, "reason": "timeStamp must be a string", "cause": "pay-sign-field-type"})
	fields["timeStamp"] = "1772337601"
	got := send(fields)
	got.wantJSON(map[string]any{
		"right": false, "message": "支付验证签名失败", "cause": "pay-sign-timestamp-differs", "expected": h.appID + "\n1772337601\n" + h.nonce + "\nprepay_id=" + h.prepay + "\n",
		"received": h.appID + "\n1772337600\n" + h.nonce + "\nprepay_id=" + h.prepay + "\n",
	})
	s.admin("POST", "/paysign", "").wantStatus(200).wantJSON(map[string]any{"right": false, "reason": "timeStamp is missing or empty"})
}
