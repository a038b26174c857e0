package app

import (
	"os"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
)

// EmulatedClock returns a function that reads how far the emulator's clock was moved on, from the
// file that config.Config names; nil if it names none. What is not a duration from 0 on is an
// error, so that no order is claimed by a clock that is not known.
func EmulatedClock(file string) func() (time.Duration, error) {
	if file == "" {
		return nil
	}
	return func() (time.Duration, error) {
		text, err := os.ReadFile(file)
		if err != nil {
			return 0, bilingual.Errorf("reading the emulator's clock (start the emulator anew): %w", "读取模拟器的时钟（请重新启动模拟器）：%w", err)
		}
		ahead, err := time.ParseDuration(strings.TrimSpace(string(text)))
		if err != nil || ahead < 0 {
			return 0, bilingual.Errorf("the emulator's clock: %s holds no duration from 0 on: delete it and start the emulator anew",
				"模拟器的时钟：%s 中没有非负的时长：请删除它并重新启动模拟器", file)
		}
		return ahead, nil
	}
}

// follow has the register, the ages of orders and the sweeps follow the emulator's clock.
func (a *App) follow(clock func() (time.Duration, error)) {
	if clock == nil {
		return
	}
	shift := func() time.Duration {
		ahead, _ := clock() // 0 with an error, which the store returns too
		return ahead
	}
	a.Store.ShiftClock(clock)
	a.Closer.Now = func() time.Time { return time.Now().Add(shift()) }
	a.Sweeper.Shift = shift
}
