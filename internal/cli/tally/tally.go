// Package tally counts what a command has listed, by the words under which it listed it.
package tally

import (
	"strconv"
	"strings"

	"cloudpay/internal/cli/render"
)

// Words counts by words, in the order in which they come. The zero value is ready.
type Words struct {
	words []string
	n     map[string]int
}

// Add counts n more of a word.
func (t *Words) Add(word string, n int) {
	if t.n == nil {
		t.n = map[string]int{}
	}
	if _, known := t.n[word]; !known {
		t.words = append(t.words, word)
	}
	t.n[word] += n
}

// Sum is the number of all words together.
func (t *Words) Sum() (sum int) {
	for _, n := range t.n {
		sum += n
	}
	return sum
}

// Of is the number of a word; 0 if it was never added.
func (t *Words) Of(word string) int { return t.n[word] }

// Text is each number with its word.
func (t *Words) Text(l *render.Language) string {
	parts := make([]string, len(t.words))
	for i, word := range t.words {
		parts[i] = strconv.Itoa(t.n[word]) + " " + word
	}
	return strings.Join(parts, l.Say(", ", "，"))
}
