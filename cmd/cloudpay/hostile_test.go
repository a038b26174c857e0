package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"

	"cloudpay/pkg/wire/wiretest"
)

// TestCommandsOutliveTheFarSide: every command that asks something over HTTP ends, whatever is at
// the other end, and has nothing good to say of it. One that ignores its time limit is ended by the
// test's.
func TestCommandsOutliveTheFarSide(t *testing.T) {
	t.Parallel()
	sides := map[string]string{"silence": wiretest.Silent(t), "a byte a second": wiretest.Drips(t, time.Second)}
	for _, status := range []int{100, http.StatusSwitchingProtocols, 103, 200, 204, 302, 401, 404, 429, 500, 503} {
		sides[fmt.Sprint("HTTP ", status)] = wiretest.Holds(t, status)
	}
	dir := t.TempDir()
	world, err := desk.Start(t.Context(), dir, desk.Addresses{Gateway: desk.AnyPort, Backup: desk.AnyPort, Admin: desk.AnyPort})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(world.Close)
	inUse(t, dir)
	var all sync.WaitGroup
	for name, address := range sides {
		dir := before(t, address, world)
		for _, command := range []string{
			"close --timeout 600ms --emulator DIR A1",
			"close --timeout 600ms --emulator DIR A1 --api v2",
			"query --timeout 600ms --emulator DIR A1",
			"query --timeout 600ms --emulator DIR A1 --api v2",
			"doctor --timeout 1s --emulator DIR",
			"invoke closeorder --timeout 600ms --emulator DIR",
			"invoke closeorder --timer --timeout 600ms --dir DIR",
		} {
			all.Go(func() {
				args := strings.Fields(strings.ReplaceAll(command, "DIR", dir))
				if text, code := printed(t, &render.Language{}, args...); code == 0 {
					t.Errorf("%s, %s: got exit code 0, want a complaint\n%s", name, command, text)
				}
			})
		}
	}
	all.Wait()
}

// before returns a folder with the description of an emulator whose addresses are that far side's.
func before(t *testing.T, address string, world *desk.Desk) string {
	t.Helper()
	dir := t.TempDir()
	d := world.Describe(address, platform.Go1, desk.Settings{API: "v3", Region: "cn"})
	for _, name := range []string{"WXPAY_BASE_URL", "WXPAY_BACKUP_URL", "WXPAY_CLOUDRUN_URL"} {
		d.Env[name] = address
	}
	if _, err := d.Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}
