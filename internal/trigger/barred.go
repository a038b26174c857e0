package trigger

import (
	"cloudpay/internal/schedule"
)

// barred says which rule kept a caller from what was asked, and what would let them in. Only the
// operator's log has it: a caller who learned the rule would learn which orders there are. The zero
// value says that no rule did.
type barred struct {
	rule   rule
	remedy string
}

// A rule that bars callers, by the word that the log has for it (docs/callers.md lists them).
type rule string

const (
	ruleCaller    rule = "caller"    // this kind of caller may touch no orders, or not sweep
	ruleParameter rule = "parameter" // a parameter is not for users
	ruleLookups   rule = "lookups"   // too many look-ups
	ruleEvent     rule = "event"     // the event is for another function
	// The others are the words of order.Ownership.
)

// barredBy is what an ownership means for a user. That WeChat Pay has no such order is an answer
// and bars nobody.
func barredBy(o schedule.Ownership) barred {
	remedy, bars := map[schedule.Ownership]string{
		schedule.NotTheirs: "the order is registered in the name of another user (openid, owner); an openid is another user's " +
			"below another appid",
		schedule.Unowned: "the order is registered without an owner, so it is no user's: register orders with openid or owner",
		schedule.NotRegistered: "the order is not registered, so it is no user's: register it (close_at, with openid or owner) by a " +
			"call with service_token",
	}[o]
	if !bars {
		return barred{}
	}
	return barred{rule(o), remedy}
}
