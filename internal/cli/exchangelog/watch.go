package exchangelog

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/paint"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/traffic"
)

// Flag is the flag --log. The zero value is Short.
type Flag struct{ mode string }

// Register adds the flag.
func (f *Flag) Register(flags *pflag.FlagSet, l *render.Language) {
	flags.StringVar(&f.mode, "log", string(Short), l.Say("what is shown of each exchange: %s", "每次交互的显示方式：%s", strings.Join(Modes(), ", ")))
}

// Check reports a value that is no mode.
func (f *Flag) Check() error {
	if slices.Contains(Modes(), string(f.Mode())) {
		return nil
	}
	return bilingual.Errorf("--log: must be one of %s, not %q", "--log：须为 %s 之一，而不是 %q", strings.Join(Modes(), ", "), f.mode)
}

// Mode is the value.
func (f *Flag) Mode() Mode { return cmp.Or(Mode(f.mode), Short) }

// Watch shows the requests and deliveries of a desk on out as they happen, and the calls that ended
// gets, until stop.
func (f *Flag) Watch(d *desk.Desk, l *render.Language, out io.Writer) (ended func(traffic.Call), stop func()) {
	if f.Mode() == Off {
		return nil, func() {}
	}
	style, queue := Style{Mode: f.Mode(), Brush: paint.For(out), Language: l}, NewQueue(out)
	d.WatchRequests(func(r traffic.Request) { queue.Add(style.Request(r)) })
	d.WatchDeliveries(func(one traffic.Delivery) { queue.Add(style.Delivery(one)) })
	return func(c traffic.Call) { queue.Add(style.Call(c)) }, queue.Close
}
