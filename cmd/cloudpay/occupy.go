package main

import (
	"errors"
	"os"
	"path/filepath"

	"cloudpay/internal/bilingual"
)

// lockFile is held by the emulator that uses a folder.
const lockFile = "lock"

var errOccupied = bilingual.Errorf("locked", "已锁定")

// occupy takes a folder for one emulator: a second would overwrite the first one's
// keys and description. The system lets go of the lock when the process ends, in
// whatever way.
func occupy(dir string) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, bilingual.Errorf("taking the folder %s: %w", "占用目录 %s：%w", dir, err)
	}
	if err := lock(f); err != nil {
		_ = f.Close()
		if errors.Is(err, errOccupied) {
			return nil, bilingual.Errorf("another emulator uses %s: stop it, or give this one a folder of its own with --dir",
				"另一个模拟器正在使用 %s：请停止它，或用 --dir 另指定目录", dir)
		}
		return nil, bilingual.Errorf("taking the folder %s: %w", "占用目录 %s：%w", dir, err)
	}
	forgetDescription(dir) // of an emulator that was killed
	return func() { _ = f.Close() }, nil
}
