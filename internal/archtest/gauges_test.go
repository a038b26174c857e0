package archtest

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/modfile"
)

// maxExported is the most exported names of a package; methods do not count.
const maxExported = 20

// exportedCeilings are the packages that may export more: libraries for others, and vocabularies.
var exportedCeilings = map[string]int{
	"internal/order":           64,
	"internal/schedule":        55,
	"internal/schedule/outbox": 24,
	"pkg/paygate":              60,
	"pkg/v3json":               39,
}

// TestGauges holds the tree to ceilings, so that it does not drift: each subtest lists the
// offenders of one gauge and allows so many. A ceiling is lowered when the tree gets better, and
// not raised.
func TestGauges(t *testing.T) {
	t.Parallel()
	files := readModule(t)
	for name, gauge := range map[string]struct {
		most      int
		offenders func(sourceFile) []string
	}{
		"comment lines wider than 100 columns":        {0, wideComments},
		"comment lines of product code about persons": {20, persons},
		"structs with a field OutTradeNo":             {14, orderNumbers},
		"directives for the linter":                   {40, directives},
		"lines of cmd/cloudpay":                       {4300, commandLines}, // of 26 commands, nine of them for a register of years
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var found []string
			for _, file := range files {
				found = append(found, gauge.offenders(file)...)
			}
			if len(found) > gauge.most {
				t.Errorf("got %d, want at most %d, in %s", len(found), gauge.most, byFile(found))
			}
		})
	}
}

// TestArrowsAreNeeded holds the table to what is imported: an arrow without an import allows more
// than the design has.
func TestArrowsAreNeeded(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	own := modfile.ModulePath(text) + "/"
	imported := map[string][]string{}
	for _, file := range readModule(t) {
		arrow, named := find(arrows, file.pkg())
		if !named || strings.HasSuffix(file.path, "_test.go") {
			continue
		}
		for _, spec := range file.tree.Imports {
			ours := strings.TrimPrefix(strings.Trim(spec.Path.Value, `"`), own)
			imported[arrow.Package] = append(imported[arrow.Package], ours)
		}
	}
	for _, arrow := range arrows {
		imports := imported[arrow.Package]
		for _, ours := range arrow.Ours {
			if !slices.ContainsFunc(imports, func(path string) bool { return matches(ours, path) }) {
				t.Errorf("%s imports nothing of %s: remove that from its row", arrow.Package, ours)
			}
		}
		for _, theirs := range arrow.Theirs {
			if !slices.ContainsFunc(imports, func(path string) bool { return isUnder(path, theirs) }) {
				t.Errorf("%s imports nothing of %s: remove that from its row", arrow.Package, theirs)
			}
		}
	}
}

func TestExportedNames(t *testing.T) {
	t.Parallel()
	exported := map[string][]string{}
	for _, file := range readModule(t) {
		if file.isProduct {
			exported[file.pkg()] = append(exported[file.pkg()], file.exported()...)
		}
	}
	for pkg, names := range exported {
		most := max(maxExported, exportedCeilings[pkg])
		if len(names) > most {
			t.Errorf("%s: got %d exported names, want at most %d: %s", pkg, len(names), most, strings.Join(names, ", "))
		}
	}
}

// TestCommentShare holds the whole of the product code between too little said and too much.
func TestCommentShare(t *testing.T) {
	t.Parallel()
	const least, most = 18, 27
	shares := map[string]string{}
	var comments, code int
	for _, file := range readModule(t) {
		if !file.isProduct {
			continue
		}
		own := len(file.comments())
		comments += own
		code += file.codeLines()
		shares[file.path] = fmt.Sprintf("%s %d %%", file.path, percent(own, file.codeLines()))
	}
	if share := percent(comments, code); share < least || share > most {
		t.Errorf("got %d %% comment lines, want %d to %d %%:\n%s", share, least, most,
			strings.Join(slices.Sorted(maps.Values(shares)), "\n"))
	}
}

func percent(comments, code int) int { return 100 * comments / max(comments+code, 1) }

