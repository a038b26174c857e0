// Package typo tells a misspelt name from another name. A parameter or a variable that is ignored
// because of a typo may be the one that names the order, so a misspelt one is refused by name.
package typo

import "strings"

// Is reports whether name is known with one typo in it: other capitals, underscores or hyphens, or
// one character inserted, left out or replaced, or two neighbours swapped. A known name of less
// than four letters must agree but for capitals and separators: half of all words are one edit away
// from a short one.
func Is(name, known string) bool {
	const longest, short = 64, 4
	if len(name) > longest {
		return false
	}
	a, b := bare(name), bare(known)
	if len(b) < short {
		return a == b
	}
	return Near(a, b)
}

// Fold makes one text of all spellings of a name: out_trade_no, outTradeNo, Out Trade No.
func Fold(name string) string { return bare(strings.ReplaceAll(name, " ", "")) }

// bare folds capitals, underscores and hyphens. It keeps spaces, which only the columns of order
// files may have in a name.
func bare(name string) string { return strings.ToLower(separators.Replace(name)) }

var separators = strings.NewReplacer("_", "", "-", "")

// Near reports whether a becomes b by at most one insertion, deletion, replacement or swap of
// neighbours.
func Near(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	if i >= len(a)-1 || a[i+1:] == b[i+1:] {
		return true
	}
	return a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
