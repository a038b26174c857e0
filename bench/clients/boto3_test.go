package clients_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/nodetest"
)

// documentedVariable is a variable of the documents, as `NAME=value`.
var documentedVariable = regexp.MustCompile("`([A-Z_]+=[^`]+)`")

// documentedEnv is the environment that docs/emulator.md gives AWS's SDKs and CLI, instead of this
// machine's own settings.
func documentedEnv(t *testing.T, cloudURL string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/emulator.md")
	if err != nil {
		t.Fatal(err)
	}
	_, row, found := strings.Cut(string(text), "\n| AWS SDKs and CLI |")
	row, _, _ = strings.Cut(row, "\n")
	variables := documentedVariable.FindAllStringSubmatch(strings.ReplaceAll(row, "{cloud_url}", cloudURL), -1)
	if !found || len(variables) == 0 {
		t.Fatal("docs/emulator.md does not say how AWS's SDKs get to the emulator")
	}
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "AWS_") })
	env = append(env, "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_PAGER=")
	for _, variable := range variables {
		env = append(env, variable[1])
	}
	return env
}

// python is a Python that has boto3.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), name, "-c", "import boto3").Run() == nil {
			return name
		}
	}
	nodetest.SkipMissing(t, "boto3 is not installed (internal/toolchain/install.sh clients)")
	return ""
}

// The documented variables lead AWS's SDK for Python to the emulator, and it reads what it gets
// there.
func TestBoto3(t *testing.T) {
	t.Parallel()
	interpreter := python(t)
	c := startFailing(t, platform.Lambda)
	calls := failures + `, {"name": "hello", "data": {"Text": "World"}}]`
	cmd := exec.CommandContext(t.Context(), interpreter, "boto3call.py", calls)
	cmd.Env = documentedEnv(t, c.url)
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("boto3call.py: %v\n%s", err, stderrOf(err))
	}
	type answer struct {
		Payload                   json.RawMessage
		FunctionError, Log, Error string
	}
	var got []answer
	for line := range strings.Lines(string(output)) {
		var a answer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		got = append(got, a)
	}
	if len(got) != 8 {
		t.Fatalf("got %d answers, want 8: %s", len(got), output)
	}
	wantLambdaFailure(t, string(got[0].Payload), got[0].FunctionError, "errorString", "no")
	wantLambdaFailure(t, string(got[1].Payload), got[1].FunctionError, "Runtime.ExitError", "Runtime exited with error: exit status 3")
	wantLambdaFailure(t, string(got[2].Payload), got[2].FunctionError, "Sandbox.Timedout", "Task timed out after 1.00 seconds")
	wantTail(t, got[2].Log, "\tStatus: timeout\n")
	if got[3].Error != "ResourceNotFoundException" {
		t.Errorf("no such function: got %+v, want ResourceNotFoundException", got[3])
	}
	if string(got[4].Payload) != `"Hello World"` || got[4].FunctionError != "" {
		t.Errorf("a call: got %s %q, want its result", got[4].Payload, got[4].FunctionError)
	}
	for _, unplayed := range got[5:] {
		if unplayed.Error != "UnknownOperationException" {
			t.Errorf("what is not played: got %+v, want UnknownOperationException", unplayed)
		}
	}
}

// readsEndpoint are the versions of the CLI that read AWS_ENDPOINT_URL_LAMBDA.
var readsEndpoint = regexp.MustCompile(`^aws-cli/(1\.(29|[3-9]\d)|2\.(1[3-9]|[2-9]\d))\.`)

// The same variables lead the AWS CLI there.
func TestAWSCLI(t *testing.T) {
	t.Parallel()
	version, err := exec.CommandContext(t.Context(), "aws", "--version").Output()
	if err != nil {
		nodetest.SkipMissing(t, "the AWS CLI is not installed (internal/toolchain/install.sh clients)")
	}
	c := startFailing(t, platform.Lambda)
	event, result := filepath.Join(t.TempDir(), "event.json"), filepath.Join(t.TempDir(), "result.json")
	if err := os.WriteFile(event, []byte(`{"Text":"World"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"lambda", "invoke", "--function-name", "hello", "--payload", "fileb://" + event, "--output", "json", result}
	if !readsEndpoint.Match(version) {
		args = append(args, "--endpoint-url", c.url)
	}
	cmd := exec.CommandContext(t.Context(), "aws", args...)
	cmd.Env = documentedEnv(t, c.url)
	if output, err := cmd.Output(); err != nil {
		t.Fatalf("%saws lambda invoke: %v\n%s%s", version, err, output, stderrOf(err))
	}
	got, err := os.ReadFile(result)
	if err != nil || string(got) != `"Hello World"` {
		t.Errorf("result: got %q (%v), want the function's", got, err)
	}
}

// stderrOf is what a command said that failed.
func stderrOf(err error) string {
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(failed.Stderr)
	}
	return ""
}

func decodeBase64(t *testing.T, text string) string {
	t.Helper()
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(decoded)
}
