package render

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Steps shows how far a long piece of work with a known number of orders is: a bar on a terminal,
// and elsewhere a line every ten seconds, with the rate and how many are to go.
type Steps struct {
	out      io.Writer
	language *Language
	// bar is nil where out is no terminal.
	bar   *progressbar.ProgressBar
	total int64
	start time.Time
	// next is when the next line is due.
	next time.Time
}

// everySoOften is how much time lies between two lines.
const everySoOften = 10 * time.Second

// NewSteps shows the way to total orders. It begins now.
func NewSteps(out io.Writer, total int64, l *Language) *Steps {
	return newSteps(out, total, IsTerminal(out), time.Now(), l)
}

func newSteps(out io.Writer, total int64, terminal bool, now time.Time, l *Language) *Steps {
	s := &Steps{out: out, language: l, total: total, start: now, next: now.Add(everySoOften)}
	if terminal {
		const width = 40
		s.bar = progressbar.NewOptions64(max(total, 1),
			progressbar.OptionSetWriter(out),
			progressbar.OptionSetDescription(l.Say("pruning", "清理")),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString(l.Say("orders", "个订单")),
			progressbar.OptionSetWidth(width),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(), // the count that is printed next says more
		)
	}
	return s
}

// At says that so many orders are done.
func (s *Steps) At(done int64) { s.at(done, time.Now()) }

func (s *Steps) at(done int64, now time.Time) {
	if s.bar != nil {
		_ = s.bar.Set64(min(done, max(s.total, 1))) // a bar that cannot be drawn is no reason to stop
		return
	}
	if now.Before(s.next) {
		return
	}
	s.next = now.Add(everySoOften)
	rate := float64(done) / max(now.Sub(s.start).Seconds(), 1)
	fmt.Fprint(s.out, s.language.Say("%d orders, %.0f/s, %d to go …\n", "已清理 %d 个订单，%.0f 个/秒，剩余 %d 个 …\n", done, rate, max(s.total-done, 0)))
}

// End removes the bar.
func (s *Steps) End() {
	if s.bar != nil {
		_ = s.bar.Finish()
	}
}
