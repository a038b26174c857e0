package doctor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
)

// Names of variables that findings mention.
const (
	nameAppID          = "WXPAY_APPID"
	nameMchID          = "WXPAY_MCHID"
	nameSerialNo       = "WXPAY_SERIAL_NO"
	namePrivateKey     = "WXPAY_PRIVATE_KEY"
	namePublicKey      = "WXPAY_PUBLIC_KEY"
	namePolicy         = "CLOUDPAY_CALLER_POLICY"
	nameServiceToken   = "CLOUDPAY_SERVICE_TOKEN"
	nameHTTPToken      = "CLOUDPAY_HTTP_TOKEN"
	nameTimerToken     = "CLOUDPAY_TIMER_TOKEN"
	nameMetricsToken   = "CLOUDPAY_METRICS_TOKEN"
	nameHTTPAuthorizer = "CLOUDPAY_HTTP_AUTHORIZER"
	nameLoginEnv       = "CLOUDPAY_LOGIN_ENV"
)

// isGiven reports whether a variable is set, itself or as a file.
func (e *examination) isGiven(name string) bool {
	given := config.Given(e.Environ)
	return slices.Contains(given, name) || slices.Contains(given, name+config.FileSuffix)
}

// checkSettings lists what is set, in the order of the README's table.
func checkSettings(_ context.Context, e *examination) []Finding {
	// A variable that is set twice, itself and as a file, is listed twice; that is a fault as well.
	given := config.Given(e.Environ)
	findings := make([]Finding, 0, len(given))
	for _, as := range given {
		name := strings.TrimSuffix(as, config.FileSuffix)
		findings = append(findings, settingsCheck.about(as).fact(e.shown(name)))
	}
	return findings
}

// shown is what may be shown of a variable's value. Keys get pasted into the wrong variable, so a
// value is shown only if no key has its form: keys have 32 letters and digits, and tokens are none
// of the words here.
func (e *examination) shown(name string) bilingual.Text {
	// A faulty value may be anything, and is not shown.
	if show := showable[name]; show != nil && !e.faults.Has(name) {
		if value := show(e.settings); value != "" {
			return bilingual.Same(value)
		}
	}
	return bilingual.New("set", "已设置")
}

// showable are the variables whose values may be shown, with the text for a checked value; "" if
// the value may be something else.
var showable = map[string]func(c config.Config) string{
	"WXPAY_API":    func(c config.Config) string { return string(c.API) },
	"WXPAY_REGION": func(c config.Config) string { return string(c.Region) },
	// Only set modes are shown; the default follows from WXPAY_SUB_MCHID.
	"WXPAY_MODE":          func(c config.Config) string { return map[bool]string{true: "partner", false: "direct"}[c.Partner] },
	nameAppID:             func(c config.Config) string { return whole(appID, c.AppID) },
	nameMchID:             func(c config.Config) string { return whole(number, c.MchID) },
	"WXPAY_SUB_MCHID":     func(c config.Config) string { return whole(number, c.SubMchID) },
	"WXPAY_SUB_APPID":     func(c config.Config) string { return whole(appID, c.SubAppID) },
	"WXPAY_V2_SIGN_TYPE":  func(c config.Config) string { return c.V2.SignType },
	nameSerialNo:          func(c config.Config) string { return whole(serial, c.V3.SerialNo) },
	"WXPAY_PUBLIC_KEY_ID": func(c config.Config) string { return whole(publicKeyID, c.V3.PublicKeyID) },
	"WXPAY_BASE_URL":      func(c config.Config) string { return c.BaseURL },
	"WXPAY_BACKUP_URL":    func(c config.Config) string { return c.BackupURL },
	"WXPAY_CLOUDRUN_URL":  func(c config.Config) string { return c.CloudRunURL },
	"WXPAY_ROUTE":         func(c config.Config) string { return string(c.Route) },
	namePolicy:            func(c config.Config) string { return c.CallerPolicy },
	"CLOUDPAY_LOG_LEVEL":  func(c config.Config) string { return strings.ToLower(c.LogLevel.String()) },
}

