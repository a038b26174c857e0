package paygate

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// change is one entry of the state to be written: a value, as JSON, below a key of a bucket. A nil
// value removes the entry. It is encoded when it is written: for the book's changes that is before
// the book is unlocked.
type change struct {
	bucket, key string
	value       any
}

// keeper writes the state to [Options].File. The whole state is in memory too, and the file is read
// at the start only. A nil keeper keeps nothing.
//
// The file is a bbolt database. What becomes of a process that is killed:
//
//   - Changes that belong together are written in one transaction, before the request that caused
//     them is answered, or any request that saw them. The file has all of them or none.
//   - bbolt never overwrites a page that the last transaction refers to, and writes its root last.
//     The kernel has every page that was written, whenever the process ends.
//   - Nothing waits for the disk (NoSync). After a power failure the file may be damaged; the next
//     start reports that.
type keeper struct {
	file string
	db   *bolt.DB
	// that of the file when it was opened
	format int

	queueMu sync.Mutex
	// what waits for the next transaction: all that comes while one is written goes into the next
	queue []entry
	// how many entries were ever put into the queue
	queued uint64
	// closed when the transaction that is being written ends, nil while none is
	writing chan struct{}
	// how many entries are in the file
	written atomic.Uint64
	// held while a transaction is written
	mu sync.Mutex
	// why what waits is not in the file, nil if it is
	failure atomic.Pointer[keepError]
}

// keepError is why the state cannot be kept.
type keepError struct {
	bookError

	// passing says that there was no room: what waits is written as soon as there is. After any
	// other failure nothing is written any more.
	passing bool
}

// entry is a change as it is written.
type entry struct {
	bucket, key string
	sealed      []byte // nil: removed
}

const (
	// fileFormat is the version of what is in the file. It changes with every bucket or field that
	// an older program must not ignore. A file of an older format is converted when it is opened:
	//
	//	1  orders have the parameters of their placing; every prepay_id is an entry
	//	2  orders have a fingerprint of them, and the newest prepay_id is the order's alone
	fileFormat = 2
	// lockTimeout is the wait for the lock of a process that is about to end.
	lockTimeout = time.Second
	// sumLength is the length of a checksum, in bytes.
	sumLength = 4
	// maxBacklog is how many entries may wait for room before requests are no longer filed: those
	// that are refused meanwhile would fill the memory.
	maxBacklog = 10_000
	// leafFill is how full a page is made. Keys ascend, and values grow a little when an order is
	// paid.
	leafFill = 0.8
)

// formatEntry is the bucket of the file's format, and its only key there.
const formatEntry = "format"

// beginAnew is the remedy for a file that cannot be used.
const beginAnew = "move it away to begin with a new one"

var (
	errDamaged = errors.New("the file is damaged")
	errClosed  = errors.New("the gateway is closed")

	sumTable = crc32.MakeTable(crc32.Castagnoli)
)

// openKeeper opens a file, or makes it. The error names the file and the remedy.
func openKeeper(file string) (*keeper, error) {
	k := &keeper{file: file}
	_, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		err = createFile(file)
	}
	if err == nil {
		err = guarded(k.open)
	}
	if err == nil { // now that no other process can be writing
		err = checkRoots(file)
	}
	if err == nil {
		err = k.checkFormat()
	}
	if err != nil {
		err = k.explain(err)
		k.close(err)
		return nil, err
	}
	return k, nil
}

// createFile makes a file with nothing but the format in it. It is made under another name: a
// process that is killed while it writes the first pages leaves no file that cannot be read.
func createFile(file string) error {
	made, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.new")
	if err != nil {
		return fmt.Errorf("making a file: %w", err)
	}
	_ = made.Close() // nothing was written
	defer func() { _ = os.Remove(made.Name()) }()
	k := &keeper{file: made.Name()}
	defer k.close(errClosed)
	entries, err := seal([]change{{formatEntry, formatEntry, fileFormat}})
	if err == nil {
		err = k.open()
	}
	if err == nil {
		err = k.commit(entries)
	}
	if err != nil {
		return err
	}
	// Another process may have been faster. A file system without links has no such check.
	if err := os.Link(made.Name(), file); err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err := os.Rename(made.Name(), file); err != nil {
		return fmt.Errorf("making a file: %w", err)
	}
	return nil
}

