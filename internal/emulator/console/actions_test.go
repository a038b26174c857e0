package console_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/internal/emulator/console"
	"cloudpay/pkg/paygate"
)

const chinese = "Accept-Language"

// closeAnswer is an answer of closeorder.
func closeAnswer(outcome, code, described string) string {
	return fmt.Sprintf(`{"returnCode":"SUCCESS","errCode":%q,"errCodeDes":%q,"outTradeNo":"A1","outcome":%q}`, code, described, outcome)
}

// header is a header of the last call that the console made.
func (w *world) header(call, name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.headers[call].Get(name)
}

// made counts the calls that begin with a text.
func (w *world) made(prefix string) (count int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, call := range w.calls {
		if strings.HasPrefix(call, prefix) {
			count++
		}
	}
	return count
}

// An order is placed for the functions' merchant, under the number of the form or a drawn one, and
// registered as the merchant if the form says when it is to be closed.
func TestPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("POST /orders", order("A1", "NOTPAY"))
	w.set("GET /orders/A1", order("A1", "NOTPAY"))
	w.set("POST /v1/functions/closeorder", closeAnswer("scheduled", "", ""))
	c := w.open(&fakeRegister{})
	fetch(t, c.URL+"/orders", nil).want(200, `action="/orders" method="post"`, `name="close_after"`)
	got := fetch(t, c.URL+"/orders", nil, "number", "A1", "total", "100", "openid", "oABC", "close_after", "30")
	got.want(200, "WeChat Pay has the order A1: ¥1.00, not paid.", "The order is registered",
		`-H &#39;X-Cloudpay-As: service&#39;`, `href="/orders/A1?mchid=1900000001"`)
	w.wantCall(`POST /orders {"mchid":"1900000001","openid":"oABC","out_trade_no":"A1","total":100}`)
	w.wantCall(`POST /v1/functions/closeorder {"close_at":1800,"out_trade_no":"A1","total":100}`)
	fetch(t, c.URL+"/orders", map[string]string{chinese: "zh"}, "number", "", "total", "1", "close_after", "").want(200, "未支付")
	if drawn := w.made(`POST /orders {"mchid":"1900000001","out_trade_no":"20261130120000-`); drawn != 1 {
		t.Errorf("got %d orders with a drawn number, want one: %v", drawn, w.calls)
	}
	for _, total := range []string{"", "0", "-1", "1.5", "x"} {
		before := w.made("POST /orders")
		fetch(t, c.URL+"/orders", nil, "number", "A1", "total", total).want(422, "is no whole number above 0")
		if w.made("POST /orders") != before {
			t.Errorf("the amount %q was sent", total)
		}
	}
	w.set("POST /orders", `{"error":"out_trade_no: \"?\" must be 1 to 32 of digits, letters, _ - | * @"}`)
	fetch(t, c.URL+"/orders", map[string]string{chinese: "zh"}, "number", "?", "total", "1", "close_after", "30").want(422, "未能下单。", "must be 1 to 32")
	if calls := w.made("POST /v1/functions"); calls != 1 {
		t.Errorf("got %d calls of closeorder, want one: what was not placed is not registered", calls)
	}
}

