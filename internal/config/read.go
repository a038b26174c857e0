package config

import (
	"encoding/pem"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

const (
	maxID          = 32 // merchant numbers and appids
	maxSerialNo    = 40 // hex digits of a 20-byte serial number, the longest that RFC 5280 §4.1.2.2 allows
	maxPublicKeyID = 64 // 45 at the time of writing; it becomes a header, so it is not left open
	keyLength      = 32
	minToken       = 16  // 16 letters and digits hold 95 bits: more than anybody guesses over a network
	maxToken       = 256 // it becomes a header, so it is not left open
	maxTokens      = 2   // the old one and the new one, while callers change over
	maxClaim       = 256

	publicKeyIDPrefix = "PUB_KEY_ID_"
)

// oneOf reads a word out of a closed list.
func oneOf(keep func(c *Config, value string), words ...string) func(*Config, string) *Fault {
	return func(c *Config, value string) *Fault {
		if !slices.Contains(words, value) {
			return &Fault{Problem: "is not one of the accepted words"}
		}
		keep(c, value)
		return nil
	}
}

// merchantNumber reads a merchant number: digits, 1 to 32 of them, and overseas letters too. The region stands before it in
// the table.
func merchantNumber(field func(c *Config) *string) func(*Config, string) *Fault {
	return func(c *Config, value string) *Fault {
		*field(c) = value
		return checkNumber(c, value)
	}
}

func checkNumber(c *Config, value string) *Fault {
	if c.Region == Mainland {
		return checkChars(value, maxID, "digit", isDigit)
	}
	return checkChars(value, maxID, "letter or digit", isAlphanumeric)
}

// alphanumeric reads an appid: letters and digits, 1 to 32 of them.
func alphanumeric(field func(c *Config) *string) func(*Config, string) *Fault {
	return func(c *Config, value string) *Fault {
		*field(c) = value
		return checkChars(value, maxID, "letter or digit", isAlphanumeric)
	}
}

func readSubMchIDs(c *Config, value string) *Fault {
	for i, entry := range strings.Split(value, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			return &Fault{Problem: fmt.Sprintf("has nothing as entry %d", i+1)}
		}
		if fault := checkNumber(c, entry); fault != nil {
			return &Fault{Problem: fmt.Sprintf("is wrong in entry %d: it %s", i+1, fault.Problem)}
		}
		c.SubMchIDs = append(c.SubMchIDs, entry)
	}
	return nil
}

func readV2Key(c *Config, value string) *Fault { return readKey(&c.V2.Key, value) }

func readV3Key(c *Config, value string) *Fault { return readKey(&c.V3.Key, value) }

// readKey reads one of the two keys that are set in the merchant platform; they look alike.
func readKey(field *Secret, value string) *Fault {
	if length := len(value); length != keyLength {
		return &Fault{Problem: fmt.Sprintf("has %d bytes instead of %d", length, keyLength)}
	}
	*field = NewSecret(value)
	return checkChars(value, keyLength, "letter or digit", isAlphanumeric)
}

// token reads one secret that proves a sender.
func token(field func(c *Config) *Secret) func(*Config, string) *Fault {
	return func(c *Config, value string) *Fault {
		if fault := checkToken(value); fault != nil {
			return fault
		}
		*field(c) = NewSecret(value)
		return nil
	}
}

// tokens reads what callers prove themselves with: one token, or two with spaces between.
func tokens(field func(c *Config) *[]Secret) func(*Config, string) *Fault {
	return func(c *Config, value string) *Fault {
		given := strings.FieldsFunc(value, func(char rune) bool { return char == ' ' })
		if len(given) > maxTokens {
			return &Fault{Problem: fmt.Sprintf("has %d values, more than %d", len(given), maxTokens)}
		}
		var kept []Secret
		for i, text := range given {
			if fault := checkToken(text); fault != nil {
				return inValue(i, len(given), fault)
			}
			if slices.Contains(given[:i], text) {
				return &Fault{Problem: "has the same value twice"}
			}
			kept = append(kept, NewSecret(text))
		}
		*field(c) = kept
		return nil
	}
}

func checkToken(text string) *Fault {
	if length := len(text); length < minToken {
		return &Fault{Problem: fmt.Sprintf("has %d bytes, less than %d", length, minToken)}
	}
	return checkChars(text, maxToken, "printable ASCII character other than a space", isVisible)
}

// inValue names the value that a fault is in, where there are two.
func inValue(i, of int, fault *Fault) *Fault {
	if of > 1 {
		fault.Problem = fmt.Sprintf("is wrong in its %s value: it %s", [maxTokens]string{"first", "second"}[i], fault.Problem)
	}
	return fault
}