// open opens the database. bbolt does not close the file if it panics.
func (k *keeper) open() (err error) {
	var opened *os.File
	defer func() {
		if k.db == nil && opened != nil {
			_ = opened.Close()
		}
	}()
	k.db, err = bolt.Open(k.file, 0o600, &bolt.Options{
		Timeout: lockTimeout, NoSync: true, NoGrowSync: true, FreelistType: bolt.FreelistMapType,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			opened, err = os.OpenFile(name, flag, mode)
			return opened, err
		},
	})
	return err
}

// checkFormat refuses a file of another format.
func (k *keeper) checkFormat() error {
	err := k.each(formatEntry, func(_ string, value []byte) error { return unmarshal(value, &k.format) })
	switch {
	case err != nil:
		return err
	case k.format < 1:
		return fmt.Errorf("%w: it has no format", errDamaged)
	case k.format > fileFormat:
		return newerError(k.format)
	}
	return nil
}

// newerError is a file of a newer format.
type newerError int

func (e newerError) Error() string {
	return fmt.Sprintf("its format is %d, and this program knows none above %d", int(e), fileFormat)
}

// explain adds the file and the remedy to what went wrong with opening or reading it.
func (k *keeper) explain(err error) error {
	_, isNewer := errors.AsType[newerError](err)
	failure := k.err()
	switch {
	case failure != nil:
		return failure
	case isNewer:
		return fmt.Errorf("the gateway's state in %s is a newer program's: %w; start that one, or %s", k.file, err, beginAnew)
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("the gateway's state in %s is in use by another process: end that one, or name another file", k.file)
	case isPathError(err):
		return fmt.Errorf("the gateway's state cannot be kept: %w; name a file that can be written", err)
	default:
		return fmt.Errorf("the gateway's state in %s cannot be read: %w; %s", k.file, err, beginAnew)
	}
}

// isPathError reports whether the system refused to open or to write the file.
func isPathError(err error) bool {
	_, is := errors.AsType[*os.PathError](err)
	return is
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

// view reads in one transaction.
func (k *keeper) view(read func(*bolt.Tx) error) error {
	return guarded(func() error { return k.db.View(read) })
}

// each reads a bucket's entries in the order of their keys. The value is valid during the call.
func (k *keeper) each(bucket string, read func(key string, value []byte) error) error {
	return k.view(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(bucket))
		if b == nil {
			return nil
		}
		var count uint64
		err := b.ForEach(func(key, sealed []byte) error {
			count++
			value, err := unseal(string(key), sealed)
			if err == nil {
				err = read(string(key), value)
			}
			if err != nil {
				return fmt.Errorf("%s %s: %w", bucket, key, err)
			}
			return nil
		})
		if err == nil && count != b.Sequence() {
			err = fmt.Errorf("%w: %s has %d entries of %d", errDamaged, bucket, count, b.Sequence())
		}
		return err
	})
}

// names lists the buckets.
func (k *keeper) names() (names []string, err error) {
	err = k.view(func(tx *bolt.Tx) error {
		return tx.ForEach(func(name []byte, _ *bolt.Bucket) error {
			names = append(names, string(name))
			return nil
		})
	})
	return names, err
}

// write writes changes in one transaction, and returns when they are in the file, or wait for room
// there. After any other failure it does nothing; err has the failure.
func (k *keeper) write(changes ...change) { k.await(k.enqueue(changes...)) }

// enqueue puts changes behind those that wait, for one transaction, and returns what await has to
// be called with to know that they are in the file. Their owner calls it under its own lock, so
// that they are written in the order in which they were made.
func (k *keeper) enqueue(changes ...change) (place uint64) {
	if k == nil || len(changes) == 0 || k.ended() {
		return 0
	}
	entries, err := seal(changes)
	if err != nil {
		k.fail(err)
		return 0
	}
	k.queueMu.Lock()
	defer k.queueMu.Unlock()
	k.queue = append(k.queue, entries...)
	k.queued += uint64(len(entries))
	return k.queued
}

// flush returns when all that was enqueued before is in the file, or waits for room there, or when
// nothing can be written.
func (k *keeper) flush() {
	if k == nil {
		return
	}
	k.queueMu.Lock()
	place := k.queued
	k.queueMu.Unlock()
	k.await(place)
}

