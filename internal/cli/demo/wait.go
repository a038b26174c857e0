package demo

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"cloudpay/internal/cli/render"
)

// wait shows the progress of work of unknown length: a spinner with the seconds on a terminal, and
// elsewhere one line.
type wait struct {
	// bar is nil where out is no terminal.
	bar *progressbar.ProgressBar
}

// newWait begins to show what is waited for, until end.
func newWait(out io.Writer, what string) *wait { return waitOn(out, render.IsTerminal(out), what) }

// waitOn is newWait for an output that is a terminal or not.
func waitOn(out io.Writer, terminal bool, what string) *wait {
	if !terminal {
		fmt.Fprintln(out, what+" …")
		return &wait{}
	}
	const spinner = 14 // of progressbar's
	return &wait{bar: progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(out),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSpinnerType(spinner),
		progressbar.OptionSetSpinnerChangeInterval(100*time.Millisecond), // it turns by itself
		progressbar.OptionSetRenderBlankState(true),                      // else it begins with the first step, which never comes
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionClearOnFinish(),
	)}
}

// end removes the spinner.
func (w *wait) end() {
	if w.bar != nil {
		_ = w.bar.Finish() // a spinner that cannot be removed is no reason to stop
	}
}
