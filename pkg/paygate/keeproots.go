package paygate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// The layout of the first two pages of a bbolt file, which have a root each: the transactions write
// them in turn, and the root with the larger number counts. Behind the header of the page come
// magic, version, page size, flags, four numbers, and a sum over what is before it (bbolt's
// internal/common/meta.go). Numbers are in the machine's order.
const (
	rootAt       = 16
	pageSizeAt   = rootAt + 8
	rootSumAt    = rootAt + 56
	rootEnd      = rootSumAt + 8
	rootMagic    = 0xED0CDAED
	largestPage  = 64 << 10
	smallestPage = 1 << 10
)

// checkRoots returns an error if one of a file's two roots is damaged. bbolt then goes on with the
// other one, and the newest transaction may be missing without a word. A process that is killed
// leaves no such root, as it is written by one call; a disk may, or a power failure.
func checkRoots(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("looking at the file: %w", err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	size, first := rootOf(f, 0)
	if first != nil {
		return fmt.Errorf("%w: its first root: %w", errDamaged, first)
	}
	if _, second := rootOf(f, size); second != nil {
		return fmt.Errorf("%w: its second root: %w", errDamaged, second)
	}
	return nil
}

// rootOf checks the root in the page that begins at a place, and returns the size of the pages.
func rootOf(f io.ReaderAt, at int64) (pageSize int64, err error) {
	var page [rootEnd]byte
	if _, err := f.ReadAt(page[:], at); err != nil {
		return 0, fmt.Errorf("reading it: %w", err)
	}
	sum := fnv.New64a()
	_, _ = sum.Write(page[rootAt:rootSumAt]) // cannot fail
	pageSize = int64(binary.NativeEndian.Uint32(page[pageSizeAt:]))
	switch {
	case binary.NativeEndian.Uint32(page[rootAt:]) != rootMagic:
		return 0, errors.New("it is none of a bbolt file")
	case sum.Sum64() != binary.NativeEndian.Uint64(page[rootSumAt:]):
		return 0, errors.New("its checksum is wrong: the last change may be missing")
	case pageSize < smallestPage || pageSize > largestPage:
		return 0, fmt.Errorf("its pages would have %d bytes", pageSize)
	}
	return pageSize, nil
}
