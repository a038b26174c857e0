package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/order"
	"cloudpay/internal/printable"
	"cloudpay/internal/schedule"
)

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

// inBoth runs something in each language.
func inBoth(run func(l *render.Language)) {
	run(&render.Language{})
	run(&render.Language{Chinese: true})
}

// printed is what a command prints, to either output, and its exit code.
func printed(t *testing.T, l *render.Language, args ...string) (text string, code int) {
	t.Helper()
	var out strings.Builder
	root := newRoot(l)
	root.SetArgs(args)
	root.SetIn(strings.NewReader(""))
	root.SetOut(&out)
	root.SetErr(&out)
	code = end(l, &out, root.ExecuteContext(t.Context()))
	return out.String(), code
}

// Every command and every flag says in Chinese what it is, and English help has no Chinese but
// WeChat Pay's own words and the way to the Chinese help.
func TestHelpInBothLanguages(t *testing.T) {
	t.Parallel()
	words := map[string]bool{"合单": true, "中文帮助：cloudpay --lang zh --help": true}
	inBoth(func(l *render.Language) {
		var look func(cmd *cobra.Command)
		look = func(cmd *cobra.Command) {
			said := map[string]string{"Short": cmd.Short, "Long": cmd.Long}
			for _, group := range cmd.Groups() {
				said["group "+group.ID] = group.Title
			}
			cmd.Flags().VisitAll(func(flag *pflag.Flag) { said["--"+flag.Name] = flag.Usage })
			cmd.InheritedFlags().VisitAll(func(flag *pflag.Flag) { said["--"+flag.Name] = flag.Usage })
			for what, text := range said {
				english := text
				for word := range words {
					english = strings.ReplaceAll(english, word, "")
				}
				switch {
				case text == "":
					t.Errorf("%s: %s says nothing", cmd.CommandPath(), what)
				case l.Chinese && !strings.ContainsFunc(text, isHan):
					t.Errorf("%s: %s is not Chinese: %s", cmd.CommandPath(), what, text)
				case !l.Chinese && strings.ContainsFunc(english, isHan):
					t.Errorf("%s: %s is not English: %s", cmd.CommandPath(), what, text)
				}
			}
			for _, sub := range cmd.Commands() {
				look(sub)
			}
		}
		look(newRoot(l))
	})
}

// The frame of a help is in the language, and so are the kinds of the flags and what they are when
// left out.
func TestHelpFrame(t *testing.T) {
	t.Parallel()
	english := []string{"Usage:", "Examples:", "Flags:", "Global Flags:", "[flags]", " string ", "(default 20s)"}
	chinese := []string{"用法：", "示例：", "选项：", "全局选项：", "[选项]", " 文本 ", "（默认 20s）"}
	inBoth(func(l *render.Language) {
		text, code := printed(t, l, "close", "--help")
		want, foreign := english, chinese
		if l.Chinese {
			want, foreign = chinese, english
		}
		for i := range want {
			if code != exitFine || !strings.Contains(text, want[i]) || strings.Contains(text, foreign[i]) {
				t.Errorf("chinese %t: exit code %d, want %q and no %q in\n%s", l.Chinese, code, want[i], foreign[i], text)
			}
		}
	})
	for args, want := range map[string]string{
		"":                        "使用 \"cloudpay [命令] --help\" 查看命令的详细说明。",
		"help orders import":      "import 登记文件中的订单",
		"orders":                  "可用命令：",
		"completion":              "生成 bash 的补全脚本",
		"completion bash --help":  "source <(cloudpay completion bash)",
		"--version":               "cloudpay 版本 ",
		"__complete emulate --ru": "云函数的运行方式",
		"__complete help orders ": "批量登记订单",
	} {
		given := strings.Split(args, " ")
		if args == "" {
			given = []string{}
		}
		if text, code := printed(t, &render.Language{Chinese: true}, given...); code != exitFine || !strings.Contains(text, want) {
			t.Errorf("%q: exit code %d, want %q in\n%s", args, code, want, text)
		}
	}
}

