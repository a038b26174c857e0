package workload_test

import (
	"archive/zip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/emulator/workload"
)

// project is a folder with files; those whose name ends with ! are executable.
func project(t *testing.T, files map[string]string) workload.Options {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name, is := strings.CutSuffix(name, "!")
		mode := os.FileMode(0o600)
		if is {
			mode = 0o700
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	return workload.Options{
		Dir: dir, Workspace: t.TempDir(), Runtime: platform.Go1, Warm: 2,
		Binaries: map[string]string{"closeorder": "/bin/close", "queryorder": "/bin/query"},
		Env:      map[string]string{"WXPAY_MCHID": "1900000001", "CLOUDPAY_TIMER_TOKEN": "a-timer-token", "CLOUDPAY_STORE": "sqlite:x"},
		Lookup:   func(string) (string, bool) { return "", false },
	}
}

// plan makes the plan.
func plan(t *testing.T, o workload.Options) *workload.Plan {
	t.Helper()
	p, err := workload.Make(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// of is a function of the plan.
func of(t *testing.T, p *workload.Plan, name string) platform.Spec {
	t.Helper()
	at := slices.IndexFunc(p.Functions, func(s platform.Spec) bool { return s.Name == name })
	if at < 0 {
		t.Fatalf("got %+v, want a function %s", p.Functions, name)
	}
	return p.Functions[at]
}

// wantFault checks that no plan can be made, and why, in both languages.
func wantFault(t *testing.T, o workload.Options, want string) {
	t.Helper()
	_, err := workload.Make(t.Context(), o)
	if text := bilingual.Wording(err); !strings.Contains(text.EN, want) || text.EN == text.ZH {
		t.Errorf("got %+v, want %q and a Chinese wording", text, want)
	}
}

// Without a description both own functions run, with the timers that this repository's description
// has.
func TestOwn(t *testing.T) {
	t.Parallel()
	o := project(t, nil)
	alone := plan(t, o)
	o.Dir = filepath.Join("..", "..", "..")
	described := plan(t, o)
	sameTimers := cmp.Options{cmpopts.IgnoreFields(platform.Timer{}, "Next")}
	if diff := cmp.Diff(described.Timers, alone.Timers, sameTimers); diff != "" || len(alone.Timers) != 2 {
		t.Errorf("timers, described and without a description (-described +without):\n%s", diff)
	}
	for _, p := range []*workload.Plan{alone, described} {
		got := of(t, p, "closeorder")
		if got.Binary != "/bin/close" || got.Runtime != platform.Go1 || got.TimeLimit != 10*time.Second || got.Warm != 2 ||
			!slices.Contains(got.Env, "WXPAY_MCHID=1900000001") {
			t.Errorf("got %+v", got)
		}
	}
	if got := of(t, described, "closeorder").Env; !slices.Contains(got, "CLOUDPAY_METRICS=emf") {
		t.Errorf("got %v, want the description's own variables too", got)
	}
	o.Env["CLOUDPAY_STORE"] = ""
	if got := plan(t, o).Timers; len(got) > 0 {
		t.Errorf("without a store: got %+v, want no timers", got)
	}
	now := time.Date(2026, 11, 29, 0, 0, 30, 0, time.UTC)
	if next := alone.Timers[0].Next(now); !next.Equal(now.Add(30 * time.Second)) {
		t.Errorf("got %v, want every minute", next)
	}
}

// What the command line gives wins over the emulator's environment, and that over the description.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	o := project(t, map[string]string{
		"cloudbaserc.json": `{"functions":[{"name":"closeorder","envVariables":{
			"WXPAY_MCHID":"1","CLOUDPAY_METRICS":"emf","WXPAY_PRIVATE_KEY":"{{env.WXPAY_PRIVATE_KEY}}","SHOP":"{{env.SHOP}}"}},
			{"name":"hello","envVariables":{"WXPAY_MCHID":"{{env.WXPAY_MCHID}}","KEY":"{{env.WXPAY_V2_KEY}}","HOME2":"{{env.HOME2}}","SHOP":"x"}}]}`,
		"functions/hello/index.js": "",
	})
	o.Given = map[string]string{"SHOP": "ours", "CLOUDPAY_METRICS": "prometheus"}
	o.Lookup = func(name string) (string, bool) { return "real " + name, true }
	p := plan(t, o)
	want := []string{"CLOUDPAY_METRICS=prometheus", "CLOUDPAY_STORE=sqlite:x", "CLOUDPAY_TIMER_TOKEN=a-timer-token", "SHOP=ours", "WXPAY_MCHID=1900000001"}
	if diff := cmp.Diff(want, of(t, p, "closeorder").Env); diff != "" {
		t.Errorf("closeorder (-want +got):\n%s", diff)
	}
	// A real merchant's key in the developer's shell does not get into the emulated world.
	want = []string{"CLOUDPAY_METRICS=prometheus", "HOME2=real HOME2", "KEY=", "SHOP=ours", "WXPAY_MCHID=1900000001"}
	if diff := cmp.Diff(want, of(t, p, "hello").Env); diff != "" {
		t.Errorf("hello (-want +got):\n%s", diff)
	}
}

