package console

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
)

// clock is WeChat Pay's clock, which the register and the timers follow.
type clock struct {
	Now   time.Time `json:"now"`   // the business clock
	Wire  time.Time `json:"wire"`  // this machine's, by which signatures are dated
	Ahead string    `json:"ahead"` // by how much the business clock was moved on
}

// AheadText is Ahead in words; empty if the clock was not moved on.
func (c clock) AheadText(l language) string {
	ahead, err := time.ParseDuration(c.Ahead)
	if err != nil || ahead.Round(time.Second) <= 0 {
		return ""
	}
	return l.Duration(ahead)
}

// clock reads the clock; nil if that cannot be read.
func (c *Console) clock(ctx context.Context) *clock {
	var read clock
	if _, err := c.api.get(ctx, c.api.admin+"/clock", &read); err != nil {
		return nil
	}
	return &read
}

// now is the business clock's time; this machine's if that cannot be read.
func (c *Console) now(ctx context.Context) time.Time {
	if read := c.clock(ctx); read != nil {
		return read.Now
	}
	return time.Now()
}

// timer is a timer of a function, as /v1/timers shows it. Its message is not shown there: it may be
// a token.
type timer struct {
	Function string `json:"function"`
	Name     string `json:"name"`
	// Expression is the schedule as it is described.
	Expression string `json:"expression"`
	// Running says that it fires by itself, and not only when it is asked to.
	Running bool `json:"running"`
	// Next are its next firings, by the emulator's clock, five at most.
	Next []time.Time `json:"next"`
	// Fired counts its firings, and LeftOut those that a long advance left out: of one jump the
	// last hundred moments are fired.
	Fired   int `json:"fired"`
	LeftOut int `json:"left_out"`
	// Last is the last firing; nil before the first.
	Last *struct {
		Time   time.Time `json:"time"`
		Status int       `json:"status"`
		Error  string    `json:"error"`
	} `json:"last"`

	// FireCurl is a firing of the timer now, as a command.
	FireCurl string `json:"-"`
}

// timeView is the page of the clock and the timers.
type timeView struct {
	Timers []timer
	// Steps are the advances that have a button.
	Steps []string
	// Done is what an action did; empty before one.
	Done bilingual.Text
	// Answer is what a function answered to a timer that was fired.
	Answer string
	// Called is what came of an advance.
	Called called
	// Advanced is what was asked for, and Wrong why it was refused.
	Advanced string
	Wrong    bilingual.Text
	// Curl is an advance as a command.
	Curl string
}

// called is what came of an advance.
type called struct {
	// Rows are the calls, the newest first, by the emulator's clock: where a minute passes in a
	// moment, this machine's clock has the same second for all of them.
	Rows []activity
	// Idle counts the sweeps that found nothing to do, which have no row.
	Idle int
	// Cut says that there are more calls than are shown.
	Cut bool
}

// steps are the advances that have a button.
func steps() []string { return []string{"1m", "5m", "30m", "2h", "1d", "7d"} }

// showTime shows the clock and the timers.
func (c *Console) showTime(w http.ResponseWriter, r *http.Request) {
	c.timePage(w, r, http.StatusOK, timeView{})
}

// timePage answers the page, with what an action did.
func (c *Console) timePage(w http.ResponseWriter, r *http.Request, status int, page timeView) {
	v := newView(r, "time", bilingual.New("Time", "时间"))
	v.Back = "/time" // a change of the language after an action does nothing again
	v.Live = withQuery("/stream", "show", "changes", "after", c.newest(r.Context(), c.sources()).String())
	v.curl(c.api.admin + "/clock")
	v.curl(c.api.cloud + "/v1/timers")
	var answer struct{ Timers []timer }
	if _, err := c.api.get(r.Context(), c.api.cloud+"/v1/timers", &answer); err != nil {
		c.fail(w, r, v.Room, err)
		return
	}
	for i, one := range answer.Timers {
		answer.Timers[i].FireCurl = c.api.firing(one.Function, map[string]string{"trigger": one.Name}).curl()
	}
	page.Timers, page.Steps = answer.Timers, steps()
	page.Curl = c.api.advancing("30m").curl()
	v.Data = page
	c.render(w, r, status, "time", v)
}

// firing is the call that fires a timer of a function.
func (a *api) firing(function string, body any) exchange {
	return posting(a.cloud+"/v1/timers/"+url.PathEscape(function), body)
}

// advancing is the call that moves the clock on.
func (a *api) advancing(by string) exchange {
	return posting(a.admin+"/clock", map[string]string{"advance": by})
}

