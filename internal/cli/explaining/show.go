package explaining

import (
	"fmt"
	"io"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/paint"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/explain"
	"cloudpay/internal/printable"
)

// view prints answers for people. Everything that comes from the text is escaped: it was written by
// strangers, and a terminal would obey it.
type view struct {
	*render.Language

	brush paint.Brush
	out   io.Writer
	// all shows every candidate
	all bool
}

// indent is that of everything below a headline.
const indent = "    "

// show prints what was read and with which keys, and then the answers.
func (v view) show(keys *ring, reading explain.Reading, answers []explain.Answer) {
	v.keys(keys)
	for _, note := range reading.Notes {
		fmt.Fprintf(v.out, "%s %s\n", v.brush.Faint("-"), v.note(note))
	}
	for _, answer := range answers {
		fmt.Fprintln(v.out)
		v.answer(answer)
	}
}

// keys says which keys there were. It names them, and has none.
func (v view) keys(keys *ring) {
	if len(keys.merchants) == 0 && len(keys.platform) == 0 {
		fmt.Fprintln(v.out, v.brush.Faint("·"), v.Say(
			"no keys: signatures can be read, and not verified (WXPAY_… in the environment, --env-file, --emulator or --certificate)",
			"没有密钥：可读取签名内容，但无法验签（环境变量 WXPAY_…、--env-file、--emulator 或 --certificate）"))
	}
	v.keyLine(v.Say("of the merchant: ", "商户："), keys.merchants)
	v.keyLine(v.Say("of WeChat Pay: ", "微信支付："), keys.platform)
	for _, fault := range keys.faults {
		fmt.Fprintln(v.out, v.brush.Bad("!"), printable.Text(v.Text(fault)))
	}
}

// keyLine names the keys of one side, if there are any.
func (v view) keyLine(side string, keys []bilingual.Text) {
	names := make([]string, 0, len(keys))
	for _, key := range keys {
		names = append(names, v.Text(key))
	}
	if len(names) > 0 {
		fmt.Fprintln(v.out, v.brush.Faint("·"), side+printable.Text(strings.Join(names, v.Say(", ", "、"))))
	}
}

// note is a note in one line.
func (v view) note(note explain.Note) string {
	text := printable.Text(v.Text(note.Text))
	if note.Line == 0 {
		return text
	}
	return v.Say("line %d: %s", "第 %d 行：%s", note.Line, text)
}

// The signs before headlines, as doctor has them.
var signs = map[explain.Verdict]string{explain.Fine: "✓", explain.Fault: "✗", explain.Unknown: "-"}

// answer prints one answer: what it is, what is wrong and how to mend it, the strings that were
// signed, the codes, and last what could not be checked.
func (v view) answer(a explain.Answer) {
	fmt.Fprintln(v.out, v.headline(a))
	if a.Verdict == explain.Fine {
		v.line(v.brush.Good(v.Say("the signature holds, and nothing else is wrong", "签名正确，未发现其他问题")))
	}
	if a.Said != "" {
		v.line(v.Say("it says: %s", "原文：%s", printable.Text(a.Said)))
	}
	v.findings(a)
	v.strings(a)
	v.codes(a)
	for _, remark := range a.Remarks {
		v.line(printable.Text(v.Text(remark)))
	}
	for _, unchecked := range a.Unchecked {
		v.line(v.brush.Faint(v.Say("not checked: %s", "未检查：%s", printable.Text(v.Text(unchecked)))))
	}
}

// line prints a line below a headline.
func (v view) line(text string) { fmt.Fprintln(v.out, indent+text) }

// headline says what was read, from which lines, and by its sign what it amounts to.
func (v view) headline(a explain.Answer) string {
	sign := signs[a.Verdict]
	switch a.Verdict {
	case explain.Fine:
		sign = v.brush.Good(sign)
	case explain.Fault:
		sign = v.brush.Bad(sign)
	case explain.Unknown:
	}
	parts := []string{v.Text(a.Form.Title())}
	if a.API != "" {
		parts = append(parts, "API"+a.API)
	}
	if a.Title != "" {
		parts = append(parts, printable.Text(a.Title))
	}
	where := v.Say("line %d", "第 %d 行", a.First)
	if a.Last > a.First {
		where = v.Say("lines %d to %d", "第 %d 至 %d 行", a.First, a.Last)
	}
	if source := v.Text(a.Source()); source != "" {
		where += v.Say(", ", "，") + source
	}
	return sign + " " + v.brush.Strong(strings.Join(parts, "  ")) + v.brush.Faint("  ("+where+")")
}

// findings prints the causes: those that are proved, or else those that may be, each with what
// would decide. The words above the candidates say how sure it is that there is a fault at all.
func (v view) findings(a explain.Answer) {
	proved, candidates := a.Causes()
	for i, f := range proved {
		if i > 0 {
			v.line(v.Say("and then:", "此外："))
		}
		v.cause(f, indent)
	}
	if len(candidates) == 0 {
		return
	}
	switch {
	case len(proved) > 0:
		v.line(v.Say("what may have led to that:", "可能的起因："))
	case a.Verdict == explain.Unknown:
		v.line(v.Say("if it was refused, it is one of these, the likeliest first:", "如果被拒绝，可能是以下原因之一，可能性大的在前："))
	default:
		v.line(v.Say("it is one of these, the likeliest first:", "可能是以下原因之一，可能性大的在前："))
	}
	shown := candidates[:min(len(candidates), mostCandidates)]
	if v.all {
		shown = candidates
	}
	for i, f := range shown {
		fmt.Fprintf(v.out, "%s%d. ", indent, i+1)
		v.cause(f, "")
		if decides := v.Text(f.Decides); decides != "" {
			v.line("   " + v.Say("what decides: %s", "判断方法：%s", printable.Text(decides)))
		}
	}
	if more := len(candidates) - len(shown); more > 0 {
		v.line(v.brush.Faint(v.Say("and %d more, which --all shows; the request and its key leave one",
			"另有 %d 项，--all 可全部列出；提供请求与密钥即可确定", more)))
	}
}

// mostCandidates is how many causes are shown of those that may be. --all and --json have all.
const mostCandidates = 8

// cause prints a cause and its remedy. The first line is indented by first; in a numbered list it
// stands behind its number, and first is empty. The ID is what docs/why.md and --json know it by.
func (v view) cause(f explain.Finding, first string) {
	what := f.What
	if f.Detail != (bilingual.Text{}) {
		what = f.Detail
	}
	deeper := indent
	if first == "" {
		deeper += "   "
	}
	fmt.Fprintf(v.out, "%s%s %s\n", first, printable.Text(v.Text(what)), v.brush.Faint("["+string(f.ID)+"]"))
	if remedy := v.Text(f.Remedy); remedy != "" {
		fmt.Fprintf(v.out, "%s→ %s\n", deeper, printable.Text(remedy))
	}
}

// codes prints what the error codes mean, and whether a retry is of use. Of the known messages the
// most specific one is named, so that its row can be looked up.
func (v view) codes(a explain.Answer) {
	for _, code := range a.Codes {
		v.line(v.brush.Strong(printable.Text(code.Name)) + v.Say(": ", "：") + v.Say("%s", "%s", bilingual.New(code.Meaning, code.MeaningZH)))
		v.line("→ " + v.Text(bilingual.New(code.Remedy, code.RemedyZH)))
		v.line(v.Text(explain.Retry(code)))
	}
	if len(a.Messages) > 0 {
		for _, message := range a.Messages[:1] {
			v.line(v.brush.Faint(v.Say("as %s says it: %s", "%s 的提示：%s", message.From, printable.Text(message.Text))))
		}
	}
}
