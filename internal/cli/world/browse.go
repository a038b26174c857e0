package world

import (
	"context"
	"os/exec"
	"runtime"
	"time"

	"cloudpay/internal/emulator/console"
	"cloudpay/internal/emulator/desk"
)

// shown is what the console shows besides what the desk knows.
func (w *World) shown(d *desk.Desk, dir, cloudURL string, register *registered) console.Options {
	owner := w.Settings.Owner()
	return console.Options{
		CloudURL: cloudURL, HasRegister: register != nil,
		Owner: console.Key{Region: w.Settings.Region, MchID: owner.MchID, SubMchID: owner.SubMchID},
		Calls: newCalling(d.Describe(cloudURL, w.Runtime, w.Settings), dir),
	}
}

// maxOpening is how long the program that opens a browser may take. Where no browser runs yet, some
// of those programs are the browser, which goes on.
const maxOpening = 5 * time.Second

// opener is the program that opens an address in this system's browser.
func opener(system string) []string {
	switch system {
	case "darwin":
		return []string{"open"}
	case "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler"}
	default:
		return []string{"xdg-open"}
	}
}

// browse opens an address in a browser. It returns at once. Where that is not possible, as on a
// server, the log has the address instead.
func (w *World) browse(ctx context.Context, address string) {
	program := opener(runtime.GOOS)
	cmd := exec.Command(program[0], append(program[1:], address)...) //nolint:noctx // the browser outlives the emulator
	if err := cmd.Start(); err != nil {
		w.say("no browser can be opened here: the console is at %s", "此处无法打开浏览器：控制台在 %s", address)
		return
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // ends with the browser, or with this process
	go func() {
		timer := time.NewTimer(maxOpening)
		defer timer.Stop()
		select {
		case err := <-ended:
			if err != nil {
				w.say("no browser can be opened here: the console is at %s", "此处无法打开浏览器：控制台在 %s", address)
			}
		case <-timer.C:
		case <-ctx.Done():
		}
	}()
}
