package config

import (
	"encoding/pem"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
)

// Limits of values. What becomes a header is bounded even where WeChat Pay documents no length.
const (
	// maxID is for merchant numbers and appids.
	maxID = 32
	// maxSerialNo is hex digits of 20 bytes, the most in RFC 5280 §4.1.2.2.
	maxSerialNo = 40
	// maxPublicKeyID leaves room: the ids have 45 bytes in 2026.
	maxPublicKeyID = 64
	// keyLength is that of the APIv2 and of the APIv3 key.
	keyLength = 32
	// minToken letters and digits have 95 bits, too many to guess over a network.
	minToken = 16
	maxToken = 256
	// maxTokens allows for the old token and the new one during a rotation.
	maxTokens = 2
	maxClaim  = 256

	publicKeyIDPrefix = "PUB_KEY_ID_"
)

// Kinds of characters, as faults name them.
var (
	lettersOrDigits = bilingual.New("letter or digit", "字母或数字")
	visibleChars    = bilingual.New("printable ASCII character other than a space", "空格以外可打印的 ASCII 字符")
)

// wrongEntry is the problem of one entry in a list.
func wrongEntry(i int, problem bilingual.Text) bilingual.Text {
	return bilingual.Sprintf("is wrong in entry %d: it %s", "第 %d 项有误：%s", i+1, problem)
}

// sameAs is the problem of a value that stands in another variable as well.
func sameAs(name string) bilingual.Text {
	return bilingual.New("is the same as "+name, "与 "+name+" 相同")
}

// word completes the row of a variable with a closed list of values: the README's column, the
// remedy unless the row has one, and the check. keep stores one of words.
func word(row variable, keep func(c *Config, value string), words ...string) variable {
	row.values = "`" + listed(words, "`, `", "` or `") + "`"
	if row.remedy == (bilingual.Text{}) {
		row.remedy = bilingual.Sprintf("give %s", "请填 %s", bilingual.New(listed(words, ", ", " or "), listed(words, "、", " 或 ")))
		if row.initial == "" {
			row.remedy = bilingual.Sprintf("%s, or leave it out", "%s，或不设置", row.remedy)
		}
	}
	row.read = func(c *Config, value string) *Fault {
		if !slices.Contains(words, value) {
			return &Fault{Problem: bilingual.New("is not one of the accepted words", "不是可接受的取值")}
		}
		keep(c, value)
		return nil
	}
	return row
}

// listed joins words, the last one by or.
func listed(words []string, comma, or string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], comma) + or + words[last]
}

// merchantNumber reads a merchant number. It needs the region, which stands before it in the table.
func merchantNumber(field func(c *Config) *string) func(*Config, string) *Fault {
	return func(c *Config, value string) *Fault {
		*field(c) = value
		return checkNumber(c, value)
	}
}

// checkNumber checks a merchant number: 1 to 32 digits, overseas letters as well.
func checkNumber(c *Config, value string) *Fault {
	if c.Region == order.Mainland {
		return checkChars(value, maxID, bilingual.New("digit", "数字"), isDigit)
	}
	return checkChars(value, maxID, lettersOrDigits, isAlphanumeric)
}

// alphanumeric reads an appid: 1 to 32 letters and digits.
func alphanumeric(field func(c *Config) *string) func(*Config, string) *Fault {
	return func(c *Config, value string) *Fault {
		*field(c) = value
		return checkChars(value, maxID, lettersOrDigits, isAlphanumeric)
	}
}

// readAppIDs reads a list of appids.
func readAppIDs(c *Config, value string) *Fault {
	for i, entry := range strings.Split(value, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			return &Fault{Problem: bilingual.Sprintf("has nothing as entry %d", "第 %d 项为空", i+1)}
		}
		if fault := checkChars(entry, maxID, lettersOrDigits, isAlphanumeric); fault != nil {
			return &Fault{Problem: wrongEntry(i, fault.Problem)}
		}
		c.AppIDs = append(c.AppIDs, entry)
	}
	return nil
}

// readSubMchIDs reads a list of merchant numbers. The entries before a faulty one are kept, so that
// contradictions with other variables are still found.
func readSubMchIDs(c *Config, value string) *Fault {
	for i, entry := range strings.Split(value, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			return &Fault{Problem: bilingual.Sprintf("has nothing as entry %d", "第 %d 项为空", i+1)}
		}
		if fault := checkNumber(c, entry); fault != nil {
			return &Fault{Problem: wrongEntry(i, fault.Problem)}
		}
		c.SubMchIDs = append(c.SubMchIDs, entry)
	}
	return nil
}

