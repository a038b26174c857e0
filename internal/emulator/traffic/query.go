package traffic

import (
	"cmp"
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
	Via        string // the API or the trigger that the call came by
	OutTradeNo string // of the call, or of a request that it caused
	// Verdict is that of the call, its outcome, or the verdict of a request that it caused.
	// "refused" finds requests with a wrong signature as well.
	Verdict string
	// Rule is one that denied the call, by the function's log, or "any".
	Rule string
	// After is the ID behind which to begin, and Limit the most calls. Without either they are
	// the last ones.
	After int64
	Limit int
	// Resumes says that a stream goes on behind After, also if that is 0.
	Resumes bool
}

// parameters are the names that ParseQuery knows.
var parameters = map[string]func(*Query, string) error{
	"function": func(q *Query, value string) error { q.Function = value; return nil },
	"via":      func(q *Query, value string) error { q.Via = value; return nil },
	"order":    func(q *Query, value string) error { q.OutTradeNo = value; return nil },
	"verdict":  func(q *Query, value string) error { q.Verdict = value; return nil },
	"rule":     func(q *Query, value string) error { q.Rule = value; return nil },
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

// ParseQuery reads the parameters of a URL: function, via, order, verdict, rule, after, limit. The
// error names one that is unknown or wrong.
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
	if q.Via != "" {
		values.Set("via", q.Via)
	}
	if q.Rule != "" {
		values.Set("rule", q.Rule)
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
	if q.Via != "" && q.Via != c.Via {
		return false
	}
	return (q.Function == "" || q.Function == c.Function) && q.matchesOrder(c) && q.matchesVerdict(c) && q.matchesRule(c)
}

func (q Query) matchesOrder(c Call) bool {
	return q.OutTradeNo == "" || c.OutTradeNo == q.OutTradeNo ||
		slices.ContainsFunc(c.Requests, func(r Request) bool { return r.OutTradeNo == q.OutTradeNo })
}

func (q Query) matchesVerdict(c Call) bool {
	return q.Verdict == "" || c.Verdict == q.Verdict || c.Outcome == q.Verdict ||
		slices.ContainsFunc(c.Requests, q.hasVerdict)
}

func (q Query) matchesRule(c Call) bool { return q.Rule == "" || c.isDenied(q.Rule) }

// MatchesRequest reports whether the query selects a request that no call caused: it belongs to no
// function.
func (q Query) MatchesRequest(r Request) bool {
	if q.Via != "" || q.Rule != "" { // it came by no call
		return false
	}
	return q.Function == "" && (q.OutTradeNo == "" || q.OutTradeNo == r.OutTradeNo) &&
		(q.Verdict == "" || q.hasVerdict(r))
}

func (q Query) hasVerdict(r Request) bool {
	return r.Verdict == q.Verdict || q.Verdict == VerdictRefused && r.IsRefused()
}

// MatchesDelivery reports whether the query selects a delivery. It has the function that it came
// from or went to.
func (q Query) MatchesDelivery(d Delivery) bool {
	if q.Via != "" || q.Rule != "" {
		return false
	}
	return (q.Function == "" || q.Function == d.Function) && (q.OutTradeNo == "" || q.OutTradeNo == d.OutTradeNo) &&
		(q.Verdict == "" || q.Verdict == d.Verdict || q.Verdict == d.State || q.Verdict == VerdictRefused && d.Verdict == unauthentic)
}

// Page is a part of the journal, oldest first.
type Page struct {
	Calls []Call `json:"calls"`
	// Next is the ID after which the next page begins; 0 if there is none.
	Next int64 `json:"next,omitempty"`
}

// Page returns the calls that a query selects: without an After the last ones, else those after it.
func (j *Journal) Page(q Query) Page {
	calls, next := page(&j.ended, j.Numbers, q, q.Matches, func(c Call) int64 { return c.ID })
	for i := range calls {
		calls[i] = calls[i].clone()
	}
	return Page{calls, next}
}

// Find returns the call with an ID; false if it was forgotten, or never was.
func (j *Journal) Find(id int64) (Call, bool) {
	found, _ := j.ended.after(j.Numbers, id-1, 1, func(c Call) bool { return c.ID == id })
	if len(found) == 0 {
		return Call{}, false
	}
	return found[0].clone(), true
}

// page returns the entries that a query selects, never nil, and the ID after which the next page
// begins; 0 if there is none.
func page[T any](h *history[T], by Numbers, q Query, matches func(T) bool, id func(T) int64) (found []T, next int64) {
	limit := cmp.Or(q.Limit, defaultLimit)
	more := false
	if q.After == 0 {
		found = h.last(by, limit, matches)
	} else {
		found, more = h.after(by, q.After, limit, matches)
	}
	if more {
		next = id(found[len(found)-1])
	}
	return append([]T{}, found...), next
}
