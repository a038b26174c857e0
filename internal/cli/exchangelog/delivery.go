package exchangelog

import (
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/traffic"
	"cloudpay/internal/printable"
)

// Delivery is the lines of a message to the merchant's server.
func (s Style) Delivery(d traffic.Delivery) string {
	if s.Mode == JSON {
		return object("delivery", d)
	}
	line := s.moment(d.Time) + sender(d) + " → " + s.message(d) + " → " + s.answered(d)
	if len(d.Faults) > 0 {
		line += " " + s.Brush.Bad("["+strings.Join(d.Faults, " ")+"]")
	}
	line += s.Brush.Faint(s.upcoming(d))
	if d.Reason != "" {
		line += "\n" + indent + s.reason(d.Reason)
	}
	return line + "\n"
}

// sender is where a message comes from: WeChat Pay, or the function that sent an event.
func sender(d traffic.Delivery) string {
	if d.From == traffic.FromFunctions && d.Function != "" {
		return printable.Text(d.Function)
	}
	return printable.Text(d.From)
}

// message is where a message goes to, what it tells, and which attempt it is.
func (s Style) message(d traffic.Delivery) string {
	parts := []string{d.To}
	for _, part := range []string{d.API, d.Topic, d.OutTradeNo} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	text := printable.Text(strings.Join(parts, " "))
	if d.Attempt > 1 {
		text += s.Language.Text(bilingual.Sprintf(" (attempt %d)", "（第 %d 次）", d.Attempt))
	}
	if d.Replay {
		text += s.Language.Text(bilingual.New(" (sent by hand)", "（手动发送）"))
	}
	return text
}

// answered is the verdict on a message, with the status of the answer if there was one.
func (s Style) answered(d traffic.Delivery) string {
	status := ""
	if d.HTTPStatus > 0 {
		status = strconv.Itoa(d.HTTPStatus)
	}
	return s.verdict(d.Verdict, status)
}

// upcoming says when the next attempt is made, or that this was the last.
func (s Style) upcoming(d traffic.Delivery) string {
	switch {
	case d.State == "exhausted" && !d.Replay:
		return s.Language.Text(bilingual.New(", the last attempt", "，最后一次"))
	case d.Next.IsZero():
		return ""
	default:
		return s.Language.Text(bilingual.Sprintf(", again in %s", "，%s 后重试", short(d.Next.Sub(d.Clock))))
	}
}

// short is a duration without zeros at its end: "15s", "3m", "1h30m".
func short(d time.Duration) string {
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
