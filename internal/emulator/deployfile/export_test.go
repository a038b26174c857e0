package deployfile

// Parse reads the text of a file.
func Parse(name string, text []byte, from Source) ([]Function, error) {
	return parse("dir", name, text, from)
}
