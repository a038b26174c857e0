package traffic_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/traffic"
)

// file files a call that ended, about an order.
func file(j *traffic.Journal, function, order, verdict string) {
	j.File(traffic.Call{Via: "http-api", Function: function, OutTradeNo: order, Verdict: verdict})
}

// orders are those of calls, in their order.
func orders(calls []traffic.Call) []string {
	list := []string{}
	for _, c := range calls {
		list = append(list, c.OutTradeNo)
	}
	return list
}

// A request belongs to the newest call about its order, else to the oldest about none, else to
// none; a request about no order belongs to the oldest call there is.
func TestCaused(t *testing.T) {
	t.Parallel()
	var j traffic.Journal
	begin := func(id, order string) *traffic.Open {
		return j.Begin(traffic.Call{RequestID: id, OutTradeNo: order})
	}
	want := func(order, id string) {
		t.Helper()
		if got := j.Caused(traffic.Request{Op: "close", OutTradeNo: order}); got != id {
			t.Errorf("a request about %q: caused by %q, want %q", order, got, id)
		}
	}
	want("A1", "")
	first := begin("1", "A1")
	want("A1", "1")
	want("B1", "")
	want("", "1")
	second := begin("2", "A1")
	want("A1", "2")
	timer := begin("3", "")
	want("B1", "3")
	want("A1", "2")
	j.End(second, traffic.Call{RequestID: "2", OutTradeNo: "A1", Verdict: traffic.VerdictOK}, nil)
	want("A1", "1")
	j.End(first, traffic.Call{RequestID: "1"}, nil)
	j.End(timer, traffic.Call{RequestID: "3"}, nil)
	want("A1", "")
	counts := map[string]int{}
	for _, c := range j.Page(traffic.Query{}).Calls {
		counts[c.RequestID] = len(c.Requests)
		for _, r := range c.Requests {
			if r.Call != c.RequestID {
				t.Errorf("call %s has a request of %s", c.RequestID, r.Call)
			}
		}
	}
	if diff := cmp.Diff(map[string]int{"1": 3, "2": 2, "3": 1}, counts); diff != "" {
		t.Errorf("requests of the calls (-want +got):\n%s", diff)
	}
}

// A sweep's requests are counted when there are too many to remember.
func TestManyRequests(t *testing.T) {
	t.Parallel()
	var j traffic.Journal
	open := j.Begin(traffic.Call{RequestID: "1"})
	for range 60 {
		j.Caused(traffic.Request{})
	}
	j.End(open, traffic.Call{RequestID: "1"}, nil)
	if c := j.Page(traffic.Query{}).Calls[0]; len(c.Requests) != 50 || c.MoreRequests != 10 {
		t.Errorf("got %d and %d more, want 50 and 10", len(c.Requests), c.MoreRequests)
	}
}

// Calls are numbered as they end, and told in that order; the journal forgets the oldest.
func TestRing(t *testing.T) {
	t.Parallel()
	var ended []int64
	j := traffic.Journal{Ended: func(c traffic.Call) { ended = append(ended, c.ID) }}
	const beyond = 3
	for i := range traffic.Kept + beyond {
		file(&j, "closeorder", fmt.Sprint(i), traffic.VerdictOK)
	}
	if len(ended) != traffic.Kept+beyond || ended[0] != 1 || ended[len(ended)-1] != traffic.Kept+beyond {
		t.Errorf("told of %d calls, want all, in order", len(ended))
	}
	page := j.Page(traffic.Query{After: 1, Limit: 2})
	if got := orders(page.Calls); len(got) != 2 || got[0] != fmt.Sprint(beyond) || page.Calls[0].ID != beyond+1 || page.Next != beyond+2 {
		t.Errorf("the oldest page: got %v from %d and next %d, want to begin with the oldest call left", got, page.Calls[0].ID, page.Next)
	}
	if got := orders(j.Page(traffic.Query{Limit: 2}).Calls); !cmp.Equal(got, []string{fmt.Sprint(traffic.Kept + 1), fmt.Sprint(traffic.Kept + 2)}) {
		t.Errorf("the last page: got %v", got)
	}
	if page := j.Page(traffic.Query{After: traffic.Kept + beyond}); len(page.Calls) != 0 || page.Calls == nil || page.Next != 0 {
		t.Errorf("after the last call: got %+v, want an empty page", page)
	}
}

