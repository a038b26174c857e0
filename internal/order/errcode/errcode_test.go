package errcode_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/verdict"
)

// TestLookupKnowsEverySpelling has the spellings of WeChat Pay's pages and those met in the field.
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

func TestLookupOfAnUnknownCode(t *testing.T) {
	t.Parallel()
	row, known := errcode.Lookup("BRAND_NEW")
	if known || row.Name != "BRAND_NEW" || row.Close != verdict.Disputed || row.Query != verdict.Disputed {
		t.Errorf("Lookup of an unknown code = %+v, %v", row, known)
	}
}

func TestSpellingsAreUnique(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, c := range errcode.Table {
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

// TestDoubtfulCodesAreNotRefusals: a code that leaves open whether the request was carried out, or
// whether the order was closed or paid before, is never a definite no.
func TestDoubtfulCodesAreNotRefusals(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"SYSTEMERROR", "BANKERROR", "SERVICE_UNAVAILABLE", "INVALID_REQUEST", "TRADE_ERROR", "RULE_LIMIT", "BRAND_NEW"} {
		if row, _ := errcode.Lookup(name); row.Close != verdict.Doubted && row.Close != verdict.Disputed {
			t.Errorf("a close answered %s counts as %s", name, row.Close)
		}
	}
}

func TestIsOfMerchant(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{"SIGNERROR": true, "APPID_NOT_EXIST": true, "NOAUTH": false, "ORDERPAID": false, "": false} {
		if got := errcode.IsOfMerchant(code); got != want {
			t.Errorf("IsOfMerchant(%q) = %v, want %v", code, got, want)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	row, _ := errcode.Lookup("ORDER_PAID")
	if got, want := row.Text(), "the order has been paid and cannot be closed / 订单已支付，不能发起关单"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestLiteralCodes looks up each literal of the packages that name codes: most codes have no
// constant, and a typo in one would be a code that no caller expects.
func TestLiteralCodes(t *testing.T) {
	t.Parallel()
	other := regexp.MustCompile(`^(WXPAY|CLOUDPAY|WX|TCB|QQ|TRIGGER)_|` +
		`^(SELECT|INSERT|UPDATE|DELETE|SUCCESS|CERTIFICATE|LOGINTYPE|DOCTOR|PUB_KEY_ID_0|CLOCK_OFF|CREDENTIALS|STATUS_UNREAD|MICROPAY)$`)
	codes := regexp.MustCompile(`"([A-Z][A-Z0-9_]{4,})"`)
	found := map[string]bool{}
	for _, pkg := range []string{"wechatpay", "closing", "sweep", "trigger", "doctor", "order"} {
		files, err := filepath.Glob("../../" + pkg + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: got %d files, %v", pkg, len(files), err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range codes.FindAllStringSubmatch(string(text), -1) {
				if other.MatchString(match[1]) {
					continue
				}
				row, known := errcode.Lookup(match[1])
				if found[row.Name] = true; !known || row.Name != match[1] {
					t.Errorf("%s: %s is not a row of the table", file, match[1])
				}
			}
		}
	}
	const least = 10
	if len(found) < least {
		t.Errorf("got %d codes, want at least %d: are they named otherwise now?", len(found), least)
	}
}
