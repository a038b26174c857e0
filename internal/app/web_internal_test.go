package app

import (
	"context"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/paths"
)

// TestRouteNames: the configuration's list of routes is the list of those that there are.
func TestRouteNames(t *testing.T) {
	t.Parallel()
	var names []string
	for _, name := range paths.Names() {
		names = append(names, "`"+string(name)+"`")
	}
	row := "| `CLOUDPAY_ROUTES` |  | " + strings.Join(names, ", ") + ", with commas between |"
	readme, err := os.ReadFile("../../README.md") // a test of package config holds its table to the code
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), row) {
		t.Errorf("the configuration's table has no %s", row)
	}
}

// TestLeaving: the second of two steps has its part of the time, however long the first takes.
func TestLeaving(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		whole, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		first, cancelFirst := leaving(whole, 4)
		defer cancelFirst()
		<-first.Done()
		if took := time.Since(start); took != 6*time.Second || whole.Err() != nil {
			t.Errorf("the first step had %s, want 6 s of 8", took)
		}
		unbounded, cancelUnbounded := leaving(t.Context(), 4)
		defer cancelUnbounded()
		if end, bounded := unbounded.Deadline(); bounded {
			t.Errorf("got the deadline %s of a context without one", end)
		}
	})
}
