package world

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/desk"
)

// TestScenarioFile: a file is read and played, and one that cannot be is refused before anything is
// built.
func TestScenarioFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for name, want := range map[string]string{
		filepath.Join(dir, "away.json"):                          "no such file",
		path("long.json", strings.Repeat(" ", maxScenario)+"{}"): "longer than 256 KiB",
		path("wrong.json", `{"faults":`):                         "is not JSON",
		dir:                                                      "directory",
	} {
		_, err := readScenario(name)
		if text := bilingual.Wording(err); err == nil || !strings.Contains(text.EN, want) || !strings.HasPrefix(text.ZH, "--scenario：") {
			t.Errorf("%s: got %+v, want %q", name, text, want)
		}
	}
	d, err := desk.Start(t.Context(), t.TempDir(), desk.Addresses{Gateway: desk.AnyPort, Backup: desk.AnyPort, Admin: desk.AnyPort})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	for text, want := range map[string]string{
		`{"wechatpay":{"faults":[{"action":"melt"}]}}`: `--scenario: wechatpay: fault 1: action: "melt" must be one of`,
		`{"wechatpay":{"domains":{"backup":"down"}}}`:  "",
	} {
		w := &World{}
		if w.scenario, err = readScenario(path("right.json", text)); err != nil {
			t.Fatal(err)
		}
		if err := w.play(d); (err == nil) != (want == "") || !strings.Contains(bilingual.Wording(err).EN, want) {
			t.Errorf("%s: got the error %v, want %q", text, err, want)
		}
	}
	if d.Gateway.DomainUp("backup") {
		t.Error("the scenario was not played")
	}
	if err := (&World{}).play(d); err != nil {
		t.Errorf("without a scenario: %v", err)
	}
}
