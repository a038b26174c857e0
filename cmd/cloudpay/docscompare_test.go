package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// forms are what differs from run to run. A document shows them as one run had them, and they are
// compared by their form; so CONTRIBUTING.md says, which lists them.
var forms = []struct {
	name string
	form *regexp.Regexp
}{
	{"time", regexp.MustCompile(`\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| ?[+-]\d\d:\d\d)?`)},
	{"time", regexp.MustCompile(`\b20\d{12}\b`)},
	{"transaction id", regexp.MustCompile(`\b42\d{26}\b`)},
	{"request id", regexp.MustCompile(`\b08[0-9A-Z]{32}-\d+\b`)},
	{"request id", regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`)},
	{"nonce", regexp.MustCompile(`"nonceStr": ?"[0-9A-Za-z]{32}"`)},
	{"signature", regexp.MustCompile(`"sign": ?"[0-9A-Za-z+/=]{32,}"`)},
	{"fingerprint", regexp.MustCompile(`\bSHA-256 [0-9a-f]{16}…`)},
	{"serial number", regexp.MustCompile(`\b[0-9A-F]{40}\b`)},
	{"port", regexp.MustCompile(`127\.0\.0\.1:\d+`)},
	{"duration", regexp.MustCompile(`\b\d+(\.\d+)? ?(ms|µs|s)\b`)},
	{"folder", regexp.MustCompile(`[^\s'"=]*/\.cloudpay\b`)},
	{"duration", regexp.MustCompile(`"(ms|tookMs|took)": ?[0-9.]+`)},
}

// byForm puts a form's name in place of each text that has it.
func byForm(text string) string {
	for _, f := range forms {
		text = f.form.ReplaceAllString(text, "<"+f.name+">")
	}
	return text
}

// compare says how what a command printed differs from what a document shows of it; "" when it does
// not. In what is shown … stands for any text within a line, and alone on a line for any number of
// lines.
func compare(shown []string, printed string) string {
	want, got := linesOf(byForm(strings.Join(shown, "\n"))), linesOf(byForm(printed))
	text := strings.Join(got, "\n") + "\n"
	if regexp.MustCompile(expression(want) + "$").MatchString(text) {
		return ""
	}
	fits := 0
	for fits < len(want) && regexp.MustCompile(expression(want[:fits+1])).MatchString(text) {
		fits++
	}
	first := "(the end)"
	if fits < len(want) {
		first = want[fits]
	}
	return fmt.Sprintf("the first line that was not printed so: %s\n--- want, which the document shows\n%s\n--- got\n%s",
		first, strings.Join(want, "\n"), strings.Join(got, "\n"))
}

// linesOf are a text's, without spaces at their ends or empty lines at its end.
func linesOf(text string) []string {
	all := strings.Split(strings.TrimRight(text, " \n"), "\n")
	for i := range all {
		all[i] = strings.TrimRight(all[i], " \t\r")
	}
	return all
}

const anything = "…"

// expression matches a text that begins with these lines.
func expression(want []string) string {
	var text strings.Builder
	text.WriteString("^")
	for _, line := range want {
		if strings.TrimSpace(line) == anything {
			text.WriteString(`(?:[^\n]*\n)*?`)
			continue
		}
		pieces := strings.Split(line, anything)
		for i := range pieces {
			pieces[i] = regexp.QuoteMeta(pieces[i])
		}
		text.WriteString(strings.Join(pieces, `[^\n]*`) + `\n`)
	}
	return text.String()
}

func TestCompare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		shown, printed string
		differs        string
	}{
		{"a\nb", "a\nb\n", ""},
		{"", "", ""},
		{"a\n", "a", ""},
		{"a\nb", "a\nc\n", "b"},
		{"a", "a\nb\n", "(the end)"},
		{"a\nb", "a\n", "b"},
		{"", "a\n", ""},
		{"a\n…", "a\nb\nc\n", ""},
		{"a\n…", "a\n", ""},
		{"{\n  …\n  x\n}", "{\n  a\n  b\n  x\n}\n", ""},
		{"{\n  …\n  x\n}", "{\n  a\n  b\n  y\n}\n", "  x"},
		{"a … c", "a b c", ""},
		{"a … c", "a b d", "a … c"},
		{"[x].*", "[x].*", ""},
		{"[x].*", "xyz", "[x].*"},
		{"at 2026-11-22T18:30:00+08:00", "at 2031-01-02T03:04:05.678Z", ""},
		{"at 2026-11-22T18:30:00+08:00", "at noon", "at <time>"},
		{`"timeEnd": "20261122183000"`, `"timeEnd": "20310102030405"`, ""},
		{`"nonceStr": "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"`, `"nonceStr": "short"`, `"nonceStr": …`},
		{"http://127.0.0.1:8601/a", "http://127.0.0.1:39999/a", ""},
		{"12 ms", "13 ms", ""},
		{"in /home/you/cloudpay/.cloudpay/bin", "in /tmp/1/.cloudpay/bin", ""},
		{"12 m", "13 m", "12 m"},
		{"took 12ms", "took 3.5s", ""},
	} {
		got := compare(strings.Split(c.shown, "\n"), c.printed)
		wantsNone := c.differs == "" && (c.shown != "" || c.printed == "")
		if wantsNone != (got == "") {
			t.Errorf("%q shown, %q printed: got %q", c.shown, c.printed, got)
		}
		if head, _, _ := strings.Cut(c.differs, anything); !strings.Contains(got, head) {
			t.Errorf("%q shown, %q printed: got %q, want it to name %q", c.shown, c.printed, got, c.differs)
		}
	}
}

// CONTRIBUTING.md tells authors of documents what may differ from run to run.
func TestFormsAreDocumented(t *testing.T) {
	t.Parallel()
	_, section, _ := strings.Cut(readRoot(t, "CONTRIBUTING.md"), "\n## Documents\n")
	section, _, _ = strings.Cut(section, "\n## ")
	section = strings.Join(strings.Fields(section), " ")
	for _, f := range forms {
		name := map[string]string{"folder": "the path to `.cloudpay`"}[f.name]
		if name == "" {
			name = f.name + "s"
		}
		if !strings.Contains(section, name) {
			t.Errorf("CONTRIBUTING.md does not say that %s are compared by their form", name)
		}
	}
}
