package console

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"cloudpay/internal/bilingual"
)

// moment is something that is to come of an order, by the emulator's clock.
type moment struct {
	At   time.Time
	What bilingual.Text
	// In is the time until then, in words.
	In string
	// Curl is the advance to it as a command.
	Curl string
}

// abandoned is the age at which WeChat Pay closes an unpaid order by itself.
const abandoned = 7 * 24 * time.Hour

// moments are what is to come, the next first. A time that is past is none: what was due then
// happens without the clock being moved.
//
//	DueAt of the register       the order is attempted by the next sweep
//	a timer's firing from then  which sweeps
//	due of a notification       it is sent again
//	time_expire                 the order can no longer be paid
//	seven days                  WeChat Pay closes the unpaid order
func (t *chronicle) moments() []moment {
	all := slices.Concat(t.orderMoments(), t.registerMoments(), t.notificationMoments())
	all = slices.DeleteFunc(all, func(m moment) bool { return !m.At.After(t.order.Now) })
	slices.SortStableFunc(all, func(a, b moment) int { return a.At.Compare(b.At) })
	for i := range all {
		left := all[i].At.Sub(t.order.Now)
		all[i].In = t.T("in "+t.Duration(left), t.Duration(left)+"后")
		all[i].Curl = t.api.advancing(advanceTo(all[i].At, t.order.Now)).curl()
	}
	return all
}

// orderMoments are those of an open order of WeChat Pay.
func (t *chronicle) orderMoments() []moment {
	o := t.order.WeChat
	if o == nil || isSettled(o.State) {
		return nil
	}
	all := []moment{{At: o.CreatedAt.Add(abandoned), What: bilingual.New("WeChat Pay closes the unpaid order", "微信支付自动关闭未支付订单")}}
	if !o.TimeExpire.IsZero() {
		all = append(all, moment{At: o.TimeExpire, What: bilingual.New("it can no longer be paid (time_expire)", "不再能支付（time_expire）")})
	}
	return all
}

// registerMoments are when the order is due in the register, and the next firing of each timer from
// then on, which sees to it. Only timers that fire by themselves count.
func (t *chronicle) registerMoments() (all []moment) {
	r := t.order.Register
	if r == nil || r.Progress == Ended || r.Progress == Withdrawn || r.DueAt.IsZero() {
		return nil
	}
	what := bilingual.New("it is due to be closed (close_at)", "到期关单（close_at）")
	if r.DueAt.After(r.CloseAt) && r.Attempts > 0 {
		what = bilingual.New("the register tries again", "登记再次处理")
	}
	all = append(all, moment{At: r.DueAt, What: what})
	var answer struct{ Timers []timer }
	if err := t.get(t.api.cloud+"/v1/timers", &answer); err != nil {
		return all // without the timers
	}
	for _, one := range answer.Timers {
		next := slices.IndexFunc(one.Next, func(at time.Time) bool { return !at.Before(r.DueAt) && at.After(t.order.Now) })
		if one.Running && next >= 0 {
			fires := bilingual.Sprintf("the timer %s of %s fires", "定时器 %s（%s）触发", one.Name, one.Function)
			all = append(all, moment{At: one.Next[next], What: fires})
		}
	}
	return all
}

// notificationMoments are when the notifications that were not acknowledged are sent again.
func (t *chronicle) notificationMoments() (all []moment) {
	for _, one := range t.notifications {
		if one.State == "pending" && !one.Due.IsZero() {
			again := bilingual.Sprintf("WeChat Pay notifies again (attempt %d)", "微信支付再次通知（第 %d 次）", len(one.Attempts)+1)
			all = append(all, moment{At: one.Due, What: again})
		}
	}
	return all
}

// advanceTo is the advance from now to a moment, as the management API reads it: in whole seconds,
// rounded up, so that the moment is reached.
func advanceTo(moment, now time.Time) string {
	left := moment.Sub(now)
	whole := left.Truncate(time.Second)
	if whole < left {
		whole += time.Second
	}
	return whole.String()
}

// moveTo moves the clock on to a moment of an order's page, and shows what came of it. The form has
// the moment and not the advance: a page that was open for a while would otherwise lead beyond it.
func (c *Console) moveTo(w http.ResponseWriter, r *http.Request) {
	l := languageOf(r)
	done := &deed{}
	at, err := time.Parse(time.RFC3339, r.PostFormValue("moment"))
	now := c.clock(r.Context())
	switch {
	case err != nil:
		done.Wrong = bilingual.New("the moment must be as 2026-11-30T18:30:00+08:00", "时刻须写作 2026-11-30T18:30:00+08:00")
	case now == nil:
		done.Wrong = bilingual.New("the clock cannot be read", "无法读取时钟")
	case !at.After(now.Now):
		done.Said = bilingual.Sprintf("It is %s already: the clock was not moved.", "现在已是 %s，时钟未移动。", inBeijing(now.Now))
	default:
		by := advanceTo(at, now.Now)
		done.Curl = c.api.advancing(by).curl()
		moved, came, refused, waited := c.moveOn(r.Context(), l, by)
		done.Wrong = bilingual.Wording(refused)
		if refused == nil {
			done.Wrong, done.Called = bilingual.Wording(waited), came
			done.Said = bilingual.Sprintf("The clock was moved on by %s, to %s.", "时钟已前进 %s，现为 %s。", by, inBeijing(moved.Now))
		}
	}
	c.orderPage(w, r, done)
}

// orderLink is the address of the page that a form of an order's page came from.
func orderLink(r *http.Request) string {
	query := r.URL.Query()
	return withQuery("/orders/"+url.PathEscape(r.PathValue("number")), "mchid", query.Get("mchid"), "sub_mchid", query.Get("sub_mchid"))
}
