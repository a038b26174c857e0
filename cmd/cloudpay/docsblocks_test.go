package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// document is a text for readers, with the blocks of code that are in it.
type document struct {
	path   string // from the repository's root
	text   string
	blocks []fenced
}

// fenced is what stands between two fences.
type fenced struct {
	language string
	line     int // of its first line in the document, from 1
	lines    []string
}

// documents are all Markdown files of a repository: a new one needs no entry anywhere.
func documents(t *testing.T, root string) []document {
	t.Helper()
	var all []document
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains([]string{"dist", "node_modules", "testdata"}, entry.Name()) || strings.HasPrefix(relative, ".") && relative != "." {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		blocks, err := readBlocks(string(text))
		if err != nil {
			t.Errorf("%s:%v", relative, err)
		}
		all = append(all, document{filepath.ToSlash(relative), string(text), blocks})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("found only %d documents", len(all))
	}
	return all
}

var (
	fence = regexp.MustCompile("^ {0,3}(`{3,}|~{3,}) *(.*?) *$")
	item  = regexp.MustCompile(`^ {0,3}([-*+]|\d+\.) `)
)

// inert are the languages of blocks that hold no commands.
var inert = []string{"json", "js", "go", "php", "dockerfile", "mermaid", "text", "sql", "yaml", "http"}

// readBlocks finds the blocks of a document. Its error, which begins with a line's number, says
// where commands could hide from the test: in a block that does not say sh or console.
func readBlocks(text string) ([]fenced, error) {
	var blocks []fenced
	var open *fenced
	var mark string
	inList, blank := false, true
	for i, line := range strings.Split(text, "\n") {
		match := fence.FindStringSubmatch(line)
		switch {
		case open != nil && match != nil && match[1] == mark && match[2] == "":
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.lines = append(open.lines, line)
		case match != nil:
			open, mark = &fenced{language: match[2], line: i + 2}, match[1]
		case strings.HasPrefix(line, "    ") && strings.TrimSpace(line) != "" && blank && !inList:
			return nil, fmt.Errorf("%d: an indented block: put it between fences, as sh, console or %s", i+1, strings.Join(inert, ", "))
		default:
			inList = item.MatchString(line) || inList && (line == "" || strings.HasPrefix(line, " "))
		}
		blank = strings.TrimSpace(line) == ""
	}
	if open != nil {
		return nil, fmt.Errorf("%d: a block without an end", open.line-1)
	}
	return blocks, nil
}

// check says what is wrong with a block's language.
func (b fenced) check() error {
	switch {
	case b.isCommands():
		return nil
	case !slices.Contains(inert, b.language):
		return fmt.Errorf("a block of %q: commands are sh (which show nothing) or console, and other texts %s",
			b.language, strings.Join(inert, ", "))
	case slices.ContainsFunc(b.lines, func(line string) bool { return strings.HasPrefix(line, prompt) }):
		return fmt.Errorf("a block of %s with commands in it: say console, so that they are run", b.language)
	}
	return nil
}

func (b fenced) isCommands() bool { return b.language == "sh" || b.language == "console" }

// prompt begins a command in a console block.
const prompt = "$ "

// typed is a command that a document prints, and what it shows of its result.
type typed struct {
	line  int
	text  string
	shown []string
	bare  bool // of a block that shows no results: it must print nothing
}

// commands are a block's, each with the lines below it. A line that ends with a backslash goes on
// in the next one.
func (b fenced) commands() ([]typed, error) {
	var all []typed
	goesOn := false
	for i, line := range b.lines {
		text, isCommand := strings.CutPrefix(line, prompt)
		if b.language == "sh" {
			text, isCommand = line, strings.TrimSpace(line) != ""
		}
		switch last := len(all) - 1; {
		case goesOn:
			all[last].text += "\n" + line
			goesOn = strings.HasSuffix(line, `\`)
		case isCommand:
			all = append(all, typed{line: b.line + i, text: text, bare: b.language == "sh"})
			goesOn = strings.HasSuffix(text, `\`)
		case b.language == "sh":
		case last < 0:
			return nil, fmt.Errorf("a console block begins with a command: %q does not start with %q", line, prompt)
		default:
			all[last].shown = append(all[last].shown, line)
		}
	}
	return all, nil
}

// Commands cannot hide from the test in a block that it does not run.
func TestReadBlocks(t *testing.T) {
	t.Parallel()
	blocks, err := readBlocks("# Title\n\n```console\n$ a \\\n  b\nx\n\n$ c\n```\n\n- item\n\n    more of it\n\n```sh\nd\ne \\\n f\n```\n")
	if err != nil || len(blocks) != 2 {
		t.Fatalf("got %v, %v; want two blocks", blocks, err)
	}
	var got []string
	for _, b := range blocks {
		commands, err := b.commands()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range commands {
			got = append(got, fmt.Sprintf("%d %q %q %t", c.line, c.text, c.shown, c.bare))
		}
	}
	want := []string{
		`4 "a \\\n  b" ["x" ""] false`, `8 "c" [] false`, `16 "d" [] true`, `17 "e \\\n f" [] true`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, text := range []string{
		"text\n\n    make test\n", "```sh\nmake test\n", "```bash\nmake test\n```\n", "```\nmake test\n```\n", "```text\n$ make test\n```\n",
	} {
		blocks, err := readBlocks(text)
		for _, b := range blocks {
			if err == nil {
				err = b.check()
			}
		}
		if err == nil {
			t.Errorf("%q: got no fault", text)
		}
	}
}
