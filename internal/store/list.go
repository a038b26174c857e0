package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Show returns a registered order and where it stands; *order.NotRegisteredError when there is no such order.
func (s *Store) Show(ctx context.Context, ref order.Ref) (schedule.Record, error) {
	if err := registrable(ref); err != nil {
		return schedule.Record{}, err
	}
	var standing schedule.Record
	err := s.do(ctx, "looking up order "+ref.String(), func(t tx) error {
		found := false
		err := t.each(func(scan func(...any) error) (err error) {
			found = true
			standing, err = scanStanding(scan)
			return err
		}, "SELECT "+standingColumns+" FROM cloudpay_orders WHERE "+refIs, refValues(ref)...)
		if err == nil && !found {
			err = &schedule.NotRegisteredError{Ref: ref}
		}
		return err
	})
	return standing, err
}

// List returns a merchant's orders that stand at one progress, up to limit of them, from where an earlier page's Next says
// ("" for the first): those that are to be claimed in the order they are due in, the others in the order they were
// registered in. Orders that change their progress while the pages are read may be missed or seen twice.
func (s *Store) List(ctx context.Context, of order.Account, at schedule.Progress, from string, limit int) (schedule.Page, error) {
	due, id, err := parseCursor(from)
	if err != nil {
		return schedule.Page{}, err
	}
	limit = max(1, min(limit, maxPage))
	condition, args := "due_at IS NULL AND id > ? ORDER BY id", []any{id}
	if at == schedule.Waiting || at == schedule.Closing {
		condition, args = "due_at IS NOT NULL ORDER BY due_at, id", nil
		if from != "" {
			condition = "due_at >= ? AND (due_at > ? OR id > ?) ORDER BY due_at, id"
			args = []any{s.d.at(due), s.d.at(due), id}
		}
	}
	if !progresses[at] {
		return schedule.Page{}, fmt.Errorf("listing orders: progress must be waiting, closing, done or gaveUp, not %q", at)
	}
	var page schedule.Page
	err = s.do(ctx, "listing orders", func(t tx) error {
		page = schedule.Page{}
		// The progress stands in the statement itself, so that an index of the stuck alone is known to fit.
		return t.each(func(scan func(...any) error) error {
			standing, err := scanStanding(scan)
			page.Orders = append(page.Orders, standing)
			return err
		}, "SELECT "+standingColumns+" FROM cloudpay_orders WHERE region = ? AND mchid = ? AND progress = '"+string(at)+"' AND "+
			condition+" LIMIT ?", append(append([]any{string(of.Region), of.MchID}, args...), limit)...)
	})
	if err == nil && len(page.Orders) == limit {
		last := page.Orders[limit-1]
		page.Next = cursor(last.DueAt, last.ID)
	}
	return page, err
}

var progresses = map[schedule.Progress]bool{schedule.Waiting: true, schedule.Closing: true, schedule.Done: true, schedule.GaveUp: true}

// maxPage bounds one page.
const maxPage = 1000

// cursor is a place in a list: microseconds and an id. Callers pass it on as it is.
func cursor(due time.Time, id int64) string {
	micros := int64(0)
	if !due.IsZero() {
		micros = due.UnixMicro()
	}
	return strconv.FormatInt(micros, 36) + "." + strconv.FormatInt(id, 36)
}

func parseCursor(from string) (due time.Time, id int64, err error) {
	if from == "" {
		return time.Time{}, 0, nil
	}
	a, b, _ := strings.Cut(from, ".")
	micros, err1 := strconv.ParseInt(a, 36, 64)
	id, err2 := strconv.ParseInt(b, 36, 64)
	if err1 != nil || err2 != nil {
		return time.Time{}, 0, fmt.Errorf("listing orders: %q is not a place in the list: give what the page before said, or nothing", from)
	}
	return time.UnixMicro(micros).UTC(), id, nil
}
