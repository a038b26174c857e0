package world

import (
	"context"
	"debug/buildinfo"
	"os"
	"path/filepath"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/desk"
)

// ErrInterrupted is the error of a command that a signal stopped. An error that wraps it says what
// is left undone.
var ErrInterrupted = bilingual.Errorf("interrupted", "已中断")

// Build builds the functions into a folder, with SQLite: what keeps orders has to be part of them
// too. The error of an interrupted build says that it was interrupted, whatever the go command said
// when it was stopped.
func Build(ctx context.Context, bin string) error {
	err := desk.Build(ctx, bin, "sqlite")
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

// build builds the functions from the sources that the user stands in.
func (w *World) build(ctx context.Context, bin string) (map[string]string, error) {
	w.say("building closeorder and queryorder …", "编译 closeorder 与 queryorder …")
	if err := Build(ctx, bin); err != nil {
		return nil, err
	}
	return desk.Find(bin, w.Runtime)
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
