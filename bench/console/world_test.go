package console_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "cloudpay/internal/cli/world" // go test does not see what the command is built from
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
)

// repository is the module's folder, from this one. The emulator is started in it, so that the
// functions of its cloudbaserc.json run with their timers.
const repository = "../.."

// built builds the command with the functions beside it, as `make package` does into dist/emulator,
// or takes those if CLOUDPAY_DIST names dist.
var built = sync.OnceValues(func() (program string, err error) {
	if dist := os.Getenv("CLOUDPAY_DIST"); dist != "" {
		return filepath.Join(dist, "emulator", "cloudpay"), nil
	}
	bin := filepath.Join(folder, "bin")
	for _, source := range []string{"cmd/cloudpay", "functions/closeorder", "functions/queryorder", "functions/web"} {
		if err := platform.Build(context.Background(), repository, "./"+source, filepath.Join(bin, filepath.Base(source)), "sqlite"); err != nil {
			return "", err
		}
	}
	return filepath.Join(bin, "cloudpay"), nil
})

// world is an emulator that runs: cloudpay emulate, as a user starts it.
type world struct {
	desk.Description

	dir    string
	cmd    *exec.Cmd
	output *bytes.Buffer
}

// shared is the world that the tests look at which need none of their own. TestMain ends it: opened
// is that world, or nil before a test needs it.
var shared = sync.OnceValues(func() (*world, error) {
	w := &world{dir: filepath.Join(folder, "world")}
	if err := w.start("--port-base", "0"); err != nil {
		return w, err
	}
	opened = w
	return w, w.seed()
})

var opened *world

// theWorld is the shared world, with something on each screen.
func theWorld(t *testing.T) *world {
	t.Helper()
	w, err := shared()
	if err != nil {
		t.Fatalf("%v\n%s", err, w.output)
	}
	return w
}

// ownWorld starts a world that the test may kill. It ends with the test.
func ownWorld(t testing.TB, flags ...string) *world {
	t.Helper()
	w := &world{dir: filepath.Join(t.TempDir(), "world")}
	if err := w.start(append([]string{"--port-base", "0"}, flags...)...); err != nil {
		t.Fatalf("%v\n%s", err, w.output)
	}
	t.Cleanup(w.stop)
	return w
}

// start starts the emulator and returns when all of it answers.
func (w *world) start(flags ...string) error {
	program, err := built()
	if err != nil {
		return err
	}
	w.output = &bytes.Buffer{}
	w.cmd = exec.Command(program, append([]string{"emulate", "--dir", w.dir, "--log", "off"}, flags...)...)
	w.cmd.Dir, w.cmd.Stdout, w.cmd.Stderr = repository, w.output, w.output
	w.cmd.Env = append(os.Environ(), "LANG=C.UTF-8", "LC_ALL=C.UTF-8")
	file := filepath.Join(w.dir, desk.File)
	_ = os.Remove(file) // a killed emulator leaves it, and it is to say that this one serves
	if err := w.cmd.Start(); err != nil {
		return fmt.Errorf("starting the emulator: %w", err)
	}
	return soon("the emulator does not serve", func() bool {
		text, err := os.ReadFile(file)
		return err == nil && json.Unmarshal(text, &w.Description) == nil && w.ConsoleURL != ""
	})
}

// kill ends the emulator as a power cut does, without a chance to write anything.
func (w *world) kill() {
	_ = w.cmd.Process.Kill() // it may have ended
	_ = w.cmd.Wait()         // the error is that it was killed
}

// stop ends the emulator as Ctrl-C does, or kills it if that takes long.
func (w *world) stop() {
	_ = w.cmd.Process.Signal(os.Interrupt) // it may have ended
	const patience = 20 * time.Second
	late := time.AfterFunc(patience, func() { _ = w.cmd.Process.Kill() })
	defer late.Stop()
	_ = w.cmd.Wait() // the test has its result
}

// again starts the emulator in the same folder and at the same addresses.
func (w *world) again() error {
	var flags []string
	for flag, address := range map[string]string{
		"gateway": w.GatewayURL, "backup": w.BackupURL, "admin": w.AdminURL, "cloud": w.CloudURL, "console": w.ConsoleURL, "events": w.EventsURL,
	} {
		flags = append(flags, "--"+flag+"-addr", strings.TrimPrefix(address, "http://"))
	}
	return w.start(flags...)
}

