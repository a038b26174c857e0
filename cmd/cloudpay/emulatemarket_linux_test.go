package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"cloudpay/internal/emulator/platform"
)

// market is a shop's world of processes: an emulator with paynotify among its functions, and the
// server of examples/shop, which receives the events.
type market struct {
	shop

	flags     []string
	receiver  *receiver
	want      map[string]fate // by order number
	unlocking func() error
	restart   func() // starts the register again that has crashed; nil while it runs
}

// description describes paynotify, as examples/shop does, with the variables of APIv2 besides.
const description = `{"functions": [{"name": "paynotify", "type": "HTTP", "dir": "BIN", "timeout": 6, "envVariables": {VARIABLES}}]}`

// variables are those of description. Their values are the emulator's.
var variables = []string{
	"WXPAY_API", "WXPAY_APPID", "WXPAY_MCHID", "WXPAY_SERIAL_NO", "WXPAY_PRIVATE_KEY", "WXPAY_PUBLIC_KEY_ID", "WXPAY_PUBLIC_KEY",
	"WXPAY_V3_KEY", "WXPAY_V2_KEY", "WXPAY_BASE_URL", "CLOUDPAY_STORE", "CLOUDPAY_NOTIFY_URL", "CLOUDPAY_NOTIFY_KEY",
	"CLOUDPAY_EMULATOR_CLOCK",
}