// The actions of an order are calls of the management API, narrowed to its owner, and each answer
// is shown with its command.
func TestPayAndRefund(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /orders/A1", order("A1", "SUCCESS"))
	w.set("POST /orders/A1/pay", order("A1", "SUCCESS"))
	w.set("POST /orders/A1/refund", order("A1", "REFUND"))
	c := w.open(nil)
	fetch(t, c.URL+"/orders/A1/pay?mchid=1900000001", nil, "", "").want(200, "Done. WeChat Pay has the order as: paid.",
		`curl -X POST &#39;`+w.url+`/orders/A1/pay?mchid=1900000001&amp;sub_mchid=&#39;`)
	w.wantCall("POST /orders/A1/pay?mchid=1900000001&sub_mchid=")
	fetch(t, c.URL+"/orders/A1/refund?mchid=1900000001", nil, "amount", "30").want(200, "refund 30 fen of it", "refunded")
	w.wantCall(`POST /orders/A1/refund?mchid=1900000001&sub_mchid= {"amount":30}`)
	fetch(t, c.URL+"/orders/A1/refund?mchid=1900000001", nil, "amount", "").want(200)
	w.wantCall(`POST /orders/A1/refund?mchid=1900000001&sub_mchid=`)
	fetch(t, c.URL+"/orders/A1/refund", nil, "amount", "all").want(422, "is no whole number above 0")
	fetch(t, c.URL+"/orders/A1/destroy", nil, "", "").want(404)
	fetch(t, c.URL+"/orders/A9/pay", nil, "", "").want(404, "there is no order of this number")
	if get := fetch(t, c.URL+"/orders/A1/pay", nil); get.status == 200 {
		t.Error("a GET paid an order")
	}
	w.set("GET /orders/A1", strings.TrimSuffix(order("A1", "NOTPAY"), "}")+`,"combine_out_trade_no":"C1"}`)
	w.set("POST /orders/C1/pay", order("A1", "SUCCESS"))
	fetch(t, c.URL+"/orders/A1/pay", nil, "", "").want(200, "which is closed as a whole")
	w.wantCall("POST /orders/C1/pay")
}

// A refusal of the gateway says in both languages which orders can be paid, beside its own
// sentence.
func TestActionRefused(t *testing.T) {
	t.Parallel()
	g := gateway(t, 1)
	c := g.open(t)
	fetch(t, c.URL+"/orders/N000001/refund", nil, "", "").want(422, "Only a paid order can be refunded", "order N000001 is NOTPAY")
	fetch(t, c.URL+"/orders/N000001/pay", nil, "", "").want(200, "Done. WeChat Pay has the order as: paid.")
	fetch(t, c.URL+"/orders/N000001/pay", map[string]string{chinese: "zh"}, "", "").want(422, "只有待支付的订单才能支付。", "order N000001 is SUCCESS")
	fetch(t, c.URL+"/orders/N000001/refund", nil, "amount", "60").want(200, "refunded")
	fetch(t, c.URL+"/orders/N000001/refund", nil, "amount", "60").want(422, "no more than is left of it")
}

// A close goes through the cloud, as the merchant without a token in the page, or as a user with
// the openid; the answer is worded, and the requests that it caused are linked.
func TestClose(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /orders/A1", strings.TrimSuffix(order("A1", "NOTPAY"), "}")+`,"openid":"oPayer"}`)
	w.set("GET /requests", `[{"id":7,"time":"`+someTime+`","api":"v3","op":"close","verdict":"ok","http_status":204,"call":"r-1"},`+
		`{"id":8,"time":"`+someTime+`","api":"v3","op":"query","verdict":"ok","http_status":200,"call":"r-2"}]`)
	w.set("POST /v1/functions/closeorder", closeAnswer("closed", "", ""))
	w.requestID = "r-1"
	c := w.open(nil)
	const call = "POST /v1/functions/closeorder"
	got := fetch(t, c.URL+"/orders/A1/close?mchid=1900000001", nil, "as", "merchant")
	got.want(200, "The order is closed", `<a href="/requests/7">v3 close</a>`, `X-Cloudpay-As: service`, "close it as the merchant")
	got.lacks(`<a href="/requests/8">`, "service_token")
	w.wantCall(call + ` {"out_trade_no":"A1"}`)
	if as, user := w.header(call, "X-Cloudpay-As"), w.header(call, "X-Wx-Openid"); as != "service" || user != "" {
		t.Errorf("as the merchant: got %q and the user %q", as, user)
	}
	fetch(t, c.URL+"/orders/A1/close", nil, "as", "user").want(200, "close it as the user oPayer", "X-WX-OPENID: oPayer")
	fetch(t, c.URL+"/orders/A1/close", nil, "as", "user", "openid", "oOther").want(200, "close it as the user oOther")
	if as, user := w.header(call, "X-Cloudpay-As"), w.header(call, "X-Wx-Openid"); as != "" || user != "oOther" {
		t.Errorf("as a user: got %q and the user %q", as, user)
	}
	for _, test := range []struct{ outcome, code, described, language, want string }{
		{"paid", "ORDERPAID", "该订单已支付", "en", "The customer has paid"},
		{"alreadyClosed", "ORDERCLOSED", "", "zh", "订单此前已关闭"},
		{"notFound", "ORDERNOTEXIST", "there is no such order / 订单不存在", "zh", "ORDERNOTEXIST：订单不存在"},
		{"refused", "NOAUTH", "not allowed / and / 无此权限", "en", "NOAUTH: not allowed / and<"},
		{"unknown", "SYSTEMERROR", "", "en", "Closing again is safe."},
		{"new", "", "", "en", "closeorder answered the outcome new."},
		{"", "", "", "en", "closeorder answered the outcome –."},
	} {
		w.set(call, closeAnswer(test.outcome, test.code, test.described))
		fetch(t, c.URL+"/orders/A1/close", map[string]string{chinese: test.language}, "as", "merchant").want(200, test.want)
	}
	w.set(call, `{"outcome":"tooSoon","retryAfter":240}`)
	fetch(t, c.URL+"/orders/A1/close", nil, "as", "merchant").want(200, "Try again in 240 s")
}

