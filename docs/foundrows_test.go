package docs_test

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// faultTablesOf are the variables of doctor's tests that hold the faults, in the order of the
// document. A table that is of one server is a group of its own, and its rows have the server's
// name.
var faultTablesOf = []struct{ file, name, server, test string }{
	{"internal/doctor/sixty_test.go", "faultyDeployments", "", "TestFaultyDeployments"},
	{"internal/doctor/living_test.go", "living", "", "TestLivingFaults"},
	{"internal/doctor/livingdatabases_test.go", "livingPostgres", "PostgreSQL", "TestLivingFaultsOfPostgres"},
	{"internal/doctor/livingdatabases_test.go", "livingStandby", "PostgreSQL", "TestLivingStandby"},
	{"internal/doctor/livingdatabases_test.go", "livingPooler", "PostgreSQL", "TestLivingPooler"},
	{"internal/doctor/livingdatabases_test.go", "livingMariaDB", "MariaDB", "TestLivingFaultsOfMariaDB"},
	{"internal/doctor/livingdatabases_test.go", "livingOldServer", "MariaDB", "TestLivingOldServer"},
}

// doctorsFault is one that a test of doctor makes and expects to be found.
type doctorsFault struct {
	group, name, check, level, says string
	// test is the one that makes it.
	test string
}

// doctorsFaults reads the rows of those tables. A comment between them begins a group; where there
// is none, a group has the name of its check.
func doctorsFaults(t *testing.T) []doctorsFault {
	t.Helper()
	var faults []doctorsFault
	for _, table := range faultTablesOf {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, filepath.Join(root, table.file), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		rows := rowsOf(file, table.name)
		if rows == nil || len(rows.Elts) == 0 {
			t.Fatalf("%s: got no rows in %s", table.file, table.name)
		}
		if !uses(file, table.test, table.name) {
			t.Errorf("%s: %s does not use %s", table.file, table.test, table.name)
		}
		for _, row := range rows.Elts {
			f := readFault(t, row.(*ast.CompositeLit))
			f.test = table.test
			if f.group = cmp.Or(table.server, groupOf(set, file, rows, row), f.check); table.server != "" {
				f.name = table.server + ": " + f.name
			}
			faults = append(faults, f)
		}
	}
	return faults
}

// readFault reads a row: its first text is its name, its last what doctor says.
func readFault(t *testing.T, row *ast.CompositeLit) doctorsFault {
	t.Helper()
	var f doctorsFault
	for i, element := range row.Elts {
		switch e := element.(type) {
		case *ast.BasicLit:
			text, err := strconv.Unquote(e.Value)
			if err != nil {
				t.Fatalf("%s: %v", e.Value, err)
			}
			if f.says = strings.Trim(text, " |"); i == 0 {
				f.name = text
			}
		case *ast.SelectorExpr:
			if check, is := strings.CutPrefix(e.Sel.Name, "Check"); is {
				f.check = strings.ToLower(check[:1]) + check[1:]
			} else {
				f.level = e.Sel.Name
			}
		}
	}
	return f
}

// rowsOf is the value of a variable that is a slice of structs.
func rowsOf(file *ast.File, name string) *ast.CompositeLit {
	var rows *ast.CompositeLit
	ast.Inspect(file, func(node ast.Node) bool {
		if spec, is := node.(*ast.ValueSpec); is && spec.Names[0].Name == name && len(spec.Values) == 1 {
			rows, _ = spec.Values[0].(*ast.CompositeLit)
		}
		return rows == nil
	})
	return rows
}

// uses reports whether a function names a variable: the test goes through that table.
func uses(file *ast.File, function, variable string) bool {
	found := false
	for _, declaration := range file.Decls {
		f, is := declaration.(*ast.FuncDecl)
		if !is || f.Name.Name != function {
			continue
		}
		ast.Inspect(f.Body, func(node ast.Node) bool {
			name, is := node.(*ast.Ident)
			found = found || is && name.Name == variable
			return !found
		})
	}
	return found
}

// groupOf is the last comment before a row, within the table, that stands on lines of its own.
func groupOf(set *token.FileSet, file *ast.File, rows *ast.CompositeLit, row ast.Expr) string {
	const indented = 2 // columns, of which a tab is one
	group := ""
	for _, comment := range file.Comments {
		if rows.Pos() < comment.Pos() && comment.Pos() < row.Pos() && set.Position(comment.Pos()).Column == indented {
			group = strings.TrimSpace(comment.Text())
		}
	}
	return strings.TrimSuffix(group, ".")
}
