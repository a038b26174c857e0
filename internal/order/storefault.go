package order

import (
	"errors"

	"cloudpay/internal/bilingual"
)

// StoreError says that the store could not do what it was asked, and why. Its text is for whoever called; what the database
// said is for the log.
type StoreError struct {
	// Doing is what was being done: "registering orders".
	Doing string
	// Reason is a sentence without a word of the database's or its driver's.
	Reason bilingual.Text
	// Lasting says that the same call fails again until somebody has done what the Reason says.
	Lasting bool
	// Err is the driver's.
	Err error
}

func (e *StoreError) Error() string { return e.Wording().EN }

// Wording is the error in both languages.
func (e *StoreError) Wording() bilingual.Text {
	return bilingual.New(e.Doing+": "+e.Reason.EN, e.Doing+"："+e.Reason.ZH)
}

func (e *StoreError) Unwrap() error { return e.Err }

// Detail is what the database or its driver said: for the log and an operator's terminal, and no caller.
func (e *StoreError) Detail() string { return e.Err.Error() }

// Lasting reports whether an error is the store's, and stays until somebody does something about it.
func Lasting(err error) bool {
	fault, is := errors.AsType[*StoreError](err)
	return is && fault.Lasting
}
