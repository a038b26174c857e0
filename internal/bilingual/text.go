// Package bilingual holds what people read in English and in Chinese: a text in both languages,
// and errors that have both.
//
// Programs read neither. What they branch on (outcomes, codes, field names) is never a Text. Logs
// and [error.Error] are English.
package bilingual

import "fmt"

// Text is one sentence, or a part of one, in both languages.
type Text struct{ EN, ZH string }

// New is a Text of its two wordings.
func New(en, zh string) Text { return Text{EN: en, ZH: zh} }

// Same is a text that reads the same in both languages: a name, a number, a foreign message.
func Same(text string) Text { return Text{EN: text, ZH: text} }

// Sprintf formats both wordings with the same values in the same order. A value that is a Text, or
// an error, is formatted in the language of the wording that it is put into.
func Sprintf(en, zh string, values ...any) Text {
	return Text{
		EN: fmt.Sprintf(en, inLanguage(values, false)...),
		ZH: fmt.Sprintf(zh, inLanguage(values, true)...),
	}
}

// In is the text in one of the two languages.
func (t Text) In(chinese bool) string {
	if chinese {
		return t.ZH
	}
	return t.EN
}

// String is both wordings with a slash between, as the results of the functions carry them.
func (t Text) String() string {
	if t.EN == t.ZH {
		return t.EN
	}
	return t.EN + " / " + t.ZH
}

// inLanguage words the values that have two wordings in one of them. Other values stay as they are.
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
