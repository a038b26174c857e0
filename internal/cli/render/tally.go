package render

import (
	"strconv"
	"strings"
)

// Tally counts by words, in the order in which they come. The zero value is ready.
type Tally struct {
	words []string
	n     map[string]int
}

// Add counts n more of a word.
func (t *Tally) Add(word string, n int) {
	if t.n == nil {
		t.n = map[string]int{}
	}
	if _, known := t.n[word]; !known {
		t.words = append(t.words, word)
	}
	t.n[word] += n
}

// Sum is the number of all words together.
func (t *Tally) Sum() (sum int) {
	for _, n := range t.n {
		sum += n
	}
	return sum
}

// Of is the number of a word; 0 if it was never added.
func (t *Tally) Of(word string) int { return t.n[word] }

// Text is each number with its word.
func (t *Tally) Text(l *Language) string {
	parts := make([]string, len(t.words))
	for i, word := range t.words {
		parts[i] = strconv.Itoa(t.n[word]) + " " + word
	}
	return strings.Join(parts, l.Say(", ", "，"))
}
