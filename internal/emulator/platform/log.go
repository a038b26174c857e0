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
	// maxLogged is the most bytes of a result or an error in one log line.
	maxLogged = 8 << 10

	// maxQueued is the most bytes that wait to be written: more than a function prints at once, and
	// little enough to keep for a reader that has stopped. Each line counts queuedLine more, so
	// that empty lines are limited as well.
	maxQueued  = 8 << 20
	queuedLine = 32
)

// logbook writes whole lines for all instances of a function, in the order of the calls of line. A
// writer that blocks, such as a pipe without a reader, must delay neither a call nor Close.
// Therefore one goroutine writes, behind a bounded queue; it exists only while lines wait.
type logbook struct {
	w       io.Writer
	maxWait time.Duration // how long close waits

	mu    sync.Mutex // guards what follows; never held while writing
	queue []string
	size  int // what the queue counts against maxQueued
	lost  int // lines dropped since the last one that got into the queue
	// Closed when the writing goroutine has run out of lines; nil when there is none.
	written chan struct{}
}

// line queues one line and returns at once. When the queue is full the line is dropped, and a line
// with the number of dropped ones precedes the next that fits. A log that cannot be written does
// not fail a call.
func (l *logbook) line(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size+cost(text) > maxQueued {
		l.lost++
		return
	}
	l.reportLoss()
	l.enqueue(text)
}

// cost is what a line counts against maxQueued.
func cost(line string) int { return len(line) + queuedLine }

// reportLoss queues the number of dropped lines, if there are any. The caller holds mu.
func (l *logbook) reportLoss() {
	if l.lost > 0 {
		l.enqueue(fmt.Sprintf("cloudpay: %d log lines lost", l.lost))
		l.lost = 0
	}
}

// enqueue appends a line and starts the writing goroutine if there is none. The caller holds mu.
func (l *logbook) enqueue(line string) {
	l.queue = append(l.queue, line)
	l.size += cost(line)
	if l.written == nil {
		l.written = make(chan struct{})
		go l.write()
	}
}

// write writes until the queue is empty. A write error is dropped: the log is the only place for
// it.
func (l *logbook) write() {
	for line, ok := l.next(); ok; line, ok = l.next() {
		_, _ = io.WriteString(l.w, line+"\n")
	}
}

// next takes a line from the queue. When ok is false the writing goroutine must end: the next line
// starts another one.
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

// close waits until every line is written, for maxWait at most. It then drops what is left, so that
// only the line that Write has got already can still appear.
func (l *logbook) close() {
	l.mu.Lock()
	l.reportLoss()
	written := l.written
	l.mu.Unlock()
	if written == nil {
		return
	}
	select {
	case <-written:
	case <-time.After(l.maxWait):
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue, l.size = nil, 0
}

// begin starts the record of an invocation and clears the tail of the one before it.
func (i *instance) begin(requestID string, spec Spec) record {
	i.tail.reset()
	r := record{
		requestID: requestID, memoryMB: spec.MemoryMB, limit: spec.TimeLimit,
		cold: !i.warm, initRuntime: i.started.Sub(i.spawned), initFunction: i.ready.Sub(i.started), peak: i.peak.Load(),
	}
	i.warm = true
	return r
}

// platformLines logs the platform's own lines about this instance.
func (i *instance) platformLines(lines []string) {
	for _, line := range lines {
		i.log.line(line)
	}
}

// line logs one line that the process printed.
func (i *instance) line(text string) {
	i.tail.add(text)
	i.log.line(text)
}

// tail holds the last bytes that a function printed in one invocation, for X-Amz-Log-Result and its
// like.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// maxTail is how much both platforms return (docs.aws.amazon.com/lambda, "API_Invoke": the last 4
// KB).
const maxTail = 4 << 10

func (t *tail) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = t.text[:0]
}

// add appends a line and cuts the front. A cut may fall into the middle of a character; String
// drops the broken one.
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

// oneLine escapes line ends, so that text stays in one log line, and cuts it to maxLogged bytes.
func oneLine(text string) string {
	if len(text) > maxLogged {
		text = fmt.Sprintf("%s... (%d bytes)", strings.ToValidUTF8(text[:maxLogged], ""), len(text))
	}
	return strings.NewReplacer("\r\n", `\n`, "\n", `\n`, "\r", `\n`).Replace(text)
}

// milliseconds rounds up, as SCF bills.
func milliseconds(d time.Duration) int64 { return int64((d + time.Millisecond - 1) / time.Millisecond) }

// megabytes converts bytes to the log's unit.
func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// newRequestID makes an id like the platform's: a random UUID (RFC 9562, version 4).
func newRequestID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails, says its documentation
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
