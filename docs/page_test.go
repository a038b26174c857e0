package docs_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// page is a document in Markdown, as far as its translation must have the same: a preface and a
// section for each heading.
type page struct {
	sections []section
}

// section is what stands below one heading, up to the next.
type section struct {
	level   int // of the heading: 1 to 6, 0 for what stands before the first
	title   string
	items   int // of lists
	blocks  []block
	tables  [][]row
	links   []string // targets, sorted
	spans   []string // what stands between backquotes in prose, sorted, each once
	figures []string // numbers in prose, sorted, each once

	prose string // what is neither code nor a table; a line's end is a space
}

// block is a block of code, without its comments where its language is one that has them.
type block struct {
	language string
	lines    []string
}

// row is one row of a table.
type row struct {
	cells int
	spans []string // sorted, each once
}

var (
	heading   = regexp.MustCompile(`^(#{1,6}) (.+)$`)
	fence     = regexp.MustCompile("^ *```(.*)$")
	listItem  = regexp.MustCompile(`^ *(?:[-*]|\d+\.) `)
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	span      = regexp.MustCompile("`([^`]+)`")
	figure    = regexp.MustCompile(`\d[\d,.]*\d|\d`)
	separator = regexp.MustCompile(`^\|[-| :]+\|$`)
	// switchLine is the link from a page to itself in the other language, below the title.
	switchLine = regexp.MustCompile(`^\[(?:中文|English)\]\([A-Za-z./]+\.md\)$`)
)

// comments match what a translation may word otherwise in a block of a language.
var comments = map[string]*regexp.Regexp{
	"go":         regexp.MustCompile(`(^|\s+)// .*$`),
	"js":         regexp.MustCompile(`(^|\s+)// .*$`),
	"sh":         regexp.MustCompile(`(^|\s+)# .*$`),
	"console":    regexp.MustCompile(`(^|\s+)# .*$`),
	"dockerfile": regexp.MustCompile(`^# .*$`),
	"yaml":       regexp.MustCompile(`(^|\s+)# .*$`),
	"mermaid":    regexp.MustCompile(`\[[^\]]*\]|\{\{[^}]*\}\}|-- [^-]+ --|-\. [^.]+ \.-`), // texts of boxes and arrows
}

// readPage reads a document. What it does not know as Markdown is prose.
func readPage(text string) page {
	p := page{sections: []section{{}}}
	var open *block
	inTable := false
	for line := range strings.SplitSeq(text, "\n") {
		s := &p.sections[len(p.sections)-1]
		fenced := fence.FindStringSubmatch(line)
		isRow := open == nil && strings.HasPrefix(line, "|")
		switch {
		case fenced != nil && open != nil:
			s.blocks = append(s.blocks, open.bare())
			open = nil
		case open != nil:
			open.lines = append(open.lines, line)
		case fenced != nil:
			open = &block{language: fenced[1]}
		case isRow:
			s.addRow(line, !inTable)
		case heading.MatchString(line):
			match := heading.FindStringSubmatch(line)
			p.sections = append(p.sections, section{level: len(match[1]), title: match[2]})
		case !switchLine.MatchString(line):
			s.addProse(line)
		}
		inTable = isRow
	}
	for i := range p.sections {
		p.sections[i].close()
	}
	return p
}

func (s *section) addRow(line string, isFirst bool) {
	if isFirst {
		s.tables = append(s.tables, nil)
	}
	if separator.MatchString(line) {
		return
	}
	last := &s.tables[len(s.tables)-1]
	cells := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") - 1
	*last = append(*last, row{cells, sorted(spansOf(line))})
	s.addLinks(line)
}

func (s *section) addProse(line string) {
	if listItem.MatchString(line) {
		s.items++
		line = listItem.ReplaceAllString(line, "")
	}
	s.prose += strings.TrimSpace(line) + " "
}

func (s *section) addLinks(text string) {
	for _, match := range link.FindAllStringSubmatch(text, -1) {
		s.links = append(s.links, match[1])
	}
}

// close reads the section's prose once it is complete.
func (s *section) close() {
	s.addLinks(s.prose)
	slices.Sort(s.links)
	s.spans = sorted(spansOf(s.prose))
	s.figures = sorted(figure.FindAllString(span.ReplaceAllString(link.ReplaceAllString(s.prose, "]"), ""), -1))
	s.prose = ""
}

func spansOf(line string) []string {
	var spans []string
	for _, match := range span.FindAllStringSubmatch(line, -1) {
		spans = append(spans, match[1])
	}
	return spans
}

func sorted(words []string) []string {
	words = slices.Clone(words)
	slices.Sort(words)
	return slices.Compact(words)
}

// bare is the block without its comments, and without the lines that are nothing else.
func (b block) bare() block {
	comment, has := comments[b.language]
	if !has {
		return b
	}
	var lines []string
	for _, line := range b.lines {
		if rest := strings.TrimRight(comment.ReplaceAllString(line, ""), " \t"); rest != "" {
			lines = append(lines, rest)
		}
	}
	return block{b.language, lines}
}

// anchors are the names by which links reach the headings of a page, as GitHub makes them, one for
// each section; a name that comes again has a number behind it.
func (p page) anchors() []string {
	times := map[string]int{}
	anchors := make([]string, 0, len(p.sections))
	for _, s := range p.sections {
		anchor := anchorOf(s.title)
		if n := times[anchor]; n > 0 {
			times[anchor]++
			anchor = fmt.Sprintf("%s-%d", anchor, n)
		}
		times[anchor]++
		anchors = append(anchors, anchor)
	}
	return anchors
}

func anchorOf(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, title)
}
