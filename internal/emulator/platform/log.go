package platform

import (
	"crypto/rand"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// maxLogged is how much of a result or an error one log line shows.
const maxLogged = 8 << 10

// logbook writes whole lines, one at a time, for all instances of a function.
type logbook struct {
	mu sync.Mutex
	w  io.Writer
}

// line writes one line. A log that cannot be written is no reason to fail a call.
func (l *logbook) line(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = io.WriteString(l.w, text+"\n")
}

// start writes the lines that open an invocation; an instance's first one tells of the cold start.
func (l *logbook) start(requestID string, inst *instance, spec Spec) {
	id := oneLine(requestID)
	l.line("START RequestId:" + id)
	if inst.warm {
		return
	}
	inst.warm = true
	l.line(fmt.Sprintf(
		"Init Report RequestId: %s Coldstart: %dms (PullCode: 0ms InitRuntime: %dms InitFunction: %dms) Memory: %dMB MemUsage: %.2fMB",
		id, milliseconds(inst.ready.Sub(inst.spawned)), milliseconds(inst.started.Sub(inst.spawned)),
		milliseconds(inst.ready.Sub(inst.started)), spec.MemoryMB, megabytes(inst.peak.Load())))
}

// end writes the lines that close an invocation.
func (l *logbook) end(reply Reply, inst *instance, spec Spec) {
	id := oneLine(reply.RequestID)
	if reply.Err != nil {
		l.line(fmt.Sprintf("ERROR RequestId:%s Result:%s", id, oneLine(reply.Err.Message)))
	} else {
		l.line(fmt.Sprintf("Response RequestId:%s RetMsg:%s", id, oneLine(string(reply.Payload))))
	}
	l.line("END RequestId:" + id)
	l.line(fmt.Sprintf("Report RequestId:%s Duration:%dms Memory:%dMB MemUsage:%.2fMB",
		id, milliseconds(reply.Duration), spec.MemoryMB, megabytes(inst.peak.Load())))
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