// Forms of values that no key has.
var (
	// 16 hex digits behind the prefix; an APIv2 key has 32 without one.
	appID = regexp.MustCompile(`^wx[0-9a-f]{16}$`)
	// Digits only, fewer than a key has.
	number = regexp.MustCompile(`^[0-9]{1,16}$`)
	// 40 hex digits in capitals; a key has 32.
	serial = regexp.MustCompile(`^[0-9A-F]{40}$`)
	// The prefix tells it from every key.
	publicKeyID = regexp.MustCompile(`^PUB_KEY_ID_[0-9]{1,40}$`)
)

// whole is the value if all of it has the form, else "".
func whole(form *regexp.Regexp, value string) string {
	if form.MatchString(value) {
		return value
	}
	return ""
}

// checkConfiguration yields every fault of the configuration, as the functions report them.
func checkConfiguration(_ context.Context, e *examination) []Finding {
	if len(e.faults.List) == 0 {
		return []Finding{e.withoutFaults()}
	}
	findings := make([]Finding, 0, len(e.faults.List))
	for _, fault := range e.faults.List {
		findings = append(findings, configurationCheck.about(fault.Variable).fault(fault.Problem, fault.Remedy))
	}
	return findings
}

// withoutFaults words a configuration without faults: it is complete, or there are calls that it
// does not serve.
func (e *examination) withoutFaults() Finding {
	dialects := strings.Join(e.dialects(), ", ")
	// Without an appid, orders by openid and combined orders do not work; the configuration is
	// valid.
	if e.settings.AppID != "" {
		return configurationCheck.about("").fine(bilingual.Sprintf("complete and sound: %s", "完整且有效：%s", dialects))
	}
	return configurationCheck.about(nameAppID).warning(
		bilingual.Sprintf("sound (%s), but not complete: no order is registered by openid unless a sub_appid goes with it, and no"+
			" combined order is closed", "有效（%s），但不完整：不带 sub_appid 就不能按 openid 登记订单，也不能关闭合单", dialects),
		bilingual.New("give the appid that the merchant number is bound to, the mini-program's",
			"请填写与商户号绑定的 appid，即小程序的 appid"))
}

// dialects are those with credentials.
func (e *examination) dialects() []string {
	apis := e.settings.APIs()
	names := make([]string, 0, len(apis))
	for _, api := range apis {
		names = append(names, string(api))
	}
	return names
}

// fingerprint identifies a public key, for comparison.
func fingerprint(der []byte) string {
	const shown = 8
	// A prefix is enough for people to compare.
	sum := sha256.Sum256(der)
	return fmt.Sprintf("SHA-256 %s…", hex.EncodeToString(sum[:shown]))
}

// checkStore checks whether the store's database is reached in clear. It makes no connection: the
// database is often reachable from the functions' network only. An address of the internet is a
// fault, and any other a warning: a private network may be all the protection that is wanted.
func checkStore(_ context.Context, e *examination) []Finding {
	if e.app == nil || e.app.PlainStore == "" {
		return nil
	}
	f := configurationCheck.about(nameStore)
	remedy := bilingual.New("write sslmode=verify-full (PostgreSQL) or tls=true (MySQL) in the address (docs/databases.md)",
		"在地址中写 sslmode=verify-full（PostgreSQL）或 tls=true（MySQL），见 docs/databases.md")
	if address, err := netip.ParseAddr(e.app.PlainStore); err == nil && isPublic(address) {
		return []Finding{f.fault(bilingual.New("the database is reached over the internet without TLS: its password and the orders"+
			" can be read on the way",
			"数据库经公网连接而未加密：途中可读到其密码与订单"), remedy)}
	}
	return []Finding{f.warning(
		bilingual.New("the database is reached over a network without TLS: its password and the orders can be read on the way",
			"数据库经网络连接而未加密：窃听者能读到其密码与订单"), remedy)}
}
