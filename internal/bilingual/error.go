package bilingual

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// worded is an error with a Chinese wording beside its English one.
type worded struct {
	english error
	chinese string
}

// Error is the English wording.
func (w *worded) Error() string { return w.english.Error() }

// Unwrap returns the English error, so that errors.Is and errors.As find what %w wrapped.
func (w *worded) Unwrap() error { return w.english }

// Wording is the error in both languages.
func (w *worded) Wording() Text { return Text{EN: w.english.Error(), ZH: w.chinese} }

// Errorf is [fmt.Errorf] with a second format for the Chinese wording. Both formats take the same
// values in the same order, and %w wraps an error.
func Errorf(en, zh string, values ...any) error {
	chinese := inLanguage(values, true)
	english := make([]any, len(values))
	for i, value := range values {
		english[i] = value
		if text, is := value.(Text); is {
			english[i] = text.EN
		}
		if _, is := value.(error); is {
			chinese[i] = errors.New(fmt.Sprint(chinese[i])) // %w needs an error, not its Chinese text
		}
	}
	return &worded{
		english: fmt.Errorf(en, english...),
		chinese: fmt.Errorf(zh, chinese...).Error(),
	}
}

// Wording is an error's text in both languages:
//   - An error with a method of this name says it itself.
//   - In the text of a wrapping error, the text of each wrapped error is replaced by its Chinese
//
// wording.
//   - Common errors of the system have a Chinese wording here (cause.go).
//
// Anything else, such as a database's own message, is the same in both languages.
func Wording(err error) Text {
	if err == nil {
		return Text{}
	}
	if own, is := err.(interface{ Wording() Text }); is {
		return own.Wording()
	}
	text, inside := Same(err.Error()), wrapped(err)
	if len(inside) == 0 {
		text.ZH = cmp.Or(causeInChinese(err), text.ZH)
	}
	for _, inner := range inside {
		part := Wording(inner)
		if part.EN != "" && part.EN != part.ZH {
			text.ZH = strings.Replace(text.ZH, part.EN, part.ZH, 1)
		}
	}
	return text
}

// wrapped returns the errors that err wraps directly, which errors.Unwrap alone does not: it
// ignores joined errors.
func wrapped(err error) []error {
	if several, is := err.(interface{ Unwrap() []error }); is {
		return several.Unwrap()
	}
	if inner := errors.Unwrap(err); inner != nil {
		return []error{inner}
	}
	return nil
}
