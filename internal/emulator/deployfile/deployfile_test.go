package deployfile_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cloudpay/internal/emulator/cron"
	"cloudpay/internal/emulator/deployfile"
)

// source fills in placeholders from a map.
func source(env map[string]string, overridden ...string) deployfile.Source {
	return deployfile.Source{
		Lookup: func(name string) (string, bool) {
			text, known := env[name]
			return text, known
		},
		Overridden: func(name string) bool { return slices.Contains(overridden, name) },
	}
}

// folder is a folder with these files.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// read reads a folder with one file.
func read(t *testing.T, name, text string, from deployfile.Source) ([]deployfile.Function, error) {
	t.Helper()
	return deployfile.Read(folder(t, map[string]string{name: text}), from)
}

// ignore leaves out what the table does not say.
var ignore = cmp.Options{
	cmpopts.IgnoreFields(deployfile.Function{}, "Folders", "Artifact"),
	cmpopts.IgnoreFields(deployfile.Timer{}, "Schedule"),
	cmpopts.IgnoreUnexported(cron.Schedule{}),
	cmpopts.EquateEmpty(),
}

func TestCloudBase(t *testing.T) {
	t.Parallel()
	got, err := read(t, "cloudbaserc.json", `{
  "version": "2.0", "envId": "env-1", "functionRoot": "./cloudfunctions",
  "functions": [
    {"name": "hello", "runtime": "Nodejs18.15", "handler": "index.main", "timeout": 5, "memorySize": 256,
     "envVariables": {"SHOP": "{{env.SHOP}}", "ENV": "at {{tcb.envId}}", "COUNT": 3, "ON": true, "NONE": null},
     "triggers": [{"name": "nightly", "type": "timer", "config": "0 0 2 * * * *"}, {"name": "other", "type": "http"}]},
    {"name": "web", "type": "HTTP", "dir": "web", "installDependency": true}
  ]
}`, source(map[string]string{"SHOP": "ours"}))
	if err != nil {
		t.Fatal(err)
	}
	want := []deployfile.Function{
		{
			Name: "hello", File: "cloudbaserc.json", Line: 4, Cloud: deployfile.Tencent, Runtime: "Nodejs18.15", Handler: "index.main",
			TimeLimit: 5 * time.Second, MemoryMB: 256,
			Env:    map[string]string{"SHOP": "ours", "ENV": "at env-1", "COUNT": "3", "ON": "true", "NONE": ""},
			Timers: []deployfile.Timer{{Name: "nightly", Expression: "0 0 2 * * * *"}},
		},
		{Name: "web", File: "cloudbaserc.json", Line: 7, Cloud: deployfile.Tencent, HTTP: true},
	}
	if diff := cmp.Diff(want, got, ignore); diff != "" {
		t.Errorf("functions (-want +got):\n%s", diff)
	}
	if want := filepath.Join("cloudfunctions", "hello"); !strings.HasSuffix(got[0].Folders[0], want) {
		t.Errorf("folders: got %v, want %s first", got[0].Folders, want)
	}
	if !strings.HasSuffix(got[1].Folders[0], "web") {
		t.Errorf("folders: got %v, want web first", got[1].Folders)
	}
}

// The form of runtimes that the plugin serverless-tencent-scf documents.
const tencent = `service: shop
provider:
  name: tencent
  runtime: Go1
  stage: ${opt:stage, 'test'}
  memorySize: 128
  timeout: 10
  environment:
    variables:
      SHOP: ${env:SHOP}
      LEVEL: ${env:LEVEL, 'info'}
      BOTH: ${self:service}-${sls:stage}
package:
  artifact: dist/scf.zip
functions:
  hello:
    handler: hello
    environment:
      variables: {LEVEL: debug}
    events:
      - timer:
          name: nightly
          parameters:
            cronExpression: '0 0 2 * * * *'
            enable: true
            argument: ${env:TOKEN}
      - timer:
          name: off
          parameters: {cronExpression: '0 0 2 * * * *', enable: false}
      - apigw: {name: api, parameters: {stageName: release, serviceId: , httpMethod: POST}}
  other:
    handler: other
    timeout: 3
`

