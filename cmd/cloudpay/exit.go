package main

import (
	"errors"
	"fmt"

	"cloudpay/internal/bilingual"
)

// The exit codes, the same for every command. close and query tell apart what became of the order.
const (
	exitFine     = 0
	exitFault    = 1 // a fault, or nothing proved: come again
	exitUsage    = 2 // the command line or the environment is wrong; nothing was asked of WeChat Pay
	exitPaid     = 3
	exitNotFound = 4
	exitRefused  = 5
)

// exitError ends the process with a code of its own.
type exitError struct {
	code int
	err  error // nil when everything has been said
}

func (e *exitError) Error() string { return e.Wording().EN }

// Wording is the error in both languages.
func (e *exitError) Wording() bilingual.Text {
	if e.err == nil {
		return bilingual.Same(fmt.Sprintf("exit code %d", e.code))
	}
	return bilingual.Wording(e.err)
}

func (e *exitError) Unwrap() error { return e.err }

// usage is an error of whoever typed the command.
func usage(err error) error { return &exitError{exitUsage, err} }

// usagef is usage for an error that is worded here.
func usagef(en, zh string, values ...any) error { return usage(bilingual.Errorf(en, zh, values...)) }

// errInterrupted is the end of what a signal stopped before it was done.
var errInterrupted = bilingual.Errorf("interrupted", "已中断")

// exitCode is what the process ends with for an error, and whether the error is still to be said.
func exitCode(err error) (code int, say bool) {
	if err == nil {
		return exitFine, false
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code, e.err != nil
	}
	return exitFault, true
}
