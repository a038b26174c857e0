package calls

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloudpay/internal/emulator/platform"
)

// root is the repository's.
var root = filepath.Join("..", "..", "..")

// document reads a file of the repository.
func document(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// row is a trigger's row in the table of docs/cli.md: its name, what it is, the callers that it can
// carry on most runtimes, and what differs on others.
func row(t trigger) string {
	callers := func(on platform.Runtime) string {
		if on == platform.Web && !t.isRequest(on) {
			return "none"
		}
		return "`" + strings.Join(t.callers(on), "`, `") + "`"
	}
	usual := callers(platform.Go1)
	text := usual
	for _, on := range []platform.Runtime{platform.CustomRuntime, platform.Node, platform.Lambda, platform.Web} {
		if differs := callers(on); differs != usual {
			text += fmt.Sprintf("; on %s %s", on, differs)
		}
	}
	return fmt.Sprintf("| `%s` | %s | %s |", t.name, t.meaning.EN, text)
}

// The table of triggers in docs/cli.md is the one of this package: each trigger in its order, with
// its meaning and its callers.
func TestTableOfTriggers(t *testing.T) {
	t.Parallel()
	want := []string{"| `--trigger` | is | callers |", "|---|---|---|"}
	for _, trigger := range triggers {
		want = append(want, row(trigger))
	}
	_, table, found := strings.Cut(document(t, "docs", "cli.md"), want[0]+"\n")
	table, _, _ = strings.Cut(table, "\n\n")
	if got := want[0] + "\n" + strings.TrimSuffix(table, "\n"); !found || got != strings.Join(want, "\n") {
		t.Errorf("docs/cli.md: got the table\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// docs/cli.md explains every form of --as, and the help of invoke names every trigger and every
// caller in both languages.
func TestNamesInDocuments(t *testing.T) {
	t.Parallel()
	guide := document(t, "docs", "cli.md")
	for _, kind := range []string{asNobody, asUser, asPage, asCognito, asService, asImpostor, asHTTP, asTimer} {
		if !regexp.MustCompile("(?m)^\\| (`[^|]*, )?`" + kind + "[:`]").MatchString(guide) {
			t.Errorf("docs/cli.md has no row of --as %s", kind)
		}
	}
	_, english, _ := strings.Cut(document(t, "cmd", "cloudpay", "help", "invoke.txt"), "-- en --")
	english, chinese, _ := strings.Cut(english, "-- zh --")
	chinese, _, _ = strings.Cut(chinese, "-- examples --")
	words := regexp.MustCompile(`[a-z]+(-[a-z]+)*`)
	for language, text := range map[string]string{"English": english, "Chinese": chinese} {
		said := words.FindAllString(text, -1)
		for _, name := range Triggers() {
			if !slices.Contains(said, name) {
				t.Errorf("the help of invoke says nothing of the trigger %s in %s", name, language)
			}
		}
	}
}
