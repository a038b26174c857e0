package calls_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/calls"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/access"
	"cloudpay/internal/emulator/desk"
)

// read reads a command line, and returns the call of queryorder.
func read(t *testing.T, stdin string, args ...string) (calls.Call, error) {
	t.Helper()
	var f calls.Flags
	flags := pflag.NewFlagSet("invoke", pflag.ContinueOnError)
	f.Register(&render.Language{}, flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	if err := f.Check(flags.Changed); err != nil {
		return calls.Call{}, err
	}
	return f.Call("queryorder", strings.NewReader(stdin))
}

// The older flags name the same callers as --as, and are not mixed with it.
func TestNamedCaller(t *testing.T) {
	t.Parallel()
	for args, test := range map[string]struct{ want, wrong string }{
		"":                          {"", ""},
		"--as=user:oABC":            {"user:oABC", ""},
		"--openid=oABC":             {"user:oABC", ""},
		"--openid=oABC --appid=wx1": {"user:wx1:oABC", ""},
		"--service":                 {"service", ""},
		"--openid=oABC --service":   {"user:oABC", ""},
		"--as=service --openid=oA":  {"", "--as: leave --openid"},
		"--as=":                     {"", "--as: must be nobody"},
		"--openid=":                 {"", "--openid: must be 1 to 128"},
		"--openid=o --appid=a.b":    {"", "--appid: must be 1 to 128"},
		"--appid=wx1":               {"", "--appid: is the mini-program of a user"},
	} {
		got, err := read(t, "", strings.Fields(args)...)
		if test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)) || test.wrong == "" && err != nil {
			t.Errorf("%s: got error %v, want %q", args, err, test.wrong)
		}
		if got.As.String() != test.want {
			t.Errorf("%s: got %q, want %q", args, got.As, test.want)
		}
	}
}

// A timer is fired by its own flag or by its trigger, now or at a time; a time without a zone is in
// this machine's.
func TestTimerFlags(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]time.Time{
		"--timer":                                        {},
		"--timer --at=2026-11-29T18:30:00+08:00":         time.Date(2026, 11, 29, 10, 30, 0, 0, time.UTC),
		"--trigger=timer --at=2026-11-29T18:30":          time.Date(2026, 11, 29, 18, 30, 0, 0, time.Now().Location()),
		"--trigger=timer --at=2026-11-29 --as=nobody":    time.Date(2026, 11, 29, 0, 0, 0, 0, time.Now().Location()),
		"--trigger=timer --at=2026-11-29T18:30:00Z":      time.Date(2026, 11, 29, 18, 30, 0, 0, time.UTC),
		"--trigger=timer --at=2026-11-29T18:30:05-03:30": time.Date(2026, 11, 29, 22, 0, 5, 0, time.UTC),
	} {
		got, err := read(t, "", strings.Fields(args)...)
		if err != nil || !got.At.Equal(want) || got.Trigger != "timer" || got.Data != nil {
			t.Errorf("%s: got %+v and error %v, want a timer at %v", args, got, err, want)
		}
	}
	for args, want := range map[string]string{
		"--timer --as=nobody":   "--timer: is the platform's own call; leave --as out",
		"--timer --data={}":     "--timer: is the platform's own call; leave --data out",
		"--timer --trigger=sqs": "--timer: is the platform's own call; leave --trigger out",
		"--timer --at=":         "--at: must be a time such as 2026-11-29T18:30:00+08:00",
		"--timer --at=tomorrow": "--at: must be a time such as 2026-11-29T18:30:00+08:00",
	} {
		if _, err := read(t, "", strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", args, err, want)
		}
	}
}

// A key is ID:SECRET, and is not shown when it is wrong. All faults are reported together.
func TestKeyFlag(t *testing.T) {
	t.Parallel()
	got, err := read(t, "", "--trigger=aws", "--key=AKID:secret")
	if want := (access.Key{ID: "AKID", Secret: "secret"}); err != nil || got.Key != want {
		t.Errorf("got %+v and error %v", got.Key, err)
	}
	for _, key := range []string{"", "hidden", ":hidden", "AKID:", "A B:hidden"} {
		_, err := read(t, "", "--key="+key, "--at=soon", "--as=x")
		text := bilingual.Wording(err)
		for _, want := range []string{"--key: ", "--at: ", "--as: "} {
			if !strings.Contains(text.EN, want) || strings.Contains(text.EN, "hidden") || !strings.Contains(text.ZH, "--key：须写作 ID:SECRET") {
				t.Errorf("%q: got %+v, want %q and no secret", key, text, want)
			}
		}
	}
}

func TestEvent(t *testing.T) {
	t.Parallel()
	file, empty := filepath.Join(t.TempDir(), "event.json"), filepath.Join(t.TempDir(), "empty")
	for path, text := range map[string]string{file: `{"a":1}`, empty: ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for data, want := range map[string]string{`{}`: `{}`, "@" + file: `{"a":1}`, "-": "from standard input", "@" + empty: "", "": ""} {
		got, err := read(t, "from standard input", "--data="+data)
		if err != nil || string(got.Data) != want || got.Data == nil {
			t.Errorf("%s: got %s and error %v, want %s", data, got.Data, err, want)
		}
	}
	if got, err := read(t, "from standard input"); err != nil || got.Data != nil {
		t.Errorf("without --data: got %s and error %v, want none", got.Data, err)
	}
	if _, err := read(t, "", "--data=@"+file+"x"); err == nil || !strings.Contains(err.Error(), "--data: ") {
		t.Errorf("a file that is not there: got %v", err)
	}
	if _, err := read(t, strings.Repeat("x", desk.MaxEvent+1), "--data=-"); err == nil || !strings.Contains(err.Error(), "6 MB") {
		t.Errorf("an event of more than 6 MB: got %v", err)
	}
}
