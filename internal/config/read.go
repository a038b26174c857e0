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
	if key := c.V3.Key.Reveal(); key != "" && key == c.V2.Key.Reveal() {
		faults = append(faults, Fault{
			Variable: nameV3Key, Problem: "is the same as " + nameV2Key,
			Remedy: "give the APIv3 key (APIv3密钥) here and the APIv2 key (API密钥) there: they are two keys of the merchant account",
		})
	}
	if c.BackupURL != "" && c.BackupURL == c.BaseURL {
		faults = append(faults, Fault{
			Variable: nameBackupURL, Problem: "is the same as " + nameBaseURL, Remedy: "give another address, or leave it out",
		})
	}
	return faults
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
