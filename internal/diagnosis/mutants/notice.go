package mutants

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// notices are mistakes of notifications of APIv3, in their signature and in what is encrypted.
var notices = []mutator{
	{"notice-body-parsed", NotificationV3, func(k *maker) bool {
		made := k.parsed()
		if len(k.Also) > 0 && k.Also[0] == "reply-other" {
			return false // the members' order is lost, and nothing can tell it
		}
		return made
	}},
	{"notice-header-changed", NotificationV3, (*maker).changedHeader},
	{"notice-v3-key", NotificationV3, (*maker).noticeKey},
	{"notice-associated-data", NotificationV3, (*maker).noticeData},
	{"notice-nonce", NotificationV3, (*maker).noticeNonce},
	{"notice-ciphertext", NotificationV3, (*maker).noticeCiphertext},
	{"notice-key-kind", NotificationV3, (*maker).otherKind},
	{"reply-merchant-certificate", NotificationV3, (*maker).merchantCertificate},
	{"reply-serial-unknown", NotificationV3, (*maker).unknownSerial},
	{"reply-clock", NotificationV3, (*maker).lateReply},
	{"reply-probe", NotificationV3, (*maker).probe},
}

// noticesV2 are mistakes of the notifications of refunds in APIv2, which are encrypted and not
// signed.
var noticesV2 = []mutator{
	{"notice-v2-req-info", NotificationV2, (*maker).requestInfo},
	{"notice-ciphertext", NotificationV2, (*maker).requestInfoText},
}

// members are those of a notification's resource that can be wrong.
func (k *maker) members() map[string]string {
	found := map[string]string{}
	for _, member := range resourceMember.FindAllStringSubmatch(string(k.Body), -1) {
		found[member[1]] = member[2]
	}
	return found
}

// setMember writes a member of the resource, and signs the notification.
func (k *maker) setMember(name, value string) {
	k.Body = []byte(strings.Replace(string(k.Body), `"`+name+`":"`+k.members()[name]+`"`, `"`+name+`":"`+value+`"`, 1))
	k.answer(k.signer().Key)
}

