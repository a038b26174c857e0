package platform

import (
	"fmt"
	"strings"
	"time"
)

// record is what the log shows of one invocation besides its reply.
type record struct {
	requestID string
	memoryMB  int
	limit     time.Duration // how long it may take

	cold                      bool          // it is the first one of its process
	initRuntime, initFunction time.Duration // starting the process; then until it was ready

	printed string // the last 4 KB of what the function printed
	peak    int64  // the most memory that the process has had, in bytes
	exit    string // how the process ended, such as "exit status 2", if it ended by itself
}

// initTime is the whole cold start.
func (r record) initTime() time.Duration { return r.initRuntime + r.initFunction }

// logFormat is how a cloud logs an invocation: the lines before and after those that the function
// prints.
type logFormat struct {
	opening func(record) []string
	closing func(Reply) []string
}

// scfLog is SCF's format (SCF doc "log structure"). Only a process's first invocation has an Init
// Report.
var scfLog = logFormat{scfOpening, scfClosing}

// lambdaLog is Lambda's format as plain text (docs.aws.amazon.com/lambda, "Understanding the Lambda
// execution environment lifecycle", as of 2024). Only the REPORT line shows a timeout or an exit.
var lambdaLog = logFormat{lambdaOpening, lambdaClosing}

// logFormat is the format of the runtime's cloud.
func (r Runtime) logFormat() logFormat {
	if r == Lambda {
		return lambdaLog
	}
	return scfLog
}

func scfOpening(r record) []string {
	id := oneLine(r.requestID)
	lines := []string{"START RequestId:" + id}
	if r.cold {
		lines = append(lines, fmt.Sprintf(
			"Init Report RequestId: %s Coldstart: %dms (PullCode: 0ms InitRuntime: %dms InitFunction: %dms) Memory: %dMB MemUsage: %.2fMB",
			id, milliseconds(r.initTime()), milliseconds(r.initRuntime), milliseconds(r.initFunction), r.memoryMB, megabytes(r.peak)))
	}
	return lines
}

// scfClosing has the result or the error, the end and the report.
func scfClosing(r Reply) []string {
	id := oneLine(r.RequestID)
	outcome := fmt.Sprintf("Response RequestId:%s RetMsg:%s", id, oneLine(string(r.Payload)))
	if r.Err != nil {
		outcome = fmt.Sprintf("ERROR RequestId:%s Result:%s", id, oneLine(r.Err.Message))
	}
	return []string{
		outcome,
		"END RequestId:" + id,
		fmt.Sprintf("Report RequestId:%s Duration:%dms Memory:%dMB MemUsage:%.2fMB",
			id, milliseconds(r.Duration), r.record.memoryMB, megabytes(r.record.peak)),
	}
}

func lambdaOpening(r record) []string {
	return []string{"START RequestId: " + oneLine(r.requestID) + " Version: " + version}
}

// lambdaClosing bills the cold start as well, as Lambda does.
func lambdaClosing(r Reply) []string {
	id := oneLine(r.RequestID)
	billed := r.Duration
	if r.record.cold {
		billed += r.record.initTime()
	}
	report := []string{
		"REPORT RequestId: " + id,
		fmt.Sprintf("Duration: %.2f ms", exactMilliseconds(r.Duration)),
		fmt.Sprintf("Billed Duration: %d ms", milliseconds(billed)),
		fmt.Sprintf("Memory Size: %d MB", r.record.memoryMB),
		fmt.Sprintf("Max Memory Used: %.0f MB", megabytes(r.record.peak)),
	}
	if r.record.cold {
		report = append(report, fmt.Sprintf("Init Duration: %.2f ms", exactMilliseconds(r.record.initTime())))
	}
	report = append(report, lambdaStatus(r.Status)...)
	lines := []string{"END RequestId: " + id, strings.Join(report, "\t")}
	if r.Status == statusAborted { // Lambda runs a function to its end, so it has no line for this
		lines = append([]string{"cloudpay: " + r.Err.Message}, lines...)
	}
	return lines
}

// lambdaStatus is the end of a REPORT line. On success it is an empty field: the line ends with a
// tab.
func lambdaStatus(status int) []string {
	switch status {
	case statusTimeLimit:
		return []string{"Status: timeout"}
	case statusProcessExit:
		return []string{"Status: error", "Error Type: " + lambdaExit}
	default:
		return []string{""}
	}
}

// logIn is the last 4 KB of the call's log in a cloud's format, for APIs that return it. It is
// empty when no process had the event.
func (r Reply) logIn(format logFormat) string {
	if r.record.requestID == "" {
		return ""
	}
	var text strings.Builder
	for _, line := range format.opening(r.record) {
		text.WriteString(line + "\n")
	}
	text.WriteString(r.record.printed)
	for _, line := range format.closing(r) {
		text.WriteString(line + "\n")
	}
	whole := text.String()
	return strings.ToValidUTF8(whole[max(0, len(whole)-maxTail):], "")
}

// exactMilliseconds keeps the fraction, as Lambda shows it.
func exactMilliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
