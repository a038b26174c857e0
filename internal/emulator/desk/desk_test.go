package desk

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/console"
	"cloudpay/internal/emulator/platform"
	"cloudpay/pkg/paygate"
)

// open opens a desk at free ports until the test ends.
func open(t *testing.T, dir string) *Desk {
	t.Helper()
	d, err := Start(t.Context(), dir, Addresses{Gateway: AnyPort, Backup: AnyPort, Admin: AnyPort})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// wantError checks that an error says something, in both languages.
func wantError(t *testing.T, err error, want string) {
	t.Helper()
	text := bilingual.Wording(err)
	if !strings.Contains(text.EN, want) || !strings.ContainsFunc(text.ZH, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		t.Errorf("got %+v, want %q and a Chinese wording", text, want)
	}
}

// WeChat Pay and its management API answer at the addresses that the description names, with keys
// that the next emulator in the folder has again.
func TestStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := open(t, dir)
	d := first.Describe("http://cloud", platform.Go1, Settings{API: "v3", Region: "cn", Store: "mysql://x"})
	for _, url := range []string{d.GatewayURL + "/v3/certificates", d.BackupURL + "/v3/certificates", d.AdminURL + "/orders"} {
		response, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode == http.StatusNotFound {
			t.Errorf("%s: got %s", url, response.Status)
		}
	}
	if d.Env["WXPAY_MODE"] != "" || d.PartnerEnv["WXPAY_MODE"] != "partner" || d.PartnerEnv["WXPAY_SUB_MCHID"] != d.Merchant.SubMchID ||
		d.Env["CLOUDPAY_STORE"] != "mysql://x" || d.Env["WXPAY_MCHID"] != (Settings{}).Owner().MchID ||
		(Settings{Partner: true}).Owner() != (paygate.Owner{MchID: d.Merchant.MchID, SubMchID: d.Merchant.SubMchID}) {
		t.Errorf("got %+v", d)
	}
	asMerchant, asProvider := Description{Env: d.Env, PartnerEnv: d.PartnerEnv}, Description{Partner: true, Env: d.Env, PartnerEnv: d.PartnerEnv}
	if asMerchant.FunctionEnv()["WXPAY_MODE"] != "" || asProvider.FunctionEnv()["WXPAY_MODE"] != "partner" {
		t.Error("commands with --emulator do not use what the emulator's own functions run with")
	}
	for _, env := range []map[string]string{d.Env, d.PartnerEnv} {
		if size := len(strings.Join(environ(env), "")); size > 4<<10 {
			t.Errorf("the environment has %d bytes, more than SCF allows", size)
		}
	}
	first.Close()
	if response, err := http.Get(d.AdminURL); err == nil {
		_ = response.Body.Close()
		t.Error("the servers go on after Close")
	}
	again := open(t, dir).Describe("http://cloud", platform.Go1, Settings{})
	if again.Merchant != d.Merchant || again.Env[serviceTokenVariable] != d.Env[serviceTokenVariable] {
		t.Errorf("got %+v, want the keys of before: %+v", again.Merchant, d.Merchant)
	}
}

// An address that is taken, a function that does not start and one that is not there are told.
func TestStartFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir)
	taken := strings.TrimPrefix(d.adminURL, "http://")
	_, err := Start(t.Context(), t.TempDir(), Addresses{Gateway: AnyPort, Backup: AnyPort, Admin: taken})
	wantError(t, err, "the address of the admin, "+taken+", is taken by ")
	none := map[string]string{"closeorder": filepath.Join(dir, "none"), "queryorder": filepath.Join(dir, "none")}
	_, _, err = d.Deploy(t.Context(), Deployment{Binaries: none, Runtime: "cobol", Logs: os.Stderr, Address: AnyPort})
	wantError(t, err, "starting the function closeorder: ")
	_, err = Find(dir, platform.Go1)
	wantError(t, err, "there is no function closeorder in ")
}

// Only addresses of this machine are taken, with a port.
func TestCheckAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{AnyPort, "localhost:80", "[::1]:0"} {
		if err := CheckAddress(address); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"", "0.0.0.0:0", "127.0.0.1", "example.com:80", "nonsense", ":0"} {
		wantError(t, CheckAddress(address), "is not a loopback address")
	}
}

// A host that may be notified is a name or an address, and nothing else.
func TestCheckHosts(t *testing.T) {
	t.Parallel()
	if err := CheckHosts([]string{"shop.example", "10.0.0.7", "fd00::7", "host.docker.internal"}); err != nil {
		t.Error(err)
	}
	for _, host := range []string{"", "http://shop.example", "shop.example:80", "shop.example/n", "a@shop.example", "[::1]"} {
		wantError(t, CheckHosts([]string{"shop.example", host}), "is not a host alone")
	}
}

