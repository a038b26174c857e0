//go:build race

package paynotify_test

// raced says that the race detector is part of this test.
const raced = true
