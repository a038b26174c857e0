package traffic

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Bounds of a page.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// Query selects calls. Empty members select all.
type Query struct {
	Function   string
	OutTradeNo string // of the call, or of a request that it caused
	// Verdict is that of the call, its outcome, or the verdict of a request that it caused.
	// "refused" finds requests with a wrong signature as well.
	Verdict string
	// After is the ID behind which to begin, and Limit the most calls. Without either they are
	// the last ones.
	After int64
	Limit int
}

// parameters are the names that ParseQuery knows.
var parameters = map[string]func(*Query, string) error{
	"function": func(q *Query, value string) error { q.Function = value; return nil },
	"order":    func(q *Query, value string) error { q.OutTradeNo = value; return nil },
	"verdict":  func(q *Query, value string) error { q.Verdict = value; return nil },
	"after": func(q *Query, value string) (err error) {
		if q.After, err = strconv.ParseInt(value, 10, 64); err != nil || q.After < 0 {
			return fmt.Errorf("after: must be the id of a call, not %q", value)
		}
		return nil
	},
	"limit": func(q *Query, value string) (err error) {
		if q.Limit, err = strconv.Atoi(value); err != nil || q.Limit < 1 || q.Limit > maxLimit {
			return fmt.Errorf("limit: must be 1 to %d, not %q", maxLimit, value)
		}
		return nil
	},
}

// ParseQuery reads the parameters of a URL: function, order, verdict, after, limit. The error names
// one that is unknown or wrong.
func ParseQuery(values url.Values) (Query, error) {
	var q Query
	for _, name := range slices.Sorted(maps.Keys(values)) {
		set, known := parameters[name]
		if !known {
			return q, fmt.Errorf("there is no parameter %q; there are %s", name,
				strings.Join(slices.Sorted(maps.Keys(parameters)), ", "))
		}
		if len(values[name]) != 1 {
			return q, fmt.Errorf("%s: give it once", name)
		}
		if err := set(&q, values[name][0]); err != nil {
			return q, err
		}
	}
	return q, nil
}

// Values is the query as ParseQuery reads it.
func (q Query) Values() url.Values {
	values := url.Values{}
	for name, value := range map[string]string{"function": q.Function, "order": q.OutTradeNo, "verdict": q.Verdict} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if q.After > 0 {
		values.Set("after", strconv.FormatInt(q.After, 10))
	}
	if q.Limit > 0 {
		values.Set("limit", strconv.Itoa(q.Limit))
	}
	return values
}

// Matches reports whether the query selects a call, whatever After and Limit are.
func (q Query) Matches(c Call) bool {
	return (q.Function == "" || q.Function == c.Function) && q.matchesOrder(c) && q.matchesVerdict(c)
}

func (q Query) matchesOrder(c Call) bool {
	return q.OutTradeNo == "" || c.OutTradeNo == q.OutTradeNo ||
		slices.ContainsFunc(c.Requests, func(r Request) bool { return r.OutTradeNo == q.OutTradeNo })
}

func (q Query) matchesVerdict(c Call) bool {
	return q.Verdict == "" || c.Verdict == q.Verdict || c.Outcome == q.Verdict ||
		slices.ContainsFunc(c.Requests, q.hasVerdict)
}

// MatchesRequest reports whether the query selects a request that no call caused: it belongs to no
// function.
func (q Query) MatchesRequest(r Request) bool {
	return q.Function == "" && (q.OutTradeNo == "" || q.OutTradeNo == r.OutTradeNo) &&
		(q.Verdict == "" || q.hasVerdict(r))
}

func (q Query) hasVerdict(r Request) bool {
	return r.Verdict == q.Verdict || q.Verdict == VerdictRefused && r.IsRefused()
}

// Page is a part of the journal, oldest first.
type Page struct {
	Calls []Call `json:"calls"`
	// Next is the ID after which the next page begins; 0 if there is none.
	Next int64 `json:"next,omitempty"`
}

// Page returns the calls that a query selects: without an After the last ones, else those after it.
func (j *Journal) Page(q Query) Page {
	if q.Limit == 0 {
		q.Limit = defaultLimit
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if q.After == 0 {
		return Page{Calls: j.last(q)}
	}
	return j.after(q)
}

// last returns the last calls. The caller holds mu.
func (j *Journal) last(q Query) []Call {
	found := []Call{}
	for id := j.ended.count; id >= j.ended.oldest() && len(found) < q.Limit; id-- {
		if call := j.ended.at(id); q.Matches(*call) {
			found = append(found, call.clone())
		}
	}
	slices.Reverse(found)
	return found
}

// after returns the first calls after q.After. The caller holds mu.
func (j *Journal) after(q Query) Page {
	page := Page{Calls: []Call{}}
	for id := max(q.After+1, j.ended.oldest()); id <= j.ended.count; id++ {
		call := j.ended.at(id)
		switch {
		case !q.Matches(*call):
		case len(page.Calls) == q.Limit:
			page.Next = page.Calls[q.Limit-1].ID
			return page
		default:
			page.Calls = append(page.Calls, call.clone())
		}
	}
	return page
}
