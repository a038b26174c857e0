// Package exchangelog shows what goes through an emulator: a line for each call of a function, with
// the requests to WeChat Pay that it caused, a line for each request that came from elsewhere, and
// a line for each message to the merchant's server:
//
//	18:30:05  user oABC → closeorder A1 → v3 close, query → closed  12 ms
//	18:30:05  closeorder → event sink closed A1 → ok 204
//	18:30:09  http-api → closeorder A2 → v3 close → refused SIGN_ERROR
//	          v3 close unauthentic: the body was encoded again between signing and sending
//	18:30:12  1900000001 → v3 query A3 → ok
//	18:30:15  wechatpay → http://127.0.0.1:8080/notify v3 payment A3 → failed 503, again in 15s
//	          503 is neither 200 nor 204: the notification is not acknowledged
//
// The process that runs the emulator prints them as they happen ([Flag.Watch]), and any other reads
// them from the emulator's histories ([History], [Follower]).
package exchangelog

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/paint"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/traffic"
	"cloudpay/internal/printable"
)

// Mode is how much is shown of a call.
type Mode string

// The modes, the values of --log.
const (
	// Short shows three lines of a call at most: the call, and what went wrong.
	Short Mode = "short"
	// Full shows every request of a call, and the strings of a wrong signature.
	Full Mode = "full"
	// JSON shows each as an object a line.
	JSON Mode = "json"
	// Off shows nothing.
	Off Mode = "off"
)

// Modes lists the modes.
func Modes() []string { return []string{string(Short), string(Full), string(JSON), string(Off)} }

// mostLines is how many lines a call has in Short.
const mostLines = 3

// maxReason is the most bytes of a reason in Short; a line is to be read at a glance.
const maxReason = 300

// Style says how entries are shown. Its methods return whole lines.
type Style struct {
	Mode     Mode
	Brush    paint.Brush
	Language *render.Language
}

// Call is the lines of a call.
func (s Style) Call(c traffic.Call) string {
	if s.Mode == JSON {
		return object("call", c)
	}
	lines := []string{s.headline(c)}
	if detail := s.ownReason(c); detail != "" {
		lines = append(lines, detail)
	}
	details := s.details(c)
	if room := mostLines - len(lines); s.Mode == Short && len(details) > room {
		left := len(details) - room + 1
		details = append(details[:room-1], indent+s.Brush.Faint(s.Language.Text(bilingual.Sprintf(
			"… and %d more requests that were not answered with ok", "……另有 %d 个请求未得到 ok", left))))
	}
	return strings.Join(append(lines, details...), "\n") + "\n"
}

// Entry is the lines of what the entry has.
func (s Style) Entry(e Entry) string {
	switch {
	case e.Call != nil:
		return s.Call(*e.Call)
	case e.Request != nil:
		return s.Request(*e.Request)
	default:
		return s.Delivery(*e.Delivery)
	}
}

// Request is the lines of a request that no call caused.
func (s Style) Request(r traffic.Request) string {
	if s.Mode == JSON {
		return object("request", r)
	}
	parts := []string{orDash(r.MchID), what(r)}
	if r.OutTradeNo != "" {
		parts[1] += " " + printable.Text(r.OutTradeNo)
	}
	line := s.moment(r.Time) + strings.Join(parts, " → ") + " → " + s.verdict(r.Verdict, r.Code)
	return strings.Join(append([]string{line}, s.why(r, "")...), "\n") + "\n"
}

// indent is the width of a time and the space behind it.
const indent = "          "

// moment is the time of day in this machine's zone.
func (s Style) moment(t time.Time) string {
	_, clock, _ := strings.Cut(render.Clock(t), " ")
	clock, _, _ = strings.Cut(clock, " ")
	return s.Brush.Faint(clock) + "  "
}

// headline is the first line of a call.
func (s Style) headline(c traffic.Call) string {
	function := orDash(c.Function)
	if c.OutTradeNo != "" {
		function += " " + printable.Text(c.OutTradeNo)
	}
	if c.Attempt > 1 {
		function += s.Language.Text(bilingual.Sprintf(" (attempt %d)", "（第 %d 次）", c.Attempt))
	}
	parts := []string{caller(c), function}
	if requests := summary(c); requests != "" {
		parts = append(parts, requests)
	}
	line := s.moment(c.Time) + strings.Join(parts, " → ") + " → "
	if c.Verdict == traffic.VerdictOK {
		line += s.outcome(c)
	} else {
		line += s.verdict(c.Verdict, c.Code)
	}
	if len(c.Faults) > 0 {
		line += " " + s.Brush.Bad("["+strings.Join(c.Faults, " ")+"]")
	}
	if c.TookMS > 0 {
		line += s.Brush.Faint(fmt.Sprintf("  %.0f ms", c.TookMS))
	}
	return line
}

// caller is where the call came from: a user or a trigger if it is known, else the API.
func caller(c traffic.Call) string {
	if c.Caller != "" {
		return printable.Text(c.Caller)
	}
	return c.Via
}

