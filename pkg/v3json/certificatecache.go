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
	// refreshAge is how old a list gets before it is asked for again. WeChat Pay wants it done more often than every 12 h.
	refreshAge = 12 * time.Hour
	// When the newest certificate ends within endingSoon, its successor is looked for at every endingAge.
	endingSoon = 10 * 24 * time.Hour
	endingAge  = time.Hour
	// A refresh that failed is not tried again within refreshPause, and one for the sake of an unknown serial, which
	// anybody can make up, not within serialPause.
	refreshPause = 10 * time.Minute
	serialPause  = time.Minute
	// A refresh takes at most half of the time that the call has left, and maxRefresh; it is not begun with less than
	// minRefresh.
	maxRefresh = 5 * time.Second
	minRefresh = 250 * time.Millisecond

	// maxCacheFile is what a list of maxBody takes, and a line about it.
	maxCacheFile = maxBody + 1<<10
)

// cache is what Certificates remember between calls.
type cache struct {
	load sync.Once // of File

	mu     sync.Mutex // never held while anything is waited for
	held   certificateList
	flight *flight   // the download under way, if any
	sought time.Time // when an unknown serial last began a download
	failed time.Time // when a download last failed
}

// flight is one call's download, which other calls may wait for. It is over when landed is closed.
type flight struct {
	landed chan struct{}
	fault  *CertificateError
	// abandoned says that it failed for a reason of its caller's, whose time ran out: whoever waits is to try itself.
	abandoned bool
}

// prepareCertificates sees to it that the reply will find a key, before anything is asked.
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

// finder is how the reply to a call finds its key: among the given ones, among the certificates held, and among those
// held after a download. A public key that is not held cannot be downloaded.
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

// seek has the list downloaded if that serial is not held; advice is for when it is not held afterwards either.
func (s *Certificates) seek(ctx context.Context, c *Client, serial string) (advice string) {
	found := func() bool { return s.held.find(serial, c.now()) != nil }
	begin := func() bool {
		if within(s.sought, c.now(), serialPause) {
			return false
		}
		s.sought = c.now()
		return true
	}
	if fault := s.obtain(ctx, c, found, begin); fault != nil {
		return "downloading the platform certificates again failed: " + fault.reason()
	}
	return "it is not among WeChat Pay's certificates as downloaded within the last minute; ask again"
}

// refreshCertificates looks for new certificates before they are needed. The call it is part of has its answer, and
// whatever comes of this is not its failure.
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
	if fault := s.fly(ctx, c, mine); fault != nil {
		s.report(ctx, "refreshing the platform certificates: "+fault.reason())
	}
}

// beginRefresh is nil when no refresh is due, or another call is about it.
func (s *Certificates) beginRefresh(now time.Time) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight != nil || !s.held.due(now) || within(s.failed, now, refreshPause) {
		return nil
	}
	s.flight = &flight{landed: make(chan struct{})}
	return s.flight
}

// due says that a list is to be asked for again. One from the future is as good as old: a clock was wrong.
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

// within takes a clock that was put back for one that was put forward, so that no pause lasts for ever. It goes by the
// wall clock: the other one stands still while an instance is frozen.
func within(then, now time.Time, pause time.Duration) bool {
	return now.Sub(then.Round(0)).Abs() < pause
}

// obtain downloads the list, unless done says that there is no need, or begin that it is not the time. Both are asked with
// the lock held. Calls that want the list at the same time share one download, each no longer than its own ctx.
func (s *Certificates) obtain(ctx context.Context, c *Client, done, begin func() bool) *CertificateError {
	for {
		mine, theirs := s.board(done, begin)
		switch {
		case mine != nil:
			return s.fly(ctx, c, mine)
		case theirs == nil:
			return nil
		}
		select {
		case <-theirs.landed:
		case <-ctx.Done():
			return &CertificateError{Cause: fmt.Errorf("waiting for another call to download it: %w", ctx.Err())}
		}
		if theirs.fault != nil && !theirs.abandoned {
			return theirs.fault
		}
	}
}

// board returns the download to make or the one to wait for, or neither.
func (s *Certificates) board(done, begin func() bool) (mine, theirs *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case done():
		return nil, nil
	case s.flight != nil:
		return nil, s.flight
	case !begin():
		return nil, nil
	}
	s.flight = &flight{landed: make(chan struct{})}
	return s.flight, nil
}

// fly makes the download, and lets those who wait for it go on, even when a transport panics.
func (s *Certificates) fly(ctx context.Context, c *Client, mine *flight) *CertificateError {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.flight = nil
		close(mine.landed)
	}()
	list, body, fault := c.download(ctx)
	s.mu.Lock()
	if fault == nil {
		s.held = list
	} else {
		mine.fault, mine.abandoned = fault, ctx.Err() != nil
		s.failed = c.now()
	}
	if mine.abandoned {
		s.sought = time.Time{} // too short a call is not to stand in the way of the next one
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

// find and serials are those of the list as it is now.
func (s *Certificates) find(serial string, now time.Time) *rsa.PublicKey {
	return s.list().find(serial, now)
}

func (s *Certificates) serials() []string { return s.list().serials() }

// preferred is the serial of the newest certificate, while the list is fresh. A serial that the gateway has dropped
// meanwhile would have the whole request refused; with none, the gateway signs by the certificate of the day.
func (s *Certificates) preferred(now time.Time) string {
	list := s.list()
	if !within(list.fetched, now, refreshAge) {
		return ""
	}
	return list.newest(now)
}

// list is never written to, only replaced.
func (s *Certificates) list() certificateList {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

// cacheFile is what File holds: the gateway's own list, in which nothing is readable without the APIv3 key, and when it
// came. It is the merchant's alone for the same reason.
type cacheFile struct {
	Fetched time.Time       `json:"fetched"`
	List    json.RawMessage `json:"list"`
}

// loadOnce reads File the first time that certificates are wanted. A file that is torn, another merchant's or out of date
// is left alone until a download replaces it.
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
		// Without the remedy: another key is what another merchant's file has.
		return certificateList{}, fault.Cause
	}
	list.fetched = file.Fetched
	return list, nil
}

// readRegular reads a file that anybody who may write to the same folder could have put there, a pipe for instance.
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

// replaceFile writes beside the file and renames, so that nobody reads half of it. It is not forced to the disk: a
// file that a crash has torn is found out, and missed by nobody.
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

// pathless is an *fs.PathError without the path, which is said already.
func pathless(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}
