package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"cloudpay/internal/config"
)

// The descriptions in the root have to name what the Makefile makes, and variables that are read.
// serverless.yml has a test of its own in internal/archtest.

const root = "../../.."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// functions are those that the Makefile builds.
func functions(t *testing.T) []string {
	t.Helper()
	return words(t, "FUNCTIONS")
}

// words are those of a variable of the Makefile, sorted.
func words(t *testing.T, variable string) []string {
	t.Helper()
	match := regexp.MustCompile(`(?m)^` + variable + ` := (.*)$`).FindStringSubmatch(read(t, "Makefile"))
	if match == nil {
		t.Fatalf("Makefile: got no %s", variable)
	}
	return slices.Sorted(slices.Values(strings.Fields(match[1])))
}

// wantMakes fails the test unless the Makefile makes this file.
func wantMakes(t *testing.T, function, file string) {
	t.Helper()
	if inMakefile := strings.ReplaceAll(file, function, "$$function"); !strings.Contains(read(t, "Makefile"), inMakefile) {
		t.Errorf("%s: the Makefile does not make it (%s)", file, inMakefile)
	}
}

// wantVariables fails the test unless every variable is known, and every one that is secret comes
// from the environment.
func wantVariables(t *testing.T, variables map[string]string, fromEnvironment string) {
	t.Helper()
	if len(variables) == 0 {
		t.Error("got no variables")
	}
	for name, value := range variables {
		if !slices.Contains(config.Names(), name) {
			t.Errorf("variable %s: internal/config does not know it", name)
		}
		own := strings.ReplaceAll(fromEnvironment, "NAME", name)
		if strings.Contains(name, "KEY") || strings.Contains(name, "TOKEN") || strings.Contains(name, "STORE") {
			if value != own {
				t.Errorf("variable %s: got %q, want %q: it is no file's business", name, value, own)
			}
		}
	}
}

// cloudBaseFunction is a function of cloudbaserc.json.
type cloudBaseFunction struct {
	Name, Type, Runtime, Handler, Path string
	Timeout, MemorySize                int
	InstallDependency                  *bool
	EnvVariables                       map[string]string
	Triggers                           []struct{ Name, Type, Config string }
}

func TestCloudbaserc(t *testing.T) {
	t.Parallel()
	var described struct {
		Version, EnvID, FunctionRoot string
		Functions                    []cloudBaseFunction
		Gateway                      json.RawMessage
	}
	if err := json.Unmarshal([]byte(read(t, "cloudbaserc.json")), &described); err != nil {
		t.Fatalf("cloudbaserc.json: %v", err)
	}
	// 2.1 is what `tcb validate` of the CLI's version 3 wants; 2.12.10 reads any.
	if described.Version != "2.1" || described.EnvID != "{{env.ENV_ID}}" || described.FunctionRoot != "./dist" {
		t.Errorf("got version %q of %q in %q, want 2.1, the environment's own, and ./dist",
			described.Version, described.EnvID, described.FunctionRoot)
	}
	if len(described.Gateway) > 0 {
		t.Errorf("got the routes %s, want none: which function may have one is docs/deploy.md's", described.Gateway)
	}
	var events, web []string
	for _, f := range described.Functions {
		if f.Runtime != "Go1" || f.Handler != "main" || f.InstallDependency == nil || *f.InstallDependency {
			t.Errorf("%s: got runtime %s, handler %s, want Go1, main and nothing to install", f.Name, f.Runtime, f.Handler)
		}
		if f.Timeout < 10 || f.Timeout > 60 || f.MemorySize != 128 {
			t.Errorf("%s: got %d s and %d MB, want 10 s at least, at most CloudBase's 60 s, and 128 MB", f.Name, f.Timeout, f.MemorySize)
		}
		wantVariables(t, f.EnvVariables, "{{env.NAME}}")
		if f.EnvVariables["CLOUDPAY_STORE"] == "" {
			t.Errorf("%s: got no store", f.Name)
		}
		if f.Type == "HTTP" {
			web = append(web, f.Name)
			wantWebFunction(t, f)
		} else {
			events = append(events, f.Name)
			wantEventFunction(t, f)
		}
	}
	if slices.Sort(events); !slices.Equal(events, functions(t)) {
		t.Errorf("got event functions %v, want %v", events, functions(t))
	}
	if slices.Sort(web); !slices.Equal(web, words(t, "WEB_ON_CLOUDBASE")) {
		t.Errorf("got HTTP functions %v, want %v", web, words(t, "WEB_ON_CLOUDBASE"))
	}
}

// wantEventFunction checks closeorder or queryorder: the folder of its name, and its timer.
func wantEventFunction(t *testing.T, f cloudBaseFunction) {
	t.Helper()
	// The CLI packs functionRoot/<name> as it is, and Go1's handler is the binary's name.
	wantMakes(t, f.Name, "dist/"+f.Name+"/"+f.Handler)
	if len(f.Triggers) != 1 || f.Triggers[0].Name != f.Name+"_timer" || f.Triggers[0].Type != "timer" ||
		len(strings.Fields(f.Triggers[0].Config)) != 7 {
		t.Errorf("%s: got triggers %v, want one timer of its own, whose time has seven fields", f.Name, f.Triggers)
	}
	if f.EnvVariables["CLOUDPAY_METRICS"] != "emf" {
		t.Errorf("%s: got a timer without the figures that docs/alarms reads", f.Name)
	}
}