// TestFunctionLengths counts the lines from func to the closing brace.
func TestFunctionLengths(t *testing.T) {
	t.Parallel()
	const median, p90 = 10, 23
	var lengths []int
	for _, file := range readModule(t) {
		if file.isProduct {
			lengths = append(lengths, file.functionLengths()...)
		}
	}
	slices.Sort(lengths)
	if got := lengths[len(lengths)/2]; got > median {
		t.Errorf("half of the functions: got %d lines, want at most %d", got, median)
	}
	if got := lengths[len(lengths)*9/10]; got > p90 {
		t.Errorf("nine in ten functions: got %d lines, want at most %d", got, p90)
	}
}

// sourceFile is one file of the module.
type sourceFile struct {
	path      string
	isProduct bool // not a test, nor in a package for tests or for the Makefile
	lines     []string
	set       *token.FileSet
	tree      *ast.File
}

// forDevelopers matches the packages of this module that are not part of the product.
var forDevelopers = regexp.MustCompile(`^internal/(archtest|toolchain|diagnosis/mutants)\b|(test|fakestore)$`)

func readModule(t *testing.T) []sourceFile {
	t.Helper()
	files, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// parsed is every file of the module, whatever its build constraints. It is parsed once, and in
// this process, so that the go command knows which files the tests depend on.
var parsed = sync.OnceValues(func() ([]sourceFile, error) {
	module := os.DirFS("../..")
	var files []sourceFile
	err := fs.WalkDir(module, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && isNotOurs(module, name):
			return fs.SkipDir
		case entry.IsDir(), path.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(module, name)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, name, text, parser.ParseComments)
		files = append(files, sourceFile{
			path: name, isProduct: !strings.HasSuffix(name, "_test.go") && !forDevelopers.MatchString(path.Dir(name)),
			lines: strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"), set: set, tree: tree,
		})
		return err
	})
	return files, err
})

func (f sourceFile) pkg() string { return path.Dir(f.path) }

// comments are the numbers of the lines that hold nothing but a comment.
func (f sourceFile) comments() []int {
	return f.linesWith(func(line string) bool { return strings.HasPrefix(strings.TrimSpace(line), "//") })
}

func (f sourceFile) linesWith(property func(line string) bool) []int {
	var numbers []int
	for i, line := range f.lines {
		if property(line) {
			numbers = append(numbers, i+1)
		}
	}
	return numbers
}

func (f sourceFile) codeLines() int {
	filled := f.linesWith(func(line string) bool { return strings.TrimSpace(line) != "" })
	return len(filled) - len(f.comments())
}

func (f sourceFile) exported() []string {
	var names []string
	keep := func(name *ast.Ident) {
		if name.IsExported() {
			names = append(names, name.Name)
		}
	}
	for _, declaration := range f.tree.Decls {
		switch declaration := declaration.(type) {
		case *ast.FuncDecl:
			if declaration.Recv == nil {
				keep(declaration.Name)
			}
		case *ast.GenDecl:
			for _, spec := range declaration.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					keep(spec.Name)
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						keep(name)
					}
				}
			}
		}
	}
	return names
}

func (f sourceFile) functionLengths() []int {
	var lengths []int
	for _, declaration := range f.tree.Decls {
		if function, is := declaration.(*ast.FuncDecl); is && function.Body != nil {
			lengths = append(lengths, f.set.Position(function.End()).Line-f.set.Position(function.Pos()).Line+1)
		}
	}
	return lengths
}

// at names the places of lines.
func (f sourceFile) at(lines ...int) []string {
	places := make([]string, 0, len(lines))
	for _, line := range lines {
		places = append(places, fmt.Sprintf("%s:%d", f.path, line))
	}
	return places
}

// wideComments leaves out the output of an example, which is compared as it stands.
func wideComments(f sourceFile) []string {
	const widest, tab = 100, "    "
	inOutput := false
	return f.at(f.linesWith(func(line string) bool {
		trimmed := strings.TrimSpace(line)
		inOutput = strings.HasPrefix(trimmed, "//") && (inOutput || strings.HasPrefix(trimmed, "// Output:"))
		return strings.HasPrefix(trimmed, "//") && !inOutput &&
			len([]rune(strings.ReplaceAll(line, "\t", tab))) > widest
	})...)
}