// await returns when what was enqueued up to a place is in the file, or waits for room there, or
// when nothing can be written. One caller writes, and the others wait: all that is enqueued
// meanwhile shares the next transaction.
func (k *keeper) await(place uint64) {
	for k != nil && k.written.Load() < place && !k.ended() {
		k.queueMu.Lock()
		if done := k.writing; done != nil {
			k.queueMu.Unlock()
			<-done
			continue
		}
		done, entries, upTo := make(chan struct{}), k.queue, k.queued
		k.writing, k.queue = done, nil
		k.queueMu.Unlock()

		isWritten := k.writeAll(entries, upTo)

		k.queueMu.Lock()
		k.writing = nil
		k.queueMu.Unlock()
		close(done)
		if !isWritten {
			return
		}
	}
}

// writeAll writes all entries up to a place, and reports whether they are in the file. Those for
// which there is no room are put back.
func (k *keeper) writeAll(entries []entry, upTo uint64) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended() {
		return false
	}
	switch err := k.commit(entries); {
	case err == nil:
		k.written.Store(upTo)
		k.mend()
		return true
	case isNoRoom(err):
		k.queueMu.Lock()
		k.queue = append(entries, k.queue...) // before what has come meanwhile
		k.queueMu.Unlock()
		k.failure.CompareAndSwap(nil, k.noRoom(err))
	default:
		k.fail(err)
	}
	return false
}

// isNoRoom reports whether a file could not grow: the disk or the user's share of it is full, or
// the file as long as it may become. A transaction that fails so has changed nothing.
func isNoRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// noRoom is the failure that passes.
func (k *keeper) noRoom(err error) *keepError {
	return &keepError{passing: true, bookError: bookError{http.StatusInternalServerError, fmt.Sprintf(
		"the gateway's state cannot be kept in %s: %v; make room: a running gateway then goes on, and until then refuses every request; "+
			"the first one that it refused may have been done", k.file, err)}}
}

// mend ends a failure that passes.
func (k *keeper) mend() {
	if failure := k.failure.Load(); failure != nil && failure.passing {
		k.failure.CompareAndSwap(failure, nil)
	}
}

// ended reports whether nothing is written any more.
func (k *keeper) ended() bool {
	failure := k.failure.Load()
	return failure != nil && !failure.passing
}

// crowded reports whether so much waits for room that requests are not to be filed.
func (k *keeper) crowded() bool {
	if k == nil || k.failure.Load() == nil {
		return false
	}
	k.queueMu.Lock()
	defer k.queueMu.Unlock()
	return len(k.queue) >= maxBacklog
}

