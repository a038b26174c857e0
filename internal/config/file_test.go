package config_test

import (
	"maps"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/config"
	"cloudpay/internal/telemetry/telemetrytest"
)

// inFiles is what can be in a file, each with its value.
func inFiles() env {
	return env{
		"WXPAY_V2_KEY":           v2Key,
		"WXPAY_PRIVATE_KEY":      block("PRIVATE KEY"),
		"WXPAY_PUBLIC_KEY":       block("PUBLIC KEY"),
		"WXPAY_V3_KEY":           v3Key,
		"WXPAY_CERT_ROOTS":       block("CERTIFICATE") + block("CERTIFICATE"),
		"CLOUDPAY_SERVICE_TOKEN": serviceToken,
		"CLOUDPAY_HTTP_TOKEN":    httpToken,
		"CLOUDPAY_TIMER_TOKEN":   timerToken,
		"CLOUDPAY_METRICS_TOKEN": metricsToken,
		"CLOUDPAY_STORE":         storeAddress,
		"CLOUDPAY_NOTIFY_URL":    notifyURL,

		"CLOUDPAY_PAYNOTIFY_FORWARD_URL": "https://shop.example/wechatpay?key=1",

		"CLOUDPAY_NOTIFY_KEY": notifyKey,
	}
}

// TestFilesGiveWhatVariablesGive loads the same configuration both ways, and with each file as an
// editor leaves it.
func TestFilesGiveWhatVariablesGive(t *testing.T) {
	t.Parallel()
	variables := forBoth()
	maps.Copy(variables, inFiles())
	want := variables.load(t)
	for name, write := range map[string]func(value string) string{
		"as it is":              func(value string) string { return value },
		"with a newline":        func(value string) string { return value + "\n" },
		"with a newline of DOS": func(value string) string { return value + "\r\n" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := forBoth()
			for variable, value := range inFiles() {
				delete(files, variable)
				files[variable+"_FILE"] = writeFile(t, write(value))
			}
			if diff := cmp.Diff(want, files.load(t), compareSecrets()); diff != "" {
				t.Errorf("Load (-variables +files):\n%s", diff)
			}
		})
	}
}

func TestPEMFileMayHoldBase64(t *testing.T) {
	t.Parallel()
	want := block("PRIVATE KEY")
	given := forV3().without("WXPAY_PRIVATE_KEY").with("WXPAY_PRIVATE_KEY_FILE", writeFile(t, encode(want)+"\n"))
	if got := given.load(t).V3.PrivateKey.Reveal(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestMountedSecrets reads secrets as Kubernetes and Docker mount them: a link to a file that all
// users can read.
func TestMountedSecrets(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("links are for administrators there")
	}
	link := filepath.Join(t.TempDir(), "token")
	if err := os.Symlink(writeFile(t, httpToken), link); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(link, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := forV3().with("CLOUDPAY_HTTP_TOKEN_FILE", link).load(t).HTTPTokens[0].Reveal(); got != httpToken {
		t.Errorf("got %q, want %q", got, httpToken)
	}
}

func TestFileFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		variable, path, words string
	}{
		"no such file":       {"WXPAY_V2_KEY", filepath.Join(t.TempDir(), "none"), "names no file that is there: give the path"},
		"a folder":           {"WXPAY_V2_KEY", t.TempDir(), "no regular file"},
		"a path too long":    {"WXPAY_V2_KEY", strings.Repeat("a", 10_000), "cannot be read"},
		"a file too long":    {"WXPAY_V2_KEY", writeFile(t, strings.Repeat("a", 64<<10+1)), "more than 64 KiB"},
		"an empty file":      {"WXPAY_V2_KEY", writeFile(t, " \n"), "empty file: give the APIv2 key"},
		"too short a key":    {"WXPAY_V2_KEY", writeFile(t, v2Key[1:]), "names a file that has 31 bytes"},
		"two lines":          {"CLOUDPAY_HTTP_TOKEN", writeFile(t, httpToken+"\nmore"), "names a file that has no printable"},
		"a path in the file": {"WXPAY_PRIVATE_KEY", writeFile(t, writeFile(t, block("PRIVATE KEY"))), "neither PEM nor base64"},
		"a certificate":      {"WXPAY_PRIVATE_KEY", writeFile(t, block("CERTIFICATE")), "names a file that is a certificate"},
		"a bare key":         {"WXPAY_PRIVATE_KEY", writeFile(t, "MIIE"+strings.Repeat("A", 600)), "names a file that is base64 of a bare key"},
		"the key itself":     {"WXPAY_PRIVATE_KEY", block("PRIVATE KEY"), "not a path: put the text into WXPAY_PRIVATE_KEY"},
		"certificates":       {"WXPAY_CERT_ROOTS", writeFile(t, block("PUBLIC KEY")), "other than certificates"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forBoth().without(test.variable).with(test.variable+"_FILE", test.path).
				wantFault(t, test.variable+"_FILE", test.words)
		})
	}
}

