package store

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Status returns how a merchant's register stands. ceiling is the configured number of calls a
// second. It reads no more than schedule.MaxCount rows for most figures, those that are due first,
// so that the figures cost little however large the register is: a sweep reads them each minute.
func (s *Store) Status(ctx context.Context, of order.Account, ceiling float64) (schedule.Status, error) {
	// Where there is no receiver, nothing else surveys the events that are due.
	if err := s.survey(ctx, of, dueEvents); err != nil {
		return schedule.Status{}, err
	}
	return transact(ctx, s, "reading how the register stands", func(t tx) (schedule.Status, error) {
		marks := map[string]mark{}
		var now time.Time
		for _, sc := range []scan{waitingOrders, closingOrders, dueEvents} {
			m, err := t.watermark(scanKey(of, sc))
			if err != nil {
				return schedule.Status{}, err
			}
			marks[sc.what], now = m, m.now
		}
		status := schedule.Status{At: now}
		var doubtful int // those of the closing ones that are due
		var oldest, oldestDoubtful, oldestEvent moment
		text, args := statusStatement(t.d, of, marks, now)
		statement, err := t.limited(text)
		if err == nil {
			_, err = t.one([]any{
				&status.Waiting, &status.Due, &oldest, &status.Closing, &doubtful, &oldestDoubtful, &status.EventsPending, &oldestEvent,
				&status.EventsDead, &status.Ended, &status.Stuck,
			}, statement, args...)
		}
		if err != nil {
			return schedule.Status{}, err
		}
		status.Due += doubtful
		status.Stuck = min(status.Stuck, schedule.MaxCount)
		status.OldestDue = max(age(now, oldest.Time), age(now, oldestDoubtful.Time))
		status.OldestEvent = age(now, oldestEvent.Time)
		q, _, _, err := t.quota([]any{string(of.Region), of.MchID}, "") // none: nothing was asked too often
		status.SetQuota(q, ceiling)
		return status, err
	})
}

// figures are columns of a Status that are read together, from a bounded number of rows.
type figures struct {
	columns []string
	rows    string
	// args are those of the columns and then those of the rows.
	args []any
}

// statusFigures are the columns in the order in which Status scans them. Of rows that are sorted by
// due times those from the watermark on are read, behind the dead entries. What is due is at the
// front of what waits.
func statusFigures(d *dialect, of order.Account, marks map[string]mark, now time.Time) []figures {
	const withdrawn = 10 // where withdrawn orders are read too, so many times as many rows are
	due := []string{"COUNT(*)", "COALESCE(SUM(CASE WHEN due_at <= ? THEN 1 ELSE 0 END), 0)", "MIN(CASE WHEN due_at <= ? THEN due_at END)"}
	all, key := []string{"COUNT(*)"}, []any{string(of.Region), of.MchID}
	byDue := func(columns []string, column string, sc scan, args ...any) figures {
		return figures{
			columns, column + " FROM " + sc.table + " WHERE " + sc.rows + " AND due_at >= ? ORDER BY due_at" + atMost(schedule.MaxCount),
			slices.Concat(args, key, []any{d.at(marks[sc.what].unhandled())}),
		}
	}
	return []figures{
		byDue(due, "due_at", waitingOrders, d.at(now), d.at(now)),
		byDue(due, "due_at", closingOrders, d.at(now), d.at(now)),
		byDue([]string{"COUNT(*)", "MIN(occurred_at)"}, "occurred_at", dueEvents),
		{all, "1 AS one FROM cloudpay_events WHERE " + ofMerchant + " AND dead_at IS NOT NULL" + atMost(schedule.MaxCount), key},
		{
			all, "1 AS one FROM cloudpay_orders {ended} WHERE " + ofMerchant +
				" AND progress = 'done' AND due_at IS NULL AND ended_at > ?" + atMost(schedule.MaxCount),
			slices.Concat(key, []any{d.at(now.Add(-time.Minute))}),
		},
		{
			[]string{"COUNT(*) - COUNT(withdrawn_at)"}, "withdrawn_at FROM cloudpay_orders {claim} WHERE " + ofMerchant +
				" AND progress = 'gaveUp' AND {stuck} ORDER BY id DESC" + atMost(withdrawn*schedule.MaxCount), key,
		},
	}
}

func atMost(rows int) string { return " LIMIT " + strconv.Itoa(rows) }

