package docs_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
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
	tables, ids := map[string]int{}, map[string]bool{}
	section := ""
	for line := range strings.SplitSeq(read(t, found), "\n") {
		if match := heading.FindStringSubmatch(line); match != nil && len(match[1]) == 2 {
			section = match[2]
		}
		if cells := cellsOf(line); len(cells) == 5 && cells[0] != "id" && !separator.MatchString(line) {
			tables[section]++
			if ids[cells[0]] || !idForm.MatchString(cells[0]) {
				t.Errorf("%s: the id %q is given twice, or is none", found, cells[0])
			}
			ids[cells[0]] = true
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

// idForm is the form of a row's id, which is no sequence number: rows come and go between others.
var idForm = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// reasons are how a cell begins that claims nothing: it says why there is nothing to claim.
var reasons = map[string]*regexp.Regexp{
	"emulator": regexp.MustCompile(`^not played[:;] .{8,}`),
	"doctor":   regexp.MustCompile(`^cannot know: .{8,}`),
	"explain":  regexp.MustCompile(`^nothing to (explain|mend): .{8,}`),
}

// wantRow wants of each cell a reason, or a claim with what proves it. An emulator plays something
// by a fault or an option, or as a test shows; doctor finds something in a test, which a row names;
// explain leads to a cause.
func wantRow(t *testing.T, section string, cells []string, known names) {
	t.Helper()
	for i, column := range []string{"", "", "emulator", "doctor", "explain"} {
		if column == "" { // the id, and what users say in their own words
			continue
		}
		named := known.check(t, section+", row "+cells[0], cells[i])
		proved := map[string]bool{
			"emulator": named["fault"] || named["option"] || named["test"],
			"doctor":   named["row"] || named["check"] && named["test"],
			"explain":  named["cause"],
		}
		if !proved[column] && !reasons[column].MatchString(cells[i]) {
			t.Errorf("%s, %s, row %s: the column %s is %q: it proves nothing, and does not say why",
				found, section, cells[0], column, cells[i])
		}
	}
}

// names are those that a row may have, by their kind.
type names struct {
	tests                        map[string][]string // :: test → its folders
	faults, checks, rows, causes map[string]bool
	// product is the text of the programs, their help and the descriptions beside them.
	product string
}

var reference = regexp.MustCompile("(?:(fault|check|row) )?`([^`]+)`(?: of `([a-z0-9/]+)`)?|why\\.md#([a-z0-9-]+)")

// check returns the kinds of the names in a cell, and complains about each name that does not
// exist, and about a test of which several packages have one.
func (n names) check(t *testing.T, where, cell string) map[string]bool {
	t.Helper()
	named := map[string]bool{}
	for _, match := range reference.FindAllStringSubmatch(cell, -1) {
		kind, name, folder, anchor := match[1], match[2], match[3], match[4]
		kinds := map[string]map[string]bool{"fault": n.faults, "check": n.checks, "row": n.rows}
		var exists bool
		switch {
		case anchor != "":
			kind, exists = "cause", n.causes[anchor]
		case kind != "":
			exists = kinds[kind][name]
		case strings.HasPrefix(name, "Test"):
			folders := n.tests[name]
			kind, exists = "test", len(folders) == 1 && folder == "" || slices.Contains(folders, folder)
		case strings.HasPrefix(name, "--"):
			kind, exists = "option", strings.Contains(n.product, `"`+strings.TrimPrefix(name, "--")+`"`)
		default: // a command, a variable, a header, a path: a word of the programs
			kind, exists = "word", strings.Contains(n.product, name)
		}
		named[kind] = true
		if !exists {
			t.Errorf("%s, %s: %s %s%s %s does not exist, or not once", found, where, kind, name, anchor, folder)
		}
	}
	return named
}

// knownNames reads the names from the sources and from the packages that have them.
func knownNames(t *testing.T) names {
	t.Helper()
	tests, product := repository(t)
	n := names{tests, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, product}
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

// inProduct matches the files whose words a row may use.
var inProduct = regexp.MustCompile(`^(cmd|functions|internal|pkg)/.*\.(go|md|html|js)$|^[a-z.]+\.(json|ya?ml)$`)

// repository reads the names of every test with the folders that have them, and the text of the
// programs.
func repository(t *testing.T) (tests map[string][]string, product string) {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	tests = map[string][]string{}
	var text strings.Builder
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (isBuilt(entry.Name()) || name != "." && strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case entry.IsDir():
		case strings.HasSuffix(name, "_test.go"):
			for _, match := range function.FindAllStringSubmatch(read(t, name), -1) {
				tests[match[1]] = append(tests[match[1]], path.Dir(name))
			}
		case inProduct.MatchString(name):
			text.WriteString(read(t, name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests, text.String()
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
