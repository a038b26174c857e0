package mutants

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// schemeV3 begins an Authorization header (pay.weixin.qq.com doc v3/merchant 4012365336).
const schemeV3 = "WECHATPAY2-SHA256-RSA2048"

// item is one of the five name="value" pairs of an Authorization header.
type item struct{ name, value string }

var pairs = regexp.MustCompile(`(\w+)="([^"]*)"`)

// authorization takes the header apart, in its own order.
func (k *maker) authorization() []item {
	found := pairs.FindAllStringSubmatch(k.Header.Get("Authorization"), -1)
	items := make([]item, len(found))
	for i, pair := range found {
		items[i] = item{pair[1], pair[2]}
	}
	return items
}

// authorize writes the header.
func (k *maker) authorize(items []item) {
	written := make([]string, len(items))
	for i, one := range items {
		written[i] = one.name + `="` + one.value + `"`
	}
	k.Header.Set("Authorization", schemeV3+" "+strings.Join(written, ","))
}

// item is a value of the header.
func (k *maker) item(name string) string {
	for _, one := range k.authorization() {
		if one.name == name {
			return one.value
		}
	}
	return ""
}

// setItem changes a value of the header.
func (k *maker) setItem(name, value string) {
	items := k.authorization()
	for i := range items {
		if items[i].name == name {
			items[i].value = value
		}
	}
	k.authorize(items)
}

// signedV3 is the five lines that a request signs.
type signedV3 struct{ method, uri, timestamp, nonce, body string }

// lines are the five in their order.
func (s signedV3) lines() []string { return []string{s.method, s.uri, s.timestamp, s.nonce, s.body} }

// text ends each of the five with a line feed.
func (s signedV3) text() string { return strings.Join(s.lines(), "\n") + "\n" }

// sent is what the message should sign.
func (k *maker) sent() signedV3 {
	return signedV3{k.Method, k.URI, k.item("timestamp"), k.item("nonce_str"), string(k.Body)}
}

// signRSA is the signature of a text, as bytes. It fails only for a key that is smaller than a
// digest, which none of the world's is.
func signRSA(key *rsa.PrivateKey, text string) []byte {
	digest := sha256.Sum256([]byte(text))
	signature, _ := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	return signature
}

// sign signs a text with the merchant's key, and puts the signature into the header.
func (k *maker) sign(text string) {
	k.setItem("signature", base64.StdEncoding.EncodeToString(signRSA(k.world.Key, text)))
}

var (
	orderInPath = regexp.MustCompile(`(/out-trade-no/[^/?]+)`)
	totalInBody = regexp.MustCompile(`"total":\d+`)
	hosts       = []string{"api.mch.weixin.qq.com", "api2.mch.weixin.qq.com", "127.0.0.1:9800"}
)

// anew makes another good request of the one there is, all but its signature: another order,
// another amount, another nonce, another second.
func (k *maker) anew() {
	k.Host = pick(k, hosts)
	k.URI = orderInPath.ReplaceAllString(k.URI, "${1}"+k.text(digits, k.between(0, 4)))
	k.Body = totalInBody.ReplaceAll(k.Body, []byte(`"total":`+strconv.Itoa(k.between(1, 99_999))))
	nonces := []string{k.text(smalls, 32), k.text(capitals, 32), k.text(letters, 32), k.text(letters, k.between(12, 31))}
	k.setItem("nonce_str", pick(k, nonces))
	k.setItem("timestamp", strconv.FormatInt(k.At.Unix()+int64(k.between(-20, 20)), 10))
}

// varyV3 makes another good request: with the five items in another order, judged at another time,
// and half of the time signed anew.
func (k *maker) varyV3() {
	if k.coin() {
		k.anew()
		k.sign(k.sent().text())
	}
	items := k.authorization()
	k.random.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	k.authorize(items)
	k.At = k.At.Add(seconds(k.between(-250, 250)))
	if k.rarely(3) {
		k.Header.Set("Accept-Language", "zh-CN")
	}
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
