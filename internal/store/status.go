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
// second. Counts stop at schedule.MaxCount, so that the figures cost little however large the
// register is: a sweep reads them each minute.
func (s *Store) Status(ctx context.Context, of order.Account, ceiling float64) (schedule.Status, error) {
	return transact(ctx, s, "reading how the register stands", func(t tx) (schedule.Status, error) {
		m, err := t.watermark(scanKey(of, waitingOrders))
		if err != nil {
			return schedule.Status{}, err
		}
		doubt, err := t.watermark(scanKey(of, closingOrders))
		if err != nil {
			return schedule.Status{}, err
		}
		status := schedule.Status{At: m.now}
		var oldest [3]moment
		doubtful := 0 // those of the closing ones that are due
		statement, args := statusStatement(t.d, of, earlier(earlier(m.low, doubt.low), m.now.Add(-lowMargin)), m.now)
		if _, err = t.one([]any{
			&status.Waiting, &status.Due, &oldest[0], &status.Closing, &doubtful, &oldest[1], &status.Stuck, &status.Ended,
			&status.EventsPending, &oldest[2], &status.EventsDead,
		}, statement, args...); err != nil {
			return schedule.Status{}, err
		}
		status.Due += doubtful
		due := oldest[0].Time
		if closing := oldest[1].Time; due.IsZero() || !closing.IsZero() && closing.Before(due) {
			due = closing
		}
		status.OldestDue, status.OldestEvent = age(m.now, due), age(m.now, oldest[2].Time)
		q, _, _, err := t.quota([]any{string(of.Region), of.MchID}, "") // none: nothing was asked too often
		status.SetQuota(q, ceiling)
		return status, err
	})
}

// figure is one column of a Status: what it selects, from which table, and which rows.
type figure struct{ what, table, rows string }

// statusFigures are the columns in the order in which Status scans them. Rows that are due are
// looked for from the watermark on.
var statusFigures = []figure{
	{"", "cloudpay_orders {claim}", "progress = 'waiting' AND due_at IS NOT NULL"},
	{"", "cloudpay_orders {claim}", "progress = 'waiting' AND due_at >= {from} AND due_at <= {now}"},
	{"MIN(due_at)", "cloudpay_orders {claim}", "progress = 'waiting' AND due_at >= {from} AND due_at <= {now}"},
	{"", "cloudpay_orders {claim}", "progress = 'closing' AND due_at IS NOT NULL"},
	{"", "cloudpay_orders {claim}", "progress = 'closing' AND due_at >= {from} AND due_at <= {now}"},
	{"MIN(due_at)", "cloudpay_orders {claim}", "progress = 'closing' AND due_at >= {from} AND due_at <= {now}"},
	{"", "cloudpay_orders", "progress = 'gaveUp' AND withdrawn_at IS NULL"},
	{"", "cloudpay_orders", "progress = 'done' AND due_at IS NULL AND ended_at > {minute}"},
	{"", "cloudpay_events", "due_at IS NOT NULL"},
	{"MIN(occurred_at)", "cloudpay_events", "due_at IS NOT NULL"},
	{"", "cloudpay_events", "dead_at IS NOT NULL"},
}

// statusStatement is one SELECT of all figures, and its arguments.
func statusStatement(d *dialect, of order.Account, from, now time.Time) (string, []any) {
	columns := make([]string, len(statusFigures))
	var args []any
	for i, f := range statusFigures {
		rows := ofMerchant + " AND " + f.rows
		args = append(args, string(of.Region), of.MchID)
		for _, word := range []struct {
			name string
			at   time.Time
		}{{"{from}", from}, {"{minute}", now.Add(-time.Minute)}} {
			if strings.Contains(rows, word.name) {
				rows = strings.ReplaceAll(rows, word.name, "?")
				args = append(args, d.at(word.at))
			}
		}
		column := "SELECT " + f.what + " FROM " + f.table + " WHERE " + rows
		if f.what == "" {
			column = "SELECT COUNT(*) FROM (SELECT 1 FROM " + f.table + " WHERE " + rows + " LIMIT " + strconv.Itoa(schedule.MaxCount) + ") n"
		}
		columns[i] = "(" + column + ")"
	}
	return "SELECT " + strings.Join(columns, ", "), args
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