// openMarket starts the processes. more are flags of the emulator.
func openMarket(t *testing.T, more ...string) *market {
	t.Helper()
	node := nodeOrSkip(t)
	s := newSite(t)
	if err := platform.Build(t.Context(), repositoryRoot, "./functions/paynotify", filepath.Join(s.bin, "paynotify"), "sqlite"); err != nil {
		t.Fatal(err)
	}
	functions := filepath.Join(s.root, "functions")
	var listed []string
	for _, name := range variables {
		listed = append(listed, `"`+name+`": "{{env.`+name+`}}"`)
	}
	text := strings.NewReplacer("BIN", s.bin, "VARIABLES", strings.Join(listed, ", ")).Replace(description)
	if err := errors.Join(os.Mkdir(functions, 0o700), os.WriteFile(filepath.Join(functions, "cloudbaserc.json"), []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	m := &market{want: map[string]fate{}, receiver: newReceiver(s, node)}
	// The addresses stay the same when it is started anew: payments are notified there.
	m.flags = append([]string{
		"--port-base", strconv.Itoa(freePorts(t, portsOfEmulator)), "--functions", functions, "--events-url", m.receiver.proxy.URL + "/events",
	}, more...)
	dir := s.folder()
	m.shop = s.command("emulate", dir, m.flags...).start().open()
	m.receiver.key = m.Env["CLOUDPAY_NOTIFY_KEY"]
	m.receiver.start()
	t.Cleanup(func() {
		_ = m.manageUnlock()
		inUse(t, dir)
	})
	return m
}

// nodeOrSkip is the path of Node.js. Without it the test is skipped, which in CI is a failure.
func nodeOrSkip(t *testing.T) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err == nil {
		return node
	}
	const missing = "Node.js is not installed, in which the server of examples/shop is written (Debian: apt-get install nodejs)"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip("SKIPPED: " + missing)
	return ""
}

// unlock lets others write to the register again.
func (m *market) unlock() {
	m.Helper()
	if err := m.manageUnlock(); err != nil {
		m.Error(err)
	}
}

func (m *market) manageUnlock() error {
	unlocking := m.unlocking
	m.unlocking = nil
	if unlocking == nil {
		return nil
	}
	return unlocking()
}

// killPayNotify kills the processes of paynotify while they are recording three payments.
func (m *market) killPayNotify(batch) {
	m.Helper()
	const calls = 3
	program := filepath.Join(m.bin, "paynotify")
	var found []string
	waitUntil(m.T, func() bool {
		found = nil
		for _, process := range m.processes() {
			if folder, is, _ := strings.Cut(process, " "); is == program {
				found = append(found, filepath.Base(folder))
			}
		}
		return len(found) >= calls
	})
	for _, text := range found {
		pid, err := strconv.Atoi(text)
		if err != nil {
			m.Fatal(err)
		}
		if process, err := os.FindProcess(pid); err == nil {
			_ = process.Kill() // it may have ended
		}
	}
}

// killWorld kills the emulator with all its functions, and starts another one in the folder.
func (m *market) killWorld(batch) {
	m.Helper()
	m.kill()
	m.shop = m.site.command("emulate", m.dir, m.flags...).start().open()
}

// post posts a body, and returns the status of the answer; 0 if there was none.
func (m *market) post(url, body string) int {
	m.Helper()
	response, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// notice is a notification with its attempts.
type notice struct {
	ID         string `json:"id"`
	API        string `json:"api"`
	OutTradeNo string `json:"out_trade_no"`
	State      string `json:"state"`
	Attempts   []struct {
		Faults       []string `json:"faults"`
		HTTPStatus   int      `json:"http_status"`
		Acknowledged bool     `json:"acknowledged"`
	} `json:"attempts"`
}

// notifications are those that a query selects; all without one.
func (m *market) notifications(query string) []notice {
	m.Helper()
	var all []notice
	for after := ""; ; {
		var page struct {
			Notifications []notice `json:"notifications"`
			Next          string   `json:"next"`
		}
		m.read("/notifications?limit=1000"+query+after, &page)
		all = append(all, page.Notifications...)
		if page.Next == "" {
			return all
		}
		after = "&after=" + page.Next
	}
}

// What becomes of deliveries on their way to the shop's server.
const (
	answers = "answers"
	refuses = "answers 500"
	hangs   = "hangs"
	isDeaf  = "handles them, and its answers are lost"
	isDown  = "does not run"
)

// receiver is the server of examples/shop as a process, and a proxy before it that spoils
// deliveries.
type receiver struct {
	*site

	node, folder, key string
	address           string
	proxy             *httptest.Server
	cmd               *exec.Cmd // nil while it does not run

	mu      sync.Mutex
	plays   string
	turned  chan struct{}  // is closed when plays changes
	spoiled map[string]int // by what was played
}

// shopToken is how the shop's function proves itself to the server.
const shopToken = "a-token-of-the-shops-function"

// stockOfTea is how much the shop has: enough for all.
const stockOfTea = 1000

// newReceiver makes a receiver that does not run yet.
func newReceiver(s *site, node string) *receiver {
	s.Helper()
	r := &receiver{
		site: s, node: node, folder: filepath.Join(s.root, "server"), address: freeAddress(s.T), plays: answers,
		turned: make(chan struct{}), spoiled: map[string]int{},
	}
	if err := os.CopyFS(r.folder, os.DirFS(filepath.Join(repositoryRoot, "examples", "shop", "server"))); err != nil {
		s.Fatal(err)
	}
	goods := `{"tea":{"title":"Tea","price":100,"stock":` + strconv.Itoa(stockOfTea) + `}}`
	if err := os.WriteFile(filepath.Join(r.folder, "goods.json"), []byte(goods), 0o600); err != nil {
		s.Fatal(err)
	}
	r.proxy = httptest.NewServer(http.HandlerFunc(r.serve))
	s.Cleanup(func() {
		r.play(answers) // or Close waits for what hangs
		r.proxy.Close()
	})
	return r
}

// play decides what becomes of deliveries from now on.
func (r *receiver) play(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.plays = what
	close(r.turned)
	r.turned = make(chan struct{})
}

// playing is what is played, and what is closed when that changes.
func (r *receiver) playing() (what string, turned <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.plays, r.turned
}

// spoil counts a delivery that was spoiled.
func (r *receiver) spoil(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spoiled[what]++
}

// wantSpoiled wants deliveries spoiled in every way.
func (r *receiver) wantSpoiled() {
	r.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, what := range []string{refuses, hangs, isDeaf, isDown} {
		if r.spoiled[what] == 0 {
			r.Errorf("no delivery came while the receiver %s", what)
		}
	}
}

// serve passes a delivery on, or does not.
func (r *receiver) serve(w http.ResponseWriter, request *http.Request) {
	what, turned := r.playing()
	if what != answers {
		r.spoil(what)
	}
	switch what {
	case refuses:
		w.WriteHeader(http.StatusInternalServerError)
		return
	case hangs:
		select {
		case <-turned:
		case <-request.Context().Done():
		}
		panic(http.ErrAbortHandler)
	}
	status := r.pass(request)
	if what == isDeaf {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(status)
}

// pass has the server handle a delivery, and returns its status; 502 if it does not answer.
func (r *receiver) pass(request *http.Request) int {
	passed := request.Clone(request.Context())
	passed.URL.Scheme, passed.URL.Host, passed.RequestURI = "http", r.address, ""
	response, err := http.DefaultTransport.RoundTrip(passed)
	if err != nil {
		r.spoil(isDown)
		return http.StatusBadGateway
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// start starts the server, unless it runs.
func (r *receiver) start() {
	r.Helper()
	if r.cmd != nil {
		return
	}
	cmd := exec.CommandContext(r.Context(), r.node, filepath.Join(r.folder, "main.mjs"), r.address, r.journal())
	cmd.Env = []string{"CLOUDPAY_NOTIFY_KEY=" + r.key, "SHOP_TOKEN=" + shopToken, "NODE_OPTIONS="}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, "serves") {
		r.Fatalf("the shop's server does not start: %q, %v", line, err)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }() // ends with the process
	r.cmd = cmd
	r.Cleanup(func() { _ = cmd.Process.Kill() })
}

// kill kills the server.
func (r *receiver) kill() {
	r.Helper()
	if err := r.cmd.Process.Kill(); err != nil {
		r.Fatal(err)
	}
	_ = r.cmd.Wait() // it was killed
	r.cmd = nil
}

func (r *receiver) journal() string { return filepath.Join(r.root, "shop.jsonl") }

// direct is the server's own address.
func (r *receiver) direct() string { return "http://" + r.address }

// ask makes a request with the token.
func (r *receiver) ask(method, path, body string, into any) {
	r.Helper()
	request, err := http.NewRequestWithContext(r.Context(), method, r.direct()+path, strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+shopToken)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil || response.StatusCode != http.StatusOK {
		r.Fatalf("%s %s: %d, %v", method, path, response.StatusCode, err)
	}
}

// reserve reserves a tin of tea for an order.
func (r *receiver) reserve(number string) {
	r.Helper()
	var answer struct{ Reservation string }
	r.ask(http.MethodPost, "/reservations", `{"number":"`+number+`","sku":"tea","quantity":1,"total":100}`, &answer)
	if answer.Reservation != "reserved" {
		r.Fatalf("reserving for %s: got %q", number, answer.Reservation)
	}
}

// done is what the journal says was done for each order's events.
func (r *receiver) done() map[string][]string {
	r.Helper()
	text, err := os.ReadFile(r.journal())
	if err != nil {
		r.Fatal(err)
	}
	done := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		var fact struct{ Fact, Number, What string }
		if err := json.Unmarshal([]byte(line), &fact); err != nil {
			r.Fatalf("%q: %v", line, err)
		}
		if fact.Fact == "event" {
			done[fact.Number] = append(done[fact.Number], fact.What)
		}
	}
	return done
}

// wantStock wants as many shipped as there are paid orders, nothing reserved, and nothing for a
// person to look at.
func (r *receiver) wantStock(orders map[string]fate) {
	r.Helper()
	shipped := 0
	for _, order := range orders {
		if order.stock == "ship" {
			shipped++
		}
	}
	var stock struct {
		Articles map[string]struct{ Free, Reserved, Shipped int }
		Look     []json.RawMessage
	}
	r.ask(http.MethodGet, "/stock", "", &stock)
	if got := stock.Articles["tea"]; got.Free != stockOfTea-shipped || got.Reserved != 0 || got.Shipped != shipped || len(stock.Look) > 0 {
		r.Errorf("stock: got %+v and %s to look at, want %d shipped and nothing reserved", got, stock.Look, shipped)
	}
}
