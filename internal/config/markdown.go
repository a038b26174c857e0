package config

import (
	"fmt"
	"strings"
)

// Markdown is the table of the README.
func Markdown() string {
	needed := map[need]string{never: "", always: "yes", forV2: "for v2", forV3: "for v3", forPublicKey: "for v3, or `WXPAY_V3_KEY`"}
	var table strings.Builder
	table.WriteString("| variable | needed | values | default | meaning |\n|---|---|---|---|---|\n")
	for _, v := range variables {
		initial := v.initial
		if initial != "" {
			initial = "`" + initial + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s | %s |\n", v.name, needed[v.needed], v.values, initial, v.meaning)
	}
	return table.String()
}
