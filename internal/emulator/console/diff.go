package console

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// span is a piece of a text beside another one.
type span struct {
	Text string
	// Differs says that the other text has something else here, or nothing.
	Differs bool
	// Gap says that this text has nothing where the other one has something.
	Gap bool
}

const (
	// maxCompared bounds the work of a comparison: the product of the lengths of what differs.
	maxCompared = 1 << 22
	// shortestMatch is the fewest characters in a row that count as alike between two differences.
	// Random texts, such as nonces, share single characters everywhere.
	shortestMatch = 3
)

// edit is one step of a comparison: characters that both texts have, or that one has and the other
// has not.
type edit struct {
	alike       bool
	left, right []rune
}

// compare sets two texts side by side, and marks what differs by character:
//
//	expected  {"mchid":"1900000001"}       {"mchid":[]"1900000001"}
//	signed    {"mchid": "1900000001"}      {"mchid":[␣]"1900000001"}
//
// It is the longest common subsequence between the first and the last difference, so that what was
// added or left out is marked alone. Beyond maxCompared all between the two is marked. Characters
// without a shape of their own are shown by others: see visible.
func compare(left, right string) (marked [2][]span) {
	for _, e := range edits([]rune(left), []rune(right)) {
		if e.alike {
			same := span{Text: visible(e.left, false)}
			marked[0], marked[1] = append(marked[0], same), append(marked[1], same)
			continue
		}
		marked[0] = append(marked[0], differing(e.left))
		marked[1] = append(marked[1], differing(e.right))
	}
	return marked
}

// differing is a marked span, or a gap.
func differing(text []rune) span {
	return span{Text: visible(text, true), Differs: true, Gap: len(text) == 0}
}

// edits are the steps from one text to the other, in order.
func edits(a, b []rune) []edit {
	head, tail := alike(a, b), 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var steps []edit
	if head > 0 {
		steps = append(steps, edit{true, a[:head], b[:head]})
	}
	steps = append(steps, between(a[head:len(a)-tail], b[head:len(b)-tail])...)
	if tail > 0 {
		steps = append(steps, edit{true, a[len(a)-tail:], b[len(b)-tail:]})
	}
	return steps
}

// alike is how many characters two texts begin with alike.
func alike(a, b []rune) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// between are the steps where neither the first nor the last characters are alike.
func between(a, b []rune) []edit {
	switch {
	case len(a) == 0 && len(b) == 0:
		return nil
	case len(a) == 0 || len(b) == 0 || len(a)*len(b) > maxCompared:
		return []edit{{false, a, b}}
	}
	common := longestCommon(a, b)
	var steps []edit
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		if same := alike(a[i:], b[j:]); same > 0 {
			steps = append(steps, edit{true, a[i : i+same], b[j : j+same]})
			i, j = i+same, j+same
			continue
		}
		if j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1] {
			steps = join(steps, edit{false, a[i : i+1], nil})
			i++
		} else {
			steps = join(steps, edit{false, nil, b[j : j+1]})
			j++
		}
	}
	return absorbed(steps)
}

// absorbed takes short matches into the differences around them, where those replace something: two
// random texts share single characters. Beside what was only added or left out a short match stays.
func absorbed(steps []edit) []edit {
	var kept []edit
	for i, e := range steps {
		if e.alike && len(e.left) < shortestMatch && i > 0 && i+1 < len(steps) && replaces(steps[i-1]) && replaces(steps[i+1]) {
			e.alike = false
		}
		kept = join(kept, e)
	}
	return kept
}

// replaces reports whether a step has something else in either text.
func replaces(e edit) bool { return !e.alike && len(e.left) > 0 && len(e.right) > 0 }

// join adds a step, to the last one if both differ.
func join(steps []edit, e edit) []edit {
	if n := len(steps); n > 0 && !e.alike && !steps[n-1].alike {
		last := &steps[n-1]
		last.left, last.right = slices.Concat(last.left, e.left), slices.Concat(last.right, e.right)
		return steps
	}
	return append(steps, e)
}

// longestCommon has for each pair of places the length of the longest common subsequence behind
// them.
func longestCommon(a, b []rune) [][]uint16 {
	table := make([][]uint16, len(a)+1)
	for i := range table {
		table[i] = make([]uint16, len(b)+1)
	}
	for i, ofA := range slices.Backward(a) {
		for j, ofB := range slices.Backward(b) {
			if ofA == ofB {
				table[i][j] = table[i+1][j+1] + 1
			} else {
				table[i][j] = max(table[i+1][j], table[i][j+1])
			}
		}
	}
	return table
}

// visible shows a line feed as ⏎ before it, and gives a shape to characters that have none: in a
// difference to blanks too.
func visible(text []rune, differs bool) string {
	var shown strings.Builder
	for _, r := range text {
		switch {
		case r == '\n':
			shown.WriteString("⏎\n")
		case r == '\r':
			shown.WriteString("␍")
		case r == '\t':
			shown.WriteString("⇥")
		case r == ' ' && differs:
			shown.WriteString("␣")
		case r == ' ', unicode.IsGraphic(r) && !unicode.IsSpace(r):
			shown.WriteRune(r)
		default:
			fmt.Fprintf(&shown, "⟨U+%04X⟩", r)
		}
	}
	return shown.String()
}
