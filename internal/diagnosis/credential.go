package diagnosis

import (
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cause"
)

const (
	// schemeV3 begins every Authorization (pay.weixin.qq.com doc v3/merchant 4012365336).
	schemeV3 = "WECHATPAY2-SHA256-RSA2048"

	// publicKeyPrefix begins the id of WeChat Pay's public key.
	publicKeyPrefix = "PUB_KEY_ID_"

	// maxSkew is how far a timestamp may lie from the clock, either way (doc 4012072670).
	maxSkew = 5 * time.Minute

	// maxNonce is String(32) in the documents.
	maxNonce = 32
)

// credential is an Authorization header, taken apart.
type credential struct {
	mchID, nonce, timestamp, serial, signature string
}

// readCredential takes the one Authorization header apart. The finding is nil if it has the form.
func readCredential(header http.Header) (credential, *Finding) {
	headers := header.Values("Authorization")
	if len(headers) != 1 {
		wrong := detailed("v3-header-form", bilingual.Sprintf("there must be one Authorization header, not %d",
			"Authorization 请求头应有且只有一个，现在有 %d 个", len(headers)))
		return credential{}, &wrong
	}
	scheme, rest, _ := strings.Cut(headers[0], " ")
	if scheme != schemeV3 {
		wrong := known("v3-scheme")
		return credential{}, &wrong
	}
	c, fault := parseCredential(rest)
	if fault != (bilingual.Text{}) {
		wrong := detailed("v3-header-form", bilingual.Sprintf("Authorization: %s", "请求头 Authorization：%s", fault))
		return credential{}, &wrong
	}
	return c, nil
}

// credentialNames are the five fields of an Authorization header.
var credentialNames = []string{"mchid", "nonce_str", "timestamp", "serial_no", "signature"}

// parseCredential reads what stands behind the scheme: five name="value" pairs in any order, with
// commas between them. The fault is empty if they are all there once.
func parseCredential(text string) (c credential, fault bilingual.Text) {
	places := map[string]*string{
		"mchid": &c.mchID, "nonce_str": &c.nonce, "timestamp": &c.timestamp, "serial_no": &c.serial, "signature": &c.signature,
	}
	for pair := range strings.SplitSeq(text, ",") {
		name, quoted, found := strings.Cut(pair, "=")
		place, expected := places[name]
		switch {
		case !found:
			return c, bilingual.Sprintf(`%q is not a name="value" pair`, `%q 不是 名称="值" 的形式`, shortened(pair))
		case !expected:
			return c, bilingual.Sprintf("field %q is unknown or there twice; mchid, nonce_str, timestamp, serial_no and signature"+
				" must be there once each, with commas and no spaces between them",
				"字段 %q 未知或重复；mchid、nonce_str、timestamp、serial_no、signature 应各出现一次，用逗号分隔且不加空格", shortened(name))
		case !isQuoted(quoted):
			return c, bilingual.Sprintf("field %s must have a value, in double quotes", "字段 %s 应有值，并用英文双引号括起", name)
		}
		*place = quoted[1 : len(quoted)-1]
		delete(places, name)
	}
	for _, name := range credentialNames {
		if _, left := places[name]; left {
			return c, bilingual.Sprintf("field %s is missing", "缺少字段 %s", name)
		}
	}
	return c, bilingual.Text{}
}

// isQuoted reports whether a text is a value in double quotes: at least one character, and no quote
// among them. There is no escape for one (doc v3/merchant 4012365336).
func isQuoted(text string) bool {
	return len(text) >= 3 && text[0] == '"' && text[len(text)-1] == '"' && !strings.Contains(text[1:len(text)-1], `"`)
}

