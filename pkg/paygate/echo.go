package paygate

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
)

// pathEcho is the self-test: it proves a merchant's keys and WeChat Pay's, without any order
// (pay.weixin.qq.com doc v3/merchant 4014551946).
const pathEcho = "/v3/security/echo"

// echoTexts is what a self-test says.
type echoTexts struct {
	message string
	// decrypted; empty if none was sent
	secret string
	// where the callback goes; empty: none is wanted
	notifyURL string
}

// echoForm is what the body of a self-test may hold.
func echoForm() []member {
	const most = 4096 // ours: none is published
	return []member{
		textMember("echo_message", "回显消息", most).needed(), textMember("encrypted_echo_message", "加密回显消息", most),
		notifyMember(),
	}
}

// askEcho checks a self-test. Wechatpay-Serial is required: it says which key signs the reply, and
// which key the text was encrypted for.
func (g *Gateway) askEcho(ex *exchange, q *question) *refusal {
	serial := ex.r.Header.Get("Wechatpay-Serial")
	if serial == "" {
		return refuse(codeInvalidRequest).saying("Http头缺少Wechatpay-Serial").because("the header Wechatpay-Serial is missing")
	}
	if no := wantJSONType(ex.r); no != nil {
		return no
	}
	doc, err := decodeObject(ex.body)
	if err != nil {
		return refuse(codeParamError).saying("请求body不是合法的json").because("the body cannot be read: " + err.Error())
	}
	if no := checkForm(echoForm(), doc, ""); no != nil {
		return no
	}
	q.echo = &echoTexts{message: textAt(doc, "echo_message"), notifyURL: textAt(doc, "notify_url")}
	if sealed := textAt(doc, "encrypted_echo_message"); sealed != "" {
		q.echo.secret, err = g.openEcho(serial, sealed)
	}
	if err != nil {
		return badParam(issue{Field: "/encrypted_echo_message", Value: "", Issue: "cannot be decrypted", Location: "body"}, "加密消息解密失败").
			because("encrypted_echo_message " + err.Error())
	}
	return nil
}

// handleEcho has the callback sent that a self-test wants.
func (g *Gateway) handleEcho(q *question) (subject, *refusal) {
	if q.echo.notifyURL != "" {
		g.orders.postEcho(q.merchant, q.echo.notifyURL, q.echo.message)
	}
	return subject{}, nil
}

// openEcho decrypts a text that was encrypted for the key that Wechatpay-Serial names, by RSA-OAEP
// with SHA-1.
func (g *Gateway) openEcho(serial, sealed string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return "", errors.New("must be in standard base64")
	}
	key := g.platform.publicKey.key
	if c := g.platform.certificate(serial); c != nil {
		key = c.key
	}
	if len(raw) != key.Size() {
		return "", fmt.Errorf("is %d bytes long, and the key makes %d: one text of at most %d bytes",
			len(raw), key.Size(), oaepRoom(&key.PublicKey))
	}
	text, err := rsa.DecryptOAEP(crypto.SHA1.New(), nil, key, raw, nil)
	if err != nil {
		return "", fmt.Errorf("was not encrypted for the key that Wechatpay-Serial names, %s, by RSA-OAEP with SHA-1 and MGF1 of SHA-1", serial)
	}
	return string(text), nil
}

// oaepRoom is how many bytes a key encrypts at once.
func oaepRoom(key *rsa.PublicKey) int { return key.Size() - 2*crypto.SHA1.Size() - 2 }

// reportEcho answers a self-test: the text, and if one was sent encrypted that one again, encrypted
// for the merchant. Which of the two texts the real gateway encrypts is not published.
func (g *Gateway) reportEcho(q *question) *reply {
	var answer struct {
		Message   string `json:"echo_message"`
		Encrypted string `json:"encrypted_echo_message,omitempty"`
	}
	answer.Message = q.echo.message
	if q.echo.secret != "" {
		if sealed, err := rsa.EncryptOAEP(crypto.SHA1.New(), rand.Reader, q.merchant.PublicKey, []byte(q.echo.secret), nil); err == nil {
			answer.Encrypted = base64.StdEncoding.EncodeToString(sealed)
		}
	}
	return newReplyV3(http.StatusOK, answer)
}
