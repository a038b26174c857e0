package console

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"go/format"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cloudpay/internal/bilingual"
)

// codeText is a call in another language, to be copied.
type codeText struct {
	// ID is its place on the page, and Name what it is.
	ID   string
	Name bilingual.Text
	// Text is whole: it works where it is pasted, on this machine.
	Text string
	// Note is what has to be known of it; empty: nothing.
	Note bilingual.Text
}

// texts are a call as a command and as code. They are written from the very request that Invoke
// sends, so that they do what it does. Tokens stand in them as variables: no page shows one, and a
// text that is pasted into a chat or committed gives none away. The error is why the call cannot be
// made.
func (c *Console) texts(ctx context.Context, in invocation, got *result) ([]codeText, error) {
	request, _, err := c.prepare(ctx, in)
	if err != nil {
		return nil, err
	}
	body := []byte{}
	if request.Body != nil {
		if body, err = io.ReadAll(request.Body); err != nil {
			return nil, fmt.Errorf("reading a request in memory: %w", err)
		}
	}
	file, tokens := c.options.Calls.Tokens()
	w := wire{request, string(body), file, tokens}
	all := []codeText{
		{"curl", bilingual.New("as curl", "curl 命令"), w.curl(), w.signatureNote()},
		{"go", bilingual.New("as Go test", "Go 测试"), w.goTest(in, got), w.signatureNote()},
		{"cli", bilingual.New("as cloudpay invoke", "cloudpay invoke 命令"), in.command(file), bilingual.Text{}},
	}
	if text, note := in.miniProgram(request); text != "" {
		all = append(all, codeText{"wx", bilingual.New("as mini-program code", "小程序代码"), text, note})
	}
	return all, nil
}

// wire is a request that is to be written down.
type wire struct {
	*http.Request

	// body is the request's, which was read.
	body string
	// file has the tokens by the names of their variables, and tokens are their values.
	file   string
	tokens map[string]string // :: variable → token
}

// signatureNote says that a signature is valid for minutes, where there is one.
func (w wire) signatureNote() bilingual.Text {
	if authorization := w.Header.Get("Authorization"); authorization == "" || strings.HasPrefix(authorization, "Bearer ") {
		return bilingual.Text{}
	}
	return bilingual.New("Its signature is valid for five minutes: the emulator demands a key (--require-key).",
		"其中的签名五分钟内有效：模拟器要求密钥（--require-key）。")
}

// pieces cuts a text at its tokens, wherever they stand: in a header, as a member of an event, or
// within the string of an envelope. Each piece is a plain text, or the variable of a token. A token
// has no character that a shell, Go or JSON would write in another way: it is made of letters and
// digits.
func (w wire) pieces(text string) (all []piece) {
	for text != "" {
		at, name := len(text), ""
		for _, variable := range slices.Sorted(maps.Keys(w.tokens)) {
			if found := strings.Index(text, w.tokens[variable]); found >= 0 && found < at {
				at, name = found, variable
			}
		}
		if at > 0 {
			all = append(all, piece{text: text[:at]})
		}
		if name == "" {
			break
		}
		all = append(all, piece{variable: name})
		text = text[at+len(w.tokens[name]):]
	}
	return all
}

// piece is a part of a text: the text itself, or a variable.
type piece struct{ text, variable string }

// inShell is a text as one word of a POSIX shell: '…' for what stands as it is, "$…" for a token.
func (w wire) inShell(text string) string {
	var word strings.Builder
	for _, p := range w.pieces(text) {
		if p.variable != "" {
			word.WriteString(`"$` + p.variable + `"`)
			continue
		}
		word.WriteString(quoted(p.text))
	}
	return cmp.Or(word.String(), "''")
}

// inGo is a text as an expression of Go. What has quotes is written between backquotes where it can
// be, since JSON is easier to read so.
func (w wire) inGo(text string) string {
	var parts []string
	for _, p := range w.pieces(text) {
		switch {
		case p.variable != "":
			parts = append(parts, fmt.Sprintf("os.Getenv(%q)", p.variable))
		case strconv.CanBackquote(p.text) && strings.Contains(p.text, `"`) && !strings.ContainsFunc(p.text, hides):
			parts = append(parts, "`"+p.text+"`")
		default:
			parts = append(parts, strconv.Quote(p.text))
		}
	}
	return cmp.Or(strings.Join(parts, " + "), `""`)
}