func TestTencent(t *testing.T) {
	t.Parallel()
	got, err := read(t, "serverless.yml", tencent, source(map[string]string{"SHOP": "ours", "TOKEN": "a-token"}))
	if err != nil {
		t.Fatal(err)
	}
	want := []deployfile.Function{
		{
			Name: "hello", File: "serverless.yml", Line: 16, Cloud: deployfile.Tencent, Runtime: "Go1", Handler: "hello",
			TimeLimit: 10 * time.Second, MemoryMB: 128,
			Env:    map[string]string{"SHOP": "ours", "LEVEL": "debug", "BOTH": "shop-dev"},
			Timers: []deployfile.Timer{{Name: "nightly", Expression: "0 0 2 * * * *", Message: "a-token"}},
			Doors:  []string{"apigw"},
		},
		{
			Name: "other", File: "serverless.yml", Line: 31, Cloud: deployfile.Tencent, Runtime: "Go1", Handler: "other",
			TimeLimit: 3 * time.Second, MemoryMB: 128, Env: map[string]string{"SHOP": "ours", "LEVEL": "info", "BOTH": "shop-dev"},
		},
	}
	if diff := cmp.Diff(want, got, ignore); diff != "" {
		t.Errorf("functions (-want +got):\n%s", diff)
	}
	if !strings.HasSuffix(got[0].Artifact, filepath.Join("dist", "scf.zip")) {
		t.Errorf("artifact: got %s", got[0].Artifact)
	}
}

func TestComponent(t *testing.T) {
	t.Parallel()
	got, err := read(t, "serverless.yml", `component: scf
name: shop
inputs:
  name: hello
  src: ./src
  runtime: Nodejs12.16
  handler: index.main
  timeout: 7
  environment: {variables: {SHOP: ours}}
  events:
    - timer: {parameters: {name: nightly, cronExpression: '0 0 2 * * * *', enable: true, argument: x}}
`, source(nil))
	want := []deployfile.Function{{
		Name: "hello", File: "serverless.yml", Line: 4, Cloud: deployfile.Tencent, Runtime: "Nodejs12.16", Handler: "index.main",
		TimeLimit: 7 * time.Second, Env: map[string]string{"SHOP": "ours"},
		Timers: []deployfile.Timer{{Name: "nightly", Expression: "0 0 2 * * * *", Message: "x"}},
	}}
	if diff := cmp.Diff(want, got, ignore); err != nil || diff != "" {
		t.Errorf("%v, functions (-want +got):\n%s", err, diff)
	}
}

