package errcode_test

import (
	"testing"

	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/verdict"
)

// What each code of WeChat Pay's pages amounts to, written out a second time from
// the pages themselves: APIv2's closing and querying (merchant 4011935216,
// chapters 9_2 and 9_3) and APIv3's (4012791860, 4012791859).
//
// The rule behind them: what says "call again" is doubt, what says "correct it" a
// refusal, and what may be because the order is closed or paid already a dispute,
// but for a query, which has no such excuse. A query does not close or get paid,
// so that ORDERCLOSED and ORDERPAID are no answer to it.
var documented = map[string]struct{ close, query verdict.Verdict }{
	"ORDERPAID":     {verdict.SaysPaid, verdict.Doubted},
	"ORDERCLOSED":   {verdict.SaysClosed, verdict.Doubted},
	"ORDERNOTEXIST": {verdict.SaysMissing, verdict.SaysMissing},
	"USERPAYING":    {verdict.SaysPaying, verdict.SaysPaying},

	"SYSTEMERROR":         {verdict.Doubted, verdict.Doubted},
	"BANKERROR":           {verdict.Doubted, verdict.Doubted},
	"SERVICE_UNAVAILABLE": {verdict.Doubted, verdict.Doubted},
	"FREQUENCY_LIMITED":   {verdict.Limited, verdict.Limited},

	"RULE_LIMIT":      {verdict.Disputed, verdict.Limited},
	"TRADE_ERROR":     {verdict.Disputed, verdict.Doubted},
	"INVALID_REQUEST": {verdict.Disputed, verdict.Refused},

	"PARAM_ERROR":           {verdict.Refused, verdict.Refused},
	"SIGNERROR":             {verdict.Refused, verdict.Refused},
	"NOAUTH":                {verdict.Refused, verdict.Refused},
	"APPID_NOT_EXIST":       {verdict.Refused, verdict.Refused},
	"MCHID_NOT_EXIST":       {verdict.Refused, verdict.Refused},
	"APPID_MCHID_NOT_MATCH": {verdict.Refused, verdict.Refused},
	"LACK_PARAMS":           {verdict.Refused, verdict.Refused},
	"REQUIRE_POST_METHOD":   {verdict.Refused, verdict.Refused},
	"XML_FORMAT_ERROR":      {verdict.Refused, verdict.Refused},
	"POST_DATA_EMPTY":       {verdict.Refused, verdict.Refused},
	"NOT_UTF8":              {verdict.Refused, verdict.Refused},
	"INVALID_TRANSACTIONID": {verdict.Refused, verdict.Refused},
	"RESOURCE_NOT_EXISTS":   {verdict.Refused, verdict.Refused},

	// Other calls' codes, printed in these tables too: passed on as they are, and
	// a close looks at the order first.
	"ACCOUNT_ERROR":     {verdict.Disputed, verdict.Refused},
	"NOTENOUGH":         {verdict.Disputed, verdict.Refused},
	"OUT_TRADE_NO_USED": {verdict.Disputed, verdict.Refused},
	"OPENID_MISMATCH":   {verdict.Disputed, verdict.Refused},
}

func TestDocumentedCodes(t *testing.T) {
	t.Parallel()
	for name, want := range documented {
		got, known := errcode.Lookup(name)
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
	for _, row := range errcode.All() {
		if _, theirs := documented[row.Name]; theirs {
			continue
		}
		own++
		if row.Close != verdict.Doubted || row.Query != verdict.Doubted {
			t.Errorf("%s: a close makes of it %s, a query %s; want doubted", row.Name, row.Close, row.Query)
		}
	}
	if all := len(errcode.All()); own == 0 || all != own+len(documented) {
		t.Errorf("the table has %d rows: %d of our own, and of the documented %d", all, own, len(documented))
	}
}