// hides reports whether a character does not show, such as one that turns the text around: Go then
// has to show it with an escape.
func hides(r rune) bool { return !strconv.IsPrint(r) && r != '\t' }

// needed are the variables that the request needs, with the command that sets each. While a token
// is being rotated the file has two values with a blank between; the command takes the first.
func (w wire) needed() (variables, commands []string) {
	texts := []string{w.body}
	for _, values := range w.Header {
		texts = append(texts, values...)
	}
	for _, p := range w.pieces(strings.Join(texts, " ")) {
		if p.variable == "" || slices.Contains(variables, p.variable) {
			continue
		}
		variables = append(variables, p.variable)
		commands = append(commands, fmt.Sprintf(`export %s=$(grep -o '"%s": "[^" ]*' %s | head -n 1 | cut -d '"' -f 4)`,
			p.variable, p.variable, quoted(w.file)))
	}
	return variables, commands
}

// headers are the request's, sorted, without those that every client sets by itself.
func (w wire) headers() []string {
	names := slices.Sorted(maps.Keys(w.Header))
	return slices.DeleteFunc(names, func(name string) bool { return name == "User-Agent" })
}

// nextLine goes on with a shell's command in a line of its own.
const nextLine = " \\\n  "

// curl is the request as commands for a POSIX shell. --data-raw sends the body as it is, also one
// that begins with @, which -d would take for a file's name.
func (w wire) curl() string {
	_, lines := w.needed()
	words, address := []string{"curl"}, w.URL.String()
	if w.Method != http.MethodGet {
		words = append(words, "-X "+w.Method)
	}
	if strings.ContainsAny(address, "[]{}") {
		words = append(words, "--globoff") // in an address these are its own, and no patterns
	}
	parts := []string{strings.Join(append(words, quoted(address)), " ")}
	for _, name := range w.headers() {
		for _, value := range w.Header[name] {
			parts = append(parts, "-H "+w.inShell(name+": "+value))
		}
	}
	if w.body != "" {
		parts = append(parts, "--data-raw "+w.inShell(w.body))
	}
	return strings.Join(append(lines, strings.Join(parts, nextLine)), "\n")
}

// goTest is the request as a file of a Go test, which needs the standard library only. Before the
// call was made the test wants an answer; afterwards it wants the same HTTP status and the same
// outcome. Some answers have the outcome within the string of an envelope, where each quote has a
// backslash in front of it.
func (w wire) goTest(in invocation, got *result) string {
	status, outcome := http.StatusOK, ""
	if got != nil {
		status, outcome = got.Status, got.Outcome
	}
	variables, commands := w.needed()
	var text strings.Builder
	line := func(form string, values ...any) { fmt.Fprintf(&text, form+"\n", values...) }
	line("package cloudpay_test\n\nimport (")
	for _, name := range []string{"io", "net/http", "os", "regexp", "strings", "testing"} {
		if name == "os" && len(variables) == 0 || name == "regexp" && outcome == "" {
			continue
		}
		line("%q", name)
	}
	line(")\n")
	line("// %s is called by the trigger %s%s.", printed(in.Function), printed(cmp.Or(in.Trigger, "call")), asIn(in))
	for _, command := range commands {
		line("//\n//\t%s", command)
	}
	line("func TestInvoke(t *testing.T) {")
	for _, name := range variables {
		line("if os.Getenv(%q) == \"\" {\nt.Fatal(%q)\n}", name, name+" is not set")
	}
	line("request, err := http.NewRequestWithContext(t.Context(), %q, %q, strings.NewReader(%s))",
		w.Method, w.URL, w.inGo(w.body))
	line("if err != nil {\nt.Fatal(err)\n}")
	for _, name := range w.headers() {
		for _, value := range w.Header[name] {
			line("request.Header.Add(%q, %s)", name, w.inGo(value))
		}
	}
	line("response, err := http.DefaultClient.Do(request)\nif err != nil {\nt.Fatal(err)\n}")
	line("defer func() { _ = response.Body.Close() }()")
	line("answer, err := io.ReadAll(response.Body)")
	line("if err != nil || response.StatusCode != %d {\n"+
		"t.Fatalf(\"got %%s %%s (%%v), want %d\", response.Status, answer, err)\n}", status, status)
	if outcome != "" {
		line("outcome := regexp.MustCompile(`outcome\\\\*\":\\\\*\"(\\w+)`).FindSubmatch(answer)")
		if outcome == "closed" {
			line("// The order is closed by now, and WeChat Pay may say so to a further close.")
			line("if outcome == nil || string(outcome[1]) != \"closed\" && string(outcome[1]) != \"alreadyClosed\" {")
		} else {
			line("if outcome == nil || string(outcome[1]) != %q {", outcome)
		}
		line("t.Errorf(\"got %%s, want the outcome %%s\", answer, %q)\n}", outcome)
	}
	line("}")
	pretty, err := format.Source([]byte(text.String()))
	if err != nil {
		return text.String() // it is no worse for its indentation
	}
	return string(pretty)
}

