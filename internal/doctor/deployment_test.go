package doctor_test

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudpay/internal/doctor"
)

// deployment examines a description of this name and text.
func deployment(t *testing.T, name, text string) findings {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return examinedDeployment(t, path)
}

func examinedDeployment(t *testing.T, path string) findings {
	t.Helper()
	return worded(t.Context(), t, doctor.Deployment{File: path})
}

// The descriptions of this repository have no fault, and each function of theirs is examined.
func TestDeploymentsOfThisRepository(t *testing.T) {
	t.Parallel()
	for name, least := range map[string]int{"cloudbaserc.json": 4, "serverless.yml": 2, "serverless.aws.yml": 3, "compose.yaml": 3, "deploy/kubernetes.yaml": 3} {
		got := examinedDeployment(t, filepath.Join("..", "..", name))
		if len(got) < least {
			t.Errorf("%s: got %d findings, want one for each of %d functions or more", name, len(got), least)
		}
		for _, f := range got {
			if f.Level == doctor.LevelSkipped { // values that were not given, code that is not built
				continue
			}
			if f.Level != doctor.LevelFine || f.Check != doctor.CheckDeployment || !strings.HasPrefix(f.Subject, filepath.Base(name)+":") {
				t.Errorf("%s: got %s", name, findings{f}.text())
			}
		}
	}
}

// function is a description of one good HTTP function, with these members and variables.
func function(members, env string) string {
	return `{"functions":[{"name":"cloudpay","type":"HTTP","runtime":"Go1","timeout":10,` + members +
		`"envVariables":{"WXPAY_API":"v3","WXPAY_APPID":"{{env.A}}","WXPAY_MCHID":"{{env.B}}","WXPAY_SERIAL_NO":"{{env.C}}",` +
		`"WXPAY_PRIVATE_KEY":"{{env.D}}","WXPAY_V3_KEY":"{{env.E}}","CLOUDPAY_HTTP_TOKEN":"{{env.F}}"` + env + `}}]}`
}

const behind = `,"CLOUDPAY_BEHIND_WX_GATEWAY":"1"`

// TestDeploymentFaults has what a description shows without values, and in which forms.
func TestDeploymentFaults(t *testing.T) {
	t.Parallel()
	const aws = "provider: {name: aws, runtime: provided.al2023, timeout: 10, environment: {CLOUDPAY_BEHIND_WX_GATEWAY: '1'}}\n"
	for name, test := range map[string]struct{ file, text, want string }{
		"behind, a path": {"cloudbaserc.json", function(`"path":"/pay",`, behind), `no public address leads here, and "/pay" does`},
		"behind, a route": {
			"cloudbaserc.json",
			strings.TrimSuffix(function("", behind), "}") + `,"gateway":{"routes":[{"path":"/p","target":"function:cloudpay"}]}}`, `and "/p" does`,
		},
		"behind, an upstream": {
			"cloudbaserc.json",
			strings.TrimSuffix(function("", behind), "}") + `,"gateway":{"routes":[{"path":"/p","upstream":{"type":"WEB_SCF","name":"cloudpay"}}]}}`, `and "/p" does`,
		},
		"behind, paynotify":    {"cloudbaserc.json", function("", behind+`,"CLOUDPAY_ROUTES":"closeorder, paynotify"`), "to which a public route must lead"},
		"behind, function URL": {"serverless.aws.yml", aws + "functions: {cloudpay: {url: true}}\n", `and "url" does`},
		"behind, HTTP API":     {"serverless.aws.yml", aws + "functions: {cloudpay: {events: [{httpApi: 'POST /pay'}]}}\n", `and "httpApi POST /pay" does`},
		"behind, API gateway": {
			"serverless.yml",
			"provider: {name: tencent, runtime: Go1, timeout: 10}\nfunctions:\n  cloudpay:\n    environment: {variables: {CLOUDPAY_BEHIND_WX_GATEWAY: '1'}}\n" +
				"    events: [{apigw: {name: x, parameters: {httpMethod: ANY}}}]\n", `and "apigw" does`,
		},
		"a sweep without a token": {"cloudbaserc.json", function("", `,"CLOUDPAY_ROUTES":"sweep","CLOUDPAY_STORE":"{{env.S}}"`), "CLOUDPAY_TIMER_TOKEN is not set, and the route sweep needs it"},
		"a component": {
			"serverless.yml", "component: scf\nname: closeorder\ninputs: {runtime: Golang1, timeout: 10, environment: {variables: {WXPAY_API: v3}}}\n",
			`its runtime is "Golang1"`,
		},
		"a value twice":      {"cloudbaserc.json", function("", `,"WXPAY_V3_KEY_FILE":"/mnt/key"`), "WXPAY_V3_KEY_FILE is set beside WXPAY_V3_KEY"},
		"the template's way": {"cloudbaserc.json", function("", `,"CLOUDPAY_CORS_ORIGINS":"https://a.example","corsAllowOrigin":"https://b.example"`), "corsAllowOrigin are both set"},
		"not there":          {"none/cloudbaserc.json", "", "reading it"},
		"no JSON":            {"cloudbaserc.json", "{", "it is not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), test.file)
			if filepath.Dir(test.file) == "." {
				if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			bad := examinedDeployment(t, path).bad()
			if len(bad) == 0 || !strings.Contains(bad[0].Found.EN, test.want) {
				t.Errorf("got\n%swant %q first", bad.text(), test.want)
			}
		})
	}
}

