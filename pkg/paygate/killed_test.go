package paygate_test

import (
	"bufio"
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// childKey tells the test's binary to be a gateway, whose merchant has the key, and childFile which
// file it has.
const (
	childFile = "PAYGATE_TEST_FILE"
	childKey  = "PAYGATE_TEST_MERCHANT"
)

// childMerchant is the child's merchant, but for its key.
func childMerchant() *paygate.Merchant {
	return &paygate.Merchant{
		MchID: "1900007291", AppID: "wxd678efh567hg6787", SerialNo: "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
		V2Key: "0123456789abcdef0123456789abcdef", V3Key: "fedcba9876543210fedcba9876543210",
	}
}

// TestMain is the tests', or in a child process a gateway that serves until it is killed.
func TestMain(m *testing.M) {
	serve := serveChild
	switch {
	case os.Getenv(childKey) == "":
		os.Exit(m.Run())
	case os.Getenv(childOrders) != "":
		serve = fillChild
	}
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// parseKey reads a merchant's key.
func parseKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("the key is not PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	return key.(*rsa.PrivateKey), nil
}

// serveChild serves wire and management API, and prints their addresses.
func serveChild() error {
	opts, err := childOptions()
	if err != nil {
		return err
	}
	g, err := paygate.New(opts)
	if err != nil {
		return err
	}
	for _, handler := range []http.Handler{g.Admin(), g} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		fmt.Println("http://" + l.Addr().String())
		go func() { _ = http.Serve(l, handler) }()
	}
	_, err = io.Copy(io.Discard, os.Stdin) // ends with the parent
	return err
}

// childOptions are those of the gateway that the environment tells.
func childOptions() (paygate.Options, error) {
	key, err := parseKey(os.Getenv(childKey))
	if err != nil {
		return paygate.Options{}, err
	}
	merchant := childMerchant()
	merchant.PrivateKey = key
	return paygate.Options{
		Merchants: []*paygate.Merchant{merchant}, File: os.Getenv(childFile), PlatformKey: key, NoCertificates: true, Running: true,
	}, nil
}

// child is a gateway in a process of its own.
type child struct {
	cmd         *exec.Cmd
	admin, wire string
}

// startChild starts one, and waits until it serves.
func startChild(t *testing.T, file string, keyPEM []byte) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childFile+"="+file, childKey+"="+string(keyPEM))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: cmd}
	t.Cleanup(func() {
		_ = stdin.Close()
		c.kill()
	})
	lines := bufio.NewScanner(stdout)
	for _, address := range []*string{&c.admin, &c.wire} {
		if !lines.Scan() {
			t.Fatal("the child does not serve")
		}
		*address = lines.Text()
	}
	return c
}

// kill kills the process, and waits for its end.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// journal is what the clients were answered.
type journal struct {
	mu sync.Mutex
	// by order number: the state that was answered last
	states map[string]string
	// how many answers are still to come before the child is killed
	left   int
	killed chan struct{}
	// the ids of requests that were seen
	newest int
	// where payments are notified
	notify string
}

// answered notes an answer, and reports whether it was the last one to wait for.
func (j *journal) answered(no, state string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.states[no] = state
	if j.left--; j.left == 0 {
		close(j.killed)
	}
}

// TestKilled kills a gateway again and again while clients place, pay and close orders. After each
// kill all that was answered is there, each payment with its notification, and nothing by halves.
func TestKilled(t *testing.T) {
	t.Parallel()
	kills := 30
	if testing.Short() {
		kills = 3
	}
	file := filepath.Join(t.TempDir(), "gateway.db")
	keyPEM := start(t).Merchant.PrivateKeyPEM()
	j := &journal{states: map[string]string{}, notify: open(t).URL + "/notify"}
	for round := range kills {
		c := startChild(t, file, keyPEM)
		j.check(t, c)
		j.left, j.killed = 1+round*7%40, make(chan struct{})
		var clients sync.WaitGroup
		for n := range 4 {
			clients.Go(func() { j.work(c, fmt.Sprintf("R%d-%d-", round, n)) })
		}
		gone := make(chan struct{})
		go func() {
			clients.Wait()
			close(gone)
		}()
		select {
		case <-j.killed:
		case <-gone:
			t.Fatalf("round %d: the clients gave up before the kill", round)
		}
		c.kill() // with four requests on their way
		<-gone
	}
	j.check(t, startChild(t, file, keyPEM))
}