// asIn is the caller in a sentence; empty for the trigger's own.
func asIn(in invocation) string {
	if in.Kind == "" {
		return ""
	}
	return " as " + printed(in.As())
}

// printed is a text within a comment: in one line, without what does not print. Else it could end
// the comment, or seem to.
func printed(text string) string {
	return strings.Trim(strconv.Quote(text), `"`)
}

// command is the invocation as `cloudpay invoke`, which finds the emulator and its tokens by the
// folder, and signs where the emulator demands it.
func (i invocation) command(file string) string {
	parts := []string{"cloudpay invoke " + quoted(i.Function) + " --emulator " + quoted(filepath.Dir(file))}
	for _, flag := range []struct{ name, value string }{
		{"trigger", i.Trigger}, {"as", i.As()}, {"method", i.Method}, {"path", i.Path}, {"at", i.At}, {"data", i.Data},
	} {
		if flag.value != "" {
			parts = append(parts, "--"+flag.name+"="+quoted(flag.value))
		}
	}
	return strings.Join(parts, nextLine)
}

// miniProgram is the call as a page of a mini-program makes it; empty for what no mini-program
// does: another trigger, another caller, an event that is no object. A web function is called by
// wx.cloud.callHTTPFunction.
func (i invocation) miniProgram(request *http.Request) (text string, note bilingual.Text) {
	isWeb := request.URL.Query().Get("webfn") == "true"
	var object map[string]json.RawMessage
	data := cmp.Or(i.Data, "{}")
	if cmp.Or(i.Trigger, "call") != "call" || i.Kind != "user" || json.Unmarshal([]byte(data), &object) != nil || object == nil {
		return "", bilingual.Text{}
	}
	note = bilingual.New("The platform names the user. wx.cloud calls the real cloud only: "+
		"how a page calls the emulator is in examples/miniprogram/cloud.js.",
		"用户由平台写明。wx.cloud 只能调用真实的云：页面如何调用模拟器，见 examples/miniprogram/cloud.js。")
	pretty := strings.ReplaceAll(literal(data), "\n", "\n  ")
	if !isWeb {
		return fmt.Sprintf("wx.cloud.callFunction({\n  name: %s,\n  data: %s,\n"+
			"}).then(({ result }) => console.log(result), console.error)",
			inJS(i.Function), pretty), note
	}
	path := "/" + strings.TrimPrefix(cmp.Or(i.Path, i.Function), "/")
	return fmt.Sprintf("wx.cloud.callHTTPFunction({\n  name: %s,\n  path: %s,\n  method: %s,\n"+
		"  header: { 'content-type': 'application/json' },\n"+
		"  data: %s,\n}).then(({ data }) => console.log(data), console.error)",
		inJS(i.Function), inJS(path), inJS(request.Method), pretty), note
}

// member is the name of a member in indented JSON, which has each in a line of its own.
var member = regexp.MustCompile(`(?m)^ *("(?:[^"\\]|\\.)*"): `)

// literal is an object of JSON as one of JavaScript, where a member __proto__ is no member unless
// its name is computed: it would be the object's prototype, and not be sent.
func literal(data string) string {
	return member.ReplaceAllStringFunc(indented([]byte(data)), func(line string) string {
		quoted := strings.TrimSuffix(strings.TrimLeft(line, " "), ": ")
		var name string
		if json.Unmarshal([]byte(quoted), &name) != nil || name != "__proto__" {
			return line
		}
		return strings.Replace(line, quoted, "["+quoted+"]", 1)
	})
}

// inJS is a text as a string of JavaScript.
func inJS(text string) string {
	written, _ := json.Marshal(text) // a string is always encoded; U+2028 is escaped
	return string(written)
}