// Where closeorder is missing, or gives no answer, the page says what that means for the order.
func TestCloseWithoutFunction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /orders/A1", order("A1", "NOTPAY"))
	c := w.open(nil)
	w.set("POST /v1/functions/closeorder", `{"error":"x","code":"FUNCTION_INVOCATION_FAILED","message":"the function ended"}`)
	fetch(t, c.URL+"/orders/A1/close", nil, "as", "merchant").want(422, "closeorder gave no answer", "Closing again is safe")
	w.set("GET /v1/functions", `{"functions":[{"name":"other"}]}`)
	fetch(t, c.URL+"/orders/A1/close", map[string]string{chinese: "zh"}, "as", "merchant").want(422, "云端没有 closeorder 云函数")
	w.set("GET /v1/functions", `{"functions":[{"name":"closeorder","runtime":"web"}]}`)
	w.set("POST /v1/functions/closeorder/closeorder", closeAnswer("closed", "", ""))
	fetch(t, c.URL+"/orders/A1/close", nil, "as", "merchant").want(200, "The order is closed", "Content-Type: application/json")
	w.wantCall(`POST /v1/functions/closeorder/closeorder?webfn=true {"out_trade_no":"A1"}`)
}

// A row offers what the order's state allows.
func TestRowActions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		state        string
		isRegistered bool
		want, lacks  []string
	}{
		{"NOTPAY", false, []string{`id="pay-A1"`, `formaction="/orders/A1/close?mchid=1900000001"`}, []string{`id="user-A1"`, `id="refund-A1"`}},
		{"NOTPAY", true, []string{`id="pay-A1"`, `id="close-A1"`, `id="user-A1"`}, []string{`id="refund-A1"`}},
		{"SUCCESS", true, []string{`action="/orders/A1/refund?mchid=1900000001"`}, []string{`id="pay-A1"`, `id="close-A1"`}},
		{"CLOSED", true, nil, []string{`id="pay-A1"`, `id="close-A1"`, `id="refund-A1"`}},
	} {
		w := newWorld(t)
		w.set("GET /orders", "["+order("A1", test.state)+"]")
		register := &fakeRegister{}
		if test.isRegistered {
			register.orders = []console.Registered{registered("A1", console.Waiting, "", 100)}
		}
		got := fetch(t, w.open(register).URL+"/orders", nil)
		got.want(200, test.want...)
		got.lacks(test.lacks...)
	}
}

// counted is a real gateway and a register without orders, with a count of the calls of their
// management APIs.
type counted struct {
	admin *httptest.Server
	calls atomic.Int64
}

