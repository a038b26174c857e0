package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/printable"
	"cloudpay/internal/schedule"
)

// The exit codes, the same for every command. close and query tell apart what became of the order.
const (
	exitFine     = 0
	exitFault    = 1 // a fault, or nothing proved: run the command again
	exitUsage    = 2 // the command line or the environment is wrong; WeChat Pay was asked nothing
	exitPaid     = 3
	exitNotFound = 4
	exitRefused  = 5
)

// exitError ends the process with a code of its own.
type exitError struct {
	code int
	err  error // nil: everything has been said
}

// Error returns the English wording.
func (e *exitError) Error() string { return e.Wording().EN }

// Wording is the error in both languages.
func (e *exitError) Wording() bilingual.Text {
	if e.err == nil {
		return bilingual.Same(fmt.Sprintf("exit code %d", e.code))
	}
	return bilingual.Wording(e.err)
}

// Unwrap returns the error that is still to be said, for errors.Is and errors.As.
func (e *exitError) Unwrap() error { return e.err }

// exit ends the process with a code when everything has been said; exitFine is no error.
func exit(code int) error {
	if code == exitFine {
		return nil
	}
	return &exitError{code: code}
}

// usage marks an error as the user's own: of the command line or the environment.
func usage(err error) error { return &exitError{exitUsage, err} }

// usagef is usage for an error that is worded here.
func usagef(en, zh string, values ...any) error { return usage(bilingual.Errorf(en, zh, values...)) }

// errInterrupted is the end of what a signal stopped before it was done.
var errInterrupted = bilingual.Errorf("interrupted", "已中断")

// exitCode is the exit code for an error, and whether the error is still to be said.
func exitCode(err error) (code int, say bool) {
	if err == nil {
		return exitFine, false
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code, e.err != nil
	}
	return exitFault, true
}

// severity lists the exit codes of orders from the best to the worst. The worst is what another run
// may still change, since nothing else is final before that.
var severity = []int{exitFine, exitPaid, exitNotFound, exitRefused, exitFault}

// worse is the code that counts when orders end with two codes.
func worse(a, b int) int {
	return severity[max(slices.Index(severity, a), slices.Index(severity, b))]
}

// outcomeCode is what one order's outcome amounts to.
func outcomeCode(outcome order.Outcome) int {
	switch outcome {
	case order.OutcomeClosed, order.OutcomeAlreadyClosed, order.OutcomeFound, order.OutcomeScheduled:
		return exitFine
	case order.OutcomePaid:
		return exitPaid
	case order.OutcomeNotFound:
		return exitNotFound
	case order.OutcomeRefused:
		return exitRefused
	case order.OutcomeTooSoon, order.OutcomeUnknown:
	}
	return exitFault
}

// end says what a command ended with, unless the command has said so itself, and returns the exit
// code. A store's error comes with its detail: the user of the command runs the database, or knows
// its operator.
func end(l *render.Language, out io.Writer, err error) int {
	code, say := exitCode(err)
	if say {
		complain(l, out, err)
		if fault, is := errors.AsType[*schedule.StoreError](err); is {
			fmt.Fprintln(out, "  "+printable.Text(l.Say("%s", "详情：%s", fault.Detail())))
		}
	}
	return code
}

// complain says what is wrong.
func complain(l *render.Language, out io.Writer, err error) {
	fmt.Fprintln(out, "cloudpay:", printable.Lines(l.Text(bilingual.Wording(err))))
}
