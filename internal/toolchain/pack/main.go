// Command pack makes the zips that the platforms take: each file in the root of the archive, executable for everybody. One
// made without that bit deploys and then does not start.
//
//	pack OUT.zip [NAME=]FILE...
//
// A file keeps its own name unless it is given another: a platform knows what to start by its name. SCF's Go1 wants the
// handler's, its custom runtime and Lambda want bootstrap, its web functions want scf_bootstrap.
//
// The same files make the same bytes: every entry's time is the first that a zip can say.
package main

import (
	"archive/zip"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	executable = 0o755
	readable   = 0o644 // the archive itself
	traversed  = 0o755 // its folder
)

func main() {
	if len(os.Args) <= 2 {
		fmt.Fprintln(os.Stderr, "usage: pack OUT.zip [NAME=]FILE...")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

// pack writes the archive beside its place and then moves it there, so that a half-written one is never deployed.
func pack(out string, files []string) (err error) {
	if err := os.MkdirAll(filepath.Dir(out), traversed); err != nil {
		return fmt.Errorf("packing %s: %w", out, err)
	}
	file, err := os.CreateTemp(filepath.Dir(out), "pack-*")
	if err != nil {
		return fmt.Errorf("packing %s: %w", out, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("packing %s: %w", out, err), os.Remove(file.Name()))
		}
	}()
	if err := errors.Join(write(file, files), file.Chmod(readable), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), out)
}

func write(w io.Writer, files []string) error {
	archive := zip.NewWriter(w)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	for _, file := range files {
		name, path, named := strings.Cut(file, "=")
		if !named {
			name, path = filepath.Base(file), file
		}
		if err := add(archive, name, path); err != nil {
			return err
		}
	}
	return archive.Close()
}

// earliest is the first time that a zip can say. Without one, an entry has the month 0 and the day 0, which some readers refuse.
func earliest() time.Time { return time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC) }

func add(archive *zip.Writer, name, path string) error {
	source, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }() // it was only read
	header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: earliest()}
	header.SetMode(executable)
	entry, err := archive.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = io.Copy(entry, source)
	return err
}
