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
var faultTablesOf = []struct{ file, name, server string }{
	{"internal/doctor/sixty_test.go", "faultyDeployments", ""},
	{"internal/doctor/living_test.go", "living", ""},
	{"internal/doctor/livingdatabases_test.go", "livingPostgres", "PostgreSQL"},
	{"internal/doctor/livingdatabases_test.go", "livingMariaDB", "MariaDB"},
}

// doctorsFault is one that a test of doctor makes and expects to be found.
type doctorsFault struct {
	group, name, check, level, says string
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
		for _, row := range rows.Elts {
			f := readFault(t, row.(*ast.CompositeLit))
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
