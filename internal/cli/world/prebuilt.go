package world

import (
	"os"
	"path/filepath"

	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
)

// Prebuilt returns the functions' executables that lie beside this program, by function, as
// `make package` leaves them in dist/emulator. It returns nil unless all are there and have SQLite,
// without which they register no orders in a file.
func Prebuilt(on platform.Runtime) map[string]string {
	program, err := os.Executable()
	if err != nil {
		return nil
	}
	found, err := desk.Find(filepath.Dir(program), on)
	if err != nil || !hasSQLite(found) {
		return nil
	}
	return found
}