// advance moves the clock on, waits for the timers that became due, and shows what they did. The
// clock has moved when the first call is answered: a page that is closed meanwhile, or a wait that
// takes too long, leaves the timers firing by themselves.
func (c *Console) advance(w http.ResponseWriter, r *http.Request) {
	by := strings.TrimSpace(r.PostFormValue("advance"))
	page := timeView{Advanced: by}
	moved, came, refused, waited := c.moveOn(r.Context(), languageOf(r), by)
	if refused != nil {
		page.Wrong = bilingual.Wording(refused)
		c.timePage(w, r, http.StatusUnprocessableEntity, page)
		return
	}
	page.Wrong, page.Called = bilingual.Wording(waited), came
	page.Done = bilingual.Sprintf("The clock was moved on by %s, to %s.", "时钟已前进 %s，现为 %s。", by, inBeijing(moved.Now))
	c.timePage(w, r, http.StatusOK, page)
}

// moveOn moves the clock on, waits for the timers that became due, and returns what came of it.
// refused is why the clock did not move, and waited why the timers may not have fired yet.
func (c *Console) moveOn(ctx context.Context, l language, by string) (moved clock, came called, refused, waited error) {
	calls := c.sources()[callKind]
	before := c.newest(ctx, []source{calls})[callKind]
	if _, refused = c.api.send(ctx, c.api.advancing(by), &moved); refused != nil {
		return clock{}, called{}, refused, nil
	}
	_, waited = c.api.send(ctx, exchange{method: http.MethodGet, address: c.api.cloud + "/v1/timers?wait=60s"}, nil)
	return moved, c.calledSince(ctx, before, l), nil, waited
}

// calledSince are the first calls behind an id.
func (c *Console) calledSince(ctx context.Context, after int64, l language) (came called) {
	since, err := c.callsBehind(ctx, after)
	if err != nil {
		return called{} // the clock was moved on all the same
	}
	for _, one := range since {
		if one.Verdict == "ok" && one.swept().isIdle() {
			came.Idle++
			continue
		}
		row := one.activity(l)
		if !one.Clock.IsZero() {
			row.Time = one.Clock
		}
		came.Rows = append(came.Rows, row)
	}
	came.Cut = len(since) == callsAtOnce || len(came.Rows) > shownActivity
	came.Rows = newestFirst(came.Rows, shownActivity)
	return came
}

// callsAtOnce is the most calls that are read behind an id.
const callsAtOnce = 100

// callsBehind are the first calls behind an id, the oldest first.
func (c *Console) callsBehind(ctx context.Context, after int64) ([]call, error) {
	var page struct{ Calls []call }
	address := withQuery(c.api.cloud+"/v1/calls", "after", strconv.FormatInt(after, 10), "limit", strconv.Itoa(callsAtOnce))
	if _, err := c.api.get(ctx, address, &page); err != nil {
		return nil, err
	}
	// Without an id behind which to begin, the answer has the last calls.
	return slices.DeleteFunc(page.Calls, func(one call) bool { return one.ID <= after }), nil
}

// fire fires a timer now, and shows what its function answered.
func (c *Console) fire(w http.ResponseWriter, r *http.Request) {
	function, name := r.PostFormValue("function"), r.PostFormValue("trigger")
	body := map[string]string{"trigger": name}
	page := timeView{}
	if text := strings.TrimSpace(r.PostFormValue("time")); text != "" {
		at, err := momentOf(text)
		if err != nil {
			page.Wrong = bilingual.Wording(err)
			c.timePage(w, r, http.StatusUnprocessableEntity, page)
			return
		}
		body["time"] = at.Format(time.RFC3339)
	}
	var answer []byte
	if _, err := c.api.send(r.Context(), c.api.firing(function, body), &answer); err != nil {
		page.Wrong = bilingual.Wording(err)
		c.timePage(w, r, http.StatusUnprocessableEntity, page)
		return
	}
	page.Done = bilingual.Sprintf("%s fired, and %s answered:", "%s 已触发，%s 的结果：", name, function)
	page.Answer = indented(answer)
	c.timePage(w, r, http.StatusOK, page)
}

// momentOf reads a time of a form, which has no time zone: it is UTC+8's.
func momentOf(text string) (time.Time, error) {
	for _, form := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if at, err := time.ParseInLocation(form, text, beijing); err == nil {
			return at, nil
		}
	}
	return time.Time{}, bilingual.Errorf("the time must be as 2026-11-30T18:30", "时间须写作 2026-11-30T18:30")
}

// deepest is how deep JSON may be to be indented. Each line has the blanks of its depth, so that
// 10 KiB of brackets would become 50 MiB.
const deepest = 100

// indented is JSON for people; what is none, or nothing for people, stays as it is.
func indented(text []byte) string {
	var out bytes.Buffer
	if depth(text) > deepest || json.Indent(&out, text, "", "  ") != nil {
		return string(text)
	}
	return out.String()
}

// depth is how deep JSON is at its deepest. Brackets within a string do not count.
func depth(text []byte) (most int) {
	now, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++ // what is escaped ends no string
		case c == '"':
			inString = !inString
		case inString:
		case c == '[', c == '{':
			now++
			most = max(most, now)
		case c == ']', c == '}':
			now--
		}
	}
	return most
}