// TestMarkdownWidth wants prose in Markdown wrapped at the width of comments. Tables and code are
// as wide as they are, and so is a line without a space, such as an address.
func TestMarkdownWidth(t *testing.T) {
	t.Parallel()
	module := os.DirFS("../..")
	var found []string
	err := fs.WalkDir(module, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"):
			return fs.SkipDir
		case entry.IsDir(), path.Ext(name) != ".md":
			return nil
		}
		text, err := fs.ReadFile(module, name)
		for _, number := range wideProse(string(text)) {
			found = append(found, fmt.Sprintf("%s:%d", name, number))
		}
		return err
	})
	if err != nil || len(found) > 0 {
		t.Errorf("got %d wide lines, want none (%v), in %s", len(found), err, byFile(found))
	}
}

// wideProse are the numbers of the wide lines of a text in Markdown.
func wideProse(text string) []int {
	const widest = 100
	var numbers []int
	inCode := false
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimLeft(line, " ")
		switch {
		case strings.HasPrefix(trimmed, "```"):
			inCode = !inCode
		case inCode, strings.HasPrefix(trimmed, "|"), !strings.Contains(trimmed, " "):
		case len([]rune(line)) > widest:
			numbers = append(numbers, i+1)
		}
	}
	return numbers
}

func TestWideProse(t *testing.T) {
	t.Parallel()
	wide := strings.Repeat("wide ", 21)
	text := strings.Join([]string{"# Title", wide, "```", wide, "```", "| " + wide + " |", "https://" + strings.Repeat("x", 100), "- " + wide, wide[:100]}, "\n")
	if got := wideProse(text); !slices.Equal(got, []int{2, 8}) {
		t.Errorf("got the lines %v, want those of the paragraph and of the list", got)
	}
}

// aboutPersons are words for persons, which say too little of what code and systems do.
var aboutPersons = regexp.MustCompile(`(?i)\b(who|whom|nobody|somebody|whoever)\b`)

func persons(f sourceFile) []string {
	return f.at(slices.DeleteFunc(f.comments(), func(number int) bool {
		return !f.isProduct || !aboutPersons.MatchString(f.lines[number-1])
	})...)
}

// orderNumbers leaves out the emulated gateway, which has an order's representations on purpose.
func orderNumbers(f sourceFile) []string {
	if !f.isProduct || strings.Contains(f.path, "emulator/") || f.pkg() == "pkg/paygate" {
		return nil
	}
	var found []string
	ast.Inspect(f.tree, func(node ast.Node) bool {
		structure, is := node.(*ast.StructType)
		if !is {
			return true
		}
		for _, field := range structure.Fields.List {
			for _, name := range field.Names {
				if strings.EqualFold(name.Name, "OutTradeNo") {
					found = append(found, f.at(f.set.Position(structure.Pos()).Line)...)
				}
			}
		}
		return true
	})
	return found
}

func directives(f sourceFile) []string {
	return f.at(f.linesWith(func(line string) bool { return strings.Contains(line, "//"+"nolint:") })...)
}

func commandLines(f sourceFile) []string {
	return f.at(f.linesWith(func(string) bool { return f.isProduct && f.pkg() == "cmd/cloudpay" })...)
}

// byFile groups path:line by path, the most first, so that a long list can be read.
func byFile(places []string) string {
	lines := map[string][]string{}
	for _, place := range places {
		file, line, _ := strings.Cut(place, ":")
		lines[file] = append(lines[file], line)
	}
	paths := slices.SortedFunc(maps.Keys(lines), func(a, b string) int {
		return cmp.Or(len(lines[b])-len(lines[a]), strings.Compare(a, b))
	})
	const shown = 5
	var text strings.Builder
	for _, file := range paths {
		numbers := lines[file]
		fmt.Fprintf(&text, "\n%s: %d, in lines %s", file, len(numbers), strings.Join(numbers[:min(len(numbers), shown)], " "))
	}
	return text.String()
}
