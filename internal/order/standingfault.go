package order

import "fmt"

// What a store answers when it will not do as it was told. Nothing was written, but for a ContradictionError's event.

// NotRegisteredError says that the store has no such order.
type NotRegisteredError struct{ Ref Ref }

func (e *NotRegisteredError) Error() string {
	return fmt.Sprintf("order %s is not registered", e.Ref)
}

// ConflictError says that the order is registered already, with other facts.
type ConflictError struct {
	Ref Ref
	// Field is the first parameter that differs.
	Field string
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("order %s is registered already, with another %s: an order is registered once", e.Ref, e.Field)
}

// LostClaimError says that the lease ran out and somebody else claimed the order, or it has ended. What was to be written is
// theirs to find.
type LostClaimError struct{ Ref Ref }

func (e *LostClaimError) Error() string {
	return fmt.Sprintf("the claim on order %s was lost: nothing was written", e.Ref)
}

// BusyError says that somebody else holds the claim.
type BusyError struct{ Standing Standing }

func (e *BusyError) Error() string {
	return fmt.Sprintf("order %s is being closed by somebody else", e.Standing.Ref)
}

// EndedError says that the order has ended, and how is proved.
type EndedError struct{ Standing Standing }

func (e *EndedError) Error() string {
	return fmt.Sprintf("order %s has ended: %s", e.Standing.Ref, e.Standing.Ending)
}

// ContradictionError is an alarm: two signed answers say that the order ended in two ways. The first stands; an event tells
// the second.
type ContradictionError struct {
	Ref       Ref
	Had, Said Ending
}

func (e *ContradictionError) Error() string {
	return fmt.Sprintf("order %s was signed to have ended as %s and is now signed as %s: the first stands, look at the order at WeChat Pay",
		e.Ref, e.Had, e.Said)
}