// gateway makes a gateway with so many orders, N000001 to the last.
func gateway(t *testing.T, orders int) *counted {
	t.Helper()
	merchant, err := paygate.NewMerchant("1900000001", "wx0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	g, err := paygate.New(paygate.Options{Merchants: []*paygate.Merchant{merchant}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	for i := range orders {
		if err := g.AddOrder(paygate.Order{OutTradeNo: fmt.Sprintf("N%06d", i+1), Total: 100}); err != nil {
			t.Fatal(err)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/", g.Admin())
	mux.HandleFunc("GET /deliveries", func(w http.ResponseWriter, _ *http.Request) { // the emulator's own
		_, _ = io.WriteString(w, `{"deliveries":[]}`)
	})
	mux.HandleFunc("GET /v1/register/", func(w http.ResponseWriter, r *http.Request) { (&fakeRegister{}).answer(w, r) })
	admin := httptest.NewServer(mux)
	t.Cleanup(admin.Close)
	return &counted{admin: admin}
}

// RoundTrip counts a call of the management API.
func (g *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	g.calls.Add(1)
	return http.DefaultTransport.RoundTrip(r)
}

// open makes a console over the gateway and the register, without a cloud.
func (g *counted) open(t *testing.T) *httptest.Server {
	t.Helper()
	c, err := console.New(console.Options{
		AdminURL: g.admin.URL, CloudURL: g.admin.URL, Client: &http.Client{Transport: g},
		Owner: console.Key{Region: "cn", MchID: "1900000001"}, HasRegister: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return server
}

// Of 100,000 orders every page has fifty rows, and takes one call of the register for each of them
// and ten others at most: the newest, the next ones, the way back, a search, and a state.
func TestHundredThousandOrders(t *testing.T) {
	t.Parallel()
	const orders, rows, most = 100_000, 50, 50 + 10
	g := gateway(t, orders)
	c := g.open(t)
	see := func(path, first, last string) page {
		t.Helper()
		before := g.calls.Load()
		got := fetch(t, c.URL+path, nil)
		got.want(200, "<code>"+first+"</code>", "<code>"+last+"</code>")
		if calls := g.calls.Load() - before; calls > most {
			t.Errorf("%s: got %d calls, want at most %d", path, calls, most)
		}
		if shown := strings.Count(got.text, `id="pay-N`); shown != rows {
			t.Errorf("%s: got %d rows, want %d", path, shown, rows)
		}
		return got
	}
	newest := see("/orders", "N100000", "N099951")
	older := see(link(t, newest, "next"), "N099950", "N099901")
	see(link(t, older, "prev"), "N100000", "N099951")
	see("/orders?before=51", "N000050", "N000001")
	see("/orders?search=N0500", "N050099", "N050050")
	see("/orders?state=NOTPAY", "N100000", "N099951")
	before := g.calls.Load()
	fetch(t, c.URL+"/orders?search=X", nil).want(200, "No order fits.")
	fetch(t, c.URL+"/orders/N000001", nil).want(200, "N000001")
	if calls := g.calls.Load() - before; calls > 2*(most-rows) {
		t.Errorf("got %d calls of two pages without rows, want at most %d", calls, 2*(most-rows))
	}
}

// The overdue orders are the waiting ones up to the first that is not due.
func TestOverdue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	register := &fakeRegister{orders: []console.Registered{registered("A1", console.Waiting, "", 100)}}
	register.orders[0].DueAt = time.Date(2026, 11, 30, 4, 0, 0, 0, time.UTC) // the clock's very moment
	c := w.open(register)
	fetch(t, c.URL+"/", nil).want(200, `<a href="/orders?progress=overdue">12</a>`)
	fetch(t, c.URL+"/orders?progress=overdue", nil).want(200, "<code>A1</code>", `<option value="overdue" selected>`, `href="/orders?from=second&amp;progress=overdue"`)
	register.orders[0].DueAt = register.orders[0].DueAt.Add(time.Second)
	got := fetch(t, c.URL+"/orders?progress=overdue", map[string]string{chinese: "zh"})
	got.want(200, "没有符合的订单。", "已到期")
	got.lacks("from=second")
}

// link is the address of the link with a relation.
func link(t *testing.T, p page, rel string) string {
	t.Helper()
	text, _, found := strings.Cut(p.text, `" rel="`+rel+`"`)
	if !found {
		t.Fatalf("the page has no link %s", rel)
	}
	address := strings.ReplaceAll(text[strings.LastIndex(text, `"`)+1:], "&amp;", "&")
	if _, err := url.Parse(address); err != nil || !strings.HasPrefix(address, "/orders?") {
		t.Fatalf("got the link %q", address)
	}
	return address
}
