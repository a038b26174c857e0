package world

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/exchangelog"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/access"
	"cloudpay/internal/printable"
)

// logFile has what the functions print, unless the log shows it.
const logFile = "functions.log"

// Admission is the callers that the cloud accepts, and what is shown of their calls.
type Admission struct {
	origins, required []string
	log               exchangelog.Flag
}

// register adds the flags.
func (a *Admission) register(flags *pflag.FlagSet, l *render.Language) {
	flags.StringArrayVar(&a.origins, "allow-origin", nil, l.Say(
		"let web pages of this origin call the functions, such as http://localhost:5173; repeatable",
		"允许该来源的网页调用云函数，如 http://localhost:5173；可重复"))
	flags.StringArrayVar(&a.required, "require-key", nil, l.Say(
		"demand that SDKs sign with this key, as ID:SECRET; repeatable", "要求 SDK 以该密钥签名，写作 ID:SECRET；可重复"))
	a.log.Register(flags, l)
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
	faults = append(faults, a.log.Check())
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

// functionLogs is where the functions' lines go: to the log if that shows everything, else to a
// file in the folder, which begins anew with each run.
func (w *World) functionLogs(dir string) (logs io.Writer, done func(), err error) {
	if w.log.Mode() == exchangelog.Full {
		return printable.NewWriter(w.Log), func() {}, nil
	}
	file, err := os.OpenFile(filepath.Join(dir, logFile), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, bilingual.Errorf("the functions' log: %w", "云函数的日志：%w", err)
	}
	return file, func() { _ = file.Close() }, nil // a log that is cut off is no error
}
