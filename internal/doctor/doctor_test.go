package doctor_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/doctor"
	"cloudpay/pkg/paygate"
)

// In each dialect and mode a valid configuration has no fault, and the gateway's signed answer
// proves it.
func TestExamineSound(t *testing.T) {
	t.Parallel()
	for name, vars := range map[string]map[string]string{
		"both":              {},
		"v2":                {"WXPAY_API": "v2", "WXPAY_V2_SIGN_TYPE": "HMAC-SHA256"},
		"service provider":  {"WXPAY_SUB_MCHID": "1900000109"},
		"global":            {"WXPAY_REGION": "global", "WXPAY_V2_KEY": ""},
		"Hong Kong":         {"WXPAY_REGION": "hk", "WXPAY_V2_KEY": ""},
		"a PKCS #1 key":     {"WXPAY_V2_KEY": ""},
		"without a backup":  {"WXPAY_BACKUP_URL": ""},
		"confirmed closing": {"WXPAY_CONFIRM_CLOSE": "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newEnv(t).with(vars)
			if vars["WXPAY_SUB_MCHID"] != "" {
				w.MustAddOrder(paygate.Order{MchID: w.Merchant.MchID, SubMchID: vars["WXPAY_SUB_MCHID"], OutTradeNo: "A1", Total: 1})
			}
			got := w.examined()
			got.wantNoFault(t)
			answers := got.of(doctor.CheckAnswer)
			if len(answers) == 0 {
				t.Fatalf("nothing was asked:\n%s", got.text())
			}
			for _, a := range answers {
				findings{a}.want(t, doctor.LevelFine, "signed ORDERNOTEXIST")
			}
			got.of(doctor.CheckClock).want(t, doctor.LevelFine, "agrees with the gateway's")
			got.of(doctor.CheckMainDomain).want(t, doctor.LevelFine, "HTTP 401")
			got.of(doctor.CheckConfiguration).want(t, doctor.LevelFine, "complete and sound")
		})
	}
}

// Without an appid APIv3 works, but orders cannot be registered by openid: a warning, not a fault.
func TestExamineWithoutAppID(t *testing.T) {
	t.Parallel()
	for name, vars := range map[string]map[string]string{
		"v3":               {},
		"service provider": {"WXPAY_SUB_MCHID": "1900000109"},
		"wxcloudrun":       {"WXPAY_API": "wxcloudrun", "WXPAY_SERIAL_NO": "", "WXPAY_PRIVATE_KEY": "", "WXPAY_PUBLIC_KEY_ID": "", "WXPAY_PUBLIC_KEY": ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newEnv(t).onlyV3().with(vars).with(map[string]string{"WXPAY_APPID": ""})
			w.doctor.Offline = true
			got := w.examined()
			got.wantNoFault(t)
			got.of(doctor.CheckConfiguration).about("WXPAY_APPID").want(t, doctor.LevelWarning, "but not complete: no order is registered by openid")
			if strings.Contains(got.text(), "complete and sound") {
				t.Errorf("it is called complete:\n%s", got.text())
			}
		})
	}
}

// Over the private link there are no keys, and the link is the only proof.
func TestExaminePrivateLink(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	w.with(map[string]string{"WXPAY_CLOUDRUN_URL": w.URL, "WXPAY_BASE_URL": "", "WXPAY_BACKUP_URL": ""}).onlyV2()
	w.with(map[string]string{"WXPAY_API": "wxcloudrun", "WXPAY_V2_KEY": ""})
	w.MustAddOrder(paygate.Order{MchID: w.Merchant.MchID, OutTradeNo: "A1", Total: 1}) // else the link knows no such merchant
	got := w.examined()
	got.wantNoFault(t)
	got.of(doctor.CheckAnswer).want(t, doctor.LevelFine, "the link answers ORDERNOTEXIST")
	if got := got.of(doctor.CheckCertificate); len(got) > 0 {
		t.Errorf("certificates are none of its business: %s", got.text())
	}
}

