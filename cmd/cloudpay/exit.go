package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/cli/world"
	"cloudpay/internal/order"
	"cloudpay/internal/printable"
	"cloudpay/internal/schedule"
)

// The exit codes, the same for every command. close and query tell apart what became of the order.
const (
	exitFine = 0
	// exitFault: a fault, or nothing proved. Another run may end otherwise.
	exitFault = 1
	// exitUsage: the command line or the environment is wrong. WeChat Pay was asked nothing.
	exitUsage = 2
	// exitPaid: an order had been paid when it was to be closed.
	exitPaid = 3
	// exitNotFound: WeChat Pay, or the register, has no such order.
	exitNotFound = 4
	// exitRefused: WeChat Pay refuses, the register has the order with other facts, or the event
	// behind which to read is another now.
	exitRefused = 5
)

// exitError ends the process with a code of its own.
type exitError struct {
	code int
	// err is what is still to be said; nil: everything has been said.
	err error
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

// usage marks an error as one of the command line or the environment. Nothing has been done when it
// is returned.
func usage(err error) error { return &exitError{exitUsage, err} }

// usagef is usage for an error that is worded here.
func usagef(en, zh string, values ...any) error { return usage(bilingual.Errorf(en, zh, values...)) }

// errInterrupted is the error of a command that a signal stopped. An error that wraps it says what
// is left undone.
var errInterrupted = world.ErrInterrupted

// exitCode is the exit code for an error, and whether the error is still to be said. An error
// without a code of its own is a fault, such as a database that is out of reach.
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

// worse is the code that counts when orders end with two codes. A list has one exit code, so a
// script that has to know each order's end reads --json.
func worse(a, b int) int {
	return severity[max(slices.Index(severity, a), slices.Index(severity, b))]
}

// outcomeCode is what one order's outcome amounts to. An order that was closed before is closed: a
// script that runs again ends with 0.
func outcomeCode(outcome order.Outcome) int {
	switch outcome {
	case order.OutcomeClosed, order.OutcomeAlreadyClosed, order.OutcomeFound, order.OutcomeScheduled:
		return exitFine
	case order.OutcomePaid:
		return exitPaid
	case order.OutcomeNotFound:
		return exitNotFound
	case order.OutcomeRefused, order.OutcomeTooLate, order.OutcomeWithdrawn: // it was to be registered
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

// complain says what is wrong, after the program's name: in a pipeline several programs print to
// one terminal. The error may quote a stranger's text, which is escaped.
func complain(l *render.Language, out io.Writer, err error) {
	fmt.Fprintln(out, "cloudpay:", printable.Lines(l.Text(bilingual.Wording(err))))
}
