package doctor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
)

// isGiven reports whether a variable is set, itself or as a file.
func (p *patient) isGiven(name string) bool {
	given := config.Given(p.Environ)
	return slices.Contains(given, name) || slices.Contains(given, name+config.FileSuffix)
}

// checkSettings says what is set, in the order of the README's table.
func checkSettings(_ context.Context, p *patient) []Finding {
	given := config.Given(p.Environ)
	findings := make([]Finding, 0, len(given))
	for _, as := range given {
		name := strings.TrimSuffix(as, config.FileSuffix)
		findings = append(findings, Finding{Check: CheckSettings, Level: LevelFact, Subject: as, Found: p.shown(name)})
	}
	return findings
}

// shown is what may be said of a variable's value. Keys get pasted into the wrong variable, so that a value is repeated
// only where no key looks like that: API keys are 32 letters and digits, and tokens are none of the words here.
func (p *patient) shown(name string) bilingual.Text {
	if show := showable[name]; show != nil && !p.faults.Has(name) {
		if value := show(p.settings); value != "" {
			return bilingual.Same(value)
		}
	}
	return bilingual.New("set", "已设置")
}

// showable are the variables whose values may be shown, each with what is to be shown of a checked one; "" for a value
// that may be something else.
var showable = map[string]func(c config.Config) string{
	"WXPAY_API":              func(c config.Config) string { return string(c.API) },
	"WXPAY_REGION":           func(c config.Config) string { return string(c.Region) },
	"WXPAY_MODE":             func(c config.Config) string { return map[bool]string{true: "partner", false: "direct"}[c.Partner] },
	nameAppID:                func(c config.Config) string { return whole(appID, c.AppID) },
	nameMchID:                func(c config.Config) string { return whole(number, c.MchID) },
	"WXPAY_SUB_MCHID":        func(c config.Config) string { return whole(number, c.SubMchID) },
	"WXPAY_SUB_APPID":        func(c config.Config) string { return whole(appID, c.SubAppID) },
	"WXPAY_V2_SIGN_TYPE":     func(c config.Config) string { return c.V2.SignType },
	nameSerialNo:             func(c config.Config) string { return whole(serial, c.V3.SerialNo) },
	"WXPAY_PUBLIC_KEY_ID":    func(c config.Config) string { return whole(publicKeyID, c.V3.PublicKeyID) },
	"WXPAY_BASE_URL":         func(c config.Config) string { return c.BaseURL },
	"WXPAY_BACKUP_URL":       func(c config.Config) string { return c.BackupURL },
	"WXPAY_CLOUDRUN_URL":     func(c config.Config) string { return c.CloudRunURL },
	"WXPAY_ROUTE":            func(c config.Config) string { return string(c.Route) },
	"CLOUDPAY_CALLER_POLICY": func(c config.Config) string { return c.CallerPolicy },
	"CLOUDPAY_LOG_LEVEL":     func(c config.Config) string { return strings.ToLower(c.LogLevel.String()) },
}

// What values look like that are no keys.
var (
	appID       = regexp.MustCompile(`^wx[0-9a-f]{16}$`)
	number      = regexp.MustCompile(`^[0-9]{1,16}$`)
	serial      = regexp.MustCompile(`^[0-9A-F]{40}$`)
	publicKeyID = regexp.MustCompile(`^PUB_KEY_ID_[0-9]{1,40}$`)
)

func whole(form *regexp.Regexp, value string) string {
	if form.MatchString(value) {
		return value
	}
	return ""
}

// checkConfiguration gives every fault of the configuration, as the functions find them.
func checkConfiguration(_ context.Context, p *patient) []Finding {
	if len(p.faults.List) == 0 {
		return []Finding{p.withoutFaults()}
	}
	findings := make([]Finding, 0, len(p.faults.List))
	for _, fault := range p.faults.List {
		findings = append(findings, Finding{
			Check: CheckConfiguration, Level: LevelFault, Subject: fault.Variable,
			Found: fault.Problem, Remedy: fault.Remedy,
		})
	}
	return findings
}

// withoutFaults is what there is to say of a configuration that has no fault: that it is complete,
// or what it cannot do.
func (p *patient) withoutFaults() Finding {
	dialects := strings.Join(p.dialects(), ", ")
	if p.settings.AppID != "" {
		return Finding{
			Check: CheckConfiguration, Level: LevelFine,
			Found: bilingual.Sprintf("complete and sound: %s", "完整且有效：%s", dialects),
		}
	}
	return Finding{
		Check: CheckConfiguration, Level: LevelWarning, Subject: nameAppID,
		Found: bilingual.Sprintf("sound (%s), but not complete: no order is registered by openid unless a sub_appid goes with it, and no"+
			" combined order is closed", "有效（%s），但不完整：不带 sub_appid 就不能按 openid 登记订单，也不能关闭合单", dialects),
		Remedy: bilingual.New(
			"give the appid that the merchant number is bound to, the mini-program's",
			"请填写与商户号绑定的 appid，即小程序的 appid",
		),
	}
}

// dialects are those that have credentials.
func (p *patient) dialects() []string {
	apis := p.settings.APIs()
	names := make([]string, 0, len(apis))
	for _, api := range apis {
		names = append(names, string(api))
	}
	return names
}

// fingerprint names a public key, for comparing it with another place's.
func fingerprint(der []byte) string {
	const shown = 8
	sum := sha256.Sum256(der)
	return fmt.Sprintf("SHA-256 %s…", hex.EncodeToString(sum[:shown]))
}
