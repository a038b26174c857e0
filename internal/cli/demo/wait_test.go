package demo

import (
	"strings"
	"sync"
	"testing"
)

// screen is an output that a spinner's own goroutine writes to.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// On a terminal the spinner is there from the beginning, and its line is empty at the end.
// Elsewhere it is one line.
func TestWait(t *testing.T) {
	t.Parallel()
	var terminal, file screen
	w := waitOn(&terminal, true, "compiling")
	if got := terminal.String(); !strings.Contains(got, "compiling") || strings.Contains(got, "\n") {
		t.Errorf("got %q, want a spinner", got)
	}
	w.end()
	lines := strings.Split(terminal.String(), "\r")
	if last := len(lines) - 1; lines[last] != "" || last < 1 || strings.TrimSpace(lines[last-1]) != "" {
		t.Errorf("got %q, want an empty line at the end", terminal.String())
	}
	waitOn(&file, false, "compiling").end()
	if got := file.String(); got != "compiling …\n" {
		t.Errorf("got %q, want one line", got)
	}
}
