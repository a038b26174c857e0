package telemetrytest_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"cloudpay/internal/telemetry/telemetrytest"
)

const variable = "CLOUDPAY_TEST_OUTPUT"

var numbers = regexp.MustCompile(`-[0-9]+`)

// written is every file below a folder, by its path without the numbers of the process and of the
// file.
func written(t *testing.T, dir string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := filepath.WalkDir(dir, func(file string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		name, _ := filepath.Rel(dir, file)
		texts[filepath.ToSlash(numbers.ReplaceAllString(name, ""))] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

func TestNothingIsWrittenUnasked(t *testing.T) {
	t.Setenv(variable, "")
	t.Chdir(t.TempDir())
	telemetrytest.Secret(t, telemetrytest.Token, "short")
	telemetrytest.Error(t, errors.New("fault"))
	out := telemetrytest.Output(t, telemetrytest.Logs)
	if n, err := out.Write([]byte("line\n")); out != io.Discard || n != 5 || err != nil {
		t.Errorf("got %T, which took %d bytes with error %v, want io.Discard", out, n, err)
	}
	if got := written(t, "."); len(got) != 0 {
		t.Errorf("got %v, want no files", got)
	}
}

func TestWhatIsWritten(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(variable, dir)
	program := filepath.Base(os.Args[0])
	for range 2 {
		telemetrytest.Secret(t, telemetrytest.Token, "fedcba9876543210TOKEN")
		telemetrytest.Secret(t, telemetrytest.Identity, "fedcba9876543210OPENID")
	}
	telemetrytest.Secret(t, telemetrytest.V2Key, "")
	telemetrytest.Error(t, errors.New("fault"))
	telemetrytest.Error(t, nil)
	t.Run("a/b 中", func(t *testing.T) {
		first, second := telemetrytest.Output(t, telemetrytest.Logs), telemetrytest.Output(t, telemetrytest.Replies)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { _, _ = io.WriteString(first, "line\n") })
		}
		all.Wait()
		_, _ = io.WriteString(second, "reply")
	})
	got := written(t, dir)
	for name, want := range map[string]string{
		"secrets/" + program + ".txt":                                "token all ZmVkY2JhOTg3NjU0MzIxMFRPS0VO\nidentity logs ZmVkY2JhOTg3NjU0MzIxME9QRU5JRA==\n",
		"output/errors/" + program + ".txt":                          "TestWhatIsWritten: fault\n",
		"output/logs/" + program + "/TestWhatIsWritten_a_b__.txt":    strings.Repeat("line\n", 10),
		"output/replies/" + program + "/TestWhatIsWritten_a_b__.txt": "reply",
	} {
		if got[name] != want {
			t.Errorf("%s: got %q, want %q", name, got[name], want)
		}
	}
	if len(got) != 4 {
		t.Errorf("got %d files, want 4: %v", len(got), got)
	}
}

// A folder that cannot be written must be seen: a check of nothing would pass.
func TestUnwritableFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(variable, file)
	if _, err := telemetrytest.Output(t, telemetrytest.Logs).Write([]byte("x")); err == nil {
		t.Error("Write: got no error")
	}
	wantFailure := func(t *testing.T, what string, use func(t testing.TB)) {
		t.Helper()
		f := &failing{TB: t}
		if use(f); !f.failed {
			t.Errorf("%s: got no failure", what)
		}
	}
	wantFailure(t, "Error", func(t testing.TB) { t.Helper(); telemetrytest.Error(t, errors.New("fault")) })
	for _, secret := range []string{"abcdefabcdefabcdef", "tooshort"} {
		wantFailure(t, "Secret "+secret, func(t testing.TB) { t.Helper(); telemetrytest.Secret(t, telemetrytest.Token, secret) })
	}
}

// leakcheck looks for a private key by its numbers, so it must have some where it is recorded.
func TestPrivateKeyThatIsNotPEM(t *testing.T) {
	t.Setenv(variable, t.TempDir())
	f := &failing{TB: t}
	if telemetrytest.Secret(f, telemetrytest.PrivateKey, "fedcba9876543210KEY"); !f.failed {
		t.Error("got no failure")
	}
}

// An appid that many tests print must not become a secret by the way.
func TestSecretThatIsCommon(t *testing.T) {
	t.Setenv(variable, t.TempDir())
	f := &failing{TB: t}
	if telemetrytest.Secret(f, telemetrytest.V3Key, "0123456789ABCDEFghijklmnopqrstuv"); !f.failed {
		t.Error("got no failure")
	}
}

// failing is a test that notes that it failed, and goes on.
type failing struct {
	testing.TB

	failed bool
}

func (f *failing) Fatalf(string, ...any) { f.failed = true }
