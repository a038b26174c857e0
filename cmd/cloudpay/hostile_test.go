package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/emulator/platform"
	"cloudpay/pkg/paygate"
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
	s, err := loadSecrets(dir)
	if err != nil {
		t.Fatal(err)
	}
	inUse(t, dir)
	gateway, err := paygate.New(paygate.Options{Merchants: []*paygate.Merchant{s.merchant}, PlatformKey: s.gatewayKey})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for name, address := range sides {
		dir := before(t, address, s, gateway)
		for _, command := range []string{
			"close --timeout 600ms --emulator DIR A1",
			"close --timeout 600ms --emulator DIR A1 --api v2",
			"query --timeout 600ms --emulator DIR A1",
			"query --timeout 600ms --emulator DIR A1 --api v2",
			"doctor --timeout 1s --emulator DIR",
			"invoke closeorder --timeout 600ms --dir DIR",
			"invoke closeorder --timer --timeout 600ms --dir DIR",
		} {
			all.Go(func() {
				args := strings.Fields(strings.ReplaceAll(command, "DIR", dir))
				if text, code := printed(t, &language{}, args...); code == 0 {
					t.Errorf("%s, %s: got exit code 0, want a complaint\n%s", name, command, text)
				}
			})
		}
	}
	all.Wait()
}

// before returns the folder of an emulator of its own making, at whose addresses that far side is.
func before(t *testing.T, address string, s *secrets, gateway *paygate.Gateway) string {
	t.Helper()
	e := &emulator{gateway: gateway, secrets: s, gatewayURL: address, backupURL: address}
	dir := t.TempDir()
	d := e.describe(address, platform.Go1, role{api: "v3", region: "cn"})
	if err := writeDescription(dir, d); err != nil {
		t.Fatal(err)
	}
	return dir
}
