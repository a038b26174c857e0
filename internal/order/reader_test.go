package order_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/order"
)

// camel is a name as wx-server-sdk turns it.
func camel(t *testing.T, name string) string {
	t.Helper()
	return append(parameter(t, name).Also, name)[0]
}

// TestReader reads each example out of an object and a query string, in either spelling, with the
// same result.
func TestReader(t *testing.T) {
	t.Parallel()
	examples, want := everything(t)
	trusted := []string{"again", "api", "change", "changed_by", "close_at", "created_at", "on_behalf_of", "openid", "overdue", "owner", "total", "withdraw"}
	for spelling, spell := range map[string]func(string) string{
		"snake_case": func(name string) string { return name },
		"camelCase":  func(name string) string { return camel(t, name) },
	} {
		object, query := map[string]string{spell("service_token"): "s3cret"}, map[string][]string{}
		for name, value := range examples {
			object[spell(name)], query[spell(name)] = value, []string{value}
		}
		text, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		var fromObject, fromQuery order.Reader
		if fault := fromObject.Object("event", text); fault != nil {
			t.Fatalf("%s: got %v", spelling, fault)
		}
		if fault := fromQuery.Query(query); fault != nil {
			t.Fatalf("%s: got %v", spelling, fault)
		}
		for from, r := range map[string]order.Reader{"an object": fromObject, "a query string": fromQuery} {
			if diff := cmp.Diff(want, r.Params); diff != "" {
				t.Errorf("%s in %s (-want +got)\n%s", spelling, from, diff)
			}
			slices.Sort(r.Trusted)
			if !slices.Equal(r.Trusted, trusted) {
				t.Errorf("%s in %s: got %v for trusted callers only, want %v", spelling, from, r.Trusted, trusted)
			}
		}
		if fromObject.ServiceToken != "s3cret" {
			t.Errorf("%s: got the token %q", spelling, fromObject.ServiceToken)
		}
	}
}

func TestReaderPassesOver(t *testing.T) {
	t.Parallel()
	var r order.Reader
	if fault := r.Object("event", []byte(`{"out_trade_no":"A1","userInfo":{"openId":"oABC"},"envName":"","mch_id":"1","api":"","close_at":null,`+
		`"attach":{"out_trade_no":"B2"},"app":1,"sub_orders":null}`)); fault != nil {
		t.Fatal(fault)
	}
	if fault := r.Query(map[string][]string{"utm": {"1", "2"}, "nonce_str": {""}}); fault != nil {
		t.Fatal(fault)
	}
	if diff := cmp.Diff(order.Params{OutTradeNo: "A1"}, r.Params); diff != "" || len(r.Trusted) > 0 {
		t.Errorf("got %v trusted (-want +got)\n%s", r.Trusted, diff)
	}
}

