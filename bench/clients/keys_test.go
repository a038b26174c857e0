package clients_test

import (
	"encoding/json"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"cloudpay/internal/emulator/access"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/nodetest"
)

// startLocked starts an emulated cloud that demands a key, with the function hello.
func startLocked(t *testing.T, key access.Key) *cloud {
	t.Helper()
	if err := builtHello(); err != nil {
		t.Fatal(err)
	}
	f, err := platform.Start(t.Context(), platform.Spec{Name: "hello", Binary: filepath.Join(folder, "hello")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	server := httptest.NewServer(&platform.Cloud{Functions: map[string]*platform.Function{"hello": f}, Keys: access.Keys{key}})
	t.Cleanup(server.Close)
	return &cloud{url: server.URL}
}

// lockedBy are the keys that a cloud demands of SDKs that sign with the key any and the secret any,
// and what CloudBase's SDKs then say; an empty one means that the call is admitted.
var lockedBy = []struct {
	key     access.Key
	message string
}{
	{access.Key{ID: "any", Secret: "any"}, ""},
	{access.Key{ID: "any", Secret: "another"}, "signature is wrong"},
	{access.Key{ID: "another", Secret: "any"}, "secret id error"},
}

// The signatures of CloudBase's own SDKs are verified: they are not documented, and these SDKs are
// the proof that they are understood.
func TestKeysOfCloudBase(t *testing.T) {
	t.Parallel()
	nodetest.Need(t)
	if err := sdk(); err != nil {
		t.Fatalf("npm ci: %v", err)
	}
	const calls = `[{"name": "hello", "data": {"Text": "中文 <&> \"quoted\"", "nested": {"a": [1, 2.50, null]}}}]`
	for _, lock := range lockedBy {
		c := startLocked(t, lock.key)
		env := []string{`TCB_CONTEXT_CNFG={"URL":"` + c.url + `/admin"}`, "TENCENTCLOUD_SECRETID=any", "TENCENTCLOUD_SECRETKEY=any"}
		for name, lines := range map[string][]string{
			"node-sdk":        c.node(t, nil, "call.js", calls),
			"wx-server-sdk-3": c.node(t, env, "wxserver.js", "wx-server-sdk-3", calls),
			"wx-server-sdk-4": c.node(t, env, "wxserver.js", "wx-server-sdk-4", calls),
		} {
			var got struct {
				Result json.RawMessage
				Error  struct{ Message string }
			}
			if err := json.Unmarshal([]byte(lines[0]), &got); err != nil {
				t.Fatalf("%s: %q: %v", name, lines, err)
			}
			admitted := strings.Contains(string(got.Result), "Hello 中文")
			if admitted != (lock.message == "") || !strings.Contains(got.Error.Message, lock.message) {
				t.Errorf("%s, the key %s is demanded: got %s, want %q", name, lock.key.ID, lines[0], lock.message)
			}
		}
	}
}

// So are those of AWS's SDKs for Go and for Python.
func TestKeysOfAWS(t *testing.T) {
	t.Parallel()
	interpreter := python(t)
	for _, lock := range lockedBy {
		c := startLocked(t, lock.key)
		client := lambda.New(lambda.Options{
			BaseEndpoint: aws.String(c.url), Region: "ap-southeast-1",
			Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
		})
		output, err := client.Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: aws.String("arn:aws:lambda:us-east-1:123456789012:function:hello"), Qualifier: aws.String("$LATEST"),
			Payload: []byte(`{"Text":"World"}`),
		})
		if admitted := err == nil && string(output.Payload) == `"Hello World"`; admitted != (lock.message == "") {
			t.Errorf("Go, the key %s is demanded: got %v, want %q", lock.key.ID, err, lock.message)
		}
		cmd := exec.CommandContext(t.Context(), interpreter, "boto3call.py", `[{"name": "hello", "data": {"Text": "World"}}]`)
		cmd.Env = documentedEnv(t, c.url)
		text, err := cmd.Output()
		if err != nil {
			t.Fatalf("boto3call.py: %v\n%s", err, stderrOf(err))
		}
		if admitted := strings.Contains(string(text), "Hello World"); admitted != (lock.message == "") {
			t.Errorf("Python, the key %s is demanded: got %.300s, want %q", lock.key.ID, text, lock.message)
		}
	}
}