// summary lists the requests of a call by dialect and operation, each once, in the order of their
// coming: "v3 close ×2, query".
func summary(c traffic.Call) string {
	type group struct {
		api, op string
		count   int
	}
	var groups []group
	for _, r := range c.Requests {
		op := r.Op
		if op == "" {
			op = r.Method
		}
		i := slices.IndexFunc(groups, func(g group) bool { return g.api == r.API && g.op == op })
		if i < 0 {
			groups = append(groups, group{r.API, op, 0})
			i = len(groups) - 1
		}
		groups[i].count++
	}
	var parts []string
	last := ""
	for _, g := range groups {
		part := g.op
		if g.api != last {
			part = strings.TrimSpace(g.api + " " + g.op)
		}
		last = g.api
		if g.count > 1 {
			part += fmt.Sprintf(" ×%d", g.count)
		}
		parts = append(parts, printable.Text(part))
	}
	if c.MoreRequests > 0 {
		parts = append(parts, fmt.Sprintf("+%d", c.MoreRequests))
	}
	return strings.Join(parts, ", ")
}

// outcome is the end of the line of a call that the function answered.
func (s Style) outcome(c traffic.Call) string {
	text := printable.Text(strings.TrimSpace(c.Outcome + " " + c.Code))
	switch c.Outcome {
	case "":
		return s.Brush.Good("ok")
	case "refused", "unknown", "tooLate":
		return s.Brush.Bad(text)
	default:
		return s.Brush.Good(text)
	}
}

// verdict is the end of a line of what was refused, failed, or is a request.
func (s Style) verdict(verdict, code string) string {
	text := printable.Text(strings.TrimSpace(verdict + " " + code))
	if verdict == traffic.VerdictOK {
		return s.Brush.Good(text)
	}
	return s.Brush.Bad(text)
}

// ownReason is the line that says why a call was not done; empty if it was.
func (s Style) ownReason(c traffic.Call) string {
	isDone := c.Verdict == traffic.VerdictOK && c.Outcome != "refused" && c.Outcome != "unknown"
	if c.Reason == "" || isDone {
		return ""
	}
	return indent + s.reason(c.Reason)
}

// reason is a reason in one line.
func (s Style) reason(text string) string {
	if s.Mode == Short && len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + " …"
	}
	return printable.Text(text)
}

// details are the lines about a call's requests: in Short of those that went wrong, wrong
// signatures first.
func (s Style) details(c traffic.Call) []string {
	requests := slices.Clone(c.Requests)
	if s.Mode == Short {
		requests = slices.DeleteFunc(requests, func(r traffic.Request) bool { return r.Verdict == traffic.VerdictOK })
		slices.SortStableFunc(requests, func(a, b traffic.Request) int { return urgency(a) - urgency(b) })
	}
	var lines []string
	for _, r := range requests {
		head := what(r)
		if r.OutTradeNo != c.OutTradeNo && r.OutTradeNo != "" {
			head += " " + printable.Text(r.OutTradeNo)
		}
		head += " " + s.verdict(r.Verdict, r.Code)
		why := s.why(r, head)
		if why == nil {
			why = []string{indent + head}
		}
		lines = append(lines, why...)
	}
	return lines
}

// urgency sorts what went wrong.
func urgency(r traffic.Request) int {
	switch {
	case r.IsRefused() && r.Verdict != traffic.VerdictRefused:
		return 0
	case r.IsRefused():
		return 1
	default:
		return 2
	}
}

// what is a request's dialect and operation.
func what(r traffic.Request) string {
	switch {
	case r.Op != "":
		return printable.Text(strings.TrimSpace(r.API + " " + r.Op))
	case r.URL != "":
		return printable.Text(r.Method + " " + r.URL)
	default:
		return "?"
	}
}

// why are the lines that say why a request was not done, the first of them behind head; nil if
// there is nothing to say.
func (s Style) why(r traffic.Request, head string) []string {
	if r.Reason == "" {
		return nil
	}
	line := indent + s.reason(r.Reason)
	if head != "" {
		line = indent + head + ": " + s.reason(r.Reason)
	}
	lines := []string{line}
	if s.Mode == Full && r.Expected != "" {
		lines = append(lines, indent+s.Language.Say("to be signed: %q", "应签名：%q", r.Expected))
	}
	if s.Mode == Full && r.Received != "" {
		lines = append(lines, indent+s.Language.Say("was signed:   %q", "实际签名：%q", r.Received))
	}
	return lines
}

func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return printable.Text(text)
}

// object is an entry as JSON in one line, with what it is.
func object(kind string, value any) string {
	text, err := json.Marshal(value) // texts and numbers always encode
	if err != nil || len(text) < len("{}") {
		return ""
	}
	return fmt.Sprintf("{\"kind\":%q,%s\n", kind, printable.Text(string(text[1:])))
}