// call sends a request, with headers as pairs, and returns the answer's status and body.
func (w *world) call(method, address, body string, headers ...string) (int, string, error) {
	const longest = 2 * time.Minute
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return 0, "", fmt.Errorf("calling the emulator: %w", err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", fmt.Errorf("calling the emulator: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, "", fmt.Errorf("calling the emulator: %w", err)
	}
	return response.StatusCode, string(text), nil
}

// must sends a request that has to succeed.
func (w *world) must(t testing.TB, method, address, body string, headers ...string) string {
	t.Helper()
	status, text, err := w.call(method, address, body, headers...)
	if err != nil || status >= http.StatusBadRequest {
		t.Fatalf("%s %s %s: got %d %s, %v", method, address, body, status, text, err)
	}
	return text
}

// place adds an order of a user's.
func (w *world) place(t testing.TB, number string) {
	t.Helper()
	w.must(t, http.MethodPost, w.AdminURL+"/orders", `{"mchid":"1900000001","out_trade_no":"`+number+`","total":100,"openid":"oABC"}`)
}

// register has an order closed so many seconds from now, as the merchant's server does it.
func (w *world) register(t testing.TB, number string, seconds int) {
	t.Helper()
	event := fmt.Sprintf(`{"out_trade_no":%q,"close_at":%d,"openid":"oABC","total":100,"service_token":%q}`, number, seconds, w.Env["CLOUDPAY_SERVICE_TOKEN"])
	if text := w.must(t, http.MethodPost, w.CloudURL+"/v1/functions/closeorder", event); !strings.Contains(text, `"outcome":"scheduled"`) {
		t.Fatalf("registering %s: %s", number, text)
	}
}

// query sends a request of APIv3 for an order; see signed.
func (w *world) query(number string, key *rsa.PrivateKey, message func(string) string) error {
	request, err := w.signed(number, key, message)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("querying: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	_, _ = io.Copy(io.Discard, response.Body)    // for the next request on the connection
	return nil
}

// signed is a request of APIv3 for an order, signed by a key. message makes of the right string to
// sign the one that is signed.
func (w *world) signed(number string, key *rsa.PrivateKey, message func(string) string) (*http.Request, error) {
	path := "/v3/pay/transactions/out-trade-no/" + url.PathEscape(number) + "?mchid=" + w.Merchant.MchID
	now := fmt.Sprint(time.Now().Unix())
	nonce := rand.Text()
	sum := sha256.Sum256([]byte(message("GET\n" + path + "\n" + now + "\n" + nonce + "\n\n")))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		return nil, fmt.Errorf("signing a query: %w", err)
	}
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, w.GatewayURL+path, nil)
	if err != nil {
		return nil, fmt.Errorf("making a query: %w", err)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Authorization", fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid=%q,nonce_str=%q,signature=%q,timestamp=%q,serial_no=%q`,
		w.Merchant.MchID, nonce, base64.StdEncoding.EncodeToString(signature), now, w.Merchant.Serial))
	return request, nil
}

// key is the merchant's, from the file that a merchant has.
func (w *world) key() (*rsa.PrivateKey, error) {
	text, err := os.ReadFile(w.Merchant.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("reading the merchant's key: %w", err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading the merchant's key: %w", err)
	}
	of, _ := key.(*rsa.PrivateKey)
	return of, nil
}

// signsRight is the message of a request that is signed as it should be.
func signsRight(message string) string { return message }

// lacksLineFeed is a mistake that others make: the string to sign ends without its last line feed.
func lacksLineFeed(message string) string { return strings.TrimSuffix(message, "\n") }

// soon waits until something is so, and returns an error if it is not within two minutes: the
// machine may be busy.
func soon(otherwise string, so func() bool) error {
	const longest, pause = 2 * time.Minute, 20 * time.Millisecond
	late, tick := time.NewTimer(longest), time.NewTicker(pause)
	defer late.Stop()
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-late.C:
			return fmt.Errorf("%s within %s", otherwise, longest)
		}
	}
	return nil
}
