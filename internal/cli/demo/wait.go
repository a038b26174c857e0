package demo

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"cloudpay/internal/cli/render"
)

// Wait shows that something goes on whose end nobody knows: a spinner with the seconds on a
// terminal, and elsewhere one line.
type Wait struct {
	// bar is nil where out is no terminal.
	bar *progressbar.ProgressBar
}

// NewWait begins to show what is waited for.
func NewWait(out io.Writer, what string) *Wait {
	if !render.IsTerminal(out) {
		fmt.Fprintln(out, what+" …")
		return &Wait{}
	}
	const spinner = 14 // of progressbar's
	return &Wait{bar: progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(out),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSpinnerType(spinner),
		progressbar.OptionSetSpinnerChangeInterval(100*time.Millisecond), // it turns by itself
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionClearOnFinish(),
	)}
}

// End removes the spinner.
func (w *Wait) End() {
	if w.bar != nil {
		_ = w.bar.Finish() // a spinner that cannot be removed is no reason to stop
	}
}
