package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"cloudpay/internal/order"
)

// A claim reads an index from its front, where rows that were handled leave dead entries: in
// PostgreSQL until a vacuum, in InnoDB until a purge, and in both for as long as some transaction
// is open that might still see them. So each scan has a watermark in the database, which all
// processes share: no row that is still to be handled is due before it, as far as is known.
//
// Nothing becomes due before the moment it is written. But a row can be committed long after it was
// written, and then it lies below the watermark. So there are two marks, and surveys that look for
// the first live row, whether another transaction has it locked or not:
//
//   - head is where claims read from, and never later than a second ago. It is raised every two
//     seconds at most, since each update leaves a dead version of its own.
//   - low is never later than two minutes ago. Every fifteen seconds one process looks from low on
//     for rows that were committed late, and lowers head to the first. So such a row is found
//     unless its commit took more than two minutes.
//   - Every four minutes one process looks from the very beginning. That finds what programs of the
//     release before register with a close_at in the past.
//
// A database's clock that goes back at a failover needs no care: claims read from the earlier of
// head and a second ago. docs/adr/0021-the-register-ages.md has the figures.
const (
	headMargin = time.Second
	headEvery  = 2 * time.Second
	lowMargin  = 2 * time.Minute
	deepEvery  = 15 * time.Second
	fullEvery  = 4 * time.Minute
	// maxSurvey bounds a survey, so that a claim does not fail because of it.
	maxSurvey = 3 * time.Second
)

// scan is one that has a watermark.
type scan struct {
	// what is its key in cloudpay_watermarks.
	what string
	// table is its table, with the index to use, and rows the condition on one merchant's rows.
	// They are sorted by the column at.
	table, rows, at string
}

var (
	waitingOrders = scan{"waiting", "cloudpay_orders {claim}", ofMerchant + " AND progress = 'waiting'", "due_at"}
	closingOrders = scan{"closing", "cloudpay_orders {claim}", ofMerchant + " AND progress = 'closing'", "due_at"}
	newEvents     = scan{"events", "cloudpay_events {due}", ofMerchant + " AND seq IS NULL", "{occurred}"}
	dueEvents     = scan{"deliveries", "cloudpay_events {due}", ofMerchant, "due_at"}
)

// mark is a row of cloudpay_watermarks.
type mark struct {
	head, low time.Time
	// The last surveys: from head or deeper, from low or deeper, and from the beginning.
	raised, deep, full time.Time
	// now is the database's clock when the row was read.
	now time.Time
}

// due returns the mark as it is once the survey that is due has been made, and from where that
// survey looks. It returns false if none is due. A time in the future says that the clock was put
// back.
func (m mark) due() (next mark, from time.Time, is bool) {
	longAgo := func(t time.Time, every time.Duration) bool { return m.now.Sub(t) >= every || t.After(m.now) }
	next = m
	switch {
	case longAgo(m.full, fullEvery):
		next.raised, next.deep, next.full = m.now, m.now, m.now
		return next, beginning, true
	case longAgo(m.deep, deepEvery):
		next.raised, next.deep = m.now, m.now
		return next, earlier(m.low, m.now.Add(-lowMargin)), true
	case longAgo(m.raised, headEvery):
		next.raised = m.now
		return next, m.from(), true
	}
	return m, time.Time{}, false
}

// from is where claims read from.
func (m mark) from() time.Time { return earlier(m.head, m.now.Add(-headMargin)) }

// beginning is before any due time.
var beginning = time.Unix(0, 0).UTC()

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// watermark reads a scan's mark. It inserts the first.
func (t tx) watermark(key []any) (m mark, err error) {
	const reading = "SELECT head, low, raised_at, deep_at, full_at, {now} FROM cloudpay_watermarks WHERE " + ofScan
	columns := make([]moment, 6)
	dest := []any{&columns[0], &columns[1], &columns[2], &columns[3], &columns[4], &columns[5]}
	found, err := t.one(dest, reading, key...)
	if err == nil && !found {
		start := t.d.at(beginning)
		_, err = t.exec("INSERT INTO cloudpay_watermarks (region, mchid, what, head, low, raised_at, deep_at, full_at)"+
			" VALUES (?, ?, ?, ?, ?, ?, ?, ?)"+t.d.ifNew, append(key, start, start, start, start, start)...)
		if err == nil {
			_, err = t.one(dest, reading, key...)
		}
	}
	return mark{
		head: columns[0].Time, low: columns[1].Time, raised: columns[2].Time, deep: columns[3].Time, full: columns[4].Time,
		now: columns[5].Time,
	}, err
}