// Every fault has a finding with a remedy. A faulty configuration is not queried with, but the
// other checks are made.
func TestExamineFaults(t *testing.T) {
	t.Parallel()
	w := newEnv(t).with(map[string]string{"WXPAY_MCHID": "", "WXPAY_SERIAL_NO": "nonsense", "WXPAY_V2_KEY": "short"})
	got := w.examined()
	for _, name := range []string{"WXPAY_MCHID", "WXPAY_SERIAL_NO", "WXPAY_V2_KEY"} {
		findings := got.of(doctor.CheckConfiguration).about(name)
		findings.want(t, doctor.LevelFault, name)
	}
	got.of(doctor.CheckAnswer).want(t, doctor.LevelSkipped, "the configuration has faults")
	got.of(doctor.CheckMainDomain).want(t, doctor.LevelFine, "HTTP 401")
	if sent := len(w.Requests()); sent > 2 {
		t.Errorf("%d requests were sent, want only the looks at two domains", sent)
	}
}

// Set variables are listed; a value is shown only if it cannot be a misplaced key.
func TestExamineSettings(t *testing.T) {
	t.Parallel()
	stray := "AbCdEfGhIjKlMnOpQrStUvWxYz012345" // as an API key looks
	for _, c := range []struct{ name, value, want string }{
		{"WXPAY_API", "v2", "v2"},
		{"WXPAY_MCHID", "1900007291", "1900007291"},
		{"WXPAY_MCHID", "12345678901234567890123456789012", "set"},
		{"WXPAY_APPID", "wx0123456789abcdef", "wx0123456789abcdef"},
		{"WXPAY_APPID", stray, "set"},
		{"WXPAY_SERIAL_NO", "5A0D6B1F9C3E47A2B8D1F00C6E7A94D3B2C1E0F9", "5A0D6B1F9C3E47A2B8D1F00C6E7A94D3B2C1E0F9"},
		{"WXPAY_SERIAL_NO", "0123456789ABCDEF0123456789ABCDEF", "set"},
		{"WXPAY_V2_KEY", stray, "set"},
		{"WXPAY_REGION", stray, "set"},
		{"WXPAY_SUB_MCHIDS", "1900000109,1900000110", "set"},
		{"WXPAY_BASE_URL", "https://pay.example", "https://pay.example"},
		{"CLOUDPAY_LOG_LEVEL", "warn", "warn"},
	} {
		t.Run(c.name+" "+c.want, func(t *testing.T) {
			t.Parallel()
			d := doctor.Doctor{Environ: []string{c.name + "=" + c.value, "WXPAY_MODE= ", "HOME=/root"}, Offline: true}
			var got findings
			for f := range d.Examine(t.Context()) {
				if f.Check == doctor.CheckSettings {
					got = append(got, f)
				}
			}
			got.want(t, doctor.LevelFact, "| "+c.want+" |")
		})
	}
}

func TestExamineOffline(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	w.doctor.Offline = true
	got := w.examined()
	got.of(doctor.CheckMainDomain).want(t, doctor.LevelSkipped, "--offline")
	got.of(doctor.CheckAnswer).want(t, doctor.LevelSkipped, "--offline")
	if sent := len(w.Requests()); sent != 0 {
		t.Errorf("%d requests were sent", sent)
	}
}

