package paygate_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// kept is options whose state is in a file of the test.
func kept(t *testing.T) paygate.Options {
	t.Helper()
	return paygate.Options{Now: wireTime, File: filepath.Join(t.TempDir(), "gateway.db")}
}

// again closes a gateway and starts the next one with its file and its merchant.
func (s *session) again(opts paygate.Options) *session {
	s.t.Helper()
	if err := s.Close(); err != nil {
		s.t.Fatal(err)
	}
	opts.Merchants = []*paygate.Merchant{s.Merchant}
	return start(s.t, opts)
}

// state is what the gateway exports.
func (s *session) state() string {
	s.t.Helper()
	var text bytes.Buffer
	if err := s.Export(&text); err != nil {
		s.t.Fatal(err)
	}
	return text.String()
}

// wantState compares two exports by their lines.
func wantState(t *testing.T, got, want string) {
	t.Helper()
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		var a, b string
		if i < len(gotLines) {
			a = gotLines[i]
		}
		if i < len(wantLines) {
			b = wantLines[i]
		}
		if a != b {
			t.Fatalf("line %d is\n%s\nwant\n%s", i+1, a, b)
		}
	}
}

// live plays every way in which an order can go.
func (s *session) live() {
	s.t.Helper()
	s.order("OPEN", func(o *paygate.Order) { o.Attach, o.DeviceInfo = "附加 <&>", "POS1" })
	s.order("CLOSED2")
	s.order("CLOSED3")
	s.order("PAID", func(o *paygate.Order) { o.Coupons = coupons() })
	s.order("REFUNDED")
	s.order("SUB", ofSub)
	s.order("OVERSEAS", func(o *paygate.Order) { o.Region, o.Currency = "global", "JPY" })
	s.order("OLD", func(o *paygate.Order) { o.CreatedAt = s.Time().Add(-6 * 24 * time.Hour) })
	for _, state := range []paygate.TradeState{
		paygate.StateUserPaying, paygate.StatePayError, paygate.StateAccept, paygate.StateRevoked, paygate.StateClosed, paygate.StateSuccess,
	} {
		s.order("BORN-"+string(state), inState(state))
	}
	s.combined()
	s.MustAdvance(36 * time.Hour) // OLD runs out
	s.v2(s.closeV2("CLOSED2"))
	s.v3(s.closeV3("CLOSED3")).want(204)
	s.v3(s.closeSubV3("SUB")).want(204)
	s.MustPay("PAID")
	s.MustPay("C1")
	s.MustRefund("S2")
	s.MustPay("REFUNDED")
	s.MustRefund("REFUNDED")
	s.MustInject(paygate.Fault{Action: paygate.RateLimit, Times: 1})
	s.v3(s.queryV3("OPEN"))
	wrong := s.queryV3("OPEN")
	wrong.timestamp = "1"
	s.v3(wrong)
	s.v3(s.queryV3("OLD")).want(200)
}

// TestStateLasts: the next gateway of a file is the one before, in all that can be seen of it.
func TestStateLasts(t *testing.T) {
	t.Parallel()
	opts := kept(t)
	first := start(t, opts)
	first.live()
	serials := []string{first.CertificateSerial(), first.MustRotateCertificate()}
	root, orders, requests := first.RootPEM(), first.Orders(), first.Requests()
	before := first.state()

	second := first.again(opts)
	wantState(t, second.state(), before)
	if got := second.Orders(); !reflect.DeepEqual(got, orders) {
		t.Errorf("orders are\n%+v\nwant\n%+v", got, orders)
	}
	if got := second.Requests(); !reflect.DeepEqual(got, requests) {
		t.Errorf("the history is\n%+v\nwant\n%+v", got, requests)
	}
	if !second.Time().Equal(first.Time()) || second.Ahead() != 36*time.Hour {
		t.Errorf("the clock is at %s, %s ahead, want %s, 36h ahead", second.Time(), second.Ahead(), first.Time())
	}
	if got := second.admin("GET", "/certificates", "").list(); len(got) != 2 || got[0]["serial_no"] != serials[1] || got[1]["serial_no"] != serials[0] {
		t.Errorf("certificates are %v, want %v", got, serials)
	}
	if !bytes.Equal(second.RootPEM(), root) {
		t.Error("the authority is another one")
	}
	second.goOn(len(requests))
	third := second.again(opts)
	if serial := third.MustRotateCertificate(); serial == serials[0] || serial == serials[1] {
		t.Errorf("the third certificate is %s again", serial)
	}
	before = third.state()
	wantState(t, third.again(opts).state(), before)
}

