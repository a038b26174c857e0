package config_test

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/config"
	"cloudpay/internal/order"
	"cloudpay/internal/telemetry/telemetrytest"
)

const (
	v2Key       = "mW4cTq81ZsYdKf6LxNvBpRj3uGhEa70o"
	v3Key       = "Q9nDbX2yHtUcVk5JwSgPzMf8eAr6Li1O"
	publicKeyID = "PUB_KEY_ID_0000000000000024101100397200000006"

	serviceToken = "5f0b8f6a1d2c47e9~{service}"
	httpToken    = "c91e7d3a64b25f08~{http}"
	timerToken   = "2a7c50e8f3b9146d~{timer}"
	metricsToken = "7f21d3c9b0a8e645~{metrics}"

	storeAddress = "mysql://cloudpay:pa55word-of-the-st0re@10.0.0.7:3306/cloudpay?tls=true"
	notifyURL    = "https://shop.example/hooks/9b1c2d3e?of=cloudpay"
	notifyKey    = "71e0c4b8d25f9a36~{notify}"
)

// env is an environment under construction. Nothing parses the keys, so any bytes will do.
type env map[string]string

func (e env) with(name, value string) env {
	e = maps.Clone(e)
	e[name] = value
	return e
}

func (e env) without(names ...string) env {
	e = maps.Clone(e)
	for _, name := range names {
		delete(e, name)
	}
	return e
}

func (e env) entries() []string {
	entries := make([]string, 0, len(e))
	for name, value := range e {
		entries = append(entries, name+"="+value)
	}
	return entries
}

func (e env) load(t *testing.T) config.Config {
	t.Helper()
	c, err := config.Load(e.entries())
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return c
}

func (e env) faults(t *testing.T) []config.Fault {
	t.Helper()
	c, err := config.Load(e.entries())
	inUse(t)
	telemetrytest.Error(t, err)
	var faults *config.Faults
	if !errors.As(err, &faults) {
		t.Fatalf("Load: got %+v and error %v, want *Faults", c, err)
	}
	return faults.List
}

// wantFault loads e and expects one fault: about the variable, with the given words in its line.
func (e env) wantFault(t *testing.T, variable string, words ...string) {
	t.Helper()
	faults := e.faults(t)
	if len(faults) != 1 || faults[0].Variable != variable {
		t.Fatalf("got faults %v, want one about %s", faults, variable)
	}
	for _, word := range words {
		if line := faults[0].String(); !strings.Contains(line, word) {
			t.Errorf("got %q, want it to say %q", line, word)
		}
	}
	if line := faults[0].String(); strings.HasSuffix(line, ": ") || strings.Contains(line, "\n") {
		t.Errorf("got %q, want one line with a remedy", line)
	}
}

// inUse records the secrets of these tests, for `make test` to search the errors for.
func inUse(t *testing.T) {
	t.Helper()
	telemetrytest.Secret(t, telemetrytest.V2Key, v2Key)
	telemetrytest.Secret(t, telemetrytest.V3Key, v3Key)
	telemetrytest.Secret(t, telemetrytest.PrivateKey, block("PRIVATE KEY"))
	for _, token := range []string{serviceToken, httpToken, timerToken, notifyKey, "pa55word-of-the-st0re"} {
		telemetrytest.Secret(t, telemetrytest.Token, token)
	}
}

func block(kind string) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes.Repeat([]byte("not a "+kind), 20)}))
}

func encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// forV3 and forV2 are the least that each protocol needs.
func forV3() env {
	return env{
		"WXPAY_MCHID":         "1900007291",
		"WXPAY_SERIAL_NO":     "408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB",
		"WXPAY_PRIVATE_KEY":   block("PRIVATE KEY"),
		"WXPAY_PUBLIC_KEY_ID": publicKeyID,
		"WXPAY_PUBLIC_KEY":    block("PUBLIC KEY"),
	}
}

func forV2() env {
	return env{
		"WXPAY_API":    "v2",
		"WXPAY_APPID":  "wxd678efh567hg6787",
		"WXPAY_MCHID":  "1900007291",
		"WXPAY_V2_KEY": v2Key,
	}
}

func forBoth() env {
	both := forV3()
	both["WXPAY_APPID"], both["WXPAY_V2_KEY"] = "wxd678efh567hg6787", v2Key
	return both
}

// compareSecrets looks through the type that hides its text.
func compareSecrets() cmp.Option {
	return cmp.Transformer("Reveal", config.Secret.Reveal)
}

func TestLoadDefaults(t *testing.T) {
	t.Parallel()
	want := config.Config{
		API:         order.V3,
		Region:      order.Mainland,
		MchID:       "1900007291",
		V2:          config.V2{SignType: "MD5"},
		CloudRunURL: "http://api.weixin.qq.com",
		Routes:      []string{"closeorder", "queryorder", "healthz"},
		Sweep:       config.Sweep{PerSecond: 300, MaxAttempts: 12},
		LogLevel:    slog.LevelInfo,
		V3: config.V3{
			SerialNo:    "408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB",
			PrivateKey:  config.NewSecret(block("PRIVATE KEY")),
			PublicKeyID: publicKeyID,
			PublicKey:   block("PUBLIC KEY"),
		},
	}
	if diff := cmp.Diff(want, forV3().load(t), compareSecrets()); diff != "" {
		t.Errorf("Load (-want +got):\n%s", diff)
	}
}