// readV2Key reads the APIv2 key.
func readV2Key(c *Config, value string) *Fault { return readKey(&c.V2.Key, value) }

// readV3Key reads the APIv3 key.
func readV3Key(c *Config, value string) *Fault { return readKey(&c.V3.Key, value) }

// readKey reads one of the two keys that are set in the merchant platform. Both have the same form,
// so that a mix-up only shows when WeChat Pay refuses the signature.
func readKey(field *Secret, value string) *Fault {
	if length := len(value); length != keyLength {
		return &Fault{Problem: bilingual.Sprintf("has %d bytes instead of %d", "有 %d 字节，应为 %d 字节", length, keyLength)}
	}
	*field = NewSecret(value)
	return checkChars(value, keyLength, lettersOrDigits, isAlphanumeric)
}

// tokens reads one token, or two with spaces between.
func tokens(field func(c *Config) *[]Secret) func(*Config, string) *Fault {
	return func(c *Config, value string) *Fault {
		given := strings.FieldsFunc(value, func(char rune) bool { return char == ' ' })
		if len(given) > maxTokens {
			return &Fault{Problem: bilingual.Sprintf("has %d values, more than %d", "有 %d 个值，超过 %d 个", len(given), maxTokens)}
		}
		var kept []Secret
		for i, text := range given {
			if fault := checkToken(text); fault != nil {
				return inValue(i, len(given), fault)
			}
			if slices.Contains(given[:i], text) {
				return &Fault{Problem: bilingual.New("has the same value twice", "两个值相同")}
			}
			kept = append(kept, NewSecret(text))
		}
		*field(c) = kept
		return nil
	}
}

// checkToken checks the form of one token. It must fit into a header, and be long enough to
// withstand guessing.
func checkToken(text string) *Fault {
	if length := len(text); length < minToken {
		return &Fault{Problem: bilingual.Sprintf("has %d bytes, less than %d", "有 %d 字节，少于 %d 字节", length, minToken)}
	}
	return checkChars(text, maxToken, visibleChars, isVisible)
}

// inValue says which of two values the fault is in.
func inValue(i, of int, fault *Fault) *Fault {
	if of > 1 {
		which := [maxTokens]bilingual.Text{bilingual.New("first", "第一个"), bilingual.New("second", "第二个")}[i]
		fault.Problem = bilingual.Sprintf("is wrong in its %s value: it %s", "其%s值有误：%s", which, fault.Problem)
	}
	return fault
}

// claimIs reads CLAIM=VALUE. The value may contain spaces: OAuth scopes are a list with spaces
// between.
func claimIs(field func(c *Config) *Authorizer) func(*Config, string) *Fault {
	return func(c *Config, value string) *Fault {
		claim, wanted, both := strings.Cut(value, "=")
		claim, wanted = strings.TrimSpace(claim), strings.TrimSpace(wanted)
		if !both || claim == "" || wanted == "" {
			return &Fault{Problem: bilingual.New("is not a claim and its value with = between", "不是以 = 相连的声明与取值")}
		}
		*field(c) = Authorizer{Claim: claim, Value: wanted}
		if fault := checkChars(claim, maxClaim, visibleChars, isVisible); fault != nil {
			return &Fault{Problem: bilingual.Sprintf("is wrong in its claim: it %s", "其声明有误：%s", fault.Problem)}
		}
		isPrintable := func(char byte) bool { return char == ' ' || isVisible(char) }
		if fault := checkChars(wanted, maxClaim, bilingual.New("printable ASCII character", "可打印的 ASCII 字符"), isPrintable); fault != nil {
			return &Fault{Problem: bilingual.Sprintf("is wrong in its value: it %s", "其取值有误：%s", fault.Problem)}
		}
		return nil
	}
}

// readOrigins reads a list of origins, or "*" alone.
func readOrigins(c *Config, value string) *Fault {
	entries := strings.Split(value, ",")
	for i, entry := range entries {
		entry = strings.TrimSpace(entry)
		// A list with * in it allows every origin, which the other entries hide.
		if entry == anyOrigin && len(entries) > 1 {
			return &Fault{Problem: bilingual.New("has * beside other origins", "中 * 与其他来源并列")}
		}
		if problem := checkOrigin(entry); entry != anyOrigin && problem != (bilingual.Text{}) {
			return &Fault{Problem: wrongEntry(i, problem)}
		}
		c.CORSOrigins = append(c.CORSOrigins, entry)
	}
	return nil
}

