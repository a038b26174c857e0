package v3json

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// scheme names the algorithm in Authorization and in Wechatpay-Signature-Type. WeChat Pay also has
// WECHATPAY2-SM2-WITH-SM3, on request; it is not supported here.
const scheme = "WECHATPAY2-SHA256-RSA2048"

// Sign returns the signature of message: RSASSA-PKCS1-v1_5 over SHA-256, in standard base64. The
// same message always gives the same signature.
func (k Key) Sign(message string) (string, error) {
	if k.private == nil {
		return "", errors.New("signing with an empty Key: read it with ParseKey from apiclient_key.pem")
	}
	digest := sha256.Sum256([]byte(message))
	signature, err := rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, digest[:])
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return base64.StdEncoding.EncodeToString(signature), nil
}

// authorization returns the Authorization header of a request. uri must be the one on the request
// line.
func (c *Client) authorization(u unsigned, uri string) (string, error) {
	timestamp := strconv.FormatInt(c.now().Unix(), 10)
	signature, err := c.Key.Sign(requestMessage(u, uri, timestamp))
	if err != nil {
		return "", err
	}
	return scheme + ` mchid="` + c.MchID + `",nonce_str="` + u.nonce + `",timestamp="` + timestamp +
		`",serial_no="` + c.Key.serial + `",signature="` + signature + `"`, nil
}

// requestMessage returns the five lines that a request signs.
func requestMessage(u unsigned, uri, timestamp string) string {
	return strings.Join([]string{u.method, uri, timestamp, u.nonce, u.body, ""}, "\n")
}
