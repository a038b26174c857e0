package console

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"cloudpay/internal/bilingual"
)

// The functions with timers that work on the register: the first closes what is due and delivers
// events, the second resolves what is in doubt.
const sweeper, resolver = "closeorder", "queryorder"

// shownReports is how many reports the page has, and shownNext how many of the next attempts.
const shownReports, shownNext = 20, 20

// sweepReport is what a function of ours answers to a timer (docs/operations.md). Of a function
// that answers something else it is zero.
type sweepReport struct {
	// Claimed orders were due. nil: this is no report of a sweep.
	Claimed       *int `json:"claimed"`
	Closed        int  `json:"closed"`
	AlreadyClosed int  `json:"alreadyClosed"`
	Paid          int  `json:"paid"`
	NotFound      int  `json:"notFound"`
	Retried       int  `json:"retried"`
	GaveUp        int  `json:"gaveUp"`
	Failed        int  `json:"failed"`
	Calls         int  `json:"calls"`
	// Told events were delivered, Untold not yet; Dead ones are not tried again.
	Told   int `json:"told"`
	Untold int `json:"untold"`
	Dead   int `json:"dead"`
	// Left says that more may be due, and Fault why the sweep ended before its time.
	Left  bool   `json:"left"`
	Fault string `json:"fault"`
}

// AllClosed counts the orders that are closed, by this sweep or before it.
func (s sweepReport) AllClosed() int { return s.Closed + s.AlreadyClosed }

// isIdle reports whether a sweep found nothing to do.
func (s sweepReport) isIdle() bool {
	return s.Claimed != nil && *s.Claimed == 0 && s.Told+s.Untold+s.Dead == 0 && s.Fault == ""
}

// said is what a sweep did, in words, such as "closed 2, events 2"; empty if it did nothing.
func (s sweepReport) said(l language) string {
	var all []string
	for _, one := range []struct {
		count  int
		en, zh string
	}{
		{s.AllClosed(), "closed", "已关单"}, {s.Paid, "paid", "已支付"}, {s.NotFound, "not found", "不存在"}, {s.Retried, "again later", "稍后重试"},
		{s.GaveUp, "given up", "已放弃"}, {s.Failed, "failed", "失败"}, {s.Told, "events", "事件"}, {s.Untold, "not delivered", "未送达"},
		{s.Dead, "dead", "死信"},
	} {
		if one.count > 0 {
			all = append(all, l.T(one.en, one.zh)+" "+strconv.Itoa(one.count))
		}
	}
	return strings.Join(all, l.T(", ", "，"))
}

// timerRow is a call of a function by its timer, with its report.
type timerRow struct {
	language
	call

	TookMS float64     `json:"took_ms"`
	Report sweepReport `json:"-"`
}

// By is the timer, or how it was fired instead.
func (t timerRow) By() string { return cmp.Or(t.Caller, t.T("by hand", "手动触发")) }

// Said is what became of the call, in words.
func (t timerRow) Said() string { return t.Word(t.Verdict) }

// Why is what went wrong; empty if nothing did.
func (t timerRow) Why() string { return cmp.Or(t.Reason, t.Report.Fault) }

// Took is how long the function took.
func (t timerRow) Took() string { return strconv.FormatFloat(t.TookMS, 'f', 0, 64) + " ms" }

// run is a button that fires a function's timer.
type run struct {
	Function    string
	Label, Does bilingual.Text
	Curl        string
}

// sweepView is the page of the sweeps.
type sweepView struct {
	done

	HasRegister bool
	// Status is nil where the register could not be read, and Fault says why.
	Status *Status
	Fault  bilingual.Text
	// Reports are the last ones, the newest first.
	Reports []timerRow
	// Next are the orders that are attempted next, and Stuck those that were given up; MoreStuck
	// says that there are others.
	Next, Stuck []orderRow
	MoreStuck   bool
	Runs        []run
}

// showSweep shows the sweeps.
func (c *Console) showSweep(w http.ResponseWriter, r *http.Request) {
	c.sweepPage(w, r, http.StatusOK, done{})
}

// sweepPage answers the page, with what an action did.
func (c *Console) sweepPage(w http.ResponseWriter, r *http.Request, status int, did done) {
	ctx := r.Context()
	v := newView(r, "sweep", bilingual.New("Sweep", "扫描"))
	v.Back = "/sweep" // a change of the language after an action does nothing again
	v.Live = withQuery("/stream", "show", "changes", "after", c.newest(ctx, c.sources()).String())
	page := sweepView{done: did, HasRegister: c.register != nil, Runs: c.runs()}
	reports := withQuery(c.api.cloud+"/v1/calls", "via", "timer", "limit", strconv.Itoa(shownReports))
	v.curl(reports)
	var err error
	if page.Reports, err = c.reports(ctx, reports, v.language); err != nil {
		c.fail(w, r, v.Room, err)
		return
	}
	if page.HasRegister {
		page.Fault = bilingual.Wording(c.readSweep(ctx, v, &page))
	}
	v.Data = page
	c.render(w, r, status, "sweep", v)
}

