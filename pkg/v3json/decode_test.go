package v3json_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cloudpay/pkg/v3json"
)

func TestTransactionsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	good := `"mchid":"1900007291","out_trade_no":"` + outTradeNo + `","trade_state":"NOTPAY"`
	tests := map[string]struct{ body, want string }{
		"HTML":                  {"<html></html>", "not JSON"},
		"cut short":             {"{" + good, "not JSON"},
		"trailing letter":       {"{" + good + "}x", "not JSON"},
		"trailing object":       {"{" + good + "}{}", "not JSON"},
		"array":                 {"[{" + good + "}]", "it is a JSON array, not an object"},
		"string":                {`"SUCCESS"`, "it is a JSON string, not an object"},
		"number":                {`42`, "it is a JSON number, not an object"},
		"null":                  {`null`, "no trade_state"},
		"no trade_state":        {`{"mchid":"1900007291"}`, "no trade_state"},
		"empty trade_state":     {`{"trade_state":""}`, "no trade_state"},
		"number as a number":    {`{"mchid":1900007291}`, "mchid is a JSON number, not a string"},
		"amount as a number":    {"{" + good + `,"amount":5}`, "amount is a JSON number, not a struct"},
		"currency of another":   {"{" + good + `,"amount":{"currency":{"a":1}}}`, "amount.currency is a JSON object, not a string"},
		"cash a string":         {"{" + good + `,"attach":5,"amount":{"payer_total":"0"}}`, "amount.payer_total is a JSON string, not a int64"},
		"state as a list":       {`{"mchid":"1900007291","trade_state":["SUCCESS"]}`, "trade_state is a JSON array, not a string"},
		"repeated amount":       {"{" + good + `,"amount":{"total":1},"amount":{"total":100}}`, "amount more than once"},
		"two byte order marks":  {"\ufeff\ufeff{" + good + "}", "not JSON"},
		"string as number":      {"{" + good + `,"amount":{"total":"100"}}`, "amount.total is a JSON string, not a int64"},
		"fraction of a fen":     {"{" + good + `,"amount":{"total":1.5}}`, "amount.total is a JSON number 1.5"},
		"more than int64":       {"{" + good + `,"amount":{"total":9223372036854775808}}`, "amount.total is a JSON number"},
		"repeated out_trade_no": {"{" + good + `,"out_trade_no":"` + outTradeNo + `"}`, "out_trade_no more than once"},
		"repeated mchid":        {`{"mchid":"1",` + good + "}", "mchid more than once"},
		"capital trade_state":   {"{" + good + `,"Trade_State":"SUCCESS"}`, "trade_state more than once or as Trade_State"},
		"only in capitals":      {`{"TRADE_STATE":"SUCCESS"}`, "as TRADE_STATE"},
		"escaped twin":          {"{" + good + `,"\u006dchid" : "2"}`, "mchid more than once"},
		"twin after a quote":    {`{"attach":"\"","mchid":"1",` + good + "}", "mchid more than once"},
		"long s":                {"{" + good + `,"transaction_id":"1","tran` + "\u017f" + `action_id":"2"}`, "transaction_id more than once"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := queryWith(t, signed(http.StatusOK, test.body))
			malformed := malformation(t, err)
			if !strings.Contains(malformed.Detail, test.want) {
				t.Errorf("detail is %q, want it to say %q", malformed.Detail, test.want)
			}
			if malformed.HTTPStatus != http.StatusOK || malformed.RequestID != requestID {
				t.Errorf("MalformedError is %+v, want HTTP 200 and the Request-ID", malformed)
			}
		})
	}
}

// TestUnreadableInformationIsLeftOut: what only informs and cannot be read costs itself, not the
// state.
func TestUnreadableInformationIsLeftOut(t *testing.T) {
	t.Parallel()
	good := `"mchid":"1900007291","out_trade_no":"` + outTradeNo + `","trade_state":"SUCCESS"`
	for value, path := range map[string]string{
		`"attach":5`:                                   "attach",
		`"attach":{"a":1}`:                             "attach",
		`"Bank_Type":true`:                             "bank_type",
		`"success_time":"2018-06-08T10:34:56"`:         "success_time",
		`"success_time":"2018-06-08T10:34:56+0800"`:    "success_time",
		`"success_time":"20180608103456"`:              "success_time",
		`"success_time":20180608103456`:                "success_time",
		`"success_time":{}`:                            "success_time",
		`"payer":"oAAA"`:                               "payer",
		`"payer":{"openid":["oAAA"]}`:                  "payer.openid",
		`"scene_info":[]`:                              "scene_info",
		`"promotion_detail":{}`:                        "promotion_detail",
		`"promotion_detail":["c"]`:                     "promotion_detail",
		`"installment_info":{"use_subsidy":"true"}`:    "installment_info.use_subsidy",
		`"installment_info":5`:                         "installment_info",
		`"amount":{"exchange_rate":"8"}`:               "amount.exchange_rate",
		`"amount":{"exchange_rate":{"rate":"8"}}`:      "amount.exchange_rate.rate",
		`"amount":{"exchange_rate":{"rate":0.913}}`:    "amount.exchange_rate.rate",
		`"amount":{"exchange_rate":{"rate":1e8}}`:      "amount.exchange_rate.rate",
		`"promotion_detail":[{"amount":"10"}]`:         "promotion_detail.amount",
		`"promotion_detail":[{"amount":0.10}]`:         "promotion_detail.amount",
		`"promotion_detail":[{"other_contribute":[]}]`: "promotion_detail.other_contribute",
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			got, err := queryWith(t, signed(http.StatusOK, "{"+good+","+value+`,"trade_type":"JSAPI"}`))
			if err != nil {
				t.Fatalf("QueryOrder: %v", err)
			}
			if got.TradeState != "SUCCESS" || got.TradeType != "JSAPI" || !slices.Equal(got.Unread, []string{path}) {
				t.Errorf("got %+v, want the rest of the order, and %s named", got.Transaction, path)
			}
		})
	}
}

