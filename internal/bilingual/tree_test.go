package bilingual_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// pairs are the functions that take a text in both languages, with the place of the English one.
var pairs = map[string]int{
	"bilingual.New": 0, "bilingual.Sprintf": 0, "bilingual.Errorf": 0, "order.ParamError": 1, "ParamError": 1,
	"words": 0, "usagef": 0, "errorf": 0,
}

// Every text in the source is Chinese where it says so, and formats the same values in the same
// order: a sentence that was only copied, or lost a value, is found here.
func TestTextsOfTheTree(t *testing.T) {
	t.Parallel()
	found := 0
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && len(entry.Name()) > len(".."):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go"), strings.HasSuffix(path, "_test.go"):
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			call, is := node.(*ast.CallExpr)
			if !is {
				return true
			}
			at, is := pairs[nameOf(call.Fun)]
			if !is || len(call.Args) < at+2 {
				return true
			}
			en, isText := literal(call.Args[at])
			zh, isChinese := literal(call.Args[at+1])
			if !isText || !isChinese {
				return true
			}
			found++
			if fault := compare(en, zh); fault != "" {
				t.Errorf("%s: %s: %q and %q", files.Position(call.Pos()), fault, en, zh)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	const least = 200
	if found < least {
		t.Errorf("found %d texts in both languages, want %d at least: is this the whole tree?", found, least)
	}
}

func nameOf(fun ast.Expr) string {
	switch fun := fun.(type) {
	case *ast.Ident:
		return fun.Name
	case *ast.SelectorExpr:
		if of, is := fun.X.(*ast.Ident); is {
			return of.Name + "." + fun.Sel.Name
		}
	}
	return ""
}

// literal is a string that stands in the source, in one piece or several; what is put between the
// pieces counts as a value.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, e.Kind == token.STRING && err == nil
	case *ast.BinaryExpr:
		left, isLeft := literal(e.X)
		right, isRight := literal(e.Y)
		switch {
		case !isLeft && !isRight:
			return "", false
		case !isLeft:
			left = "%v"
		case !isRight:
			right = "%v"
		}
		return left + right, true
	}
	return "", false
}

// verb is a formatting verb, flag a flag of the command line, which is the same in both languages.
var (
	verb = regexp.MustCompile(`%[-+# 0-9.*\[\]]*[a-zA-Z]`)
	flag = regexp.MustCompile(`--[a-z-]+`)
)

// compare says what is wrong with two wordings of one text; "" when nothing is.
func compare(en, zh string) string {
	han := func(r rune) bool { return unicode.Is(unicode.Han, r) }
	words := flag.ReplaceAllString(verb.ReplaceAllString(en, ""), "")
	switch {
	case zh == "" && en != "":
		return "there is no second wording"
	case strings.ContainsFunc(words, unicode.IsLower) && !strings.ContainsFunc(zh, han):
		return "the second wording is not Chinese"
	case !slices.Equal(verb.FindAllString(en, -1), verb.FindAllString(zh, -1)):
		return "the wordings format different values"
	}
	return ""
}
