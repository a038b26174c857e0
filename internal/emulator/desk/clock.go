package desk

import (
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
	mu      sync.Mutex

	// cloud is the same clock for what waits for it.
	cloud platform.Clock
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
	c := &clock{file: filepath.Join(dir, clockFile), gateway: g, cloud: platform.Clock{Now: g.Time}}
	return c, c.write()
}

// write writes the file. Without it the functions do nothing, rather than work by a wrong clock.
func (c *clock) write() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	// What the gateway was made behind the reading of this machine's clock is no advance.
	ahead := c.gateway.Ahead().Round(time.Millisecond)
	err := writeFile(c.file, []byte(ahead.String()+"\n"))
	if err != nil {
		_ = os.Remove(c.file)
	}
	return err
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
