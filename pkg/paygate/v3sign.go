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
// no spaces, which the real gateway may. A name that is unknown, twice or missing is named in the
// error.
func parseCredential(text string) (credential, error) {
	var c credential
	places := map[string]*string{
		"mchid": &c.mchID, "nonce_str": &c.nonce, "timestamp": &c.timestamp, "serial_no": &c.serial, "signature": &c.signature,
	}
	for pair := range strings.SplitSeq(text, ",") {
		name, quoted, found := strings.Cut(pair, "=")
		if !found {
			return credential{}, fmt.Errorf("%q is not a name=\"value\" pair", pair)
		}
		place, known := places[name]
		if !known {
			return credential{}, fmt.Errorf("field %q is unknown or there twice; mchid, nonce_str, timestamp, serial_no and signature"+
				" must be there once each, with commas and no spaces between them", name)
		}
		if len(quoted) < 3 || quoted[0] != '"' || quoted[len(quoted)-1] != '"' || strings.Contains(quoted[1:len(quoted)-1], `"`) {
			return credential{}, fmt.Errorf("field %s must have a value, in double quotes", name)
		}
		*place = quoted[1 : len(quoted)-1]
		delete(places, name)
	}
	for _, name := range []string{"mchid", "nonce_str", "timestamp", "serial_no", "signature"} {
		if _, left := places[name]; left {
			return credential{}, fmt.Errorf("field %s is missing", name)
		}
	}
	return c, nil
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

// authenticateV3 checks a request's Authorization; a nil distrust means that the merchant made it.
// The order of the checks is WeChat Pay's: form, serial, time, signature (doc 4012072670).
func (g *Gateway) authenticateV3(ex *exchange) (*Merchant, *distrust) {
	c, wrong := readCredential(ex.r)
	if wrong != nil {
		return nil, wrong
	}
	ex.rec.MchID = c.mchID
	const badSerial = "商户证书序列号有误。请使用签名私钥匹配的证书序列号"
	m := g.merchant(c.mchID)
	if m == nil {
		return nil, &distrust{message: badSerial, cause: "v3-mchid", reason: fmt.Sprintf(
			"mchid %q in Authorization is no merchant of this gateway; it has %s", c.mchID, merchantIDs(g.merchants))}
	}
	if c.serial != m.SerialNo {
		wrong := &distrust{message: badSerial}
		g.explainV3(wrong, ex, m)
		wrong.expected = "" // the signature was not checked
		return nil, wrong
	}
	if wrong := g.checkTime(c); wrong != nil {
		return nil, wrong
	}
	if len(c.nonce) > maxNonce {
		return nil, badForm(fmt.Sprintf("nonce_str must be at most %d characters, not %d", maxNonce, len(c.nonce)))
	}
	if wrong := g.checkSignature(ex, c, m); wrong != nil {
		return nil, wrong
	}
	ex.rec.NonceReused = g.nonces.reused(m.MchID, c.nonce, g.now())
	return m, nil
}

// readCredential takes a request's one Authorization header apart. Two headers are refused: which
// of them counts would depend on the server.
func readCredential(r *http.Request) (credential, *distrust) {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return credential{}, badForm(fmt.Sprintf("there must be one Authorization header, not %d", len(headers)))
	}
	scheme, rest, _ := strings.Cut(headers[0], " ")
	if scheme != schemeV3 {
		return credential{}, inTheTable("Http头Authorization认证类型不正确", "v3-scheme")
	}
	c, err := parseCredential(rest)
	if err != nil {
		return credential{}, badForm("Authorization: " + err.Error())
	}
	return c, nil
}

// badForm is the distrust of a header that cannot be read.
func badForm(reason string) *distrust {
	return &distrust{message: "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》", reason: reason, cause: "v3-header-form"}
}

// checkTime refuses a timestamp that is further than maxSkew from the wire clock, and says by how
// much and which way. Thirteen digits are taken for milliseconds.
func (g *Gateway) checkTime(c credential) *distrust {
	seconds, err := strconv.ParseInt(c.timestamp, 10, 64)
	if err != nil {
		return badForm(fmt.Sprintf("timestamp %q must be a whole number of seconds since 1970", c.timestamp))
	}
	skew := seconds - g.now().Unix()
	limit := int64(maxSkew / time.Second)
	if -limit <= skew && skew <= limit {
		return nil
	}
	reason := fmt.Sprintf("clock skew: the timestamp is %d seconds behind the gateway's clock; %d are allowed", -skew, limit)
	if skew > 0 {
		reason = fmt.Sprintf("clock skew: the timestamp is %d seconds ahead of the gateway's clock; %d are allowed", skew, limit)
	}
	id := "v3-clock"
	if len(c.timestamp) == len("1554208460000") {
		id, reason = "v3-milliseconds", reason+"; it looks like milliseconds, and must be seconds"
	}
	return &distrust{message: "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟", reason: reason, cause: id}
}

// checkSignature refuses a signature that the merchant's key did not make over this very request,
// and finds out why.
func (g *Gateway) checkSignature(ex *exchange, c credential, m *Merchant) *distrust {
	message := messageV3(ex.r.Method, ex.r.RequestURI, c.timestamp, c.nonce, ex.body)
	signature, err := base64.StdEncoding.Strict().DecodeString(c.signature)
	if err == nil && verifyV3(m.PublicKey, message, signature) == nil {
		return nil
	}
	wrong := &distrust{message: "错误的签名，验签失败", detail: signDetail(ex.r, message)}
	g.explainV3(wrong, ex, m)
	wrong.expected = message
	return wrong
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
