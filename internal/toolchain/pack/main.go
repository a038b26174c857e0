// Command pack makes the zips that the platforms take: each file at the root of the archive,
// executable for all. A function without that bit deploys, and then does not start.
//
//	pack OUT.zip [NAME=]FILE...
//
// A file keeps its own name unless it is given another. A platform starts a file by its name: SCF's
// Go1 the handler's, its custom runtime and Lambda bootstrap, its web functions scf_bootstrap.
//
// The same files make the same bytes: every entry has the earliest time of the format.
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

// Modes of the packed files, of the archive, and of its folder.
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

// pack writes the archive beside its place and then renames it, so that a half-written one is never
// deployed.
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

// write writes the archive.
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

// earliest is the earliest time in a zip. Without a time, an entry has month 0 and day 0, which
// some readers refuse.
func earliest() time.Time { return time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC) }

// add writes one file, read from path, as name.
func add(archive *zip.Writer, name, path string) error {
	source, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }() // nothing was written
	header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: earliest()}
	header.SetMode(executable)
	entry, err := archive.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = io.Copy(entry, source)
	return err
}
