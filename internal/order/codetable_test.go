package order_test

import (
	"testing"

	"cloudpay/internal/order"
)

// What each code of WeChat Pay's pages amounts to, written out a second time from
// the pages themselves: APIv2's closing and querying (merchant 4011935216,
// chapters 9_2 and 9_3) and APIv3's (4012791860, 4012791859).
//
// The rule behind them: what says "call again" is doubt, what says "correct it" a
// refusal, and what may be because the order is closed or paid already a dispute,
// but for a query, which has no such excuse. A query does not close or get paid,
// so that ORDERCLOSED and ORDERPAID are no answer to it.
var documented = map[string]struct{ close, query order.Verdict }{
	"ORDERPAID":     {order.SaysPaid, order.Doubted},
	"ORDERCLOSED":   {order.SaysClosed, order.Doubted},
	"ORDERNOTEXIST": {order.SaysMissing, order.SaysMissing},
	"USERPAYING":    {order.SaysPaying, order.SaysPaying},

	"SYSTEMERROR":         {order.Doubted, order.Doubted},
	"BANKERROR":           {order.Doubted, order.Doubted},
	"SERVICE_UNAVAILABLE": {order.Doubted, order.Doubted},
	"FREQUENCY_LIMITED":   {order.Limited, order.Limited},

	"RULE_LIMIT":      {order.Disputed, order.Limited},
	"TRADE_ERROR":     {order.Disputed, order.Doubted},
	"INVALID_REQUEST": {order.Disputed, order.Refused},

	"PARAM_ERROR":           {order.Refused, order.Refused},
	"SIGNERROR":             {order.Refused, order.Refused},
	"NOAUTH":                {order.Refused, order.Refused},
	"APPID_NOT_EXIST":       {order.Refused, order.Refused},
	"MCHID_NOT_EXIST":       {order.Refused, order.Refused},
	"APPID_MCHID_NOT_MATCH": {order.Refused, order.Refused},
	"LACK_PARAMS":           {order.Refused, order.Refused},
	"REQUIRE_POST_METHOD":   {order.Refused, order.Refused},
	"XML_FORMAT_ERROR":      {order.Refused, order.Refused},
	"POST_DATA_EMPTY":       {order.Refused, order.Refused},
	"NOT_UTF8":              {order.Refused, order.Refused},
	"INVALID_TRANSACTIONID": {order.Refused, order.Refused},
	"RESOURCE_NOT_EXISTS":   {order.Refused, order.Refused},

	// Other calls' codes, printed in these tables too: passed on as they are, and
	// a close looks at the order first.
	"ACCOUNT_ERROR":     {order.Disputed, order.Refused},
	"NOTENOUGH":         {order.Disputed, order.Refused},
	"OUT_TRADE_NO_USED": {order.Disputed, order.Refused},
	"OPENID_MISMATCH":   {order.Disputed, order.Refused},
}

func TestDocumentedCodes(t *testing.T) {
	t.Parallel()
	for name, want := range documented {
		got, known := order.Lookup(name)
		if !known || got.Name != name || got.Close != want.close || got.Query != want.query {
			t.Errorf("%s (found %v): a close makes of it %s, a query %s; want %s and %s", name, known, got.Close, got.Query, want.close, want.query)
		}
	}
}

// A row that no page of WeChat Pay's has is a code of our own: why there is no
// answer. It can prove nothing, whatever was asked.
func TestOwnCodesProveNothing(t *testing.T) {
	t.Parallel()
	own := 0
	for _, row := range order.Codes() {
		if _, theirs := documented[row.Name]; theirs {
			continue
		}
		own++
		if row.Close != order.Doubted || row.Query != order.Doubted {
			t.Errorf("%s: a close makes of it %s, a query %s; want doubted", row.Name, row.Close, row.Query)
		}
	}
	if all := len(order.Codes()); own == 0 || all != own+len(documented) {
		t.Errorf("the table has %d rows: %d of our own, and of the documented %d", all, own, len(documented))
	}
}
