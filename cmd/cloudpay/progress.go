package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far an import is: a bar on a terminal, and elsewhere a line now and then.
type progress struct {
	out      io.Writer
	language *language
	bar      *progressbar.ProgressBar // nil: lines
	next     int                      // when the next line is due
}

// everySoMany is how many orders lie between two lines.
const everySoMany = 100_000

// newProgress is for a file of that many bytes; -1 when that is not known.
func newProgress(out io.Writer, size int64, terminal bool, l *language) *progress {
	p := &progress{out: out, language: l, next: everySoMany}
	if terminal {
		const width = 40
		p.bar = progressbar.NewOptions64(size,
			progressbar.OptionSetWriter(out),
			progressbar.OptionSetDescription(l.say(words("importing", "导入"))),
			progressbar.OptionShowBytes(true),
			progressbar.OptionSetWidth(width),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(), // what it came to is said by the count
		)
	}
	return p
}

// at says that so many bytes were read, and how many orders were in them.
func (p *progress) at(read int64, orders int) {
	if p.bar != nil {
		_ = p.bar.Set64(read) // a bar that cannot be drawn is no reason to stop
		return
	}
	if orders >= p.next {
		fmt.Fprint(p.out, p.language.sayf("%d orders …\n", "已处理 %d 个订单 …\n", orders))
		p.next = orders - orders%everySoMany + everySoMany
	}
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