// anyOrigin is CORS's sign for every origin. By itself it is safe where callers authenticate with a
// token, which browsers do not send by themselves. Beside other origins it is a mistake, because it
// makes them meaningless.
const anyOrigin = "*"

// checkOrigin requires the form in which browsers send an origin (RFC 6454 §6.2), because origins
// are compared byte by byte. The result is empty if there is no fault.
func checkOrigin(origin string) bilingual.Text {
	address, err := url.Parse(origin)
	switch {
	case origin == "":
		return bilingual.New("is empty", "为空")
	case err != nil, address.Host == "", address.Hostname() == "":
		return bilingual.New("is not scheme://host or scheme://host:port", "不是 scheme://host 或 scheme://host:port")
	case address.Scheme != "https" && address.Scheme != "http":
		return bilingual.New("is neither https nor http", "既不是 https 也不是 http")
	case origin != address.Scheme+"://"+address.Host:
		return bilingual.New("has something beside scheme, host and port, or capitals", "含有协议、主机、端口以外的内容，或有大写字母")
	case checkChars(address.Host, len(origin), bilingual.Text{}, isHostChar) != nil:
		return bilingual.New("has a host in which something is neither a small letter, a digit, a dot nor a hyphen",
			"其主机名含有小写字母、数字、点、连字符以外的字符")
	case strings.HasSuffix(address.Host, ":"), address.Port() == defaultPorts[address.Scheme]:
		return bilingual.New("has a port that browsers leave out", "含有浏览器会省略的端口")
	}
	return bilingual.Text{}
}

// defaultPorts are the ports that browsers leave out of an origin.
var defaultPorts = map[string]string{"https": "443", "http": "80"}

// readSerialNo reads a serial number in hex. The id of WeChat Pay's public key is a common mistake
// there.
func readSerialNo(c *Config, value string) *Fault {
	if strings.HasPrefix(strings.ToUpper(value), publicKeyIDPrefix) {
		return &Fault{
			Problem: bilingual.New("is the id of WeChat Pay's public key, not a certificate's serial number", "是微信支付公钥ID，不是证书序列号"),
			Remedy: bilingual.Sprintf("put the PUB_KEY_ID_ into %s, and here the serial number of the merchant's own API certificate",
				"请将 PUB_KEY_ID_ 填入 %s，此处填商户API证书的序列号", namePublicKeyID),
		}
	}
	c.V3.SerialNo = strings.ToUpper(value)
	return checkChars(value, maxSerialNo, bilingual.New("hex digit", "十六进制数字"), isHexDigit)
}

// readPublicKeyID reads the id of WeChat Pay's public key. A certificate's serial number is a
// common mistake there.
func readPublicKeyID(c *Config, value string) *Fault {
	if len(value) <= maxSerialNo && checkChars(value, maxSerialNo, bilingual.Text{}, isHexDigit) == nil {
		return &Fault{Problem: bilingual.New("is a certificate's serial number, not a public key's id", "是证书序列号，不是公钥ID")}
	}
	if !strings.HasPrefix(value, publicKeyIDPrefix) || len(value) == len(publicKeyIDPrefix) {
		return &Fault{Problem: bilingual.New("does not start with PUB_KEY_ID_ and go on", "不是以 PUB_KEY_ID_ 开头的完整ID")}
	}
	c.V3.PublicKeyID = value
	return checkChars(value, maxPublicKeyID, bilingual.New("letter, digit or underscore", "字母、数字或下划线"), isWordChar)
}

// readPrivateKey reads apiclient_key.pem.
func readPrivateKey(c *Config, value string) *Fault {
	text, fault := readPEM(value, privateKeyBlocks)
	c.V3.PrivateKey = NewSecret(text)
	return fault
}

// readPublicKey reads pub_key.pem.
func readPublicKey(c *Config, value string) *Fault {
	text, fault := readPEM(value, publicKeyBlocks)
	c.V3.PublicKey = text
	return fault
}