// goOn uses a gateway that goes on with the state of live, in whose history n requests are.
func (s *session) goOn(n int) {
	s.t.Helper()
	s.order("OPEN", func(o *paygate.Order) { o.Attach, o.DeviceInfo = "附加 <&>", "POS1" }) // the same
	if err := s.AddOrder(paygate.Order{OutTradeNo: "OPEN", Total: 7}); err == nil {
		s.t.Error("another order of the same number was taken")
	}
	s.combined() // the same
	paid := s.MustOrder("PAID").TransactionID
	s.v3(v3Request{method: http.MethodGet, uri: "/v3/pay/transactions/id/" + paid + "?mchid=" + s.Merchant.MchID}).want(200).
		wantJSON(map[string]any{"out_trade_no": "PAID"})
	s.MustPay("OPEN")
	for _, order := range s.Orders() {
		if order.OutTradeNo != "OPEN" && order.TransactionID == s.MustOrder("OPEN").TransactionID {
			s.t.Errorf("%s has OPEN's transaction id %s", order.OutTradeNo, order.TransactionID)
		}
	}
	s.v3(s.closeSubV3("SUB")).wantCode(400, "ORDER_CLOSED") // it is bound
	s.v3(s.closeCombined("C1", s.subs()...)).wantCode(400, "ORDER_PAID")
	if got := s.last().ID; got != n+3 {
		s.t.Errorf("the next requests end at number %d, want %d", got, n+3)
	}
}

// TestOrderIsKeptWhole: a field of an order that the file does not have would be lost.
func TestOrderIsKeptWhole(t *testing.T) {
	t.Parallel()
	var order paygate.Order
	fill(t, reflect.ValueOf(&order).Elem())
	got, err := paygate.KeepOrder(order)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, order) {
		t.Errorf("the file gives back\n%+v\nof\n%+v", got, order)
	}
}

// fill sets every field to something.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString("text")
	case reflect.Int64, reflect.Int:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(wireTime()))
			return
		}
		for _, field := range v.Fields() {
			fill(t, field)
		}
	default:
		t.Fatalf("fill knows no %s", v.Type())
	}
}

// TestHistoryShrinks: a smaller history keeps the newest, also in the file.
func TestHistoryShrinks(t *testing.T) {
	t.Parallel()
	opts := kept(t)
	s := start(t, opts)
	for range 10 {
		s.v3(s.queryV3("A1"))
	}
	opts.History = 3
	s = s.again(opts)
	if got := s.Requests(); len(got) != 3 || got[0].ID != 8 {
		t.Errorf("the history is %+v, want numbers 8 to 10", got)
	}
	s.v3(s.queryV3("A1"))
	opts.History = 0
	s = s.again(opts)
	if got := s.Requests(); len(got) != 3 || got[0].ID != 9 || got[2].ID != 11 {
		t.Errorf("the history is %+v, want numbers 9 to 11", got)
	}
	s.ClearRequests()
	s = s.again(opts)
	if got := s.Requests(); len(got) != 0 {
		t.Errorf("the history is %+v after it was cleared", got)
	}
	s.v3(s.queryV3("A1"))
	if got := s.last().ID; got != 12 {
		t.Errorf("the next request is number %d, want 12", got)
	}
}

// TestKeysLast: what the options leave out is made once.
func TestKeysLast(t *testing.T) {
	t.Parallel()
	merchant := start(t).Merchant
	opts := kept(t)
	opts.Merchants = []*paygate.Merchant{merchant}
	open := func() *paygate.Gateway {
		t.Helper()
		g, err := paygate.New(opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = g.Close() })
		return g
	}
	first := open()
	_ = first.Close()
	second := open()
	if !second.PublicKey().Equal(first.PublicKey()) || second.CertificateSerial() != first.CertificateSerial() {
		t.Error("the second gateway has other keys")
	}
	if info, err := os.Stat(opts.File); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with the keys has mode %v, %v; want it to be its owner's", info.Mode(), err)
	}
}

