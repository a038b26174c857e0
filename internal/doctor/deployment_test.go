package doctor_test

import (
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
	var list findings
	for finding := range doctor.ExamineDeployment(path) {
		if bad := finding.Level == doctor.LevelFault || finding.Level == doctor.LevelWarning; bad && finding.Remedy.ZH == "" {
			t.Errorf("no remedy for %s", finding.Found.EN)
		}
		list = append(list, finding)
	}
	return list
}

// The descriptions of this repository have no fault, and each function of theirs is examined.
func TestDeploymentsOfThisRepository(t *testing.T) {
	t.Parallel()
	for name, least := range map[string]int{"cloudbaserc.json": 4, "serverless.yml": 2, "serverless.aws.yml": 3} {
		got := examinedDeployment(t, filepath.Join("..", "..", name))
		if len(got) < least {
			t.Errorf("%s: got %d findings, want one for each of %d functions or more", name, len(got), least)
		}
		for _, f := range got {
			if f.Level != doctor.LevelFine || f.Check != doctor.CheckDeployment || !strings.HasPrefix(f.Subject, name+":") {
				t.Errorf("%s: got %s", name, findings{f}.text())
			}
		}
	}
}

// function is a description of one function with these members and variables.
func function(members, env string) string {
	return `{"functions":[{"name":"cloudpay","timeout":10,` + members + `"envVariables":{"WXPAY_API":"v3"` + env + `}}]}`
}

const behind = `,"CLOUDPAY_BEHIND_WX_GATEWAY":"1"`

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
		"unknown":                 {"cloudbaserc.json", function("", `,"WXPAY_MCH_ID":"{{env.X}}"`), "WXPAY_MCH_ID is no variable"},
		"a secret":                {"cloudbaserc.json", function("", `,"WXPAY_V3_KEY":"0123456789abcdef0123456789abcdef"`), "WXPAY_V3_KEY is written in the file"},
		"a password":              {"serverless.yml", "provider: {name: tencent, timeout: 10}\nfunctions: {c: {environment: {variables: {CLOUDPAY_STORE: 'mysql://u:p@h/d'}}}}\n", "CLOUDPAY_STORE is written"},
		"too long":                {"cloudbaserc.json", function("", `,"WXPAY_PUBLIC_KEY_ID":"`+strings.Repeat("x", 5000)+`"`), "more than the 4 KB"},
		"a timer without store":   {"cloudbaserc.json", function(`"triggers":[{"name":"t","type":"timer","config":"0 * * * * * *"}],`, ""), "no CLOUDPAY_STORE"},
		"a web function's timer":  {"cloudbaserc.json", function(`"type":"HTTP","triggers":[{"name":"t","type":"timer","config":"0 * * * * * *"}],`, `,"CLOUDPAY_STORE":"{{env.S}}"`), "a web function gets none"},
		"short":                   {"cloudbaserc.json", strings.Replace(function("", ""), `"timeout":10`, `"timeout":2`, 1), "its time limit is 2s"},
		"short for notices":       {"cloudbaserc.json", strings.Replace(function("", `,"CLOUDPAY_ROUTES":"paynotify"`), `"timeout":10`, `"timeout":5`, 1), "6s are the least"},
		"not there":               {"none/cloudbaserc.json", "", "reading it"},
		"no JSON":                 {"cloudbaserc.json", "{", "it is not JSON"},
		"not a name":              {"cloudbaserc.json", `{"functions":[{"name":"1","timeout":10,"envVariables":{"WXPAY_API":"v3"}}]}`, "a function's name is"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var faults findings
			path := filepath.Join(t.TempDir(), test.file)
			if filepath.Dir(test.file) == "." {
				if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range examinedDeployment(t, path) {
				if f.Level == doctor.LevelFault {
					faults = append(faults, f)
				}
			}
			faults.want(t, doctor.LevelFault, test.want)
			for _, secret := range []string{"0123456789abcdef", "u:p@h"} {
				if strings.Contains(faults.text(), secret) {
					t.Errorf("the findings hold %q:\n%s", secret, faults.text())
				}
			}
		})
	}
}

// What is sure is a fault, what depends on the platform a warning, and the rest is not examined.
func TestDeploymentsWithoutFaults(t *testing.T) {
	t.Parallel()
	deployment(t, "cloudbaserc.json", function("", behind+`,"WXPAY_PRIVATE_KEY_FILE":"/mnt/key.pem"`)).
		want(t, doctor.LevelFine, "no fault that the file shows")
	deployment(t, "cloudbaserc.json", strings.Replace(function("", ""), `"timeout":10,`, "", 1)).want(t, doctor.LevelWarning, "it has no time limit")
	deployment(t, "cloudbaserc.json", `{"functions":[{"name":"page","path":"/page","envVariables":{"SHOP":"x"}}]}`).
		want(t, doctor.LevelWarning, "describes no function of cloudpay")
	// Another function's route is none of its own; a value that only the cloud knows, and a number
	// that is a placeholder, are as if they were not there.
	routed := strings.TrimSuffix(function("", behind), "}") + `,"gateway":{"routes":[{"path":"/cloudpay","target":"function:cloudpay-public"}]}}`
	deployment(t, "cloudbaserc.json", routed).want(t, doctor.LevelFine, "no fault")
	deployment(t, "serverless.aws.yml", "provider: {name: aws, timeout: '${env:T}', environment: {CLOUDPAY_STORE: {Ref: X}, WXPAY_V2_KEY: '${ssm:/k}'}}\n"+
		"functions: {c: {url: false, events: [{schedule: '${env:RATE}'}]}}\n").about("serverless.aws.yml:2 c").of(doctor.CheckDeployment).
		want(t, doctor.LevelWarning, "no time limit")
}
