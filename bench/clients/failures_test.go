package clients_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/nodetest"
)

// builtHello builds the function of the emulator's own tests, which fails as it is told.
var builtHello = sync.OnceValue(func() error {
	return platform.Build(context.Background(), "../..", "./internal/emulator/platform/testdata/hello", filepath.Join(folder, "hello"))
})

// startFailing starts an emulated cloud with a function that fails as it is told, and as hurried
// the same with a second of time.
func startFailing(t *testing.T, runtime platform.Runtime) *cloud {
	t.Helper()
	server := httptest.NewServer(&platform.Cloud{Functions: failing(t, runtime)})
	t.Cleanup(server.Close)
	return &cloud{url: server.URL}
}

// failures are calls of such functions.
const failures = `[
	{"name": "hello", "data": {"Do": "fail", "Text": "no"}}, {"name": "hello", "data": {"Do": "exit", "Size": 3}},
	{"name": "hurried", "data": {"Do": "sleep"}}, {"name": "nope", "data": {}}`

// wantErrors fails the test unless each line has this code, which is a string or a number, and
// these words.
func wantErrors(t *testing.T, lines []string, want [][2]string) {
	t.Helper()
	if len(lines) != len(want) {
		t.Fatalf("got %d answers, want %d: %q", len(lines), len(want), lines)
	}
	for i, line := range lines {
		var got struct {
			Error struct {
				Code    json.RawMessage
				Message string
			}
		}
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if code := strings.Trim(string(got.Error.Code), `"`); code != want[i][0] || !strings.Contains(got.Error.Message, want[i][1]) {
			t.Errorf("answer %d: got %s, want code %s and %q", i, line, want[i][0], want[i][1])
		}
	}
}

// CloudBase's SDK for Node.js passes the cloud's codes on.
func TestNodeSDKFailures(t *testing.T) {
	t.Parallel()
	nodetest.Need(t)
	if err := sdk(); err != nil {
		t.Fatalf("npm ci: %v", err)
	}
	wantErrors(t, startFailing(t, platform.Go1).node(t, nil, "call.js", failures+"]"), [][2]string{
		{"FUNCTIONS_EXECUTE_FAIL", "no"},
		{"FUNCTIONS_EXECUTE_FAIL", "exit status 3"},
		{"FUNCTIONS_TIME_LIMIT_EXCEEDED", "Invoking task timed out after 1 seconds"},
		{"FUNCTION_NOT_FOUND", "FunctionName parameter could not be found"},
	})
}

// WeChat's SDK turns the codes that it knows into numbers; from version 4 on it has -1 for all of a
// function's.
func TestWXServerSDKFailures(t *testing.T) {
	t.Parallel()
	nodetest.Need(t)
	if err := sdk(); err != nil {
		t.Fatalf("npm ci: %v", err)
	}
	for version, codes := range map[string][]string{
		"wx-server-sdk-3": {"-504002", "-504002", "-501001", "-501001"},
		"wx-server-sdk-4": {"-1", "-1", "-1", "-1"},
	} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			c := startFailing(t, platform.Go1)
			env := []string{`TCB_CONTEXT_CNFG={"URL":"` + c.url + `/admin"}`, "TENCENTCLOUD_SECRETID=any", "TENCENTCLOUD_SECRETKEY=any"}
			calls := failures + `, {"name": "database.get"}, {"name": "openapi.getUnlimited", "data": {}}]`
			wantErrors(t, c.node(t, env, "wxserver.js", version, calls), [][2]string{
				{codes[0], "no"},
				{codes[1], "exit status 3"},
				{codes[2], "Invoking task timed out after 1 seconds"},
				{codes[3], "FunctionName parameter could not be found"},
				{"-501001", `"database.getDocument" is not played`},
				{"-501001", `"wx.openApi" is not played`},
			})
		})
	}
}

// AWS's SDK for Go has the function's failures in its results, and its own errors for what is not
// played.
func TestLambdaSDKFailures(t *testing.T) {
	t.Parallel()
	c := startFailing(t, platform.Lambda)
	client := lambda.New(lambda.Options{
		BaseEndpoint: aws.String(c.url),
		Region:       "ap-southeast-1",
		Credentials:  credentials.NewStaticCredentialsProvider("any", "any", ""),
	})
	for _, test := range []struct{ function, event, kind, words, report string }{
		{"hello", `{"Do":"fail","Text":"no"}`, "errorString", "no", "\t\n"},
		{"hello", `{"Do":"exit","Size":3}`, "Runtime.ExitError", "Error: Runtime exited with error: exit status 3", "\tStatus: error\tError Type: Runtime.ExitError\n"},
		{"hurried", `{"Do":"sleep"}`, "Sandbox.Timedout", "Error: Task timed out after 1.00 seconds", "\tStatus: timeout\n"},
	} {
		got, err := client.Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: aws.String(test.function), Payload: []byte(test.event), LogType: types.LogTypeTail,
		})
		if err != nil {
			t.Fatal(err)
		}
		wantLambdaFailure(t, string(got.Payload), aws.ToString(got.FunctionError), test.kind, test.words)
		wantTail(t, decodeBase64(t, aws.ToString(got.LogResult)), test.report)
	}
	_, err := client.ListFunctions(t.Context(), &lambda.ListFunctionsInput{})
	var refused smithy.APIError
	if !errors.As(err, &refused) || refused.ErrorCode() != "UnknownOperationException" || !strings.Contains(refused.ErrorMessage(), "(Invoke)") {
		t.Errorf("ListFunctions: got %v, want UnknownOperationException and what is played", err)
	}
}

// wantLambdaFailure fails the test unless a payload is that of a function that failed.
func wantLambdaFailure(t *testing.T, payload, functionError, kind, words string) {
	t.Helper()
	var document struct{ ErrorType, ErrorMessage string }
	if err := json.Unmarshal([]byte(payload), &document); err != nil {
		t.Fatalf("%q: %v", payload, err)
	}
	if functionError != "Unhandled" || document.ErrorType != kind || !strings.HasSuffix(document.ErrorMessage, words) {
		t.Errorf("got %q %s, want Unhandled, %s and %q", functionError, payload, kind, words)
	}
}

// wantTail fails the test unless a log has Lambda's lines and ends so.
func wantTail(t *testing.T, log, end string) {
	t.Helper()
	for _, words := range []string{"START RequestId: ", "\nEND RequestId: ", "\nREPORT RequestId: "} {
		if !strings.Contains(log, words) {
			t.Errorf("log: got %q, want %q in it", log, words)
		}
	}
	if !strings.HasSuffix(log, end) {
		t.Errorf("log: got %q, want it to end %q", log, end)
	}
}
