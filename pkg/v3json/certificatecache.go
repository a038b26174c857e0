package v3json

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"cloudpay/pkg/wire"
)

const (
	// refreshAge is the age at which a list is refreshed. WeChat Pay requires a refresh more often
	// than every 12 h.
	refreshAge = 12 * time.Hour
	// When the newest certificate ends within endingSoon, endingAge takes the place of refreshAge.
	endingSoon = 10 * 24 * time.Hour
	endingAge  = time.Hour
	// refreshPause is the time between a failed refresh and the next, serialPause that between two
	// downloads for an unknown serial, which may be invented.
	refreshPause = 10 * time.Minute
	serialPause  = time.Minute
	// A refresh takes at most half of the time that its call has left, and maxRefresh. It does not
	// begin with less than minRefresh.
	maxRefresh = 5 * time.Second
	minRefresh = 250 * time.Millisecond

	// maxCacheFile is the size of a list of maxBody with the time of its download.
	maxCacheFile = maxBody + 1<<10
)

// cache is the state of Certificates between calls.
type cache struct {
	load sync.Once // of File

	mu          sync.Mutex // never held during a download
	held        certificateList
	download    *download // in flight, nil when none is
	lastSeek    time.Time // when an unknown serial last began a download
	lastFailure time.Time // when a download last failed
}

// download is one in flight, which other calls may wait for. done is closed when it ends. (With
// golang.org/x/sync/singleflight, a call with a short deadline would fail the calls that wait for
// it.)
type download struct {
	done  chan struct{}
	fault *CertificateError
	// contextEnded reports that it failed because its own call's context ended. The calls that wait
	// for it then try for themselves.
	contextEnded bool
}

// prepareCertificates downloads the list when there is no other key to verify a reply with. It runs
// before the request, so that a close whose reply could not be verified is never sent.
func (c *Client) prepareCertificates(ctx context.Context) error {
	s := c.Certificates
	if s == nil || c.Keys.Preferred() != "" {
		return nil
	}
	s.loadOnce(ctx, c)
	always := func() bool { return true }
	if fault := s.obtain(ctx, c, func() bool { return s.held.newest(c.now()) != "" }, always); fault != nil {
		return fault
	}
	return nil
}

// finder returns how a reply finds its key: among Keys, among the certificates held, and among
// those held after a download. A public key cannot be downloaded.
func (c *Client) finder(ctx context.Context) keyFinder {
	return func(serial string) (*rsa.PublicKey, string) {
		if key := c.Keys.find(serial); key != nil {
			return key, ""
		}
		if c.Certificates == nil {
			return nil, unknownSerial(serial, c.Keys.ids, remedy(serial))
		}
		c.Certificates.loadOnce(ctx, c)
		advice := remedy(serial)
		if isSerial(serial) {
			advice = c.Certificates.seek(ctx, c, serial)
		}
		if key := c.Certificates.find(serial, c.now()); key != nil {
			return key, ""
		}
		return nil, unknownSerial(serial, slices.Concat(c.Keys.ids, c.Certificates.serials()), advice)
	}
}

// seek downloads the list unless that serial is held. advice is for when it is not held afterwards
// either.
func (s *Certificates) seek(ctx context.Context, c *Client, serial string) (advice string) {
	found := func() bool { return s.held.find(serial, c.now()) != nil }
	begin := func() bool {
		if within(s.lastSeek, c.now(), serialPause) {
			return false
		}
		s.lastSeek = c.now()
		return true
	}
	if fault := s.obtain(ctx, c, found, begin); fault != nil {
		return "downloading the platform certificates again failed: " + fault.reason()
	}
	return "it is not among WeChat Pay's certificates as downloaded within the last minute; ask again"
}

// refreshCertificates downloads new certificates before they are needed. Its call has an answer
// already, and a failure here does not change that.
func (c *Client) refreshCertificates(ctx context.Context) {
	s := c.Certificates
	if s == nil {
		return
	}
	budget := maxRefresh
	if deadline, ok := ctx.Deadline(); ok {
		budget = min(budget, time.Until(deadline)/2)
	}
	if budget < minRefresh {
		return
	}
	mine := s.beginRefresh(c.now())
	if mine == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	if fault := s.run(ctx, c, mine); fault != nil {
		s.report(ctx, "refreshing the platform certificates: "+fault.reason())
	}
}

// beginRefresh returns nil when no refresh is due, or another call makes it.
func (s *Certificates) beginRefresh(now time.Time) *download {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.download != nil || !s.held.due(now) || within(s.lastFailure, now, refreshPause) {
		return nil
	}
	s.download = &download{done: make(chan struct{})}
	return s.download
}

// due reports whether the list must be refreshed. A list from the future counts as old: the clock
// was wrong when it came.
func (l certificateList) due(now time.Time) bool {
	if len(l.certificates) == 0 {
		return false
	}
	limit := refreshAge
	if l.certificates[0].until.Sub(now) < endingSoon {
		limit = endingAge
	}
	return !within(l.fetched, now, limit) || l.fetched.After(now)
}

// within reports whether less than pause lies between then and now, in either direction, so that no
// pause lasts for ever after a clock is put back. It compares wall clocks: the monotonic one stands
// still while an instance is frozen.
func within(then, now time.Time, pause time.Duration) bool {
	return now.Sub(then.Round(0)).Abs() < pause
}