func TestAWS(t *testing.T) {
	t.Parallel()
	got, err := read(t, "serverless.aws.yml", `service: shop
provider: {name: aws, runtime: provided.al2023, timeout: 10, environment: {SHOP: ours}}
package: {individually: true}
functions:
  hello:
    handler: bootstrap
    package: {artifact: dist/hello.zip}
    events:
      - schedule: rate(1 minute)
      - schedule: {rate: 'cron(0 12 * * ? *)', name: noon, timezone: Asia/Shanghai, input: {Type: Timer, n: 1, s: '1', l: [a, true]}}
      - schedule: {rate: ['rate(5 minutes)', 'rate(2 hours)'], input: '{"a":1}'}
      - schedule: {rate: rate(1 day), enabled: false}
      - httpApi: 'POST /hello'
`, source(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := []deployfile.Function{{
		Name: "hello", File: "serverless.aws.yml", Line: 5, Cloud: deployfile.AWS, Runtime: "provided.al2023", Handler: "bootstrap",
		TimeLimit: 10 * time.Second, Env: map[string]string{"SHOP": "ours"},
		Timers: []deployfile.Timer{
			{Name: "hello_schedule", Expression: "rate(1 minute)"},
			{Name: "noon", Expression: "cron(0 12 * * ? *)", Input: []byte(`{"Type":"Timer","l":["a",true],"n":1,"s":"1"}`)},
			{Name: "hello_schedule_3", Expression: "rate(5 minutes)", Input: []byte(`{"a":1}`)},
			{Name: "hello_schedule_4", Expression: "rate(2 hours)", Input: []byte(`{"a":1}`)},
		},
		Doors: []string{"httpApi POST /hello"},
	}}
	if diff := cmp.Diff(want, got, ignore); diff != "" {
		t.Errorf("functions (-want +got):\n%s", diff)
	}
	noon := got[0].Timers[1].Schedule.Next(time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC))
	if want := time.Date(2026, 11, 29, 4, 0, 0, 0, time.UTC); !noon.Equal(want) {
		t.Errorf("noon in Shanghai: got %v, want %v", noon, want)
	}
}

// This repository's own files are read, and agree on the functions.
func TestThisRepository(t *testing.T) {
	t.Parallel()
	from := deployfile.Source{
		Lookup:     func(name string) (string, bool) { return "of " + name, true },
		Overridden: func(string) bool { return false },
	}
	got, err := deployfile.Read(filepath.Join("..", "..", ".."), from)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range got {
		names = append(names, f.File+" "+f.Name)
		_, web := f.Env["CLOUDPAY_ROUTES"] // which has no timers
		if f.TimeLimit < 10*time.Second || f.MemoryMB != 128 || (len(f.Timers) == 1) == web || f.Env["WXPAY_MCHID"] != "of WXPAY_MCHID" {
			t.Errorf("%s: got %+v", f.Name, f)
		}
	}
	want := []string{
		"cloudbaserc.json closeorder", "cloudbaserc.json queryorder", "cloudbaserc.json cloudpay", "cloudbaserc.json cloudpay-public",
		"serverless.aws.yml closeorder", "serverless.aws.yml queryorder", "serverless.aws.yml public",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("functions, each once for a cloud (-want +got):\n%s", diff)
	}
}

// Every fault of the files is reported, with its line.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		file, text string
		want       []string
	}{
		"CloudBase": {"cloudbaserc.json", `{
 "functions": [
  {"name": "hello", "timeout": 1000, "memorySize": "much",
   "envVariables": {"A": "{{env.NONE}}", "B": "{{util.uid}}", "C": {"x": 1}},
   "triggers": [
    {"name": "1", "type": "timer", "config": "0 0 25 * * * *"},
    {"name": "later", "type": "timer"}]},
  {"runtime": "Go1"},
  {"name": "hello"},
  {"name": "a b"}
 ]
}`, []string{
			`cloudbaserc.json:3: "1000" is not a whole number from 1 to 900`, `cloudbaserc.json:3: "much" is not a whole number`,
			"cloudbaserc.json:4: NONE is not set: give it with --env NONE=… or --env-file", "cloudbaserc.json:4: {{util.uid}} is not played here",
			"cloudbaserc.json:4: C gets its value only in the cloud", `cloudbaserc.json:6: "1": a trigger's name is a letter`,
			"cloudbaserc.json:6: timer 1: ", "the hour field: 25 is not 0 to 23", "cloudbaserc.json:7: timer later has no expression",
			"cloudbaserc.json:8: a function has a name", "cloudbaserc.json:9: hello is described twice, first in line 3",
			`cloudbaserc.json:10: "a b": a function's name is a letter`,
		}},
		"no JSON":       {"cloudbaserc.json", "{\n\"functions\": [\n}", []string{"cloudbaserc.json:3: it is not JSON: "}},
		"after JSON":    {"cloudbaserc.json", "{}\n{}", []string{"something follows the document"}},
		"no object":     {"cloudbaserc.json", "[1]", []string{"cloudbaserc.json:1: the file must hold an object"}},
		"no list":       {"cloudbaserc.json", `{"functions": {}}`, []string{"functions must be a list"}},
		"no YAML":       {"serverless.yml", "a: [\nb: }", []string{"it is not YAML: "}},
		"empty":         {"serverless.yml", "", []string{"serverless.yml:1: the file must hold an object"}},
		"no provider":   {"serverless.yml", "service: shop\n", []string{"there is no provider.name"}},
		"a provider":    {"serverless.yml", "service: shop\nprovider:\n  name: google\n", []string{"serverless.yml:3: provider google is not played"}},
		"a component":   {"serverless.yml", "component: website\n", []string{"component website is not played"}},
		"not a mapping": {"serverless.yml", "provider: aws\nfunctions:\n  - hello\n", []string{"functions must be an object"}},
		"AWS": {"serverless.yml", `provider:
  name: aws
  environment:
    A: {Ref: Table}
    B: ${ssm:/b}
    C: !GetAtt Table.Arn
    D: ${self:custom.none}
    E: ${self:custom.loop}
    F: ${env:F}
custom:
  loop: ${self:custom.loop}
functions:
  hello:
    events:
      - schedule: rate(1 minutes)
      - schedule: {rate: rate(1 minute), timezone: Mars/Base, inputPath: $.x}
      - schedule: {rate: rate(1 minute), input: 'a: b'}
`, []string{
			"serverless.yml:4: A gets its value only in the cloud: give it with --env A=…", "serverless.yml:5: ${ssm:/b} is not played here",
			"serverless.yml:6: C gets its value only in the cloud", "serverless.yml:7: ${self:custom.none} has no value",
			"serverless.yml:8: its placeholders stand for one another", "serverless.yml:9: F is not set",
			`serverless.yml:15: schedule hello_schedule: "rate(1 minutes)"`, `there is no time zone "Mars/Base"`, "inputPath is not played",
			"input is not JSON",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := read(t, test.file, test.text, source(nil))
			if err == nil {
				t.Fatal("got no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got\n%v\nwant %q", err, want)
				}
			}
		})
	}
}