func readAuthorizer(c *Config, value string) *Fault {
	claim, wanted, both := strings.Cut(value, "=")
	claim, wanted = strings.TrimSpace(claim), strings.TrimSpace(wanted)
	if !both || claim == "" || wanted == "" {
		return &Fault{Problem: "is not a claim and its value with = between"}
	}
	c.HTTPAuthorizer = Authorizer{Claim: claim, Value: wanted}
	if fault := checkChars(claim, maxClaim, "printable ASCII character other than a space", isVisible); fault != nil {
		return &Fault{Problem: "is wrong in its claim: it " + fault.Problem}
	}
	isPrintable := func(char byte) bool { return char == ' ' || isVisible(char) } // scopes are a list with spaces between
	if fault := checkChars(wanted, maxClaim, "printable ASCII character", isPrintable); fault != nil {
		return &Fault{Problem: "is wrong in its value: it " + fault.Problem}
	}
	return nil
}

func readOrigins(c *Config, value string) *Fault {
	entries := strings.Split(value, ",")
	for i, entry := range entries {
		entry = strings.TrimSpace(entry)
		if entry == anyOrigin && len(entries) > 1 {
			return &Fault{Problem: "has * beside other origins"}
		}
		if problem := checkOrigin(entry); entry != anyOrigin && problem != "" {
			return &Fault{Problem: fmt.Sprintf("is wrong in entry %d: it %s", i+1, problem)}
		}
		c.CORSOrigins = append(c.CORSOrigins, entry)
	}
	return nil
}

// anyOrigin is CORS's word for every origin. It is no danger by itself where callers prove themselves with a token that
// browsers do not send on their own; beside other origins it would make them meaningless, and be a mistake.
const anyOrigin = "*"

// checkOrigin holds an origin to the form in which browsers send it (RFC 6454 §6.2), since it is compared byte by byte.
func checkOrigin(origin string) string {
	address, err := url.Parse(origin)
	switch {
	case origin == "":
		return "is empty"
	case err != nil, address.Host == "", address.Hostname() == "":
		return "is not scheme://host or scheme://host:port"
	case address.Scheme != "https" && address.Scheme != "http":
		return "is neither https nor http"
	case origin != address.Scheme+"://"+address.Host:
		return "has something beside scheme, host and port, or capitals"
	case checkChars(address.Host, len(origin), "", isHostChar) != nil:
		return "has a host in which something is neither a small letter, a digit, a dot nor a hyphen"
	case strings.HasSuffix(address.Host, ":"), address.Port() == defaultPorts[address.Scheme]:
		return "has a port that browsers leave out"
	}
	return ""
}

var defaultPorts = map[string]string{"https": "443", "http": "80"}

func readSerialNo(c *Config, value string) *Fault {
	if strings.HasPrefix(strings.ToUpper(value), publicKeyIDPrefix) {
		return &Fault{
			Problem: "is the id of WeChat Pay's public key, not a certificate's serial number",
			Remedy: "put the PUB_KEY_ID_ into " + namePublicKeyID +
				", and here the serial number of the merchant's own API certificate",
		}
	}
	c.V3.SerialNo = strings.ToUpper(value)
	return checkChars(value, maxSerialNo, "hex digit", isHexDigit)
}

func readPublicKeyID(c *Config, value string) *Fault {
	if !strings.HasPrefix(value, publicKeyIDPrefix) || len(value) == len(publicKeyIDPrefix) {
		return &Fault{Problem: "does not start with PUB_KEY_ID_ and go on"}
	}
	c.V3.PublicKeyID = value
	return checkChars(value, maxPublicKeyID, "letter, digit or underscore", isWordChar)
}

func readPrivateKey(c *Config, value string) *Fault {
	text, fault := readPEM(value, privateKeyBlocks)
	c.V3.PrivateKey = NewSecret(text)
	return fault
}

func readPublicKey(c *Config, value string) *Fault {
	text, fault := readPEM(value, publicKeyBlocks)
	c.V3.PublicKey = text
	return fault
}

func readRoots(c *Config, value string) *Fault {
	text, fault := pemText(value)
	if fault != nil {
		return fault
	}
	c.V3.Roots = string(text)
	for rest, n := text, 0; ; n++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if n == 0 {
				return &Fault{Problem: "holds no whole PEM block, from its BEGIN line to its END line"}
			}
			return nil
		}
		if block.Type != "CERTIFICATE" {
			return &Fault{Problem: "holds something other than certificates"}
		}
	}
}

// readAddress reads where a server is: its scheme and host, and nothing after them.
func readAddress(field func(c *Config) *string) func(*Config, string) *Fault {
	return func(c *Config, value string) *Fault {
		address, err := url.Parse(value)
		if err != nil || address.Host == "" || address.Hostname() == "" {
			return &Fault{Problem: "is not an address"} // the parser's own words would repeat the value
		}
		beyondHost := address.User != nil || address.RawQuery != "" || address.ForceQuery || address.Fragment != "" ||
			strings.Trim(address.Path, "/") != "" || strings.HasSuffix(value, "#")
		switch {
		case beyondHost:
			return &Fault{Problem: "has a user, a path, a query or a fragment"}
		case address.Scheme == "https", address.Scheme == "http" && isLoopback(address.Hostname()):
			*field(c) = address.Scheme + "://" + address.Host
			return nil
		default:
			return &Fault{Problem: "is not https, and its host is not loopback"}
		}
	}
}

