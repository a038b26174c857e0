package v3json_test

import (
	"encoding/json"
	"net/http"
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
		"number as string":      {"{" + good + `,"attach":5}`, "attach is a JSON number, not a string"},
		"string as number":      {"{" + good + `,"amount":{"total":"100"}}`, "amount.total is a JSON string, not a int64"},
		"fraction of a fen":     {"{" + good + `,"amount":{"total":1.5}}`, "amount.total is a JSON number 1.5"},
		"more than int64":       {"{" + good + `,"amount":{"total":9223372036854775808}}`, "amount.total is a JSON number"},
		"object as list":        {"{" + good + `,"promotion_detail":{}}`, "promotion_detail is a JSON object, not a slice"},
		"time without a zone":   {"{" + good + `,"success_time":"2018-06-08T10:34:56"}`, "success_time"},
		"time of v2":            {"{" + good + `,"success_time":"20180608103456"}`, "success_time 20180608103456 is not RFC 3339"},
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
