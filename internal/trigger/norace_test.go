//go:build !race

package trigger_test

// raced says that the race detector is part of this test.
const raced = false
