package paygate_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// childOrders tells a child to have manyOrders orders, how they come to be, and to print its
// memory.
const childOrders = "PAYGATE_TEST_ORDERS"

// manyOrders are what a gateway must hold, and maxMemory is in how much memory, in MB.
const (
	manyOrders = 100_000
	maxMemory  = 300
)

// memory is what a process has, in MB: at most and now, with the pages of the file, and the heap
// that is in use after a collection.
type memory struct {
	Peak, Now, Own, File, Heap int
}

// memoryNow measures this process.
func memoryNow() (m memory, err error) {
	var heap runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&heap)
	m.Heap = int(heap.HeapInuse >> 20)
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return m, err
	}
	found := 0
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		into := map[string]*int{"VmHWM": &m.Peak, "VmRSS": &m.Now, "RssAnon": &m.Own, "RssFile": &m.File}[name]
		if into == nil {
			continue
		}
		kB, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
		if err != nil {
			return m, err
		}
		*into, found = kB>>10, found+1
	}
	if found != 4 {
		return m, fmt.Errorf("it is not all in\n%s", text)
	}
	return m, nil
}

// fillings are the ways in which a child gets its orders.
func fillings() map[string]func(*paygate.Gateway, *paygate.Merchant) error {
	return map[string]func(*paygate.Gateway, *paygate.Merchant) error{
		"added":   addCombined,
		"v2":      placeManyV2,
		"v3":      placeManyV3,
		"restart": func(*paygate.Gateway, *paygate.Merchant) error { return nil },
	}
}

// fillChild fills a gateway, and prints the memory that the process had.
func fillChild() error {
	opts, err := childOptions()
	if err != nil {
		return err
	}
	way := os.Getenv(childOrders)
	if way == "v3" { // half of a placing's time is RSA, and the key's length changes no memory
		if opts.Merchants[0].PrivateKey, err = rsa.GenerateKey(rand.Reader, 1024); err != nil {
			return err
		}
	}
	g, err := paygate.New(opts)
	if err != nil {
		return err
	}
	if err := fillings()[way](g, opts.Merchants[0]); err != nil {
		return err
	}
	m, err := memoryNow()
	if err != nil {
		return err
	}
	if n := len(g.Orders()); n != manyOrders {
		return fmt.Errorf("there are %d orders", n)
	}
	if err := json.NewEncoder(os.Stdout).Encode(m); err != nil {
		return err
	}
	return g.Close()
}

