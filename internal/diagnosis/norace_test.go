//go:build !race

package diagnosis

// Raced says that the race detector is part of this test.
const Raced = false

// Stride is the distance between the bytes that are changed: every byte is.
func Stride() int { return 1 }
