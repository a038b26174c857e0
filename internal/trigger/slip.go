package trigger

import "strings"

// slipped reports whether a key is a parameter's name with a slip of the pen in
// it: other capitals, underscores or hyphens, or one character more, less or
// other, or two swapped. A short name must agree but for capitals and such, or
// half of all words would be slips of it.
func slipped(key, name string) bool {
	const short = 4
	if len(key) > 2*maxName {
		return false
	}
	a, b := bare(key), bare(name)
	if len(b) < short {
		return a == b
	}
	return oneEdit(a, b)
}

// maxName is longer than any parameter's name, with room for underscores.
const maxName = 32

var separators = strings.NewReplacer("_", "", "-", "")

func bare(s string) string { return strings.ToLower(separators.Replace(s)) }

// oneEdit reports whether a becomes b by at most one insertion, deletion,
// replacement or swap of neighbours.
func oneEdit(a, b string) bool {
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
