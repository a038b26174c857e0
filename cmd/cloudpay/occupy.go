package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// lockFile is held by the emulator that uses a folder.
const lockFile = "lock"

var errOccupied = errors.New("locked")

// occupy takes a folder for one emulator: a second would overwrite the first one's
// keys and description. The system lets go of the lock when the process ends, in
// whatever way.
func occupy(dir string) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("taking the folder %s: %w", dir, err)
	}
	if err := lock(f); err != nil {
		_ = f.Close()
		if errors.Is(err, errOccupied) {
			return nil, fmt.Errorf("another emulator uses %s: stop it, or give this one a folder of its own with --dir", dir)
		}
		return nil, fmt.Errorf("taking the folder %s: %w", dir, err)
	}
	forgetDescription(dir) // of an emulator that was killed
	return func() { _ = f.Close() }, nil
}
