package console

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// call is a call of the cloud, as /v1/calls shows it (docs/emulator.md, "Calls").
type call struct {
	ID   int64     `json:"id"`
	Time time.Time `json:"time"` // by this machine's clock
	// Clock is when it came by the emulator's clock, in whole seconds.
	Clock time.Time `json:"clock"`
	// Via is the door that it came by, and Caller the user or the timer, as far as Via does not say
	// it.
	Via        string `json:"via"`
	Caller     string `json:"caller"`
	Function   string `json:"function"`
	OutTradeNo string `json:"out_trade_no"`
	// RequestID is the cloud's id of the call, and Took how long the function took.
	RequestID string  `json:"request_id"`
	Took      float64 `json:"took_ms"`
	// Status is SCF's, or the HTTP status of a refusal by the cloud.
	Status int `json:"status"`
	// Verdict is ok if the function answered, whatever it answered: Outcome says that.
	Verdict string `json:"verdict"`
	Outcome string `json:"outcome"`
	Code    string `json:"code"`
	Reason  string `json:"reason"`
	// Callers are what the function logged of its callers, and Input what a call was made with that
	// it denied; nil for others.
	Callers []logged `json:"callers"`
	Input   *input   `json:"input"`
	// Report is what a function answered to a timer; nil for other calls.
	Report json.RawMessage `json:"report"`
}

// swept is the report of a sweep; zero for a call that made none.
func (c call) swept() (report sweepReport) {
	_ = json.Unmarshal(c.Report, &report) // another function's answer is no report
	return report
}

// logged is what a function logged of one caller (docs/callers.md).
type logged struct {
	Kind       string `json:"caller"`
	By         string `json:"identified_by"`
	Owner      string `json:"owner"`
	OutTradeNo string `json:"out_trade_no"`
	// Rule is the one that denied the call, and Remedy what would have admitted it.
	Rule   string `json:"rule"`
	Remedy string `json:"remedy"`
}

// input is what a call was made with: an event, or the parts of an HTTP request.
type input struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Data   string `json:"data"`
	// RequestID is what the requests to WeChat Pay that it caused name as their call.
	RequestID string `json:"request_id"`
}

// delivery is a message to the merchant's server or to the event sink, as /deliveries shows it
// (docs/emulator.md, "What is seen").
type delivery struct {
	ID   int64     `json:"id"`
	Time time.Time `json:"time"` // by this machine's clock
	// From is wechatpay for a notification, and functions for an event of a registered order.
	From string `json:"from"`
	To   string `json:"to"`
	// Topic is payment, refund or echo, or the event's kind.
	Topic      string `json:"topic"`
	OutTradeNo string `json:"out_trade_no"`
	// HTTPStatus is that of the answer; 0: there was none.
	HTTPStatus int    `json:"http_status"`
	Verdict    string `json:"verdict"`
	Reason     string `json:"reason"`
}

// activity is an entry of any of the histories as a row.
type activity struct {
	language

	Time time.Time
	// Kind is request, call or delivery.
	Kind string
	// What is one line of it, and Order the order that it is about.
	What, Order string
	// Verdict decides the colour, and Said is the answer in words.
	Verdict, Said string
	// Reason is what went wrong.
	Reason string
	// Link is the page that has the rest; empty: none.
	Link string
}

// KindWord is the kind in words.
func (a activity) KindWord() string {
	switch a.Kind {
	case "request":
		return a.T("request", "请求")
	case "call":
		return a.T("call", "调用")
	default:
		return a.T("delivery", "投递")
	}
}

// IsWrong reports whether it went wrong.
func (a activity) IsWrong() bool { return a.Verdict != "ok" }

