//go:build race

package diagnosis

// Raced says that the race detector is part of this test.
const Raced = true

// Stride is the distance between the bytes that are changed. The race detector slows each diagnosis
// ten times; make test changes every byte without it.
func Stride() int { return 7 }