// gcm is the cipher of APIv3's notifications, under a key of 32 bytes.
func gcm(key string) (cipher.AEAD, error) {
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// plain is what the notification tells.
func (k *maker) plain() []byte {
	resource := k.members()
	raw, err := base64.StdEncoding.DecodeString(resource["ciphertext"])
	if err != nil {
		return nil
	}
	opener, err := gcm(k.world.V3Key)
	if err != nil {
		return nil
	}
	plain, err := opener.Open(nil, []byte(resource["nonce"]), raw, []byte(resource["associated_data"]))
	if err != nil {
		return nil
	}
	return plain
}

// encrypt encrypts what the notification tells.
func (k *maker) encrypt(nonce, data string) string {
	sealer, err := gcm(k.world.V3Key)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(sealer.Seal(nil, []byte(nonce), k.plain(), []byte(data)))
}

// noticeKey decrypts with a key that is not the one that it was encrypted with.
func (k *maker) noticeKey() bool {
	keys := &k.Keys
	switch k.random.IntN(6) {
	case 0:
		keys.V2Key, keys.V3Key = keys.V3Key, keys.V2Key
		return k.as("the keys are interchanged")
	case 1:
		other := &k.Keys.Others[0]
		keys.V3Key, other.V3Key = other.V3Key, keys.V3Key
		return k.as("the key is another merchant's")
	case 2:
		keys.V3Key += pick(k, []string{" ", "\n", "\r\n", "\t"})
		return k.as("the key is %q", keys.V3Key)
	case 3:
		keys.V3Key = pick(k, []string{strings.ToUpper(keys.V3Key), strings.ToLower(keys.V3Key), keys.V3Key[:31]})
		return k.as("the key is %q", keys.V3Key)
	case 4:
		keys.V3Key = pick(k, []string{base64.StdEncoding.EncodeToString([]byte(keys.V3Key)), hex.EncodeToString([]byte(keys.V3Key))})
		return k.as("the key is %q", keys.V3Key)
	default:
		keys.V3Key = k.text(letters, 32)
		return k.as("the key is an older one")
	}
}

// noticeData names other associated data than it was encrypted with.
func (k *maker) noticeData() bool {
	resource := k.members()
	other := pick(k, []string{"", "", "transaction", "refund", "certificate", " ", "Transaction", "null"})
	if other == resource["associated_data"] {
		return false
	}
	if k.coin() {
		k.setMember("ciphertext", k.encrypt(resource["nonce"], other))
		return k.as("encrypted with %q", other)
	}
	k.setMember("associated_data", other)
	return k.as("sent %q", other)
}

// noticeNonce names another nonce than it was encrypted with.
func (k *maker) noticeNonce() bool {
	nonce := k.members()["nonce"]
	other := pick(k, []string{
		strings.ToUpper(nonce), strings.ToLower(nonce), nonce + " ", k.text(letters, 12), base64.StdEncoding.EncodeToString([]byte(nonce)),
	})
	if other == nonce {
		return false
	}
	k.setMember("nonce", other)
	return k.as("sent %q", other)
}

// noticeCiphertext cuts or changes the ciphertext.
func (k *maker) noticeCiphertext() bool {
	right := k.members()["ciphertext"]
	raw, err := base64.StdEncoding.DecodeString(right)
	if err != nil {
		return false
	}
	other := pick(k, []string{
		right[:len(right)-k.between(1, 40)], strings.ReplaceAll(right, "+", " "), base64.StdEncoding.EncodeToString(raw[:len(raw)-16]),
		strings.NewReplacer("+", "-", "/", "_").Replace(right), strings.TrimRight(right, "="), hex.EncodeToString(raw),
		base64.StdEncoding.EncodeToString([]byte(right)), "",
	})
	if other == right {
		return false
	}
	k.setMember("ciphertext", other)
	return k.as("sent %q", other)
}

// requestInfo encrypts a refund's req_info, or decrypts it, with another key than the MD5 of the
// APIv2 key in small letters (doc v2/merchant 4011985441).
func (k *maker) requestInfo() bool {
	doc := k.document()
	right := value(doc, "req_info")
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
		sum := md5.Sum([]byte(k.world.V2Key))
		digest := hex.EncodeToString(sum[:])
		key := pick(k, []string{strings.ToUpper(digest), k.world.V2Key, k.world.V3Key})
		k.setDocument(with(doc, "req_info", k.reencrypt(right, digest, key)))
		return k.as("encrypted with another form of the key")
	default:
		keys.V2Key = pick(k, []string{keys.V2Key + "\n", keys.V2Key + " ", strings.ToUpper(keys.V2Key), k.text(letters, 32)})
		return k.as("the key is %q", keys.V2Key)
	}
}

// requestInfoText cuts or changes a refund's req_info.
func (k *maker) requestInfoText() bool {
	doc := k.document()
	right := value(doc, "req_info")
	changed := pick(k, []string{
		right[:len(right)-k.between(1, 30)], strings.ReplaceAll(right, "+", " "), strings.NewReplacer("+", "-", "/", "_").Replace(right),
	})
	k.setDocument(with(doc, "req_info", changed))
	return changed != right && k.as("req_info %q", changed)
}

// reencrypt takes a text of AES-ECB from one key to another.
func (k *maker) reencrypt(text, from, to string) string {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return ""
	}
	old, err := aes.NewCipher([]byte(from))
	if err != nil {
		return ""
	}
	other, err := aes.NewCipher([]byte(to))
	if err != nil {
		return ""
	}
	for at := 0; at+aes.BlockSize <= len(raw); at += aes.BlockSize {
		block := raw[at : at+aes.BlockSize]
		old.Decrypt(block, block)
		other.Encrypt(block, block)
	}
	return base64.StdEncoding.EncodeToString(raw)
}