// Pages go through all calls, whatever is filtered.
func TestPages(t *testing.T) {
	t.Parallel()
	var j traffic.Journal
	for i := range 10 {
		file(&j, []string{"closeorder", "queryorder"}[i%2], fmt.Sprint(i), traffic.VerdictOK)
	}
	q := traffic.Query{Function: "queryorder", Limit: 2}
	got := [][]string{}
	page := j.Page(traffic.Query{Function: q.Function, Limit: 1000})
	if diff := cmp.Diff([]string{"1", "3", "5", "7", "9"}, orders(page.Calls)); diff != "" {
		t.Errorf("all at once (-want +got):\n%s", diff)
	}
	q.After = page.Calls[0].ID - 1
	for {
		page := j.Page(q)
		got = append(got, orders(page.Calls))
		if q.After = page.Next; q.After == 0 {
			break
		}
	}
	if diff := cmp.Diff([][]string{{"1", "3"}, {"5", "7"}, {"9"}}, got); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	var j traffic.Journal
	open := j.Begin(traffic.Call{RequestID: "1", OutTradeNo: "C1"})
	j.Caused(traffic.Request{OutTradeNo: "", Verdict: "unauthentic"})
	j.Caused(traffic.Request{OutTradeNo: "C1", Verdict: "ok"})
	j.End(open, traffic.Call{OutTradeNo: "C1", Function: "closeorder", Verdict: traffic.VerdictOK, Outcome: "closed"}, nil)
	file(&j, "queryorder", "Q1", traffic.VerdictRefused)
	file(&j, "queryorder", "Q2", traffic.VerdictFailed)
	for want, queries := range map[string][]string{
		"C1":       {"order=C1", "function=closeorder", "verdict=closed", "verdict=unauthentic", "verdict=ok", "order=C1&verdict=refused"},
		"Q1":       {"order=Q1", "verdict=refused&function=queryorder"},
		"Q1 Q2":    {"function=queryorder"},
		"C1 Q1":    {"verdict=refused"},
		"Q2":       {"verdict=failed", "after=2", "limit=1"},
		"":         {"function=other", "order=C", "verdict=no"},
		"C1 Q1 Q2": {"", "limit=1000"},
	} {
		for _, text := range queries {
			values, err := url.ParseQuery(text)
			if err != nil {
				t.Fatal(err)
			}
			q, err := traffic.ParseQuery(values)
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			if got := strings.Join(orders(j.Page(q).Calls), " "); got != want {
				t.Errorf("%s: got %q, want %q", text, got, want)
			}
			if again, err := traffic.ParseQuery(q.Values()); err != nil || again != q {
				t.Errorf("%s: becomes %+v (%v), want %+v", text, again, err, q)
			}
		}
	}
	for _, text := range []string{"out_trade_no=1", "limit=0", "limit=1001", "limit=x", "after=-1", "after=x", "order=1&order=2"} {
		values, _ := url.ParseQuery(text)
		if q, err := traffic.ParseQuery(values); err == nil {
			t.Errorf("%s: got %+v, want an error", text, q)
		}
	}
}

// A request that no call caused is of no function.
func TestMatchesRequest(t *testing.T) {
	t.Parallel()
	r := traffic.Request{OutTradeNo: "A1", Verdict: "unauthentic"}
	for q, want := range map[traffic.Query]bool{
		{}: true, {OutTradeNo: "A1"}: true, {OutTradeNo: "A2"}: false, {Function: "closeorder"}: false, {Via: "timer"}: false,
		{Verdict: "refused"}: true, {Verdict: "unauthentic"}: true, {Verdict: "ok"}: false,
	} {
		if got := q.MatchesRequest(r); got != want {
			t.Errorf("%+v: got %v, want %v", q, got, want)
		}
	}
}

// A page shares nothing with the journal, and calls at once do not disturb each other.
func TestConcurrently(t *testing.T) {
	t.Parallel()
	var j traffic.Journal
	var running sync.WaitGroup
	for i := range 8 {
		running.Go(func() {
			for n := range 50 {
				id := fmt.Sprintf("%d-%d", i, n)
				open := j.Begin(traffic.Call{RequestID: id, OutTradeNo: id})
				if got := j.Caused(traffic.Request{OutTradeNo: id, Verdict: "ok"}); got != id {
					t.Errorf("a request of %s: caused by %q", id, got)
				}
				j.End(open, traffic.Call{RequestID: id, OutTradeNo: id, Verdict: traffic.VerdictOK}, nil)
				if page := j.Page(traffic.Query{OutTradeNo: id}); len(page.Calls) != 1 || len(page.Calls[0].Requests) != 1 {
					t.Errorf("%s: got %+v, want its call and request", id, page)
				} else {
					page.Calls[0].Requests[0].OutTradeNo = "changed"
				}
			}
		})
	}
	running.Wait()
	if page := j.Page(traffic.Query{OutTradeNo: "changed"}); len(page.Calls) != 0 {
		t.Errorf("a page's change reached the journal: %+v", page)
	}
}
