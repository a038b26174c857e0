package deployfile

import (
	"bytes"
	"io"
	"os"
	"unicode/utf8"

	"cloudpay/internal/bilingual"
)

const (
	// maxText bounds a file, in bytes. The largest description in this repository has 12 KiB; a
	// parser's time grows faster than the text, so that a file without a bound would hold it up.
	maxText = 256 << 10
	// maxBrackets bounds how many brackets of YAML's flow style are open at once. The parser
	// recurses into each, and its time grows with their square before maxDepth is looked at.
	maxBrackets = 2 * maxDepth
)

// readText reads a regular file of at most maxText bytes of UTF-8. The kind is looked at before the
// file is opened, because opening a pipe without a writer never returns. What an error says is
// never a piece of the file, which may hold secrets.
func readText(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, bilingual.Errorf("reading it: %w", "读取：%w", err)
	case !info.Mode().IsRegular():
		return nil, bilingual.Errorf("it is no regular file", "不是普通文件")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, bilingual.Errorf("reading it: %w", "读取：%w", err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	// A file may grow while it is read, so that its size is no bound.
	text, err := io.ReadAll(io.LimitReader(file, maxText+1))
	switch {
	case err != nil:
		return nil, bilingual.Errorf("reading it: %w", "读取：%w", err)
	case len(text) > maxText:
		return nil, bilingual.Errorf("it has more than %d KiB", "超过 %d KiB", maxText>>10)
	case !utf8.Valid(text):
		return nil, bilingual.Errorf("line %d is not UTF-8: save the file as UTF-8", "第 %d 行不是 UTF-8：请以 UTF-8 保存", invalidLine(text))
	case bytes.IndexByte(text, 0) >= 0:
		return nil, bilingual.Errorf("it holds a byte of zero, as no text does", "含有零字节，不是文本")
	}
	return text, nil
}

// invalidLine is the line of the first byte that is not UTF-8.
func invalidLine(text []byte) int {
	valid := 0
	for valid < len(text) {
		r, size := utf8.DecodeRune(text[valid:])
		if r == utf8.RuneError && size <= 1 {
			break
		}
		valid += size
	}
	return 1 + bytes.Count(text[:valid], []byte("\n"))
}

// openBrackets is how many brackets are open at once at most, those in quotes and comments among
// them. A text that closes its brackets is counted exactly.
func openBrackets(text []byte) int {
	open, most := 0, 0
	for _, letter := range text {
		switch letter {
		case '[', '{':
			open++
			most = max(most, open)
		case ']', '}':
			open = max(open-1, 0)
		}
	}
	return most
}
