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

const (
	// FileSuffix makes the name of the variable that names a file: Docker's and Kubernetes' habit for secrets.
	FileSuffix = "_FILE"
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
	file, err := os.Open(path)
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
	return v.name + FileSuffix
}

// asFile is the row under which faults of the file are reported.
func (v variable) asFile() variable {
	v.name = v.nameOfFile()
	return v
}

// readFromFile keeps what is in the file, less the whitespace around it: editors end files with a newline.
func (v variable) readFromFile(c *Config, path string) *Fault {
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
		// A path in the file would be one too many: whoever meant it had better say so.
		if inline, fault := inlinePEM(value); inline == "" && fault == nil {
			return &Fault{Problem: bilingual.New("names a file that holds neither PEM nor base64 of PEM", "所指文件既不是 PEM，也不是 PEM 的 base64")}
		}
	}
	fault := v.read(c, value)
	if fault != nil {
		fault.Problem = bilingual.Sprintf("names a file that %s", "所指文件%s", fault.Problem)
	}
	return fault
}

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