// obtain downloads the list unless done reports that it is not needed, or begin that it is too
// soon. Both are called with the lock held. Concurrent calls share one download, and each waits no
// longer than its own ctx.
func (s *Certificates) obtain(ctx context.Context, c *Client, done, begin func() bool) *CertificateError {
	for {
		mine, theirs := s.join(done, begin)
		switch {
		case mine != nil:
			return s.run(ctx, c, mine)
		case theirs == nil:
			return nil
		}
		select {
		case <-theirs.done:
		case <-ctx.Done():
			return &CertificateError{Cause: fmt.Errorf("waiting for another call to download it: %w", ctx.Err())}
		}
		if theirs.fault != nil && !theirs.contextEnded {
			return theirs.fault
		}
	}
}

// join returns the download to make, or the one to wait for, or neither.
func (s *Certificates) join(done, begin func() bool) (mine, theirs *download) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case done():
		return nil, nil
	case s.download != nil:
		return nil, s.download
	case !begin():
		return nil, nil
	}
	s.download = &download{done: make(chan struct{})}
	return s.download, nil
}

// run makes the download and releases the calls that wait for it, even when a transport panics.
func (s *Certificates) run(ctx context.Context, c *Client, mine *download) *CertificateError {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.download = nil
		close(mine.done)
	}()
	list, body, fault := c.download(ctx)
	s.mu.Lock()
	if fault == nil {
		s.held = list
	} else {
		mine.fault, mine.contextEnded = fault, ctx.Err() != nil
		s.lastFailure = c.now()
	}
	if mine.contextEnded {
		s.lastSeek = time.Time{} // a call with too little time must not delay the next one
	}
	s.mu.Unlock()
	if fault != nil {
		return fault
	}
	if err := s.save(list.fetched, body); err != nil {
		s.report(ctx, "keeping the platform certificates in a file: "+err.Error())
	}
	return nil
}

func (s *Certificates) report(ctx context.Context, what string) {
	if s.Report != nil {
		s.Report(ctx, errors.New(what))
	}
}

// find and serials are those of the current list.
func (s *Certificates) find(serial string, now time.Time) *rsa.PublicKey {
	return s.list().find(serial, now)
}

func (s *Certificates) serials() []string { return s.list().serials() }

// preferred returns the serial of the newest certificate, "" once the list is old: the gateway
// refuses a request that names a serial which it has dropped. Without one it signs with its current
// certificate.
func (s *Certificates) preferred(now time.Time) string {
	list := s.list()
	if !within(list.fetched, now, refreshAge) {
		return ""
	}
	return list.newest(now)
}

// list returns the current list, which is replaced and never changed.
func (s *Certificates) list() certificateList {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

// cacheFile is the content of File: the gateway's list, in which nothing is readable without the
// merchant's APIv3 key, and when it was downloaded.
type cacheFile struct {
	Fetched time.Time       `json:"fetched"`
	List    json.RawMessage `json:"list"`
}

// loadOnce reads File at the first need of certificates. A file that is truncated, another
// merchant's or out of date stays until a download replaces it.
func (s *Certificates) loadOnce(ctx context.Context, c *Client) {
	s.load.Do(func() {
		if s.File == "" {
			return
		}
		list, err := s.readFile(c)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			s.report(ctx, "ignoring the platform certificates in "+wire.Quote(s.File)+": "+err.Error())
		default:
			s.mu.Lock()
			defer s.mu.Unlock()
			s.held = list
		}
	})
}

func (s *Certificates) readFile(c *Client) (certificateList, error) {
	content, err := readRegular(s.File)
	if err != nil {
		return certificateList{}, err
	}
	var file cacheFile
	if err := json.Unmarshal(content, &file); err != nil {
		return certificateList{}, jsonError(err)
	}
	list, fault := s.decode(file.List, c.Key, c.now())
	if fault != nil {
		// Without the remedy for a wrong key: another merchant's file has another key.
		return certificateList{}, fault.Cause
	}
	list.fetched = file.Fetched
	return list, nil
}

// readRegular reads a regular file. Another program with access to the folder could have put a pipe
// there, and reading that may never end.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, pathless(err)
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, pathless(err)
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, maxCacheFile+1))
	switch {
	case err != nil:
		return nil, pathless(err)
	case len(content) > maxCacheFile:
		return nil, errors.New("it is too long")
	}
	return content, nil
}

func (s *Certificates) save(fetched time.Time, body []byte) error {
	if s.File == "" {
		return nil
	}
	content, err := json.Marshal(cacheFile{Fetched: fetched, List: body})
	if err != nil {
		return fmt.Errorf("encoding it: %w", err)
	}
	return replaceFile(s.File, content)
}

// replaceFile writes beside the file and renames, so that no reader sees half of it. It does not
// sync: a file truncated by a crash is recognised, and costs a download.
func replaceFile(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600 from its first moment
	if err != nil {
		return fmt.Errorf("creating it: %w", err)
	}
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temporary.Name())
		return errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return nil
}

// pathless returns an *fs.PathError's cause. The path is in the message already.
func pathless(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}