// wantWebFunction checks a deployment of functions/web. The one that believes WeChat's gateway
// serves nothing that is called from outside, and the other one nothing else.
func wantWebFunction(t *testing.T, f cloudBaseFunction) {
	t.Helper()
	if len(f.Triggers) > 0 || f.Path != "" {
		t.Errorf("%s: got triggers %v and the path %q, want neither", f.Name, f.Triggers, f.Path)
	}
	public := []string{"paynotify", "sweep", "metrics"}
	for route := range strings.SplitSeq(f.EnvVariables["CLOUDPAY_ROUTES"], ",") {
		behind := f.EnvVariables["CLOUDPAY_BEHIND_WX_GATEWAY"] == "1"
		if route != "healthz" && behind == slices.Contains(public, route) {
			t.Errorf("%s: got the route %s, want it in the other deployment", f.Name, route)
		}
	}
}

// The Serverless Framework 4 wants a login; osls 3 and 4 do not. Each program takes a description
// only if the range holds its own version, whole: '3' is refused by osls 4.
func TestFrameworkVersion(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"serverless.yml", "serverless.aws.yml"} {
		var described struct {
			FrameworkVersion string `yaml:"frameworkVersion"`
		}
		if err := yaml.Unmarshal([]byte(read(t, name)), &described); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if described.FrameworkVersion != "3 || 4" {
			t.Errorf("%s: got frameworkVersion %q, want 3 || 4", name, described.FrameworkVersion)
		}
	}
}

func TestServerlessAWS(t *testing.T) {
	t.Parallel()
	text := read(t, "serverless.aws.yml")
	var described struct {
		Provider struct {
			Name         string            `yaml:"name"`
			Runtime      string            `yaml:"runtime"`
			Architecture string            `yaml:"architecture"`
			MemorySize   int               `yaml:"memorySize"`
			Timeout      int               `yaml:"timeout"`
			Environment  map[string]string `yaml:"environment"`
		} `yaml:"provider"`
		Functions map[string]struct {
			Handler string `yaml:"handler"`
			Package struct {
				Artifact string `yaml:"artifact"`
			} `yaml:"package"`
			Environment map[string]string `yaml:"environment"`
			URL         bool              `yaml:"url"`
			Events      []struct {
				HTTPAPI  string `yaml:"httpApi"`
				Schedule string `yaml:"schedule"`
			} `yaml:"events"`
		} `yaml:"functions"`
	}
	if err := yaml.Unmarshal([]byte(text), &described); err != nil {
		t.Fatalf("serverless.aws.yml: %v", err)
	}
	provider := described.Provider
	if provider.Name != "aws" || provider.Runtime != "provided.al2023" || provider.Architecture != "arm64" ||
		!strings.Contains(read(t, "Makefile"), "GOARCH="+provider.Architecture+" $(GOBUILD) -tags lambda.norpc") {
		t.Errorf("got %+v, want what the Makefile builds for Lambda", provider)
	}
	if provider.MemorySize < 128 || provider.Timeout < 3 || provider.Timeout > 29 {
		t.Errorf("got %d MB and %d s, want 128 at least, and no longer than a gateway waits", provider.MemorySize, provider.Timeout)
	}
	wantVariables(t, provider.Environment, "${env:NAME}")
	commented := map[string]string{}
	for _, line := range regexp.MustCompile(`(?m)^ *# ([A-Z][A-Z0-9_]+): (.*)$`).FindAllStringSubmatch(text, -1) {
		commented[line[1]] = line[2]
	}
	wantVariables(t, commented, "${env:NAME}")

	const public = "public" // functions/web, for notifications
	if names := slices.Sorted(maps.Keys(described.Functions)); !slices.Equal(names, slices.Sorted(slices.Values(append(functions(t), public)))) {
		t.Errorf("got functions %v, want %v and %s", names, functions(t), public)
	}
	if f := described.Functions[public]; f.Handler != "bootstrap" || f.Package.Artifact != "dist/lambda/web.zip" || !f.URL ||
		f.Environment["CLOUDPAY_ROUTES"] != "paynotify,healthz" || len(f.Events) > 0 {
		t.Errorf("%s: got %+v, want functions/web with a function URL for notifications alone", public, f)
	}
	wantVariables(t, described.Functions[public].Environment, "${env:NAME}")
	delete(described.Functions, public)
	for name, f := range described.Functions {
		if f.Handler != "bootstrap" || f.Package.Artifact != "dist/lambda/"+name+".zip" {
			t.Errorf("%s: got handler %s of %s, want bootstrap of dist/lambda/%s.zip", name, f.Handler, f.Package.Artifact, name)
		}
		wantMakes(t, name, f.Package.Artifact)
		schedules := 0
		for _, event := range f.Events {
			switch {
			case regexp.MustCompile(`^rate\(\d+ minutes?\)$`).MatchString(event.Schedule):
				schedules++
			case !strings.Contains(event.HTTPAPI, " /"+name):
				t.Errorf("%s: got the event %+v, want a route of its own, or a schedule", name, event)
			}
		}
		if schedules != 1 || provider.Environment["CLOUDPAY_STORE"] == "" {
			t.Errorf("%s: got %d schedules, want one, and a store to sweep", name, schedules)
		}
	}
}
