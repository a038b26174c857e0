package rounds

import (
	"fmt"
	"io"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/sweep"
)

// Lines returns a Tell that prints a line for each sweep, with its time, or its report as JSON.
// What is wrong with a sweep goes to complain.
func Lines(l *render.Language, out io.Writer, asJSON bool, complain func(fault error)) func(sweep.Report, error) {
	return func(r sweep.Report, fault error) {
		if asJSON {
			render.JSON(out, r)
		} else {
			fmt.Fprintln(out, render.Clock(time.Now())+"  "+line(l, r, fault))
		}
		if fault != nil {
			complain(fault)
		}
	}
}

// line is a report in one line: how many orders were due, what became of them, and how many events
// were delivered. What is none is left out. With a fault, that nothing was done does not mean that
// nothing was due.
func line(l *render.Language, r sweep.Report, fault error) string {
	if r.Claimed == 0 && r.Told+r.Untold+r.Dead+r.Pruned == 0 {
		if fault != nil {
			return l.Say("nothing was done", "未处理任何订单")
		}
		return l.Say("nothing was due", "没有到期的订单")
	}
	var parts []string
	for _, part := range []struct {
		n    int
		what bilingual.Text
	}{
		{r.Claimed, bilingual.New("due", "到期")},
		{r.Closed, bilingual.New("closed", "已关单")},
		{r.AlreadyClosed, bilingual.New("were closed before", "此前已关")},
		{r.Paid, bilingual.New("paid", "已支付")},
		{r.NotFound, bilingual.New("not found", "不存在")},
		{r.Retried, bilingual.New("to be tried again", "待重试")},
		{r.GaveUp, bilingual.New("given up", "已放弃")},
		{r.Released, bilingual.New("given back", "已归还")},
		{r.Lost, bilingual.New("taken by another sweep", "被其他实例处理")},
		{r.Contradicted, bilingual.New("contradicted", "结果矛盾")},
		{r.Unrecorded, bilingual.New("not written down", "未能写入")},
		{r.Told, bilingual.New("events delivered", "事件已投递")},
		{r.Untold, bilingual.New("events to be tried again", "事件待重投")},
		{r.Dead, bilingual.New("dead letters", "死信")},
		{r.Pruned, bilingual.New("pruned", "已清理")},
	} {
		if part.n > 0 {
			parts = append(parts, l.Say("%d %s", "%d %s", part.n, l.Text(part.what)))
		}
	}
	return strings.Join(parts, l.Say(", ", "，"))
}
