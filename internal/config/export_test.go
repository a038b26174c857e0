package config

import (
	"fmt"
	"strings"
)

// Meanings is how many variables the README explains.
func Meanings() int { return len(meanings) }

// Markdown is the README's table of variables, and the text below it.
func Markdown() string {
	needed := map[need]string{never: "", always: "yes", forV2: "for v2", forV3: "for v3", forPublicKey: "for v3, or `WXPAY_V3_KEY`"}
	var table strings.Builder
	table.WriteString("| variable | needed | values | default | meaning |\n|---|---|---|---|---|\n")
	for _, v := range variables {
		initial := v.initial
		if initial != "" {
			initial = "`" + initial + "`"
		}
		when := needed[v.needed]
		if v.neededToo != "" {
			when += ", and " + v.neededToo
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s | %s |\n", v.name, when, v.values, initial, meanings[v.name])
	}
	table.WriteString(belowTheTable())
	return table.String()
}

// belowTheTable lists the variables that can be read from files. A row for each would double the
// secrets in the table and say nothing else.
func belowTheTable() string {
	var names []string
	for _, v := range variables {
		if v.inFile != notInFile {
			names = append(names, "`"+v.name+"`")
		}
	}
	last := len(names) - 1
	return "\n" + wrapped(strings.Join(names[:last], ", ")+" and "+names[last]+" can each be read from a file: leave the"+
		" variable itself unset, and put `"+FileSuffix+"` behind its name to give the file's path, as `"+nameV2Key+FileSuffix+"`."+
		" The file has at most "+maxFileText+"; whitespace around its text is dropped.") +
		"\n" + wrapped("The platform sets `PORT`. Where it is set, and no function runtime is, the web server listens on that port.")
}

// wrapped breaks a paragraph into lines of 100 columns, as all documents are.
func wrapped(paragraph string) string {
	const most = 100
	var text strings.Builder
	column := 0
	for word := range strings.FieldsSeq(paragraph) {
		switch {
		case column == 0:
		case column+1+len(word) > most:
			text.WriteString("\n")
			column = 0
		default:
			text.WriteString(" ")
			column++
		}
		text.WriteString(word)
		column += len(word)
	}
	return text.String() + "\n"
}
