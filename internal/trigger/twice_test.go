package trigger_test

import (
	"net/http"
	"strings"
	"testing"

	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
)

// A parameter that is given twice is refused on every way in, however the platform passes both
// values on: of two numbers it is not known which order was meant.
func TestGivenTwiceIsRefused(t *testing.T) {
	t.Parallel()
	authorization := `"headers":{"authorization":"Bearer ` + httpToken + `"}`
	scf := func(query string) string {
		return `{"httpMethod":"POST","path":"/closeorder",` + authorization + `,` + query + `}`
	}
	within := func(context, query string) string {
		return `{"httpMethod":"POST","path":"/closeorder","requestContext":` + context + `,` + authorization + `,` + query + `}`
	}
	v2 := func(query string) string {
		return `{"version":"2.0","rawPath":"/closeorder",` + authorization + `,"requestContext":{"http":{"method":"POST"}},` + query + `}`
	}
	const lists = `{"out_trade_no":["D1","D2"]}`
	for name, test := range map[string]struct {
		on    hosting.Platform
		event string
	}{
		"function URL, an array":       {hosting.SCF, scf(`"queryString":` + lists)},
		"function URL, a key twice":    {hosting.SCF, scf(`"queryString":{"out_trade_no":"D1","out_trade_no":"D2"}`)},
		"function URL, two spellings":  {hosting.SCF, scf(`"queryString":{"out_trade_no":"D1","outTradeNo":"D1"}`)},
		"function URL, the same value": {hosting.SCF, scf(`"queryString":{"out_trade_no":["D1","D1"]}`)},
		"function URL, an empty one":   {hosting.SCF, scf(`"queryString":{"out_trade_no":["D1",""]}`)},
		"custom runtime":               {hosting.SCFCustom, scf(`"queryString":` + lists)},
		"API Gateway":                  {hosting.SCF, within(`{"serviceId":"s"}`, `"queryString":`+lists)},
		"CloudBase's access service":   {hosting.SCF, within(`{"envId":"e"}`, `"queryStringParameters":`+lists)},
		"web function":                 {hosting.Web, scf(`"queryString":` + lists)},
		"HTTP API 2.0":                 {hosting.Lambda, v2(`"rawQueryString":"out_trade_no=D1&out_trade_no=D2","queryStringParameters":{"out_trade_no":"D1,D2"}`)},
		"HTTP API 2.0, escaped":        {hosting.Lambda, v2(`"rawQueryString":"out_trade_no=D1&out%5ftrade%5fno=D2"`)},
		"REST API": {hosting.Lambda, within(`{"apiId":"a"}`,
			`"queryStringParameters":{"out_trade_no":"D2"},"multiValueQueryStringParameters":`+lists)},
		"path and query": {hosting.SCF, `{"httpMethod":"POST","path":"/closeorder/D1",` + authorization + `,"queryString":{"out_trade_no":"D1"}}`},
		"query and body": {hosting.SCF, scf(`"queryString":{"out_trade_no":"D1"},"body":"{\"out_trade_no\":\"D1\"}"`)},
		"body":           {hosting.SCF, scf(`"body":"{\"out_trade_no\":\"D1\",\"out_trade_no\":\"D2\"}"`)},
	} {
		k := newKit(t).strict()
		k.on = test.on
		reply, err := k.handle(test.event, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := responseOf(t, reply)
		if got.status != http.StatusBadRequest || !strings.Contains(got.body, "out_trade_no: is given twice") || len(k.asked) > 0 {
			t.Errorf("%s: got status %d, %s, and asked %v; want 400 and nothing done", name, got.status, got.body, k.asked)
		}
	}
	// HTTP API 2.0 without its raw query has joined them already, which is no number.
	k := newKit(t).strict()
	k.on = hosting.Lambda
	reply, _ := k.handle(v2(`"queryStringParameters":{"total":"1,2","out_trade_no":"D1"}`), nil)
	if got := responseOf(t, reply); got.status != http.StatusBadRequest || len(k.asked) > 0 {
		t.Errorf("got %+v, want 400", got)
	}
	// What is no parameter may come as often as it likes.
	k = newKit(t).strict()
	k.fn.Op = order.OpClose
	reply, _ = k.handle(scf(`"queryString":{"utm":["1","2"],"out_trade_no":"D1"}`), nil)
	if got := responseOf(t, reply); got.status != http.StatusOK || len(k.asked) != 1 {
		t.Errorf("got %+v, want the order closed", got)
	}
}
