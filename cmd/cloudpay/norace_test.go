//go:build !race

package main

// raced says that the race detector is part of this test.
const raced = false
