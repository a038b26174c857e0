// Command module gives the module the path under which it is published: `make module
// MODULE=example.com/pay/cloudpay`.
//
//	module PATH
//
// The module is called cloudpay here, which no go command can download: the first element of a path
// that it can find is a host name. The command rewrites, in the files that git tracks,
//
//   - the module's path, the path of the module in bench/, and what that requires and replaces;
//   - every import, and every other text that names a package of the module by its path: the
//     Makefile's coverage gates, links in comments, documents, scripts;
//   - the settings of golangci-lint that name the module.
//
// Golden bytes (testdata folders) are left alone, but for programs in Go, which are compiled.
// go.mod is written last: a run that dies leaves the old path in it and a tree that git can
// restore, and is refused until that is done. A second run with the same path changes nothing.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

func main() {
	path := ""
	if len(os.Args) == 2 {
		path = os.Args[1]
	}
	if err := rename(".", path, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "module:", err)
		os.Exit(1)
	}
}

// rename gives the module in the folder root another path. The error says what to do instead; it
// leaves the tree as it was, unless reading or writing a file failed.
func rename(root, to string, out io.Writer) error {
	if err := module.CheckPath(to); err != nil {
		return fmt.Errorf("MODULE=%s is no path that a module can be published under: it must begin with a host name that has "+
			"a dot, and go on with letters, digits and - . _ ~ between slashes, as in MODULE=example.com/pay/cloudpay (%w)", to, err)
	}
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return err
	}
	from := modfile.ModulePath(text)
	if from == to {
		_, err = fmt.Fprintf(out, "the module is %s already\n", to)
		return err
	}
	if changed, err := git(root, "status", "--porcelain"); err != nil || len(changed) > 0 {
		return errors.Join(errors.New("the tree has changes that are not committed: commit them or put them away first, "+
			"so that git diff shows the renaming and nothing else, and git restore undoes it"), err)
	}
	listed, err := git(root, "ls-files", "-z")
	if err != nil {
		return err
	}
	files := strings.Split(strings.TrimSuffix(string(listed), "\x00"), "\x00")
	slices.SortStableFunc(files, func(a, b string) int { return rank(a) - rank(b) })
	r := newRewriter(from, to, files)
	written := 0
	for _, file := range files {
		changed, err := r.rewriteFile(filepath.Join(root, file))
		if err != nil {
			return err
		}
		if changed {
			written++
		}
	}
	_, err = fmt.Fprintf(out, "%d files name %s now in place of %s: look at git diff, then make lint test\n", written, to, from)
	return err
}

// rank puts the go.mod files behind all others, and the module's own behind that of bench/.
func rank(file string) int {
	switch {
	case file == "go.mod":
		return 2
	case filepath.Base(file) == "go.mod":
		return 1
	default:
		return 0
	}
}

func git(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("git", args...) //nolint:noctx // it ends by itself, and Ctrl-C reaches it
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("asking git (%s): %w", strings.Join(args, " "), err)
	}
	return out, nil
}

// rewriter finds a module's path in texts and puts another in its place.
type rewriter struct {
	from, to string
	packages *regexp.Regexp // a package of the module, or a pattern for all of them
	prefixes *regexp.Regexp // the setting of goimports in .golangci.yml
}

// newRewriter makes a rewriter for a module with these files. A path that is one plain word also
// names a product, a command and a folder, so it counts only where one of the module's top folders
// follows, and where nothing before it makes it the end of another path.
func newRewriter(from, to string, files []string) *rewriter {
	var tops []string
	for _, file := range files {
		top, _, inside := strings.Cut(file, "/")
		if inside && filepath.Ext(file) == ".go" && !slices.Contains(tops, top) {
			tops = append(tops, regexp.QuoteMeta(top))
		}
	}
	old := regexp.QuoteMeta(from)
	return &rewriter{
		from: from, to: to,
		packages: regexp.MustCompile(`(^|[^\w./~-])` + old + `(/(?:\*\*|(?:` + strings.Join(tops, "|") + `)\b))`),
		prefixes: regexp.MustCompile(`(local-prefixes: \[)` + old + `(\])`),
	}
}

// rewriteFile rewrites one file, and reports whether it was changed. What is no text, no regular
// file, or golden is left alone.
func (r *rewriter) rewriteFile(file string) (changed bool, err error) {
	info, err := os.Lstat(file)
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return false, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	if bytes.IndexByte(text, 0) >= 0 || isGolden(file, text) {
		return false, nil
	}
	rewritten, err := r.rewrite(filepath.Base(file), text)
	if err != nil || bytes.Equal(rewritten, text) {
		return false, err
	}
	return true, os.WriteFile(file, rewritten, info.Mode())
}

// isGolden reports whether a file must stay as it is: all in a folder testdata but programs in Go.
func isGolden(file string, text []byte) bool {
	inTestdata := slices.Contains(strings.Split(filepath.ToSlash(file), "/"), "testdata")
	isProgram := filepath.Ext(file) == ".go" && program.Match(text)
	return inTestdata && !isProgram
}

var program = regexp.MustCompile(`(?m)^package main$`)

func (r *rewriter) rewrite(name string, text []byte) ([]byte, error) {
	if name == "go.mod" {
		return r.rewriteModule(text)
	}
	to := strings.ReplaceAll(r.to, "$", "$$")
	rewritten := r.packages.ReplaceAll(text, []byte("${1}"+to+"${2}"))
	switch {
	case bytes.Equal(rewritten, text) && name != ".golangci.yml":
		return text, nil
	case name == ".golangci.yml":
		return r.prefixes.ReplaceAll(rewritten, []byte("${1}"+to+"${2}")), nil
	case filepath.Ext(name) == ".go":
		return format.Source(rewritten) // another path may sort elsewhere among its neighbours
	default:
		return rewritten, nil
	}
}

// rewriteModule rewrites the module's own go.mod, and that of a module which requires it.
func (r *rewriter) rewriteModule(text []byte) ([]byte, error) {
	file, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		return nil, err
	}
	errs := []error{file.AddModuleStmt(r.renamed(file.Module.Mod.Path))}
	for _, required := range slices.Clone(file.Require) {
		if required.Mod.Path == r.from {
			errs = append(errs, file.AddRequire(r.to, required.Mod.Version), file.DropRequire(r.from))
		}
	}
	for _, replaced := range slices.Clone(file.Replace) {
		if replaced.Old.Path == r.from {
			errs = append(errs, file.AddReplace(r.to, replaced.Old.Version, replaced.New.Path, replaced.New.Version),
				file.DropReplace(r.from, replaced.Old.Version))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	file.Cleanup()
	file.SortBlocks()
	return file.Format()
}

// renamed returns what a module at or below the old path is called from now on.
func (r *rewriter) renamed(path string) string {
	if rest, below := strings.CutPrefix(path, r.from+"/"); below {
		return r.to + "/" + rest
	}
	if path == r.from {
		return r.to
	}
	return path
}
