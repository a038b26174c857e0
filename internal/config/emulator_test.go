package config_test

import (
	"testing"

	"cloudpay/internal/config"
)

// The emulator's clock moves the register's on, so that it is accepted only where every address of
// WeChat Pay is on this machine; elsewhere it is not read.
func TestEmulatorClockNeedsTheEmulator(t *testing.T) {
	t.Parallel()
	const name, file = "CLOUDPAY_EMULATOR_CLOCK", "/home/me/.cloudpay/clock"
	emulated := forV3().with("WXPAY_BASE_URL", "http://127.0.0.1:8601").with(name, file)
	for _, e := range []env{emulated, emulated.with("WXPAY_BACKUP_URL", "http://localhost:8602")} {
		if got := e.load(t).EmulatorClock; got != file {
			t.Errorf("got %q, want %q", got, file)
		}
	}
	for what, e := range map[string]env{
		"the region's own addresses": forV3().with(name, file),
		"another address":            emulated.with("WXPAY_BASE_URL", "https://api.mch.weixin.qq.com"),
		"another backup":             emulated.with("WXPAY_BACKUP_URL", "https://api2.mch.weixin.qq.com"),
		"the private link":           emulated.with("WXPAY_API", "wxcloudrun"),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			e.wantFault(t, name, "not the emulator on this machine", "leave it out")
			if got, _ := config.Load(e.entries()); got.EmulatorClock != "" {
				t.Errorf("got %q, want it not read", got.EmulatorClock)
			}
		})
	}
	emulated.with(name, "clock").wantFault(t, name, "not an absolute path")
}
