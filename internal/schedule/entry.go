// Package schedule is the vocabulary of the register: an order as it is registered (Entry), as it
// is stored (Record), as it is leased (Claim), how an attempt ends (Final or Retry), and the rate
// of calls (Quota). Its errors are a register's other answers. Package outbox has the events that
// tell of ends.
//
// It is pure: no clock, no network, no SQL. internal/store keeps the register, internal/sweep and
// internal/closing use it.
package schedule

import (
	"time"

	"cloudpay/internal/order"
)

// Entry is an order as it is registered: which one, its owner, and when it is to be closed. What
// was not given is zero.
type Entry struct {
	order.Ref
	// Owner may query and close the order, besides trusted callers.
	Owner order.Owner
	// SubAppID is sent with a service provider's calls in APIv2.
	SubAppID string
	// API is the dialect to close the order in; the configured one when empty.
	API order.API
	// Total is the amount to be paid, in fen; nil when it was not given. A payment of another
	// amount is outbox.EventPaidOtherAmount.
	Total *int64
	// CreatedAt is when the order was created at WeChat Pay; zero when it was not given.
	CreatedAt time.Time
	// CloseAt is when the order is to be closed. When it is zero, the order is to be closed CloseIn
	// after its registration, by the database's clock; registering the order again with the same
	// CloseIn is no conflict, although it is later by then.
	CloseAt time.Time
	CloseIn time.Duration
}

// Call is the call that closes the order. It is an error if m may not close that very order any
// more (see [order.Merchant.CallFor]).
func (e Entry) Call(m order.Merchant) (order.Call, error) {
	return m.CallFor(order.Call{Ref: e.Ref, SubAppID: e.SubAppID, API: e.API, CreatedAt: e.CreatedAt})
}

// Validate returns an error for the first field that is ill formed.
func (e Entry) Validate() *order.FieldError {
	for _, fault := range []*order.FieldError{e.Ref.Validate(), e.Owner.Validate(), order.CheckSubAppID(e.SubAppID), e.API.Validate()} {
		if fault != nil {
			return fault
		}
	}
	switch {
	case e.Total != nil && *e.Total < 0:
		return order.ParamError("total", "must not be negative", "不能为负数")
	case e.CloseIn < 0, !e.CloseAt.IsZero() && e.CloseIn != 0:
		return order.ParamError("close_at", "must be a time, or a number of seconds from now that is not negative",
			"须为时间，或距此刻的非负秒数")
	case e.CloseIn > maxCloseIn:
		return order.ParamError("close_at", "must be within ten years from now", "须在十年之内")
	case !storable(e.CloseAt):
		return outsideYears("close_at")
	case !storable(e.CreatedAt):
		return outsideYears("created_at")
	}
	return nil
}

func outsideYears(field string) *order.FieldError {
	return order.ParamError(field, "must be a time between the years 2000 and 2100", "须为 2000 年至 2100 年之间的时间")
}

const maxCloseIn = 10 * 365 * 24 * time.Hour

// storable reports whether every database can keep a time. A caller's milliseconds that were meant
// as seconds are outside too.
func storable(t time.Time) bool {
	return t.IsZero() || t.UTC().Year() >= 2000 && t.UTC().Year() < 2100
}

// Differs returns the name of the first parameter in which another registration of the same order
// differs; empty when none does. Times are compared to the microsecond, which is what a store
// keeps.
func (e Entry) Differs(other Entry) string {
	switch {
	case e.Owner != other.Owner:
		return "owner"
	case e.SubAppID != other.SubAppID:
		return "sub_appid"
	case e.API != other.API:
		return "api"
	case (e.Total == nil) != (other.Total == nil), e.Total != nil && *e.Total != *other.Total:
		return "total"
	case !sameTime(e.CreatedAt, other.CreatedAt):
		return "created_at"
	case !sameTime(e.CloseAt, other.CloseAt),
		e.CloseIn.Truncate(time.Microsecond) != other.CloseIn.Truncate(time.Microsecond):
		return "close_at"
	}
	return ""
}

func sameTime(a, b time.Time) bool {
	return a.Truncate(time.Microsecond).Equal(b.Truncate(time.Microsecond))
}

// Registration is the result of registering one Entry among several.
type Registration struct {
	// Added reports whether the entry is new. Otherwise it was registered before, with the same
	// facts.
	Added bool
	// Again reports that it was added in place of a registration that was withdrawn or had ended.
	Again bool
	// Ended is how an order that was registered before has ended; empty if it has not, or was
	// pruned.
	Ended FinalState
	// Err is an *order.FieldError for an ill-formed entry, a *ConflictError for an order that is
	// registered with other facts, a *WithdrawnError for one that was withdrawn, and nil otherwise.
	Err error
}
