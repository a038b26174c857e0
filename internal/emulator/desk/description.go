package desk

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/platform"
	"cloudpay/pkg/paygate"
)

// Settings are how a function is configured before the gateway.
type Settings struct {
	API     string // the dialect it speaks by default, a value of WXPAY_API
	Region  string // where its merchant is, a value of WXPAY_REGION
	Partner bool   // it is a service provider that acts for a sub-merchant
	Store   string // where it keeps registered orders, an address as for CLOUDPAY_STORE; empty: nowhere
	Events  string // where it sends their events, an address as for CLOUDPAY_NOTIFY_URL; empty: nowhere
	// CallerPolicy is a value of CLOUDPAY_CALLER_POLICY; empty: none, as it is deployed.
	CallerPolicy string
}

// Owner returns the merchant that owns the orders of a function with these settings.
func (s Settings) Owner() paygate.Owner {
	if s.Partner {
		return paygate.Owner{MchID: mchID, SubMchID: subMchID}
	}
	return paygate.Owner{MchID: mchID}
}

// The variables by which a function knows a service or a timer, and in which a caller finds the
// token.
const (
	serviceTokenVariable = "CLOUDPAY_SERVICE_TOKEN"
	timerTokenVariable   = "CLOUDPAY_TIMER_TOKEN"
)

// Env returns the environment of a function before this gateway. Keys are given as files, since SCF
// allows an environment 4 KB in all.
func (d *Desk) Env(s Settings) map[string]string {
	m := d.secrets.merchant
	// Two settings are the emulator's own. WXPAY_ROUTE: no proxy stands before the gateway, so a
	// reply over a fresh connection is this request's (docs/divergences.md). CLOUDPAY_LISTEN_HOST:
	// a web function listens on loopback only.
	env := map[string]string{
		"WXPAY_API":            s.API,
		"WXPAY_REGION":         s.Region,
		"WXPAY_MCHID":          m.MchID,
		"WXPAY_APPID":          m.AppID,
		"WXPAY_V2_KEY":         m.V2Key,
		"WXPAY_SERIAL_NO":      m.SerialNo,
		"WXPAY_PRIVATE_KEY":    d.secrets.privateKeyFile,
		"WXPAY_PUBLIC_KEY_ID":  d.Gateway.PublicKeyID(),
		"WXPAY_PUBLIC_KEY":     d.secrets.publicKeyFile,
		"WXPAY_V3_KEY":         m.V3Key,
		"WXPAY_BASE_URL":       d.gatewayURL,
		"WXPAY_BACKUP_URL":     d.backupURL,
		"WXPAY_ROUTE":          "own",
		"WXPAY_CLOUDRUN_URL":   d.gatewayURL,
		serviceTokenVariable:   d.secrets.tokens.ServiceToken,
		"CLOUDPAY_HTTP_TOKEN":  d.secrets.tokens.HTTPToken,
		timerTokenVariable:     d.secrets.tokens.TimerToken,
		"CLOUDPAY_LISTEN_HOST": "127.0.0.1",
	}
	if s.Store != "" {
		env["CLOUDPAY_STORE"], env["CLOUDPAY_EMULATOR_CLOCK"] = s.Store, d.clock.file
	}
	if s.CallerPolicy != "" {
		env["CLOUDPAY_CALLER_POLICY"] = s.CallerPolicy
	}
	if s.Events != "" && s.Store != "" { // without a register there are no events, and an address is a fault
		env["CLOUDPAY_NOTIFY_URL"], env["CLOUDPAY_NOTIFY_KEY"] = s.Events, d.secrets.tokens.EventsKey
	}
	if s.Partner {
		env["WXPAY_MODE"], env["WXPAY_SUB_MCHID"] = "partner", subMchID
	}
	return env
}

