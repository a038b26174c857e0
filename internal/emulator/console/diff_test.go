package console

import (
	"strings"
	"testing"
	"time"
)

// marked writes spans as text, what differs between brackets.
func marked(spans []span) string {
	var text strings.Builder
	for _, s := range spans {
		switch {
		case s.Gap:
			text.WriteString("[]")
		case s.Differs:
			text.WriteString("[" + s.Text + "]")
		default:
			text.WriteString(s.Text)
		}
	}
	return text.String()
}

// What differs is marked by character on both sides, and characters without a shape have one.
func TestCompare(t *testing.T) {
	t.Parallel()
	for _, test := range [][4]string{
		{"same", "same", "same", "same"},
		{"", "", "", ""},
		{"abc", "", "[abc]", "[]"},
		{"timestamp 1554208460 end", "timestamp 1554208461 end", "timestamp 155420846[0] end", "timestamp 155420846[1] end"},
		{"/x?mchid=1\n", "/x\n", "/x[?mchid=1]⏎\n", "/x[]⏎\n"},
		{`{"a":1,"b":2}`, `{"a": 1, "b": 2}`, `{"a":[]1,[]"b":[]2}`, `{"a":[␣]1,[␣]"b":[␣]2}`},
		{"k9Qa1xZ", "r2QaYw7", "[k9Qa1xZ]", "[r2QaYw7]"},
		{"body\n", "body\r\n", "body[]⏎\n", "body[␍]⏎\n"},
		{"a\u00a0b", "a b", "a[⟨U+00A0⟩]b", "a[␣]b"},
		{"x\u200b\ty", "x\u200b\ty", "x⟨U+200B⟩⇥y", "x⟨U+200B⟩⇥y"},
		{"支付成功", "支付失败", "支付[成功]", "支付[失败]"},
	} {
		got := compare(test[0], test[1])
		if left, right := marked(got[0]), marked(got[1]); left != test[2] || right != test[3] {
			t.Errorf("%q beside %q: got %s and %s, want %s and %s", test[0], test[1], left, right, test[2], test[3])
		}
	}
}

// Texts that would take too long to compare are marked from the first difference to the last.
func TestCompareIsBounded(t *testing.T) {
	t.Parallel()
	const many = 3000
	got := compare("<"+strings.Repeat("ab", many)+">", "<"+strings.Repeat("ba", many)+">")
	if len(got[0]) != 3 || !got[0][1].Differs || got[0][0].Text != "<" || got[0][2].Text != ">" {
		t.Errorf("got %d spans", len(got[0]))
	}
}

// Nothing of either text is lost or added by a comparison.
func FuzzCompare(f *testing.F) {
	f.Add("GET\n/v3/x?a=1\n", "GET\n/v3/x\n")
	f.Add("aXbXc", "abc")
	f.Fuzz(func(t *testing.T, left, right string) {
		a, b := []rune(left), []rune(right)
		var gotLeft, gotRight []rune
		for _, e := range edits(a, b) {
			if e.alike && string(e.left) != string(e.right) {
				t.Errorf("%q and %q are said to be alike", string(e.left), string(e.right))
			}
			gotLeft, gotRight = append(gotLeft, e.left...), append(gotRight, e.right...)
		}
		if string(gotLeft) != string(a) || string(gotRight) != string(b) {
			t.Errorf("got %q and %q, want %q and %q", string(gotLeft), string(gotRight), left, right)
		}
	})
}

// Requests stand in the column of their minute, stacked by verdict, and older ones are left out.
func TestDraw(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 12, 0, 30, 0, time.UTC)
	got := draw([]request{
		{Time: now, Verdict: "ok"}, {Time: now.Add(-20 * time.Second), Verdict: "refused"}, {Time: now.Add(-time.Minute), Verdict: "unauthentic"},
		{Time: now.Add(-29 * time.Minute), Verdict: "ok"}, {Time: now.Add(-31 * time.Minute), Verdict: "ok"}, {Time: now.Add(time.Hour), Verdict: "ok"},
	}, now)
	if got.Total != 4 || got.Most != 2 || len(got.Bars) != 4 || len(got.Minutes) != 3 {
		t.Fatalf("got %+v", got)
	}
	last := got.Bars[3]
	if want := (bar{X: 29 * (barWidth + barGap), Y: 2, Width: barWidth, Height: 29, Kind: "refused"}); last != want {
		t.Errorf("got the bar %+v, want %+v", last, want)
	}
	if empty := draw(nil, now); len(empty.Bars) != 0 || empty.Total != 0 {
		t.Errorf("got %+v", empty)
	}
}

// A command has each word as it is meant, whatever is in it.
func TestCurlOf(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		`curl 'http://h/a?b=c'`:                         curlOf("GET", "http://h/a?b=c", ""),
		`curl -X POST 'http://h/' -d '{"a":"it'\''s"}'`: curlOf("POST", "http://h/", `{"a":"it's"}`),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration][2]string{
		0: {"0 s", "0秒"}, 59 * time.Second: {"59 s", "59秒"}, 5 * time.Minute: {"5 min", "5分"}, 90 * time.Second: {"1 min 30 s", "1分30秒"},
		25 * time.Hour: {"1 d 1 h", "1天1小时"}, 2*time.Hour + time.Minute: {"2 h 1 min", "2小时1分"},
	} {
		if got := [2]string{language{}.Duration(d), language{true}.Duration(d)}; got != want {
			t.Errorf("%s: got %q, want %q", d, got, want)
		}
	}
}
