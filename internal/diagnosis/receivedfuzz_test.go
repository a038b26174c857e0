package diagnosis_test

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"cloudpay/internal/diagnosis"
)

// verifies reports whether a header signs a body with the key of that serial, by code of the test's
// own.
func verifies(keys diagnosis.Keys, header http.Header, body []byte) bool {
	signature, err := base64.StdEncoding.DecodeString(header.Get("Wechatpay-Signature"))
	if err != nil {
		return false
	}
	digest := sha256.Sum256([]byte(header.Get("Wechatpay-Timestamp") + "\n" + header.Get("Wechatpay-Nonce") + "\n" + string(body) + "\n"))
	for _, key := range keys.Platform {
		if key.Serial == header.Get("Wechatpay-Serial") && rsa.VerifyPKCS1v15(key.Key, crypto.SHA256, digest[:], signature) == nil {
			return true
		}
	}
	return false
}

func FuzzReply(f *testing.F) {
	reply, keys := publishedReply(f)
	add := func(body string, serial string) {
		f.Add(200, publishedTimestamp, publishedNonce, publishedSignature, serial, []byte(body))
	}
	add(publishedBody, publishedSerial)
	add(publishedBody+"\n", publishedSerial)
	add(`{"code_url": "weixin:\/\/wxpay\/bizpayurl?pr=JyC91EIz1"}`, publishedSerial)
	add(publishedBody, certificateSerial)
	add(`{"data":[{"encrypt_certificate":{"algorithm":"AEAD_AES_256_GCM","nonce":"EmuNonce0001","ciphertext":"AAAA"}}]}`, publishedSerial)
	f.Add(401, "", "", "", "", []byte(`{"code":"SIGN_ERROR"}`))
	f.Add(200, "1", "", "WECHATPAY/SIGNTEST/AAAA", "", []byte(nil))
	keys.MchID, keys.V3Key, keys.V2Key = "1900000001", exampleV3Key, exampleV2Key
	f.Fuzz(func(t *testing.T, status int, timestamp, nonce, signature, serial string, body []byte) {
		header := http.Header{}
		for name, value := range map[string]string{
			"Wechatpay-Timestamp": timestamp, "Wechatpay-Nonce": nonce, "Wechatpay-Signature": signature, "Wechatpay-Serial": serial,
		} {
			if value != "" {
				header.Set(name, value)
			}
		}
		reply.Status, reply.Header, reply.Body = status, header, body
		d := diagnosis.Reply(reply, keys)
		isV2 := d.Fine && len(header) == 0 && signsV2(body)
		if d.Fine && !isV2 && !verifies(keys, header, body) {
			t.Errorf("fine, and no signature holds: %+v", d)
		}
		explained(t, d)
	})
}

func FuzzReplyV2(f *testing.F) {
	f.Add(received(f, "notification_v2.xml"))
	f.Add(documentV2(somePairs(), signMD5(somePairs(), exampleV2Key)))
	f.Add(documentV2(somePairs(), signHMAC(somePairs(), exampleV3Key)))
	f.Add([]byte("<xml><return_code>FAIL</return_code><return_msg>签名错误</return_msg></xml>"))
	keys := diagnosis.Keys{MchID: "1900000001", V2Key: exampleV2Key, V3Key: exampleV3Key}
	f.Fuzz(func(t *testing.T, document []byte) {
		d := diagnosis.ReplyV2(document, keys)
		if d.Fine && !signsV2(document) {
			t.Errorf("fine, and the sign does not hold: %+v", d)
		}
		explained(t, d)
	})
}

func FuzzNotification(f *testing.F) {
	notice, keys := exampleNotification(f)
	add := func(body []byte) { f.Add(exampleSignature, exampleSerial, body) }
	add(notice.Body)
	add([]byte(strings.Replace(string(notice.Body), `"associated_data":"transaction"`, `"associated_data":""`, 1)))
	add([]byte(strings.Replace(string(notice.Body), "EmuNonce0001", "EmuNonce0002", 1)))
	f.Add("", "", refund(string(received(f, "refund_v2.txt"))).Body)
	f.Add("", "", received(f, "notification_v2.xml"))
	f.Fuzz(func(t *testing.T, signature, serial string, body []byte) {
		header := notice.Header.Clone()
		header.Set("Wechatpay-Signature", signature)
		header.Set("Wechatpay-Serial", serial)
		if signature == "" && serial == "" {
			clear(header)
		}
		d := diagnosis.Notification(diagnosis.Request{Header: header, Body: body}, keys)
		isV2 := d.Fine && len(header) == 0 && signsV2(body)
		if d.Fine && !isV2 && (!verifies(keys, header, body) || !decrypts(body)) {
			t.Errorf("fine, and it does not verify or decrypt: %+v", d)
		}
		explained(t, d)
	})
}

// explained wants no key in a diagnosis, and each finding in words.
func explained(t *testing.T, d diagnosis.Diagnosis) {
	t.Helper()
	for _, finding := range d.Findings {
		if finding.Detail.EN == "" || finding.Detail.ZH == "" {
			t.Errorf("%s has no words", finding.ID)
		}
	}
}

// signsV2 reports whether a document's sign holds, by code of the test's own.
func signsV2(document []byte) bool {
	var pairs []pair
	dec := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(string(document), "\ufeff")))
	var name, value string
	depth := 0
	for {
		token, err := dec.Token()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				return false
			}
			break
		}
		switch token := token.(type) {
		case xml.StartElement:
			depth++
			name, value = token.Name.Local, ""
		case xml.CharData:
			value += string(token)
		case xml.EndElement:
			if depth == 2 {
				pairs = append(pairs, pair{name, value})
			}
			depth--
		}
	}
	var sign, kind string
	for _, p := range pairs {
		switch p.name {
		case "sign":
			sign = p.value
		case "sign_type":
			kind = p.value
		}
	}
	if kind == "HMAC-SHA256" || kind != "MD5" && len(sign) == 64 {
		return sign == signHMAC(pairs, exampleV2Key)
	}
	return sign == signMD5(pairs, exampleV2Key)
}

// decrypts reports whether the resource of a notification opens, by Go's standard library.
func decrypts(body []byte) bool {
	var envelope struct {
		Resource struct {
			Ciphertext     string `json:"ciphertext"`
			AssociatedData string `json:"associated_data"`
			Nonce          string `json:"nonce"`
		} `json:"resource"`
	}
	if json.Unmarshal(body, &envelope) != nil || len(envelope.Resource.Nonce) != 12 {
		return false
	}
	raw, err := base64.StdEncoding.DecodeString(envelope.Resource.Ciphertext)
	block, _ := aes.NewCipher([]byte(exampleV3Key))
	aead, _ := cipher.NewGCM(block)
	if err != nil {
		return false
	}
	_, err = aead.Open(nil, []byte(envelope.Resource.Nonce), raw, []byte(envelope.Resource.AssociatedData))
	return err == nil
}