func TestLoadEverything(t *testing.T) {
	t.Parallel()
	full := forBoth()
	maps.Copy(full, env{
		"WXPAY_API":            "v2",
		"WXPAY_MODE":           "partner",
		"WXPAY_SUB_MCHID":      "1900000109",
		"WXPAY_SUB_APPID":      "wx8888888888888888",
		"WXPAY_SUB_MCHIDS":     "1900000110, 1900000109",
		"WXPAY_APPIDS":         "wx1234567890abcdef, wx8888888888888888",
		"WXPAY_V2_SIGN_TYPE":   "HMAC-SHA256",
		"WXPAY_REGION":         "hk",
		"WXPAY_V3_KEY":         v3Key,
		"WXPAY_CERT_ROOTS":     block("CERTIFICATE") + block("CERTIFICATE"),
		"WXPAY_BASE_URL":       "https://api2.mch.weixin.qq.com/",
		"WXPAY_BACKUP_URL":     "https://api3.mch.weixin.qq.com",
		"WXPAY_CLOUDRUN_URL":   "http://127.0.0.1:8080",
		"WXPAY_ROUTE":          "foreign",
		"WXPAY_CONFIRM_CLOSE":  "1",
		"CLOUDPAY_LOG_LEVEL":   "debug",
		"CLOUDPAY_LISTEN_HOST": "127.0.0.1",

		"CLOUDPAY_CONFIG_FAULTS": "exit",

		"CLOUDPAY_CALLER_POLICY":     "platform",
		"CLOUDPAY_SERVICE_TOKEN":     serviceToken,
		"CLOUDPAY_HTTP_TOKEN":        httpToken,
		"CLOUDPAY_TIMER_TOKEN":       timerToken,
		"CLOUDPAY_METRICS":           "emf",
		"CLOUDPAY_METRICS_TOKEN":     metricsToken,
		"CLOUDPAY_HTTP_AUTHORIZER":   "cognito:groups = operators=a b",
		"CLOUDPAY_BEHIND_WX_GATEWAY": "1",
		"CLOUDPAY_WX_HOSTS":          "Shop.internal, pay.internal",
		"CLOUDPAY_CLOUDBASE_CONTEXT": "0", // not beside the one above
		"CLOUDPAY_LOGIN_ENV":         "shop-1a2b",
		"CLOUDPAY_LOGIN_REGION":      "ap-guangzhou",
		"CLOUDPAY_LOGIN_URL":         "https://auth.example/",
		"CLOUDPAY_LOGIN_WX_APPID":    "wx1234567890abcdef",
		"CLOUDPAY_LOGIN_PROVIDER":    "app_metadata.provider = wx_open",
		"CLOUDPAY_CORS_ORIGINS":      "https://shop.example, http://localhost:5173",

		"CLOUDPAY_ROUTES": "paynotify, sweep,healthz",

		"CLOUDPAY_STORE":              storeAddress,
		"CLOUDPAY_NOTIFY_URL":         notifyURL,
		"CLOUDPAY_NOTIFY_KEY":         notifyKey,
		"CLOUDPAY_NOTIFY_CONCURRENCY": "32",

		"CLOUDPAY_PAYNOTIFY_FORWARD_URL": "https://shop.example/wechatpay?key=1",

		"CLOUDPAY_SWEEP_FIRST":       "close",
		"CLOUDPAY_SWEEP_CONCURRENCY": "64",
		"CLOUDPAY_SWEEP_PER_SECOND":  "0.5",
		"CLOUDPAY_SWEEP_ATTEMPTS":    "3",
		"CLOUDPAY_PRUNE_AFTER":       "90d",
	})
	for _, name := range config.Names() {
		if full[name] == "" && name != "CLOUDPAY_EMULATOR_CLOCK" { // not beside real addresses
			t.Errorf("%s is not tried here", name)
		}
	}
	want := config.Config{
		API:          order.V2,
		Region:       order.HongKong,
		Partner:      true,
		AppID:        "wxd678efh567hg6787",
		MchID:        "1900007291",
		SubMchID:     "1900000109",
		SubAppID:     "wx8888888888888888",
		SubMchIDs:    []string{"1900000110", "1900000109"},
		V2:           config.V2{Key: config.NewSecret(v2Key), SignType: "HMAC-SHA256"},
		BaseURL:      "https://api2.mch.weixin.qq.com",
		BackupURL:    "https://api3.mch.weixin.qq.com",
		CloudRunURL:  "http://127.0.0.1:8080",
		Route:        order.RouteForeign,
		ConfirmClose: true,
		LogLevel:     slog.LevelDebug,

		CallerPolicy:    "platform",
		ServiceTokens:   []config.Secret{config.NewSecret(serviceToken)},
		HTTPTokens:      []config.Secret{config.NewSecret(httpToken)},
		TimerTokens:     []config.Secret{config.NewSecret(timerToken)},
		EMF:             true,
		MetricsTokens:   []config.Secret{config.NewSecret(metricsToken)},
		HTTPAuthorizer:  config.Authorizer{Claim: "cognito:groups", Value: "operators=a b"},
		BehindWXGateway: true,
		WXHosts:         []string{"shop.internal", "pay.internal"},
		Login: config.Login{
			Env: "shop-1a2b", Region: "ap-guangzhou", URL: "https://auth.example", WXAppID: "wx1234567890abcdef",
			Provider: config.Authorizer{Claim: "app_metadata.provider", Value: "wx_open"},
		},
		CORSOrigins: []string{"https://shop.example", "http://localhost:5173"},
		Routes:      []string{"paynotify", "sweep", "healthz"},

		Store:             config.NewSecret(storeAddress),
		NotifyURL:         config.NewSecret(notifyURL),
		ForwardURL:        config.NewSecret("https://shop.example/wechatpay?key=1"),
		AppIDs:            []string{"wx1234567890abcdef", "wx8888888888888888"},
		NotifyKeys:        []config.Secret{config.NewSecret(notifyKey)},
		NotifyConcurrency: 32,
		Sweep:             config.Sweep{CloseFirst: true, Concurrency: 64, PerSecond: 0.5, MaxAttempts: 3},
		PruneAfter:        90 * 24 * time.Hour,
		V3: config.V3{
			SerialNo:    "408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB",
			PrivateKey:  config.NewSecret(block("PRIVATE KEY")),
			PublicKeyID: publicKeyID,
			PublicKey:   block("PUBLIC KEY"),
			Key:         config.NewSecret(v3Key),
			Roots:       block("CERTIFICATE") + block("CERTIFICATE"),
		},
	}
	if diff := cmp.Diff(want, full.load(t), compareSecrets()); diff != "" {
		t.Errorf("Load (-want +got):\n%s", diff)
	}
}

func TestLoadTrimsAndForgetsEmptyValues(t *testing.T) {
	t.Parallel()
	c := forV3().with("WXPAY_MCHID", " 1900007291\r\n").with("WXPAY_V2_KEY", " ").with("WXPAY_BASE_URL", "").load(t)
	if c.MchID != "1900007291" || c.Has(order.V2) || c.BaseURL != "" {
		t.Errorf("got %+v, want a trimmed number, no v2 and no address", c)
	}
}

func TestLoadTakesTheLastOfTwins(t *testing.T) {
	t.Parallel()
	twins := append([]string{"WXPAY_MCHID=1", "WXPAY_V2_KEY=short"}, forV3().entries()...)
	c, err := config.Load(append(twins, "WXPAY_V2_KEY="))
	if err != nil || c.MchID != "1900007291" {
		t.Errorf("got number %q and error %v, want 1900007291 and none", c.MchID, err)
	}
}

