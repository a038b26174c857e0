package inspection_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudpay/internal/cli/inspection"
)

// program is a command that stands for cloudpay: a shell script that gets the arguments.
func program(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cloudpay")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// The command is run with the emulator's folder, or with a file that is there, and its findings are
// answered with their counts.
func TestDoctor(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, name := range []string{"serverless.yml", "secret.txt"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script := `echo '{"check":"store","level":"fault","found":"'"$*"'"}'
echo '{"check":"keys","level":"warning","subject":"WXPAY_API","found":"is v2","remedy":"give v3"}'
exit 1`
	d := inspection.Doctor{Program: program(t, script), Dir: "/emulator", Folder: folder, EnvFiles: []string{"/a.env"}}
	h := d.Handler()
	ask(t, h, http.MethodGet, "/doctor", "").want(200, `"serverless.yml"`).lacks("cloudbaserc", "secret")
	ask(t, h, http.MethodPost, "/doctor", "").want(200, "doctor --json --lang en --timeout 15s --emulator /emulator", `"faults": 1`, `"warnings": 1`, `"remedy": "give v3"`)
	ask(t, h, http.MethodPost, "/doctor?lang=zh", `{"deploy":"serverless.yml"}`).
		want(200, "--lang zh --timeout 15s --deploy "+folder+"/serverless.yml --env-file /a.env")
	for body, want := range map[string]string{
		`{"deploy":"cloudbaserc.json"}`: "there is no", `{"deploy":"secret.txt"}`: "there is no", `{"deploy":"../serverless.yml"}`: "there is no",
		`{"file":"x"}`: "the body must be", `[`: "the body must be",
	} {
		if got := ask(t, h, http.MethodPost, "/doctor", body); got.status/100 != 4 || !strings.Contains(got.text, want) {
			t.Errorf("%s: got %d %s", body, got.status, got.text)
		}
	}
}

// A command that fails, or says something else, is no examination.
func TestDoctorFails(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"echo 'no emulator runs' >&2; exit 2": "the examination failed: no emulator runs",
		"echo hello":                          "the findings cannot be read",
		"yes '{}'":                            "more findings than 1024 KiB",
	} {
		if strings.HasPrefix(script, "yes") {
			script += " | head -c 1100000" // which ends
		}
		d := inspection.Doctor{Program: program(t, script), Dir: "/emulator", Folder: t.TempDir()}
		ask(t, d.Handler(), http.MethodPost, "/doctor", "").want(502, want)
	}
	d := inspection.Doctor{Program: filepath.Join(t.TempDir(), "away"), Dir: "/emulator", Folder: t.TempDir()}
	ask(t, d.Handler(), http.MethodPost, "/doctor", "").want(502, "the examination failed")
}

// A second examination at the same time is refused; one whose caller goes away is ended with its
// process.
func TestDoctorOneAtATime(t *testing.T) {
	t.Parallel()
	begun := filepath.Join(t.TempDir(), "begun")
	if err := mkfifo(begun); err != nil {
		t.Skip("this system has no named pipes: one examination at a time is not tested")
	}
	d := inspection.Doctor{Program: program(t, "echo x > "+begun+"; exec sleep 600"), Dir: "/emulator", Folder: t.TempDir()}
	h := d.Handler()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	ended := make(chan error, 1)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/doctor", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
		}
		ended <- err
	}()
	if _, err := os.ReadFile(begun); err != nil { // until the command writes
		t.Fatal(err)
	}
	ask(t, h, http.MethodPost, "/doctor", "").want(429, "another one is being answered")
	ask(t, h, http.MethodGet, "/doctor", "").want(200)
	server.CloseClientConnections()
	if err := <-ended; err == nil {
		t.Error("the examination ended by itself")
	}
}
