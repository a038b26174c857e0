package paygate_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloudpay/pkg/paygate"
)

// link returns the path of a Link header's relation, empty if there is none.
func (a answer) link(rel string) string {
	for _, text := range a.header.Values("Link") {
		if parts := regexp.MustCompile(`^<(.*)>; rel="(.*)"$`).FindStringSubmatch(text); parts != nil && parts[2] == rel {
			return parts[1]
		}
	}
	return ""
}

// numbers are the values of a member in a list.
func (a answer) numbers(member string) []string {
	a.t.Helper()
	var values []string
	for _, item := range a.list() {
		values = append(values, fmt.Sprint(item[member]))
	}
	return values
}

// pages follows a relation from a path on, and returns a member's values page by page.
func (s *session) pages(path, rel, member string) [][]string {
	s.t.Helper()
	var pages [][]string
	for path != "" {
		got := s.admin("GET", path, "").wantStatus(200)
		pages = append(pages, got.numbers(member))
		if path = got.link(rel); len(pages) > 100 {
			s.t.Fatalf("the pages do not end: %v", pages)
		}
	}
	return pages
}

func TestRequestPages(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	for range 3 {
		s.v3(s.queryV3("A1"))
		s.v2(s.queryV2("A1"))
	}
	s.v3(s.closeV3("A2")) // 7: refused
	unsigned := s.queryV3("A1")
	unsigned.message = func(r v3Request) string { return strings.Replace(r.documented(), "GET", "get", 1) }
	s.v3(unsigned) // 8: not signed as it must be
	for path, want := range map[string]string{
		"/requests":                                 "[[1 2 3 4 5 6 7 8]]",
		"/requests?limit=3":                         "[[6 7 8]]",
		"/requests?limit=3&after=0":                 "[[1 2 3] [4 5 6] [7 8]]",
		"/requests?after=8":                         "[[]]",
		"/requests?api=v2&after=2&limit=1":          "[[4] [6]]",
		"/requests?order=A2":                        "[[7]]",
		"/requests?verdict=refused&operation=close": "[[7]]",
		"/requests?verdict=unauthentic":             "[[8]]",
		"/requests?cause=v3-method-case":            "[[8]]",
		"/requests?cause=v3-query":                  "[[]]",
		"/requests?operation=query&after=5":         "[[6 8]]",
	} {
		if got := fmt.Sprint(s.pages(path, "next", "id")); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if got := fmt.Sprint(s.pages("/requests?limit=3", "prev", "id")); got != "[[6 7 8] [3 4 5] [1 2]]" {
		t.Errorf("backwards: %s", got)
	}
	if got := s.admin("GET", "/requests?before=3&limit=1&api=v3", "").link("next"); got != "/requests?after=1&api=v3&limit=1" {
		t.Errorf("next of a page before is %s", got)
	}
	for query, phrase := range map[string]string{
		"limit=0": "limit", "limit=10001": "from 1 to 10000", "limit=x": "whole number", "after=-1": "after", "before=0": "before",
		"after=1&before=2": "together with after", "verdict=good": "must be one of ok, refused", "api=v4": "must be one of v2, v3",
		"cause=v3-guery": "is none of docs/why.md", "op=close": `unknown query parameter "op"`,
	} {
		s.admin("GET", "/requests?"+query, "").wantError(400, phrase)
	}
	s.ClearRequests()
	if got := s.admin("GET", "/requests", "").wantStatus(200).body; strings.TrimSpace(got) != "[]" {
		t.Errorf("an empty history is %s", got)
	}
}

// TestManyRequests: a call without a limit gets a bounded page, the newest, and the way to the
// rest.
func TestManyRequests(t *testing.T) {
	t.Parallel()
	s := start(t, paygate.Options{History: 1200})
	for range 2500 {
		s.Remember(paygate.Request{})
	}
	got := s.admin("GET", "/requests", "")
	ids := got.numbers("id")
	if len(ids) != 1000 || ids[0] != "1501" || ids[999] != "2500" {
		t.Errorf("there are %d requests from %s, want 1000 from 1501", len(ids), ids[0])
	}
	older, err := url.Parse(got.link("prev"))
	if err != nil || older.Query().Get("before") != "1501" {
		t.Errorf("prev is %v", older)
	}
	if ids := s.admin("GET", older.String(), "").numbers("id"); len(ids) != 200 || ids[0] != "1301" {
		t.Errorf("the older page has %d requests from %s, want 200 from 1301", len(ids), ids[0])
	}
}

func TestOrderPages(t *testing.T) {
	t.Parallel()
	s := start(t)
	for i := range 7 {
		s.order(fmt.Sprint("A", i))
	}
	s.MustPay("A2")
	s.MustPay("A5")
	for path, want := range map[string]string{
		"/orders":                       "[[A0 A1 A2 A3 A4 A5 A6]]",
		"/orders?limit=3":               "[[A0 A1 A2] [A3 A4 A5] [A6]]",
		"/orders?state=SUCCESS&limit=1": "[[A2] [A5]]",
		"/orders?state=NOTPAY&limit=4":  "[[A0 A1 A3 A4] [A6]]",
		"/orders?state=CLOSED":          "[[]]",
		"/orders?after=5":               "[[A5 A6]]",
		"/orders?after=7":               "[[]]",
		"/orders?after=99":              "[[]]",
		"/orders?state=SUCCESS&after=3": "[[A5]]",
		"/orders?after=0&limit=7":       "[[A0 A1 A2 A3 A4 A5 A6]]",
		"/orders?search=5":              "[[A5]]",
		"/orders?search=a":              "[[]]",
		"/orders?before=4&limit=2":      "[[A1 A2] [A3 A4] [A5 A6]]",
	} {
		if got := fmt.Sprint(s.pages(path, "next", "out_trade_no")); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	for path, want := range map[string]string{
		"/orders?before=999&limit=3":                  "[[A4 A5 A6] [A1 A2 A3] [A0]]",
		"/orders?before=999&limit=1&state=SUCCESS":    "[[A5] [A2]]",
		"/orders?before=999&limit=2&search=A":         "[[A5 A6] [A3 A4] [A1 A2] [A0]]",
		"/orders?before=1":                            "[[]]",
		"/orders?after=5&limit=4":                     "[[A5 A6] [A1 A2 A3 A4] [A0]]",
		"/orders?after=0":                             "[[A0 A1 A2 A3 A4 A5 A6]]",
		"/orders?before=999&limit=3&state=USERPAYING": "[[]]",
	} {
		if got := fmt.Sprint(s.pages(path, "prev", "out_trade_no")); got != want {
			t.Errorf("backwards, %s: %s, want %s", path, got, want)
		}
	}
	for query, phrase := range map[string]string{
		"state=OPEN": "must be one of NOTPAY", "limit=0": "limit", "before=0": "before", "after=1&before=3": "together with after",
		"number=3": `unknown query parameter "number"`,
	} {
		s.admin("GET", "/orders?"+query, "").wantError(400, phrase)
	}
}

// TestSameNumber: orders of several owners and combined ones that share a number are found as each
// is meant.
func TestSameNumber(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.order("A1", ofSub)
	s.MustAddCombined(paygate.CombinedOrder{CombineOutTradeNo: "A1", SubOrders: []paygate.Order{{OutTradeNo: "S1", Total: 1}}})
	own, sub := paygate.Owner{MchID: s.Merchant.MchID}, paygate.Owner{MchID: s.Merchant.MchID, SubMchID: subMchID}
	if err := s.Pay("A1"); err == nil || !strings.Contains(err.Error(), "ambiguous") {
		t.Errorf("paying one of three gave %v", err)
	}
	s.MustPay("A1", sub)
	s.WantState("A1", paygate.StateSuccess, sub)
	if err := s.Pay("A1", own); err == nil || !strings.Contains(err.Error(), "a combined order has it, and another one") {
		t.Errorf("paying one of two gave %v", err)
	}
	var numbers []string
	for _, order := range s.Orders() {
		numbers = append(numbers, order.OutTradeNo)
	}
	if !slices.Equal(numbers, []string{"A1", "A1", "S1"}) {
		t.Errorf("orders are %v", numbers)
	}
}
