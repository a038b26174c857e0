package schedule

import (
	"cmp"
	"strconv"
	"time"

	"cloudpay/internal/order"
)

// Change is a correction of a registration that waits, or its withdrawal. What is nil stays.
type Change struct {
	// Withdraw withdraws the registration; nothing else may be set then.
	Withdraw bool
	// CloseAt is when the order is to be closed. CloseIn is the same, counted from the change by
	// the database's clock. One of them at most.
	CloseAt *time.Time
	CloseIn *time.Duration
	// Overdue takes a CloseAt before the order's creation.
	Overdue bool
	Owner   *order.Owner
	// Total is in fen.
	Total *int64
	// By names the one that asks for it, for the history.
	By string
}

// NewChange makes a Change of a caller's parameters, and the order that it is about. The error is
// an *order.FieldError. now is for the rule about a close_at that is long past.
func NewChange(m order.Merchant, p order.Params, now time.Time) (order.Ref, Change, error) {
	call, err := m.CloseCall(p)
	if err != nil {
		return order.Ref{}, Change{}, err
	}
	c := Change{Withdraw: p.Withdraw, Overdue: p.Overdue, Total: p.Total, By: cmp.Or(p.ChangedBy, "service")}
	fault := c.set(p, cmp.Or(call.SubAppID, p.SubAppID, m.AppID), now)
	switch {
	case call.OutTradeNo == "":
		fault = order.ParamError("out_trade_no", "must be given: an order is registered by the merchant's own number",
			"必须提供：订单按商户订单号登记")
	case fault != nil:
	case p.Change && p.Withdraw:
		fault = order.ParamError("withdraw", "and change are two calls: give one of them", "与 change 是两种调用：只能提供其一")
	case p.Withdraw && !c.isEmpty():
		fault = order.ParamError("withdraw", "changes nothing else: leave out close_at, owner, openid and total",
			"不更改其他内容：请去掉 close_at、owner、openid 与 total")
	case !p.Withdraw && c.isEmpty():
		fault = order.ParamError("change", "must come with what changes: close_at, owner, openid or total",
			"须同时给出要更改的内容：close_at、owner、openid 或 total")
	}
	if fault != nil {
		return order.Ref{}, Change{}, fault
	}
	return call.Ref, c, nil
}

// set reads what changes.
func (c *Change) set(p order.Params, appID string, now time.Time) *order.FieldError {
	owner, fault := ownerOf(p, appID)
	if fault == nil && owner != "" {
		c.Owner = &owner
		fault = owner.Validate()
	}
	if fault != nil || p.CloseAt == "" {
		return fault
	}
	at, in, fault := closeTime(p.CloseAt)
	switch {
	case fault != nil:
		return fault
	case at.IsZero():
		c.CloseIn = &in
		return nil
	case !storable(at):
		return outsideYears("close_at")
	}
	c.CloseAt = &at
	if p.Overdue {
		return nil
	}
	return Entry{CloseAt: at}.Overdue(now) // the order's creation is known to the register: see Apply
}

func (c *Change) isEmpty() bool {
	return c.CloseAt == nil && c.CloseIn == nil && c.Owner == nil && c.Total == nil
}

// Apply returns the registration after the change, made at a time, and what changed in it. The
// error is an *order.FieldError for a CloseAt before the order's creation, unless it is Overdue.
func (c *Change) Apply(e Entry, now time.Time) (Entry, []Changed, error) {
	before := e
	switch {
	case c.CloseIn != nil:
		e.CloseAt, e.CloseIn = now.Add(*c.CloseIn), 0
	case c.CloseAt != nil:
		e.CloseAt, e.CloseIn = c.CloseAt.Truncate(time.Microsecond), 0
	}
	if fault := e.beforeCreation(); fault != nil && c.CloseAt != nil && !c.Overdue {
		return Entry{}, nil, fault
	}
	if c.Owner != nil {
		e.Owner = *c.Owner
	}
	if c.Total != nil {
		e.Total = c.Total
	}
	var all []Changed
	note := func(field, was, became string) {
		if was != became {
			all = append(all, Changed{At: now, By: c.By, Field: field, Was: was, Became: became})
		}
	}
	note("close_at", before.closeText(), e.closeText())
	note("owner", string(before.Owner), string(e.Owner))
	note("total", amountText(before.Total), amountText(e.Total))
	return e, all, nil
}

// closeText is when an order is to be closed, as the parameter close_at says it.
func (e Entry) closeText() string {
	if e.CloseAt.IsZero() {
		return strconv.FormatFloat(e.CloseIn.Seconds(), 'f', -1, 64)
	}
	return e.CloseAt.UTC().Format(time.RFC3339Nano)
}

func amountText(total *int64) string {
	if total == nil {
		return ""
	}
	return strconv.FormatInt(*total, 10)
}

// Changed is one line of a registration's history.
type Changed struct {
	// At is when it was changed, by the database's clock.
	At time.Time `json:"at"`
	// By is the one that asked for it, in its own words.
	By string `json:"by"`
	// Field is the parameter: close_at, owner or total; progress when the registration was
	// withdrawn, or the order was registered anew or closed after that.
	Field string `json:"field"`
	// Was and Became are its values, empty for none.
	Was    string `json:"was"`
	Became string `json:"became"`
}

// longPast is how far back a close_at may lie without being taken for a mistake.
const longPast = 24 * time.Hour

// Overdue returns the fault of a close_at that is likely a mistake: it lies before the order's
// creation, or more than a day before now. It is nil otherwise.
func (e Entry) Overdue(now time.Time) *order.FieldError {
	if e.CloseAt.IsZero() || !e.CloseAt.Before(now.Add(-longPast)) {
		return e.beforeCreation()
	}
	return cmp.Or(e.beforeCreation(), order.ParamError("close_at",
		`is more than 24 hours past: correct it, or send "overdue": true (--overdue) to have the order closed at once`,
		`已过去 24 小时以上：请更正，或发送 "overdue": true（--overdue）以立即关单`))
}

// beforeCreation is the fault of a close_at before the order's creation.
func (e Entry) beforeCreation() *order.FieldError {
	if e.CloseAt.IsZero() || !e.CloseAt.Before(e.CreatedAt) {
		return nil
	}
	return order.ParamError("close_at",
		`lies before created_at: correct it, or send "overdue": true (--overdue) to have the order closed at once`,
		`早于 created_at：请更正，或发送 "overdue": true（--overdue）以立即关单`)
}
