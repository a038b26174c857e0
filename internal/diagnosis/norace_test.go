//go:build !race

package diagnosis_test

// raced says that the race detector is part of this test.
const raced = false