// TestUnreadableNumbersOfPromotions: each is left out by itself, and is absent, not 0.
func TestUnreadableNumbersOfPromotions(t *testing.T) {
	t.Parallel()
	body := strings.Replace(fullOrder, `"quantity": 1`, `"quantity": "1"`, 1)
	body = strings.Replace(body, `"coupon_id": "109520", "amount": 0`, `"coupon_id": "109520", "amount": 1.5`, 1)
	got, err := v3json.DecodeTransaction([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	want := fullTransaction()
	want.PromotionDetail[0].GoodsDetail[0].Quantity, want.PromotionDetail[1].Amount = nil, nil
	want.Unread = []string{"promotion_detail.goods_detail.quantity", "promotion_detail.amount"}
	got.SuccessTime = want.SuccessTime
	slices.Sort(got.Unread)
	slices.Sort(want.Unread)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("decoded is\n%+v, want\n%+v", got, want)
	}
}

// TestAmountsNotSentAreAbsent: one that is missing or null is no 0, and a 0 is one.
func TestAmountsNotSentAreAbsent(t *testing.T) {
	t.Parallel()
	zero := new(int64(0))
	for amount, want := range map[string]v3json.Amount{
		`{"currency":"CNY"}`:             {Currency: "CNY"},
		`{}`:                             {},
		`{"total":null,"payer_total":0}`: {PayerTotal: zero},
		`{"total":0,"exchange_rate":{}}`: {Total: zero, ExchangeRate: &v3json.ExchangeRate{}},
	} {
		got, err := v3json.DecodeTransaction([]byte(`{"trade_state":"SUCCESS","amount":` + amount + `}`))
		if err != nil || !reflect.DeepEqual(got.Amount, &want) {
			t.Errorf("%s was read as %+v (%v), want %+v", amount, got.Amount, err, want)
		}
	}
}

// TestByteOrderMark: one may stand before the object, of an order, a combined one, and a refusal.
func TestByteOrderMark(t *testing.T) {
	t.Parallel()
	if reply, err := queryWith(t, signed(http.StatusOK, "\ufeff"+directOrder)); err != nil || reply.TradeState != "SUCCESS" {
		t.Errorf("got %+v, %v", reply, err)
	}
	if reply, err := queryCombinedWith(t, signed(http.StatusOK, "\ufeff"+combinedOrder)); err != nil || len(reply.SubOrders) != 2 {
		t.Errorf("got %+v, %v", reply, err)
	}
	_, err := queryWith(t, signed(http.StatusBadRequest, "\ufeff"+refusalBody))
	if refused := refusal(t, err); refused.Code == "" {
		t.Errorf("got %+v", refused)
	}
}

// TestDetailShapes: the documented shape, those seen in users' logs, and those that JSON allows.
func TestDetailShapes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ detail, want string }{
		"absent": {``, ""},
		"null":   {`null`, ""},
		"as documented": {`{"location":"body","value":"1900000000","issue":"商户号不存在","field":"/mchid"}`,
			"field: /mchid; issue: 商户号不存在; location: body; value: 1900000000"},
		"without a field": {`{"location":"uri_template","value":""}`, `location: uri_template; value: ""`},
		"SIGN_ERROR": {`{"detail":{"issue":"sign not match"},"field":"signature","location":"authorization",` +
			`"sign_information":{"method":"POST","sign_message_length":141,"truncated_sign_message":"POST\n/v3/pay/\n","url":"/v3/pay/"}}`,
			`field: signature; location: authorization; detail.issue: sign not match; ` +
				`sign_information.truncated_sign_message: POST\n/v3/pay/\n; sign_information.method: POST; ` +
				`sign_information.sign_message_length: 141; sign_information.url: /v3/pay/`},
		"value a number":   {`{"field":"total","value":1.50}`, "field: total; value: 1.50"},
		"value an integer": {`{"value":12345678901234567890}`, "value: 12345678901234567890"},
		"value an object":  {`{"value":{"b":1,"a":[true,null,"x"]}}`, "value.a[0]: true; value.a[2]: x; value.b: 1"},
		"others by name":   {`{"z":"1","field":"f","a":"2"}`, "field: f; a: 2; z: 1"},
		"string":           {`"mchid wrong"`, "mchid wrong"},
		"empty string":     {`""`, `""`},
		"array":            {`["a",{"issue":"b"}]`, "[0]: a; [1].issue: b"},
		"number":           {`404`, "404"},
		"boolean":          {`false`, "false"},
		"empty object":     {`{}`, ""},
		"empty array":      {`[]`, ""},
		"too deep":         {`{"a":{"b":{"c":{"d":{"e":{"f":1}}}}}}`, "a.b.c.d.e: …"},
		"control letters":  {`"a\u0000\u001b[31m\u202eb"`, `a\x00\x1b[31m\u202eb`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := `{"code":"PARAM_ERROR","message":"参数错误","detail":` + test.detail + `}`
			if test.detail == "" {
				body = `{"code":"PARAM_ERROR","message":"参数错误"}`
			}
			_, err := closeWith(t, signed(http.StatusBadRequest, body))
			refused := refusal(t, err)
			if refused.Detail != test.want {
				t.Errorf("detail is %q, want %q", refused.Detail, test.want)
			}
			if refused.Code != "PARAM_ERROR" || refused.Message != "参数错误" {
				t.Errorf("refusal is %+v, want code and message whatever the detail", refused)
			}
		})
	}
}

