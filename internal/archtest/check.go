package archtest

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
)

// Check reads the imports of every file of the module that is not a test, whatever its build
// constraints. It returns a sentence for each import that the arrows do not allow, and for each
// package without a row. The error is about files that cannot be read or parsed. The module's path
// is the one in its go.mod, which `make module` changes.
func Check(module fs.FS, arrows []Arrow) ([]string, error) {
	text, err := fs.ReadFile(module, "go.mod")
	if err != nil {
		return nil, fmt.Errorf("checking imports: %w", err)
	}
	name := modfile.ModulePath(text)
	var faults []string
	unnamed := map[string]bool{}
	err = fs.WalkDir(module, ".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("reading the module: %w", err)
		case entry.IsDir() && isNotOurs(module, file):
			return fs.SkipDir
		case entry.IsDir(), path.Ext(file) != ".go", strings.HasSuffix(file, "_test.go"):
			return nil
		}
		imports, err := importsOf(module, file)
		if err != nil {
			return err
		}
		arrow, named := find(arrows, path.Dir(file))
		if !named && !unnamed[path.Dir(file)] {
			unnamed[path.Dir(file)] = true
			faults = append(faults, path.Dir(file)+": the table names no such package: say there what it may import")
		}
		if named {
			faults = append(faults, arrow.check(name, file, imports)...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("checking imports: %w", err)
	}
	return faults, nil
}

// isNotOurs reports whether a folder holds no package of this module: the go command skips it, or
// it is another module.
func isNotOurs(module fs.FS, folder string) bool {
	if folder == "." {
		return false
	}
	base := path.Base(folder)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "vendor" {
		return true
	}
	_, err := fs.Stat(module, path.Join(folder, "go.mod"))
	return err == nil
}

// importsOf returns the imports of one file.
func importsOf(module fs.FS, file string) ([]string, error) {
	source, err := fs.ReadFile(module, file)
	if err != nil {
		return nil, fmt.Errorf("reading a source file: %w", err)
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.ImportsOnly)
	if err != nil {
		return nil, fmt.Errorf("parsing a source file: %w", err)
	}
	imports := make([]string, 0, len(parsed.Imports))
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s imports %s: %w", file, spec.Path.Value, err)
		}
		imports = append(imports, imported)
	}
	return imports, nil
}

// find returns the first row that matches the package.
func find(arrows []Arrow, pkg string) (Arrow, bool) {
	i := slices.IndexFunc(arrows, func(arrow Arrow) bool { return matches(arrow.Package, pkg) })
	if i < 0 {
		return Arrow{}, false
	}
	return arrows[i], true
}

// check returns a sentence for each import that the row does not allow.
func (a Arrow) check(module, file string, imports []string) []string {
	var faults []string
	for _, imported := range imports {
		if ours, is := strings.CutPrefix(imported, module+"/"); is {
			if !slices.ContainsFunc(a.Ours, func(allowed string) bool { return matches(allowed, ours) }) {
				faults = append(faults, fmt.Sprintf("%s imports %s: of ours, %s may import %s",
					file, imported, a.Package, list(a.Ours)))
			}
			continue
		}
		allowed := isStandard(imported) ||
			slices.ContainsFunc(a.Theirs, func(allowed string) bool { return isUnder(imported, allowed) })
		if !allowed {
			faults = append(faults, fmt.Sprintf("%s imports %s: of other modules, %s may import %s",
				file, imported, a.Package, list(a.Theirs)))
		}
	}
	return faults
}

// isStandard reports whether a package belongs to the standard library: only other modules have a
// dot in their first element. Packages of this module were recognised before.
func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

// isUnder reports whether a package is the allowed one or lies below it.
func isUnder(imported, allowed string) bool {
	return imported == allowed || strings.HasPrefix(imported, allowed+"/")
}

// matches compares a path with one of the table's, whose last element may be *.
func matches(pattern, pkg string) bool {
	parent, star := strings.CutSuffix(pattern, "/*")
	if star {
		return path.Dir(pkg) == parent
	}
	return pattern == pkg
}

// list words what a row allows.
func list(packages []string) string {
	if len(packages) == 0 {
		return "nothing"
	}
	return "only " + strings.Join(packages, ", ")
}
