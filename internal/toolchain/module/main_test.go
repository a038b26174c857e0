package main

import (
	"bytes"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

const (
	root      = "../../.."
	published = "example.com/pay/cloudpay"
)

// small is a module that has every kind of place where its path stands.
func small() map[string]string {
	return map[string]string{
		"go.mod":       "module shop\n\ngo 1.26.0\n\nrequire example.com/other v1.0.0\n",
		"bench/go.mod": "module shop/bench\n\ngo 1.26.0\n\nrequire (\n\tshop v0.0.0-00010101000000-000000000000\n\tzoo.example/z v1.0.0\n)\n\nreplace shop => ../\n",
		"bench/b.go":   "package bench\n\nimport _ \"shop/pkg/till\"\n",
		"pkg/till/till.go": "// Package till is [shop/pkg/till], beside ./cmd/shop and shop/tills.\npackage till\n\n" +
			"import (\n\t\"fmt\"\n\n\t_ \"example.com/other\"\n\t_ \"shop/internal/drawer\"\n)\n\nvar _ = fmt.Sprint(\"shop\", \"myshop/pkg/till\")\n",
		"internal/drawer/d.go":        "package drawer\n",
		"cmd/shop/main.go":            "package main\n",
		"pkg/till/testdata/golden.go": "package x // shop/pkg/till\n",
		"pkg/till/testdata/p/main.go": "package main\n\nimport _ \"shop/pkg/till\"\n",
		"Makefile":                    "COVERAGE := shop/pkg/*=95 shop/internal/drawer=90\nrun:\n\tgo run ./cmd/shop\n",
		".golangci.yml":               "a:\n  ignore-package-globs: [shop/**, net/http]\n  local-prefixes: [shop]\n",
		"README.md":                   "shop is a shop: `import \"shop/pkg/till\"`, in pkg/shop/pkg or /opt/shop/pkg.\n",
		"picture.png":                 "\x00shop/pkg/till",
	}
}

// renamed is what small is made of it; files that are not here stay.
func renamed() map[string]string {
	return map[string]string{
		"go.mod":       "module example.com/pay/cloudpay\n\ngo 1.26.0\n\nrequire example.com/other v1.0.0\n",
		"bench/go.mod": "module example.com/pay/cloudpay/bench\n\ngo 1.26.0\n\nrequire (\n\texample.com/pay/cloudpay v0.0.0-00010101000000-000000000000\n\tzoo.example/z v1.0.0\n)\n\nreplace example.com/pay/cloudpay => ../\n",
		"bench/b.go":   "package bench\n\nimport _ \"example.com/pay/cloudpay/pkg/till\"\n",
		"pkg/till/till.go": "// Package till is [example.com/pay/cloudpay/pkg/till], beside ./cmd/shop and shop/tills.\npackage till\n\n" +
			"import (\n\t\"fmt\"\n\n\t_ \"example.com/other\"\n\t_ \"example.com/pay/cloudpay/internal/drawer\"\n)\n\nvar _ = fmt.Sprint(\"shop\", \"myshop/pkg/till\")\n",
		"pkg/till/testdata/p/main.go": "package main\n\nimport _ \"example.com/pay/cloudpay/pkg/till\"\n",
		"Makefile":                    "COVERAGE := example.com/pay/cloudpay/pkg/*=95 example.com/pay/cloudpay/internal/drawer=90\nrun:\n\tgo run ./cmd/shop\n",
		".golangci.yml":               "a:\n  ignore-package-globs: [example.com/pay/cloudpay/**, net/http]\n  local-prefixes: [example.com/pay/cloudpay]\n",
		"README.md":                   "shop is a shop: `import \"example.com/pay/cloudpay/pkg/till\"`, in pkg/shop/pkg or /opt/shop/pkg.\n",
	}
}

func TestRename(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fill(t, dir, small())
	commit(t, dir)
	mustRename(t, dir, published, "8 files name example.com/pay/cloudpay now in place of shop")
	want := small()
	maps.Copy(want, renamed())
	for file, text := range want {
		if got := read(t, filepath.Join(dir, file)); got != text {
			t.Errorf("%s: got\n%s\nwant\n%s", file, got, text)
		}
	}
	before := run(t, dir, nil, "git", "diff")
	mustRename(t, dir, published, "the module is example.com/pay/cloudpay already")
	if after := run(t, dir, nil, "git", "diff"); after != before {
		t.Errorf("the second run changed something:\n%s", after)
	}
	commit(t, dir)
	mustRename(t, dir, "shop.example/shop/v2", "8 files name")
	if got, want := read(t, filepath.Join(dir, "bench/b.go")), "package bench\n\nimport _ \"shop.example/shop/v2/pkg/till\"\n"; got != want {
		t.Errorf("the second renaming: got\n%s\nwant\n%s", got, want)
	}
}

func mustRename(t *testing.T, dir, to, says string) {
	t.Helper()
	var out bytes.Buffer
	if err := rename(dir, to, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), says) {
		t.Errorf("got %q, want it to say %q", out.String(), says)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fill(t, dir, small())
	commit(t, dir)
	for name, c := range map[string]struct{ path, says string }{
		"no path":          {"", "it must begin with a host name that has a dot"},
		"one word":         {"till", "missing dot in first path element"},
		"an address":       {"https://example.com/till", "it must begin with a host name"},
		"a space":          {"example.com/my till", "invalid char ' '"},
		"a version of one": {"example.com/till/v1", "it must begin with a host name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantRefusal(t, dir, c.path, c.says)
		})
	}
	t.Run("changes", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		fill(t, dir, small())
		commit(t, dir)
		fill(t, dir, map[string]string{"new.txt": "not committed"})
		wantRefusal(t, dir, published, "the tree has changes that are not committed")
	})
	t.Run("no repository", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		fill(t, dir, small())
		wantRefusal(t, dir, published, "asking git (status --porcelain)")
	})
}