// Each runtime's code is found where its tools have it.
func TestTheirs(t *testing.T) {
	t.Parallel()
	o := project(t, map[string]string{
		"cloudbaserc.json": `{"functionRoot":"cloudfunctions","functions":[
			{"name":"node","runtime":"Nodejs18.15","handler":"index.main","timeout":5,"memorySize":256,
			 "triggers":[{"name":"nightly","type":"timer","config":"0 0 2 * * * *"}]},
			{"name":"web","type":"HTTP"},{"name":"binary","runtime":"Go1"},{"name":"custom","runtime":"CustomRuntime"},
			{"name":"python","runtime":"Python3.6"}]}`,
		"cloudfunctions/node/index.js":       "",
		"cloudfunctions/node/package.json":   `{"dependencies":{"wx-server-sdk":"4.0.2","@cloudbase/node-sdk":"3"}}`,
		"node_modules/wx-server-sdk/x":       "",
		"node_modules/@cloudbase/node-sdk/x": "",
		"cloudfunctions/web/scf_bootstrap!":  "#!/bin/bash\nexport A=1\n/var/lang/node18/bin/node app.js\n",
		"cloudfunctions/binary/main!":        "",
		"cloudfunctions/custom/bootstrap!":   "",
		"serverless.aws.yml":                 "provider: {name: aws, runtime: provided.al2023}\nfunctions: {binary: {handler: bootstrap}}\n",
	})
	p := plan(t, o)
	node := of(t, p, "node")
	if node.Runtime != platform.Node || node.Folder != filepath.Join(o.Dir, "cloudfunctions", "node") || node.Handler != "index.main" ||
		node.TimeLimit != 5*time.Second || node.MemoryMB != 256 {
		t.Errorf("node: got %+v", node)
	}
	for name, want := range map[string]platform.Runtime{"web": platform.Web, "binary": platform.Go1, "custom": platform.CustomRuntime} {
		if got := of(t, p, name); got.Runtime != want {
			t.Errorf("%s: got %+v, want %s", name, got, want)
		}
	}
	if got := of(t, p, "binary").Binary; got != filepath.Join(o.Dir, "cloudfunctions", "binary", "main") {
		t.Errorf("binary: got %s", got)
	}
	// SCF's own path of node is none of this machine's.
	web := of(t, p, "web")
	text, err := os.ReadFile(web.Binary)
	if err != nil || string(text) != "#!/bin/bash\nexport A=1\nnode app.js\n" || web.Folder != filepath.Join(o.Dir, "cloudfunctions", "web") {
		t.Errorf("web: got %+v with %q, %v", web, text, err)
	}
	if len(p.Notes) != 1 || !strings.Contains(p.Notes[0].EN, `python is left out: its runtime "Python3.6" is not played`) {
		t.Errorf("got %v, want a note of what is left out", p.Notes)
	}
	if at := slices.IndexFunc(p.Timers, func(t platform.Timer) bool { return t.Function == "node" && t.Name == "nightly" }); at < 0 {
		t.Errorf("got %+v, want the described timer", p.Timers)
	}
}

// Go sources are built; a zip file that is deployed is unpacked.
func TestBuiltAndUnpacked(t *testing.T) {
	t.Parallel()
	o := project(t, map[string]string{
		"serverless.yml":          "provider: {name: tencent, runtime: Go1}\npackage: {artifact: dist/scf.zip}\nfunctions: {built: {handler: built}, packed: {handler: packed}}\n",
		"go.mod":                  "module example.com/shop\n\ngo 1.26\n",
		"functions/built/main.go": "package main\n\nfunc main() {}\n",
		"dist/x":                  "",
	})
	file, err := os.Create(filepath.Join(o.Dir, "dist", "scf.zip"))
	if err != nil {
		t.Fatal(err)
	}
	archive := zip.NewWriter(file)
	entry, err := archive.Create("packed")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := entry.Write([]byte("a binary")); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	p := plan(t, o)
	for _, name := range []string{"built", "packed"} {
		got := of(t, p, name)
		info, err := os.Stat(got.Binary)
		if err != nil || info.Mode()&0o100 == 0 || got.Binary != filepath.Join(o.Workspace, name) {
			t.Errorf("%s: got %s, %v", name, got.Binary, err)
		}
	}
	if text, err := os.ReadFile(of(t, p, "packed").Binary); err != nil || string(text) != "a binary" {
		t.Errorf("got %q, %v, want what was packed", text, err)
	}
}

