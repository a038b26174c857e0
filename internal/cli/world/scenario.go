package world

import (
	"encoding/json"
	"io"
	"os"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/desk"
)

// maxScenario bounds a scenario's file, as the management API bounds a scenario.
const maxScenario = 256 << 10

// A scenario is a file of what goes wrong in both worlds (docs/emulator.md, "Scenarios"). A run of
// the emulator begins with it, so that a test has the same faults, by the same draws, each time.

// readScenario reads the file of --scenario. What cannot be a scenario is refused here, before
// anything is built. Whether its faults can be played, both worlds say when they have started.
func readScenario(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, bilingual.Errorf("--scenario: %w", "--scenario：%w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(file, maxScenario+1))
	switch {
	case err != nil:
		return nil, bilingual.Errorf("--scenario: %w", "--scenario：%w", err)
	case len(text) > maxScenario:
		return nil, bilingual.Errorf("--scenario: %s is longer than %d KiB", "--scenario：%s 超过 %d KiB", path, maxScenario>>10)
	case !json.Valid(text):
		return nil, bilingual.Errorf("--scenario: %s is not JSON", "--scenario：%s 不是 JSON", path)
	}
	return text, nil
}

// play switches on what the scenario says, if there is one. It is called when the functions run,
// since a fault of the cloud may name one of them, and before the description says that the
// emulator is ready.
func (w *World) play(d *desk.Desk) error {
	if len(w.scenario) == 0 {
		return nil
	}
	if err := d.SetScenario(w.scenario); err != nil {
		return bilingual.Errorf("--scenario: %w", "--scenario：%w", err)
	}
	return nil
}
