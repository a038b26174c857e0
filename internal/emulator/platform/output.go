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

// output is what one process prints to standard output and standard error, which share a pipe.
// Lines are passed on as they arrive; sync makes sure that none arrives late.
type output struct {
	pipe *os.File
	line func(string)  // gets each line
	eof  chan struct{} // closed when follow is done

	mu      sync.Mutex // guards what follows and reading the pipe, so that bytes keep their order
	buffer  []byte
	over    bool     // further bytes are dropped
	partial []byte   // a line without its end yet
	tail    []string // the last lines that say something
}

// newOutput prepares to read from pipe; follow reads it.
func newOutput(pipe *os.File, line func(string)) *output {
	return &output{pipe: pipe, line: line, eof: make(chan struct{}), buffer: make([]byte, 32<<10)}
}

// follow passes on lines until the end of the pipe.
func (o *output) follow() {
	defer close(o.eof)
	o.readAll()
}

// sync passes on what has been printed so far, a line without an end included. It is called between
// a function's answer and the closing lines of the invocation, which must come after what the
// function printed before its answer.
func (o *output) sync() {
	o.readAvailable()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.endLine()
}

// finish reads the rest after the process is gone, for maxWait at most, and closes the pipe. A
// descendant that left the process group can hold the pipe open forever.
func (o *output) finish(maxWait time.Duration) {
	select {
	case <-o.eof:
	case <-time.After(maxWait):
	}
	o.mu.Lock()
	o.over = true
	o.endLine()
	o.mu.Unlock()
	_ = o.pipe.Close() // ends follow if it still waits for more
	<-o.eof
}

// take passes on the complete lines in chunk and keeps the rest. The caller holds mu.
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

// endLine passes on a line without an end. The caller holds mu.
func (o *output) endLine() {
	if len(o.partial) > 0 {
		o.passOn()
	}
}

// passOn writes the current line to the log and remembers its beginning. The caller holds mu.
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

// lastLines are the last lines that were printed, without blank ones.
func (o *output) lastLines() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.tail)
}