func TestReaderReadsNumbers(t *testing.T) {
	t.Parallel()
	var r order.Reader
	if fault := r.Object("event", []byte(`{"out_trade_no":"A1","close_at":300, "total": 100 }`)); fault != nil {
		t.Fatal(fault)
	}
	total := int64(100)
	if diff := cmp.Diff(order.Params{OutTradeNo: "A1", CloseAt: "300", Total: &total}, r.Params); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestReaderReadsSubOrders(t *testing.T) {
	t.Parallel()
	var r order.Reader
	if fault := r.Object("event", []byte(`{"combineOutTradeNo":"C1","subOrders":[{"mchid":"1","sub_mchid":"2","out_trade_no":"A1"},`+
		`{"mch_id":"1","subMchid":"2","outTradeNo":"A2"},{"mchId":"1","sub_mch_id":"2","outTradeNo":"A3"},{"subMchId":"2"},{}]}`)); fault != nil {
		t.Fatal(fault)
	}
	want := order.Params{CombineOutTradeNo: "C1", SubOrders: []order.SubOrder{
		{MchID: "1", SubMchID: "2", OutTradeNo: "A1"},
		{MchID: "1", SubMchID: "2", OutTradeNo: "A2"},
		{MchID: "1", SubMchID: "2", OutTradeNo: "A3"},
		{SubMchID: "2"},
		{},
	}}
	if diff := cmp.Diff(want, r.Params); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestReaderRefusesObjects(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]string{
		``:                             "event: must be a JSON object with the call's parameters, and there is none",
		`[]`:                           "event: must be a JSON object with the call's parameters, not an array",
		`null`:                         "event: must be a JSON object with the call's parameters, not null",
		`"A1"`:                         "event: must be a JSON object with the call's parameters, not a string",
		`true`:                         "event: must be a JSON object with the call's parameters, not true or false",
		`1`:                            "event: must be a JSON object with the call's parameters, not a number",
		`x`:                            "event: must be a JSON object with the call's parameters: ",
		"{\"x\":\"\xff\"}":             "event: is not UTF-8",
		`{"out_trade_no":"A1"`:         "event: is not JSON: its end is missing: ",
		`{"out_trade_no":"A`:           `event: is not JSON: reading the value of "out_trade_no": `,
		`{"out_tra`:                    "event: is not JSON: reading a key: ",
		`{}{}`:                         "event: is not JSON: something follows its end",
		`{"out_trade_no":1e999}`:       "out_trade_no: must be a string, not a number (put it between quotation marks)",
		`{"out_trade_no":["A1"]}`:      "out_trade_no: must be a string, not an array",
		`{"out_trade_no":{}}`:          "out_trade_no: must be a string, not an object",
		`{"out_trade_no":false}`:       "out_trade_no: must be a string, not true or false",
		`{"created_at":1763807400}`:    "created_at: must be a string, not a number",
		`{"total":+1}`:                 "event: is not JSON: ",
		`{"total":"+1"}`:               "total: must be a whole number of fen",
		`{"subMchID":"1"}`:             `subMchID: is not a parameter; it is spelled "sub_mch_id" or "subMchId"`,
		`{"API":"v2"}`:                 `API: is not a parameter; it is spelled "api"`,
		"{\"outTradeNo\\u0007\":\"\"}": "outTradeNo?: is not a parameter",
		`{"out_trade_no":"A1","out_trade_no":"A1"}`: "out_trade_no: is given twice",
		`{"out_trade_no":"","outTradeNo":"A1"}`:     `out_trade_no: is given twice, as "out_trade_no" and "outTradeNo"`,

		`{"sub_orders":{}}`:                            "sub_orders: must be an array of objects",
		`{"sub_orders":[null]}`:                        "sub_orders: must be an array of objects",
		`{"sub_orders":["mchid=1,out_trade_no=A1"]}`:   "sub_orders: must be an array of objects",
		`{"sub_orders":"mchid=1,out_trade_no=A1"}`:     "sub_orders: must be an array of objects",
		`{"sub_orders":[],"subOrders":[]}`:             "sub_orders: is given twice",
		`{"sub_orders":[{"mchid":19}]}`:                "sub_orders[0].mchid: must be a string, not a number",
		`{"sub_orders":[{},{"mchid":"","mch_id":""}]}`: `sub_orders[1].mchid: is given twice, as "mchid" and "mch_id"`,
		`{"sub_orders":[{"out_trade_No":"A1"}]}`:       "sub_orders[0].out_trade_No: is not a parameter; a sub-order has mchid",

		`{` + strings.Repeat(`"":0,`, 256) + `"x":0}`:  "event: has more than 256 keys",
		`{"x":"` + strings.Repeat("x", 1<<16-7) + `"}`: "event: is 65537 bytes long; a call's parameters fit into 65536",
	} {
		var r order.Reader
		if fault := r.Object("event", []byte(object)); fault == nil || !strings.HasPrefix(fault.Error(), want) {
			t.Errorf("%.80s: got %v, want %s", object, fault, want)
		}
	}
}

func TestReaderRefusesQueries(t *testing.T) {
	t.Parallel()
	many := map[string][]string{}
	for i := range 257 {
		many[strings.Repeat("k", i)] = nil
	}
	for name, tc := range map[string]struct {
		query map[string][]string
		want  string
	}{
		"a key twice":        {map[string][]string{"out_trade_no": {"A1", ""}}, "out_trade_no: is given twice"},
		"a typo":             {map[string][]string{"out_tarde_no": {"A1"}}, "out_tarde_no: is not a parameter"},
		"no total":           {map[string][]string{"total": {"+1"}}, "total: must be a whole number"},
		"sub-orders":         {map[string][]string{"sub_orders": {"mchid=1,out_trade_no=A1"}}, "sub_orders: must be an array of objects"},
		"many keys":          {many, "query: has more than 256 names"},
		"a token":            {map[string][]string{"service_token": {"s"}}, "service_token: must not be in an address"},
		"a token with typo":  {map[string][]string{"Service-Token": {"s"}}, "service_token: must not be in an address"},
		"a token in camel":   {map[string][]string{"serviceToken": {"s"}}, "service_token: must not be in an address"},
		"the token's header": {map[string][]string{"Cloudpay-Service-Token": {"s"}}, "service_token: must not be in an address"},
	} {
		var r order.Reader
		if fault := r.Query(tc.query); fault == nil || !strings.HasPrefix(fault.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", name, fault, tc.want)
		}
	}
}

// Gateways add tokens of their own to an address. A name that is no parameter and no typo of one is
// passed over.
func TestReaderPassesOverOtherTokens(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"my_service_token", "myServiceToken", "token", "Out Trade No"} {
		var r order.Reader
		query := map[string][]string{name: {"s"}, "out_trade_no": {"A1"}}
		if fault := r.Query(query); fault != nil || r.OutTradeNo != "A1" || r.ServiceToken != "" {
			t.Errorf("%s: got %v and %+v, want A1 and no token", name, fault, r)
		}
	}
}

