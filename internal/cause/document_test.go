package cause_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cause"
)

var update = flag.Bool("update", false, "write the symptoms and the causes into docs/why.md (make generate)")

// TestWhyDocument compares docs/why.md and docs/why.zh.md with the tables; with -update it writes
// them.
func TestWhyDocument(t *testing.T) {
	t.Parallel()
	for file, chinese := range map[string]bool{"../../docs/why.md": false, "../../docs/why.zh.md": true} {
		page := document{chinese: chinese}
		read, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(read)
		for name, want := range map[string]string{"symptoms": page.symptoms(), "causes": page.causes()} {
			begin, end := "<!-- "+name+":begin -->\n", "<!-- "+name+":end -->"
			before, rest, begun := strings.Cut(text, begin)
			part, after, ended := strings.Cut(rest, end)
			if !begun || !ended {
				t.Fatalf("%s: got no %q before a %q, want the %s between the two", file, begin, end, name)
			}
			if diff := cmp.Diff(want, part); diff != "" && !*update {
				t.Errorf("%s is out of date, run make generate (-want +got):\n%s", file, diff)
			}
			text = before + begin + want + end + after
		}
		if *update {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// document writes a page in one language.
type document struct{ chinese bool }

func (d document) say(en, zh string) string { return bilingual.New(en, zh).In(d.chinese) }

// shown is how many causes of a symptom are listed in full; the others are links.
const shown = 8

// symptoms is a list of what can be seen, and then each with its messages and causes.
func (d document) symptoms() string {
	var page strings.Builder
	fmt.Fprintf(&page, "\n| %s | %s |\n|---|---|\n", d.say("you see", "看到的"), d.say("look first at", "首先检查"))
	for _, s := range cause.Symptoms() {
		title := s.Title.In(d.chinese)
		fmt.Fprintf(&page, "| [%s](#%s) | %s |\n", title, anchorOf(title), linked(s.IDs[0]))
	}
	for _, s := range cause.Symptoms() {
		fmt.Fprintf(&page, "\n### %s\n\n", s.Title.In(d.chinese))
		fmt.Fprintf(&page, "| %s | %s |\n|---|---|\n", d.say("message", "报错"), d.say("shown by", "来源"))
		d.messages(&page, s)
		if len(s.IDs) == 1 {
			page.WriteString("\n" + wrap(d.say("The cause is ", "原因是 ")+linked(s.IDs[0])+d.say(": ", "：")+
				d.what(s.IDs[0])+d.say(".", "。")))
			continue
		}
		page.WriteString("\n" + d.say("Its causes, the likeliest first:", "可能的原因，最常见的在前：") + "\n\n")
		full, rest := s.IDs, []cause.ID(nil)
		if len(full) > shown+1 {
			full, rest = full[:shown], full[shown:]
		}
		for i, id := range full {
			page.WriteString(wrap(fmt.Sprintf("%d. %s%s%s", i+1, linked(id), d.say(": ", "："), d.what(id))))
		}
		if len(rest) > 0 {
			links := make([]string, len(rest))
			for i, id := range rest {
				links[i] = linked(id)
			}
			page.WriteString("\n" + wrap(d.say("Rarer: ", "较少见：")+strings.Join(links, d.say(", ", "、"))+d.say(".", "。")))
		}
	}
	page.WriteString("\n")
	return page.String()
}

// messages writes a row for each text, with all who show it.
func (d document) messages(page *strings.Builder, s cause.Symptom) {
	by := map[string][]string{}
	var texts []string
	for _, m := range s.Messages {
		if _, has := by[m.Text]; !has {
			texts = append(texts, m.Text)
		}
		from := m.From
		if local, has := map[string]string{"WeChat Pay": "微信支付", "the emulated WeChat Pay": "模拟的微信支付"}[from]; has {
			from = d.say(from, local)
		}
		by[m.Text] = append(by[m.Text], from)
	}
	for _, text := range texts {
		fmt.Fprintf(page, "| %s | %s |\n", verbatim(text), strings.Join(by[text], d.say(", ", "、")))
	}
}

// causes is a section for each cause, below a heading for each side.
func (d document) causes() string {
	var page strings.Builder
	var side cause.Side
	for _, c := range cause.All() {
		if c.Side != side {
			side = c.Side
			fmt.Fprintf(&page, "\n## %s\n", d.side(side))
		}
		fmt.Fprintf(&page, "\n### %s\n\n", c.ID)
		page.WriteString(wrap(d.sentence(d.what(c.ID))))
		page.WriteString("\n" + wrap("- "+d.say("**Mend it:** ", "**处理：**")+marked(c.Remedy.In(d.chinese))))
		if decides := c.Decides.In(d.chinese); decides != "" {
			page.WriteString(wrap("- " + d.say("**What decides:** ", "**如何判定：**") + marked(decides)))
		}
		page.WriteString(wrap("- " + d.say("**Seen as:** ", "**表现：**") + strings.Join(d.seenAs(c.ID), d.say("; ", "；"))))
	}
	page.WriteString("\n")
	return page.String()
}

func (d document) side(side cause.Side) string {
	return map[cause.Side]string{
		cause.V3:           d.say("Causes in an APIv3 request", "APIv3 请求中的原因"),
		cause.V2:           d.say("Causes in an APIv2 request", "APIv2 请求中的原因"),
		cause.Reply:        d.say("Causes in verifying a reply", "应答验签中的原因"),
		cause.Notification: d.say("Causes in reading a notification", "处理回调通知中的原因"),
		cause.PaySign:      d.say("Causes in what a client is handed to pay with", "调起支付参数中的原因"),
		cause.Account:      d.say("Causes in the account", "商户账户方面的原因"),
	}[side]
}

func (d document) what(id cause.ID) string {
	c, _ := cause.Of(id)
	return marked(c.What.In(d.chinese))
}

// seenAs are links to the symptoms of a cause.
func (d document) seenAs(id cause.ID) []string {
	var links []string
	for _, s := range cause.Symptoms() {
		if title := s.Title.In(d.chinese); slices.Contains(s.IDs, id) {
			links = append(links, fmt.Sprintf("[%s](#%s)", title, anchorOf(title)))
		}
	}
	return links
}

func linked(id cause.ID) string { return fmt.Sprintf("[%s](#%[1]s)", id) }

// sentence begins with a capital in English, unless that is in code, and ends with a full stop.
func (d document) sentence(clause string) string {
	first, size := utf8.DecodeRuneInString(clause)
	if d.chinese {
		return clause + "。"
	}
	return string(unicode.ToUpper(first)) + clause[size:] + "."
}

// verbatim is a cell with a text in code style.
func verbatim(text string) string {
	text = strings.ReplaceAll(text, "|", `\|`)
	if strings.Contains(text, "`") {
		return "`` " + text + " ``"
	}
	return "`" + text + "`"
}

// inCode matches what stands in code style in documents, and not in a terminal.
var inCode = regexp.MustCompile(strings.Join([]string{
	`RSASSA-PKCS1-v1_5`,
	`openssl \w+(?: -\w+(?: [a-z_]+\.pem)?)+`,
	`Authorization: WECHATPAY2[A-Z0-9-]+`, `mchid="…"[!-~…]+"`,
	`Accept: application/json`,
	`Wechatpay-Serial: PUB_KEY_ID_…`,
	`Wechatpay-[A-Z][a-z]+(?:-[A-Z][a-z]+)*`,
	`method \+ "\\n"[ -~]+"\\n"`,
	`"(?:\\[rn])+"`, `\$'\\n'`, `\\n`,
	`Math\.floor\(Date\.now\(\) / 1000\)`, `System\.currentTimeMillis\(\) / 1000`, `getBytes\([^)]*\)`,
	`<[!-~…]+>`, `&key=`, `\{\}`,
	`(?:GET )?/v3/[!-~…]*[A-Za-z0-9…]`, `WECHATPAY[2/][A-Z0-9/-]+`,
	`[A-Za-z][A-Za-z0-9.]*_[A-Za-z0-9_.…]*[A-Za-z0-9_…]`, `\bmchid\b`,
}, "|"))

// marked is a text of the table with what is code in code style.
func marked(text string) string {
	text = inCode.ReplaceAllStringFunc(text, func(code string) string { return "`" + code + "`" })
	return text
}

// anchorOf is the name by which a link reaches a heading, as GitHub makes it.
func anchorOf(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, title)
}

// unit matches what a line of Markdown is not broken in: code, a link's target, a word, one Chinese
// letter with the punctuation behind it.
var unit = regexp.MustCompile("`[^`]*`[，。；：、）,.;:)]*|\\]\\([^)]*\\)[，。；：、）,.;:)]*| |" +
	"\\[?[\\p{Han}（“][，。；：、）”]*|\\[?[^ \\p{Han}（“`\\[\\]]+|.")

// units are the pieces of a text. A link's target is never the first of a line.
func units(text string) []string {
	var all []string
	for _, u := range unit.FindAllString(text, -1) {
		if last := len(all) - 1; last >= 0 && strings.HasPrefix(u, "]") && all[last] != " " {
			all[last] += u
			continue
		}
		all = append(all, u)
	}
	return all
}

// wrap breaks a paragraph, or an item of a list, into lines of 100 columns at the most. An item's
// further lines are indented. A Chinese letter may be broken behind.
func wrap(text string) string {
	const widest = 100
	indent := ""
	if marker := regexp.MustCompile(`^(?:- |\d+\. )`).FindString(text); marker != "" {
		indent = strings.Repeat(" ", len(marker))
	}
	var b strings.Builder
	column, pending := 0, ""
	for _, u := range units(text) {
		if u == " " {
			pending = " "
			continue
		}
		width := utf8.RuneCountInString(u)
		if column > len(indent) && column+len(pending)+width > widest {
			b.WriteString("\n" + indent)
			column, pending = len(indent), ""
		}
		b.WriteString(pending + u)
		column += len(pending) + width
		pending = ""
	}
	b.WriteString("\n")
	return b.String()
}

func TestWrap(t *testing.T) {
	t.Parallel()
	word := strings.Repeat("x", 60)
	for text, want := range map[string]string{
		"short":                              "short\n",
		word + " " + word:                    word + "\n" + word + "\n",
		"- " + word + " " + word:             "- " + word + "\n  " + word + "\n",
		"1. `" + word + " y` " + word:        "1. `" + word + " y`\n   " + word + "\n",
		"[" + word + " y](#" + word + ")":    "[" + word + "\ny](#" + word + ")\n",
		"[a](#b): " + word + ", `c` " + word: "[a](#b): " + word + ", `c`\n" + word + "\n",
		strings.Repeat("好", 100) + "，人":      strings.Repeat("好", 99) + "\n好，人\n",
		strings.Repeat("好", 99) + "，人":       strings.Repeat("好", 99) + "，\n人\n",
	} {
		if got := wrap(text); got != want {
			t.Errorf("wrap(%q): got %q, want %q", text, got, want)
		}
	}
}
