package schedule

import (
	"errors"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
)

// IsAnswer reports whether err is one of the errors below, or says that an entry is ill formed: the
// database is well, and the same call fails again.
func IsAnswer(err error) bool {
	return isA[*NotRegisteredError](err) || isA[*ConflictError](err) || isA[*LostClaimError](err) || isA[*BusyError](err) ||
		isA[*EndedError](err) || isA[*ContradictionError](err) || isA[*TooLateError](err) ||
		isA[*WithdrawnError](err) || isA[*WentBackError](err) || isA[*order.FieldError](err)
}

func isA[T error](err error) bool {
	_, found := errors.AsType[T](err)
	return found
}

// NotRegisteredError says that the store has no such order.
type NotRegisteredError struct{ Ref order.Ref }

func (e *NotRegisteredError) Error() string { return e.Wording().EN }

// Wording is the error in both languages.
func (e *NotRegisteredError) Wording() bilingual.Text {
	return bilingual.Sprintf("order %s is not registered", "订单 %s 未登记", e.Ref)
}

// ConflictError says that the order is registered already, with other facts.
type ConflictError struct {
	Ref order.Ref
	// Field is the first parameter that differs.
	Field string
	// CloseAt is the registered time, if the two registrations differ in nothing but an absolute
	// close_at; zero otherwise.
	CloseAt time.Time
	// FinalState is how the order ended; empty if it has not.
	FinalState FinalState
}

func (e *ConflictError) Error() string { return e.Wording().EN }

// Wording is the error in both languages. A close_at that is computed anew at each call is the
// likeliest difference, so it has a remedy of its own. A registration that ended cannot be changed.
func (e *ConflictError) Wording() bilingual.Text {
	switch {
	case e.FinalState == FinalNotFound:
		return bilingual.Sprintf(
			"order %s was registered with another %s and ended, since WeChat Pay had no such order: "+
				`to register it anew, send "again": true (--again)`,
			`订单 %s 曾登记，但 %s 不同，且因微信支付无此订单而结束：如需重新登记，请发送 "again": true（--again）`, e.Ref, e.Field)
	case e.FinalState != "":
		return bilingual.Sprintf("order %s was registered with another %s and has ended (%s): an order is registered once",
			"订单 %s 曾登记，但 %s 不同，且已结束（%s）：一个订单只登记一次", e.Ref, e.Field, e.FinalState.Wording())
	case !e.CloseAt.IsZero():
		return bilingual.Sprintf(
			"order %s is registered already, to be closed at %s: a registration that is repeated has the same close_at, or one in seconds; "+
				"to move it, send change: true with the new close_at (cloudpay orders change)",
			"订单 %s 已登记，关单时间为 %s：重复登记须带相同的 close_at，或以秒数给出；如需改期，请随新的 close_at 发送 change: true（cloudpay orders change）",
			e.Ref, e.CloseAt.UTC().Format(time.RFC3339))
	}
	return bilingual.Sprintf("order %s is registered already, with another %s: an order is registered once",
		"订单 %s 已登记，但 %s 不同：一个订单只登记一次", e.Ref, e.Field)
}

// WithdrawnError says that the registration was withdrawn, and that the order is not registered
// again by a registration that does not ask for it.
type WithdrawnError struct{ Ref order.Ref }

func (e *WithdrawnError) Error() string { return e.Wording().EN }

// Wording is the error in both languages.
func (e *WithdrawnError) Wording() bilingual.Text {
	return bilingual.Sprintf(
		`the registration of order %s was withdrawn, and stays so: to register the order anew, send "again": true (--again)`,
		`订单 %s 的登记已撤回，且保持撤回：如需重新登记，请发送 "again": true（--again）`, e.Ref)
}

// Refusal returns the answer to another registration of the order, as other: nil for the same
// facts, and of a pruned order, whose facts are not known any more; a *WithdrawnError if the
// registration was withdrawn; and a *ConflictError otherwise.
func (r Record) Refusal(other Entry) error {
	conflict := &ConflictError{Ref: r.Ref, Field: r.Differs(other), FinalState: r.FinalState}
	switch {
	case r.Progress == Withdrawn:
		return &WithdrawnError{Ref: r.Ref}
	case r.Pruned, conflict.Field == "":
		return nil
	case conflict.Field == "close_at" && !other.CloseAt.IsZero():
		conflict.CloseAt = r.CloseAt
	}
	return conflict
}

