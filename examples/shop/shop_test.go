// Package shop_test runs the tests of the example shop, which is written in JavaScript.
package shop_test

import (
	"path/filepath"
	"testing"

	"cloudpay/internal/nodetest"
)

// TestShop runs them on the Node.js that is installed. They need no network and no packages.
func TestShop(t *testing.T) {
	t.Parallel()
	reads := append(glob(t, "server/*"), glob(t, "cloudfunctions/order/*.js")...)
	nodetest.Run(t, 55, glob(t, "test/*.test.*"), reads)
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: found %v, %v", pattern, found, err)
	}
	return found
}