// Whatever is wrong with a command line is said in the language, with the same exit code.
func TestUsageErrorsInBothLanguages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, args := range [][]string{
		{"nosuch"},
		{"quary", "A1"},
		{"orders", "nosuch"},
		{"help", "nosuch"},
		{"completion", "nosuch"},
		{"completion", "bash", "extra"},
		{"close"},
		{"close", "--nosuch"},
		{"close", "-x"},
		{"close", "A1", "--api"},
		{"close", "A1", "--timeout", "long"},
		{"close", "A1", "--parallel", "many"},
		{"close", "A1", "--json=perhaps"},
		{"close", "--=x"},
		{"close", "A1", "--timeout", "0s"},
		{"close", "A1", "--parallel", "5"},
		{"close", "A1", "--created-at", "yesterday"},
		{"close", "A1", "--close-at", "tomorrow", "--total", "1.5"},
		{"close", "--combine", "C1", "--sub-order", "A1"},
		{"close", "A1", "--transaction-id", "1"},
		{"close", "A1", "A2", "--nonce-str", "abc"},
		{"close", "-", "-"},
		{"close", "A1", "--emulator", filepath.Join(dir, "none")},
		{"close", "A1", "--lang", "fr"},
		{"query"},
		{"query", "A1"},
		{"doctor", "now"},
		{"doctor", "--timeout", "-1s"},
		{"doctor", "--lang", "fr"},
		{"demo", "now"},
		{"demo", "--lang", "fr"},
		{"emulate", "now"},
		{"emulate", "--lang", "fr"},
		{"emulate", "--api", "v4"},
		{"emulate", "--region", "moon"},
		{"emulate", "--runtime", "nodejs"},
		{"emulate", "--admin-addr", "0.0.0.0:0"},
		{"emulate", "--dir", ""},
		{"emulate", "--dir", filepath.Join(dir, "e"), "--bin", dir, "--store", "redis://x"},
		{"emulate", "--dir", filepath.Join(dir, "e"), "--bin", dir, "--store", "none"},
		{"invoke"},
		{"invoke", "closeorder", "--lang", "fr"},
		{"invoke", "closeorder", "--timer", "--openid", "oABC"},
		{"orders", "list", "--store", "redis://x"},
		{"orders", "list", "--due", "--stuck"},
		{"orders", "list", "--limit", "-1"},
		{"orders", "add"},
		{"orders", "add", "A1", "--owner", "me"},
		{"orders", "import"},
		{"orders", "show"},
		{"orders", "reopen"},
		{"orders", "events", "--limit", "0"},
		{"orders", "events", "--after", "-1"},
		{"orders", "redeliver"},
		{"orders", "redeliver", "x"},
		{"orders", "redeliver", "1", "--all-dead"},
		{"orders", "redeliver", "--since", "x"},
		{"orders", "events", "--pending", "--dead"},
	} {
		inBoth(func(l *render.Language) {
			text, code := printed(t, l, args...)
			if code != exitUsage || !strings.HasPrefix(text, "cloudpay: ") {
				t.Errorf("%q: exit code %d, want %d and a reason: %s", args, code, exitUsage, text)
			}
			for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
				// A remedy may name a thing as the merchant console does, in English too.
				if isChinese := strings.ContainsFunc(line, isHan); l.Chinese && !isChinese || !l.Chinese && isChinese && i == 0 {
					t.Errorf("%q: chinese %t: got %s", args, l.Chinese, text)
				}
			}
		})
	}
}

// Errors of the system, of the store and of what a function's platform says are worded too.
func TestErrorsInChinese(t *testing.T) {
	t.Parallel()
	ref := order.Ref{Region: order.Mainland, MchID: "1", OutTradeNo: "A1"}
	for _, err := range []error{
		inStore(errors.New("pq: password authentication failed")),
		inStore(fmt.Errorf("looking up order %s: %w", ref, &schedule.NotRegisteredError{Ref: ref})),
		inStore(fmt.Errorf("registering orders: %w", &schedule.ConflictError{Ref: ref, Field: "total"})),
		&desk.NoAnswerError{Function: "closeorder", Status: "404 Not Found", Body: "FUNCTION_NOT_FOUND"},
		checkAddress("redis://h/d", "--store"),
		checkAddress("mysql://u:p@h", "--store"),
		checkAddress("mysql://u:p@h/d?tls=maybe", "--store"),
		checkAddress("mysql://u:p@h/d?max_conns=0", "--store"),
		checkAddress("mysql://u:p@h/d?charset=utf8", "--store"),
		checkAddress("postgres://u:p@h/d?sslmode=maybe", "--store"),
		checkAddress("sqlite:/x?y", "--store"),
		usage(errors.Join(order.MissingOutTradeNo(), fmt.Errorf("reading: %w", context.Canceled))),
	} {
		text := bilingual.Wording(err)
		if !strings.ContainsFunc(text.ZH, isHan) || strings.ContainsFunc(text.EN, isHan) || strings.Contains(text.ZH, " order") {
			t.Errorf("got %+v", text)
		}
	}
}

// hostile has one of each kind of character that a terminal obeys or shows as something else.
const hostile = "A\x1b[2J\u009b1m\u202e\u2066\u200b\ufeff\u00ad\u2028\x7f\U000e0041B"

// noControls fails when a text holds anything but graphic characters and ends of lines.
func noControls(t *testing.T, text string) {
	t.Helper()
	if text == "" {
		t.Error("nothing was printed")
	}
	if text != printable.Lines(text) || strings.Contains(text, "\t") {
		t.Errorf("passed raw: %q", text)
	}
}

// A complaint is printed without obeying what is in it.
func TestComplaintsAreEscaped(t *testing.T) {
	t.Parallel()
	inBoth(func(l *render.Language) {
		var out strings.Builder
		complain(l, &out, bilingual.Errorf("x %s\n%s", "错 %s\n%s", hostile, hostile))
		noControls(t, out.String())
	})
}

// What a function answers, and what the platform says instead, is printed without obeying it.
func TestInvokeShowsNoControls(t *testing.T) {
	t.Parallel()
	for status, body := range map[int]string{
		http.StatusOK:                  `{"attach":"` + strings.ReplaceAll(hostile, "\x1b", "") + `"}`,
		http.StatusInternalServerError: hostile,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(status)
			_, _ = rw.Write([]byte(body))
		}))
		dir := t.TempDir()
		if _, err := (desk.Description{CloudURL: server.URL}).Write(dir); err != nil {
			t.Fatal(err)
		}
		text, _ := printed(t, &render.Language{}, "invoke", "closeorder", "--dir", dir)
		noControls(t, text)
		if !strings.Contains(text, `\u202e`) {
			t.Errorf("got %q", text)
		}
		server.Close()
	}
}
