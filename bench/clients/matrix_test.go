package clients_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"

	"cloudpay/internal/emulator/access"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/nodetest"
)

// The key that the emulated cloud of the matrix requires, and a secret that is not its.
const (
	keyID       = "AKIDEMULATED0000000000"
	keySecret   = "the-secret-of-the-emulated-key"
	wrongSecret = "another-secret-than-that-of-it"
)

// attempt is a call of the matrix. size adds that many characters to its event.
type attempt struct {
	Name string         `json:"name"`
	Data map[string]any `json:"data"`
	Size int            `json:"size,omitempty"`

	what  string
	wrong bool // signed with the wrong secret
}

// attempts are the cases that each client has to tell apart.
var attempts = []attempt{
	{what: "success", Name: "hello", Data: map[string]any{"Text": "World"}},
	{what: "error", Name: "hello", Data: map[string]any{"Do": "fail", "Text": "no"}},
	{what: "timeout", Name: "hurried", Data: map[string]any{"Do": "sleep"}},
	{what: "unknown function", Name: "nope", Data: map[string]any{}},
	{what: "too large", Name: "hello", Data: map[string]any{}, Size: 6 << 20},
	{what: "bad credentials", Name: "hello", Data: map[string]any{}, wrong: true},
}

// result is what a client reports: a result, or the code of an error in its own words.
type result struct{ Value, Code string }

// client makes attempts, all with one secret.
type client struct {
	runtime platform.Runtime
	call    func(t *testing.T, c *cloud, secret string, attempts []attempt) []result
	// codes are those for error, timeout, unknown function, too large and bad credentials.
	codes [5]string
}

// matrix are the clients, each with the codes by which it tells the cases apart.
var matrix = map[string]client{
	"node-sdk": {platform.Go1, inNode("node-sdk"), [5]string{
		"FUNCTIONS_EXECUTE_FAIL", "FUNCTIONS_TIME_LIMIT_EXCEEDED", "FUNCTION_NOT_FOUND", "EXCEED_REQUEST_SIZE_LIMIT", "SIGN_PARAM_INVALID",
	}},
	"wx-server-sdk 2": {platform.Go1, inNode("wx-server-sdk-2"), [5]string{"-504002", "-501001", "-501001", "-501001", "-501001"}},
	"wx-server-sdk 3": {platform.Go1, inNode("wx-server-sdk-3"), [5]string{"-504002", "-501001", "-501001", "-501001", "-501001"}},
	"wx-server-sdk 4": {platform.Go1, inNode("wx-server-sdk-4"), [5]string{"-1", "-1", "-1", "-1", "-1"}},
	"@aws-sdk/client-lambda": {platform.Lambda, inNode("@aws-sdk/client-lambda"), [5]string{
		"errorString", "Sandbox.Timedout", "ResourceNotFoundException", "RequestTooLargeException", "InvalidSignatureException",
	}},
	"aws-sdk-go-v2": {platform.Lambda, inGoByAWS, [5]string{
		"errorString", "Sandbox.Timedout", "ResourceNotFoundException", "RequestTooLargeException", "InvalidSignatureException",
	}},
	"tencentcloud-sdk-go": {platform.Go1, inGoByTencent, [5]string{
		"430", "433", "ResourceNotFound.Function", "406", "AuthFailure.SignatureFailure",
	}},
	"boto3": {platform.Lambda, inPython, [5]string{
		"errorString", "Sandbox.Timedout", "ResourceNotFoundException", "RequestTooLargeException", "InvalidSignatureException",
	}},
}

// Every client tells success, error, timeout, an unknown function, an event that is too large and
// credentials that are wrong apart, as far as it does so before the real cloud.
func TestMatrix(t *testing.T) {
	t.Parallel()
	for name, client := range matrix {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startStrict(t, client.runtime)
			var good, bad []attempt
			for _, a := range attempts {
				if a.wrong {
					bad = append(bad, a)
				} else {
					good = append(good, a)
				}
			}
			got := append(client.call(t, c, keySecret, good), client.call(t, c, wrongSecret, bad)...)
			if len(got) != len(attempts) {
				t.Fatalf("got %d answers, want %d: %+v", len(got), len(attempts), got)
			}
			if got[0].Value != "Hello World" {
				t.Errorf("%s: got %+v, want Hello World", attempts[0].what, got[0])
			}
			for i, want := range client.codes {
				if got[i+1].Code != want {
					t.Errorf("%s: got %+v, want code %s", attempts[i+1].what, got[i+1], want)
				}
			}
		})
	}
}

