package render

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/schedule"
)

// Status shows how a register stands, the figures that ask for a person marked by ✗.
func (l *Language) Status(out io.Writer, s schedule.Status) {
	mark := "✓"
	if s.Stuck > 0 || s.EventsDead > 0 || s.OldestDue > late.Seconds() || s.OldestEvent > late.Seconds() {
		mark = "✗"
	}
	fmt.Fprintf(out, "%s %s\n", mark, Clock(s.At))
	quota := l.Say("%s calls a second", "每秒 %s 次", strconv.FormatFloat(s.PerSecond, 'f', -1, 64))
	if s.BackingOff {
		quota += l.Say(", backing off: WeChat Pay was asked too often", "，已降速：请求过于频繁")
	}
	l.list(out, []row{
		{bilingual.New("waiting", "等待"), Count(s.Waiting)},
		{bilingual.New("due", "到期"), l.aged(s.Due, s.OldestDue)},
		{bilingual.New("closing", "关单中"), Count(s.Closing)},
		{bilingual.New("stuck", "已放弃"), Count(s.Stuck)},
		{bilingual.New("ended within the last minute", "最近一分钟结束"), Count(s.Ended)},
		{bilingual.New("events to deliver", "待投递事件"), l.aged(s.EventsPending, s.OldestEvent)},
		{bilingual.New("dead letters", "死信"), Count(s.EventsDead)},
		{bilingual.New("quota", "配额"), quota},
	})
}

// late is from when on a due order or a pending event is a sign that no timer fires, or no receiver
// answers.
const late = 5 * time.Minute

// aged is a count, with the age of its oldest.
func (l *Language) aged(n int, oldest float64) string {
	if n == 0 {
		return Count(n)
	}
	return l.Say("%s, the oldest for %s", "%s，最早已 %s", Count(n), l.Age(oldest))
}

// Count is a number of a Status, with a plus where counting stopped.
func Count(n int) string {
	if n >= schedule.MaxCount {
		return strconv.Itoa(schedule.MaxCount) + "+"
	}
	return strconv.Itoa(n)
}

// Age is a number of seconds for people; empty for none.
func (l *Language) Age(seconds float64) string {
	if seconds == 0 {
		return ""
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}
