package event

// Scan reports whether text is one JSON value, as the scanner sees it, and whether only its depth speaks against it.
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
