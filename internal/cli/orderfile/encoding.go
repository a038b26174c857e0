package orderfile

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"cloudpay/internal/bilingual"
)

// charset is how the characters of a file are written as bytes.
type charset struct {
	name string
	// mark is the byte order mark; it is written at the beginning of a file if the file that is
	// read has it. Without one the charset is named, or told by its bytes.
	mark string
	// encoding is nil for UTF-8, which is read and written as it is.
	encoding encoding.Encoding
}

// charsets are those that are known. GBK is read as GB18030, which has all of it and more.
var charsets = []charset{
	{"utf-8", "\xef\xbb\xbf", nil},
	{"gbk", "", simplifiedchinese.GB18030},
	{"utf-16le", "\xff\xfe", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
	{"utf-16be", "\xfe\xff", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)},
}

// Encodings lists the names of the encodings that files may have.
func Encodings() []string {
	names := make([]string, len(charsets))
	for i, c := range charsets {
		names[i] = c.name
	}
	return names
}

// decoded is a file as UTF-8, without its byte order mark.
type decoded struct {
	io.Reader
	charset charset
	// marked says that the file began with the charset's mark.
	marked bool
	// raw counts the bytes of the file that were read.
	raw int64
}

// maxLook is how much of a file is looked at to tell its encoding.
const maxLook = 64 << 10

// decode reads a file in the encoding of that name or, when it is empty, in the one that the file's
// beginning tells. A byte order mark is believed in any case.
func decode(source io.Reader, name string) (*decoded, error) {
	d := &decoded{}
	text := bufio.NewReaderSize(&counter{source, &d.raw}, maxLook)
	// An error behind the beginning comes again when it is read up to there.
	start, err := text.Peek(maxLook)
	if len(start) == 0 && err != nil && !errors.Is(err, io.EOF) {
		return nil, bilingual.Errorf("reading line 1: %w", "读取第 1 行：%w", err)
	}
	if d.charset, d.marked, err = charsetOf(start, name); err != nil {
		return nil, err
	}
	if d.marked {
		_, _ = text.Discard(len(d.charset.mark)) // it was peeked at
	}
	d.Reader = text
	if d.charset.encoding != nil {
		d.Reader = transform.NewReader(text, d.charset.encoding.NewDecoder())
	}
	return d, nil
}

// charsetOf tells the encoding of a file by its mark, by the name that was given, or by its bytes:
// what is not UTF-8 and may be GBK is GBK, as Excel saves CSV in China.
func charsetOf(start []byte, name string) (of charset, marked bool, err error) {
	for _, c := range charsets {
		if c.mark != "" && bytes.HasPrefix(start, []byte(c.mark)) {
			return c, true, nil
		}
	}
	for _, c := range charsets {
		if c.name == strings.ToLower(name) {
			return c, false, nil
		}
	}
	switch {
	case name != "":
		return charset{}, false, &FileError{bilingual.Errorf("the encoding must be one of %s, not %q", "编码须为 %s 之一，而不是 %q",
			strings.Join(Encodings(), ", "), name)}
	case bytes.IndexByte(start, 0) >= 0:
		return charset{}, false, &FileError{bilingual.Errorf(
			"the file has NUL bytes and no byte order mark: is it UTF-16? Then say --encoding utf-16le or utf-16be, or save it as UTF-8",
			"文件含有 NUL 字节且没有字节顺序标记：若为 UTF-16，请给出 --encoding utf-16le 或 utf-16be，或另存为 UTF-8")}
	case !utf8.Valid(whole(start)) && isGBK(start):
		return charsets[1], false, nil
	}
	return charsets[0], false, nil
}

// whole is a text without the character that its end may have cut off.
func whole(text []byte) []byte {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if b := text[len(text)-n]; utf8.RuneStart(b) {
			if !utf8.FullRune(text[len(text)-n:]) {
				return text[:len(text)-n]
			}
			break
		}
	}
	return text
}

// isGBK reports whether all bytes but the last few, which may be cut off, are characters of GBK.
func isGBK(text []byte) bool {
	const longest = 4 // bytes of a character
	read, err := simplifiedchinese.GB18030.NewDecoder().Bytes(text)
	if err != nil {
		return false
	}
	at := bytes.IndexRune(read, utf8.RuneError)
	return at < 0 || at >= len(read)-longest*utf8.UTFMax
}

// counter counts what is read through it.
type counter struct {
	in io.Reader
	n  *int64
}

// Read reads, and counts also what came with an error.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	*c.n += int64(n)
	return n, err
}

// writer writes text in the same encoding, with the mark if the file had it. Close ends the text
// and leaves out open.
func (d *decoded) writer(out io.Writer) (io.WriteCloser, error) {
	if d.marked {
		if _, err := io.WriteString(out, d.charset.mark); err != nil {
			return nil, bilingual.Errorf("writing the byte order mark: %w", "写入字节顺序标记：%w", err)
		}
	}
	if d.charset.encoding == nil {
		return plainWriter{out}, nil
	}
	return transform.NewWriter(out, d.charset.encoding.NewEncoder()), nil
}

// plainWriter is a writer that has nothing to end.
type plainWriter struct{ io.Writer }

// Close does nothing.
func (plainWriter) Close() error { return nil }