// addCombined adds orders, fifty at once, and pays every second fifty.
func addCombined(g *paygate.Gateway, _ *paygate.Merchant) error {
	for i := 0; i < manyOrders; i += 50 {
		all := paygate.CombinedOrder{CombineOutTradeNo: fmt.Sprint("C", i), OpenID: fmt.Sprintf("oUpF8uMuAJO_M2pxb1Q9z%07d", i)}
		for j := range 50 {
			all.SubOrders = append(all.SubOrders, paygate.Order{
				OutTradeNo: fmt.Sprintf("20261129%012d", i+j), Total: 100, Attach: "a text of thirty-two characters!",
				Description: "深圳分店－公仔手办 QQ公仔", NotifyURL: "http://127.0.0.1:9800/notify/wechat",
			})
		}
		err := g.AddCombined(all)
		if err == nil && i%100 == 0 {
			err = g.Pay(all.CombineOutTradeNo)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// placeManyV2 places orders by unifiedorder.
func placeManyV2(g *paygate.Gateway, m *paygate.Merchant) error {
	return inParallel(func(i int) error {
		req := httptest.NewRequest(http.MethodPost, "/pay/unifiedorder", strings.NewReader(placingV2(m, i)))
		return handled(g, req, "prepay_id")
	})
}

// placingV2 is the body of an unifiedorder with the usual elements.
func placingV2(m *paygate.Merchant, i int) string {
	doc := []pair{
		{"appid", m.AppID}, {"mch_id", m.MchID}, {"nonce_str", fmt.Sprintf("5K8264ILTKCH16CQ2502%012d", i)},
		{"body", "深圳分店－公仔手办 QQ公仔"}, {"out_trade_no", fmt.Sprintf("20261129%012d", i)}, {"total_fee", strconv.Itoa(100 + i%900)},
		{"spbill_create_ip", "123.12.12.123"}, {"notify_url", "http://127.0.0.1:9800/notify/wechat"}, {"trade_type", "JSAPI"},
		{"openid", fmt.Sprintf("oUpF8uMuAJO_M2pxb1Q9z%07d", i)}, {"attach", "a text of thirty-two characters!"},
		{"time_start", "20261129120000"}, {"time_expire", "20261129123000"},
	}
	return v2Request{doc: doc, merchant: m}.body()
}

// placeManyV3 places orders by jsapi. The replies are not signed, which would take as long again.
func placeManyV3(g *paygate.Gateway, m *paygate.Merchant) error {
	if err := g.Inject(paygate.Fault{Action: paygate.Unsigned}); err != nil {
		return err
	}
	return inParallel(func(i int) error {
		req, err := placingV3(m, i)
		if err != nil {
			return err
		}
		return handled(g, req, "prepay_id")
	})
}

// placingV3 is a request of jsapi with the usual members.
func placingV3(m *paygate.Merchant, i int) (*http.Request, error) {
	body := fmt.Sprintf(`{"appid":%q,"mchid":%q,"description":"深圳分店－公仔手办 QQ公仔","out_trade_no":"20261129%012d",`+
		`"attach":"a text of thirty-two characters!","notify_url":"http://127.0.0.1:9800/notify/wechat",`+
		`"amount":{"total":%d,"currency":"CNY"},"payer":{"openid":"oUpF8uMuAJO_M2pxb1Q9z%07d"},`+
		`"scene_info":{"payer_client_ip":"123.12.12.123","device_id":"013467007045764"}}`, m.AppID, m.MchID, i, 100+i%900, i)
	const uri = "/v3/pay/transactions/jsapi"
	authorization, err := authorize(m, http.MethodPost, uri, body, i)
	if err != nil {
		return nil, err
	}
	req := httptest.NewRequest(http.MethodPost, uri, strings.NewReader(body))
	req.Header = http.Header{
		"Authorization": {authorization}, "Accept": {"application/json"}, "User-Agent": {"paygate_test"}, "Content-Type": {"application/json"},
	}
	return req, nil
}

// authorize is the Authorization of a request now; n makes its nonce.
func authorize(m *paygate.Merchant, method, uri, body string, n int) (string, error) {
	nonce, timestamp := fmt.Sprintf("593BEC0C930BF1AFEB40%012d", n), strconv.FormatInt(time.Now().Unix(), 10)
	digest := sha256.Sum256([]byte(strings.Join([]string{method, uri, timestamp, nonce, body, ""}, "\n")))
	signature, err := rsa.SignPKCS1v15(rand.Reader, m.PrivateKey, crypto.SHA256, digest[:])
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",timestamp="%s",serial_no="%s",signature="%s"`,
		m.MchID, nonce, timestamp, m.SerialNo, base64.StdEncoding.EncodeToString(signature)), nil
}

// inParallel makes manyOrders calls from two goroutines for each processor.
func inParallel(one func(i int) error) error {
	var next atomic.Int64
	var workers sync.WaitGroup
	failed := make(chan error, 2*runtime.GOMAXPROCS(0))
	for range cap(failed) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < manyOrders; i = int(next.Add(1)) - 1 {
				if err := one(i); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	workers.Wait()
	close(failed)
	return <-failed
}

// handled has a gateway serve a request, and returns an error unless a word is in the reply.
func handled(g *paygate.Gateway, req *http.Request, word string) error {
	recorder := httptest.NewRecorder()
	g.ServeHTTP(recorder, req)
	if body := recorder.Body.String(); !strings.Contains(body, word) {
		return fmt.Errorf("the reply is %d %s", recorder.Code, body)
	}
	return nil
}

// fillGateway has a child hold many orders, and returns its memory. An empty file is none.
func fillGateway(t testing.TB, way, file string) memory {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childFile+"="+file, childKey+"="+string(childMerchantKey(t)), childOrders+"="+way)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var m memory
	if err == nil {
		err = json.Unmarshal(out, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// childMerchantKey is the key of the child's merchant.
func childMerchantKey(t testing.TB) []byte {
	t.Helper()
	return paygate.RunT(t).Merchant.PrivateKeyPEM()
}

// TestManyOrders: a hundred thousand orders fit into a small machine, whether they are added or
// placed over the wire, and also after a restart. BenchmarkManyOrders has every way.
func TestManyOrders(t *testing.T) {
	if testing.Short() || runtime.GOOS != "linux" || raced() {
		t.Skip("NOT TESTED here: it takes half a minute, and measures a Linux process without the race detector; make bench measures it")
	}
	file := filepath.Join(t.TempDir(), "gateway.db")
	for _, way := range []string{"v2", "restart"} {
		m := fillGateway(t, way, file)
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %+v MB for %d orders, whose file has %d MB", way, m, manyOrders, info.Size()>>20)
		if m.Peak > maxMemory {
			t.Errorf("%s takes %d MB, want at most %d", way, m.Peak, maxMemory)
		}
	}
}

// BenchmarkManyOrders is the memory of a gateway with a hundred thousand orders, by the way in
// which they come to be, and again after a restart. It fails above 300 MB. APIv3 takes minutes, as
// a hundred thousand requests have to be signed.
func BenchmarkManyOrders(b *testing.B) {
	if runtime.GOOS != "linux" || raced() {
		b.Skip("NOT MEASURED here: it needs a Linux process without the race detector")
	}
	for _, way := range []string{"v2", "v3", "added"} {
		file := filepath.Join(b.TempDir(), "gateway.db")
		if way == "v2" { // the others would differ by as much
			b.Run(way+"/memory", func(b *testing.B) { measureMemory(b, func() memory { return fillGateway(b, way, "") }) })
		}
		b.Run(way+"/file", func(b *testing.B) {
			measureMemory(b, func() memory {
				_ = os.Remove(file) // of the iteration before
				return fillGateway(b, way, file)
			})
		})
		b.Run(way+"/restart", func(b *testing.B) {
			if _, err := os.Stat(file); err != nil {
				fillGateway(b, way, file)
			}
			measureMemory(b, func() memory { return fillGateway(b, "restart", file) })
		})
	}
}

// measureMemory reports what a gateway takes, and fails if that is too much.
func measureMemory(b *testing.B, fill func() memory) {
	b.Helper()
	var m memory
	for b.Loop() {
		m = fill()
	}
	b.ReportMetric(float64(m.Peak), "MB-peak")
	b.ReportMetric(float64(m.Own), "MB-own")
	b.ReportMetric(float64(m.File), "MB-mapped")
	b.ReportMetric(float64(m.Heap), "MB-heap")
	if m.Peak > maxMemory {
		b.Errorf("%d MB, want at most %d", m.Peak, maxMemory)
	}
}

// raced reports whether the race detector is in this binary.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, setting := range info.Settings {
		if setting.Key == "-race" && setting.Value == "true" {
			return true
		}
	}
	return false
}
