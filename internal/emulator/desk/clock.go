package desk

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/platform"
	"cloudpay/pkg/paygate"
)

// clock writes how far the gateway's clock was moved on into a file, which the functions read: the
// register's clock is ahead by as much. The gateway keeps its clock itself, so that the file is
// written anew at each start.
type clock struct {
	file    string
	gateway *paygate.Gateway
	mu      sync.Mutex // held while the file is written

	// cloud is the same clock for what waits for it.
	cloud platform.Clock

	reading sync.Mutex    // guards what follows
	written time.Duration // how far the file says that the clock is ahead
	last    time.Time     // the latest time that was read since
}

const clockFile = "clock"

// olderClock is where the clock of a folder stands in which an emulator of an older version has
// served, whose gateway kept nothing; 0 in a new folder.
func olderClock(dir string) (time.Duration, error) {
	file := filepath.Join(dir, clockFile)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	var ahead time.Duration
	if err == nil {
		ahead, err = time.ParseDuration(strings.TrimSpace(string(text)))
	}
	if err != nil {
		return 0, bilingual.Errorf("the emulator's clock cannot be read (delete %s to begin at this machine's time): %w",
			"无法读取模拟器的时钟（删除 %s 即可从本机时间开始）：%w", file, err)
	}
	return ahead, nil
}

// follow makes the clock of a folder, which follows a gateway.
func follow(dir string, g *paygate.Gateway) (*clock, error) {
	c := &clock{file: filepath.Join(dir, clockFile), gateway: g}
	c.cloud.Now = c.now
	return c, c.write()
}

// now is the gateway's time without an advance that the file does not say yet: a timer that fired
// between the two would find a register whose clock has not moved, and nothing due in it. It never
// goes back, but for an import of another state.
func (c *clock) now() time.Time {
	c.reading.Lock()
	defer c.reading.Unlock()
	now := c.gateway.Time() // before Ahead, so that an advance between the two shows no time too late
	if unsaid := c.gateway.Ahead() - c.written; unsaid > 0 {
		now = now.Add(-unsaid)
	}
	if now.Before(c.last) {
		return c.last
	}
	c.last = now
	return now
}

// wrote notes how far ahead the file is. An import may have set the clock back.
func (c *clock) wrote(ahead time.Duration) {
	c.reading.Lock()
	defer c.reading.Unlock()
	c.written, c.last = ahead, time.Time{}
}

// write writes the file. On a disk that is full a new file finds no room, and the old one is
// overwritten. Without a file the functions do nothing, rather than work by a wrong clock.
func (c *clock) write() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	// What the gateway was made behind the reading of this machine's clock is no advance.
	ahead := c.gateway.Ahead()
	text := []byte(ahead.Round(time.Millisecond).String() + "\n")
	err := writeFile(c.file, text)
	if err != nil {
		err = overwrite(c.file, text)
	}
	if err != nil {
		_ = os.Remove(c.file)
	}
	c.wrote(ahead)
	return err
}

// clockLength is the length of the clock's file where that was overwritten: longer than every
// duration, so that nothing is left of what was there. A write of so few bytes is not torn.
const clockLength = 32

// overwrite writes a text in place of what a file has, followed by spaces.
func overwrite(file string, text []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	padding := bytes.Repeat([]byte(" "), max(0, clockLength-len(text)))
	_, err = f.WriteAt(append(text, padding...), 0)
	return errors.Join(err, f.Close())
}

// noting is the gateway's management API, which moves its clock. The file is written before the
// reply, which is small, leaves net/http's buffer.
func (c *clock) noting(admin http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		admin.ServeHTTP(w, r)
		if r.Method == http.MethodPost && (r.URL.Path == "/clock" || r.URL.Path == "/state") {
			_ = c.write() // which says it by the file's absence
			c.cloud.Moved()
		}
	})
}
