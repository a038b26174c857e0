package config

import (
	"net/url"
	"path/filepath"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
)

// readEmulatorClock takes the path of a file, which is read when the register is used.
func readEmulatorClock(c *Config, value string) *Fault {
	if !filepath.IsAbs(value) {
		return &Fault{Problem: bilingual.New("is not an absolute path", "不是绝对路径")}
	}
	c.EmulatorClock = value
	return nil
}

// notEmulated finds the emulator's clock beside addresses that are not all on this machine. A
// register whose clock is moved on would close real orders early, so that it is not even read.
func notEmulated(c *Config) []Fault {
	if c.EmulatorClock == "" {
		return nil
	}
	addresses := []string{c.BaseURL}
	if c.BackupURL != "" {
		addresses = append(addresses, c.BackupURL)
	}
	if c.Has(order.WXCloudRun) {
		addresses = append(addresses, c.CloudRunURL)
	}
	for _, address := range addresses {
		if at, err := url.Parse(address); err != nil || !isLoopback(at.Hostname()) {
			c.EmulatorClock = ""
			return []Fault{{
				Variable: nameEmulatorClock,
				Problem:  bilingual.New("is set, and WeChat Pay is not the emulator on this machine", "已设置，但微信支付不是本机的模拟器"),
				Remedy:   bilingual.New("leave it out: only the emulator sets it", "请去掉此项：仅由模拟器设置"),
			}}
		}
	}
	return nil
}