func TestUnreadableFile(t *testing.T) {
	t.Parallel()
	path := writeFile(t, httpToken)
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if file, err := os.Open(path); err == nil {
		_ = file.Close()
		t.Skip("whoever runs this test may read every file")
	}
	forV3().with("CLOUDPAY_HTTP_TOKEN_FILE", path).wantFault(t, "CLOUDPAY_HTTP_TOKEN_FILE", "may not be read")
}

// A socket stands for files whose opening or reading may never return.
func TestFileMustBeRegular(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "s") //nolint:usetesting // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Skipf("no such sockets here: %v", err)
	}
	defer func() { _ = listener.Close() }()
	forV3().with("CLOUDPAY_HTTP_TOKEN_FILE", path).wantFault(t, "CLOUDPAY_HTTP_TOKEN_FILE", "no regular file")
	forV3().with("WXPAY_PRIVATE_KEY", path).wantFault(t, "WXPAY_PRIVATE_KEY", "no file can be read")
}

func TestBothWaysAreOneTooMany(t *testing.T) {
	t.Parallel()
	for variable, value := range inFiles() {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			given := forBoth()
			maps.Copy(given, inFiles()) // some need others
			given[variable+"_FILE"] = writeFile(t, value)
			given.wantFault(t, variable+"_FILE", "is set beside "+variable+": set one of the two")
			given.with(variable+"_FILE", "").load(t) // an empty value counts as absent
		})
	}
}

// A file begins a set of credentials as its variable does, and a fault of the file is one of the
// variable.
func TestFileCountsAsGiven(t *testing.T) {
	t.Parallel()
	begun := forV3().with("WXPAY_V2_KEY_FILE", writeFile(t, v2Key))
	begun.wantFault(t, "WXPAY_APPID", "is not set")
	begun.with("WXPAY_APPID", "wx1").load(t)

	publicKey := forV3().without("WXPAY_PUBLIC_KEY", "WXPAY_PUBLIC_KEY_ID").with("WXPAY_V3_KEY", v3Key).
		with("WXPAY_PUBLIC_KEY_FILE", writeFile(t, block("PUBLIC KEY")))
	publicKey.wantFault(t, "WXPAY_PUBLIC_KEY_ID", "is not set")

	faults := config.Faults{List: forV3().with("WXPAY_V3_KEY_FILE", "nowhere").faults(t)}
	if !faults.Has("WXPAY_V3_KEY") || !faults.Has("WXPAY_V3_KEY_FILE") || faults.Has("WXPAY_V2_KEY") {
		t.Errorf("got %v, want it to count as a fault of WXPAY_V3_KEY", faults.List)
	}
}

func TestOnlySecretsAndPEMAreReadFromFiles(t *testing.T) {
	t.Parallel()
	table := inFiles()
	for _, name := range config.Names() {
		if _, has := table[name]; has {
			continue
		}
		forV3().with(name+"_FILE", "/run/secrets/x").
			wantFault(t, name+"_FILE", "only what is secret or PEM is read from files: set "+name+" itself")
	}
	for row := range strings.Lines(config.Markdown()) {
		name := strings.Trim(strings.SplitN(row, "|", 3)[min(1, strings.Count(row, "|"))], " `\n")
		_, has := table[name]
		if needsFile := strings.Contains(row, ", secret") || strings.Contains(row, "| PEM"); needsFile != has {
			t.Errorf("%s: read from a file: %t, want %t", name, has, needsFile)
		}
	}
}

func TestNoTwoSecretsAreEqual(t *testing.T) {
	t.Parallel()
	tokens := []string{"CLOUDPAY_SERVICE_TOKEN", "CLOUDPAY_HTTP_TOKEN", "CLOUDPAY_TIMER_TOKEN", "CLOUDPAY_METRICS_TOKEN", "CLOUDPAY_NOTIFY_KEY"}
	told := forBoth().with("CLOUDPAY_STORE", storeAddress).with("CLOUDPAY_NOTIFY_URL", notifyURL).with("CLOUDPAY_NOTIFY_KEY", notifyKey)
	for i, token := range tokens {
		told.with(token, v2Key).wantFault(t, token, "is the same as WXPAY_V2_KEY: make one of its own")
		told.with("WXPAY_V3_KEY", v3Key).with(token, v3Key).wantFault(t, token, "is the same as WXPAY_V3_KEY")
		for _, other := range tokens[:i] {
			told.with(token, httpToken).with(other, httpToken).wantFault(t, token, "is the same as "+other)
		}
	}
	file := forBoth().with("CLOUDPAY_HTTP_TOKEN", v2Key).without("WXPAY_V2_KEY").with("WXPAY_V2_KEY_FILE", writeFile(t, v2Key))
	file.wantFault(t, "CLOUDPAY_HTTP_TOKEN", "is the same as WXPAY_V2_KEY")
}

