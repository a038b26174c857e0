package paygate

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// schemeV3 begins every Authorization, and is every reply's Wechatpay-Signature-Type.
	schemeV3 = "WECHATPAY2-SHA256-RSA2048"

	// maxSkew is how far a timestamp may lie from the wire clock, either way.
	maxSkew = 5 * time.Minute

	// maxNonce is String(32) in the documents.
	maxNonce = 32

	// probePrefix begins the signature of a probe.
	probePrefix = "WECHATPAY/SIGNTEST/"
)

// credential is an Authorization header, taken apart.
type credential struct {
	mchID, nonce, timestamp, serial, signature string
}

// parseCredential reads the part of an Authorization header behind the scheme: five name="value"
// pairs in any order, commas between them (pay.weixin.qq.com doc v3/merchant 4012365336). It takes
// no spaces, which the real gateway may. ok is false unless each name is there once, with a value.
func parseCredential(text string) (c credential, ok bool) {
	places := map[string]*string{
		"mchid": &c.mchID, "nonce_str": &c.nonce, "timestamp": &c.timestamp, "serial_no": &c.serial, "signature": &c.signature,
	}
	for pair := range strings.SplitSeq(text, ",") {
		name, quoted, _ := strings.Cut(pair, "=")
		place, expected := places[name]
		if !expected || len(quoted) < 3 || quoted[0] != '"' || strings.Index(quoted[1:], `"`) != len(quoted)-2 {
			return credential{}, false
		}
		*place = quoted[1 : len(quoted)-1]
		delete(places, name)
	}
	return c, len(places) == 0
}

// messageV3 is what a request signs: five lines, each of them ended, also the last. uri is path and
// query exactly as they stand in the request line.
func messageV3(method, uri, timestamp, nonce string, body []byte) string {
	return method + "\n" + uri + "\n" + timestamp + "\n" + nonce + "\n" + string(body) + "\n"
}

// answerV3 is what a reply signs: three lines, each of them ended. A 204's third line is empty.
func answerV3(timestamp, nonce string, body []byte) string {
	return timestamp + "\n" + nonce + "\n" + string(body) + "\n"
}

// signV3 signs with RSASSA-PKCS1-v1_5 over SHA-256.
func signV3(key *rsa.PrivateKey, message string) ([]byte, error) {
	digest := sha256.Sum256([]byte(message))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		return nil, fmt.Errorf("signing a reply: %w", err)
	}
	return signature, nil
}

// verifyV3 returns an error if the key's owner did not sign the message.
func verifyV3(key *rsa.PublicKey, message string, signature []byte) error {
	digest := sha256.Sum256([]byte(message))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature); err != nil {
		return errors.New("the signature does not fit")
	}
	return nil
}

// What WeChat Pay says of an Authorization that it does not take. The reasons beside these words
// are those of the table of causes.
const (
	saysForm      = "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》"
	saysScheme    = "Http头Authorization认证类型不正确"
	saysSerial    = "商户证书序列号有误。请使用签名私钥匹配的证书序列号"
	saysTime      = "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟"
	saysSignature = "错误的签名，验签失败"
)

// authenticateV3 checks a request's Authorization; a nil distrust means that the merchant made it.
// The order of the checks is WeChat Pay's: form, serial, time, signature (doc 4012072670).
func (g *Gateway) authenticateV3(ex *exchange) (*Merchant, *distrust) {
	c, wrong := readCredential(ex.r)
	if wrong != nil {
		return nil, g.explainV3(wrong, ex, &Merchant{})
	}
	ex.rec.MchID = c.mchID
	m := g.merchant(c.mchID)
	if m == nil {
		return nil, inTheTable(saysSerial, "v3-mchid").
			about(fmt.Sprintf("%q is no merchant of this gateway; it has %s", c.mchID, merchantIDs(g.merchants)))
	}
	if wrong = g.checkCredential(c, m); wrong == nil {
		wrong = checkSignature(ex, c, m)
	}
	if wrong != nil {
		return nil, g.explainV3(wrong, ex, m)
	}
	ex.rec.NonceReused = g.nonces.reused(m.MchID, c.nonce, g.now())
	return m, nil
}