// LostClaimError says that the lease ran out and another process claimed the order, or that it has
// ended. Nothing was written.
type LostClaimError struct{ Ref order.Ref }

func (e *LostClaimError) Error() string { return e.Wording().EN }

// Wording is the error in both languages.
func (e *LostClaimError) Wording() bilingual.Text {
	return bilingual.Sprintf("the claim on order %s was lost: nothing was written", "对订单 %s 的占用已失效：未写入任何内容", e.Ref)
}

// BusyError says that another process holds the claim.
type BusyError struct{ Record Record }

func (e *BusyError) Error() string { return e.Wording().EN }

// Wording is the error in both languages.
func (e *BusyError) Wording() bilingual.Text {
	return bilingual.Sprintf("order %s is being closed by another process", "订单 %s 正由其他实例关闭", e.Record.Ref)
}

// EndedError says that the order has ended, by a signed answer.
type EndedError struct{ Record Record }

func (e *EndedError) Error() string { return e.Wording().EN }

// Wording is the error in both languages.
func (e *EndedError) Wording() bilingual.Text {
	return bilingual.Sprintf("order %s has ended: %s", "订单 %s 已结束：%s", e.Record.Ref, e.Record.FinalState.Wording())
}

// TooLateError says that a registration cannot be changed or withdrawn any more: its closing has
// begun, or it has ended. Nothing was written.
type TooLateError struct{ Record Record }

func (e *TooLateError) Error() string { return e.Wording().EN }

// Wording is the error in both languages, with what can still be done.
func (e *TooLateError) Wording() bilingual.Text {
	ref := e.Record.Ref
	shows := bilingual.Sprintf("`cloudpay orders show %s` shows it", "可用 `cloudpay orders show %s` 查看", ref)
	why := bilingual.Sprintf("its closing has begun: %s", "已开始关单：%s", shows)
	switch e.Record.Progress {
	case Done:
		why = bilingual.Sprintf("it has ended (%s): %s", "已结束（%s）：%s", e.Record.FinalState.Wording(), shows)
	case GaveUp:
		why = bilingual.Sprintf("it is stuck: `cloudpay orders reopen %s` has it closed at once",
			"已放弃：可用 `cloudpay orders reopen %s` 立即重新关单", ref)
	case Withdrawn:
		why = bilingual.New("its registration is withdrawn: register it anew with the facts that are right and \"again\": true (--again)",
			"登记已撤回：请以正确的内容重新登记，并发送 \"again\": true（--again）")
	case Waiting, Closing:
	}
	return bilingual.Sprintf("order %s can no longer be changed or withdrawn: %s", "订单 %s 已不可更改或撤回：%s", ref, why)
}

// ContradictionError is an alarm: two signed answers say that the order ended in two ways. The
// first stays recorded; an event has the second.
type ContradictionError struct {
	Ref       order.Ref
	Had, Said FinalState
}

func (e *ContradictionError) Error() string { return e.Wording().EN }

// Wording is the error in both languages.
func (e *ContradictionError) Wording() bilingual.Text {
	return bilingual.Sprintf(
		"order %s was signed to have ended as %s and is now signed as %s: the first stands, look at the order at WeChat Pay",
		"订单 %s 此前经签名确认为 %s，如今又签名为 %s：以前者为准，请到微信支付核对该订单", e.Ref, e.Had.Wording(), e.Said.Wording())
}

// WentBackError says that the event behind which a reader goes on is not the one that it read: the
// database was restored, or a failover lost its last commits, and numbers came again.
type WentBackError struct {
	Of order.Account
	// Number is the number of the event that was read last.
	Number int64
}

func (e *WentBackError) Error() string { return e.Wording().EN }

// Wording is the error in both languages.
func (e *WentBackError) Wording() bilingual.Text {
	return bilingual.Sprintf("event %d of merchant %s is no longer the one that was read: a restore or a failover took event numbers back. "+
		"Read again from 0, or from a number that was read before it, and skip each eventId that was handled: docs/failover.md",
		"编号 %d 的事件（商户 %s）已不是先前读到的那一个：数据库恢复或主备切换使事件编号倒退。"+
			"请从 0 或此前读到的编号重新读取，并跳过已处理的 eventId：见 docs/failover.md", e.Number, e.Of.MchID)
}
