package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	// window is how many consecutive characters give a secret away: few enough for a truncated one,
	// too many for chance.
	window = 16
	// longWindow is for lists of numbers, in which a character carries less information.
	longWindow = 32
	// chunk is how much of a file is searched at once.
	chunk = 256 << 10
	// most is how many leaks of one file are shown.
	most = 5
)

// finder maps, for each length of window, every text of that length that gives a secret away, in
// lower case, to what it is.
type finder map[int]map[string]string

func newFinder() finder { return finder{window: {}, longWindow: {}} }

// add adds every window of text. The first description of a window stays.
func (f finder) add(what, text string, length int) {
	text = strings.ToLower(text)
	for i := 0; i+length <= len(text); i++ {
		if _, known := f[length][text[i:i+length]]; !known {
			f[length][text[i:i+length]] = what
		}
	}
}

// at describes the secret at the start of text, which is in lower case, with its length; "" and 0
// for none.
func (f finder) at(text []byte) (what string, length int) {
	for _, length := range []int{longWindow, window} {
		if len(text) < length {
			continue
		}
		if name, is := f[length][string(text[:length])]; is {
			return name, length
		}
	}
	return "", 0
}

// output is a file that a test wrote.
type output struct {
	file, name, form string
}

// findOutputs lists the files of DIR/output. A folder directly below it is a form.
func findOutputs(dir string) ([]output, error) {
	var all []output
	root := filepath.Join(dir, "output")
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		form, _, _ := strings.Cut(strings.TrimPrefix(filepath.ToSlash(name), "output/"), "/")
		all = append(all, output{file: file, name: name, form: form})
		return nil
	})
	return all, err
}

// found is the result of a search.
type found struct{ bytes, leaks int64 }

// search searches a file and prints each leak to out: the place, the secret's kind, and the text
// before it.
func (s *secrets) search(o output, out io.Writer) (found, error) {
	file, err := os.Open(o.file)
	if err != nil {
		return found{}, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	finders := []finder{s.all}
	if o.form == "logs" || o.form == "errors" {
		finders = append(finders, s.inLogs)
	}
	v := &view{finders: finders, line: 1}
	var total found
	for ended := false; !ended; {
		n, err := io.ReadFull(file, v.room())
		total.bytes += int64(n)
		ended = err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !ended {
			return found{}, err
		}
		for leak := range v.leaks(n, ended) {
			if total.leaks++; total.leaks > most {
				continue
			}
			if _, err := fmt.Fprintf(out, "%s:%d: %s[%s]\n", o.name, leak.line, leak.before, leak.what); err != nil {
				return found{}, err
			}
		}
	}
	if total.leaks > most {
		_, err = fmt.Fprintf(out, "%s: and %d more\n", o.name, total.leaks-most)
	}
	return total, err
}

// leak is one secret in an output. Nothing after it is shown: that may be the rest of it.
type leak struct {
	line         int
	before, what string
}

// view is the part of a file that is being searched, and its place.
type view struct {
	finders []finder
	text    []byte // read, and not searched yet
	line    int
}

// room is where the next part of the file is read to.
func (v *view) room() []byte {
	if cap(v.text) < len(v.text)+chunk {
		v.text = append(make([]byte, 0, longWindow+chunk), v.text...)
	}
	return v.text[len(v.text) : len(v.text)+chunk]
}

// leaks takes the n bytes that were read and yields the leaks. Unless it is the last part, the last
// few bytes are kept until there is more: a secret may begin in them.
func (v *view) leaks(n int, last bool) func(yield func(leak) bool) {
	return func(yield func(leak) bool) {
		v.text = v.text[:len(v.text)+n]
		small := lower(v.text)
		until := len(v.text) - longWindow
		if last {
			until = len(v.text)
		}
		shown, at := 0, 0
		for at < until {
			what, end := v.find(small, at)
			if end == at {
				v.line += newline(v.text[at])
				at++
				continue
			}
			if !yield(leak{line: v.line, before: before(v.text[shown:at]), what: what}) {
				return
			}
			v.line += bytes.Count(v.text[at:end], []byte("\n"))
			shown, at = end, end
		}
		v.text = append(v.text[:0], v.text[at:]...)
	}
}

// find describes the secret at a place of text. It ends with the last of the windows that overlap.
func (v *view) find(text []byte, at int) (what string, end int) {
	end = at
	for from := at; from < max(end, at+1); from++ {
		for _, f := range v.finders {
			name, length := f.at(text[from:])
			if length > 0 && what == "" {
				what = name
			}
			if length > 0 {
				end = max(end, from+length)
			}
		}
	}
	return what, end
}

// newline is 1 for a line end, to be counted.
func newline(char byte) int {
	if char == '\n' {
		return 1
	}
	return 0
}

// before is the end of the line before a secret, as far as it is read and holds no other.
func before(text []byte) string {
	const longest = 60
	text = text[bytes.LastIndexByte(text, '\n')+1:]
	text = text[max(0, len(text)-longest):]
	return strings.ToValidUTF8(string(text), "?")
}

// lower lowers ASCII capitals only, so that every other byte keeps its place.
func lower(text []byte) []byte {
	small := make([]byte, len(text))
	for i, char := range text {
		if 'A' <= char && char <= 'Z' {
			char += 'a' - 'A'
		}
		small[i] = char
	}
	return small
}
