// Package spool keeps what an emulated cloud must not lose when its process ends, in one file:
// entries of some kinds by number, and for each kind the highest number.
//
// The file is a bbolt database, as the gateway's is (docs/adr/0030). Nothing waits for the disk:
// the kernel has every page that was written, so that a process that is killed leaves the file as
// the last call did; a power failure may damage it, which the next [Open] reports. Payloads of
// events hold tokens, and the file is its owner's alone.
package spool

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"

	"cloudpay/internal/bilingual"
)

const (
	// format is the version of what is in the file. It changes with every kind and member that an
	// older program must not ignore.
	format = 1
	// formatKind is the kind whose highest number is the format.
	formatKind = "format"
	// lockTimeout is the wait for the lock of a process that is about to end.
	lockTimeout = time.Second
	private     = 0o600
)

// errDamaged is a file that bbolt cannot read.
var errDamaged = bilingual.Errorf("the file is damaged", "文件已损坏")

// Spool is an open file. Its methods may be called concurrently. A nil Spool keeps nothing.
type Spool struct{ db *bolt.DB }

// Open opens a file, or makes it. The error names the file and what to do.
func Open(file string) (*Spool, error) {
	_, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		err = create(file)
	}
	var s *Spool
	if err == nil {
		s, err = open(file)
	}
	if err == nil {
		err = s.checkFormat()
	}
	if err != nil {
		_ = s.Close() // the error that matters is why it cannot be used
		return nil, explain(file, err)
	}
	return s, nil
}

// create makes a file with the format alone. It is made under another name: a process that is
// killed meanwhile leaves no file that cannot be read. The folder is one process's.
func create(file string) error {
	unfinished := file + ".new"
	if err := os.Remove(unfinished); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("making a file: %w", err)
	}
	s, err := open(unfinished)
	if err != nil {
		return err
	}
	if err := errors.Join(s.Mark(formatKind, format), s.Close()); err != nil {
		_ = os.Remove(unfinished) // the error that matters is why it could not be written
		return err
	}
	if err := os.Rename(unfinished, file); err != nil {
		return fmt.Errorf("making a file: %w", err)
	}
	return nil
}

// open opens the database.
func open(file string) (s *Spool, err error) {
	err = guarded(func() error {
		db, err := bolt.Open(file, private, &bolt.Options{
			Timeout: lockTimeout, NoSync: true, NoGrowSync: true, FreelistType: bolt.FreelistMapType,
		})
		s = &Spool{db}
		if err != nil {
			return fmt.Errorf("opening it: %w", err)
		}
		return nil
	})
	return s, err
}

// checkFormat refuses the file of a newer program.
func (s *Spool) checkFormat() error {
	version, err := s.Last(formatKind)
	switch {
	case err != nil:
		return err
	case version < 1:
		return errDamaged
	case version > format:
		return bilingual.Errorf("its format is %d, and this program reads %d: it is a newer program's", "其格式为 %d，本程序可读 %d：它由更新的程序写入",
			version, format)
	}
	return nil
}

// explain adds the file and the remedy. What the system refused speaks for itself.
func explain(file string, err error) error {
	if _, is := errors.AsType[*fs.PathError](err); is {
		return err
	}
	return bilingual.Errorf("the cloud's state in %s cannot be read: %w; move it away to begin without the asynchronous events "+
		"of earlier runs", "无法读取 %s 中云的状态：%w；将其移走即可在没有此前异步事件的情况下重新开始", file, err)
}

// guarded calls f, in which a damaged file can make bbolt panic, or read behind the file's end.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w: %v", errDamaged, cause)
		}
	}()
	return f()
}

// update changes the file in one transaction.
func (s *Spool) update(change func(*bolt.Tx) error) error {
	if s == nil {
		return nil
	}
	if err := guarded(func() error { return s.db.Update(change) }); err != nil {
		return bilingual.Errorf("the cloud's state cannot be written: %w", "无法写入云的状态：%w", err)
	}
	return nil
}

// view reads the bucket of a kind, unless there is none.
func (s *Spool) view(kind string, read func(*bolt.Bucket) error) error {
	if s == nil {
		return nil
	}
	return guarded(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			bucket := tx.Bucket([]byte(kind))
			if bucket == nil {
				return nil
			}
			return read(bucket)
		})
	})
}

// Put keeps an entry, as JSON, in the place of the one that its number had. When it returns nil, a
// process that is killed has left the entry.
func (s *Spool) Put(kind string, number int64, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encoding %s %d: %w", kind, number, err)
	}
	return s.update(func(tx *bolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists([]byte(kind))
		if err == nil && unsigned(number) > bucket.Sequence() {
			err = bucket.SetSequence(unsigned(number))
		}
		if err == nil {
			err = bucket.Put(key(number), text)
		}
		if err != nil {
			return fmt.Errorf("%s %d: %w", kind, number, err)
		}
		return nil
	})
}

// Remove removes an entry, if it is there. Its number stays used.
func (s *Spool) Remove(kind string, number int64) error {
	return s.update(func(tx *bolt.Tx) error {
		bucket := tx.Bucket([]byte(kind))
		if bucket == nil {
			return nil
		}
		return bucket.Delete(key(number))
	})
}

// Each reads the entries of a kind in the order of their numbers. The text is valid during the
// call.
func (s *Spool) Each(kind string, read func(number int64, text []byte) error) error {
	return s.view(kind, func(bucket *bolt.Bucket) error {
		return bucket.ForEach(func(name, text []byte) error {
			if len(name) != len(key(0)) {
				return errDamaged
			}
			return read(signed(binary.BigEndian.Uint64(name)), text)
		})
	})
}

// Last is the highest number of a kind that was ever used or marked; 0 if none was.
func (s *Spool) Last(kind string) (last int64, err error) {
	err = s.view(kind, func(bucket *bolt.Bucket) error {
		last = signed(bucket.Sequence())
		return nil
	})
	return last, err
}

// Mark sets the highest number of a kind, which has no entries.
func (s *Spool) Mark(kind string, last int64) error {
	return s.update(func(tx *bolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists([]byte(kind))
		if err == nil {
			err = bucket.SetSequence(unsigned(last))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		return nil
	})
}

// Close releases the file. Everything is in it already.
func (s *Spool) Close() error {
	if s == nil || s.db == nil {
		return nil
	}
	if err := s.db.Close(); err != nil {
		return bilingual.Errorf("closing the cloud's state: %w", "关闭云的状态：%w", err)
	}
	return nil
}

// key is a number as a key: keys are in the numbers' order.
func key(number int64) []byte { return binary.BigEndian.AppendUint64(nil, unsigned(number)) }

// unsigned is a number as bbolt has it.
func unsigned(number int64) uint64 { return uint64(number) } //nolint:gosec // numbers are positive

// signed is unsigned undone.
func signed(number uint64) int64 { return int64(number) } //nolint:gosec // it was written by unsigned
