package event

// The bounds that the tests reach.
const (
	MaxEvent   = maxEvent
	MaxRecords = maxRecords
)

// Scan reports whether text is one JSON value, as the scanner sees it, and whether its depth is the
// only fault.
func Scan(text []byte) (valid, deep bool) {
	s := scanner{text: text}
	s.space()
	if !s.value(0) {
		return false, s.fault == flawDeep
	}
	s.space()
	return s.at == len(text), false
}

// Unquote is the text of a string that Scan found valid.
func Unquote(quoted []byte) string { return string(unquote(quoted)) }