// A variable that is given elsewhere may have a value that only the cloud knows.
func TestOverridden(t *testing.T) {
	t.Parallel()
	got, err := read(t, "serverless.yml", "provider: {name: aws, environment: {TABLE: {Ref: Table}}}\nfunctions: {hello: {handler: bootstrap}}\n",
		source(nil, "TABLE"))
	if err != nil || len(got) != 1 || len(got[0].Env) != 0 {
		t.Errorf("got %+v, %v, want the function without the variable", got, err)
	}
}

// Anchors, merges and values of several lines are YAML too.
func TestYAML(t *testing.T) {
	t.Parallel()
	got, err := read(t, "serverless.yml", `provider: {name: tencent}
defaults: &defaults
  runtime: Go1
  timeout: 5
functions:
  hello:
    <<: *defaults
    timeout: 7
    environment:
      variables:
        TEXT: |
          two
          lines
        "quoted key": "a # b"
        YES: yes
        NUMBER: 007
`, source(nil))
	want := []deployfile.Function{{
		Name: "hello", File: "serverless.yml", Line: 6, Cloud: deployfile.Tencent, Runtime: "Go1", TimeLimit: 7 * time.Second,
		Env: map[string]string{"TEXT": "two\nlines\n", "quoted key": "a # b", "YES": "yes", "NUMBER": "007"},
	}}
	if diff := cmp.Diff(want, got, ignore); err != nil || diff != "" {
		t.Errorf("%v, functions (-want +got):\n%s", err, diff)
	}
}

// Placeholders may stand in one another, and their defaults may hold commas and braces.
func TestPlaceholders(t *testing.T) {
	t.Parallel()
	env := map[string]string{"A": "${env:B}", "NAME": "A", "EMPTY": ""}
	for given, want := range map[string]string{
		"plain":                        "plain",
		"${env:EMPTY}":                 "",
		"${env:A}":                     "${env:B}", // what is filled in is not looked at again
		"a ${env:NONE, 'x, y'} z":      "a x, y z",
		"${env:NONE, env:A}":           "${env:B}",
		"${env:${env:NAME}}":           "${env:B}",
		"${env:NONE, ${env:NAME}}":     "A",
		"${opt:region, 'cn'}":          "cn",
		"${sls:stage}":                 "dev",
		"${env:NONE, 5}":               "5",
		"100 %, } and {":               "100 %, } and {",
		"${open":                       "${open",
		"${self:service}":              "shop",
		"${self:custom.a}/${env:NAME}": "A/A",
	} {
		text := "service: shop\ncustom: {a: '${env:NAME}'}\nprovider: {name: tencent, environment: {variables: {X: \"" + given +
			"\"}}}\nfunctions: {hello: {}}\n"
		got, err := read(t, "serverless.yml", text, source(env))
		if err != nil || got[0].Env["X"] != want {
			t.Errorf("%s: got %v, %v; want %s", given, got, err, want)
		}
	}
}

