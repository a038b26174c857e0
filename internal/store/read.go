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

// Show returns an order's record. The error is a *schedule.NotRegisteredError if there is no such
// order.
func (s *Store) Show(ctx context.Context, ref order.Ref) (schedule.Record, error) {
	if err := registrable(ref); err != nil {
		return schedule.Record{}, err
	}
	return transact(ctx, s, "looking up order "+ref.String(), func(t tx) (schedule.Record, error) {
		found, err := query(t, record, "SELECT "+recordColumns+" FROM cloudpay_orders WHERE "+refIs, refValues(ref)...)
		if err == nil && len(found) == 0 {
			err = &schedule.NotRegisteredError{Ref: ref}
		}
		if err != nil {
			return schedule.Record{}, err
		}
		return found[0], nil
	})
}

// Clock returns the time by the database's clock, by which orders are due and leases end.
func (s *Store) Clock(ctx context.Context) (time.Time, error) {
	return transact(ctx, s, "reading the database's clock", func(t tx) (time.Time, error) {
		var now moment
		_, err := t.one([]any{&now}, "SELECT {now}")
		return now.Time, err
	})
}

// Owner returns the owner that an order was registered with, empty if it was registered without
// one. The error is a *schedule.NotRegisteredError if there is no such order.
func (s *Store) Owner(ctx context.Context, ref order.Ref) (order.Owner, error) {
	if err := registrable(ref); err != nil {
		return "", err
	}
	return transact(ctx, s, "looking up the owner of order "+ref.String(), func(t tx) (owner order.Owner, err error) {
		found, err := t.one([]any{&owner}, "SELECT owner FROM cloudpay_orders WHERE "+refIs, refValues(ref)...)
		if err == nil && !found {
			err = &schedule.NotRegisteredError{Ref: ref}
		}
		return owner, err
	})
}

// Owners returns the owners of those of the orders that are registered. Refs may be repeated. It
// makes one statement, whose text depends only on the number of refs: a look-up must not take
// longer for orders that exist, or its duration would tell a customer about other customers'
// orders.
func (s *Store) Owners(ctx context.Context, refs []order.Ref) (map[order.Ref]order.Owner, error) {
	args := make([]any, 0, 4*len(refs))
	for _, ref := range refs {
		if err := registrable(ref); err != nil {
			return nil, err
		}
		args = append(args, refValues(ref)...)
	}
	owners := make(map[order.Ref]order.Owner, len(refs))
	if len(refs) == 0 {
		return owners, nil
	}
	return transact(ctx, s, "looking up the owners of orders", func(t tx) (map[order.Ref]order.Owner, error) {
		clear(owners)
		_, err := query(t, func(scan scanner) (ref order.Ref, err error) {
			var owner order.Owner
			err = scan(&ref.Region, &ref.MchID, &ref.SubMchID, &ref.OutTradeNo, &owner)
			owners[ref] = owner
			return ref, err
		}, "SELECT region, mchid, sub_mchid, out_trade_no, owner FROM cloudpay_orders WHERE "+
			strings.Repeat(refIs+" OR ", len(refs)-1)+refIs, args...)
		return owners, err
	})
}

// maxPage bounds one page.
const maxPage = 1000

// List returns a page of a merchant's orders at one progress, up to limit of them. from is the Next
// of the page before, empty for the first page. Waiting and closing orders are sorted by the time
// they are due, the others by their registration. Orders that change their progress between two
// pages may be missing or appear twice.
func (s *Store) List(ctx context.Context, of order.Account, at schedule.Progress, from string, limit int) (schedule.Page, error) {
	due, id, err := parseCursor(from)
	if err != nil {
		return schedule.Page{}, err
	}
	limit = max(1, min(limit, maxPage))
	var condition string
	args := []any{string(of.Region), of.MchID}
	switch at {
	case schedule.Waiting, schedule.Closing:
		condition = "due_at IS NOT NULL ORDER BY due_at, id"
		if from != "" {
			// The first condition is for the index; the others skip the orders of the page before
			// that are due at the same time.
			condition = "due_at >= ? AND (due_at > ? OR id > ?) ORDER BY due_at, id"
			args = append(args, s.d.at(due), s.d.at(due), id)
		}
	case schedule.Done, schedule.GaveUp:
		condition = "due_at IS NULL AND id > ? ORDER BY id"
		args = append(args, id)
	default:
		return schedule.Page{}, fmt.Errorf("listing orders: progress must be waiting, closing, done or gaveUp, not %q", at)
	}
	return transact(ctx, s, "listing orders", func(t tx) (page schedule.Page, err error) {
		// The progress is a literal, so that the planner knows that the partial index on gaveUp
		// fits.
		page.Orders, err = query(t, record, "SELECT "+recordColumns+" FROM cloudpay_orders WHERE "+ofMerchant+
			" AND progress = '"+string(at)+"' AND "+condition+" LIMIT ?", append(args, limit)...)
		if len(page.Orders) == limit {
			last := page.Orders[limit-1]
			page.Next = cursor(last.DueAt, last.ID)
		}
		return page, err
	})
}

// cursor names a place in a list: the time at which its last order is due, in microseconds and 0
// for none, and the order's ID, both in base 36. Callers pass it on unread.
func cursor(due time.Time, id int64) string {
	micros := int64(0)
	if !due.IsZero() {
		micros = due.UnixMicro()
	}
	return strconv.FormatInt(micros, 36) + "." + strconv.FormatInt(id, 36)
}

// parseCursor reads a cursor. The empty one is the beginning of a list.
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