func wantRefusal(t *testing.T, dir, path, says string) {
	t.Helper()
	if err := rename(dir, path, io.Discard); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("%q: got %v, want an error that says %q", path, err, says)
	}
	if got := read(t, filepath.Join(dir, "go.mod")); got != small()["go.mod"] {
		t.Errorf("%q: go.mod was changed to\n%s", path, got)
	}
}

// The examples of the README and of docs/ are files of a module that takes ours, and work there.
func TestReadmeExamples(t *testing.T) {
	t.Parallel()
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	useFrom(t, here)
}

// A published module works under its name: what `make module` makes of this tree compiles, passes
// go vet and tests without the network, and can be used by another module.
func TestPublishedCopy(t *testing.T) {
	t.Parallel()
	if os.Getenv("CLOUDPAY_TEST_MODULE") == "" {
		t.Skip("SKIPPED: it compiles everything once more; make test-module runs it")
	}
	dir := filepath.Join(t.TempDir(), "clone")
	copyTree(t, dir)
	commit(t, dir)
	old := modulePath(t, dir)
	env := []string{
		"GOFLAGS=-mod=mod -buildvcs=false", "GOPROXY=off", "GOSUMDB=off", "MAKEFLAGS=",
		"CLOUDPAY_TEST_MODULE=", // the copy's own test must not copy again
	}
	if said := run(t, dir, env, "make", "module", "MODULE="+published); !strings.Contains(said, " files name "+published) {
		t.Errorf("make module said %q", said)
	}
	if got := modulePath(t, dir); got != published {
		t.Errorf("go.mod says %s, want %s", got, published)
	}
	noTraceOf(t, dir, old)
	for _, command := range [][]string{
		{"gofmt", "-l", "cmd", "functions", "internal", "pkg", "bench"},
		{"go", "vet", "-tags", "sqlite,databases", "./..."},
		{"go", "test", "./pkg/v2xml", "./internal/archtest", "./internal/toolchain/..."},
		{"go", "-C", "bench", "vet", "./..."},
	} {
		if said := run(t, dir, env, command...); command[0] == "gofmt" && said != "" {
			t.Errorf("not formatted:\n%s", said)
		}
	}
	useFrom(t, dir)
}