// A token that is rotated has two values, in the variable or in a file; each keeps the rules of
// one.
func TestTokensOfTwoValues(t *testing.T) {
	t.Parallel()
	const next = "8d41f0c6b72e935a~{next}"
	telemetrytest.Secret(t, telemetrytest.Token, next)
	for variable, field := range map[string]func(config.Config) []config.Secret{
		"CLOUDPAY_SERVICE_TOKEN": func(c config.Config) []config.Secret { return c.ServiceTokens },
		"CLOUDPAY_HTTP_TOKEN":    func(c config.Config) []config.Secret { return c.HTTPTokens },
		"CLOUDPAY_TIMER_TOKEN":   func(c config.Config) []config.Secret { return c.TimerTokens },
		"CLOUDPAY_METRICS_TOKEN": func(c config.Config) []config.Secret { return c.MetricsTokens },
		"CLOUDPAY_NOTIFY_KEY":    func(c config.Config) []config.Secret { return c.NotifyKeys },
	} {
		forV3, forBoth := besides(variable, forV3()), besides(variable, forBoth())
		for name, given := range map[string]env{
			"a variable":      forV3.with(variable, serviceToken+" "+next),
			"a file":          forV3.with(variable+"_FILE", writeFile(t, serviceToken+" "+next+"\n")),
			"spaces all over": forV3.with(variable, " "+serviceToken+"   "+next+" "),
		} {
			var got []string
			for _, secret := range field(given.load(t)) {
				got = append(got, secret.Reveal())
			}
			if diff := cmp.Diff([]string{serviceToken, next}, got); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", variable, name, diff)
			}
		}
		for value, words := range map[string]string{
			next + " 123456789012345":                   "is wrong in its second value: it has 15 bytes, less than 16",
			"123456789012345 " + next:                   "is wrong in its first value: it has 15 bytes, less than 16",
			next + " " + strings.Repeat("a", 257):       "is wrong in its second value: it has 257 bytes, more than 256",
			next + " " + strings.Repeat("\u00e9", 20):   "is wrong in its second value: it has no printable ASCII",
			next + "\n" + serviceToken:                  "has no printable ASCII character other than a space at position 24",
			next + " " + next:                           "has the same value twice",
			next + " " + serviceToken + " " + httpToken: "has 3 values, more than 2",
			next + " " + v2Key:                          "has a value that is also in WXPAY_V2_KEY: make one of its own",
		} {
			forBoth.with(variable, value).wantFault(t, variable, words)
		}
	}
	two := forV3().with("CLOUDPAY_SERVICE_TOKEN", serviceToken+" "+next)
	two.with("CLOUDPAY_HTTP_TOKEN", httpToken+" "+next).wantFault(t, "CLOUDPAY_HTTP_TOKEN", "has a value that is also in CLOUDPAY_SERVICE_TOKEN")
	two.with("CLOUDPAY_TIMER_TOKEN", next).wantFault(t, "CLOUDPAY_TIMER_TOKEN", "has a value that is also in CLOUDPAY_SERVICE_TOKEN")
	two.with("CLOUDPAY_STORE", storeAddress).with("CLOUDPAY_NOTIFY_URL", notifyURL).with("CLOUDPAY_NOTIFY_KEY", next).
		wantFault(t, "CLOUDPAY_NOTIFY_KEY", "has a value that is also in CLOUDPAY_SERVICE_TOKEN")
}

// besides has what the key of events needs beside it.
func besides(variable string, e env) env {
	if variable == "CLOUDPAY_NOTIFY_KEY" {
		return e.with("CLOUDPAY_STORE", storeAddress).with("CLOUDPAY_NOTIFY_URL", notifyURL)
	}
	return e
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	for given, want := range map[string][]string{
		"":                       nil,
		"*":                      {"*"},
		"https://shop.example":   {"https://shop.example"},
		"https://a.example:8443": {"https://a.example:8443"},
		"http://[::1]:8080,http://a_b.example , https://xn--fiq228c.example": {
			"http://[::1]:8080", "http://a_b.example", "https://xn--fiq228c.example",
		},
	} {
		if diff := cmp.Diff(want, forV3().with("CLOUDPAY_CORS_ORIGINS", given).load(t).CORSOrigins); diff != "" {
			t.Errorf("%s (-want +got):\n%s", given, diff)
		}
	}
}

func TestCallerPolicies(t *testing.T) {
	t.Parallel()
	for _, want := range []string{"", "platform", "any"} {
		if got := forV3().with("CLOUDPAY_CALLER_POLICY", want).load(t).CallerPolicy; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
