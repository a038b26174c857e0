package demo

import (
	"errors"
	"fmt"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/printable"
)

// width is that of a terminal which shows the journey without breaking a line.
const width = 80

// heading begins a story.
func (j *journey) heading(n int, title bilingual.Text) {
	text := fmt.Sprintf("━━━ %d · %s", n, j.Text(title))
	rest := len(render.Pad(text, width)) - len(text) // in columns, which a letter may take two of
	j.line("")
	j.line(j.Strong(text + " " + strings.Repeat("━", max(0, rest-1))))
}

// say tells what happens, in lines of at most 80 columns, which are not broken here.
func (j *journey) say(en, zh string, values ...any) {
	j.line(printable.Lines(j.Say(en, zh, values...)))
}

// row shows one thing that was done, and what came of it, in two columns: 20 of the terminal's are
// left for the second. Requests that a function sent are fainter than what caused them, and a
// signature that was verified is green.
func (j *journey) row(mark, done, result string) {
	const column = 58
	done, result = printable.Text(done), printable.Text(result)
	if result != "" {
		done = render.Pad(done, column-len([]rune(mark)))
	}
	switch {
	case strings.HasPrefix(mark, " "):
		j.line(j.Faint("  " + mark + " " + done + result))
	case strings.HasSuffix(result, "✓"):
		j.line("  " + mark + " " + done + j.Good(result))
	default:
		j.line("  " + mark + " " + done + result)
	}
}

// line prints a line that is coloured and escaped already.
func (j *journey) line(text string) { _, _ = fmt.Fprintln(j.Out, text) }

// ending says how it went, and what to do next. A request that WeChat Pay could not authenticate is
// wrong, whatever came of the orders. The error joins all that was not as it should be.
func (j *journey) ending() error {
	all := j.desk.Gateway.Requests()
	for _, r := range all {
		if r.Verdict != "ok" && r.Verdict != "refused" {
			j.wrong = append(j.wrong, bilingual.Errorf("WeChat Pay could not authenticate %s %s: %s", "微信支付无法校验 %s %s：%s",
				r.Method, r.URL, r.Reason))
		}
	}
	j.line("")
	if len(j.wrong) > 0 {
		j.line(j.Bad("✗ ") + j.Say("not all was as it should be", "并非全部符合预期"))
		return errors.Join(j.wrong...)
	}
	j.say("%d requests to WeChat Pay; every signature was verified, in both directions.\n"+
		"Next: cloudpay emulate (docs/emulator.md); cloudpay demo --all plays every call.",
		"向微信支付发出 %d 个请求，双向签名均经校验。\n接下来：cloudpay emulate（docs/emulator.md）；cloudpay demo --all 播放全部调用。", len(all))
	return nil
}
