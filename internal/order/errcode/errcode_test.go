package errcode_test

import (
	"testing"

	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/verdict"
)

// Every spelling that WeChat Pay's pages or its users have shown, and what it is.
func TestLookupKnowsEverySpelling(t *testing.T) {
	t.Parallel()
	for canonical, spellings := range map[string][]string{
		"ORDERPAID":             {"ORDERPAID", "ORDER_PAID", "orderPaid"},
		"ORDERCLOSED":           {"ORDERCLOSED", "ORDER_CLOSED"},
		"ORDERNOTEXIST":         {"ORDERNOTEXIST", "ORDER_NOT_EXIST"},
		"USERPAYING":            {"USERPAYING", "USER_PAYING"},
		"SYSTEMERROR":           {"SYSTEMERROR", "SYSTEM_ERROR", "SYSTE_MERROR"},
		"BANKERROR":             {"BANKERROR", "BANK_ERROR"},
		"SERVICE_UNAVAILABLE":   {"SERVICE_UNAVAILABLE"},
		"FREQUENCY_LIMITED":     {"FREQUENCY_LIMITED", "REQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "RATELIMIT_EXCEED", "RATE_LIMITED"},
		"RULE_LIMIT":            {"RULE_LIMIT", "RULELIMIT"},
		"TRADE_ERROR":           {"TRADE_ERROR"},
		"INVALID_REQUEST":       {"INVALID_REQUEST"},
		"PARAM_ERROR":           {"PARAM_ERROR"},
		"SIGNERROR":             {"SIGNERROR", "SIGN_ERROR"},
		"NOAUTH":                {"NOAUTH", "NO_AUTH"},
		"APPID_NOT_EXIST":       {"APPID_NOT_EXIST"},
		"MCHID_NOT_EXIST":       {"MCHID_NOT_EXIST", "MCH_NOT_EXISTS"},
		"APPID_MCHID_NOT_MATCH": {"APPID_MCHID_NOT_MATCH"},
		"LACK_PARAMS":           {"LACK_PARAMS"},
		"REQUIRE_POST_METHOD":   {"REQUIRE_POST_METHOD"},
		"XML_FORMAT_ERROR":      {"XML_FORMAT_ERROR"},
		"POST_DATA_EMPTY":       {"POST_DATA_EMPTY"},
		"NOT_UTF8":              {"NOT_UTF8"},
		"INVALID_TRANSACTIONID": {"INVALID_TRANSACTIONID"},
		"RESOURCE_NOT_EXISTS":   {"RESOURCE_NOT_EXISTS"},
		"ACCOUNT_ERROR":         {"ACCOUNT_ERROR"},
		"NOTENOUGH":             {"NOTENOUGH", "NOT_ENOUGH"},
		"OUT_TRADE_NO_USED":     {"OUT_TRADE_NO_USED"},
		"OPENID_MISMATCH":       {"OPENID_MISMATCH"},
	} {
		for _, spelling := range spellings {
			row, known := errcode.Lookup(spelling)
			if !known || row.Name != canonical {
				t.Errorf("Lookup(%q) = %q, %v; want %q", spelling, row.Name, known, canonical)
			}
		}
	}
}

func TestLookupKeepsAnUnknownCode(t *testing.T) {
	t.Parallel()
	row, known := errcode.Lookup("BRAND_NEW")
	if known || row.Name != "BRAND_NEW" || row.Close != verdict.Disputed || row.Query != verdict.Disputed {
		t.Errorf("Lookup of a code nobody knows = %+v, %v", row, known)
	}
}

func TestCodesAreToldApart(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, c := range errcode.All() {
		if c.Meaning == "" || c.MeaningZH == "" || c.Remedy == "" || c.Close == "" || c.Query == "" {
			t.Errorf("%s lacks a meaning, a remedy or a verdict: %+v", c.Name, c)
		}
		for _, spelling := range append([]string{c.Name}, c.Aliases...) {
			row, _ := errcode.Lookup(spelling)
			if row.Name != c.Name {
				t.Errorf("%q is listed under %s and found under %s", spelling, c.Name, row.Name)
			}
			if other, twice := seen[spelling]; twice {
				t.Errorf("%q is listed under %s and %s", spelling, other, c.Name)
			}
			seen[spelling] = c.Name
		}
	}
}

// What may have been carried out, or may be because the order is closed or paid,
// is never taken for a definite no.
func TestDoubtfulCodesAreNotRefusals(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"SYSTEMERROR", "BANKERROR", "SERVICE_UNAVAILABLE", "INVALID_REQUEST", "TRADE_ERROR", "RULE_LIMIT", "BRAND_NEW"} {
		if row, _ := errcode.Lookup(name); row.Close != verdict.Doubted && row.Close != verdict.Disputed {
			t.Errorf("a close answered %s counts as %s", name, row.Close)
		}
	}
}