// readRoots reads certificates. Whether they parse is found by internal/app.
func readRoots(c *Config, value string) *Fault {
	text, fault := pemText(value)
	if fault != nil {
		return fault
	}
	blocks, err := DecodePEM(text)
	if err != nil {
		return &Fault{Problem: bilingual.Wording(err)}
	}
	for _, block := range blocks {
		if block.Type != "CERTIFICATE" {
			return &Fault{Problem: bilingual.New("holds something other than certificates", "含有证书以外的内容")}
		}
		c.V3.Roots += string(pem.EncodeToMemory(block))
	}
	return nil
}

// readAddress reads the scheme and host of a server, with nothing after them. Plain http is
// accepted on loopback only.
func readAddress(field func(c *Config) *string) func(*Config, string) *Fault {
	return func(c *Config, value string) *Fault {
		address, err := url.Parse(value)
		if err != nil || address.Host == "" || address.Hostname() == "" {
			// The parser's message contains the value.
			return &Fault{Problem: bilingual.New("is not an address", "不是地址")}
		}
		beyondHost := address.User != nil || address.RawQuery != "" || address.ForceQuery || address.Fragment != "" ||
			strings.Trim(address.Path, "/") != "" || strings.HasSuffix(value, "#")
		switch {
		case beyondHost:
			return &Fault{Problem: bilingual.New("has a user, a path, a query or a fragment", "含有用户名、路径、查询串或片段")}
		// A trailing slash is dropped, because paths are appended.
		case address.Scheme == "https", address.Scheme == "http" && isLoopback(address.Hostname()):
			*field(c) = address.Scheme + "://" + address.Host
			return nil
		default:
			return &Fault{Problem: bilingual.New("is not https, and its host is not loopback", "不是 https，且主机不是回环地址")}
		}
	}
}

// readCloudRunURL accepts the one plain-HTTP address that exists on WeChat's private network,
// beside ordinary ones.
func readCloudRunURL(c *Config, value string) *Fault {
	// The address is plain http and not loopback, which readAddress refuses.
	if value == cloudRunURL {
		c.CloudRunURL = value
		return nil
	}
	return readAddress(func(c *Config) *string { return &c.CloudRunURL })(c, value)
}

// checkListenHost checks the address that internal/hosting reads by itself.
func checkListenHost(_ *Config, value string) *Fault {
	// A name would have to be resolved at each start, on networks of which some have no resolver.
	if _, err := netip.ParseAddr(value); err != nil {
		return &Fault{Problem: bilingual.New("is not an IP address", "不是 IP 地址")}
	}
	return nil
}

// contradictions checks the rules between variables.
func contradictions(c Config) []Fault {
	faults := append(contradictedMode(c), contradictedRegion(c)...)
	faults = append(faults, contradictedSecrets(c)...)
	if c.BackupURL != "" && c.BackupURL == c.BaseURL {
		faults = append(faults, Fault{
			Variable: nameBackupURL, Problem: sameAs(nameBaseURL), Remedy: bilingual.New("give another address, or leave it out", "请填另一个地址，或不设置"),
		})
	}
	return faults
}

// contradictedSecrets finds secrets that stand in two variables: knowing one would mean knowing the
// other. Each is compared with those before it, so that a pair is reported once.
func contradictedSecrets(c Config) []Fault {
	// Tokens can simply be made anew; WeChat Pay's keys cannot.
	another := bilingual.New("make one of its own: openssl rand -hex 32", "请另行生成：openssl rand -hex 32")
	secrets := []struct {
		name   string
		remedy bilingual.Text
		values []Secret
	}{
		{nameV2Key, bilingual.Text{}, []Secret{c.V2.Key}},
		{
			nameV3Key,
			bilingual.New(
				"give the APIv3 key (APIv3密钥) here and the APIv2 key (API密钥) there: they are two keys of the merchant account",
				"此处填 APIv3密钥，另一处填 APIv2 密钥（API密钥）：二者是商户账号的两个密钥"),
			[]Secret{c.V3.Key},
		},
		{nameServiceToken, another, c.ServiceTokens},
		{nameHTTPToken, another, c.HTTPTokens},
		{nameTimerToken, another, c.TimerTokens},
		{nameMetricsToken, another, c.MetricsTokens},
		{nameNotifyKey, another, c.NotifyKeys},
	}
	var faults []Fault
	for i, secret := range secrets {
		for _, before := range secrets[:i] {
			if shareText(secret.values, before.values) {
				faults = append(faults, Fault{
					Variable: secret.name, Problem: sharedWith(before.name, secret.values, before.values), Remedy: secret.remedy,
				})
				break
			}
		}
	}
	return faults
}