// A folder without such files describes nothing.
func TestNoFiles(t *testing.T) {
	t.Parallel()
	if got, err := deployfile.Read(t.TempDir(), source(nil)); err != nil || len(got) > 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

// FuzzRead finds no file that is not read to an end.
func FuzzRead(f *testing.F) {
	f.Add(true, `{"functions":[{"name":"a","triggers":[{"type":"timer","config":"* * * * * * *"}]}]}`)
	f.Add(false, tencent)
	f.Add(false, "provider: {name: aws}\nfunctions: {a: &a {events: [{schedule: rate(1 minute)}]}, b: *a}\n")
	f.Add(false, "a: &a [*a]")
	f.Add(false, "provider: {name: tencent, environment: {variables: {A: '${self:custom.a}${self:custom.a}'}}}\ncustom: {a: '${self:custom.a}'}")
	f.Fuzz(func(t *testing.T, isJSON bool, text string) {
		name := "serverless.yml"
		if isJSON {
			name = "cloudbaserc.json"
		}
		functions, err := deployfile.Parse(name, []byte(text), source(map[string]string{"A": "x"}))
		if err == nil && !isJSON && functions == nil {
			return
		}
		if err != nil && !strings.Contains(err.Error(), name+":") {
			t.Errorf("got %v, want a fault with its line", err)
		}
	})
}

// Public addresses that the file opens belong to the function that they lead to.
func TestDoors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		file, text string
		want       map[string][]string
	}{
		"routes": {
			"cloudbaserc.json",
			`{"functions":[{"name":"a","path":"/own"},{"name":"b"},{"name":"c"}],"gateway":{"routes":[{"path":"/a","target":"function:a"},
			{"path":"/b","upstream":{"type":"WEB_SCF","name":"b"}},{"path":"/b2","upstream":["function:b"]},{"path":"c"},null]}}`,
			map[string][]string{"a": {"/own", "/a"}, "b": {"/b", "/b2"}, "c": nil},
		},
		"AWS": {
			"serverless.aws.yml",
			"provider: {name: aws, runtime: provided.al2023}\nfunctions:\n  a: {url: {cors: true}, events: [{httpApi: 'GET /a'}, {http: {path: a, method: get}}, {alb: {}}]}\n" +
				"  b: {url: false, events: [{sqs: x}]}\n  c: {url: true}\n",
			map[string][]string{"a": {"httpApi GET /a", "http a", "alb", "url"}, "b": nil, "c": {"url"}},
		},
		"Tencent": {
			"serverless.yml",
			"provider: {name: tencent}\nfunctions:\n  a: {events: [{apigw: {parameters: {path: /a}}}]}\n  b: {events: [{timer: {parameters: {cronExpression: '0 * * * * * *'}}}]}\n",
			map[string][]string{"a": {"apigw"}, "b": nil},
		},
		"a component": {
			"serverless.yml", "component: scf\nname: a\ninputs: {events: [{apigw: {parameters: {}}}]}\n", map[string][]string{"a": {"apigw"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			described, err := read(t, test.file, test.text, source(nil))
			if err != nil {
				t.Fatal(err)
			}
			got := map[string][]string{}
			for _, f := range described {
				got[f.Name] = f.Doors
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("doors (-want +got):\n%s", diff)
			}
		})
	}
}

// A lenient reader has no fault for a placeholder without a value, and gets how each variable is
// written.
func TestLenient(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t, map[string]string{"any.yml": `provider: {name: aws, timeout: '${env:T}', environment: {A: '${env:A}', B: {Ref: X}, C: text}}
functions: {f: {memorySize: '${env:M}', events: [{schedule: '${env:RATE}'}, {schedule: {rate: rate(1 minute), enabled: '${env:ON}'}}]}}
`}), "any.yml")
	got, err := deployfile.ReadFile(path, deployfile.Source{Lenient: true})
	if err != nil || len(got) != 1 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if diff := cmp.Diff(map[string]string{"A": "", "B": "", "C": "text"}, got[0].Env); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]deployfile.Variable{
		"A": {Line: 1, Text: "${env:A}", Unset: "A"}, "B": {Line: 1}, "C": {Line: 1, Text: "text", Known: true},
	}, got[0].Written.Variables); diff != "" {
		t.Errorf("how they are written (-want +got):\n%s", diff)
	}
	if got[0].TimeLimit != 0 || got[0].MemoryMB != 0 || len(got[0].Timers) != 2 || got[0].File != "any.yml" {
		t.Errorf("got %+v", got[0])
	}
	if _, err := deployfile.ReadFile(path+".none", deployfile.Source{Lenient: true}); err == nil {
		t.Error("a file that is not there is read")
	}
}