// activity is the request as a row.
func (r request) activity(l language) activity {
	what := r.Method + " " + r.URL
	if r.Op != "" {
		what = r.API + " " + r.Op
	}
	return activity{
		language: l, Time: r.Time, Kind: "request", What: what, Order: r.OutTradeNo, Verdict: r.Verdict, Said: words(l.Word(r.Verdict), r.Code),
		Reason: r.Reason, Link: fmt.Sprintf("/requests/%d", r.ID),
	}
}

// judged is the verdict on a call with regard to its outcome: the function may have answered that
// the order was refused, or that what became of it is not known.
func (c call) judged() string {
	switch {
	case c.Verdict == "ok" && (c.Outcome == "refused" || c.Outcome == "tooSoon"):
		return "refused"
	case c.Verdict == "ok" && c.Outcome == "unknown":
		return "failed"
	default:
		return c.Verdict
	}
}

// activity is the call as a row.
func (c call) activity(l language) activity {
	return activity{
		language: l, Link: fmt.Sprintf("/callers/%d", c.ID), Time: c.Time, Kind: "call",
		What: words(cmp.Or(c.Caller, c.Via), "→", c.Function), Order: c.OutTradeNo,
		Verdict: c.judged(), Said: words(cmp.Or(c.Outcome, l.Word(c.Verdict)), c.Code, c.swept().said(l)), Reason: c.Reason,
	}
}

// activity is the delivery as a row.
func (d delivery) activity(l language) activity {
	from, to := l.T("WeChat Pay", "微信支付"), d.To
	if d.From == "functions" {
		from = l.T("functions", "云函数")
	}
	if to == sinkName.EN {
		to = l.In(sinkName)
	}
	said := l.Word(d.Verdict)
	if d.HTTPStatus > 0 {
		said += fmt.Sprintf(" %d", d.HTTPStatus)
	}
	return activity{
		language: l, Time: d.Time, Kind: "delivery", What: words(from, "→", to, d.Topic), Order: d.OutTradeNo,
		Verdict: d.Verdict, Said: said, Reason: d.Reason,
	}
}

// words are those that are not empty.
func words(all ...string) string {
	return strings.Join(slices.DeleteFunc(all, func(word string) bool { return word == "" }), " ")
}

// activityOf is an entry as a row; false if it cannot be read.
func activityOf(e entry, l language) (row activity, ok bool) {
	var err error
	switch e.kind {
	case requestKind:
		var r request
		err = json.Unmarshal(e.data, &r)
		row = r.activity(l)
	case callKind:
		var c call
		err = json.Unmarshal(e.data, &c)
		row = c.activity(l)
	case deliveryKind, kinds:
		var d delivery
		err = json.Unmarshal(e.data, &d)
		row = d.activity(l)
	}
	return row, err == nil
}

// activityOf is an entry as a row, in the reader's language.
func (s *reader) activityOf(e entry) (activity, bool) { return activityOf(e, s.language) }

// shownActivity is how many rows of activity a page begins with.
const shownActivity = 20

// recent reads the newest entries of all histories, the newest first, with the position behind
// them, and those that went wrong. Histories that cannot be read are left out: the page says so
// beside the world's health.
func (c *Console) recent(ctx context.Context, l language) (rows, wrong []activity, at position) {
	const read = 200
	for _, from := range c.sources() {
		entries, err := c.api.last(ctx, from, read)
		if err != nil {
			continue
		}
		for _, e := range entries {
			at = at.behind(e)
			row, ok := activityOf(e, l)
			if !ok {
				continue
			}
			rows = append(rows, row)
			if row.IsWrong() {
				wrong = append(wrong, row)
			}
		}
	}
	return newestFirst(rows, shownActivity), newestFirst(wrong, shownWrong), at
}

// shownWrong is how many rows of what went wrong a page has.
const shownWrong = 8

// newestFirst sorts rows and keeps the first ones.
func newestFirst(rows []activity, most int) []activity {
	slices.SortStableFunc(rows, func(a, b activity) int { return b.Time.Compare(a.Time) })
	return rows[:min(len(rows), most)]
}