// startStrict starts an emulated cloud that requires a key, with the function that fails as it is
// told, and as hurried the same with a second of time.
func startStrict(t *testing.T, runtime platform.Runtime) *cloud {
	t.Helper()
	functions := failing(t, runtime)
	server := httptest.NewServer(&platform.Cloud{
		Functions: functions, Keys: access.Keys{{ID: keyID, Secret: access.Secret(keySecret)}},
	})
	t.Cleanup(server.Close)
	return &cloud{url: server.URL}
}

// failing are the functions of startFailing.
func failing(t *testing.T, runtime platform.Runtime) map[string]*platform.Function {
	t.Helper()
	if err := builtHello(); err != nil {
		t.Fatal(err)
	}
	functions := map[string]*platform.Function{}
	for name, limit := range map[string]time.Duration{"hello": time.Minute, "hurried": time.Second} {
		f, err := platform.Start(t.Context(), platform.Spec{
			Name: name, Binary: filepath.Join(folder, "hello"), Runtime: runtime, TimeLimit: limit,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		functions[name] = f
	}
	return functions
}

// inNode calls with a client of matrix.js.
func inNode(name string) func(*testing.T, *cloud, string, []attempt) []result {
	return func(t *testing.T, c *cloud, secret string, attempts []attempt) []result {
		t.Helper()
		nodetest.Need(t)
		if err := sdk(); err != nil {
			t.Fatalf("npm ci: %v", err)
		}
		env := append(documentedEnv(t, c.url),
			`TCB_CONTEXT_CNFG={"URL":"`+c.url+`/admin"}`, "TENCENTCLOUD_SECRETID="+keyID, "TENCENTCLOUD_SECRETKEY="+secret,
			"AWS_ACCESS_KEY_ID="+keyID, "AWS_SECRET_ACCESS_KEY="+secret)
		cmd := exec.CommandContext(t.Context(), "node", "matrix.js", name, encode(t, attempts))
		cmd.Env = env
		return run(t, cmd)
	}
}

// inPython calls with boto3.
func inPython(t *testing.T, c *cloud, secret string, attempts []attempt) []result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python(t), "matrix.py", encode(t, attempts))
	cmd.Env = append(documentedEnv(t, c.url), "AWS_ACCESS_KEY_ID="+keyID, "AWS_SECRET_ACCESS_KEY="+secret, "AWS_MAX_ATTEMPTS=1")
	return run(t, cmd)
}

// run reads what a script prints.
func run(t *testing.T, cmd *exec.Cmd) []result {
	t.Helper()
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args[:2], " "), err, stderrOf(err))
	}
	var results []result
	for line := range strings.Lines(string(output)) {
		var printed struct {
			Result any
			Error  struct{ Code any }
		}
		if err := json.Unmarshal([]byte(line), &printed); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		r := result{Value: fmt.Sprint(printed.Result)}
		if printed.Error.Code != nil {
			r = result{Code: fmt.Sprint(printed.Error.Code)}
		}
		results = append(results, r)
	}
	return results
}

// inGoByAWS calls with AWS's SDK for Go.
func inGoByAWS(t *testing.T, c *cloud, secret string, attempts []attempt) []result {
	t.Helper()
	client := lambda.New(lambda.Options{
		BaseEndpoint: aws.String(c.url), Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(keyID, secret, ""),
	})
	results := make([]result, 0, len(attempts))
	for _, a := range attempts {
		results = append(results, invokeByAWS(t.Context(), client, a, a.event(t)))
	}
	return results
}

func invokeByAWS(ctx context.Context, client *lambda.Client, a attempt, event []byte) result {
	output, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(a.Name), Payload: event})
	if refused, is := errors.AsType[smithy.APIError](err); is {
		return result{Code: refused.ErrorCode()}
	}
	if err != nil {
		return result{Code: err.Error()}
	}
	if output.FunctionError != nil {
		var document struct{ ErrorType string }
		_ = json.Unmarshal(output.Payload, &document) // the code is empty then
		return result{Code: document.ErrorType}
	}
	var value string
	_ = json.Unmarshal(output.Payload, &value) // likewise
	return result{Value: value}
}

// event is the attempt's, with its size.
func (a attempt) event(t *testing.T) []byte {
	t.Helper()
	data := map[string]any{}
	maps.Copy(data, a.Data)
	if a.Size > 0 {
		data["Text"] = strings.Repeat("x", a.Size)
	}
	return []byte(encode(t, data))
}
