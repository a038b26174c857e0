package config

import (
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
)

// Names of the variables of this file.
const (
	nameBehindWXGateway  = "CLOUDPAY_BEHIND_WX_GATEWAY"
	nameWXHosts          = "CLOUDPAY_WX_HOSTS"
	nameCloudBaseContext = "CLOUDPAY_CLOUDBASE_CONTEXT"
	nameLoginEnv         = "CLOUDPAY_LOGIN_ENV"
	nameLoginRegion      = "CLOUDPAY_LOGIN_REGION"
	nameLoginURL         = "CLOUDPAY_LOGIN_URL"
	nameLoginWXAppID     = "CLOUDPAY_LOGIN_WX_APPID"
	nameLoginProvider    = "CLOUDPAY_LOGIN_PROVIDER"
)

// loginNames are the variables that contradictedLogin compares.
var loginNames = []string{
	nameBehindWXGateway, nameWXHosts, nameCloudBaseContext, nameLoginEnv, nameLoginRegion, nameLoginURL, nameLoginWXAppID, nameLoginProvider,
}

// Login says whose access tokens authenticate users over HTTP. With the zero value, none do.
type Login struct {
	// Env is the CloudBase environment, and Region where it is; empty: CloudBase's default.
	Env, Region string
	// URL is the address of its auth service; empty: CloudBase's own.
	URL string
	// WXAppID is the mini-program whose openids the tokens have that Provider is true of. Both are
	// empty or neither is.
	WXAppID  string
	Provider Authorizer
}

// maxLabel is the longest label of a host name (RFC 1035).
const maxLabel = 63

// readLabel reads a part of a host name, such as an environment's id or a region. Both become part
// of the address that the keys come from, so nothing else may be in them.
func readLabel(field func(c *Config) *string) func(*Config, string) *Fault {
	return func(c *Config, value string) *Fault {
		*field(c) = value
		if strings.HasPrefix(value, "-") || strings.HasSuffix(value, "-") {
			return &Fault{Problem: bilingual.New("begins or ends with a hyphen", "以连字符开头或结尾")}
		}
		return checkChars(value, maxLabel, bilingual.New("small letter, digit or hyphen", "小写字母、数字或连字符"), isLabelChar)
	}
}

func isLabelChar(char byte) bool { return isDigit(char) || 'a' <= char && char <= 'z' || char == '-' }

// readHosts reads a list of host names, in lower case as they are compared.
func readHosts(c *Config, value string) *Fault {
	for i, host := range strings.Split(value, ",") {
		host = strings.ToLower(strings.TrimSpace(host))
		if host == "" {
			return &Fault{Problem: bilingual.Sprintf("has nothing as entry %d", "第 %d 项为空", i+1)}
		}
		isNameChar := func(char byte) bool { return isLabelChar(char) || char == '.' }
		if fault := checkChars(host, maxHost, bilingual.New("letter, digit, dot or hyphen", "字母、数字、点或连字符"), isNameChar); fault != nil {
			return &Fault{Problem: wrongEntry(i, fault.Problem)}
		}
		c.WXHosts = append(c.WXHosts, host)
	}
	return nil
}

// maxHost is the longest host name (RFC 1035).
const maxHost = 253

// contradictedLogin checks what belongs together of the settings for callers over HTTP.
func contradictedLogin(c Config) []Fault {
	needs := func(name, other string, lacking bool) []Fault {
		if !lacking {
			return nil
		}
		return []Fault{{
			Variable: name,
			Problem:  bilingual.New("is set without "+other, "已设置，但未设置 "+other),
			Remedy:   bilingual.New("set both, or neither", "请同时设置二者，或都不设置"),
		}}
	}
	l := c.Login
	faults := slices.Concat(
		needs(nameLoginRegion, nameLoginEnv, l.Region != "" && l.Env == ""),
		needs(nameLoginURL, nameLoginEnv, l.URL != "" && l.Env == ""),
		needs(nameLoginWXAppID, nameLoginEnv, l.WXAppID != "" && l.Env == ""),
		needs(nameLoginWXAppID, nameLoginProvider, l.WXAppID != "" && l.Provider == Authorizer{}),
		needs(nameLoginProvider, nameLoginWXAppID, l.Provider != Authorizer{} && l.WXAppID == ""),
		needs(nameWXHosts, nameBehindWXGateway, len(c.WXHosts) > 0 && !c.BehindWXGateway),
	)
	if c.BehindWXGateway && c.CloudBaseContext {
		faults = append(faults, Fault{
			Variable: nameCloudBaseContext,
			Problem: bilingual.New("is set beside "+nameBehindWXGateway+", which says that no route leads here",
				"与 "+nameBehindWXGateway+" 同时设置，而后者表示没有任何路由通向此处"),
			Remedy: bilingual.New("set the one that is true of this deployment", "请只设置符合本次部署的一个"),
		})
	}
	return faults
}
