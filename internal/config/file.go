package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

const (
	// fileSuffix makes the name of the variable that names a file: Docker's and Kubernetes' habit for secrets.
	fileSuffix = "_FILE"
	// maxFile caps what is read from a file: a chain of RSA-4096 certificates with comments stays far below.
	maxFile     = 64 << 10
	maxFileText = "64 KiB"
)

// What readFile finds wrong besides what the system does.
var (
	errTooLong    = errors.New("too long")
	errNotRegular = errors.New("not a regular file")
)

// readFile reads a regular file of at most maxFile bytes. Its mode is not looked at: secrets that are mounted into a
// container belong to somebody else and can be read by all. It is looked at before it is opened, since opening a pipe
// that nobody writes to would never end.
//
// The error is to be told apart, not to be passed on: the system's own words repeat the path, which is the whole secret
// when that was put in the path's place.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("looking at a file: %w", err)
	case !info.Mode().IsRegular():
		return nil, errNotRegular
	}
	file, err := os.Open(path) //nolint:gosec // G304: the operator's own configuration names the file
	if err != nil {
		return nil, fmt.Errorf("opening a file: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading a file: %w", err)
	case len(text) > maxFile:
		return nil, errTooLong
	}
	return text, nil
}

// nameOfFile is the variable that may name a file with v's value, "" when v has to be given itself.
func (v variable) nameOfFile() string {
	if v.inFile == notInFile {
		return ""
	}
	return v.name + fileSuffix
}

// asFile is the row under which faults of the file are reported.
func (v variable) asFile() variable {
	v.name = v.nameOfFile()
	return v
}

// readFromFile keeps what is in the file, less the whitespace around it: editors end files with a newline.
func (v variable) readFromFile(c *Config, path string) *Fault {
	if strings.Contains(path, pemStart) {
		return &Fault{Problem: "is the text of a key, not a path", Remedy: "put the text into " + v.name + ", or give its path"}
	}
	text, err := readFile(path)
	if err != nil {
		return unreadable(err)
	}
	value := strings.TrimSpace(string(text))
	if value == "" {
		return &Fault{Problem: "names an empty file"}
	}
	if v.inFile == pemInFile {
		// A path in the file would be one too many: whoever meant it had better say so.
		if inline, fault := inlinePEM(value); inline == nil && fault == nil {
			return &Fault{Problem: "names a file that holds neither PEM nor base64 of PEM"}
		}
	}
	fault := v.read(c, value)
	if fault != nil {
		fault.Problem = "names a file that " + fault.Problem
	}
	return fault
}

func unreadable(err error) *Fault {
	const remedy = "give the path of a file that the function can read"
	switch {
	case errors.Is(err, errTooLong):
		return &Fault{Problem: "names a file of more than " + maxFileText, Remedy: remedy}
	case errors.Is(err, errNotRegular):
		return &Fault{Problem: "names something that is no regular file", Remedy: remedy}
	case errors.Is(err, fs.ErrNotExist):
		return &Fault{Problem: "names no file that is there", Remedy: remedy}
	case errors.Is(err, fs.ErrPermission):
		return &Fault{Problem: "names a file that may not be read", Remedy: remedy}
	default:
		return &Fault{Problem: "names a file that cannot be read", Remedy: remedy}
	}
}