// What is sure is a fault, what depends on the platform a warning, and the rest is not examined.
func TestDeploymentsWithoutFaults(t *testing.T) {
	t.Parallel()
	fine := func(list findings) {
		t.Helper()
		if bad := list.bad(); len(bad) > 0 || len(list) == 0 {
			t.Errorf("got\n%swant no fault", list.text())
		}
	}
	fine(deployment(t, "cloudbaserc.json", function("", behind+`,"WXPAY_PUBLIC_KEY_FILE":"/mnt/key.pem","WXPAY_PUBLIC_KEY_ID":"PUB_KEY_ID_1"`)))
	deployment(t, "cloudbaserc.json", `{"functions":[{"name":"page","path":"/page","envVariables":{"SHOP":"x"}}]}`).
		want(t, doctor.LevelWarning, "describes no function of cloudpay")
	// A shop's function with the same variables, in another language, is none of cloudpay's.
	deployment(t, "cloudbaserc.json", `{"functions":[{"name":"order","runtime":"Nodejs18.15","envVariables":{"WXPAY_MCHID":"1"}}]}`).
		want(t, doctor.LevelWarning, "describes no function of cloudpay")
	// Another function's route is none of its own.
	fine(deployment(t, "cloudbaserc.json",
		strings.TrimSuffix(function("", behind), "}")+`,"gateway":{"routes":[{"path":"/cloudpay","target":"function:cloudpay-public"}]}}`))
	// A value that only the cloud knows, and a number that is a placeholder, are as if they were
	// not examined: no fault of theirs is claimed, and none of what depends on them.
	fine(deployment(t, "serverless.aws.yml", "provider: {name: aws, runtime: provided.al2023, timeout: '${env:T}', environment: {WXPAY_MCHID: {Ref: M}, "+
		"CLOUDPAY_STORE: {Ref: X}, WXPAY_API: v2, WXPAY_APPID: '${env:A}', WXPAY_V2_KEY: '${ssm:/k}', CLOUDPAY_NOTIFY_URL: '${ssm:/u}', "+
		"CLOUDPAY_NOTIFY_KEY: '${ssm:/n}', WXPAY_SUB_MCHID: '1', WXPAY_SUB_MCHIDS: '${ssm:/s}'}}\n"+
		"functions: {closeorder: {url: false, events: [{schedule: '${env:RATE}'}]}}\n"))
	// Which API it is decides what it needs.
	deployment(t, "serverless.aws.yml", "provider: {name: aws, runtime: provided.al2023, timeout: 10, environment: {WXPAY_API: '${ssm:/a}'}}\n"+
		"functions: {closeorder: {}}\n").want(t, doctor.LevelSkipped, "the value of WXPAY_API is not known here")
}

// TestValuesOfDeployments has where values come from: the tool's own .env, the environment, and
// files that are named, which win.
func TestValuesOfDeployments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	d := doctor.Deployment{File: write("cloudbaserc.json", function("", ""))}
	for _, step := range []struct {
		prepare func()
		want    string
	}{
		{func() {}, "cloudbaserc.json | the values of its placeholders were not given"},
		{func() { write(".env", "# keys\n\nexport B='x y'\nWXPAY_OTHER=1\n") }, "cloudpay | WXPAY_MCHID has no digit at position 1 (.env:3)"},
		{func() { write(".env.local", "B=1 900\n") }, "cloudpay | WXPAY_MCHID has no digit at position 2 (.env.local:1)"},
		{func() { d.Environ = []string{"B=19 0"} }, "cloudpay | WXPAY_MCHID has no digit at position 3 (B of the environment)"},
		{func() { d.EnvFiles = []string{write("named", "B=190 0")} }, "cloudpay | WXPAY_MCHID has no digit at position 4 (named:1)"},
		{func() { d.EnvFiles = []string{write("named", "B=1900000001"), filepath.Join(dir, "none")} }, "none | reading it"},
	} {
		step.prepare()
		list := worded(t.Context(), t, d)
		var text strings.Builder
		for _, f := range list {
			_, subject, _ := strings.Cut(f.Subject, " ")
			text.WriteString(cmp.Or(subject, f.Subject) + " | " + f.Found.EN + "\n")
		}
		if !strings.Contains(text.String(), step.want) {
			t.Errorf("got\n%swant %q", text.String(), step.want)
		}
	}
}

// The path of a key is no fault where nothing is built, or where the path is the cloud's own:
// neither can be looked at.
func TestKeyPathsElsewhere(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"cert/apiclient_key.pem", "/mnt/cert/apiclient_key.pem"} {
		f := newFolder(t, "cloudbaserc.json")
		f.set("WXPAY_PRIVATE_KEY", path)
		if list := f.examined().bad(); len(list) > 0 {
			t.Errorf("%s: of a good configuration:\n%s", path, list.text())
		}
	}
}

// An examination whose time is up has a fault, since what was left out may be wrong.
func TestDeploymentsWithoutTime(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	list := worded(ctx, t, doctor.Deployment{File: filepath.Join("..", "..", "cloudbaserc.json")})
	list.want(t, doctor.LevelFault, "not examined to its end: the time is up")
}
