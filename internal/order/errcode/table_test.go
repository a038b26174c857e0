package errcode_test

import (
	"testing"

	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/verdict"
)

// documented are the verdicts of WeChat Pay's codes, written a second time from the pages: APIv2's
// closing and querying (merchant 4011935216, chapters 9_2 and 9_3) and APIv3's (4012791860,
// 4012791859).
//
// A code that says "call again" is a doubt, one that says "correct it" a refusal. One whose reason
// may be that the order is closed or paid already is a dispute on a close. On a query it is not,
// and ORDERCLOSED and ORDERPAID do not answer a query.
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

	// Codes of other calls, printed in these tables too. After one of them a close queries the
	// order.
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

// TestOwnCodesProveNothing: a row that is on no page of WeChat Pay's is a code of our own: there is
// no answer, and nothing is proved.
func TestOwnCodesProveNothing(t *testing.T) {
	t.Parallel()
	own := 0
	for _, row := range errcode.Table {
		if _, theirs := documented[row.Name]; theirs {
			continue
		}
		own++
		if row.Close != verdict.Doubted || row.Query != verdict.Doubted {
			t.Errorf("%s: a close makes of it %s, a query %s; want doubted", row.Name, row.Close, row.Query)
		}
	}
	if all := len(errcode.Table); own == 0 || all != own+len(documented) {
		t.Errorf("the table has %d rows: %d of our own, and of the documented %d", all, own, len(documented))
	}
}
