package world

import (
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/exchangelog"
	"cloudpay/internal/cli/paint"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/access"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/traffic"
	"cloudpay/internal/printable"
)

// logFile has what the functions print, unless the log shows it.
const logFile = "functions.log"

// Admission says who may call the cloud, and what is seen of it.
type Admission struct {
	origins, required []string
	log               string
}

// register adds the flags.
func (a *Admission) register(flags *pflag.FlagSet, l *render.Language) {
	flags.StringArrayVar(&a.origins, "allow-origin", nil, l.Say(
		"let web pages of this origin call the functions, such as http://localhost:5173; repeatable",
		"允许该来源的网页调用云函数，如 http://localhost:5173；可重复"))
	flags.StringArrayVar(&a.required, "require-key", nil, l.Say(
		"demand that SDKs sign with this key, as ID:SECRET; repeatable", "要求 SDK 以该密钥签名，写作 ID:SECRET；可重复"))
	flags.StringVar(&a.log, "log", string(exchangelog.Short), l.Say("what is shown of each call: %s", "每次调用的显示方式：%s",
		strings.Join(exchangelog.Modes(), ", ")))
}

// check reports every setting that is wrong, by its flag. A key is not quoted: it has a secret.
func (a *Admission) check() error {
	var faults []error
	for _, origin := range a.origins {
		if err := access.CheckOrigin(origin); err != nil {
			faults = append(faults, bilingual.Errorf("--allow-origin: %w", "--allow-origin：须与浏览器所发送的来源完全一致，如 http://localhost:5173：%w", err))
		}
	}
	for _, text := range a.required {
		if _, err := access.ParseKey(text); err != nil {
			faults = append(faults, bilingual.Errorf("--require-key: %w", "--require-key：须写作 ID:SECRET：%w", err))
		}
	}
	a.log = cmp.Or(a.log, string(exchangelog.Short)) // a World that no command line made
	if !slices.Contains(exchangelog.Modes(), a.log) {
		faults = append(faults, bilingual.Errorf("--log: must be one of %s, not %q", "--log：须为 %s 之一，而不是 %q",
			strings.Join(exchangelog.Modes(), ", "), a.log))
	}
	return errors.Join(faults...)
}

// keys are those that were checked.
func (a *Admission) keys() access.Keys {
	var keys access.Keys
	for _, text := range a.required {
		if key, err := access.ParseKey(text); err == nil {
			keys = append(keys, key)
		}
	}
	return keys
}

// watch shows calls and requests as they happen, until stop.
func (w *World) watch(d *desk.Desk) (ended func(traffic.Call), stop func()) {
	style := exchangelog.Style{Mode: exchangelog.Mode(w.log), Brush: paint.For(w.Log), Language: w.Language}
	queue := exchangelog.NewQueue(w.Log)
	d.WatchRequests(func(r traffic.Request) { queue.Add(style.Request(r)) })
	return func(c traffic.Call) { queue.Add(style.Call(c)) }, queue.Close
}

// functionLogs is where the functions' lines go: to the log if that shows everything, else to a
// file in the folder, which begins anew with each run.
func (w *World) functionLogs(dir string) (logs io.Writer, done func(), err error) {
	if w.log == string(exchangelog.Full) {
		return printable.NewWriter(w.Log), func() {}, nil
	}
	file, err := os.OpenFile(filepath.Join(dir, logFile), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, bilingual.Errorf("the functions' log: %w", "云函数的日志：%w", err)
	}
	return file, func() { _ = file.Close() }, nil // a log that is cut off is no error
}
