package console

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// inOne is a concatenation of literals as one text, with %s for what is no literal.
func inOne(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value) // the compiler has read it
		return text
	case *ast.BinaryExpr:
		return inOne(e.X) + inOne(e.Y)
	}
	return "%s"
}

// sentencesOf are the remedies in a file of the functions: what a field of that name gets, the
// second member of a denial, and what a map has for each ownership.
func sentencesOf(file *ast.File) (all []string) {
	add := func(e ast.Expr) {
		// What begins with another text is an error's, or is added elsewhere.
		if text := inOne(e); strings.Contains(text, " ") && !strings.HasPrefix(text, "%s") {
			all = append(all, text)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if to, is := n.Lhs[0].(*ast.SelectorExpr); is && to.Sel.Name == "remedy" {
				add(n.Rhs[0])
			}
		case *ast.CompositeLit:
			if kind, is := n.Type.(*ast.Ident); is && kind.Name == "denial" && len(n.Elts) == 2 {
				add(n.Elts[1])
			}
		case *ast.KeyValueExpr:
			if field, is := n.Key.(*ast.Ident); is && field.Name == "remedy" || isOwnership(n.Key) {
				add(n.Value)
			}
		}
		return true
	})
	return all
}

// isOwnership reports whether a key is one of package schedule's.
func isOwnership(key ast.Expr) bool {
	selected, is := key.(*ast.SelectorExpr)
	if !is {
		return false
	}
	from, _ := selected.X.(*ast.Ident)
	return from != nil && from.Name == "schedule"
}

// Each sentence that the functions log of a denied call is there in Chinese, and no other.
func TestRemediesAreTheFunctions(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../trigger/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, sentencesOf(file)...)
	}
	for _, one := range remedies {
		got = append(got, one.EN)
	}
	slices.Sort(want)
	slices.Sort(got)
	want, got = slices.Compact(want), slices.Compact(got)
	if len(want) < 15 || !slices.Equal(got, want) {
		t.Errorf("got %d sentences\n%s\nwant %d\n%s", len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
	}
}

// A sentence is whole, or has a name in it; another function's stays as it is.
func TestRemedy(t *testing.T) {
	t.Parallel()
	for logged, want := range map[string]string{
		"users may not choose close_at: leave it out, or send service_token":                                 "用户不能指定 close_at：请去掉，或发送 service_token",
		"X-WX-OPENID does not count: the header x is a trace of another door":                                "X-WX-OPENID 不被采信：the header x is a trace of another door",
		"the order is registered without an owner, so it is no user's: register orders with openid or owner": "订单登记时没有归属，不属于任何用户：登记时请附 openid 或 owner",
		"this is another function's":                                          "this is another function's",
		"this function is for no such events: take the trigger away from it!": "this function is for no such events: take the trigger away from it!",
	} {
		if got := (language{Chinese: true}).Remedy(logged); got != want {
			t.Errorf("%s: got %s, want %s", logged, got, want)
		}
		if got := (language{}).Remedy(logged); got != logged {
			t.Errorf("%s in English: got %s", logged, got)
		}
	}
}
