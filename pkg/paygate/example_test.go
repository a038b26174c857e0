package paygate_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"time"

	"cloudpay/pkg/paygate"
)

// exampleTest stands for a test's *testing.T, which an example does not have.
type exampleTest struct{ cleanups []func() }

func (t *exampleTest) Helper()                        {}
func (t *exampleTest) Cleanup(f func())               { t.cleanups = append(t.cleanups, f) }
func (t *exampleTest) Fatalf(format string, a ...any) { fmt.Printf(format+"\n", a...) }

func (t *exampleTest) end() {
	for _, f := range t.cleanups {
		f()
	}
}

var resultRule = regexp.MustCompile(`<(?:return_msg|err_code|trade_state)><!\[CDATA\[([^]]+)\]\]>`)

// call is a client under test, as short as can be: it sends a signed request over APIv2 and returns
// the last word of the reply.
func call(gate *paygate.Server, operation, number, key string) string {
	doc := [][2]string{
		{"appid", gate.Merchant.AppID}, {"mch_id", gate.Merchant.MchID}, {"nonce_str", "n1"}, {"out_trade_no", number},
	}
	doc = append(doc, [2]string{"sign", paygate.SignV2(key, "MD5", doc...)})
	reply, err := http.Post(gate.URL+"/pay/"+operation, "text/xml", strings.NewReader(string(paygate.EncodeV2(doc))))
	if err != nil {
		return "no reply"
	}
	defer func() { _ = reply.Body.Close() }()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		return "half a reply"
	}
	found := resultRule.FindAllStringSubmatch(string(body), -1)
	return found[len(found)-1][1]
}

func closeOrder(gate *paygate.Server, number string) string {
	return call(gate, "closeorder", number, gate.Merchant.V2Key)
}

func queryOrder(gate *paygate.Server, number string) string {
	return call(gate, "orderquery", number, gate.Merchant.V2Key)
}

// A close whose reply is lost has happened all the same, as a query shows.
func Example() {
	t := new(exampleTest) // in a test, its *testing.T
	defer t.end()

	gate := paygate.RunT(t)
	gate.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100})
	gate.MustInject(paygate.Fault{Action: paygate.Drop, Op: "close", Times: 1})
	fmt.Println("close:", closeOrder(gate, "A1"))
	fmt.Println("query:", queryOrder(gate, "A1"))
	for _, r := range gate.Requests() {
		fmt.Println(r.ID, r.Op, r.OutTradeNo, r.Verdict, r.State, r.Faults, r.HTTPStatus)
	}
	// Output:
	// close: no reply
	// query: CLOSED
	// 1 close A1 ok CLOSED [drop] 0
	// 2 query A1 ok CLOSED [] 200
}

func ExampleRunT() {
	t := new(exampleTest)
	defer t.end()

	gate := paygate.RunT(t, paygate.Options{NoCertificates: true})
	gate.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100})
	gate.WantState("A1", paygate.StateClosed)
	// Output: order A1: state is NOTPAY, want CLOSED
}

// An order that is paid cannot be closed.
func ExampleGateway_Pay() {
	t := new(exampleTest)
	defer t.end()

	gate := paygate.RunT(t)
	gate.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100})
	if err := gate.Pay("A1"); err != nil {
		fmt.Println(err)
	}
	fmt.Println(closeOrder(gate, "A1"))
	fmt.Println(gate.Pay("A1"))
	// Output:
	// ORDERPAID
	// order A1 is SUCCESS: only an unpaid, open order can be paid
}

// Faults that exclude each other take turns; a wrong one is named.
func ExampleGateway_Inject() {
	t := new(exampleTest)
	defer t.end()

	gate := paygate.RunT(t)
	gate.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100})
	gate.MustInject(paygate.Fault{Action: paygate.SystemError, Op: "close", Times: 1})
	gate.MustInject(paygate.Fault{Action: paygate.Refuse, Code: "FREQUENCY_LIMITED", Times: 1})
	for range 3 {
		fmt.Println(closeOrder(gate, "A1"))
	}
	fmt.Println(gate.Inject(paygate.Fault{Action: paygate.Drop, Times: -1}))
	// Output:
	// SYSTEMERROR
	// FREQUENCY_LIMITED
	// OK
	// injecting a fault: times: -1 must not be negative; 0 means for ever
}

// The history says why a request was not believed.
func ExampleGateway_Requests() {
	t := new(exampleTest)
	defer t.end()

	gate := paygate.RunT(t)
	gate.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100})
	fmt.Println(call(gate, "closeorder", "A1", gate.Merchant.V3Key))
	last := gate.Requests()[0]
	fmt.Println(last.Verdict + ": " + last.Reason)
	_, end, _ := strings.Cut(last.Expected, "&nonce_str")
	fmt.Println("to be signed: …&nonce_str" + end)
	// Output:
	// 签名错误
	// unauthentic: the sign is wrong: the APIv3 key was used where the APIv2 key belongs
	// to be signed: …&nonce_str=n1&out_trade_no=A1&key=<redacted>
}

// An order that is not paid within seven days is closed by WeChat Pay itself.
func ExampleGateway_Advance() {
	t := new(exampleTest)
	defer t.end()

	gate := paygate.RunT(t)
	gate.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100})
	gate.MustAdvance(7*24*time.Hour - time.Second)
	fmt.Println(gate.MustOrder("A1").State)
	gate.MustAdvance(time.Second)
	fmt.Println(gate.MustOrder("A1").State)
	// Output:
	// NOTPAY
	// CLOSED
}

// While the main domain is down, the same orders are reached by the backup.
func ExampleGateway_SetDomain() {
	t := new(exampleTest)
	defer t.end()

	gate := paygate.RunT(t)
	gate.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100})
	gate.MustSetDomain("main", false)
	fmt.Println(closeOrder(gate, "A1"))
	gate.URL = gate.BackupURL
	fmt.Println(closeOrder(gate, "A1"))
	// Output:
	// no reply
	// OK
}

// A combined order is paid and closed as a whole.
func ExampleGateway_AddCombined() {
	t := new(exampleTest)
	defer t.end()

	gate := paygate.RunT(t)
	gate.MustAddCombined(paygate.CombinedOrder{CombineOutTradeNo: "C1", SubOrders: []paygate.Order{
		{OutTradeNo: "S1", Total: 100}, {SubMchID: "1900000109", OutTradeNo: "S2", Total: 200},
	}})
	gate.MustPay("C1")
	for _, part := range gate.MustCombined("C1").SubOrders {
		fmt.Println(part.Owner(), part.OutTradeNo, part.State)
	}
	// Output:
	// mchid 1900007291 S1 SUCCESS
	// sp_mchid 1900007291 sub_mchid 1900000109 S2 SUCCESS
}

// Without a test, a gateway is a handler for a server of one's own.
func ExampleNew() {
	merchant, err := paygate.NewMerchant("1900000001", "wxd678efh567hg6787")
	if err != nil {
		fmt.Println(err)
		return
	}
	gate, err := paygate.New(paygate.Options{Merchants: []*paygate.Merchant{merchant}})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(gate)
	defer server.Close()
	defer func() { _ = gate.Close() }() // first: it lets go of requests that hang
	reply, err := http.Get(server.URL + "/v3/unknown")
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = reply.Body.Close()
	fmt.Println(reply.StatusCode, gate.Requests()[0].Reason)
	// Output: 404 APIv3 has no such path here
}