// ofScan is the condition that selects a watermark; scanKey returns its arguments.
const ofScan = ofMerchant + " AND what = ?"

func scanKey(of order.Account, sc scan) []any { return []any{string(of.Region), of.MchID, sc.what} }

// survey makes the survey of a scan that is due, if one is, and writes the watermark.
func (s *Store) survey(ctx context.Context, of order.Account, sc scan) error {
	if !s.surveys.begin(of, sc) {
		return nil
	}
	brief, cancel := context.WithTimeout(ctx, maxSurvey)
	defer cancel()
	err := s.surveyNow(brief, of, sc)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil // the next survey of this depth is made when it is due again
	}
	return err
}

// surveyNow takes the survey that is due in a transaction of its own, so that one process makes it
// and no other waits for the row meanwhile.
func (s *Store) surveyNow(ctx context.Context, of order.Account, sc scan) error {
	const doing = "looking for what is due"
	key := scanKey(of, sc)
	var was, next mark
	var from time.Time
	taken, err := transact(ctx, s, doing, func(t tx) (taken bool, err error) {
		if was, err = t.watermark(key); err != nil {
			return false, err
		}
		var is bool
		if next, from, is = was.due(); !is {
			return false, nil
		}
		n, err := t.exec("UPDATE cloudpay_watermarks SET raised_at = ?, deep_at = ?, full_at = ? WHERE "+ofScan+" AND raised_at = ?",
			append([]any{t.d.at(next.raised), t.d.at(next.deep), t.d.at(next.full)}, append(key, t.d.at(was.raised))...)...)
		return n > 0, err
	})
	if err != nil || !taken {
		return err
	}
	return s.do(ctx, doing, func(t tx) error {
		first, err := t.firstLive(of, sc, from, was.now)
		if err != nil {
			return err
		}
		next.head = earlier(first, was.now.Add(-headMargin))
		if next.deep.Equal(was.now) {
			next.low = earlier(first, was.now.Add(-lowMargin))
		}
		// Another survey that ended meanwhile may have lowered head below this one's, for good
		// reason.
		_, err = t.exec("UPDATE cloudpay_watermarks SET low = ?, head = CASE WHEN head = ? OR head > ? THEN ? ELSE head END WHERE "+ofScan,
			append([]any{t.d.at(next.low), t.d.at(was.head), t.d.at(next.head), t.d.at(next.head)}, key...)...)
		return err
	})
}

// firstLive returns the first due time from a time on that is in the table, or now if there is
// none before. It waits for no lock and skips no locked row: the claim that has it may be rolled
// back.
func (t tx) firstLive(of order.Account, sc scan, from, now time.Time) (time.Time, error) {
	first := moment{now}
	_, err := t.one([]any{&first}, "SELECT "+sc.at+" FROM "+sc.table+" WHERE "+sc.rows+
		" AND "+sc.at+" >= ? AND "+sc.at+" <= ? ORDER BY "+sc.at+" LIMIT 1",
		string(of.Region), of.MchID, t.d.at(from), t.d.at(now))
	return first.Time, err
}

// surveys bounds how often one process reads the watermarks to see whether a survey is due.
type surveys struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// begin reports whether the watermark of a scan is to be read. It goes by the wall clock, since the
// monotonic one may stand still while an instance is frozen.
func (s *surveys) begin(of order.Account, sc scan) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := string(of.Region) + " " + of.MchID + " " + sc.what
	now := time.Now().Round(0)
	if since := now.Sub(s.last[key]); since >= 0 && since < headEvery {
		return false
	}
	if s.last == nil {
		s.last = map[string]time.Time{}
	}
	s.last[key] = now
	return true
}