// A folder without secrets.json is a new one; one that is damaged is not made anew, for functions
// are configured with its keys.
func TestSecretsAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := loadSecrets(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(first.publicKeyFile, []byte("spoilt"), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := loadSecrets(dir)
	if err != nil || again.tokens != first.tokens || !again.gatewayKey.Equal(first.gatewayKey) ||
		!again.merchant.PrivateKey.Equal(first.merchant.PrivateKey) {
		t.Errorf("got %+v, %v; want %+v", again, err, first)
	}
	if text, err := os.ReadFile(first.publicKeyFile); err != nil || !strings.Contains(string(text), "PUBLIC KEY") {
		t.Errorf("the public key was not made anew: %s, %v", text, err)
	}
	for file, text := range map[string]string{
		first.privateKeyFile: "no PEM", filepath.Join(dir, gatewayKeyFile): "-----BEGIN X-----\n-----END X-----\n", filepath.Join(dir, secretsFile): "{}",
	} {
		before, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = loadSecrets(dir)
		wantError(t, err, "delete "+dir+" to have new ones")
		if err := os.WriteFile(file, before, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// One emulator at a time uses a folder, and begins without the description that another left.
func TestLock(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	path, release, err := Lock(dir)
	if err != nil || path != dir {
		t.Fatalf("got %s, %v", path, err)
	}
	if _, err := (Description{CloudURL: "http://x"}).Write(dir); err != nil {
		t.Fatal(err)
	}
	_, _, err = Lock(dir)
	wantError(t, err, "another emulator uses "+dir)
	if _, err := Read(dir); err != nil {
		t.Errorf("the second one removed the first one's description: %v", err)
	}
	release()
	if _, release, err = Lock(dir); err != nil {
		t.Fatal(err)
	}
	defer release()
	_, err = Read(dir)
	wantError(t, err, "no emulator runs in "+dir)
}

// Orders and the clock last from one desk to the next; a file that cannot be read is named, and is
// not made anew.
func TestStateLasts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := open(t, dir)
	if err := first.Gateway.AddOrder(paygate.Order{MchID: mchID, OutTradeNo: "A1", Total: 100}); err != nil {
		t.Fatal(err)
	}
	if err := first.Gateway.Advance(time.Hour); err != nil {
		t.Fatal(err)
	}
	first.Close()
	second := open(t, dir)
	if order, err := second.Gateway.Order("A1", paygate.Owner{MchID: mchID}); err != nil || order.Total != 100 {
		t.Errorf("got %+v, %v", order, err)
	}
	if ahead := second.Gateway.Ahead().Round(time.Minute); ahead != time.Hour {
		t.Errorf("the clock is %v ahead, want an hour", ahead)
	}
	second.Close()
	if err := os.WriteFile(filepath.Join(dir, gatewayFile), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), dir, Addresses{Gateway: AnyPort, Backup: AnyPort, Admin: AnyPort})
	wantError(t, err, "starting WeChat Pay: ")
	wantError(t, err, gatewayFile)
}

// A folder of the version before, without keys for events and certificates and without a gateway's
// database, is completed, and keeps what it has.
func TestOldFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	before, err := loadSecrets(dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, secretsFile))
	if err != nil {
		t.Fatal(err)
	}
	old := map[string]string{}
	if err := json.Unmarshal(text, &old); err != nil {
		t.Fatal(err)
	}
	delete(old, "events_key")
	if text, err = json.Marshal(old); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{secretsFile: string(text), "clock": "30m0s\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(dir, certificateKeyFile)); err != nil {
		t.Fatal(err)
	}
	d := open(t, dir) // it has no gateway.db either
	if got := d.secrets.tokens; got.EventsKey == "" || got.ServiceToken != before.tokens.ServiceToken {
		t.Errorf("got %+v, want an events_key beside what there was", got)
	}
	if ahead := time.Until(d.Gateway.Time()); ahead < 28*time.Minute || ahead > 30*time.Minute {
		t.Errorf("the clock is %v ahead, want half an hour", ahead)
	}
	again, err := loadSecrets(dir)
	if err != nil || again.tokens != d.secrets.tokens || !again.certificateKey.Equal(d.secrets.certificateKey) {
		t.Errorf("what was completed is not kept: %v", err)
	}
}

// get is a request to a server of the desk's, with headers.
func get(t *testing.T, method, url string, header map[string]string) (status int, body string, answer http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	if host := header["Host"]; host != "" {
		request.Host = host
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text), response.Header
}