// shortened bounds a foreign text in a sentence.
func shortened(text string) string {
	const most = 64
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// check returns the first fault of the fields but the signature, in the order in which WeChat Pay
// checks them: merchant, serial number, time, nonce. nil: none was found.
func (c *credential) check(keys *Keys) *Finding {
	if keys.MchID != "" && c.mchID != keys.MchID {
		wrong := detailed("v3-mchid", bilingual.Sprintf("mchid in Authorization is %s, and the keys are those of merchant %s",
			"Authorization 中的 mchid 是 %s，而密钥属于商户 %s", shortened(c.mchID), keys.MchID))
		return &wrong
	}
	if id, why := c.serialFault(keys); id != "" {
		wrong := known(id)
		if keys.Serial != "" {
			wrong.Detail = bilingual.Sprintf("serial_no %q is not the serial number of merchant %s's API certificate, %s%s",
				"serial_no %q 不是商户 %s 的 API 证书的序列号 %s%s", shortened(c.serial), keys.MchID, keys.Serial, why)
		}
		return &wrong
	}
	if wrong := c.timeFault(keys.Now); wrong != nil {
		return wrong
	}
	if len(c.nonce) > maxNonce {
		wrong := detailed("v3-header-form", bilingual.Sprintf("nonce_str must be at most %d characters, not %d",
			"nonce_str 最多 %d 个字符，现在有 %d 个", maxNonce, len(c.nonce)))
		return &wrong
	}
	return nil
}

// serialFault returns why serial_no is not the merchant's, and in a clause whose or in what form it
// is. The ID is empty if it is right, or if nothing is known against it.
//
// A serial number is compared with WeChat Pay's keys before the forms of the merchant's: it is
// theirs even where the merchant's own is not known.
func (c *credential) serialFault(keys *Keys) (cause.ID, bilingual.Text) {
	own := keys.Serial
	if own != "" && c.serial == own {
		return "", bilingual.Text{}
	}
	isPlatform := func(key PlatformKey) bool { return key.Serial == c.serial }
	switch {
	case strings.HasPrefix(c.serial, publicKeyPrefix):
		return "v3-serial-platform", bilingual.New(": it is the id of WeChat Pay's public key, which belongs in Wechatpay-Serial",
			"：它是微信支付公钥 ID，应放在 Wechatpay-Serial 中")
	case slices.ContainsFunc(keys.Platform, isPlatform):
		return "v3-serial-platform", bilingual.New(": it is the platform certificate's, which belongs in Wechatpay-Serial",
			"：它是平台证书的序列号，应放在 Wechatpay-Serial 中")
	case own == "":
		return foreignForm(c.serial), bilingual.Text{}
	}
	if why := serialForm(c.serial, own); why != (bilingual.Text{}) {
		return "v3-serial-form", why
	}
	for _, other := range keys.Others {
		if c.serial == other.Serial {
			return "v3-serial-other", bilingual.Sprintf(": it is that of merchant %s", "：它属于商户 %s", other.MchID)
		}
	}
	return "v3-serial-other", bilingual.Text{}
}

// serialForm says in what other form a serial number is the merchant's own, empty if in none.
func serialForm(serial, own string) bilingual.Text {
	// keytool prints 0x and colons, Windows spaces, and a number may have lost its leading zeros
	plain := strings.TrimPrefix(strings.ToLower(serialMarks.Replace(serial)), "0x")
	switch {
	case strings.EqualFold(serial, own):
		return bilingual.New(": its digits must be in capitals", "：十六进制字母应为大写")
	case strings.EqualFold(strings.ReplaceAll(serial, ":", ""), own):
		return bilingual.New(": it must be without colons", "：不应带冒号")
	case strings.EqualFold(plain, own), strings.EqualFold(strings.TrimLeft(plain, "0"), strings.TrimLeft(own, "0")):
		return bilingual.New(": it must be hexadecimal digits alone, all of them", "：只应是完整的十六进制数字")
	}
	// Java's and Go's certificate types hold a number, which they print in decimal
	decimal, ok := new(big.Int).SetString(serial, 10)
	if hex, isHex := new(big.Int).SetString(own, 16); ok && isHex && hex.Cmp(decimal) == 0 {
		return bilingual.New(": it is in decimal and must be in hexadecimal", "：现在是十进制，应为十六进制")
	}
	return bilingual.Text{}
}

// serialMarks removes what tools print between the digits.
var serialMarks = strings.NewReplacer(":", "", " ", "", "-", "")

// foreignForm tells the forms that no serial number has, when the merchant's is not known.
func foreignForm(serial string) cause.ID {
	if strings.ContainsAny(serial, ": abcdef") || strings.HasPrefix(serial, "0x") {
		return "v3-serial-form"
	}
	return ""
}

// timeFault compares a timestamp with the clock, if there is one. It returns a timestamp's fault.
// Twelve digits or more count something smaller than seconds.
func (c *credential) timeFault(now time.Time) *Finding {
	const tooLong = 12
	seconds, err := strconv.ParseInt(c.timestamp, 10, 64)
	if err != nil {
		wrong := detailed("v3-header-form", bilingual.Sprintf("timestamp %q must be a whole number of seconds since 1970",
			"timestamp %q 应为自 1970 年起的整数秒", shortened(c.timestamp)))
		return &wrong
	}
	var skew bilingual.Text
	if !now.IsZero() {
		skew = skewOf(seconds - now.Unix())
	}
	switch {
	case len(c.timestamp) >= tooLong && skew == (bilingual.Text{}):
		wrong := known("v3-milliseconds")
		return &wrong
	case len(c.timestamp) >= tooLong:
		wrong := detailed("v3-milliseconds", bilingual.Sprintf("%s; it looks like milliseconds, and must be seconds",
			"%s；看起来是毫秒，应为秒", skew))
		return &wrong
	case skew != (bilingual.Text{}):
		wrong := detailed("v3-clock", skew)
		return &wrong
	default:
		return nil
	}
}

// skewOf says how far a timestamp lies from the clock, empty within what is allowed.
func skewOf(seconds int64) bilingual.Text {
	limit := int64(maxSkew / time.Second)
	switch {
	case seconds > limit:
		return bilingual.Sprintf("clock skew: the timestamp is %d seconds ahead of the gateway's clock; %d are allowed",
			"时钟偏差：timestamp 比网关时钟快 %d 秒；允许 %d 秒", seconds, limit)
	case seconds < -limit:
		return bilingual.Sprintf("clock skew: the timestamp is %d seconds behind the gateway's clock; %d are allowed",
			"时钟偏差：timestamp 比网关时钟慢 %d 秒；允许 %d 秒", -seconds, limit)
	default:
		return bilingual.Text{}
	}
}

// frontFault returns what the gateway's front refuses before it reads a signature. A header that
// holds little beside Authorization was not captured whole, and proves nothing.
func frontFault(header http.Header) *Finding {
	whole := false
	for name := range header {
		whole = whole || name != "Authorization" && name != "Content-Type" && name != "Wechatpay-Serial"
	}
	for _, needed := range []struct {
		name string
		id   cause.ID
	}{{"Accept", "v3-accept"}, {"User-Agent", "v3-user-agent"}} {
		if whole && header.Get(needed.name) == "" {
			wrong := known(needed.id)
			return &wrong
		}
	}
	return nil
}

// askedFault returns what is wrong with the key that a request asks the reply to be signed with. A
// serial number in the right form that is not known here may be a key that was not given: the
// finding is certain only for what cannot be one.
// nil: the header is absent, or names a known key, or nothing is known to compare it with.
func askedFault(header http.Header, keys *Keys) *Finding {
	asked := header.Get("Wechatpay-Serial")
	if asked == "" || slices.ContainsFunc(keys.Platform, func(key PlatformKey) bool { return key.Serial == asked }) {
		return nil
	}
	wrong := known("v3-wechatpay-serial")
	switch {
	case asked == keys.Serial:
		wrong.Detail = bilingual.New("Wechatpay-Serial is the merchant's own serial number: it must name a key of WeChat Pay",
			"Wechatpay-Serial 填的是商户自己的序列号：应填微信支付的密钥")
	case !strings.HasPrefix(asked, publicKeyPrefix) && !isSerial(asked):
		wrong.Detail = bilingual.Sprintf("Wechatpay-Serial %q is neither PUB_KEY_ID_ and digits nor a serial number of 40 hexadecimal digits",
			"Wechatpay-Serial %q 既不是 PUB_KEY_ID_ 加数字，也不是 40 位十六进制序列号", shortened(asked))
	case len(keys.Platform) == 0:
		return nil
	default: // it may be a key that was not given
		wrong.Certain = false
		wrong.Detail = bilingual.Sprintf("Wechatpay-Serial %s names none of the keys of WeChat Pay that are known here",
			"Wechatpay-Serial %s 不是这里已知的微信支付密钥", shortened(asked))
	}
	return &wrong
}

// isSerial reports whether a text is a serial number as certificates have it.
func isSerial(text string) bool {
	const digits = 40
	return len(text) == digits && strings.Trim(text, "0123456789ABCDEF") == ""
}
