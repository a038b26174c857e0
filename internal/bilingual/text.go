// Package bilingual holds texts for people in English and in Chinese, and errors that have both
// wordings.
//
// Programs read neither: what they branch on (outcomes, codes, field names) is never a Text. Logs
// and [error.Error] are English.
//
// A test reads the whole tree: the second wording of each text contains Chinese, and both wordings
// format the same values in the same order (docs/adr/0018-two-languages.md).
package bilingual

import "fmt"

// Text is a sentence, or a part of one, in both languages.
type Text struct{ EN, ZH string }

// New returns a Text of its two wordings.
func New(en, zh string) Text { return Text{EN: en, ZH: zh} }

// Same returns a text that is the same in both languages: a name, a number, a foreign message.
func Same(text string) Text { return Text{EN: text, ZH: text} }

// Sprintf formats both wordings with the same values in the same order. A Text or an error among
// the values is formatted in the language of the wording.
func Sprintf(en, zh string, values ...any) Text {
	return Text{
		EN: fmt.Sprintf(en, inLanguage(values, false)...),
		ZH: fmt.Sprintf(zh, inLanguage(values, true)...),
	}
}

// In returns one of the two wordings.
func (t Text) In(chinese bool) string {
	if chinese {
		return t.ZH
	}
	return t.EN
}

// String is both wordings with a slash between, as the results of the functions have them.
func (t Text) String() string {
	if t.EN == t.ZH {
		return t.EN
	}
	return t.EN + " / " + t.ZH
}

// inLanguage replaces the values that have two wordings by one of them.
func inLanguage(values []any, chinese bool) []any {
	worded := make([]any, len(values))
	for i, value := range values {
		switch value := value.(type) {
		case Text:
			worded[i] = value.In(chinese)
		case error:
			worded[i] = Wording(value).In(chinese)
		default:
			worded[i] = value
		}
	}
	return worded
}
