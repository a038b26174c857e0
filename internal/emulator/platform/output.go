package platform

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	maxLine   = 64 << 10 // a longer line is cut into several
	tailLines = 10       // how many last lines an exitError shows
	tailLine  = 1 << 10  // and how much of each
)

// output is what one process prints: standard output and standard error through one pipe. Lines are passed on as they
// come; sync makes sure that none is late.
type output struct {
	pipe *os.File
	line func(string)  // gets each line
	eof  chan struct{} // closed when follow is done

	mu      sync.Mutex // guards reading the pipe together with what follows, so that bytes keep their order
	buffer  []byte
	over    bool     // nobody wants more
	partial []byte   // a line without its end yet
	tail    []string // the last lines that say something
}

// newOutput reads from pipe, once follow is started.
func newOutput(pipe *os.File, line func(string)) *output {
	return &output{pipe: pipe, line: line, eof: make(chan struct{}), buffer: make([]byte, 32<<10)}
}

// follow passes on what is printed until the pipe's end.
func (o *output) follow() {
	defer close(o.eof)
	o.readAll()
}

// sync passes on what has been printed until now, a line without end included. The platform calls it between a
// function's answer and the lines that close the invocation, so that what was printed before the answer stands before
// those lines.
func (o *output) sync() {
	o.readAvailable()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.endLine()
}

// finish reads the rest, when the process is gone, for patience at most, and closes the pipe.
func (o *output) finish(patience time.Duration) {
	select {
	case <-o.eof:
	case <-time.After(patience):
	}
	o.mu.Lock()
	o.over = true
	o.endLine()
	o.mu.Unlock()
	_ = o.pipe.Close() // ends follow if it still waits for more
	<-o.eof
}

// take passes on the lines in chunk. The caller holds mu.
func (o *output) take(chunk []byte) {
	for !o.over {
		line, rest, ended := bytes.Cut(chunk, []byte("\n"))
		o.partial = append(o.partial, line...)
		if ended || len(o.partial) >= maxLine {
			o.passOn()
		}
		if !ended {
			return
		}
		chunk = rest
	}
}

// endLine passes on a line that has no end. The caller holds mu.
func (o *output) endLine() {
	if len(o.partial) > 0 {
		o.passOn()
	}
}

// passOn writes the current line to the log and remembers it. The caller holds mu.
func (o *output) passOn() {
	line := string(bytes.TrimSuffix(o.partial, []byte("\r")))
	o.partial = o.partial[:0]
	o.line(line)
	line = strings.TrimSpace(line[:min(len(line), tailLine)])
	if line == "" {
		return
	}
	if len(o.tail) == tailLines {
		o.tail = slices.Delete(o.tail, 0, 1)
	}
	o.tail = append(o.tail, line)
}

// lastLines are the last lines that were printed, blank ones left out.
func (o *output) lastLines() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.tail)
}