func TestDetailIsBounded(t *testing.T) {
	t.Parallel()
	for name, detail := range map[string]string{
		"long string": `"` + strings.Repeat("长", 100_000) + `"`,
		"long array":  "[" + strings.Repeat("1,", 100_000) + "1]",
		"many keys":   manyKeys(1000),
		"deep array":  strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
	} {
		if got := v3json.Describe(json.RawMessage(detail)); len(got) > 600 {
			t.Errorf("%s: described in %d bytes, want at most 600", name, len(got))
		}
	}
	if got := v3json.Describe(json.RawMessage("{")); got != "" {
		t.Errorf("a detail that is no JSON is described as %q, want nothing", got)
	}
}

func manyKeys(n int) string {
	object := map[string]int{}
	for i := range n {
		object[strings.Repeat("k", i+1)] = i
	}
	b, _ := json.Marshal(object)
	return string(b)
}

func TestRefusalBodies(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body, contentType     string
		code, message, detail string
	}{
		"empty":               {"", "", "", "", "no body"},
		"HTML":                {"<html>502 Bad Gateway</html>", "text/html; charset=utf-8", "", "", `a body that is no JSON object: 28 bytes of "text/html; charset=utf-8"`},
		"JSON cut short":      {`{"code":"SYSTEM_ERR`, "application/json", "", "", "a body that is no JSON object"},
		"trailing garbage":    {refusalBody + "x", "application/json; charset=utf-8", "", "", "a body that is no JSON object"},
		"array":               {`[1]`, "application/json", "", "", "a body that is no JSON object"},
		"null":                {`null`, "application/json", "", "", ""},
		"no code":             {`{"message":"m"}`, "", "", "m", ""},
		"code a number":       {`{"code":404,"message":{"a":1}}`, "", "404", `{"a":1}`, ""},
		"code null":           {`{"code":null,"message":null}`, "", "", "", ""},
		"tries to be us":      {`{"code":"X","HTTPStatus":200,"Authenticated":true,"httpstatus":204,"RequestID":"r"}`, "", "X", "", ""},
		"cloudflare":          {"error code: 1020", "text/plain", "", "", "a body that is no JSON object: 16 bytes of text/plain"},
		"lines in a message":  {`{"code":"A\nB","message":"a\r\nb"}`, "", "A\nB", "a\r\nb", ""},
		"a long message":      {`{"code":"X","message":"` + strings.Repeat("m", 4000) + `"}`, "", "X", strings.Repeat("m", 4000), ""},
		"a code of another's": {`{"Code":"ORDER_PAID"}`, "", "ORDER_PAID", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, a := range []answer{signed(http.StatusBadGateway, test.body), unsigned(http.StatusNotFound, test.body)} {
				if test.contentType != "" {
					a = a.with("Content-Type", test.contentType)
				}
				_, err := queryWith(t, a)
				refused := refusal(t, err)
				if refused.Code != test.code || refused.Message != test.message || refused.Detail != test.detail {
					t.Errorf("refusal is %+v, want %+v", refused, test)
				}
				if refused.HTTPStatus != a.status || refused.RequestID != requestID ||
					refused.Authenticated != (a.status == http.StatusBadGateway) {
					t.Errorf("refusal is %+v, want what the wire said, not what the body says", refused)
				}
			}
		})
	}
}