// A loop that breaks gets no more findings, and a cancelled context none.
func TestExamineStops(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	d := doctor.Doctor{Environ: []string{"WXPAY_API=v3", "WXPAY_REGION=cn"}, Offline: true}
	told := 0
	for range d.Examine(t.Context()) {
		told++
		break
	}
	if told != 1 {
		t.Errorf("told %d findings after the first", told)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := w.examinedWithin(ctx); len(got) > 0 {
		t.Errorf("told after being interrupted:\n%s", got.text())
	}
}

// In CloudBase's own hosting it is not documented that the header is the gateway's, so that it is
// an error to trust it there.
func TestExamineTheGatewayInCloudBasesHosting(t *testing.T) {
	t.Parallel()
	w := newEnv(t).with(map[string]string{"CLOUDPAY_BEHIND_WX_GATEWAY": "1", "CBR_ENV_ID": "e1"})
	w.doctor.Offline = true
	w.examined().about("CLOUDPAY_BEHIND_WX_GATEWAY").of(doctor.CheckCallers).want(t, doctor.LevelFault, "not documented that forged ones are removed")
}

// Which callers are accepted, by the configuration alone.
func TestExamineCallers(t *testing.T) {
	t.Parallel()
	const token = "Kq7vX9pLm4Zt2RwYb8Nc"
	file := writeFile(t, []byte(token))
	for name, c := range map[string]struct {
		vars  map[string]string
		level doctor.Level
		says  string
	}{
		"any":        {map[string]string{"CLOUDPAY_CALLER_POLICY": "any"}, doctor.LevelWarning, "may close and query any order"},
		"platform":   {map[string]string{"CLOUDPAY_CALLER_POLICY": "platform"}, doctor.LevelFine, "access management"},
		"strict":     {map[string]string{"CLOUDPAY_SERVICE_TOKEN": token}, doctor.LevelFine, "every caller must authenticate"},
		"nobody":     {map[string]string{}, doctor.LevelWarning, "only timers, and AWS"},
		"no service": {map[string]string{}, doctor.LevelFact, "no call is accepted as a service's"},
		"service":    {map[string]string{"CLOUDPAY_SERVICE_TOKEN": token}, doctor.LevelFact, "may do everything"},
		"rotating":   {map[string]string{"CLOUDPAY_SERVICE_TOKEN": token + " " + token + "2"}, doctor.LevelFact, "two tokens are accepted"},
		"rotating by a file": {
			map[string]string{"CLOUDPAY_HTTP_TOKEN_FILE": writeFile(t, []byte(token+" "+token+"2\n"))}, doctor.LevelFact, "two tokens are accepted",
		},
		"no HTTP":    {map[string]string{}, doctor.LevelFact, "HTTP requests are refused"},
		"HTTP":       {map[string]string{"CLOUDPAY_HTTP_TOKEN": token}, doctor.LevelFact, "HTTP: a request with the bearer token"},
		"a claim":    {map[string]string{"CLOUDPAY_HTTP_AUTHORIZER": "role=operator"}, doctor.LevelFact, "HTTP: a request with the bearer token"},
		"timer":      {map[string]string{"CLOUDPAY_TIMER_TOKEN": token}, doctor.LevelFact, "the trigger's Message"},
		"no timer":   {map[string]string{}, doctor.LevelFact, "by the platform's sign alone"},
		"metrics":    {map[string]string{"CLOUDPAY_METRICS_TOKEN": token}, doctor.LevelFact, "GET /metrics answers a scraper"},
		"no metrics": {map[string]string{}, doctor.LevelFact, "there is no path /metrics"},
		"rotating metrics": {
			map[string]string{"CLOUDPAY_METRICS_TOKEN": token + " " + token + "2"}, doctor.LevelFact, "two tokens are accepted",
		},
		"a file":   {map[string]string{"CLOUDPAY_HTTP_TOKEN_FILE": file}, doctor.LevelFact, "HTTP: a request with the bearer token"},
		"WeChat's": {map[string]string{"CLOUDPAY_BEHIND_WX_GATEWAY": "1"}, doctor.LevelWarning, "X-WX-OPENID is trusted"},
		"WeChat's hosting, by its names": {
			map[string]string{"CLOUDPAY_BEHIND_WX_GATEWAY": "1", "CBR_ENV_ID": "e1", "CLOUDPAY_WX_HOSTS": "shop.internal"},
			doctor.LevelWarning, "X-WX-OPENID is trusted",
		},
		"a context":           {map[string]string{"CLOUDPAY_CLOUDBASE_CONTEXT": "1"}, doctor.LevelWarning, "x-cloudbase-context is trusted"},
		"logins":              {map[string]string{"CLOUDPAY_LOGIN_ENV": "shop-1a2b"}, doctor.LevelFact, "for their own orders"},
		"no logins":           {map[string]string{}, doctor.LevelFact, "access tokens prove nothing"},
		"logins are a way in": {map[string]string{"CLOUDPAY_LOGIN_ENV": "shop-1a2b"}, doctor.LevelFine, "every caller must authenticate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newEnv(t).with(map[string]string{"CLOUDPAY_CALLER_POLICY": ""}).with(c.vars)
			w.doctor.Offline = true
			got := w.examined()
			got.wantNoFault(t)
			var said findings
			for _, f := range got.of(doctor.CheckCallers) {
				if strings.Contains(f.Found.EN, c.says) {
					said = append(said, f)
				}
			}
			said.want(t, c.level, c.says)
		})
	}
}

