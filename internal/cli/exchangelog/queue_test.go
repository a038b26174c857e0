package exchangelog_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"cloudpay/internal/cli/exchangelog"
)

// slow is a reader that takes nothing until it is released.
type slow struct {
	release chan struct{}

	mu   sync.Mutex
	text strings.Builder
}

func (s *slow) Write(text []byte) (int, error) {
	<-s.release
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(text)
}

// A reader that takes nothing delays no call; what does not fit is counted.
func TestQueue(t *testing.T) {
	t.Parallel()
	out := &slow{release: make(chan struct{})}
	q := exchangelog.NewQueue(out)
	const all = 10_000
	for i := range all {
		q.Add(fmt.Sprintf("line %d\n", i))
	}
	close(out.release)
	for i := 0; ; i++ { // until one fits again, and says how many did not
		out.mu.Lock()
		text := out.text.String()
		out.mu.Unlock()
		if strings.Contains(text, "are not shown") {
			break
		}
		q.Add("more\n")
	}
	q.Close()
	q.Close()
	q.Add("too late\n")
	out.mu.Lock()
	defer out.mu.Unlock()
	if text := out.text.String(); !strings.HasPrefix(text, "line 0\nline 1\n") || strings.Contains(text, "too late") {
		t.Errorf("got %.200s…, want the lines in order", text)
	}
}
