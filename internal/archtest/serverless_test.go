package archtest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"cloudpay/internal/config"
)

// deployment is what serverless.yml says, as far as it has to agree with the rest of the
// repository.
type deployment struct {
	Provider struct {
		Name        string `yaml:"name"`
		Runtime     string `yaml:"runtime"`
		MemorySize  int    `yaml:"memorySize"`
		Timeout     int    `yaml:"timeout"`
		Environment struct {
			Variables map[string]string `yaml:"variables"`
		} `yaml:"environment"`
	} `yaml:"provider"`
	Package struct {
		Artifact string `yaml:"artifact"`
	} `yaml:"package"`
	Functions map[string]struct {
		Handler string `yaml:"handler"`
		Events  []struct {
			Timer struct {
				Name       string `yaml:"name"`
				Parameters struct {
					CronExpression string `yaml:"cronExpression"`
					Enable         bool   `yaml:"enable"`
				} `yaml:"parameters"`
			} `yaml:"timer"`
		} `yaml:"events"`
	} `yaml:"functions"`
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func readDeployment(t *testing.T) deployment {
	t.Helper()
	var d deployment
	if err := yaml.Unmarshal([]byte(readFile(t, "serverless.yml")), &d); err != nil {
		t.Fatalf("serverless.yml: %v", err)
	}
	return d
}

// makeWords returns the words of a variable of the Makefile.
func makeWords(t *testing.T, name string) []string {
	t.Helper()
	match := regexp.MustCompile(`(?m)^` + name + ` *:= *(.*)$`).FindStringSubmatch(readFile(t, "Makefile"))
	if match == nil {
		t.Fatalf("Makefile: got no variable %s", name)
	}
	return strings.Fields(match[1])
}

func TestServerlessRunsWhatTheMakefileBuilds(t *testing.T) {
	t.Parallel()
	d := readDeployment(t)
	built := makeWords(t, "FUNCTIONS")
	var deployed []string
	for name, function := range d.Functions {
		deployed = append(deployed, function.Handler)
		if name != function.Handler {
			t.Errorf("function %s: got handler %s, want the function's own name", name, function.Handler)
		}
		if _, err := os.Stat(filepath.Join(root, "functions", function.Handler, "main.go")); err != nil {
			t.Errorf("function %s: %v, want its source", name, err)
		}
	}
	slices.Sort(deployed)
	if slices.Sort(built); !slices.Equal(deployed, built) || len(built) == 0 {
		t.Errorf("got handlers %v in serverless.yml and binaries %v in the Makefile, want the same", deployed, built)
	}
	if zip := makeWords(t, "SCF_ZIP"); !slices.Equal(zip, []string{d.Package.Artifact}) {
		t.Errorf("got artifact %s in serverless.yml and %v in the Makefile, want the same", d.Package.Artifact, zip)
	}
}

// TestServerlessVariablesAreKnown looks at the lines to be uncommented as well.
func TestServerlessVariablesAreKnown(t *testing.T) {
	t.Parallel()
	named := regexp.MustCompile(`(?m)^ *(?:# )?([A-Z][A-Z0-9_]+): (.*)$`).FindAllStringSubmatch(readFile(t, "serverless.yml"), -1)
	if parsed := readDeployment(t).Provider.Environment.Variables; len(parsed) == 0 || len(named) < len(parsed) {
		t.Fatalf("got variables %v by their lines and %v by the parser", named, parsed)
	}
	for _, line := range named {
		name, value := line[1], line[2]
		if !slices.Contains(config.Names(), name) {
			t.Errorf("got variable %s, which internal/config does not know", name)
		}
		if source := regexp.MustCompile(`\$\{env:(\w+)`).FindStringSubmatch(value); source != nil && source[1] != name {
			t.Errorf("%s: got the value of %s, want its own", name, source[1])
		}
		if regexp.MustCompile("KEY|TOKEN|STORE").MatchString(name) && !strings.HasPrefix(value, "${env:") {
			t.Errorf("%s: got a value in the file, want it taken from the environment", name)
		}
	}
}

// TestServerlessFitsThePlatform holds the figures to what SCF accepts.
func TestServerlessFitsThePlatform(t *testing.T) {
	t.Parallel()
	provider := readDeployment(t).Provider
	if provider.Name != "tencent" || provider.Runtime != "Go1" {
		t.Errorf("got %s %s, want tencent Go1", provider.Name, provider.Runtime)
	}
	if m := provider.MemorySize; m != 64 && (m < 128 || m > 3072 || m%128 != 0) {
		t.Errorf("got %d MB, want 64 or a multiple of 128 up to 3072", m)
	}
	if provider.Timeout < 1 || provider.Timeout > 900 {
		t.Errorf("got %d s, want 1 to 900", provider.Timeout)
	}
}

// TestServerlessHasTheTimers: closeorder's closes what is due, queryorder's finds out about what is
// in doubt. Of SCF's seven fields the first is the second (SCF doc 583/9708).
func TestServerlessHasTheTimers(t *testing.T) {
	t.Parallel()
	d := readDeployment(t)
	for name, function := range d.Functions {
		if len(function.Events) != 1 {
			t.Fatalf("function %s: got %d events, want its timer", name, len(function.Events))
		}
		timer := function.Events[0].Timer
		fields := strings.Fields(timer.Parameters.CronExpression)
		if timer.Name != name+"_timer" || len(fields) != 7 || !timer.Parameters.Enable {
			t.Errorf("function %s: got %+v, want a timer of its own, that is on", name, timer)
		}
	}
	if d.Provider.Environment.Variables["CLOUDPAY_STORE"] == "" {
		t.Error("got timers and no store to sweep")
	}
}