// noTraceOf looks for packages of the module that still have their old path.
func noTraceOf(t *testing.T, dir, old string) {
	t.Helper()
	name := regexp.QuoteMeta(old)
	trace := regexp.MustCompile(`(?m)^.*((^|[^\w./~-])` + name + `/(\*\*|(cmd|functions|internal|pkg|bench)\b)|local-prefixes: \[` + name + `\]).*$`)
	for _, file := range listed(t, dir) {
		if line := trace.FindString(read(t, filepath.Join(dir, file))); line != "" {
			t.Errorf("%s still names %s: %s", file, old, line)
		}
	}
}

// shownIn are the documents whose examples are files of one module.
var shownIn = []string{"README.md", "docs/go.md", "docs/migrating.md"}

// useFrom makes a module of the documents' examples, which requires the module in dir, and runs its
// tests with the network off. The README's go.mod is that module's, but for the place of the copy
// and, once it is published, for its path.
func useFrom(t *testing.T, dir string) {
	t.Helper()
	shop := t.TempDir()
	files := map[string]string{"go.sum": read(t, filepath.Join(dir, "go.sum"))}
	example := regexp.MustCompile("(?s)```(?:go|text)\n// ([a-z_]+\\.(?:go|mod))\n(.*?)```")
	for _, document := range shownIn {
		for _, block := range example.FindAllStringSubmatch(read(t, filepath.Join(dir, document)), -1) {
			if _, is := files[block[1]]; is {
				t.Errorf("%s: a second %s", document, block[1])
			}
			files[block[1]] = block[2]
		}
	}
	const least = 6 // with go.sum
	if len(files) < least || files["go.mod"] == "" {
		t.Fatalf("the documents have too few examples: %v", slices.Sorted(maps.Keys(files)))
	}
	files["go.mod"] = strings.NewReplacer(
		"=> ../cloudpay", "=> "+dir,
		"cloudpay v0.0.0", modulePath(t, dir)+" v0.0.0",
		"replace cloudpay", "replace "+modulePath(t, dir),
	).Replace(files["go.mod"])
	fill(t, shop, files)
	env := []string{"GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off", "GOWORK=off"}
	if unformatted := run(t, shop, env, "gofmt", "-l", "."); unformatted != "" {
		t.Errorf("not formatted: %s", unformatted)
	}
	run(t, shop, env, "go", "vet", ".")
	if said := run(t, shop, env, "go", "test", "-v", "."); !strings.Contains(said, "--- PASS: Test") {
		t.Errorf("no test ran:\n%s", said)
	}
}

func modulePath(t *testing.T, dir string) string {
	t.Helper()
	return modfile.ModulePath([]byte(read(t, filepath.Join(dir, "go.mod"))))
}

// listed is what git has in a folder, and what it would take.
func listed(t *testing.T, dir string) []string {
	t.Helper()
	out := run(t, dir, nil, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	return slices.DeleteFunc(strings.Split(strings.TrimSuffix(out, "\x00"), "\x00"), func(file string) bool {
		_, err := os.Stat(filepath.Join(dir, file))
		return err != nil // removed, and not yet committed
	})
}

// copyTree copies this repository's files as they are now.
func copyTree(t *testing.T, to string) {
	t.Helper()
	for _, file := range listed(t, root) {
		from := filepath.Join(root, file)
		info, err := os.Stat(from)
		if err != nil {
			t.Fatal(err)
		}
		fill(t, to, map[string]string{file: read(t, from)})
		if err := os.Chmod(filepath.Join(to, file), info.Mode()); err != nil {
			t.Fatal(err)
		}
	}
}

func fill(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// commit makes a repository of a folder, if it is none, and commits all that is in it.
func commit(t *testing.T, dir string) {
	t.Helper()
	run(t, dir, nil, "git", "init", "-q")
	run(t, dir, nil, "git", "add", "--all", "--force")
	run(t, dir, nil, "git", "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "all")
}

// run runs a command in a folder and returns what it printed; it ends the test if that fails.
func run(t *testing.T, dir string, env []string, command ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
	return string(out)
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
