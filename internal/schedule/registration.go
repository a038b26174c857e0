package schedule

import (
	"cmp"
	"errors"
	"strconv"
	"time"

	"cloudpay/internal/order"
)

// NewEntry makes an Entry of a caller's parameters, or an error that says what is wrong with them.
// Whether the caller may name an owner has been checked before.
func NewEntry(m order.Merchant, p order.Params) (Entry, error) {
	call, err := m.CloseCall(p)
	if err != nil {
		return Entry{}, err
	}
	if call.OutTradeNo == "" {
		return Entry{}, order.ParamError("close_at", "needs an out_trade_no: an order is kept and closed by the merchant's own number",
			"需要 out_trade_no：订单按商户订单号登记和关闭")
	}
	e := Entry{Ref: call.Ref, API: p.API, Total: p.Total, CreatedAt: p.CreatedAt}
	if m.Partner {
		e.SubAppID = p.SubAppID
	}
	owner, fault := ownerOf(p, cmp.Or(call.SubAppID, p.SubAppID, m.AppID))
	if fault == nil {
		e.Owner = owner
		e.CloseAt, e.CloseIn, fault = closeTime(p.CloseAt)
	}
	if fault == nil {
		fault = e.Validate()
	}
	if fault != nil {
		return Entry{}, fault
	}
	return e, nil
}

// ownerOf is the owner that the caller names; empty when it names none.
func ownerOf(p order.Params, appID string) (order.Owner, *order.FieldError) {
	switch {
	case p.OpenID == "":
		return p.Owner, nil
	case p.Owner != "" && p.Owner != order.WeChatOwner(appID, p.OpenID):
		return "", order.ParamError("openid", "give either openid or owner, not both", "openid 与 owner 只能提供一个")
	case appID == "":
		return "", order.ParamError("openid", "names nobody without the appid that it belongs to: give sub_appid, or configure WXPAY_APPID",
			"须与所属 appid 一起才能确定用户：请提供 sub_appid，或配置 WXPAY_APPID")
	}
	return order.WeChatOwner(appID, p.OpenID), nil
}

// closeTime reads close_at: a time, or how long from now.
func closeTime(text string) (at time.Time, in time.Duration, fault *order.FieldError) {
	if text == "" {
		return time.Time{}, 0, nil
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		if seconds < 0 || seconds > int64(maxCloseIn/time.Second) {
			return time.Time{}, 0, order.ParamError("close_at",
				"must be at most ten years from now, and not before", "须在此刻之后、十年之内")
		}
		return time.Time{}, time.Duration(seconds) * time.Second, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, 0, order.ParamError("close_at",
			`must be a time such as "2026-11-22T18:30:00+08:00" (RFC 3339), or a number of seconds from now`,
			`须为 RFC 3339 时间，如 "2026-11-22T18:30:00+08:00"，或距此刻的秒数`)
	}
	return at, 0, nil
}

// InWordsOf renames the owner in a ConflictError to the parameter that the caller used: openid,
// unless it was owner. Other errors are returned as they are.
func InWordsOf(p order.Params, err error) error {
	conflict, is := errors.AsType[*ConflictError](err)
	if !is || conflict.Field != "owner" || p.Owner != "" {
		return err
	}
	renamed := *conflict
	renamed.Field = "openid"
	return &renamed
}
