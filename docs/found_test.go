package docs_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"cloudpay/internal/cause"
	"cloudpay/pkg/paygate"
)

const found = "docs/found.md"

// The numbers of rows that docs/found.md owes at least: WeChat Pay's complaints, CloudBase's
// settings, and doctor's faults.
const leastComplaints, leastSettings, leastFaults = 20, 20, 60

// TestFound: each row of docs/found.md says of each column how, or why not, and each name in it is
// that of a test, a fault, a check or a cause that exists.
func TestFound(t *testing.T) {
	t.Parallel()
	known := knownNames(t)
	tables := map[string]int{}
	section := ""
	for line := range strings.SplitSeq(read(t, found), "\n") {
		if match := heading.FindStringSubmatch(line); match != nil && len(match[1]) == 2 {
			section = match[2]
		}
		if cells := cellsOf(line); len(cells) == 5 && cells[0] != "#" && !separator.MatchString(line) {
			tables[section]++
			wantRow(t, section, cells, known)
		}
	}
	for section, least := range map[string]int{
		"What users complain of": leastComplaints, "What can be set wrongly at CloudBase": leastSettings,
		"What doctor finds": leastFaults,
	} {
		if tables[section] < least {
			t.Errorf("%s, %s: got %d rows, want %d at least", found, section, tables[section], least)
		}
	}
}

// reasons begin a cell that names nothing: it says why there is nothing to name.
var reasons = regexp.MustCompile(`^(not played|cannot know|nothing to explain|nothing to mend): .{8,}`)

func wantRow(t *testing.T, section string, cells []string, known names) {
	t.Helper()
	for i, column := range []string{"", "", "emulator", "doctor", "explain"} {
		named := known.check(t, section+", row "+cells[0], cells[i])
		isSame := strings.HasPrefix(cells[i], "the same")
		if column != "" && !named && !isSame && !reasons.MatchString(cells[i]) {
			t.Errorf("%s, %s, row %s: the column %s is %q: it names nothing, and does not say why",
				found, section, cells[0], column, cells[i])
		}
	}
}

// names are those that a row may have, by their kind.
type names struct {
	tests, faults, checks, rows, causes map[string]bool
}

var reference = regexp.MustCompile("(?:(fault|check|row) )?`([^`]+)`(?: of `([a-z0-9/]+)`)?|why\\.md#([a-z0-9-]+)")

// check reports whether a cell names anything, and complains about each name that does not exist.
func (n names) check(t *testing.T, where, cell string) bool {
	t.Helper()
	named := false
	for _, match := range reference.FindAllStringSubmatch(cell, -1) {
		kind, name, folder, anchor := match[1], match[2], match[3], match[4]
		kinds := map[string]map[string]bool{"fault": n.faults, "check": n.checks, "row": n.rows}
		exists := true
		switch {
		case anchor != "":
			exists = n.causes[anchor]
		case kind != "":
			exists = kinds[kind][name]
		case strings.HasPrefix(name, "Test"):
			exists = n.tests[name] && (folder == "" || n.tests[folder+" "+name])
		default: // a command, a variable, a header
		}
		named = true
		if !exists {
			t.Errorf("%s, %s: %s %s%s %s does not exist", found, where, kind, name, anchor, folder)
		}
	}
	return named
}

// knownNames reads the names from the sources and from the packages that have them.
func knownNames(t *testing.T) names {
	t.Helper()
	n := names{testNames(t), map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for _, action := range paygate.Actions() {
		n.faults[string(action)] = true
	}
	for _, match := range regexp.MustCompile(`\bCheck = "(\w+)"`).FindAllStringSubmatch(read(t, "internal/doctor/doctor.go"), -1) {
		n.checks[match[1]] = true
	}
	for _, c := range cause.All() {
		n.causes[string(c.ID)] = true
	}
	for _, f := range doctorsFaults(t) {
		n.rows[f.name] = true
	}
	return n
}

// testNames are those of every test of this repository, with and without their folder.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	names := map[string]bool{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (isBuilt(entry.Name()) || name != "." && strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case strings.HasSuffix(name, "_test.go"):
			for _, match := range function.FindAllStringSubmatch(read(t, name), -1) {
				names[match[1]] = true
				names[path.Dir(name)+" "+match[1]] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// cellsOf are the cells of a table's line, nil for another line.
func cellsOf(line string) []string {
	if !strings.HasPrefix(line, "| ") {
		return nil
	}
	const bar = "\x00"
	cells := strings.Split(strings.Trim(strings.ReplaceAll(line, `\|`, bar), "|"), "|")
	for i, cell := range cells {
		cells[i] = strings.ReplaceAll(strings.TrimSpace(cell), bar, `\|`)
	}
	return cells
}
