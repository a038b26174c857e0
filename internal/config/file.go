package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"cloudpay/internal/bilingual"
)

// The files of variables.
const (
	// FileSuffix ends the name of the variable that holds the path of a file, as is the custom for
	// secrets in Docker and Kubernetes.
	FileSuffix = "_FILE"
	// maxFile limits a file. A chain of RSA-4096 certificates with comments is far smaller.
	maxFile     = 64 << 10
	maxFileText = "64 KiB"
)

// The faults of readFile besides the system's.
var (
	errTooLong    = errors.New("too long")
	errNotRegular = errors.New("not a regular file")
)

// readFile reads a regular file of at most maxFile bytes. It does not check the mode: secrets that
// are mounted into a container belong to another user and are readable by all. It checks the kind
// before it opens the file, because opening a pipe without a writer never returns.
//
// The error is for telling cases apart and must not be printed: the system's message contains the
// path, which is a secret if a key was set in its place.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("looking at a file: %w", err)
	case !info.Mode().IsRegular():
		return nil, errNotRegular
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening a file: %w", err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading a file: %w", err)
	case len(text) > maxFile:
		return nil, errTooLong
	}
	return text, nil
}

// nameOfFile is the variable that may hold a path instead of v's value; "" if v cannot be read from
// a file.
func (v variable) nameOfFile() string {
	if v.inFile == notInFile {
		return ""
	}
	return v.name + FileSuffix
}

// asFile is v under the name that faults of the file are reported with.
func (v variable) asFile() variable {
	v.name = v.nameOfFile()
	return v
}

// readFromFile reads the value from the file, without the whitespace around it: editors end files
// with a newline.
func (v variable) readFromFile(c *Config, path string) *Fault {
	// A key in the path's place is a common mistake, and must not reach a system call's error.
	if strings.Contains(path, pemStart) {
		return &Fault{Problem: bilingual.New("is the text of a key, not a path", "是密钥内容，不是路径"), Remedy: bilingual.New(
			"put the text into "+v.name+", or give its path", "请将内容填入 "+v.name+"，或填其路径")}
	}
	text, err := readFile(path)
	if err != nil {
		return unreadable(err)
	}
	value := strings.TrimSpace(string(text))
	if value == "" {
		return &Fault{Problem: bilingual.New("names an empty file", "所指文件为空")}
	}
	if v.inFile == pemInFile {
		// The file must not name another file: that is more likely a mistake than meant.
		if inline, fault := inlinePEM(value); inline == "" && fault == nil {
			return &Fault{Problem: bilingual.New("names a file that holds neither PEM nor base64 of PEM", "所指文件既不是 PEM，也不是 PEM 的 base64")}
		}
	}
	// The problem of the content continues that of the file.
	fault := v.read(c, value)
	if fault != nil {
		fault.Problem = bilingual.Sprintf("names a file that %s", "所指文件%s", fault.Problem)
	}
	return fault
}

// unreadable words an error of readFile without its path.
func unreadable(err error) *Fault {
	remedy := bilingual.New("give the path of a file that the function can read", "请填函数可读取的文件路径")
	switch {
	case errors.Is(err, errTooLong):
		return &Fault{Problem: bilingual.Sprintf("names a file of more than %s", "所指文件超过 %s", maxFileText), Remedy: remedy}
	case errors.Is(err, errNotRegular):
		return &Fault{Problem: bilingual.New("names something that is no regular file", "所指不是普通文件"), Remedy: remedy}
	case errors.Is(err, fs.ErrNotExist):
		return &Fault{Problem: bilingual.New("names no file that is there", "所指文件不存在"), Remedy: remedy}
	case errors.Is(err, fs.ErrPermission):
		return &Fault{Problem: bilingual.New("names a file that may not be read", "所指文件无权读取"), Remedy: remedy}
	default:
		return &Fault{Problem: bilingual.New("names a file that cannot be read", "所指文件无法读取"), Remedy: remedy}
	}
}