// statusStatement is one SELECT of all figures, and its arguments.
func statusStatement(d *dialect, of order.Account, marks map[string]mark, now time.Time) (statement string, args []any) {
	all := statusFigures(d, of, marks, now)
	var columns []string
	tables := make([]string, len(all))
	for i, f := range all {
		read, inner := "f"+strconv.Itoa(i), make([]string, len(f.columns))
		for j, column := range f.columns {
			name := "c" + strconv.Itoa(j)
			inner[j], columns = column+" AS "+name, append(columns, read+"."+name)
		}
		tables[i] = "(SELECT " + strings.Join(inner, ", ") + " FROM (SELECT " + f.rows + ") AS r" + strconv.Itoa(i) + ") AS " + read
		args = append(args, f.args...)
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM " + strings.Join(tables, ", "), args
}

// age is for how many seconds something has been there; 0 for the zero time.
func age(now, since time.Time) float64 {
	if since.IsZero() {
		return 0
	}
	return max(0, now.Sub(since).Round(time.Millisecond).Seconds())
}

// StatusBySubMerchant returns the parts of a merchant's register, one for each sub-merchant that
// has orders to be closed, or had one that ended within the last minute, or has events to be
// delivered; sorted by number. It reads all such rows.
func (s *Store) StatusBySubMerchant(ctx context.Context, of order.Account) ([]schedule.Status, error) {
	return transact(ctx, s, "reading how the register stands", func(t tx) ([]schedule.Status, error) {
		key := []any{string(of.Region), of.MchID}
		var now moment
		if _, err := t.one([]any{&now}, "SELECT {now}"); err != nil {
			return nil, err
		}
		parts := map[string]*schedule.Status{}
		part := func(sub string) *schedule.Status {
			if parts[sub] == nil {
				parts[sub] = &schedule.Status{At: now.Time, SubMchID: sub}
			}
			return parts[sub]
		}
		if err := t.unendedBySub(key, now.Time, part); err != nil {
			return nil, err
		}
		if err := t.endedBySub(key, now.Time, part); err != nil {
			return nil, err
		}
		if err := t.eventsBySub(key, now.Time, part); err != nil {
			return nil, err
		}
		return sorted(parts), nil
	})
}

func sorted(parts map[string]*schedule.Status) []schedule.Status {
	all := make([]schedule.Status, 0, len(parts))
	for _, part := range parts {
		all = append(all, *part)
	}
	slices.SortFunc(all, func(a, b schedule.Status) int { return strings.Compare(a.SubMchID, b.SubMchID) })
	return all
}

// unendedBySub counts the orders that have not ended.
func (t tx) unendedBySub(key []any, now time.Time, part func(string) *schedule.Status) error {
	_, err := query(t, func(scan scanner) (struct{}, error) {
		var sub string
		var progress schedule.Progress
		var n, due int
		var oldest moment
		err := scan(&sub, &progress, &n, &due, &oldest)
		p := part(sub)
		switch progress {
		case schedule.Waiting:
			p.Waiting += n
		case schedule.Closing:
			p.Closing += n
		default:
			p.Stuck += n
		}
		p.Due += due
		p.OldestDue = max(p.OldestDue, age(now, oldest.Time))
		return struct{}{}, err
	}, "SELECT sub_mchid, progress, COUNT(*), SUM(CASE WHEN due_at <= {now} THEN 1 ELSE 0 END),"+
		" MIN(CASE WHEN due_at <= {now} THEN due_at END) FROM cloudpay_orders WHERE "+ofMerchant+
		" AND progress IN ('waiting', 'closing', 'gaveUp') AND withdrawn_at IS NULL GROUP BY sub_mchid, progress", key...)
	return err
}

// endedBySub counts the orders that ended within the last minute.
func (t tx) endedBySub(key []any, now time.Time, part func(string) *schedule.Status) error {
	_, err := query(t, func(scan scanner) (struct{}, error) {
		var sub string
		var n int
		err := scan(&sub, &n)
		part(sub).Ended += n
		return struct{}{}, err
	}, "SELECT sub_mchid, COUNT(*) FROM cloudpay_orders WHERE "+ofMerchant+
		" AND progress = 'done' AND due_at IS NULL AND ended_at > ? GROUP BY sub_mchid",
		append(slices.Clone(key), t.d.at(now.Add(-time.Minute)))...)
	return err
}

// eventsBySub counts the events that were not delivered.
func (t tx) eventsBySub(key []any, now time.Time, part func(string) *schedule.Status) error {
	for _, dead := range []bool{false, true} {
		rows := " AND due_at IS NOT NULL"
		if dead {
			rows = " AND dead_at IS NOT NULL"
		}
		_, err := query(t, func(scan scanner) (struct{}, error) {
			var sub string
			var n int
			var oldest moment
			err := scan(&sub, &n, &oldest)
			if p := part(sub); dead {
				p.EventsDead += n
			} else {
				p.EventsPending += n
				p.OldestEvent = max(p.OldestEvent, age(now, oldest.Time))
			}
			return struct{}{}, err
		}, "SELECT sub_mchid, COUNT(*), MIN(occurred_at) FROM cloudpay_events WHERE "+ofMerchant+rows+" GROUP BY sub_mchid", key...)
		if err != nil {
			return err
		}
	}
	return nil
}