// commit writes entries in one transaction. The keeper is locked.
func (k *keeper) commit(entries []entry) error {
	return guarded(func() error {
		return k.db.Update(func(tx *bolt.Tx) error {
			for i := range entries {
				if err := put(tx, &entries[i]); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// put writes an entry. A bucket's sequence is the number of its entries, so that a loss is noticed.
func put(tx *bolt.Tx, e *entry) error {
	b, err := tx.CreateBucketIfNotExists([]byte(e.bucket))
	if err != nil {
		return fmt.Errorf("the bucket %s: %w", e.bucket, err)
	}
	b.FillPercent = leafFill
	key, count := []byte(e.key), b.Sequence()
	there := b.Get(key) != nil
	switch {
	case e.sealed != nil:
		if !there {
			count++
		}
		err = b.Put(key, e.sealed)
	case there:
		count--
		err = b.Delete(key)
	}
	if err == nil && count != b.Sequence() {
		err = b.SetSequence(count)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", e.bucket, e.key, err)
	}
	return nil
}

// seal encodes changes: a checksum over key and value, then the value.
func seal(changes []change) ([]entry, error) {
	entries := make([]entry, len(changes))
	for i, c := range changes {
		entries[i] = entry{bucket: c.bucket, key: c.key}
		if c.value == nil {
			continue
		}
		value, err := json.Marshal(c.value)
		if err != nil {
			return nil, fmt.Errorf("encoding %s %s: %w", c.bucket, c.key, err)
		}
		sealed := make([]byte, sumLength, sumLength+len(value))
		binary.BigEndian.PutUint32(sealed, sumOf(c.key, value))
		sealed = append(sealed, value...)
		entries[i].sealed = sealed
	}
	return entries, nil
}

// unseal returns the value of a sealed entry.
func unseal(key string, sealed []byte) ([]byte, error) {
	if len(sealed) < sumLength || binary.BigEndian.Uint32(sealed) != sumOf(key, sealed[sumLength:]) {
		return nil, fmt.Errorf("%w: the checksum is wrong", errDamaged)
	}
	return sealed[sumLength:], nil
}

func sumOf(key string, value []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(key), sumTable), sumTable, value)
}

// fail notes why nothing is written any more. The first reason stays, but for one that passes.
func (k *keeper) fail(err error) {
	text := fmt.Sprintf("the gateway's state cannot be kept in %s: %v; what happened since is lost at a restart: "+
		"make room or mend the file's access, and start the gateway again", k.file, err)
	if errors.Is(err, errClosed) {
		text = err.Error()
	}
	failure := &keepError{bookError: bookError{http.StatusInternalServerError, text}}
	if before := k.failure.Load(); before == nil || before.passing {
		k.failure.CompareAndSwap(before, failure)
	}
}

// err returns why the state is not in the file, nil if it is.
func (k *keeper) err() error {
	if k == nil {
		return nil
	}
	failure := k.failure.Load()
	if failure == nil {
		return nil
	}
	return &bookError{failure.status, failure.text}
}

// ready is err after another attempt to write what waits for room. What is asked for begins with
// it.
func (k *keeper) ready() error {
	if k != nil && k.failure.Load() != nil {
		k.flush()
	}
	return k.err()
}

// or returns what went wrong with a change, and with whatever its caller saw: err, or that it could
// not be kept.
func (k *keeper) or(err error) error {
	k.flush()
	if err != nil {
		return err
	}
	return k.err()
}

// close ends the writing with a reason, and releases the file.
func (k *keeper) close(why error) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fail(why)
	if k.db != nil {
		_ = k.db.Close() // nothing is buffered
	}
}

// bookLock is the book's lock. Unlocking it writes what was changed under it, in one transaction: a
// payment together with its notification. The transaction is written after the lock is released, so
// that changes by several requests share one. Until then others can see what is not in the file
// yet: each answer waits for what it may have seen ([bookLock.settled], [keeper.flush]).
type bookLock struct {
	sync.Mutex

	keep    *keeper
	changes []change
	// the place of the newest change in the keeper's queue
	newest atomic.Uint64
}

// Unlock unlocks, and returns when the changes are in the file.
func (l *bookLock) Unlock() {
	place := l.keep.enqueue(l.changes...)
	if place > 0 {
		l.newest.Store(place)
	}
	clear(l.changes)
	l.changes = l.changes[:0]
	l.Mutex.Unlock()
	l.keep.await(place)
}

// settled returns when everything that was changed before is in the file.
func (l *bookLock) settled() { l.keep.await(l.newest.Load()) }

// changed notes changes that are written when the book is unlocked. The book is locked.
func (b *orderBook) changed(changes ...change) {
	if b.mu.keep == nil {
		return
	}
	b.mu.changes = append(b.mu.changes, changes...)
	if b.numbered != b.keptNumbered { // a number that was given must not be given again
		b.mu.changes = append(b.mu.changes, change{numberedBucket, numberedBucket, b.numbered})
		b.keptNumbered = b.numbered
	}
}

// handleKept does what was asked, unless the state cannot be kept. If that fails with this request,
// it is refused too: its effect would not outlive the process.
func (g *Gateway) handleKept(q *question) (subject, *refusal) {
	if err := g.keep.ready(); err != nil {
		return subject{}, refuse(codeSystemError).because(err.Error())
	}
	about, no := g.handle(q)
	g.orders.mu.settled()
	if err := g.keep.err(); err != nil {
		return about, refuse(codeSystemError).because(err.Error())
	}
	return about, no
}

// kept serves a management call, unless the state cannot be kept.
func (g *Gateway) kept(f adminFunc) adminFunc {
	return func(r *http.Request) (int, any, error) {
		if err := g.keep.ready(); err != nil {
			return 0, nil, err
		}
		status, answer, err := f(r)
		g.keep.flush()
		if failed := g.keep.err(); failed != nil {
			return 0, nil, failed
		}
		return status, answer, err
	}
}
