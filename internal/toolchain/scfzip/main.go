// Command scfzip packs binaries into the zip that SCF takes: each in the root of the archive under its own name, which
// is the handler's name, and executable for everybody. A zip made without that bit deploys and then does not start.
//
//	scfzip OUT.zip BINARY...
//
// The same binaries make the same bytes: every entry's time is the first that a zip can say.
package main

import (
	"archive/zip"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

const (
	executable = 0o755
	readable   = 0o644 // the archive itself
)

func main() {
	if len(os.Args) <= 2 {
		fmt.Fprintln(os.Stderr, "usage: scfzip OUT.zip BINARY...")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "scfzip:", err)
		os.Exit(1)
	}
}

// pack writes the archive beside its place and then moves it there, so that a half-written one is never deployed.
func pack(out string, binaries []string) (err error) {
	file, err := os.CreateTemp(filepath.Dir(out), "scfzip-*")
	if err != nil {
		return fmt.Errorf("packing %s: %w", out, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("packing %s: %w", out, err), os.Remove(file.Name()))
		}
	}()
	if err := errors.Join(write(file, binaries), file.Chmod(readable), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), out)
}

func write(w io.Writer, binaries []string) error {
	archive := zip.NewWriter(w)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	for _, binary := range binaries {
		if err := add(archive, binary); err != nil {
			return err
		}
	}
	return archive.Close()
}

// earliest is the first time that a zip can say. Without one, an entry has the month 0 and the day 0, which some readers refuse.
func earliest() time.Time { return time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC) }

func add(archive *zip.Writer, binary string) error {
	source, err := os.Open(binary)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }() // it was only read
	header := &zip.FileHeader{Name: filepath.Base(binary), Method: zip.Deflate, Modified: earliest()}
	header.SetMode(executable)
	entry, err := archive.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = io.Copy(entry, source)
	return err
}
