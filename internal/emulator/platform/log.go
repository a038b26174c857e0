package platform

import (
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// maxLogged is how much of a result or an error one log line shows.
	maxLogged = 8 << 10

	// maxQueued is how many bytes may wait to be written: more than a function prints in one go, little enough to keep
	// for a reader that has stopped. Each line counts queuedLine more, so that empty ones are not free.
	maxQueued  = 8 << 20
	queuedLine = 32
)

// logbook writes whole lines, one at a time, for all instances of a function, in the order in which they were handed in.
// A writer that blocks, such as a pipe that nobody reads, must hold up neither a call nor Close; so one goroutine writes,
// behind a bounded queue, and is there only while something waits.
type logbook struct {
	w        io.Writer
	patience time.Duration // how long close waits

	mu      sync.Mutex // guards what follows; never held while writing
	queue   []string
	size    int           // what the queue counts against maxQueued
	lost    int           // lines dropped since the last one that got into the queue
	written chan struct{} // closed when the writing goroutine has run out of lines; nil when there is none
}

// line hands in one line and does not wait. When the queue is full the line is dropped; the next one that gets in comes
// after a line that tells how many were. A log that cannot be written is no reason to fail a call.
func (l *logbook) line(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size+cost(text) > maxQueued {
		l.lost++
		return
	}
	l.tellLoss()
	l.enqueue(text)
}

// cost is what a line in the queue counts.
func cost(line string) int { return len(line) + queuedLine }

// tellLoss says how many lines were dropped, if any were. The caller holds mu.
func (l *logbook) tellLoss() {
	if l.lost > 0 {
		l.enqueue(fmt.Sprintf("cloudpay: %d log lines lost", l.lost))
		l.lost = 0
	}
}

// enqueue appends to the queue and sees to it that somebody writes. The caller holds mu.
func (l *logbook) enqueue(line string) {
	l.queue = append(l.queue, line)
	l.size += cost(line)
	if l.written == nil {
		l.written = make(chan struct{})
		go l.write()
	}
}

// write writes until nothing waits.
func (l *logbook) write() {
	for line, ok := l.next(); ok; line, ok = l.next() {
		_, _ = io.WriteString(l.w, line+"\n")
	}
}

// next takes the next line out of the queue; without one, the writing goroutine is to end.
func (l *logbook) next() (line string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		l.queue = nil
		close(l.written)
		l.written = nil
		return "", false
	}
	line, l.queue = l.queue[0], l.queue[1:]
	l.size -= cost(line)
	return line, true
}

// close returns when every line is written, or when patience ends: then the lines that still wait are dropped, so that
// nothing is written afterwards but what the writer has been given already.
func (l *logbook) close() {
	l.mu.Lock()
	l.tellLoss()
	written := l.written
	l.mu.Unlock()
	if written == nil {
		return
	}
	select {
	case <-written:
	case <-time.After(l.patience):
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue, l.size = nil, 0
}

// begin makes the record of an invocation and forgets what was printed before it.
func (i *instance) begin(requestID string, spec Spec) record {
	i.tail.reset()
	r := record{
		requestID: requestID, memoryMB: spec.MemoryMB, limit: spec.TimeLimit,
		cold: !i.warm, initRuntime: i.started.Sub(i.spawned), initFunction: i.ready.Sub(i.started), peak: i.peak.Load(),
	}
	i.warm = true
	return r
}

// platformLines writes lines of the platform's own about this instance.
func (i *instance) platformLines(lines []string) {
	for _, line := range lines {
		i.log.line(line)
	}
}

// line writes one line of the process's output.
func (i *instance) line(text string) {
	i.tail.add(text)
	i.log.line(text)
}

// tail remembers the last lines that a function printed, for callers who ask for them.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// maxTail is how much both platforms show a caller (docs.aws.amazon.com/lambda, "API_Invoke": the last 4 KB).
const maxTail = 4 << 10

func (t *tail) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = t.text[:0]
}

func (t *tail) add(line string) {
	line = line[max(0, len(line)-maxTail):]
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(append(t.text, line...), '\n')
	if over := len(t.text) - maxTail; over > 0 {
		t.text = slices.Delete(t.text, 0, over)
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(string(t.text), "")
}

// oneLine makes text fit for one log line.
func oneLine(text string) string {
	if len(text) > maxLogged {
		text = fmt.Sprintf("%s... (%d bytes)", strings.ToValidUTF8(text[:maxLogged], ""), len(text))
	}
	return strings.NewReplacer("\r\n", `\n`, "\n", `\n`, "\r", `\n`).Replace(text)
}

// milliseconds counts begun ones, as SCF bills them.
func milliseconds(d time.Duration) int64 { return int64((d + time.Millisecond - 1) / time.Millisecond) }

// megabytes is a number of bytes in the log's unit.
func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// newRequestID makes an id like the platform's: a random UUID (RFC 9562, version 4).
func newRequestID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails, says its documentation
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