// An unknown policy is a fault, and there is no finding about callers.
func TestExamineCallersUnknown(t *testing.T) {
	t.Parallel()
	w := newEnv(t).with(map[string]string{"CLOUDPAY_CALLER_POLICY": "everybody"})
	w.doctor.Offline = true
	got := w.examined()
	got.of(doctor.CheckConfiguration).about("CLOUDPAY_CALLER_POLICY").want(t, doctor.LevelFault, "accepted words")
	if said := got.of(doctor.CheckCallers); len(said) > 0 {
		t.Errorf("said: %s", said.text())
	}
}

// A key in a file works as one in the environment; the finding names the variable that is set.
func TestExamineKeyInFile(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	w.doctor.Offline = true
	w.with(map[string]string{"WXPAY_PRIVATE_KEY_FILE": writeFile(t, []byte(w.vars["WXPAY_PRIVATE_KEY"])), "WXPAY_PRIVATE_KEY": ""})
	got := w.examined()
	got.wantNoFault(t)
	got.of(doctor.CheckSettings).about("WXPAY_PRIVATE_KEY_FILE").want(t, doctor.LevelFact, "set")
	got.of(doctor.CheckPrivateKey).want(t, doctor.LevelFine, "RSA, 2048 bits")
}

// A finding is written in one language.
func TestFindingIn(t *testing.T) {
	t.Parallel()
	f := doctor.Finding{
		Check: doctor.CheckClock, Level: doctor.LevelFine, Subject: "s",
		Found: bilingual.Text{EN: "agrees", ZH: "一致"}, Remedy: bilingual.Text{},
	}
	for chinese, want := range map[bool]string{
		false: `{"check":"clock","level":"fine","subject":"s","found":"agrees"}`,
		true:  `{"check":"clock","level":"fine","subject":"s","found":"一致"}`,
	} {
		got, err := json.Marshal(f.In(chinese))
		if err != nil || string(got) != want {
			t.Errorf("got %s %v, want %s", got, err, want)
		}
	}
}

// Every check has a title, in both languages.
func TestTitles(t *testing.T) {
	t.Parallel()
	for _, check := range []doctor.Check{
		doctor.CheckSettings, doctor.CheckConfiguration, doctor.CheckPrivateKey, doctor.CheckPublicKey, doctor.CheckCertificate,
		doctor.CheckCallers, doctor.CheckMainDomain, doctor.CheckBackupDomain, doctor.CheckPrivateLink, doctor.CheckClock,
		doctor.CheckAnswer,
	} {
		if title := check.Title(); title.EN == "" || title.ZH == "" {
			t.Errorf("%s: title %+v", check, title)
		}
	}
}

// An examination keeps to its deadline, whatever hangs.
func TestExamineKeepsDeadline(t *testing.T) {
	t.Parallel()
	w := newEnv(t).onlyV3()
	w.MustInject(paygate.Fault{Op: "query", Action: paygate.Hang})
	w.doctor.AskFor(5 * time.Minute)
	const limit, busy = 9 * time.Second, 30 * time.Second // a workflow that knows only the five minutes gives up after one
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	began := time.Now()
	got := w.examinedWithin(ctx)
	if took := time.Since(began); took > limit+busy {
		t.Errorf("the examination took %s, and had %s", took, limit)
	}
	got.of(doctor.CheckAnswer).want(t, doctor.LevelFault, "")
}