// readCredential takes a request's one Authorization header apart. Two headers are refused: which
// of them counts would depend on the server.
func readCredential(r *http.Request) (credential, *distrust) {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return credential{}, inTheTable(saysForm, "v3-header-form")
	}
	scheme, rest, _ := strings.Cut(headers[0], " ")
	if scheme != schemeV3 {
		return credential{}, inTheTable(saysScheme, "v3-scheme")
	}
	c, ok := parseCredential(rest)
	if !ok {
		return credential{}, inTheTable(saysForm, "v3-header-form")
	}
	return c, nil
}

// checkCredential refuses another serial number than the merchant's, a timestamp that is no number
// or further than maxSkew from the wire clock, and a nonce that is too long.
func (g *Gateway) checkCredential(c credential, m *Merchant) *distrust {
	seconds, err := strconv.ParseInt(c.timestamp, 10, 64)
	skew, limit := seconds-g.now().Unix(), int64(maxSkew/time.Second)
	switch {
	case c.serial != m.SerialNo:
		return inTheTable(saysSerial, "v3-serial-other")
	case err != nil:
		return inTheTable(saysForm, "v3-header-form")
	case skew < -limit || limit < skew:
		return inTheTable(saysTime, "v3-clock")
	case len(c.nonce) > maxNonce:
		return inTheTable(saysForm, "v3-header-form")
	default:
		return nil
	}
}

// checkSignature refuses a signature that the merchant's key did not make over this very request.
func checkSignature(ex *exchange, c credential, m *Merchant) *distrust {
	message := messageV3(ex.r.Method, ex.r.RequestURI, c.timestamp, c.nonce, ex.body)
	signature, err := base64.StdEncoding.Strict().DecodeString(c.signature)
	if err == nil && verifyV3(m.PublicKey, message, signature) == nil {
		return nil
	}
	return &distrust{message: saysSignature, expected: message, detail: signDetail(ex.r, message)}
}

// signDetail is what a 401 shows of the message that the gateway expected: its first 128 bytes, and
// its length.
func signDetail(r *http.Request, message string) any {
	const shown = 128
	prefix := message
	if len(prefix) > shown {
		prefix = strings.ToValidUTF8(prefix[:shown], "")
	}
	type information struct {
		Method    string `json:"method"`
		URL       string `json:"url"`
		Length    int    `json:"sign_message_length"`
		Truncated string `json:"truncated_sign_message"`
	}
	return struct {
		Detail      map[string]string `json:"detail"`
		Field       string            `json:"field"`
		Location    string            `json:"location"`
		Information information       `json:"sign_information"`
	}{
		Detail: map[string]string{"issue": "sign not match"}, Field: "signature", Location: "authorization",
		Information: information{Method: r.Method, URL: r.RequestURI, Length: len(message), Truncated: prefix},
	}
}

// sign puts the five Wechatpay-* headers on a reply (doc 4013053249), or what a forgery puts there.
// The nonce and the timestamp of a forgery are genuine, but for Stale's.
func (s signer) sign(rp *reply, now time.Time, forgery Action) error {
	if forgery == Stale {
		now = now.Add(-2 * maxSkew)
	}
	timestamp := strconv.FormatInt(now.Unix(), 10)
	nonce := strings.ToLower(randomText(maxNonce))
	raw, err := signV3(s.key, answerV3(timestamp, nonce, rp.body))
	if err != nil {
		return err
	}
	serial := s.serial
	switch forgery {
	case BadSignature:
		raw = slices.Clone(raw)
		raw[len(raw)/2] ^= 1
	case UnknownSerial:
		serial = differently(serial)
	default: // the others are dealt with before and after
	}
	signature := base64.StdEncoding.EncodeToString(raw)
	if forgery == Probe {
		signature = probePrefix + signature // which is no base64 any more
	}
	rp.header.Set("Wechatpay-Timestamp", timestamp)
	rp.header.Set("Wechatpay-Nonce", nonce)
	rp.header.Set("Wechatpay-Signature", signature)
	rp.header.Set("Wechatpay-Serial", serial)
	rp.header.Set("Wechatpay-Signature-Type", schemeV3)
	return nil
}
