package calls_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudpay/internal/cli/calls"
	"cloudpay/internal/emulator/desk"
)

// The older flags name the same callers as --as, and are not mixed with it.
func TestNamedCaller(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		named calls.Named
		given string
		want  string
		wrong string
	}{
		"nobody":          {calls.Named{}, "", "", ""},
		"as":              {calls.Named{As: "user:oABC"}, "as", "user:oABC", ""},
		"an openid":       {calls.Named{OpenID: "oABC"}, "openid", "user:oABC", ""},
		"with an appid":   {calls.Named{OpenID: "oABC", AppID: "wx1"}, "openid appid", "user:wx1:oABC", ""},
		"a service":       {calls.Named{Service: true}, "service", "service", ""},
		"both":            {calls.Named{As: "service", OpenID: "oABC"}, "as openid", "", "--as: leave --openid"},
		"none":            {calls.Named{As: ""}, "as", "", "--as: must be nobody"},
		"an empty openid": {calls.Named{}, "openid", "", "--openid: must be 1 to 128"},
		"a bad appid":     {calls.Named{OpenID: "o", AppID: "a b"}, "openid appid", "", "--appid: must be 1 to 128"},
		"only an appid":   {calls.Named{AppID: "wx1"}, "appid", "", "--appid: says whose user"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := test.named.Caller(func(flag string) bool { return strings.Contains(" "+test.given+" ", " "+flag+" ") })
			if test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)) || test.wrong == "" && err != nil {
				t.Errorf("got error %v, want %q", err, test.wrong)
			}
			if got.String() != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestReadEvent(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(file, []byte(`{"a":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for data, want := range map[string]string{`{}`: `{}`, "@" + file: `{"a":1}`, "-": "from standard input"} {
		got, err := calls.ReadEvent(data, strings.NewReader("from standard input"))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s and error %v, want %s", data, got, err, want)
		}
	}
	if _, err := calls.ReadEvent("@"+file+"x", nil); err == nil {
		t.Error("a file that is not there is read")
	}
	if _, err := calls.ReadEvent("-", strings.NewReader(strings.Repeat("x", desk.MaxEvent+1))); err == nil {
		t.Error("an event of more than 6 MB is read")
	}
}
