package archtest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/archtest"
)

const root = "../.."

func TestArrows(t *testing.T) {
	t.Parallel()
	faults, err := archtest.Check(os.DirFS(root), archtest.Arrows())
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range faults {
		t.Error(fault)
	}
}

// TestMainsAreThin holds functions/*/main.go to 30 lines: what a function does is for packages that
// tests can reach.
func TestMainsAreThin(t *testing.T) {
	t.Parallel()
	const most = 30
	mains, err := filepath.Glob(filepath.Join(root, "functions", "*", "main.go"))
	if err != nil || len(mains) == 0 {
		t.Fatalf("got %v and error %v, want the functions' main.go files", mains, err)
	}
	for _, main := range mains {
		source, err := os.ReadFile(main)
		if err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(source, []byte("\n")); lines > most {
			t.Errorf("%s: got %d lines, want at most %d", main, lines, most)
		}
	}
}

// TestTheTableItself pins the rules that must survive edits of the table.
func TestTheTableItself(t *testing.T) {
	t.Parallel()
	byPackage := map[string]archtest.Arrow{}
	for _, arrow := range archtest.Arrows() {
		if _, twice := byPackage[arrow.Package]; twice {
			t.Errorf("%s stands twice in the table", arrow.Package)
		}
		byPackage[arrow.Package] = arrow
	}
	for _, want := range []archtest.Arrow{
		{Package: "pkg/wire"},
		{Package: "pkg/v2xml", Ours: []string{"pkg/wire"}, Theirs: []string{"github.com/beevik/etree"}},
		{Package: "pkg/v3json", Ours: []string{"pkg/wire"}},
		{Package: "pkg/paygate", Ours: []string{"internal/cause", "internal/diagnosis"}, Theirs: []string{"go.etcd.io/bbolt"}},
		{Package: "internal/diagnosis", Ours: []string{"internal/bilingual", "internal/cause"}},
		{Package: "internal/cause", Ours: []string{"internal/bilingual"}},
		{
			Package: "internal/emulator/platform",
			Ours: []string{
				"internal/emulator/access", "internal/emulator/admission", "internal/emulator/ports", "internal/emulator/scheduler",
				"internal/emulator/spool",
				"internal/emulator/sqs", "internal/emulator/traffic",
			},
		},
		{Package: "internal/emulator/access"},
		{Package: "internal/emulator/admission"},
		{Package: "internal/emulator/sse"},
		{Package: "internal/emulator/traffic", Ours: []string{"internal/emulator/admission", "internal/emulator/sse"}},
	} {
		if diff := cmp.Diff(want, byPackage[want.Package]); diff != "" {
			t.Errorf("a leaf got arrows (-want +got):\n%s", diff)
		}
	}
	for theirs, only := range map[string]string{
		"github.com/aws/aws-lambda-go/lambda": "internal/hosting",
		"github.com/tencentyun/scf-go-lib":    "internal/hosting",
		"github.com/spf13/cobra":              "cmd/",
	} {
		for name, arrow := range byPackage {
			if slices.Contains(arrow.Theirs, theirs) && !strings.HasPrefix(name, only) {
				t.Errorf("%s may import %s, want only %s to", name, theirs, only)
			}
		}
	}
}

// module is a small module whose every arrow is right.
func module() fstest.MapFS {
	return fstest.MapFS{
		"go.mod":                    file("module example"),
		"order/order.go":            file(`package order; import "time"`),
		"order/order_test.go":       file(`package order; import _ "example/closing"`),
		"order/testdata/x.go":       file(`package x; import _ "example/closing"`),
		"closing/closing.go":        file("package closing; import (\n\"fmt\"\n\"example/order\"\n\"example.com/backoff/v5\"\n)"),
		"store/sqlite/open.go":      file("//go:build sqlite\n\npackage sqlite; import \"example/order\""),
		"store/mysql/open.go":       file(`package mysql; import _ "example.com/backoff/v5/jitter"`),
		"bench/go.mod":              file("module example/bench"),
		"bench/bench.go":            file(`package bench; import _ "example/closing"`),
		".tmp/x.go":                 file(`package x; import _ "example/closing"`),
		"_old/x.go":                 file(`package x; import _ "example/closing"`),
		"vendor/example.com/v/v.go": file(`package v`),
	}
}

func file(source string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(source)} }

func arrows() []archtest.Arrow {
	return []archtest.Arrow{
		{Package: "order"},
		{Package: "closing", Ours: []string{"order"}, Theirs: []string{"example.com/backoff/v5"}},
		{Package: "store/*", Ours: []string{"order"}, Theirs: []string{"example.com/backoff/v5"}},
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		path, source string
		want         []string
	}{
		"a module without faults": {"order/more.go", `package order`, nil},
		"an arrow the wrong way": {
			"order/bad.go", `package order; import "example/closing"`,
			[]string{"order/bad.go imports example/closing: of ours, order may import nothing"},
		},
		"under another name, for its effects": {
			"closing/bad.go", "package closing; import (\n_ \"example/store/mysql\"\n. \"example/order\"\n)",
			[]string{"closing/bad.go imports example/store/mysql: of ours, closing may import only order"},
		},
		"another module": {
			"order/bad.go", `package order; import "example.com/backoff/v5"`,
			[]string{"order/bad.go imports example.com/backoff/v5: of other modules, order may import nothing"},
		},
		"a module whose name only begins so": {
			"closing/bad.go", `package closing; import "example.com/backoff/v51"`,
			[]string{"closing/bad.go imports example.com/backoff/v51: of other modules, closing may import only example.com/backoff/v5"},
		},
		"behind a build tag": {
			"store/sqlite/bad.go", "//go:build sqlite\n\npackage sqlite; import \"example/closing\"",
			[]string{"store/sqlite/bad.go imports example/closing: of ours, store/* may import only order"},
		},
		"a package without a row": {
			"stray/stray.go", `package stray; import "example/closing"`,
			[]string{"stray: the table names no such package: say there what it may import"},
		},
		"a package deeper than the star": {
			"store/mysql/dialect/d.go", `package dialect`,
			[]string{"store/mysql/dialect: the table names no such package: say there what it may import"},
		},
		"a package above the star": {
			"store/store.go", `package store`,
			[]string{"store: the table names no such package: say there what it may import"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := module()
			fsys[test.path] = file(test.source)
			got, err := archtest.Check(fsys, arrows())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckCannotRead(t *testing.T) {
	t.Parallel()
	broken := module()
	broken["order/broken.go"] = file(`package order; import "`)
	if _, err := archtest.Check(broken, arrows()); err == nil || !strings.Contains(err.Error(), "order/broken.go") {
		t.Errorf("got %v, want an error that names the file", err)
	}
	if _, err := archtest.Check(os.DirFS(filepath.Join(t.TempDir(), "none")), arrows()); err == nil {
		t.Error("got no error about a folder that is not there")
	}
}
