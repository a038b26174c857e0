package desk

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"cloudpay/internal/bilingual"
)

// Lock makes a folder, if need be, and takes it for one emulator: a second would overwrite the
// first one's keys and description. It returns the folder's absolute path, which is good for
// processes with another working directory. The system releases the lock when the process ends, in
// whatever way.
func Lock(dir string) (path string, release func(), err error) {
	if path, err = filepath.Abs(dir); err == nil {
		err = os.MkdirAll(path, 0o700)
	}
	if err != nil {
		return "", nil, bilingual.Errorf("making the folder %s: %w", "创建目录 %s：%w", dir, err)
	}
	// The file stays when the lock is released. Removed, it would let two processes each hold the
	// lock of a file of this name.
	lock := flock.New(filepath.Join(path, "lock"))
	switch taken, err := lock.TryLock(); {
	case err != nil:
		return "", nil, bilingual.Errorf("taking the folder %s: %w", "占用目录 %s：%w", path, err)
	case !taken:
		return "", nil, bilingual.Errorf("another emulator uses %s: stop it, or give this one a folder of its own with --dir",
			"另一个模拟器正在使用 %s：请停止它，或用 --dir 另指定目录", path)
	}
	forget(path) // an emulator that was killed left its description behind
	return path, func() { _ = lock.Close() }, nil
}

// File is the description's name in the folder. It is there while an emulator serves.
const File = "emulator.json"

// forget removes a description, if there is one. A leftover is harmless but misleading: Read would
// return it, and each call would fail.
func forget(dir string) { _ = os.Remove(filepath.Join(dir, File)) }

// writeFile writes a file that only its owner may read, whole or not at all: a process that dies
// here leaves the old file, and at most a .new- file beside it.
func writeFile(file string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*")
	if err != nil {
		return bilingual.Errorf("writing %s: %w", "写入 %s：%w", file, err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the error that matters is why it could not be written
		return bilingual.Errorf("writing %s: %w", "写入 %s：%w", file, err)
	}
	return nil
}