// The console's page names every address, in both languages, and no secret; it and the event sink
// answer nothing that a foreign page could have a browser send.
func TestConsoleAndEvents(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	events, err := d.ServeEvents(t.Context(), AnyPort)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.ServeConsole(t.Context(), AnyPort, console.Options{CloudURL: "http://127.0.0.1:9"}); err != nil {
		t.Fatal(err)
	}
	described := d.Describe("http://127.0.0.1:9", platform.Go1, Settings{Store: "sqlite:x", Events: events})
	if env := described.Env; env["CLOUDPAY_NOTIFY_URL"] != described.EventsURL+"/events" || !strings.HasPrefix(env["CLOUDPAY_NOTIFY_KEY"], "whsec_") {
		t.Errorf("got %v", env)
	}
	_, page, header := get(t, http.MethodGet, described.ConsoleURL, nil)
	for _, want := range []string{described.GatewayURL, described.BackupURL, described.AdminURL, described.CloudURL, described.EventsURL, "management API"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s:\n%s", want, page)
		}
	}
	for name, secret := range described.Env {
		if strings.HasSuffix(name, "_KEY") && !strings.HasPrefix(secret, "/") && strings.Contains(page, secret) || strings.HasSuffix(name, "_TOKEN") && strings.Contains(page, secret) {
			t.Errorf("the page has %s", name)
		}
	}
	if policy := header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("got %q", policy)
	}
	for _, chinese := range []func() string{
		func() string {
			_, page, _ := get(t, http.MethodGet, described.ConsoleURL+"/?lang=zh", nil)
			return page
		},
		func() string {
			_, page, _ := get(t, http.MethodGet, described.ConsoleURL, map[string]string{"Accept-Language": "zh-CN"})
			return page
		},
	} {
		if page := chinese(); !strings.Contains(page, "管理接口") || strings.Contains(page, "management API") {
			t.Errorf("got %s", page)
		}
	}
	if status, _, _ := get(t, http.MethodGet, described.ConsoleURL+"/other", nil); status != http.StatusNotFound {
		t.Errorf("got %d", status)
	}
	own := strings.TrimPrefix(described.EventsURL, "http://")
	for _, header := range []map[string]string{
		{"Host": "evil.example"}, {"Host": "evil.example:80"}, {"Origin": "http://evil.example"}, {"Origin": "null"},
		{"Origin": "http://localhost:1"}, {"Sec-Fetch-Site": "cross-site"},
	} {
		if status, _, _ := get(t, http.MethodPost, events, header); status != http.StatusForbidden {
			t.Errorf("%v: got %d", header, status)
		}
	}
	for _, header := range []map[string]string{{}, {"Origin": "http://" + own}, {"Sec-Fetch-Site": "same-origin"}} {
		if status, _, _ := get(t, http.MethodPost, events, header); status != http.StatusUnauthorized {
			t.Errorf("%v: got %d, want the sink's own refusal", header, status)
		}
	}
}

// A description is read as it was written, and is for its owner alone: it holds keys.
func TestDescription(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := Description{CloudURL: "http://cloud", Runtime: platform.Web, Env: map[string]string{"A": "1"}}
	forget, err := want.Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(dir)
	if err != nil || got.CloudURL != want.CloudURL || got.Runtime != want.Runtime || got.Env["A"] != "1" {
		t.Errorf("got %+v, %v", got, err)
	}
	file, err := os.Stat(filepath.Join(dir, File))
	if err != nil || file.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", file.Mode(), err)
	}
	forget()
	if _, err := os.Stat(filepath.Join(dir, File)); err == nil {
		t.Error("the description is still there")
	}
	for _, text := range []string{"{", "{}"} {
		if err := os.WriteFile(filepath.Join(dir, File), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Read(dir)
		wantError(t, err, "does not say how the emulator is reached")
	}
	if text, err := json.Marshal(Description{}); err != nil || !strings.Contains(string(text), `"gateway_url"`) {
		t.Errorf("got %s, %v", text, err)
	}
}

// The clock that the functions' register follows is in a file when the reply arrives, goes on in
// the next emulator of the folder, and is not guessed.
func TestClockFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := open(t, dir)
	if env := first.Env(Settings{}); env["CLOUDPAY_EMULATOR_CLOCK"] != "" {
		t.Errorf("without a register: got %v", env)
	}
	file := first.Env(Settings{Store: "sqlite:x"})["CLOUDPAY_EMULATOR_CLOCK"]
	want := func(text string) {
		t.Helper()
		if got, err := os.ReadFile(file); err != nil || string(got) != text+"\n" {
			t.Errorf("got %q and %v, want %s", got, err, text)
		}
	}
	advance := func(d *Desk, by string) {
		t.Helper()
		response, err := http.Post(d.adminURL+"/clock", "application/json", strings.NewReader(`{"advance":"`+by+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	want("0s")
	advance(first, "30m")
	want("30m0s")
	advance(first, "-1h") // refused
	want("30m0s")
	first.Close()
	second := open(t, dir)
	want("30m0s")
	if ahead := time.Until(second.Gateway.Time()); ahead < 28*time.Minute || ahead > 30*time.Minute {
		t.Errorf("the business clock is %v ahead, want half an hour", ahead)
	}
	advance(second, "1d")
	want("24h30m0s")
	second.Close()
	if err := os.WriteFile(file, []byte("tomorrow"), 0o600); err != nil {
		t.Fatal(err)
	}
	third := open(t, dir) // the gateway knows better
	want("24h30m0s")
	third.Close()
	if err := os.WriteFile(file, []byte("tomorrow"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, gatewayFile)); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), dir, Addresses{Gateway: AnyPort, Backup: AnyPort, Admin: AnyPort})
	wantError(t, err, "the emulator's clock cannot be read")
}
