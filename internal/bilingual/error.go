package bilingual

import (
	"errors"
	"fmt"
	"strings"
)

// worded is an error with a Chinese wording beside its English one.
type worded struct {
	english error
	chinese string
}

func (w *worded) Error() string { return w.english.Error() }

func (w *worded) Unwrap() error { return w.english }

// Wording is the error in both languages.
func (w *worded) Wording() Text { return Text{EN: w.english.Error(), ZH: w.chinese} }

// Errorf is [fmt.Errorf] with a second format for the Chinese wording. Both formats take the same
// values in the same order, and %w wraps an error as it does there.
func Errorf(en, zh string, values ...any) error {
	chinese := inLanguage(values, true)
	english := make([]any, len(values))
	for i, value := range values {
		english[i] = value
		if text, is := value.(Text); is {
			english[i] = text.EN
		}
		if _, is := value.(error); is {
			chinese[i] = errors.New(chinese[i].(string)) //nolint:forcetypeassert // inLanguage made it one; %w needs an error
		}
	}
	return &worded{
		english: fmt.Errorf(en, english...),         //nolint:err113 // this is Errorf
		chinese: fmt.Errorf(zh, chinese...).Error(), //nolint:err113 // as above
	}
}

// Wording is an error's text in both languages. An error says it itself if it has a method of this
// name; a wrapping error that has none is worded with what it wraps in Chinese; the usual causes of
// the system's errors have a Chinese name here. What is left, such as a database's own message,
// reads the same in both languages.
func Wording(err error) Text {
	if err == nil {
		return Text{}
	}
	if own, is := err.(interface{ Wording() Text }); is {
		return own.Wording()
	}
	if zh := causeInChinese(err); zh != "" {
		return Text{EN: err.Error(), ZH: zh}
	}
	text := Same(err.Error())
	for _, inner := range wrapped(err) {
		part := Wording(inner)
		if part.EN != "" && part.EN != part.ZH {
			text.ZH = strings.Replace(text.ZH, part.EN, part.ZH, 1)
		}
	}
	return text
}

// wrapped are the errors that err wraps directly.
func wrapped(err error) []error {
	switch err := err.(type) { //nolint:errorlint // each level is looked at in turn
	case interface{ Unwrap() []error }:
		return err.Unwrap()
	case interface{ Unwrap() error }:
		if inner := err.Unwrap(); inner != nil {
			return []error{inner}
		}
	}
	return nil
}