func readCloudRunURL(c *Config, value string) *Fault {
	if value == cloudRunURL {
		c.CloudRunURL = value
		return nil
	}
	return readAddress(func(c *Config) *string { return &c.CloudRunURL })(c, value)
}

func checkListenHost(_ *Config, value string) *Fault {
	if _, err := netip.ParseAddr(value); err != nil {
		return &Fault{Problem: "is not an IP address"}
	}
	return nil
}

// contradictions holds the rules between variables.
func contradictions(c Config) []Fault {
	faults := append(contradictedMode(c), contradictedRegion(c)...)
	faults = append(faults, contradictedSecrets(c)...)
	if c.BackupURL != "" && c.BackupURL == c.BaseURL {
		faults = append(faults, Fault{
			Variable: nameBackupURL, Problem: "is the same as " + nameBaseURL, Remedy: "give another address, or leave it out",
		})
	}
	return faults
}

// contradictedSecrets finds secrets that stand in two places: whoever is told the one would know the other.
func contradictedSecrets(c Config) []Fault {
	const another = "make one of its own: openssl rand -hex 32"
	secrets := []struct {
		name, remedy string
		values       []Secret
	}{
		{nameV2Key, "", []Secret{c.V2.Key}},
		{
			nameV3Key,
			"give the APIv3 key (APIv3密钥) here and the APIv2 key (API密钥) there: they are two keys of the merchant account",
			[]Secret{c.V3.Key},
		},
		{nameServiceToken, another, c.ServiceTokens},
		{nameHTTPToken, another, c.HTTPTokens},
		{nameTimerToken, another, c.TimerTokens},
		{nameNotifyKey, another, []Secret{c.NotifyKey}},
	}
	var faults []Fault
	for i, secret := range secrets {
		for _, before := range secrets[:i] {
			if shareText(secret.values, before.values) {
				faults = append(faults, Fault{
					Variable: secret.name, Problem: sameAs(secret.values, before.values) + before.name, Remedy: secret.remedy,
				})
				break
			}
		}
	}
	return faults
}

// shareText reports whether some text, not the empty one, is among both.
func shareText(some, others []Secret) bool {
	return slices.ContainsFunc(some, func(secret Secret) bool {
		text := secret.Reveal()
		return text != "" && slices.ContainsFunc(others, func(other Secret) bool { return other.Reveal() == text })
	})
}

// sameAs is how the fault begins: of two values only one need be the same.
func sameAs(some, others []Secret) string {
	if len(some) > 1 || len(others) > 1 {
		return "has a value that is also in "
	}
	return "is the same as "
}

func contradictedRegion(c Config) []Fault {
	if c.Region == Mainland || c.API != WXCloudRun {
		return nil
	}
	return []Fault{{
		Variable: "WXPAY_REGION", Problem: "is overseas, and WeChat cloud hosting is on the mainland", Remedy: "leave it out",
	}}
}

func contradictedMode(c Config) []Fault {
	if c.Mode == Partner {
		if len(c.SubMchIDs) > 0 && c.SubMchID != "" && !slices.Contains(c.SubMchIDs, c.SubMchID) {
			return []Fault{{
				Variable: nameSubMchID, Problem: "is not in the allow-list " + nameSubMchIDs, Remedy: "add it there",
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
				Problem:  "is set, but the mode is direct",
				Remedy:   "set " + nameMode + "=partner if you are a service provider, else remove it",
			})
		}
	}
	return faults
}

// checkChars finds the first byte that may not be in value. It tells the place, not the byte, since no value is printed.
func checkChars(value string, longest int, wanted string, allowed func(char byte) bool) *Fault {
	if len(value) > longest {
		return &Fault{Problem: fmt.Sprintf("has %d bytes, more than %d", len(value), longest)}
	}
	for i := range len(value) {
		if !allowed(value[i]) {
			return &Fault{Problem: fmt.Sprintf("has no %s at position %d", wanted, i+1)}
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

// isVisible tells the characters of RFC 5234's VCHAR: printable ASCII but the space.
func isVisible(char byte) bool { return '!' <= char && char <= '~' }

// isHostChar tells the characters of a name, an address with its brackets, and a port, as browsers write them.
func isHostChar(char byte) bool {
	return isDigit(char) || 'a' <= char && char <= 'z' || strings.IndexByte("-._:[]", char) >= 0
}

func isWordChar(char byte) bool { return isAlphanumeric(char) || char == '_' }

// isLoopback tells whether a host can only be this machine. Names are not looked up: localhost is the one that RFC 6761
// §6.3 keeps for it.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
