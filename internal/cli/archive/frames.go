package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"cloudpay/internal/bilingual"
)

// wholeFrames returns where the last whole frame of a file ends. What follows it, if anything, is
// the beginning of a frame that was not written to its end. The error names the place where the
// file is damaged otherwise. Frames are skipped by their lengths, and only the last one is
// decompressed: the others were flushed before it was written.
func wholeFrames(file io.ReaderAt, size int64) (end int64, err error) {
	r := &reader{in: bufio.NewReaderSize(io.NewSectionReader(file, 0, size), bufferSize)}
	last := int64(0)
	for end < size {
		err := r.skipFrame()
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
			return end, nil
		case err != nil:
			return 0, damaged(end)
		}
		last, end = end, r.at
	}
	if !isWhole(io.NewSectionReader(file, last, end-last)) {
		return 0, damaged(last)
	}
	return end, nil
}

const bufferSize = 1 << 20

// damaged is the error for a file that is nothing that could be appended to. It is left as it is.
func damaged(at int64) error {
	return bilingual.Errorf("is damaged from byte %d on, or is no zstd file: keep it, and name another one",
		"自第 %d 字节起已损坏，或不是 zstd 文件：请保留它，另指定文件", at)
}

// isWhole reports whether a frame decompresses to what its checksum says.
func isWhole(frame *io.SectionReader) bool {
	if frame.Size() == 0 {
		return true
	}
	z, err := zstd.NewReader(frame, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return false
	}
	defer z.Close()
	_, err = io.Copy(io.Discard, z)
	return err == nil
}

// reader skips frames of zstd (RFC 8878, section 3.1.1).
type reader struct {
	in *bufio.Reader
	at int64
}

// skipFrame skips one frame. The error is io.ErrUnexpectedEOF if the file ends within it.
func (r *reader) skipFrame() error {
	head, err := r.in.Peek(zstd.HeaderMaxSize)
	if err != nil && len(head) == 0 {
		return io.ErrUnexpectedEOF
	}
	var frame zstd.Header
	if err := frame.Decode(head); err != nil {
		return fmt.Errorf("a frame's head: %w", err) // io.ErrUnexpectedEOF for one that is cut off
	}
	if frame.Skippable {
		return r.skip(int64(frame.HeaderSize) + int64(frame.SkippableSize))
	}
	if err := r.skip(int64(frame.HeaderSize)); err != nil {
		return err
	}
	for last := false; !last; {
		if last, err = r.skipBlock(); err != nil {
			return err
		}
	}
	if frame.HasCheckSum {
		return r.skip(checksum)
	}
	return nil
}

const (
	checksum    = 4 // bytes
	blockHeader = 3 // bytes
	blockRLE    = 1 // the type of a block of one byte, repeated
	reserved    = 3 // no type
)

// skipBlock skips one block of a frame, and reports whether it is the last one.
func (r *reader) skipBlock() (last bool, err error) {
	head, err := r.in.Peek(blockHeader)
	if err != nil {
		return false, io.ErrUnexpectedEOF
	}
	bits := int64(head[0]) | int64(head[1])<<8 | int64(head[2])<<16
	size := bits >> 3
	switch bits >> 1 & 3 {
	case blockRLE:
		size = 1
	case reserved:
		return false, zstd.ErrReservedBlockType
	}
	return bits&1 == 1, r.skip(blockHeader + size)
}

func (r *reader) skip(n int64) error {
	skipped, err := io.CopyN(io.Discard, r.in, n)
	r.at += skipped
	switch {
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	case err != nil:
		return fmt.Errorf("reading a frame: %w", err)
	}
	return nil
}