// TestFileIsRefused: the error names the file, what is wrong, and what to do.
func TestFileIsRefused(t *testing.T) {
	t.Parallel()
	merchants := []*paygate.Merchant{start(t).Merchant}
	for name, test := range map[string]struct {
		spoil func(t *testing.T, file string)
		want  string
	}{
		"no database":       {func(t *testing.T, file string) { t.Helper(); write(t, file, strings.Repeat("x", 10_000)) }, "cannot be read"},
		"too short":         {func(t *testing.T, file string) { t.Helper(); write(t, file, "x") }, "cannot be read"},
		"cut":               {func(t *testing.T, file string) { t.Helper(); cut(t, file, 4) }, "cannot be read"},
		"cut to its roots":  {func(t *testing.T, file string) { t.Helper(); cut(t, file, 2) }, "cannot be read"},
		"of a newer format": {func(t *testing.T, file string) { t.Helper(); paygate.SpoilFile(t, file, "format", "format", "99") }, "a newer program's: its format is 99"},
		"without a format":  {func(t *testing.T, file string) { t.Helper(); paygate.SpoilFile(t, file, "format", "format", "0") }, "it has no format"},
		"with a new bucket": {func(t *testing.T, file string) { t.Helper(); paygate.SpoilFile(t, file, "news", "1", "1") }, `"news", which this program does not know`},
		"with a new field": {func(t *testing.T, file string) {
			t.Helper()
			paygate.SpoilFile(t, file, "clock", "clock", `{"tick":1}`)
		}, `unknown field "tick"`},
		"an order missing": {func(t *testing.T, file string) { t.Helper(); paygate.SpoilFile(t, file, "orders", "000000000000", "") }, "order 0 is missing"},
		"in use":           {func(t *testing.T, file string) { t.Helper(); holdOpen(t, file, merchants) }, "in use by another process"},
		"a folder": {func(t *testing.T, file string) {
			t.Helper()
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(file, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "name a file that can be written"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := kept(t)
			opts.Merchants = merchants
			s := start(t, opts)
			s.live()
			_ = s.Close()
			test.spoil(t, opts.File)
			g, err := paygate.New(opts)
			if err == nil {
				_ = g.Close()
				t.Fatal("the file was taken")
			}
			if text := err.Error(); !strings.Contains(text, test.want) || !strings.Contains(text, opts.File) {
				t.Errorf("error is %q, want it to name %s and to say %q", text, opts.File, test.want)
			}
		})
	}
	opts := paygate.Options{Merchants: merchants, File: filepath.Join(t.TempDir(), "none", "gateway.db")}
	if _, err := paygate.New(opts); err == nil || !strings.Contains(err.Error(), opts.File) || !strings.Contains(err.Error(), "name a file") {
		t.Errorf("a folder that is not there: %v", err)
	}
	opts = paygate.Options{Merchants: merchants, History: -1}
	if _, err := paygate.New(opts); err == nil || !strings.Contains(err.Error(), "Options.History") {
		t.Errorf("a negative history: %v", err)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// cut keeps the first pages of a file.
func cut(t *testing.T, file string, pages int64) {
	t.Helper()
	if err := os.Truncate(file, pages*int64(os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
}

func holdOpen(t *testing.T, file string, merchants []*paygate.Merchant) {
	t.Helper()
	g, err := paygate.New(paygate.Options{Merchants: merchants, File: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
}

// TestEveryByte spoils bytes all over a file. The gateway either refuses the file, or has the whole
// state: a byte may be in a page that is not used.
func TestEveryByte(t *testing.T) {
	t.Parallel()
	opts := kept(t)
	s := start(t, opts)
	s.live()
	opts.Merchants = []*paygate.Merchant{s.Merchant}
	_ = s.Close()
	want := stateOf(t, opts)
	good, err := os.ReadFile(opts.File)
	if err != nil {
		t.Fatal(err)
	}
	const step = 397 // prime, so that every place in a page has its turn
	places := rootBytes()
	for i := 2 * os.Getpagesize(); i < len(good); i += step {
		places = append(places, i)
	}
	refused := 0
	for _, i := range places {
		bad := bytes.Clone(good)
		bad[i] ^= 0x55
		write(t, opts.File, string(bad))
		g, err := paygate.New(opts)
		if err != nil {
			refused++
			continue
		}
		var got bytes.Buffer
		err = g.Export(&got)
		_ = g.Close()
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != want {
			t.Fatalf("byte %d of %d: the file was taken with another state", i, len(good))
		}
	}
	if refused == 0 {
		t.Error("no file was refused")
	}
}

// rootBytes are the bytes of the two roots, at the beginning of a bbolt file.
func rootBytes() []int {
	const length = 80
	places := make([]int, 0, 2*length)
	for i := range length {
		places = append(places, i, os.Getpagesize()+i)
	}
	return places
}

// TestDamagedRoot: bbolt would go on with the other root, and without the newest transaction.
func TestDamagedRoot(t *testing.T) {
	t.Parallel()
	merchants := []*paygate.Merchant{start(t).Merchant}
	for name, page := range map[string]int{"first": 0, "second": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := kept(t)
			opts.Merchants = merchants
			s := start(t, opts)
			s.order("A1")
			_ = s.Close()
			text, err := os.ReadFile(opts.File)
			if err != nil {
				t.Fatal(err)
			}
			text[page*os.Getpagesize()+40] ^= 1
			write(t, opts.File, string(text))
			want := "its " + name + " root: its checksum is wrong: the last change may be missing"
			if _, err := paygate.New(opts); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "move it away") {
				t.Errorf("error is %v, want it to say %q", err, want)
			}
		})
	}
}

// stateOf is what the gateway of a file exports.
func stateOf(t *testing.T, opts paygate.Options) string {
	t.Helper()
	g, err := paygate.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = g.Close() }()
	var text bytes.Buffer
	if err := g.Export(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// TestNothingIsKept: when the file cannot be written any more, nothing is answered as if it could,
// and the file keeps what it had.
func TestNothingIsKept(t *testing.T) {
	t.Parallel()
	opts := kept(t)
	s := start(t, opts)
	s.order("A1")
	s.order("A2")
	s.FailFile()
	const sentence = "cannot be kept in"
	s.v3(s.closeV3("A1")).wantCode(500, "SYSTEM_ERROR")
	s.wantLast("refused", sentence)
	s.v3(s.queryV3("A1")).wantCode(500, "SYSTEM_ERROR")
	s.v2(s.closeV2("A2")).wantCode("SYSTEMERROR")
	s.admin("POST", "/orders", `{"mchid":"`+s.Merchant.MchID+`","out_trade_no":"A3","total":1}`).wantError(500, sentence)
	s.admin("GET", "/orders", "").wantError(500, sentence)
	s.admin("GET", "/state", "").wantError(500, sentence)
	s.admin("POST", "/state", "").wantError(500, sentence)
	s.admin("GET", "/requests/stream", "").wantError(500, sentence)
	for name, do := range map[string]func() error{
		"AddOrder": func() error { return s.AddOrder(paygate.Order{OutTradeNo: "A4", Total: 1}) },
		"AddCombined": func() error {
			return s.AddCombined(paygate.CombinedOrder{CombineOutTradeNo: "C9", SubOrders: []paygate.Order{{OutTradeNo: "S9", Total: 1}}})
		},
		"Pay":     func() error { return s.Pay("A2") },
		"Advance": func() error { return s.Advance(time.Second) },
		"Rotate":  func() error { _, err := s.RotateCertificate(); return err },
		"Close":   s.Close,
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), sentence) {
			t.Errorf("%s gave %v, want the failure", name, err)
		}
	}
	s2 := start(t, paygate.Options{Now: wireTime, File: opts.File, Merchants: []*paygate.Merchant{s.Merchant}})
	s2.WantState("A1", paygate.StateNotPay)
	s2.WantState("A2", paygate.StateNotPay)
	if n := len(s2.Orders()); n != 2 {
		t.Errorf("there are %d orders, want 2", n)
	}
}

// TestChangesShareTransactions: changes that come while a transaction is written share the next
// one. None is answered before it is in the file, and neither is a query that has seen it.
func TestChangesShareTransactions(t *testing.T) {
	t.Parallel()
	const many = 40
	s := start(t, kept(t))
	s.order("SEEN")
	before, queued := s.Transactions(), s.Queued()
	release := s.HoldFile()
	answers := make(chan string, many+2)
	var calls sync.WaitGroup
	for i := range many {
		calls.Go(func() {
			s.order(fmt.Sprint("A", i))
			answers <- "added"
		})
	}
	calls.Go(func() {
		s.v2(s.closeV2("SEEN")).want(pair{"result_code", "SUCCESS"})
		answers <- "closed"
	})
	for s.Queued() < queued+many+1 { // all that the calls change first
		runtime.Gosched()
	}
	calls.Go(func() {
		s.admin("GET", "/orders/SEEN", "").wantJSON(map[string]any{"state": "CLOSED"})
		answers <- "shown"
	})
	if len(answers) != 0 {
		t.Errorf("%q was answered before it was in the file", <-answers)
	}
	release()
	calls.Wait()
	// One transaction was begun before the file was held, the next has all changes, and the close
	// is filed in the history after it.
	if took := s.Transactions() - before; took > 4 {
		t.Errorf("%d changes took %d transactions, want four at most", many+2, took)
	}
}

// TestClosedGateway: a request that comes behind Close is not answered as if it were kept.
func TestClosedGateway(t *testing.T) {
	t.Parallel()
	s := start(t, kept(t))
	s.order("A1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s.v3(s.closeV3("A1")).wantCode(500, "SYSTEM_ERROR")
	if err := s.Close(); err != nil {
		t.Errorf("closing twice gave %v", err)
	}
}

// TestFullDisk fills a small file system.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	opts := paygate.Options{Now: wireTime, File: filepath.Join(smallDisk(t, "400k"), "gateway.db")}
	s := start(t, opts)
	opts.Merchants = []*paygate.Merchant{s.Merchant}
	kept := 0
	var failure error
	for ; failure == nil; kept++ {
		failure = s.AddOrder(paygate.Order{OutTradeNo: fmt.Sprint("A", kept), Total: 1, Attach: strings.Repeat("x", 100)})
	}
	kept--
	if text := failure.Error(); !strings.Contains(text, opts.File) || !strings.Contains(text, "no space left") || !strings.Contains(text, "make room") {
		t.Errorf("error is %q, want it to name %s, the reason and the remedy", text, opts.File)
	}
	_ = s.Close()
	g, err := paygate.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = g.Close() }()
	if n := len(g.Orders()); n != kept {
		t.Errorf("the file has %d orders, want the %d that were taken", n, kept)
	}
}

// fillDisk writes a file until its file system is full, and returns its name.
func fillDisk(t *testing.T, dir string) string {
	t.Helper()
	name := filepath.Join(dir, "filler")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for size := 1 << 16; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return name
}

// TestRoomAgain: on a full disk every request is refused, and nothing that was answered is lost.
// With room again the gateway goes on, and its file has everything that it knows.
func TestRoomAgain(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "1m")
	opts := paygate.Options{Now: wireTime, File: filepath.Join(dir, "gateway.db")}
	s := start(t, opts)
	s.order("A1")
	s.order("A2")
	for range 2 {
		filler := fillDisk(t, dir)
		taken := len(s.Orders())
		for s.AddOrder(paygate.Order{OutTradeNo: fmt.Sprint("B", taken), Total: 1, Attach: strings.Repeat("x", 100)}) == nil {
			taken++
		}
		s.v3(s.closeV3("A1")).wantCode(500, "SYSTEM_ERROR")
		s.wantLast("refused", "make room")
		s.v2(s.closeV2("A2")).wantCode("SYSTEMERROR")
		s.admin("GET", "/orders", "").wantError(500, "make room")
		if err := s.Pay("A1"); err == nil {
			t.Error("a payment was taken that is not kept")
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		s.v3(s.queryV3("A2")).want(200)
		if n := len(s.admin("GET", "/orders?limit=10000", "").list()); n < taken {
			t.Errorf("there are %d orders, want the %d that were taken", n, taken)
		}
	}
	s.WantState("A1", paygate.StateSuccess) // the payment was made, and not answered for
	s.v3(s.closeV3("A2")).want(204)
	before := s.state()
	wantState(t, s.again(opts).state(), before)
}

// TestCrowdedFile: requests that are refused for want of room do not fill the memory.
func TestCrowdedFile(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "1m")
	opts := paygate.Options{Now: wireTime, File: filepath.Join(dir, "gateway.db"), History: 100}
	s := start(t, opts)
	s.order("A1")
	filler := fillDisk(t, dir)
	for n := 0; s.AddOrder(paygate.Order{OutTradeNo: fmt.Sprint("B", n), Total: 1, Attach: strings.Repeat("x", 100)}) == nil; {
		n++
	}
	s.Crowd()
	for range 5 {
		s.v3(s.queryV3("A1")).wantCode(500, "SYSTEM_ERROR")
	}
	if n := s.Backlog(); n > paygate.MaxBacklog+10 {
		t.Errorf("%d entries wait for room, want at most %d", n, paygate.MaxBacklog)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s.v3(s.queryV3("A1")).want(200)
	s.again(opts).WantState("A1", paygate.StateNotPay)
}