func TestHas(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env    env
		v2, v3 bool
	}{
		"v3":   {forV3(), false, true},
		"v2":   {forV2(), true, false},
		"both": {forBoth(), true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := test.env.load(t)
			if v2, v3 := c.Has(order.V2), c.Has(order.V3); v2 != test.v2 || v3 != test.v3 {
				t.Errorf("got v2 %t, v3 %t, want %t, %t", v2, v3, test.v2, test.v3)
			}
			if c.Has("v4") {
				t.Error("Has(v4): got true")
			}
		})
	}
}

func TestMode(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		given, subMchID string
		partner         bool
	}{
		{"", "", false},
		{"", "1900000109", true},
		{"direct", "", false},
		{"partner", "", true},
		{"partner", "1900000109", true},
	} {
		c := forV3().with("WXPAY_MODE", test.given).with("WXPAY_SUB_MCHID", test.subMchID).load(t)
		if c.Partner != test.partner {
			t.Errorf("mode %q, sub-merchant %q: got %t, want %t", test.given, test.subMchID, c.Partner, test.partner)
		}
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env  env
		want []string
	}{
		"nothing given": {
			env{},
			[]string{
				"WXPAY_MCHID", "WXPAY_SERIAL_NO", "WXPAY_PRIVATE_KEY", "WXPAY_PUBLIC_KEY_ID", "WXPAY_PUBLIC_KEY",
			},
		},
		"only v2 named": {
			env{"WXPAY_API": "v2"},
			[]string{"WXPAY_APPID", "WXPAY_MCHID", "WXPAY_V2_KEY"},
		},
		"a sign type alone does not begin v2": {
			forV3().with("WXPAY_V2_SIGN_TYPE", "MD5").without("WXPAY_MCHID"), []string{"WXPAY_MCHID"},
		},
		"v2 without appid beside v3":       {forBoth().without("WXPAY_APPID"), []string{"WXPAY_APPID"}},
		"an appid alone does not begin v2": {forV3().with("WXPAY_APPID", "wx1").without("WXPAY_MCHID"), []string{"WXPAY_MCHID"}},
		"v3 begun beside v2 by its serial": {
			forV2().with("WXPAY_SERIAL_NO", "1F"),
			[]string{"WXPAY_PRIVATE_KEY", "WXPAY_PUBLIC_KEY_ID", "WXPAY_PUBLIC_KEY"},
		},
		"v3 without its private key":      {forV3().without("WXPAY_PRIVATE_KEY"), []string{"WXPAY_PRIVATE_KEY"}},
		"an unknown api asks for neither": {forV3().with("WXPAY_API", "v4").without("WXPAY_APPID"), []string{"WXPAY_API"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, fault := range test.env.faults(t) {
				got = append(got, fault.Variable)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("variables at fault (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("1", 33)
	for _, test := range []struct {
		variable, value, words string
	}{
		{"WXPAY_API", "V3", "accepted words"},
		{"WXPAY_MODE", "provider", "direct or partner"},
		{"WXPAY_APPID", "wx-1", "letter or digit at position 3"},
		{"WXPAY_APPID", long, "33 bytes, more than 32"},
		{"WXPAY_MCHID", "19000O7291", "no digit at position 6"},
		{"WXPAY_MCHID", long, "33 bytes, more than 32"},
		{"WXPAY_MCHID", "１９", "no digit at position 1"},
		{"WXPAY_SUB_MCHID", "a", "no digit at position 1"},
		{"WXPAY_V2_KEY", v2Key[1:], "31 bytes instead of 32"},
		{"WXPAY_V2_KEY", v2Key + "0", "33 bytes instead of 32"},
		{"WXPAY_V2_KEY", v2Key[:31] + "-", "letter or digit at position 32"},
		{"WXPAY_V2_SIGN_TYPE", "SHA256", "MD5 or HMAC-SHA256"},
		{"WXPAY_SERIAL_NO", "40:8B", "no hex digit at position 3"},
		{"WXPAY_SERIAL_NO", strings.Repeat("A", 41), "41 bytes, more than 40"},
		{"WXPAY_SERIAL_NO", publicKeyID, "WXPAY_PUBLIC_KEY_ID"},
		{"WXPAY_PUBLIC_KEY_ID", "408B07E79B8269FE", "PUB_KEY_ID_"},
		{"WXPAY_PUBLIC_KEY_ID", "PUB_KEY_ID_", "PUB_KEY_ID_"},
		{"WXPAY_PUBLIC_KEY_ID", "PUB_KEY_ID_1\n2", "letter, digit or underscore at position 13"},
		{"WXPAY_PUBLIC_KEY_ID", "PUB_KEY_ID_" + long + long, "more than 64"},
		{"WXPAY_BASE_URL", "api.mch.weixin.qq.com", "not an address"},
		{"WXPAY_BASE_URL", "https://", "not an address"},
		{"WXPAY_BASE_URL", "https://:443", "not an address"},
		{"WXPAY_BASE_URL", "https://a b", "not an address"},
		{"WXPAY_BASE_URL", "ftp://127.0.0.1", "not https"},
		{"WXPAY_BASE_URL", "http://api.mch.weixin.qq.com", "not https"},
		{"WXPAY_BASE_URL", "http://127.0.0.1.example.com", "not https"},
		{"WXPAY_BASE_URL", "http://localhost.example.com", "not https"},
		{"WXPAY_BASE_URL", "https://user@api.mch.weixin.qq.com", "a user, a path"},
		{"WXPAY_BASE_URL", "https://api.mch.weixin.qq.com/v3", "a user, a path"},
		{"WXPAY_BASE_URL", "https://api.mch.weixin.qq.com?", "a user, a path"},
		{"WXPAY_BASE_URL", "https://api.mch.weixin.qq.com?a=b", "a user, a path"},
		{"WXPAY_BASE_URL", "https://api.mch.weixin.qq.com#", "a user, a path"},
		{"WXPAY_BASE_URL", "https://api.mch.weixin.qq.com#a", "a user, a path"},
		{"WXPAY_CONFIRM_CLOSE", "true", "0 or 1"},
		{"CLOUDPAY_CALLER_POLICY", "everybody", "give platform if"},
		{"CLOUDPAY_CALLER_POLICY", "Any", "any if you do"},
		{"CLOUDPAY_SERVICE_TOKEN", "123456789012345", "15 bytes, less than 16"},
		{"CLOUDPAY_HTTP_TOKEN", strings.Repeat("a", 257), "257 bytes, more than 256"},
		{"CLOUDPAY_HTTP_TOKEN", "1234567 9012345678", "is wrong in its first value: it has 7 bytes, less than 16"},
		{"CLOUDPAY_TIMER_TOKEN", "123456789012345\u00e9", "printable ASCII character other than a space at position 16"},
		{"CLOUDPAY_TIMER_TOKEN", "123456789012345\x7f", "openssl rand"},
		{"CLOUDPAY_HTTP_AUTHORIZER", "operators", "= between"},
		{"CLOUDPAY_HTTP_AUTHORIZER", "=operators", "= between"},
		{"CLOUDPAY_HTTP_AUTHORIZER", "groups=", "CLAIM=VALUE"},
		{"CLOUDPAY_HTTP_AUTHORIZER", "my groups=operators", "in its claim: it has no printable ASCII character other than a space at position 3"},
		{"CLOUDPAY_HTTP_AUTHORIZER", "groups=a\tb", "in its value: it has no printable ASCII character at position 2"},
		{"CLOUDPAY_BEHIND_WX_GATEWAY", "yes", "0 or 1"},
		{"CLOUDPAY_CLOUDBASE_CONTEXT", "yes", "0 or 1"},
		{"CLOUDPAY_WX_HOSTS", "a.example,,b.example", "nothing as entry 2"},
		{"CLOUDPAY_WX_HOSTS", "a.example, b.example:80", "entry 2: it has no letter, digit, dot or hyphen at position 10"},
		{"CLOUDPAY_WX_HOSTS", strings.Repeat("a", 254), "has 254 bytes"},
		{"CLOUDPAY_LOGIN_ENV", "Shop-1a2b", "no small letter, digit or hyphen at position 1"},
		{"CLOUDPAY_LOGIN_ENV", "shop.attacker.example/", "at position 5"},
		{"CLOUDPAY_LOGIN_ENV", "-shop", "hyphen"},
		{"CLOUDPAY_LOGIN_ENV", strings.Repeat("a", 64), "has 64 bytes"},
		{"CLOUDPAY_LOGIN_REGION", "ap-shanghai.attacker.example", "at position 12"},
		{"CLOUDPAY_LOGIN_REGION", "ap-", "hyphen"},
		{"CLOUDPAY_LOGIN_URL", "http://auth.example", "not https"},
		{"CLOUDPAY_LOGIN_URL", "https://auth.example/auth/v1", "a path"},
		{"CLOUDPAY_LOGIN_WX_APPID", "wx-1", "letter or digit"},
		{"CLOUDPAY_LOGIN_PROVIDER", "provider", "= between"},
		{"CLOUDPAY_LOGIN_PROVIDER", "my provider=wx", "in its claim"},
		{"CLOUDPAY_CORS_ORIGINS", "*,https://a.example", "* beside other origins"},
		{"CLOUDPAY_CORS_ORIGINS", "https://a.example, *", "* beside other origins"},
		{"CLOUDPAY_CORS_ORIGINS", "https://a.example,,https://b.example", "entry 2: it is empty"},
		{"CLOUDPAY_CORS_ORIGINS", "a.example", "entry 1: it is not scheme://host"},
		{"CLOUDPAY_CORS_ORIGINS", "null", "is not scheme://host"},
		{"CLOUDPAY_CORS_ORIGINS", "https://a b", "is not scheme://host"},
		{"CLOUDPAY_CORS_ORIGINS", "file://a.example", "neither https nor http"},
		{"CLOUDPAY_CORS_ORIGINS", "https://a.example/", "has something beside"},
		{"CLOUDPAY_CORS_ORIGINS", "https://u@a.example", "has something beside"},
		{"CLOUDPAY_CORS_ORIGINS", "https://a.example?", "has something beside"},
		{"CLOUDPAY_CORS_ORIGINS", "HTTPS://a.example", "capitals"},
		{"CLOUDPAY_CORS_ORIGINS", "https://A.example", "small letter"},
		{"CLOUDPAY_CORS_ORIGINS", "https://*.example", "small letter"},
		{"CLOUDPAY_CORS_ORIGINS", "https://\u5e97.example", "small letter"},
		{"CLOUDPAY_CORS_ORIGINS", "https://a.example:443", "browsers leave out"},
		{"CLOUDPAY_CORS_ORIGINS", "http://a.example:80", "browsers leave out"},
		{"CLOUDPAY_CORS_ORIGINS", "https://a.example:", "browsers leave out"},
		{"CLOUDPAY_LOG_LEVEL", "INFO", "debug, info"},
		{"CLOUDPAY_CONFIG_FAULTS", "ignore", "give answer or exit"},
		{"CLOUDPAY_LISTEN_HOST", "127.0.0.1:80", "without a port"},
		{"CLOUDPAY_LISTEN_HOST", "localhost", "IP address"},
	} {
		t.Run(test.variable+" "+test.words, func(t *testing.T) {
			t.Parallel()
			forBoth().with("WXPAY_MODE", "partner").with(test.variable, test.value).
				wantFault(t, test.variable, test.words)
		})
	}
	for value, words := range map[string]string{
		"1900000109,a":          "entry 2: it has no digit at position 1",
		"1900000109,,1":         "nothing as entry 2",
		"1900000109,":           "nothing as entry 2",
		"1900000109;1900000110": "entry 1",
		long:                    "entry 1: it has 33 bytes",
	} {
		t.Run("WXPAY_SUB_MCHIDS="+value, func(t *testing.T) {
			t.Parallel()
			forV3().with("WXPAY_MODE", "partner").with("WXPAY_SUB_MCHIDS", value).
				wantFault(t, "WXPAY_SUB_MCHIDS", words)
		})
	}
}

func TestFaultySettingsOfNotifications(t *testing.T) {
	t.Parallel()
	for value, words := range map[string]string{"wx1,": "nothing as entry 2", "wx-1": "entry 1", "wx1;wx2": "entry 1"} {
		forV3().with("WXPAY_APPIDS", value).wantFault(t, "WXPAY_APPIDS", words)
	}
	for value, words := range map[string]string{"shop.example": "is not an address", "http://shop.example/": "not https", "https://a@shop.example/": "has a user"} {
		forV3().with("CLOUDPAY_PAYNOTIFY_FORWARD_URL", value).wantFault(t, "CLOUDPAY_PAYNOTIFY_FORWARD_URL", words)
	}
}

func TestContradictions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env      env
		variable string
		words    string
	}{
		"a sub-merchant in direct mode": {
			forV3().with("WXPAY_MODE", "direct").with("WXPAY_SUB_MCHID", "1"), "WXPAY_SUB_MCHID", "WXPAY_MODE=partner",
		},
		"an allow-list in direct mode": {forV3().with("WXPAY_SUB_MCHIDS", "1"), "WXPAY_SUB_MCHIDS", "WXPAY_MODE=partner"},
		"a sub_appid in direct mode":   {forV3().with("WXPAY_SUB_APPID", "wx1"), "WXPAY_SUB_APPID", "WXPAY_MODE=partner"},
		"outside the allow-list": {
			forV3().with("WXPAY_SUB_MCHID", "1").with("WXPAY_SUB_MCHIDS", "2,11"), "WXPAY_SUB_MCHID", "allow-list",
		},
		"a region of no environment":   {forV3().with("CLOUDPAY_LOGIN_REGION", "ap-guangzhou"), "CLOUDPAY_LOGIN_REGION", "without CLOUDPAY_LOGIN_ENV"},
		"an address of no environment": {forV3().with("CLOUDPAY_LOGIN_URL", "https://a.example"), "CLOUDPAY_LOGIN_URL", "without CLOUDPAY_LOGIN_ENV"},
		"openids of no provider": {
			forV3().with("CLOUDPAY_LOGIN_ENV", "e1").with("CLOUDPAY_LOGIN_WX_APPID", "wx1"), "CLOUDPAY_LOGIN_WX_APPID", "without CLOUDPAY_LOGIN_PROVIDER",
		},
		"a provider of no appid": {
			forV3().with("CLOUDPAY_LOGIN_ENV", "e1").with("CLOUDPAY_LOGIN_PROVIDER", "a=b"), "CLOUDPAY_LOGIN_PROVIDER", "without CLOUDPAY_LOGIN_WX_APPID",
		},
		"names of no gateway": {forV3().with("CLOUDPAY_WX_HOSTS", "a.example"), "CLOUDPAY_WX_HOSTS", "without CLOUDPAY_BEHIND_WX_GATEWAY"},
		"a gateway without routes, and routes": {
			forV3().with("CLOUDPAY_BEHIND_WX_GATEWAY", "1").with("CLOUDPAY_CLOUDBASE_CONTEXT", "1"), "CLOUDPAY_CLOUDBASE_CONTEXT", "no route leads here",
		},
		"a wrong mode brings no others":  {forV3().with("WXPAY_MODE", "x").with("WXPAY_SUB_MCHIDS", "1"), "WXPAY_MODE", "direct or partner"},
		"a wrong serial brings no other": {forV3().with("WXPAY_SERIAL_NO", "x"), "WXPAY_SERIAL_NO", "hex"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.env.wantFault(t, test.variable, test.words)
		})
	}
}

// An identity header proves nothing where a public door leads, and a token's route admits no caller
// without the token.
func TestCheckRoutes(t *testing.T) {
	t.Parallel()
	whole := func() env {
		return forV3().with("CLOUDPAY_STORE", "mysql://u:p@h/d").with("CLOUDPAY_TIMER_TOKEN", strings.Repeat("t", 16)).
			with("CLOUDPAY_METRICS_TOKEN", strings.Repeat("m", 16))
	}
	behind := func(e env) env { return e.with("CLOUDPAY_BEHIND_WX_GATEWAY", "1") }
	for name, test := range map[string]struct {
		env    env
		routes []string
		faults []string // each as its variable and a word of it
	}{
		"no routes":                       {behind(forV3()), nil, nil},
		"closing for mini-programs":       {behind(forV3()), []string{"closeorder", "queryorder", "healthz", "dropin"}, nil},
		"notifications":                   {forV3(), []string{"paynotify", "healthz"}, nil},
		"everything":                      {whole(), []string{"closeorder", "queryorder", "paynotify", "sweep", "healthz", "metrics", "dropin"}, nil},
		"measured behind the gateway":     {behind(whole()), []string{"closeorder", "metrics"}, nil},
		"notifications for mini-programs": {behind(forV3()), []string{"closeorder", "paynotify"}, []string{"CLOUDPAY_BEHIND_WX_GATEWAY paynotify"}},
		"sweeps for mini-programs":        {behind(whole()), []string{"closeorder", "sweep"}, []string{"CLOUDPAY_BEHIND_WX_GATEWAY sweep"}},
		"both":                            {behind(whole()), []string{"sweep", "paynotify"}, []string{"CLOUDPAY_BEHIND_WX_GATEWAY paynotify"}},
		"sweeps without anything":         {forV3(), []string{"sweep"}, []string{"CLOUDPAY_TIMER_TOKEN sweep", "CLOUDPAY_STORE sweep"}},
		"metrics without anything":        {forV3(), []string{"metrics"}, []string{"CLOUDPAY_METRICS_TOKEN metrics", "CLOUDPAY_STORE metrics"}},
	} {
		var got []string
		for _, fault := range test.env.load(t).CheckRoutes(test.routes) {
			_, about, _ := strings.Cut(fault.Problem.EN, "route ")
			word, _, _ := strings.Cut(about, " ")
			if fault.Variable == "CLOUDPAY_BEHIND_WX_GATEWAY" {
				_, about, _ = strings.Cut(fault.Problem.EN, "serves ")
				word, _, _ = strings.Cut(about, ",")
				if !strings.Contains(fault.String(), "deploy twice") {
					t.Errorf("%s: got %s", name, fault)
				}
			}
			got = append(got, fault.Variable+" "+word)
		}
		if diff := cmp.Diff(test.faults, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	if got := forV3().with("CLOUDPAY_ROUTES", " paynotify, sweep ,healthz").load(t).Routes; !slices.Equal(got, []string{"paynotify", "sweep", "healthz"}) {
		t.Errorf("got %q", got)
	}
	for _, value := range []string{"all", "closeorder,", "closeorder queryorder", "/sweep", "Sweep", ","} {
		forV3().with("CLOUDPAY_ROUTES", value).wantFault(t, "CLOUDPAY_ROUTES", "not the name of a route")
	}
	forV3().with("CLOUDPAY_ROUTE", "sweep").wantFault(t, "CLOUDPAY_ROUTE", "CLOUDPAY_ROUTES")
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://api2.mch.weixin.qq.com":  "https://api2.mch.weixin.qq.com",
		"HTTPS://api2.mch.weixin.qq.com/": "https://api2.mch.weixin.qq.com",
		"https://10.0.0.1:8443":           "https://10.0.0.1:8443",
		"http://127.0.0.1:8080/":          "http://127.0.0.1:8080",
		"http://127.1.2.3":                "http://127.1.2.3",
		"http://[::1]:8080":               "http://[::1]:8080",
		"http://LocalHost:8080":           "http://LocalHost:8080",
	} {
		if got := forV3().with("WXPAY_BASE_URL", given).load(t).BaseURL; got != want {
			t.Errorf("%s: got %s, want %s", given, got, want)
		}
	}
}

func TestSerialNoIsUpperCased(t *testing.T) {
	t.Parallel()
	if got := forV3().with("WXPAY_SERIAL_NO", "40ab").load(t).V3.SerialNo; got != "40AB" {
		t.Errorf("got %s, want 40AB", got)
	}
}

func TestLogLevels(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	} {
		if got := forV3().with("CLOUDPAY_LOG_LEVEL", name).load(t).LogLevel; got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

// writeFile puts text into a file of its own and returns the path.
func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPEMForms(t *testing.T) {
	t.Parallel()
	want := block("PRIVATE KEY")
	for name, value := range map[string]string{
		"the text":                   want,
		"the text in one line":       strings.ReplaceAll(want, "\n", `\n`),
		"the text after a remark":    "a remark\n" + want,
		"the text with CRLF":         strings.ReplaceAll(want, "\n", "\r\n"),
		"base64 of it":               encode(want),
		"base64 of it, line by line": encode(want)[:76] + "\n" + encode(want)[76:],
		"a path":                     writeFile(t, want),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := forV3().with("WXPAY_PRIVATE_KEY", value).load(t).V3.PrivateKey.Reveal(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	public := block("RSA PUBLIC KEY")
	if got := forV3().with("WXPAY_PUBLIC_KEY", public).load(t).V3.PublicKey; got != public {
		t.Errorf("PKCS#1 of the public key: got %q, want %q", got, public)
	}
	pkcs1 := block("RSA PRIVATE KEY")
	if got := forV3().with("WXPAY_PRIVATE_KEY", pkcs1).load(t).V3.PrivateKey.Reveal(); got != pkcs1 {
		t.Errorf("PKCS#1: got %q, want %q", got, pkcs1)
	}
}

// Whatever happens to the line breaks, the same key is read from the variable, from base64 of it,
// and from a file.
func TestPEMWhateverBecameOfItsLineBreaks(t *testing.T) {
	t.Parallel()
	want := block("PRIVATE KEY")
	breaks := func(by string) string { return strings.ReplaceAll(strings.TrimSpace(want), "\n", by) }
	for name, mangled := range map[string]string{
		"spaces":                    breaks(" "),
		"none":                      breaks(""),
		`\n spelt out`:              breaks(`\n`),
		`\r\n spelt out`:            breaks(`\r\n`),
		`\\n spelt out`:             breaks(`\\n`),
		`\\r\\n spelt out`:          breaks(`\\r\\n`),
		`\n spelt out, and broken`:  breaks("\\n\n"),
		"tabs":                      breaks("\t"),
		"CR":                        breaks("\r"),
		"CRLF":                      breaks("\r\n"),
		"blank lines":               breaks("\n\n"),
		"lines that go on":          breaks("\\\n"),
		"indented by spaces":        "    " + breaks("\n    "),
		"indented by tabs":          "\t\t" + breaks("\n\t\t"),
		"quoted":                    `"` + breaks("\n") + `"`,
		"quoted, spaces":            `"` + breaks(" ") + `"`,
		`quoted, \n spelt out`:      `"` + breaks(`\n`) + `\n"`,
		"quoted once":               `'` + breaks(`\n`) + `'`,
		"quoted, escaped":           `\"` + breaks(`\\n`) + `\"`,
		"each line quoted":          `"` + breaks("\"\n\"") + `"`,
		"lines put together":        `"` + breaks("\\n\" +\n  \"") + `"`,
		"byte order mark":           "\ufeff" + want,
		"byte order mark, spaces":   "\ufeff" + breaks(" "),
		"no-break spaces":           breaks("\u00a0"),
		"no white space whatsoever": strings.Join(strings.Fields(want), ""),
		"among others":              "Bag Attributes\n    localKeyID: 01\n" + breaks(`\n`) + `\n` + strings.ReplaceAll(block("CERTIFICATE"), "\n", `\n`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for form, value := range map[string]string{"itself": mangled, "base64": encode(mangled), "a path": writeFile(t, mangled)} {
				if got := forV3().with("WXPAY_PRIVATE_KEY", value).load(t).V3.PrivateKey.Reveal(); got != want {
					t.Errorf("%s: got %q, want %q", form, got, want)
				}
			}
			file := forV3().with("WXPAY_PRIVATE_KEY", "").with("WXPAY_PRIVATE_KEY_FILE", writeFile(t, mangled))
			if got := file.load(t).V3.PrivateKey.Reveal(); got != want {
				t.Errorf("_FILE: got %q, want %q", got, want)
			}
		})
	}
	chain := block("CERTIFICATE") + block("CERTIFICATE")
	if got := forV3().with("WXPAY_CERT_ROOTS", strings.ReplaceAll(chain, "\n", " ")).load(t).V3.Roots; got != chain {
		t.Errorf("roots: got %q, want %q", got, chain)
	}
	forV3().with("WXPAY_CERT_ROOTS", chain[:len(chain)-40]).wantFault(t, "WXPAY_CERT_ROOTS", "has a BEGIN line and no END line")
}

func TestPEMFaults(t *testing.T) {
	t.Parallel()
	encrypted := "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n" +
		"-----END RSA PRIVATE KEY-----\n"
	der := base64.StdEncoding.EncodeToString(append([]byte{0x30, 0x82}, make([]byte, 600)...))
	whole := block("PRIVATE KEY")
	for name, test := range map[string]struct {
		variable, value, words string
	}{
		"a certificate":           {"WXPAY_PRIVATE_KEY", block("CERTIFICATE"), "is a certificate"},
		"a certificate in base64": {"WXPAY_PRIVATE_KEY", encode(block("CERTIFICATE")), "is a certificate"},
		"a certificate in a file": {"WXPAY_PRIVATE_KEY", writeFile(t, block("CERTIFICATE")), "is a certificate"},
		"a public key":            {"WXPAY_PRIVATE_KEY", block("PUBLIC KEY"), "is a public key"},
		"an encrypted key":        {"WXPAY_PRIVATE_KEY", block("ENCRYPTED PRIVATE KEY"), "openssl pkey"},
		"an old encrypted key":    {"WXPAY_PRIVATE_KEY", encrypted, "openssl pkey"},
		"a key of another kind":   {"WXPAY_PRIVATE_KEY", block("EC PRIVATE KEY"), "does not belong here"},
		"no END line":             {"WXPAY_PRIVATE_KEY", whole[:len(whole)-40], "has a BEGIN line and no END line"},
		"half an END line":        {"WXPAY_PRIVATE_KEY", whole[:len(whole)-10], "has an END line that does not end in five hyphens"},
		"half a BEGIN line":       {"WXPAY_PRIVATE_KEY", "-----BEGIN PRIVATE KEY", "has a BEGIN line that does not end in five hyphens"},
		"a BEGIN line of four":    {"WXPAY_PRIVATE_KEY", whole[1:], "does not start with -----BEGIN, five hyphens"},
		"a BEGIN line of dashes":  {"WXPAY_PRIVATE_KEY", strings.ReplaceAll(whole, "-----", "———–"), "five hyphens"},
		"two BEGIN lines":         {"WXPAY_PRIVATE_KEY", whole[:100] + whole, "has a BEGIN line after another"},
		"ends of two blocks":      {"WXPAY_PRIVATE_KEY", strings.Replace(whole, "END PRIVATE", "END PUBLIC", 1), "of different kinds"},
		"nothing in it":           {"WXPAY_PRIVATE_KEY", `-----BEGIN PRIVATE KEY-----\n \n-----END PRIVATE KEY-----`, "has nothing between its BEGIN and END lines"},
		"a strange character":     {"WXPAY_PRIVATE_KEY", strings.Replace(whole, "KEY-----\n", "KEY-----%0A", 1), "is not base64's between its BEGIN and END lines, at position 1 after BEGIN"},
		"another escape":          {"WXPAY_PRIVATE_KEY", strings.Replace(whole, "KEY-----\n", `KEY-----\x0a`, 1), "is not base64's between its BEGIN and END lines, at position 2 after BEGIN"},
		"a lost +":                {"WXPAY_PRIVATE_KEY", "-----BEGIN PRIVATE KEY----- AAA AAA -----END PRIVATE KEY-----", "has 6 characters of base64"},
		"PowerShell's UTF-16":     {"WXPAY_PRIVATE_KEY", writeFile(t, "\xff\xfe-\x00-\x00"), "is text in UTF-16"},
		"a file without PEM":      {"WXPAY_PRIVATE_KEY", writeFile(t, "hello"), "has no BEGIN line, so it is not PEM"},
		"an old encrypted one, 1 line": {
			"WXPAY_PRIVATE_KEY", strings.ReplaceAll(encrypted, "\n", " "), "openssl pkey",
		},
		"the public key as private":   {"WXPAY_PRIVATE_KEY", block("RSA PUBLIC KEY"), "is a public key"},
		"a serial as public id":       {"WXPAY_PUBLIC_KEY_ID", "408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB", "is a certificate's serial number"},
		"no BEGIN and END lines":      {"WXPAY_PRIVATE_KEY", der, "without the lines BEGIN and END"},
		"no such file":                {"WXPAY_PRIVATE_KEY", filepath.Join(t.TempDir(), "none.pem"), "no file is there"},
		"a folder":                    {"WXPAY_PRIVATE_KEY", t.TempDir(), "no file can be read"},
		"a path that cannot be":       {"WXPAY_PRIVATE_KEY", strings.Repeat("a", 10_000), "no file can be read"},
		"a file too long":             {"WXPAY_PRIVATE_KEY", writeFile(t, strings.Repeat("a", 65<<10)), "more than 64 KiB"},
		"a certificate as public key": {"WXPAY_PUBLIC_KEY", block("CERTIFICATE"), "is a certificate"},
		"the private key as public":   {"WXPAY_PUBLIC_KEY", whole, "WXPAY_PRIVATE_KEY"},
		"an encrypted one as public":  {"WXPAY_PUBLIC_KEY", block("ENCRYPTED PRIVATE KEY"), "is a private key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forV3().with(test.variable, test.value).wantFault(t, test.variable, test.words)
		})
	}
}

func TestUnreadableKeyFile(t *testing.T) {
	t.Parallel()
	path := writeFile(t, block("PRIVATE KEY"))
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if file, err := os.Open(path); err == nil {
		_ = file.Close()
		t.Skip("whoever runs this test may read every file")
	}
	forV3().with("WXPAY_PRIVATE_KEY", path).wantFault(t, "WXPAY_PRIVATE_KEY", "may not be read")
}

func TestPlatformCertificatesStandInForThePublicKey(t *testing.T) {
	t.Parallel()
	certificates := forV3().with("WXPAY_PUBLIC_KEY", "").with("WXPAY_PUBLIC_KEY_ID", "").with("WXPAY_V3_KEY", v3Key)
	if c := certificates.load(t); !c.Has(order.V3) || c.V3.PublicKey != "" || c.V3.Key.Reveal() != v3Key {
		t.Errorf("got %+v", c)
	}
	certificates.with("WXPAY_PUBLIC_KEY_ID", publicKeyID).wantFault(t, "WXPAY_PUBLIC_KEY", "is not set")
	forV3().with("WXPAY_PUBLIC_KEY_ID", "").wantFault(t, "WXPAY_PUBLIC_KEY_ID", "is not set")
	forBoth().with("WXPAY_V3_KEY", v2Key).wantFault(t, "WXPAY_V3_KEY", "is the same as WXPAY_V2_KEY")
	forV3().with("WXPAY_V3_KEY", "short").wantFault(t, "WXPAY_V3_KEY", "has 5 bytes instead of 32")
	forV3().with("WXPAY_CERT_ROOTS", block("PUBLIC KEY")).wantFault(t, "WXPAY_CERT_ROOTS", "other than certificates")
	forV3().with("WXPAY_CERT_ROOTS", "-----BEGIN CERTIFICATE-----").wantFault(t, "WXPAY_CERT_ROOTS", "no END line")
	forV3().with("WXPAY_CERT_ROOTS", "nowhere").wantFault(t, "WXPAY_CERT_ROOTS", "no file is there")
}

func TestOverseasNumbersMayHaveLetters(t *testing.T) {
	t.Parallel()
	forV3().with("WXPAY_MCHID", "19A").wantFault(t, "WXPAY_MCHID", "no digit")
	overseas := forV3().with("WXPAY_REGION", "global").with("WXPAY_MCHID", "19A").with("WXPAY_SUB_MCHID", "20B").
		with("WXPAY_SUB_MCHIDS", "20B,20C")
	if c := overseas.load(t); c.MchID != "19A" || c.SubMchID != "20B" || len(c.SubMchIDs) != 2 {
		t.Errorf("got %+v", c)
	}
}

func TestCloudRunNeedsNoCredentials(t *testing.T) {
	t.Parallel()
	cloudRun := env{"WXPAY_API": "wxcloudrun", "WXPAY_MCHID": "1900000109"}
	c := cloudRun.load(t)
	if !c.Has(order.WXCloudRun) || c.Has(order.V2) || c.Has(order.V3) || c.CloudRunURL != "http://api.weixin.qq.com" {
		t.Errorf("got %+v", c)
	}
	if forV3().load(t).Has(order.WXCloudRun) {
		t.Error("the private link is on although nobody asked for it")
	}
	cloudRun.with("WXPAY_REGION", "global").wantFault(t, "WXPAY_REGION", "is overseas")
	cloudRun.with("WXPAY_CLOUDRUN_URL", "http://example.com").wantFault(t, "WXPAY_CLOUDRUN_URL", "not https")
}

func TestBackupIsAnotherAddress(t *testing.T) {
	t.Parallel()
	forV3().with("WXPAY_BASE_URL", "https://a.example").with("WXPAY_BACKUP_URL", "https://a.example/").
		wantFault(t, "WXPAY_BACKUP_URL", "is the same as WXPAY_BASE_URL")
	forV3().with("WXPAY_BACKUP_URL", "http://a.example").wantFault(t, "WXPAY_BACKUP_URL", "not https")
}

func TestMisspeltNames(t *testing.T) {
	t.Parallel()
	for given, meant := range map[string]string{
		"WXPAY_MCH_ID":          "WXPAY_MCHID",
		"WXPAY_MCHIDS":          "WXPAY_MCHID",
		"WXPAY_APP_ID":          "WXPAY_APPID",
		"WXPAY_PRIVATEKEY":      "WXPAY_PRIVATE_KEY",
		"WXPAY_PRIVATE_KYE":     "WXPAY_PRIVATE_KEY",
		"WXPAY_SERIAL_NR":       "WXPAY_SERIAL_NO",
		"WXPAY_V_KEY":           "WXPAY_V2_KEY",
		"wxpay_api":             "WXPAY_API",
		"CLOUDPAY_LOGLEVEL":     "CLOUDPAY_LOG_LEVEL",
		"CLOUDPAY_CALER_POLICY": "CLOUDPAY_CALLER_POLICY",
		"WXAPY_MODE":            "WXPAY_MODE",
		"WXPAY_V2_KEYFILE":      "WXPAY_V2_KEY_FILE",
		"WXPAY_V3_KEY_FLIE":     "WXPAY_V3_KEY_FILE",
		"wxpay_cert_roots_file": "WXPAY_CERT_ROOTS_FILE",
		"CLOUDPAY_HTTP_TOKENS":  "CLOUDPAY_HTTP_TOKEN",
		"CLOUDPAY_STORES":       "CLOUDPAY_STORE",
		"CLOUDPAY_SWEEPFIRST":   "CLOUDPAY_SWEEP_FIRST",
	} {
		t.Run(given, func(t *testing.T) {
			t.Parallel()
			forV3().with(given, "x").wantFault(t, given, "did you mean "+meant+"?")
		})
	}
	ignored := forV3()
	for _, name := range []string{
		"WXPAY_MCHID2", "CLOUDPAY_STORE2", "CLOUDPAY_DATABASE", "CLOUDPAY_DATABASE_FILE", "_FILE", "PORT",
		"WXPAY_CERT_SERIAL", "PATH", "WXPAY_", "WXPAY_SERIAL_ON_", "",
	} {
		ignored[name] = "x"
	}
	ignored["WXPAY_MCH_ID"] = "" // an empty value counts as absent here too
	ignored.load(t)
}

func TestReportNamesEveryFaultAtOnce(t *testing.T) {
	t.Parallel()
	_, err := config.Load(env{
		"WXPAY_MCHID":         "x",
		"WXPAY_BASE_URL":      "http://example.com",
		"WXPAY_SERIAL_NO":     "1F",
		"WXPAY_PRIVATE_KEY":   block("CERTIFICATE"),
		"WXPAY_PUBLIC_KEYID":  publicKeyID,
		"WXPAY_PUBLIC_KEY":    block("PUBLIC KEY"),
		"CLOUDPAY_HTTP_TOKEN": "hello",
	}.entries())
	want := `the configuration has 6 faults:
  WXPAY_PUBLIC_KEYID is not a variable of ours: did you mean WXPAY_PUBLIC_KEY_ID?
  WXPAY_MCHID has no digit at position 1: give the merchant number (商户号) of pay.weixin.qq.com, digits only
  WXPAY_PRIVATE_KEY is a certificate, not a private key: give apiclient_key.pem, the file beside apiclient_cert.pem
  WXPAY_PUBLIC_KEY_ID is not set: give the public key's id (微信支付公钥ID), which starts with PUB_KEY_ID_
  WXPAY_BASE_URL is not https, and its host is not loopback: give https://HOST or https://HOST:PORT and nothing after it
  CLOUDPAY_HTTP_TOKEN has 5 bytes, less than 16: make one: openssl rand -hex 32`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func TestReportOfOneFault(t *testing.T) {
	t.Parallel()
	_, err := config.Load(forV3().without("WXPAY_MCHID").entries())
	var faults *config.Faults
	if !errors.As(err, &faults) || !faults.Has("WXPAY_MCHID") || faults.Has("WXPAY_API") {
		t.Errorf("got %v, want a fault of WXPAY_MCHID alone", err)
	}
	if want := "the configuration has a fault:\n  WXPAY_MCHID is not set: "; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %q, want it to begin %q", err, want)
	}
}

// TestReportHoldsNoValue pastes one secret into every variable, in every wrong form.
func TestReportHoldsNoValue(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t-s3cr3t-s3cr3t"
	for name, value := range map[string]string{
		"plain":       secret,
		"as an URL":   "http://" + secret + "/%zz",
		"as a list":   secret + "," + secret,
		"as a key id": "PUB_KEY_ID_" + secret,
		"as PEM":      "-----BEGIN " + secret + "-----\n\n" + "-----END " + secret + "-----\n",
		"as a path":   filepath.Join(t.TempDir(), secret),
		"in a file":   writeFile(t, secret),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := env{"WXPAY_MCH_ID": value}
			files := env{}
			for _, variable := range config.Names() {
				all[variable], files[variable+"_FILE"] = value, value
			}
			for _, given := range []env{all, files} {
				_, err := config.Load(given.entries())
				if err == nil || strings.Contains(err.Error(), secret) {
					t.Errorf("got %v, want faults without the value", err)
				}
			}
		})
	}
}

func TestEveryRowIsComplete(t *testing.T) {
	t.Parallel()
	if names := config.Names(); len(names) != len(slices.Compact(slices.Sorted(slices.Values(names)))) {
		t.Errorf("got %v, want each name once", names)
	}
	if got, want := config.Meanings(), len(config.Names()); got != want {
		t.Errorf("got the meanings of %d variables, want those of %d", got, want)
	}
	table, _, _ := strings.Cut(config.Markdown(), "\n\n")
	for row := range strings.Lines(table) {
		if cells := strings.Split(row, "|"); len(cells) != 7 || strings.TrimSpace(cells[5]) == "" {
			t.Errorf("got row %q, want five cells and a meaning", row)
		}
	}
}
