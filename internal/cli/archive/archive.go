// Package archive keeps pruned orders in a file: JSON, an order a line, compressed with zstd. It
// only ever appends. Each append is one zstd frame, flushed to the disk before Append returns, so
// that orders are deleted only after they were written. A program that dies in between leaves
// orders in the file that the register still has, and whose next append repeats them: readers take
// the last line of each order.
package archive

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"

	"github.com/gofrs/flock"
	"github.com/klauspost/compress/zstd"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/orderfile"
	"cloudpay/internal/schedule/pruning"
)

// File is an archive that is open for appending, by one process at a time.
type File struct {
	// Cut is how many bytes were removed from the end when it was opened: of an append that was not
	// finished, and whose orders were not deleted.
	Cut int64

	file *os.File
	lock *flock.Flock
	zstd *zstd.Encoder
	// end is the size of the file up to which all appends are complete.
	end int64
	// fault is why no more can be appended; nil if it can.
	fault error
	isNew bool
}

// private is the archive's mode: it has what the register has.
const private = 0o600

// Open opens an archive, and makes it if there is none. It reads all of an existing one, checks
// that its frames are whole, and cuts off one that ends too early. The error says what is wrong
// with a file that is no archive, is damaged elsewhere, or is written by another process.
func Open(path string) (*File, error) {
	f := &File{}
	var err error
	if f.lock, err = lock(path); err != nil {
		return nil, err
	}
	if f.file, err = f.open(path); err == nil {
		err = f.check()
	}
	if err == nil {
		f.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	}
	if err != nil {
		_ = f.Close() // the error that matters is why it cannot be used
		return nil, bilingual.Errorf("the archive %s: %w", "归档文件 %s：%w", path, err)
	}
	return f, nil
}

// lock takes the archive for this process. Of two that append at once each would write over the
// other. The lock's file stays: see desk.Lock.
func lock(path string) (*flock.Flock, error) {
	taken := flock.New(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".lock"), flock.SetPermissions(private))
	switch ours, err := taken.TryLock(); {
	case err != nil:
		return nil, bilingual.Errorf("the archive %s: %w", "归档文件 %s：%w", path, err)
	case !ours:
		return nil, bilingual.Errorf("the archive %s: another process writes it: wait for it, or name another file",
			"归档文件 %s：另一进程正在写入：请等待其结束，或指定其他文件", path)
	}
	return taken, nil
}

// open opens the file, for its owner alone. A new one is in its folder for good only when the
// folder is flushed too.
func (f *File) open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	f.isNew = errors.Is(err, os.ErrNotExist)
	if err == nil && !info.Mode().IsRegular() {
		return nil, bilingual.Errorf("is no regular file", "不是普通文件")
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, private)
	if err != nil {
		return nil, err
	}
	err = file.Chmod(private)
	if err == nil && f.isNew {
		err = flushFolder(filepath.Dir(path))
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// flushFolder makes the entry of a new file last. Windows has no such operation.
func flushFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// check finds the end of the last whole frame, and cuts off the rest.
func (f *File) check() error {
	info, err := f.file.Stat()
	if err != nil {
		return bilingual.Errorf("reading it: %w", "读取：%w", err)
	}
	if f.end, err = wholeFrames(f.file, info.Size()); err != nil {
		return err
	}
	if f.Cut = info.Size() - f.end; f.Cut == 0 {
		return nil
	}
	return errors.Join(f.file.Truncate(f.end), f.file.Sync())
}

// Append writes orders, and returns when they are on the disk. After an error nothing of them is in
// the file, as far as it can still be written, and every later Append fails: what a disk that fails
// once has kept is not known.
func (f *File) Append(orders []pruning.Order) error {
	if f.fault != nil {
		return f.fault
	}
	var text []byte
	for _, o := range orders {
		line, err := json.Marshal(lineOf(o))
		if err != nil {
			return bilingual.Errorf("writing order %s into the archive: %w", "将订单 %s 写入归档文件：%w", o.Ref, err)
		}
		text = append(append(text, line...), '\n')
	}
	n, err := f.file.WriteAt(f.zstd.EncodeAll(text, nil), f.end)
	if err == nil {
		err = f.file.Sync()
	}
	if err != nil {
		_ = f.file.Truncate(f.end) // or the next Open does it
		f.fault = bilingual.Errorf("writing the archive %s: %w", "写入归档文件 %s：%w", f.file.Name(), err)
		return f.fault
	}
	f.end += int64(n)
	return nil
}

// Close closes the file and gives up its lock. A new file without any order is removed.
func (f *File) Close() error {
	var err error
	if f.file != nil {
		if f.isNew && f.end == 0 {
			err = os.Remove(f.file.Name())
		}
		err = errors.Join(err, f.file.Close())
	}
	return errors.Join(err, f.lock.Close())
}

// line is an order in the archive: what `orders show --json` prints of it, and what it was in the
// register. docs/cli.md describes it.
type line struct {
	ID int64 `json:"id"`
	orderfile.Record

	Generation int `json:"generation"`
}

func lineOf(o pruning.Order) line {
	record := orderfile.NewRecord(o.Record, o.Events...)
	record.Changes = o.Changes
	return line{ID: o.ID, Record: record, Generation: o.Generation}
}