// Where a function's timers need a token, the emulator gives its own functions theirs; on Lambda
// the rules of AWS's description count.
func TestTimersOnEachRuntime(t *testing.T) {
	t.Parallel()
	o := project(t, nil)
	o.Dir = filepath.Join("..", "..", "..")
	for runtime, want := range map[platform.Runtime][]platform.Timer{
		platform.Go1:           {{Name: "closeorder_timer", Expression: "0 * * * * * *"}},
		platform.CustomRuntime: {{Name: "closeorder_timer", Expression: "0 * * * * * *", Message: "a-timer-token"}},
		platform.Lambda:        {{Name: "closeorder_schedule", Expression: "rate(1 minute)", Rule: true}},
		platform.Web:           nil,
	} {
		o.Runtime = runtime
		p := plan(t, o)
		var got []platform.Timer
		for _, timer := range p.Timers {
			if timer.Function == "closeorder" {
				timer.Function, timer.Next = "", nil
				got = append(got, timer)
			}
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", runtime, diff)
		}
	}
}

// Code that is not there, or that the cloud would not run either, is said.
func TestFaults(t *testing.T) {
	t.Parallel()
	of := func(function string) string { return `{"functions":[{"name":"hello",` + function + `}]}` }
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no code":         {map[string]string{"cloudbaserc.json": of(`"runtime":"Go1"`)}, "function hello: there is neither a binary nor Go source of it"},
		"no Node.js code": {map[string]string{"cloudbaserc.json": of(`"handler":"app.main"`)}, "there is no app.js for its handler app.main"},
		"no modules": {
			map[string]string{"cloudbaserc.json": of(`"handler":"index.main"`), "functions/hello/index.js": "", "functions/hello/package.json": `{"dependencies":{"left-pad":"1"}}`},
			"its node_modules lack left-pad: run `npm install` in ",
		},
		"no executable":  {map[string]string{"cloudbaserc.json": of(`"runtime":"Go1"`), "functions/hello/main": ""}, "is not executable"},
		"no interpreter": {map[string]string{"cloudbaserc.json": of(`"type":"HTTP"`), "functions/hello/scf_bootstrap!": "node app.js\n"}, "must begin with #!/bin/bash"},
		"Windows":        {map[string]string{"cloudbaserc.json": of(`"type":"HTTP"`), "functions/hello/scf_bootstrap!": "#!/bin/bash\r\nnode app.js\r\n"}, "line ends of Windows"},
		"no artifact": {
			map[string]string{"serverless.yml": "provider: {name: tencent, runtime: Go1}\nfunctions: {hello: {package: {artifact: none.zip}}}\n"},
			"its artifact ",
		},
		"broken source": {
			map[string]string{"cloudbaserc.json": of(`"runtime":"Go1"`), "go.mod": "module x\n", "functions/hello/main.go": "package main\n\nfunc main() { x }\n"},
			"undefined: x",
		},
		"a fault of the file": {map[string]string{"cloudbaserc.json": of(`"timeout":0`)}, "cloudbaserc.json:1: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantFault(t, project(t, test.files), test.want)
		})
	}
}

// A placeholder's value comes from --env and --env-file, else from the environment of the command;
// one that has none is named with its line. A file of variables is watched like a source.
func TestPlaceholders(t *testing.T) {
	t.Parallel()
	o := project(t, map[string]string{
		"cloudbaserc.json": "{\"functions\":[{\"name\":\"hello\",\"handler\":\"index.main\",\"envVariables\":{\n" +
			"\"A\":\"{{env.A}}\",\n\"B\":\"{{env.B}}\",\n\"C\":\"{{env.C}}\"}}]}",
		"functions/hello/index.js": "",
		"shop.env":                 "B=from the file\n",
	})
	o.Files = []string{filepath.Join(o.Dir, "shop.env")}
	var err error
	if o.Given, _, err = workload.Variables(o.Files, []string{"A=from the flag"}); err != nil {
		t.Fatal(err)
	}
	wantFault(t, o, "cloudbaserc.json:4: C is not set: give it with --env C=… or --env-file")
	o.Lookup = func(name string) (string, bool) { return "from the environment", name == "A" || name == "C" }
	p := plan(t, o)
	want := []string{"A=from the flag", "B=from the file", "C=from the environment"}
	if diff := cmp.Diff(want, of(t, p, "hello").Env); diff != "" {
		t.Errorf("hello (-want +got):\n%s", diff)
	}
	if !slices.Contains(p.Sources, o.Files[0]) {
		t.Errorf("got the sources %v, want %s among them", p.Sources, o.Files[0])
	}
}
