package world

import (
	"context"
	"debug/buildinfo"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/workload"
)

// ErrInterrupted is the error of a command that a signal stopped. An error that wraps it says what
// is left undone.
var ErrInterrupted = bilingual.Errorf("interrupted", "已中断")

// Build builds closeorder and queryorder, and more functions, into a folder, with SQLite: what
// keeps orders has to be part of them too. The error of an interrupted build says that it was
// interrupted, whatever the go command said when it was stopped.
func Build(ctx context.Context, bin string, more ...string) error {
	err := desk.Build(ctx, bin, append(desk.Functions(), more...), "sqlite")
	if ctx.Err() != nil {
		return bilingual.Errorf("%w: the functions are not built", "%w：云函数尚未编译完成", ErrInterrupted)
	}
	return err
}

// built are the functions' executables, by function: those in Bin, else those beside this program,
// as `make package` leaves them; nil if there are none there.
func (w *World) built() (map[string]string, error) {
	if w.Bin != "" {
		bin, err := filepath.Abs(w.Bin)
		var found map[string]string
		if err == nil {
			found, err = desk.Find(bin, w.Runtime)
		}
		if err != nil {
			return nil, &BinError{err}
		}
		return found, nil
	}
	var found map[string]string
	if program, err := os.Executable(); err == nil {
		found, _ = desk.Find(filepath.Dir(program), w.Runtime) // what is not there is built
	}
	return found, nil
}

// build builds the functions that are needed from the sources that the user stands in.
func (w *World) build(ctx context.Context, bin string) (map[string]string, error) {
	more, err := w.more()
	if err != nil {
		return nil, err
	}
	if len(more) == 0 {
		w.say("building closeorder and queryorder …", "编译 closeorder 与 queryorder …")
	} else {
		w.say("building closeorder, queryorder and %s …", "编译 closeorder、queryorder 与 %s …", strings.Join(more, ", "))
	}
	return w.compile(ctx, bin, more)
}

// compile builds closeorder, queryorder and more functions. An executable of an earlier run that is
// not needed now stays where it is, and is not found: it may be an older version's.
func (w *World) compile(ctx context.Context, bin string, more []string) (map[string]string, error) {
	if err := Build(ctx, bin, more...); err != nil {
		return nil, err
	}
	found, err := desk.Find(bin, w.Runtime)
	maps.DeleteFunc(found, func(name, _ string) bool {
		return !slices.Contains(desk.Functions(), name) && !slices.Contains(more, name)
	})
	return found, err
}

// more are the functions that the description files need besides closeorder and queryorder.
func (w *World) more() ([]string, error) {
	o, _, err := w.Deploy.Options()
	if err != nil {
		return nil, err
	}
	o.Runtime = w.Runtime
	names, err := workload.Executables(o)
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(desk.Functions(), name) }), err
}

// BinError says that --bin names a folder without the functions.
type BinError struct{ err error }

// Error returns the English wording.
func (e *BinError) Error() string { return e.Wording().EN }

// Wording is the error in both languages.
func (e *BinError) Wording() bilingual.Text {
	return bilingual.Sprintf("--bin: %s", "--bin：%s", bilingual.Wording(e.err))
}

// Unwrap returns what was looked for where.
func (e *BinError) Unwrap() error { return e.err }

// hasSQLite reports whether all functions were built with SQLite, by what the go command has
// written into them.
func hasSQLite(binaries map[string]string) bool {
	for _, binary := range binaries {
		info, err := buildinfo.ReadFile(binary)
		if err != nil {
			return false
		}
		links := false
		for _, module := range info.Deps {
			links = links || module.Path == "modernc.org/sqlite"
		}
		if !links {
			return false
		}
	}
	return true
}

// sqliteFile is the file of a SQLite store, and false for another database. The address may be
// written as a URL, with two slashes.
func sqliteFile(address string) (string, bool) {
	path, is := strings.CutPrefix(address, "sqlite:")
	return strings.TrimPrefix(path, "//"), is
}
