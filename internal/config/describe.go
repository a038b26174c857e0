package config

import (
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
)

// Describe calls each with every variable, in the order of the README's table. No function calls
// it, so that none links the texts.
//
//   - initial is what an absent variable means, as it would be written; empty: there is no default,
//     or it depends on other variables, and meaning says how.
//   - secret says that a value may hold a key, a token or a password.
//   - values are the accepted ones, and meaning is what the variable does. Both may have code
//     between backticks, and meaning may have links, as Markdown has them.
func Describe(each func(name, initial string, secret bool, values, meaning bilingual.Text)) {
	for _, v := range variables {
		zh := chinese[v.name]
		each(v.name, v.initial, v.isSecret(), bilingual.New(v.values, zh.values), bilingual.New(meanings[v.name], zh.meaning))
	}
}

// isSecret reports whether the table calls the values secret.
func (v variable) isSecret() bool {
	return slices.ContainsFunc(strings.Split(v.values, ", "), func(part string) bool { return part == "secret" })
}
