package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/schedule"
)

// Clock returns the time by the database's clock, by which orders are due and leases end. A shift
// of the emulator's does not count.
func (s *Store) Clock(ctx context.Context) (time.Time, error) {
	return transact(ctx, s, "reading the database's clock", func(t tx) (time.Time, error) {
		t.d = s.d
		var now moment
		_, err := t.one([]any{&now}, "SELECT {now}")
		return now.Time, err
	})
}

// maxPage bounds one page.
const maxPage = 5000

// List returns a page of the selected orders, up to limit of them. from is the Next of the page
// before, empty for the first page. Waiting and closing orders are sorted by the time they are due,
// those that are done by their end, and those that were given up by their registration. A page is
// one short statement, however long the list is: no transaction stays open while a list is read.
// Orders that change their progress between two pages may be missing or appear twice.
func (s *Store) List(ctx context.Context, of schedule.Selection, from string, limit int) (schedule.Page, error) {
	place, err := parseCursor(from)
	if err != nil {
		return schedule.Page{}, err
	}
	selected, err := s.selecting(of)
	if err != nil {
		return schedule.Page{}, err
	}
	limit = max(1, min(limit, maxPage))
	condition, args := selected.behind(s.d, place)
	return transact(ctx, s, "listing orders", func(t tx) (page schedule.Page, err error) {
		page.Orders, err = query(t, record, "SELECT "+recordColumns+" FROM cloudpay_orders "+selected.index+" WHERE "+condition+
			" ORDER BY "+selected.sortedBy()+" LIMIT ?", append(args, limit)...)
		if len(page.Orders) == limit {
			last := page.Orders[limit-1]
			page.Next = cursor{last.DueAt, last.ID}.String()
			if of.Progress == schedule.Done {
				page.Next = cursor{last.EndedAt, last.ID}.String()
			}
		}
		return page, err
	})
}

// Count returns how many orders are selected.
func (s *Store) Count(ctx context.Context, of schedule.Selection) (int64, error) {
	selected, err := s.selecting(of)
	if err != nil {
		return 0, err
	}
	return transact(ctx, s, "counting orders", func(t tx) (n int64, err error) {
		_, err = t.one([]any{&n}, "SELECT COUNT(*) FROM cloudpay_orders WHERE "+selected.condition, selected.args...)
		return n, err
	})
}

// selected is a Selection as a condition.
type selected struct {
	condition string
	args      []any
	// moment is the column of the time by which the list is sorted before the id; empty: none.
	moment string
	// index is the hint for the index that has this order; empty: none is needed.
	index string
}

// selecting makes the condition. The progress is a literal, so that the planner knows which partial
// indexes fit.
func (s *Store) selecting(of schedule.Selection) (selected, error) {
	progress, since := of.Progress, "registered_at"
	if progress == schedule.Withdrawn {
		progress = schedule.GaveUp
	}
	c := selected{condition: ofMerchant + " AND progress = '" + string(progress) + "'", args: []any{string(of.Region), of.MchID}}
	// due_at and ended_at follow from the progress. MySQL has to be told of both: its one index is
	// sorted by the first and then by the second.
	switch of.Progress {
	case schedule.Waiting, schedule.Closing:
		c.condition += " AND due_at IS NOT NULL AND ended_at IS NULL"
		c.moment, c.index = "due_at", "{claim}"
	case schedule.Done:
		c.condition += " AND due_at IS NULL AND ended_at IS NOT NULL"
		c.moment, c.index, since = "ended_at", "{ended}", "ended_at"
	case schedule.GaveUp:
		c.condition += " AND due_at IS NULL AND ended_at IS NULL AND withdrawn_at IS NULL"
	case schedule.Withdrawn: // of which the database says gaveUp, for programs of the release before
		c.condition += " AND due_at IS NULL AND ended_at IS NULL AND withdrawn_at IS NOT NULL"
	default:
		return selected{}, fmt.Errorf("listing orders: progress must be waiting, closing, done, gaveUp or withdrawn, not %q", of.Progress)
	}
	if of.SubMchID != "" {
		c.and("sub_mchid = ?", of.SubMchID)
	}
	if !of.Since.IsZero() {
		c.and(since+" >= ?", s.d.at(of.Since))
	}
	if !of.DueBy.IsZero() {
		c.and("due_at <= ?", s.d.at(of.DueBy))
	}
	return c, nil
}

func (c *selected) and(condition string, arg any) {
	c.condition += " AND " + condition
	c.args = append(c.args, arg)
}

// behind is the condition for the orders that come after a place in the list.
func (c *selected) behind(d *dialect, place cursor) (condition string, args []any) {
	rest := selected{condition: c.condition, args: slices.Clone(c.args)}
	switch {
	case place == cursor{}:
	case c.moment == "":
		rest.and("id > ?", place.id)
	default:
		// The first condition is for the index; the others skip the orders of the page before that
		// have the same time.
		rest.and(c.moment+" >= ?", d.at(place.at))
		rest.and("("+c.moment+" > ? OR id > ?)", d.at(place.at))
		rest.args = append(rest.args, place.id)
	}
	return rest.condition, rest.args
}

// sortedBy is the order of the list, which an index has.
func (c *selected) sortedBy() string { return strings.TrimPrefix(c.moment+", id", ", ") }

// cursor is a place in a list: the time by which its last order is sorted, zero where the list is
// not sorted by one, and the order's ID. As a text it is the time in microseconds, 0 for none, and
// the ID, both in base 36. Callers pass it on unread.
type cursor struct {
	at time.Time
	id int64
}

func (c cursor) String() string {
	micros := int64(0)
	if !c.at.IsZero() {
		micros = c.at.UnixMicro()
	}
	return strconv.FormatInt(micros, 36) + "." + strconv.FormatInt(c.id, 36)
}

// parseCursor reads a cursor. The empty one is the beginning of a list.
func parseCursor(from string) (cursor, error) {
	if from == "" {
		return cursor{}, nil
	}
	a, b, _ := strings.Cut(from, ".")
	micros, err1 := strconv.ParseInt(a, 36, 64)
	id, err2 := strconv.ParseInt(b, 36, 64)
	if err1 != nil || err2 != nil {
		return cursor{}, fmt.Errorf("listing orders: %q is not a place in the list: give what the page before said, or nothing", from)
	}
	return cursor{time.UnixMicro(micros).UTC(), id}, nil
}
