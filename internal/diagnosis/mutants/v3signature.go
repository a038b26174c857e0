package mutants

import (
	"crypto"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
)

// signaturesV3 are mistakes in how a signature of the right text is made or written.
var signaturesV3 = []mutator{
	{"v3-hex", RequestV3, written(func(k *maker, raw []byte) string { return k.hex(raw) })},
	{"v3-base64-hex", RequestV3, written(func(k *maker, raw []byte) string {
		return base64.StdEncoding.EncodeToString([]byte(k.hex(raw)))
	})},
	{"v3-base64-url", RequestV3, written(func(k *maker, raw []byte) string {
		if k.rarely(4) {
			k.Also = []string{"v3-base64-padding"}
			return base64.RawURLEncoding.EncodeToString(raw)
		}
		return base64.URLEncoding.EncodeToString(raw)
	})},
	{"v3-base64-padding", RequestV3, written(func(_ *maker, raw []byte) string { return base64.RawStdEncoding.EncodeToString(raw) })},
	{"v3-base64-other", RequestV3, written(func(k *maker, raw []byte) string {
		once := base64.StdEncoding.EncodeToString(raw)
		return pick(k, []string{
			url.QueryEscape(once), base64.StdEncoding.EncodeToString([]byte(once)), strings.ReplaceAll(once, "+", " "),
			once[:76] + " " + once[76:],
		})
	})},
	{"v3-length", RequestV3, written((*maker).otherLength)},
	{"v3-hash", RequestV3, (*maker).otherHash},
	{"v3-pss", RequestV3, (*maker).pss},
	{"v3-key-merchant", RequestV3, func(k *maker) bool { return k.keyed(k.world.Other.Key) }},
	{"v3-key-platform", RequestV3, func(k *maker) bool {
		return k.keyed(pick(k, []*rsa.PrivateKey{k.world.PublicKey.Key, k.world.Certificate.Key}))
	}},
	{"v3-key-other", RequestV3, func(k *maker) bool { return k.keyed(k.world.stranger) }},
	{"v3-hmac", RequestV3, func(k *maker) bool {
		k.anew()
		code := hmac.New(sha256.New, []byte(k.world.V3Key))
		code.Write([]byte(k.sent().text()))
		sum := code.Sum(nil)
		return k.items("signature", base64.StdEncoding.EncodeToString(sum), k.hex(sum))
	}},
}

// written makes a mistake by writing the right signature in another way.
func written(write func(*maker, []byte) string) func(*maker) bool {
	return func(k *maker) bool {
		right := k.item("signature")
		raw, err := base64.StdEncoding.DecodeString(right)
		if err != nil {
			return false
		}
		signature := write(k, raw)
		k.setItem("signature", signature)
		return signature != right && k.as("%s", signature)
	}
}

// hex is hexadecimal, in small letters or in capitals.
func (k *maker) hex(raw []byte) string {
	if k.coin() {
		return strings.ToUpper(hex.EncodeToString(raw))
	}
	return hex.EncodeToString(raw)
}

// otherLength cuts a signature, or lengthens it to what a key of another size makes.
func (k *maker) otherLength(raw []byte) string {
	switch k.random.IntN(3) {
	case 0:
		raw = raw[:k.between(100, len(raw)-1)]
	case 1:
		raw = append(raw, k.text(letters, k.between(1, 256))...)
	default:
		raw = raw[:128]
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// otherHash signs with another hash than SHA-256.
func (k *maker) otherHash() bool {
	k.anew()
	return k.items("signature", k.hashed(k.sent().text()))
}

// hashed is a text's signature over another hash than SHA-256, empty if there is none.
func (k *maker) hashed(message string) string {
	text := []byte(message)
	one, five, old := sha1.Sum(text), sha512.Sum512(text), md5.Sum(text)
	hashed := pick(k, []struct {
		hash   crypto.Hash
		digest []byte
	}{{crypto.SHA1, one[:]}, {crypto.SHA1, one[:]}, {crypto.SHA512, five[:]}, {crypto.MD5, old[:]}})
	signature, err := rsa.SignPKCS1v15(nil, k.world.Key, hashed.hash, hashed.digest)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(signature)
}

// pss signs with the other padding of RSA.
func (k *maker) pss() bool {
	k.anew()
	return k.items("signature", k.padded(k.sent().text()))
}

// padded is a text's signature with PSS padding, empty if there is none.
func (k *maker) padded(message string) string {
	digest := sha256.Sum256([]byte(message))
	salt := pick(k, []int{rsa.PSSSaltLengthEqualsHash, rsa.PSSSaltLengthAuto, 20})
	signature, err := rsa.SignPSS(salts{k}, k.world.Key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: salt})
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(signature)
}

// salts reads the salt of a signature from what is drawn.
type salts struct{ *maker }

func (s salts) Read(p []byte) (int, error) { return copy(p, s.text(letters, len(p))), nil }

// keyed signs the right text with a wrong key.
func (k *maker) keyed(key *rsa.PrivateKey) bool {
	k.anew()
	k.setItem("signature", base64.StdEncoding.EncodeToString(signRSA(key, k.sent().text())))
	return k.as("signed with another key")
}