// runs are the buttons.
func (c *Console) runs() []run {
	curl := func(function string) string { return c.api.firing(function, struct{}{}).curl() }
	return []run{
		{
			sweeper, bilingual.New("Sweep now", "立即扫描"),
			bilingual.New("closes what is due, and delivers events", "关闭到期订单，并投递事件"), curl(sweeper),
		},
		{
			resolver, bilingual.New("Resolve doubts", "核实存疑订单"),
			bilingual.New("asks WeChat Pay about orders in doubt", "就存疑订单向微信支付查单"), curl(resolver),
		},
	}
}

// reports reads the last calls by timers, the newest first.
func (c *Console) reports(ctx context.Context, address string, l language) ([]timerRow, error) {
	var answer struct {
		Calls []struct {
			call

			TookMS float64 `json:"took_ms"`
		} `json:"calls"`
	}
	if _, err := c.api.get(ctx, address, &answer); err != nil {
		return nil, err
	}
	rows := make([]timerRow, 0, len(answer.Calls))
	for _, one := range slices.Backward(answer.Calls) {
		rows = append(rows, timerRow{language: l, call: one.call, TookMS: one.TookMS, Report: one.swept()})
	}
	return rows, nil
}

// readSweep reads what the page shows of the register.
func (c *Console) readSweep(ctx context.Context, v *view, page *sweepView) error {
	v.curl(c.register.path(""))
	status, err := c.register.Status(ctx)
	if err != nil {
		return err
	}
	page.Status = &status
	list := func(progress Progress, limit int) (rows []orderRow, more bool, err error) {
		v.curl(c.register.listPath(progress, "", limit))
		found, next, err := c.register.List(ctx, progress, "", limit)
		for _, one := range found {
			rows = append(rows, orderRow{language: v.language, Register: &one, Now: status.At})
		}
		return rows, next != "", err
	}
	for _, progress := range []Progress{Waiting, Closing} {
		rows, _, err := list(progress, shownNext)
		if err != nil {
			return err
		}
		page.Next = append(page.Next, rows...)
	}
	slices.SortStableFunc(page.Next, func(a, b orderRow) int { return a.Register.DueAt.Compare(b.Register.DueAt) })
	page.Next = page.Next[:min(len(page.Next), shownNext)]
	page.Stuck, page.MoreStuck, err = list(Stuck, ordersPage)
	return err
}

// sweepNow fires a function's timer and shows what it answered.
func (c *Console) sweepNow(w http.ResponseWriter, r *http.Request) {
	did := c.fireTimer(r.Context(), r.PostFormValue("function"))
	c.sweepPage(w, r, did.status(), did)
}

// fireTimer fires a function's timer: its first one, or where it has none as if it had.
func (c *Console) fireTimer(ctx context.Context, function string) (did done) {
	var answer []byte
	if did.do(ctx, c.api, c.api.firing(function, struct{}{}), &answer) == nil {
		did.What = bilingual.Sprintf("The timer of %s fired, and it answered:", "%s 的定时器已触发，结果：", function)
		did.Answer = indented(answer)
	}
	return did
}

// reopen reopens an order that was given up, or without a number all of them.
func (c *Console) reopen(w http.ResponseWriter, r *http.Request) {
	if c.register == nil {
		c.sweepPage(w, r, http.StatusUnprocessableEntity, done{Wrong: noRegister})
		return
	}
	key := Key{
		Region: r.PostFormValue("region"), MchID: r.PostFormValue("mchid"), SubMchID: r.PostFormValue("sub_mchid"),
		OutTradeNo: strings.TrimSpace(r.PostFormValue("out_trade_no")),
	}
	address := c.register.path("/reopen")
	if key.OutTradeNo != "" {
		path, query, _ := strings.Cut(c.register.orderPath(key), "?")
		address = strings.TrimSuffix(path+"/reopen?"+query, "?")
	}
	var did done
	var answer struct {
		Reopened int `json:"reopened"`
	}
	switch {
	case did.do(r.Context(), c.api, posting(address, struct{}{}), &answer) != nil:
	case answer.Reopened == 0:
		did.Wrong = bilingual.New("Nothing was given up: nothing is changed.", "没有已放弃的订单，未作更改。")
	default:
		did.What = bilingual.Sprintf("Orders reopened: %d. The next sweep attempts them.",
			"已重新开启 %d 个订单，均已到期：下次扫描将处理。", answer.Reopened)
	}
	c.sweepPage(w, r, did.status(), did)
}

// noRegister says that there is nothing to change.
var noRegister = bilingual.New("The functions keep no register: the emulator was started without a store.",
	"云函数未登记订单：模拟器启动时没有存储。")