// work places orders, and pays or closes them, until the gateway is gone.
func (j *journal) work(c *child, prefix string) {
	client := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	for i := 0; ; i++ {
		no := fmt.Sprint(prefix, i)
		if !post(client, c.admin+"/orders", `{"mchid":"1900007291","out_trade_no":"`+no+`","total":1,"notify_url":"`+j.notify+`"}`) {
			return
		}
		j.answered(no, "NOTPAY")
		switch i % 3 {
		case 0:
			if !post(client, c.admin+"/orders/"+no+"/pay", "") {
				return
			}
			j.answered(no, "SUCCESS")
		case 1:
			if !post(client, c.wire+"/pay/closeorder", closeDocument(no)) {
				return
			}
			j.answered(no, "CLOSED")
		}
	}
}

// closeDocument is an APIv2 close.
func closeDocument(no string) string {
	m := childMerchant()
	doc := []pair{{"appid", m.AppID}, {"mch_id", m.MchID}, {"out_trade_no", no}, {"nonce_str", "4ca93f17ddf3443ceabf72f26d64fe0e"}}
	return v2Request{doc: doc, merchant: m}.body()
}

// post posts, and reports whether it was answered.
func post(client *http.Client, address, body string) bool {
	resp, err := client.Post(address, "text/plain", strings.NewReader(body))
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 || bytes.Contains(text, []byte("FAIL")) {
		return false
	}
	return true
}

// check compares what a gateway has with what was answered.
func (j *journal) check(t *testing.T, c *child) {
	t.Helper()
	found := map[string]map[string]any{}
	for path := "/orders?limit=10000"; path != ""; {
		got := get(t, c.admin+path)
		for _, order := range got.list() {
			found[order["out_trade_no"].(string)] = order
		}
		path = got.link("next")
	}
	for no, want := range j.states {
		order := found[no]
		state := fmt.Sprint(order["state"])
		// What was on its way when the process ended may have happened, too.
		if state != want && (want != "NOTPAY" || state != "SUCCESS" && state != "CLOSED") {
			t.Errorf("order %s is %s, and %s was answered", no, state, want)
		}
		if paid := order["transaction_id"] != nil; paid != (state == "SUCCESS") {
			t.Errorf("order %s is %s, with the transaction %v", no, state, order["transaction_id"])
		}
	}
	transactions := map[any]bool{}
	for no, order := range found {
		if id := order["transaction_id"]; id != nil && transactions[id] {
			t.Errorf("the transaction %v of order %s is there twice", id, no)
		} else {
			transactions[id] = true
		}
	}
	checkNotices(t, c, found)
	j.checkHistory(t, c, found)
}

// checkNotices wants one notification of each order that was paid, and none of any other.
func checkNotices(t *testing.T, c *child, found map[string]map[string]any) {
	t.Helper()
	notified := map[string]int{}
	for after := ""; ; {
		page := get(t, c.admin+"/notifications?limit=1000"+after).json()
		for _, one := range page["notifications"].([]any) {
			notified[one.(map[string]any)["out_trade_no"].(string)]++
		}
		next, more := page["next"].(string)
		if !more {
			break
		}
		after = "&after=" + next
	}
	for no, order := range found {
		if paid := order["state"] == "SUCCESS"; paid && notified[no] != 1 || !paid && notified[no] != 0 {
			t.Errorf("order %s is %s, and has %d notifications", no, order["state"], notified[no])
		}
	}
}

// checkHistory wants the request of every close that was answered, and ids that were not seen
// before.
func (j *journal) checkHistory(t *testing.T, c *child, found map[string]map[string]any) {
	t.Helper()
	closes := map[string]bool{}
	newest := 0
	for _, r := range get(t, c.admin+"/requests?limit=10000").list() {
		newest = max(newest, int(r["id"].(float64)))
		if r["verdict"] == "ok" && found[fmt.Sprint(r["out_trade_no"])]["state"] == "CLOSED" {
			closes[fmt.Sprint(r["out_trade_no"])] = true
		}
	}
	for no, state := range j.states {
		if state == "CLOSED" && !closes[no] {
			t.Errorf("the answered close of order %s is not in the history", no)
		}
	}
	if newest < j.newest {
		t.Errorf("the newest request is %d, and was %d", newest, j.newest)
	}
	j.newest = newest
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	_ = post(client, c.wire+"/pay/orderquery", "<xml/>")
	last := get(t, c.admin+"/requests?limit=1").list()
	if id := int(last[0]["id"].(float64)); id <= newest {
		t.Errorf("a new request is %d, and %d was there", id, newest)
	} else {
		j.newest = id
	}
}

// get reads from the management API.
func get(t *testing.T, address string) answer {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !json.Valid(text) {
		t.Fatalf("%s: %v %d %s", address, err, resp.StatusCode, text)
	}
	return answer{t: t, status: resp.StatusCode, header: resp.Header, body: string(text)}
}
