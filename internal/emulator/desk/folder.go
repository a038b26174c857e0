package desk

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"

	"cloudpay/internal/bilingual"
)

// holderFile has the id of the process that holds the folder's lock, for the error of the next one.
const holderFile = "lock.pid"

// Lock makes a folder, if need be, and takes it for one emulator: a second would overwrite the
// first one's keys and description. It returns the folder's absolute path, which is good for
// processes with another working directory. The error names the process that has the folder, or
// says why this one cannot write there. The system releases the lock when the process ends, in
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
		return "", nil, heldError(path)
	}
	sweepUp(path)
	// It is also the first file that is written: a folder that this user may not write, or a full
	// disk, is known before anything else is done.
	holder := filepath.Join(path, holderFile)
	if err := writeFile(holder, []byte(strconv.Itoa(os.Getpid())+"\n")); err != nil {
		_ = lock.Close()
		return "", nil, err
	}
	return path, func() {
		_ = os.Remove(holder) // before another process writes its own
		_ = lock.Close()
	}, nil
}

// heldError says that another process has the folder, and which one if that is known.
func heldError(path string) error {
	var process bilingual.Text
	text, _ := os.ReadFile(filepath.Join(path, holderFile)) // it may just have been locked
	if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
		process = bilingual.Sprintf(" (process %d)", "（进程 %d）", pid)
	}
	return bilingual.Errorf("another emulator uses %s%s: stop it, or give this one a folder of its own with --dir",
		"另一个模拟器正在使用 %s%s：请停止它，或用 --dir 另指定目录", path, process)
}

// sweepUp removes what an emulator that was killed has left in the folder: its description, and a
// file that it was writing. The folder is locked.
func sweepUp(path string) {
	forget(path)
	torn, _ := filepath.Glob(filepath.Join(path, unfinished)) // the pattern is right
	for _, file := range torn {
		_ = os.Remove(file) // left where it is, it is harmless
	}
}

// File is the description's name in the folder. It is there while an emulator serves.
const File = "emulator.json"

// forget removes a description, if there is one. A leftover is harmless but misleading: Read would
// return it, and each call would fail.
func forget(dir string) { _ = os.Remove(filepath.Join(dir, File)) }

// unfinished is the pattern of the names of files that are being written.
const unfinished = ".new-*"

// writeFile writes a file that only its owner may read, whole or not at all: a process that dies
// here leaves the old file, and at most a .new- file beside it.
func writeFile(file string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), unfinished)
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