// Description is what a user of a running emulator has to know. docs/emulator.md describes its
// JSON, which scripts in other languages read too.
type Description struct {
	GatewayURL string `json:"gateway_url"`
	BackupURL  string `json:"backup_url"`
	AdminURL   string `json:"admin_url"`
	CloudURL   string `json:"cloud_url"`
	// ConsoleURL is the console, and EventsURL the event sink; empty where
	// there is none.
	ConsoleURL string `json:"console_url,omitempty"`
	EventsURL  string `json:"events_url,omitempty"`
	// NotifyURL is the notify_url of orders that are placed by the management API without one, and
	// HTTPFunctionURL where wx.cloud.callHTTPFunction calls; empty where no function is for that.
	NotifyURL       string `json:"notify_url,omitempty"`
	HTTPFunctionURL string `json:"http_function_url,omitempty"`
	// CloudKey is ID:SECRET of the key that calls of SDKs have to be signed with, the first of
	// several; empty where none is demanded.
	CloudKey string `json:"cloud_key,omitempty"`
	// Runtime is what the emulator's own functions run on (--runtime).
	Runtime platform.Runtime `json:"runtime"`
	// Env is what a function needs, as the merchant itself; PartnerEnv the same as a service
	// provider for the merchant's SubMchID. Partner says which of the two the emulator's own
	// functions run with (--partner).
	Partner    bool              `json:"partner"`
	Env        map[string]string `json:"env"`
	PartnerEnv map[string]string `json:"partner_env"`
	Merchant   describedMerchant `json:"merchant"`
}

// describedMerchant is the emulated merchant, for a program that signs requests itself.
type describedMerchant struct {
	MchID       string `json:"mchid"`
	AppID       string `json:"appid"`
	SubMchID    string `json:"sub_mchid"`
	Serial      string `json:"serial"`
	PrivateKey  string `json:"private_key"` // a path
	PublicKey   string `json:"public_key"`  // a path: the gateway's
	PublicKeyID string `json:"public_key_id"`
	V2Key       string `json:"v2_key"`
	V3Key       string `json:"v3_key"`
}

// Describe describes the desk and the functions that were deployed on it at cloudURL. s is what
// these run with; the description has the environment of either mode, whichever they run in.
func (d *Desk) Describe(cloudURL string, runtime platform.Runtime, s Settings) Description {
	m := d.secrets.merchant
	direct, partner := s, s
	direct.Partner, partner.Partner = false, true
	described := Description{
		ConsoleURL: d.consoleURL,
		EventsURL:  d.eventsURL,
		GatewayURL: d.gatewayURL,
		BackupURL:  d.backupURL,
		AdminURL:   d.adminURL,
		CloudURL:   cloudURL,
		Runtime:    runtime,
		Partner:    s.Partner,
		Env:        d.Env(direct),
		PartnerEnv: d.Env(partner),
		Merchant: describedMerchant{
			MchID: m.MchID, AppID: m.AppID, SubMchID: subMchID, Serial: m.SerialNo,
			PrivateKey: d.secrets.privateKeyFile, PublicKey: d.secrets.publicKeyFile, PublicKeyID: d.Gateway.PublicKeyID(),
			V2Key: m.V2Key, V3Key: m.V3Key,
		},
	}
	if d.running != nil {
		described.NotifyURL, described.HTTPFunctionURL = d.running.notifyURL, d.running.httpURL
	}
	if d.running != nil && len(d.running.cloud.Keys) > 0 {
		key := d.running.cloud.Keys[0]
		described.CloudKey = key.ID + ":" + string(key.Secret)
	}
	return described
}

// Environ is [Description.FunctionEnv] as processes take it.
func (d Description) Environ() []string { return environ(d.FunctionEnv()) }

// FunctionEnv is what the emulator's own functions run with.
func (d Description) FunctionEnv() map[string]string {
	if d.Partner {
		return d.PartnerEnv
	}
	return d.Env
}

// Write writes the description into a folder. forget removes it, before the servers end, so that no
// later caller tries to reach them.
func (d Description) Write(dir string) (forgetIt func(), err error) {
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, bilingual.Errorf("encoding %s: %w", "编码 %s：%w", File, err)
	}
	return func() { forget(dir) }, writeFile(filepath.Join(dir, File), append(text, '\n'))
}

// Read reads the description of the emulator that serves in a folder. The error says how to start
// one.
func Read(dir string) (Description, error) {
	var d Description
	text, err := os.ReadFile(filepath.Join(dir, File))
	if errors.Is(err, fs.ErrNotExist) {
		return d, bilingual.Errorf("no emulator runs in %s: start one with `cloudpay emulate --dir %s`",
			"%s 中没有运行模拟器：请用 `cloudpay emulate --dir %s` 启动", dir, dir)
	}
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err == nil && d.CloudURL == "" && d.GatewayURL == "" {
		err = bilingual.Errorf("it has no gateway_url", "其中没有 gateway_url")
	}
	if err != nil {
		return d, bilingual.Errorf("%s does not say how the emulator is reached (start it anew): %w",
			"%s 没有说明如何访问模拟器（请重新启动）：%w", filepath.Join(dir, File), err)
	}
	return d, nil
}