// shareText reports whether both lists contain the same text, other than the empty one.
func shareText(some, others []Secret) bool {
	return slices.ContainsFunc(some, func(secret Secret) bool {
		text := secret.Reveal()
		return text != "" && slices.ContainsFunc(others, func(other Secret) bool { return other.Reveal() == text })
	})
}

// sharedWith is the problem of a value in two variables. If one has two values, only one of them
// need be the same.
func sharedWith(name string, some, others []Secret) bilingual.Text {
	if len(some) > 1 || len(others) > 1 {
		return bilingual.New("has a value that is also in "+name, "有一个值与 "+name+" 中的相同")
	}
	return sameAs(name)
}

// contradictedRegion refuses WeChat cloud hosting for overseas merchants.
func contradictedRegion(c Config) []Fault {
	if c.Region == order.Mainland || c.API != order.WXCloudRun {
		return nil
	}
	return []Fault{{
		Variable: "WXPAY_REGION",
		Problem:  bilingual.New("is overseas, and WeChat cloud hosting is on the mainland", "是境外，而微信云托管在境内"),
		Remedy:   bilingual.New("leave it out", "请去掉"),
	}}
}

// contradictedMode checks the sub-merchant variables: a partner's default must be allowed, and a
// direct merchant has none.
func contradictedMode(c Config) []Fault {
	if c.Partner {
		if len(c.SubMchIDs) > 0 && c.SubMchID != "" && !slices.Contains(c.SubMchIDs, c.SubMchID) {
			return []Fault{{
				Variable: nameSubMchID,
				Problem:  bilingual.New("is not in the allow-list "+nameSubMchIDs, "不在允许名单 "+nameSubMchIDs+" 中"),
				Remedy:   bilingual.New("add it there", "请加入其中"),
			}}
		}
		return nil
	}
	var faults []Fault
	for _, given := range []struct {
		name string
		is   bool
	}{
		{nameSubMchID, c.SubMchID != ""},
		{nameSubAppID, c.SubAppID != ""},
		{nameSubMchIDs, len(c.SubMchIDs) > 0},
	} {
		if given.is {
			faults = append(faults, Fault{
				Variable: given.name,
				Problem:  bilingual.New("is set, but the mode is direct", "已设置，但当前是直连商户模式"),
				Remedy: bilingual.New("set "+nameMode+"=partner if you are a service provider, else remove it",
					"若为服务商请设置 "+nameMode+"=partner，否则请去掉"),
			})
		}
	}
	return faults
}

// checkChars finds the first byte that value must not contain. The fault has its position and not
// the byte, because values are never printed.
func checkChars(value string, longest int, wanted bilingual.Text, allowed func(char byte) bool) *Fault {
	if len(value) > longest {
		return &Fault{Problem: bilingual.Sprintf("has %d bytes, more than %d", "有 %d 字节，超过 %d 字节", len(value), longest)}
	}
	for i := range len(value) {
		if !allowed(value[i]) {
			return &Fault{Problem: bilingual.Sprintf("has no %s at position %d", "须为%s，第 %d 位不是", wanted, i+1)}
		}
	}
	return nil
}

func isDigit(char byte) bool { return '0' <= char && char <= '9' }

func isAlphanumeric(char byte) bool {
	return isDigit(char) || 'a' <= char && char <= 'z' || 'A' <= char && char <= 'Z'
}

func isHexDigit(char byte) bool {
	return isDigit(char) || 'a' <= char && char <= 'f' || 'A' <= char && char <= 'F'
}

// isVisible accepts RFC 5234's VCHAR: printable ASCII without the space.
func isVisible(char byte) bool { return '!' <= char && char <= '~' }

// isHostChar accepts the characters of a name, an address in brackets, and a port, as browsers
// write them.
func isHostChar(char byte) bool {
	return isDigit(char) || 'a' <= char && char <= 'z' || strings.IndexByte("-._:[]", char) >= 0
}

func isWordChar(char byte) bool { return isAlphanumeric(char) || char == '_' }

// isLoopback reports whether a host can only be this machine. Names are not resolved; RFC 6761 §6.3
// reserves localhost.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
