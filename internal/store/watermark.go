package store

import (
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
//   - head is where claims read from, and never later than a second ago. Every two seconds at most
//     one process reads from there on, and raises head to the first live row: each update leaves a
//     dead version of its own.
//   - low is never later than two minutes ago. Every fifteen seconds the range from low to head is
//     read for rows that were committed late, and head is lowered to the first. So such a row is
//     found unless its commit took more than two minutes.
//   - Every four minutes the range from the very beginning to low is read. That finds what programs
//     of the release before register with a close_at in the past.
//
// survey.go has the reading. A database's clock that goes back at a failover needs no care: claims
// read from the earlier of head and a second ago. docs/adr/0021-the-register-ages.md has the
// figures.
const (
	headMargin = time.Second
	headEvery  = 2 * time.Second
	lowMargin  = 2 * time.Minute
	deepEvery  = 15 * time.Second
	fullEvery  = 4 * time.Minute
	// fullLate is after how long without a completed full pass Status counts what only such a pass
	// finds.
	fullLate = 2 * fullEvery
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
	// place is up to where the full pass under way has read; zero if none is under way.
	place time.Time
	// span bounds the part of a range that one statement reads; 0: nothing was slow.
	span time.Duration
	// raised is when the last survey began; deep and full are when the last pass from low and the
	// last one from the beginning were completed.
	raised, deep, full time.Time
	// now is the database's clock when the row was read.
	now time.Time
}

// isLongAgo reports whether a time is at least so long ago. A time in the future is: the clock was
// put back.
func (m mark) isLongAgo(t time.Time, ago time.Duration) bool {
	return m.now.Sub(t) >= ago || t.After(m.now)
}

// from is where claims read from.
func (m mark) from() time.Time { return earlier(m.head, m.now.Add(-headMargin)) }

// begun is where the full pass under way reads on.
func (m mark) begun() time.Time {
	if m.place.IsZero() {
		return beginning
	}
	return m.place
}

// unhandled is from where rows are counted that are still to be handled. While no full pass was
// completed in time, it is where the one under way reads on: before that place is no such row.
func (m mark) unhandled() time.Time {
	from := earlier(m.from(), earlier(m.low, m.now.Add(-lowMargin)))
	if m.isLongAgo(m.full, fullLate) {
		from = earlier(from, m.begun())
	}
	return from
}

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
	const reading = "SELECT head, low, full_to, raised_at, deep_at, full_at, span, {now} FROM cloudpay_watermarks WHERE " + ofScan
	columns := make([]moment, 7)
	var span int64
	dest := []any{&columns[0], &columns[1], &columns[2], &columns[3], &columns[4], &columns[5], &span, &columns[6]}
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
		head: columns[0].Time, low: columns[1].Time, place: columns[2].Time, span: time.Duration(span) * time.Microsecond,
		raised: columns[3].Time, deep: columns[4].Time, full: columns[5].Time, now: columns[6].Time,
	}, err
}

// ofScan is the condition that selects a watermark; scanKey returns its arguments.
const ofScan = ofMerchant + " AND what = ?"

func scanKey(of order.Account, sc scan) []any { return []any{string(of.Region), of.MchID, sc.what} }
