package render

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Progress shows how far an import is: a bar on a terminal, and elsewhere a line now and then, for
// a log.
type Progress struct {
	out      io.Writer
	language *Language
	// bar is nil where out is no terminal.
	bar *progressbar.ProgressBar
	// next is the count at which the next line is due.
	next int
}

// everySoMany is how many orders lie between two lines.
const everySoMany = 100_000

// NewProgress shows the progress through size bytes; -1 when the size is not known, and then the
// bar only shows that something goes on. Whether out is a terminal decides which of the two is
// shown.
func NewProgress(out io.Writer, size int64, l *Language) *Progress {
	return newProgress(out, size, IsTerminal(out), l)
}

// IsTerminal reports whether what is printed to out is seen on a terminal.
func IsTerminal(out io.Writer) bool {
	f, is := out.(*os.File)
	return is && term.IsTerminal(int(f.Fd()))
}

func newProgress(out io.Writer, size int64, terminal bool, l *Language) *Progress {
	p := &Progress{out: out, language: l, next: everySoMany}
	if terminal {
		const width = 40
		p.bar = progressbar.NewOptions64(size,
			progressbar.OptionSetWriter(out),
			progressbar.OptionSetDescription(l.Say("importing", "导入")),
			progressbar.OptionShowBytes(true),
			progressbar.OptionSetWidth(width),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(), // the count that is printed next says more
		)
	}
	return p
}

// At says that so many bytes were read, and how many orders were in them. It may be called for each
// order: the bar draws itself ten times a second at most.
func (p *Progress) At(read int64, orders int) {
	if p.bar != nil {
		_ = p.bar.Set64(read) // a bar that cannot be drawn is no reason to stop
		return
	}
	// A log gets a line for each hundred thousand orders, and none for a short file.
	if orders >= p.next {
		fmt.Fprint(p.out, p.language.Say("%d orders …\n", "已处理 %d 个订单 …\n", orders))
		p.next = orders - orders%everySoMany + everySoMany
	}
}

// End removes the bar. It may be called without an At before it, and after an error.
func (p *Progress) End() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