// TestReaderRefusesPlacesTogether: one Reader reads one call, wherever its parameters are.
func TestReaderRefusesPlacesTogether(t *testing.T) {
	t.Parallel()
	var r order.Reader
	if fault := r.Text("out_trade_no", "A1"); fault != nil {
		t.Fatal(fault)
	}
	const want = "out_trade_no: is given twice"
	if fault := r.Query(map[string][]string{"outTradeNo": {"A1"}}); fault == nil || !strings.HasPrefix(fault.Error(), want) {
		t.Errorf("got %v, want %s", fault, want)
	}
	if fault := r.Object("body", []byte(`{"out_trade_no":"A1"}`)); fault == nil || !strings.HasPrefix(fault.Error(), want) {
		t.Errorf("got %v, want %s", fault, want)
	}
}

func TestReaderForRegistering(t *testing.T) {
	t.Parallel()
	r := order.Reader{Registering: true}
	if fault := r.Object("line", []byte(`{"Out Trade No":"A1","close-at":1800,"sub_mchid":"2"}`)); fault != nil {
		t.Fatal(fault)
	}
	if diff := cmp.Diff(order.Params{OutTradeNo: "A1", CloseAt: "1800", SubMchID: "2"}, r.Params); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for object, want := range map[string]string{
		`{"amount":1}`:                         "amount: is nothing that an order is registered with; that is out_trade_no",
		`{"transaction_id":"1"}`:               "transaction_id: is nothing that an order is registered with",
		`{"out_trade_no":"A1","outTradeNo":1}`: "out_trade_no: is given twice",
		`{"total":"+1"}`:                       "total: must be a whole number of fen",
	} {
		r := order.Reader{Registering: true}
		if fault := r.Object("line", []byte(object)); fault == nil || !strings.HasPrefix(fault.Error(), want) {
			t.Errorf("%s: got %v, want %s", object, fault, want)
		}
	}
}

// FuzzReader: whatever an object holds, reading it ends with a fault that names something in one
// short line, or with Params that a second reading gives too.
func FuzzReader(f *testing.F) {
	for _, p := range order.Parameters() {
		f.Add([]byte(`{"`+p.Name+`":"`+p.Example+`"}`), false)
	}
	f.Add([]byte(`{"sub_orders":[{"mchid":"1","subMchId":"2","out_trade_no":"A1"}],"total":1,"close_at":-0}`), true)
	f.Fuzz(func(t *testing.T, object []byte, registering bool) {
		read := func() (order.Params, *order.FieldError) {
			r := order.Reader{Registering: registering}
			fault := r.Object("event", object)
			return r.Params, fault
		}
		first, fault := read()
		second, again := read()
		if diff := cmp.Diff(first, second); diff != "" || (fault == nil) != (again == nil) {
			t.Errorf("%q: got %v and %v\n%s", object, fault, again, diff)
		}
		if fault != nil && (len(fault.Error()) > 1000 || strings.ContainsAny(fault.Field, "\n\r")) {
			t.Errorf("%q: got %q", object, fault)
		}
	})
}

// BenchmarkReader reads a call as mini-programs send it, with what the platform adds.
func BenchmarkReader(b *testing.B) {
	event := []byte(`{"sub_mch_id":"1900000109","out_trade_no":"A1","nonce_str":"5K8264ILTKCH16CQ2502SI8ZNMTM67VS",` +
		`"userInfo":{"openId":"oABC","appId":"wx1"},"envName":"","tcbContext":{}}`)
	b.ReportAllocs()
	for b.Loop() {
		var r order.Reader
		if fault := r.Object("event", event); fault != nil {
			b.Fatal(fault)
		}
	}
}
