package mutants

import (
	"bytes"
	"crypto/rsa"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// repliesV3 are mistakes of replies of APIv3: what was received is not what was signed, or the keys
// to verify it with are other ones.
var repliesV3 = []mutator{
	{"reply-key-kind", ReplyV3, (*maker).otherKind},
	{"reply-merchant-certificate", ReplyV3, (*maker).merchantCertificate},
	{"reply-body-parsed", ReplyV3, (*maker).parsed},
	{"reply-header-changed", ReplyV3, (*maker).changedHeader},
	{"reply-serial-unknown", ReplyV3, (*maker).unknownSerial},
	{"reply-clock", ReplyV3, (*maker).lateReply},
	{"reply-unsigned", ReplyV3, (*maker).unsigned},
	{"reply-probe", ReplyV3, (*maker).probe},
	{"reply-base64", ReplyV3, (*maker).rewrittenSignature},
	{"reply-other", ReplyV3, (*maker).forged},
}

// repliesV2 are mistakes of replies of APIv2, and of notifications of payments.
var repliesV2 = []mutator{
	{"reply-v2-key", ReplyV2, (*maker).replyKeyV2},
	{"reply-v2-empty", ReplyV2, (*maker).replyEmptyV2},
	{"reply-v2-sign-type", ReplyV2, (*maker).replyTypeV2},
}

// answered is the text that a reply or a notification signs: three lines, each of them ended (doc
// v3/merchant 4013053249).
func (k *maker) answered() string {
	return k.Header.Get("Wechatpay-Timestamp") + "\n" + k.Header.Get("Wechatpay-Nonce") + "\n" + string(k.Body) + "\n"
}

// answer signs the reply with a key of WeChat Pay's.
func (k *maker) answer(key *rsa.PrivateKey) {
	k.Header.Set("Wechatpay-Signature", base64.StdEncoding.EncodeToString(signRSA(key, k.answered())))
}

// signer is the key that the header names.
func (k *maker) signer() Signer {
	if k.Header.Get("Wechatpay-Serial") == k.world.PublicKey.Serial {
		return k.world.PublicKey
	}
	return k.world.Certificate
}

// isSigned reports whether the message has a signature at all.
func (k *maker) isSigned() bool { return k.Header.Get("Wechatpay-Signature") != "" }

// otherKind leaves the kind of key that signed out of those that are known.
func (k *maker) otherKind() bool {
	if !k.isSigned() {
		return false
	}
	left := k.signer()
	k.Keys.Platform = slices.DeleteFunc(slices.Clone(k.Keys.Platform), func(s Signer) bool { return s.Serial == left.Serial })
	return k.as("%s signed, and is not known", left.Serial)
}

// merchantCertificate verifies with the merchant's own certificate.
func (k *maker) merchantCertificate() bool {
	k.Keys.Platform = []Signer{{k.world.Serial, k.world.Key}}
	return k.isSigned() && k.as("the only key is the merchant's")
}

// parsed has the body parsed and written again before it is verified.
func (k *maker) parsed() bool {
	if !k.isSigned() {
		return false
	}
	sent := string(k.Body)
	other, ok := k.rewritten(sent)
	k.Body = []byte(other)
	return ok && other != sent && k.as("%q", other)
}

// rewritten is a body as it is after it was parsed; of none it makes one.
func (k *maker) rewritten(sent string) (other string, ok bool) {
	if sent == "" {
		return pick(k, []string{"null", "{}", `""`}), true
	}
	switch k.random.IntN(9) {
	case 0, 1, 2:
		other, _, ok = k.otherSpaces(sent)
	case 3, 4, 5:
		other, _, ok = k.otherEscaping(sent)
	case 6, 7:
		other, _, ok = k.otherEnd(sent)
	default:
		other, _, ok = k.otherKeys(sent)
		k.Also = []string{"reply-other"} // the order that there was is lost
	}
	return other, ok
}

// changedHeader has another timestamp or nonce than was signed.
func (k *maker) changedHeader() bool {
	if !k.isSigned() {
		return false
	}
	name, old := "Wechatpay-Nonce", k.Header.Get("Wechatpay-Nonce")
	changed := pick(k, []string{strings.ToUpper(old), strings.ToLower(old), old + " ", " " + old, `"` + old + `"`})
	if k.rarely(3) {
		name, old = "Wechatpay-Timestamp", k.Header.Get("Wechatpay-Timestamp")
		changed = strconv.FormatInt(k.At.Unix()+int64(k.between(1, 10)), 10)
	}
	k.Header.Set(name, changed)
	return changed != old && k.as("%s: %q", name, changed)
}

// unknownSerial is signed by a newer key than those that are known, and names it.
func (k *maker) unknownSerial() bool {
	if !k.isSigned() {
		return false
	}
	serial := "6" + k.text(capitals, 39)
	if k.rarely(3) {
		serial = "PUB_KEY_ID_" + k.text(digits, 34)
	}
	k.Header.Set("Wechatpay-Serial", serial)
	k.answer(k.world.stranger)
	return k.as("%s", serial)
}

// lateReply judges a reply at a time that is not its own.
func (k *maker) lateReply() bool {
	away := seconds(k.between(301, 90_000))
	if k.coin() {
		away = -away
	}
	k.At = k.At.Add(away)
	return k.isSigned() && k.as("the clock is %s away", away)
}

// unsigned loses the headers of the signature, all or one of them.
func (k *maker) unsigned() bool {
	names := []string{"Wechatpay-Signature", "Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Serial"}
	if k.rarely(3) {
		names = []string{pick(k, names)}
	}
	if len(names) == 1 {
		k.Also = []string{"reply-header-changed"} // the one header was lost on the way
	}
	signed := k.isSigned()
	for _, name := range names {
		k.Header.Del(name)
	}
	if len(names) > 1 {
		k.Header.Del("Wechatpay-Signature-Type")
	}
	k.At = time.Unix(k.At.Unix(), 0)
	return signed && k.as("without %s", names)
}

// probe is a signature that is wrong on purpose (doc v3/merchant 4013053249).
func (k *maker) probe() bool {
	signature := k.Header.Get("Wechatpay-Signature")
	if k.coin() {
		signature = base64.StdEncoding.EncodeToString([]byte(k.text(letters, 256)))
	}
	signed := k.isSigned()
	k.Header.Set("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+signature)
	return signed && k.as("a probe")
}

// forged is changed on the way, or signed by an unknown key in the name of a known one.
func (k *maker) forged() bool {
	if !k.isSigned() {
		return false
	}
	switch k.random.IntN(3) {
	case 0:
		k.answer(k.world.stranger)
		return k.as("signed by a stranger")
	case 1:
		raw, err := base64.StdEncoding.DecodeString(k.Header.Get("Wechatpay-Signature"))
		if err != nil {
			return false
		}
		raw[k.between(1, len(raw)-1)] ^= byte(k.between(1, 255))
		k.Header.Set("Wechatpay-Signature", base64.StdEncoding.EncodeToString(raw))
		return k.as("a byte of the signature is another")
	default:
		if k.Status == http.StatusNoContent || !bytes.ContainsAny(k.Body, digits) {
			return false
		}
		k.Also = []string{"reply-header-changed"} // a digest does not say which line is unknown
		sent := k.Body
		k.Body = []byte(k.alter(string(sent)))
		return !bytes.Equal(sent, k.Body) && k.as("%q", k.Body)
	}
}

// rewrittenSignature writes a right signature in another way.
func (k *maker) rewrittenSignature() bool {
	right := k.Header.Get("Wechatpay-Signature")
	other := pick(k, []string{
		strings.ReplaceAll(right, "+", " "), strings.TrimRight(right, "="), strings.NewReplacer("+", "-", "/", "_").Replace(right),
		url.QueryEscape(right), `"` + right + `"`,
	})
	k.Header.Set("Wechatpay-Signature", other)
	return k.isSigned() && other != right && k.as("%s", other)
}

// replyKeyV2 verifies with a key that did not sign: the other API's, another merchant's, one with
// white space.
func (k *maker) replyKeyV2() bool {
	if value(k.document(), "sign") == "" {
		return false
	}
	keys := &k.Keys
	switch k.random.IntN(4) {
	case 0:
		keys.V2Key, keys.V3Key = keys.V3Key, keys.V2Key
		return k.as("the keys are interchanged")
	case 1:
		other := &k.Keys.Others[0]
		keys.V2Key, other.V2Key = other.V2Key, keys.V2Key
		return k.as("the key is another merchant's")
	case 2:
		keys.V2Key += pick(k, []string{" ", "\n", "\r\n", "\t"})
		return k.as("the key is %q", keys.V2Key)
	default:
		doc := k.anewV2()
		k.setDocument(with(doc, "sign", rightSign(doc, k.world.V3Key)))
		return k.as("signed with the APIv3 key")
	}
}

// replyEmptyV2 counts empty elements as signed, or leaves out what is new to it.
func (k *maker) replyEmptyV2() bool {
	doc := k.anewV2()
	if value(doc, "sign") == "" {
		return false
	}
	if k.coin() {
		doc = with(doc, pick(k, []string{"device_info", "attach", "err_code", "result_msg"}), "")
		return k.signed(doc, k.sum(doc, inOrder(sorted(without(doc, "sign")))))
	}
	more := pick(k, []string{"promotion_id", "version", "is_raw", "settlement_total_fee", "consume_fee"})
	sign := rightSign(doc, k.world.V2Key)
	return k.signed(with(doc, more, k.text(digits, 3)), sign)
}

// replyTypeV2 is signed in another way than it says.
func (k *maker) replyTypeV2() bool {
	doc := k.anewV2()
	if value(doc, "sign") == "" {
		return false
	}
	asked, done := signMD5, signHMAC
	if k.coin() {
		asked, done = done, asked
	}
	doc = with(doc, "sign_type", asked)
	return k.signed(doc, digestV2(joined(doc)+"&key="+k.world.V2Key, k.world.V2Key, done))
}

var resourceMember = regexp.MustCompile(`"(ciphertext|associated_data|nonce)":"([^"]*)"`)
