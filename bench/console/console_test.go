// Package console_test looks at the emulator's console as a person does: the built command serves
// it, and Chromium shows it, without a window. It is a part of the module bench/ for its
// dependencies: chromedp, which drives the browser, and axe-core, which judges the pages.
//
// A test opens tabs of a world (world_test.go, tab_test.go), and does what a hand does: it presses
// keys, and clicks what bears a name. It finds things by their roles and labels, as a screen reader
// does. All look at one world, which has something on each screen (seed_test.go), but for those
// that kill theirs.
package console_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"cloudpay/bench/chromium"
)

// folder has what is built and the worlds, until the tests end.
var folder string

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "cloudpay-console-"); err == nil {
		folder, err = filepath.EvalSymlinks(folder)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if opened != nil {
		opened.stop()
	}
	chromium.Stop()
	_ = os.RemoveAll(folder) // a leftover in the temporary folder does no harm
	os.Exit(code)
}
