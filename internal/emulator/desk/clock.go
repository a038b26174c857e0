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

// clock is how far the gateway's business clock was moved on. It is kept in a file, which the
// functions read: the register's clock is ahead by as much. The next emulator in the folder begins
// there, since the register does not go back.
type clock struct {
	file string
	// before is what earlier emulators were moved on by, and start the business clock's time at the
	// start of this one.
	before  time.Duration
	gateway *paygate.Gateway
	start   time.Time
	mu      sync.Mutex

	// cloud is the same clock for what waits for it.
	cloud platform.Clock
}

// openClock reads the clock of a folder, which is 0 in a new one.
func openClock(dir string) (*clock, error) {
	c := &clock{file: filepath.Join(dir, "clock")}
	text, err := os.ReadFile(c.file)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = []byte("0s"), nil
	}
	if err == nil {
		c.before, err = time.ParseDuration(strings.TrimSpace(string(text)))
	}
	if err != nil {
		return nil, bilingual.Errorf("the emulator's clock cannot be read (delete %s to begin at this machine's time): %w",
			"无法读取模拟器的时钟（删除 %s 即可从本机时间开始）：%w", c.file, err)
	}
	return c, nil
}

// follow has the clock follow a gateway, which begins at its time.
func (c *clock) follow(g *paygate.Gateway) error {
	c.gateway, c.start = g, g.Time()
	c.cloud.Now = g.Time
	return c.write()
}

// write writes the file. Without it the functions do nothing, rather than work by a wrong clock.
func (c *clock) write() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := writeFile(c.file, []byte((c.before+c.gateway.Time().Sub(c.start)).String()+"\n"))
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
		if r.Method == http.MethodPost && r.URL.Path == "/clock" {
			_ = c.write() // which says it by the file's absence
			c.cloud.Moved()
		}
	})
}
