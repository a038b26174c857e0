package store

import (
	"context"
	"sync"
	"time"

	"cloudpay/internal/deadline"
	"cloudpay/internal/order"
)

const (
	// surveyShare is the part of an operation's time that a survey before it may take, 1/3 of what
	// is left, and maxSurvey bounds it.
	surveyShare = 3
	maxSurvey   = 3 * time.Second
	// narrower is by how much a part of a range is narrowed that could not be read in time, and
	// wider by how much the next one is widened after one that was read quickly.
	narrower, wider = 16, 4
	minSpan         = time.Millisecond
)

// survey makes the survey of a scan that is due, if one is, and writes the watermark. It takes a
// share of ctx's time. What it could not read by then, later surveys read: each goes on where the
// one before it stopped.
func (s *Store) survey(ctx context.Context, of order.Account, sc scan) error {
	if !s.surveys.begin(of, sc) {
		return nil
	}
	brief, cancel := deadline.Share(ctx, surveyShare, maxSurvey)
	defer cancel()
	was, taken, err := s.takeTurn(brief, of, sc)
	if err != nil || !taken {
		return s.unlessLate(ctx, err)
	}
	r := surveyor{Store: s, of: of, scan: sc, was: was, next: was}
	if err := s.unlessLate(ctx, r.read(brief)); err != nil {
		return err
	}
	return r.write(ctx)
}

// unlessLate is the error of a survey, nil if only its share of the time is over.
func (s *Store) unlessLate(ctx context.Context, err error) error {
	if s.fault(err) == faultLate && ctx.Err() == nil {
		return nil
	}
	return err
}

const surveying = "looking for what is due"

// takeTurn takes the survey that is due, so that one process makes it.
func (s *Store) takeTurn(ctx context.Context, of order.Account, sc scan) (was mark, taken bool, err error) {
	key := scanKey(of, sc)
	taken, err = transact(ctx, s, surveying, func(t tx) (taken bool, err error) {
		if was, err = t.watermark(key); err != nil || !was.isLongAgo(was.raised, headEvery) {
			return false, err
		}
		n, err := t.exec("UPDATE cloudpay_watermarks SET raised_at = ? WHERE "+ofScan+" AND raised_at = ?",
			append([]any{t.d.at(was.now)}, append(key, t.d.at(was.raised))...)...)
		return n > 0, err
	})
	return was, taken, err
}

// surveyor makes one survey. It reads ranges in parts. A part that cannot be read in time, since it
// has too many dead entries, is read again as narrower ones; the parts before it stay read.
type surveyor struct {
	*Store

	of   order.Account
	scan scan
	// was is the mark as it was, and next is what it becomes.
	was, next mark
}

// reading is what was read of a range.
type reading struct {
	// end is up to where it was read: to the first live row, if live.
	end  time.Time
	live bool
	// whole: there is nothing left to be read.
	whole bool
}

// read reads the ranges that are due: first what claims read, and then what lies before it. Each
// counts as read at the moment when the survey began: what was committed by then is found.
func (r *surveyor) read(ctx context.Context) error {
	was, next := r.was, &r.next
	head, err := r.readRange(ctx, was.from(), was.now)
	next.head = earlier(head.end, was.now.Add(-headMargin))
	if err != nil || !head.whole || !was.isLongAgo(was.deep, deepEvery) {
		return err
	}
	isFullDue := was.isLongAgo(was.full, fullEvery)
	low := earlier(was.low, was.now.Add(-lowMargin))
	if err := r.readDeep(ctx, low, isFullDue); err != nil || !isFullDue {
		return err
	}
	return r.readFull(ctx, low)
}

// readDeep reads from low to where claims read from. It leaves half of the time to a full pass that
// is due.
func (r *surveyor) readDeep(ctx context.Context, low time.Time, isFullDue bool) error {
	if isFullDue {
		var cancel context.CancelFunc
		ctx, cancel = deadline.Share(ctx, 2, maxSurvey)
		defer cancel()
	}
	deep, err := r.readRange(ctx, low, r.was.from())
	if deep.whole {
		r.next.deep = r.was.now
	}
	if deep.whole && !deep.live { // and what claims read was read before
		deep.end = r.next.head
	}
	r.found(deep)
	r.next.low = earlier(deep.end, r.was.now.Add(-lowMargin))
	return err
}

// readFull reads from the beginning to low, or goes on with it.
func (r *surveyor) readFull(ctx context.Context, low time.Time) error {
	full, err := r.readRange(ctx, r.was.begun(), low)
	r.found(full)
	if r.next.place = full.end; full.whole {
		r.next.full, r.next.place = r.was.now, time.Time{}
	}
	return err
}

// found lowers head to a live row that is due before it. Only a survey that reads on from there
// raises it again, so that the row is not passed.
func (r *surveyor) found(in reading) {
	if in.live {
		r.next.head = earlier(r.next.head, in.end)
	}
}

// readRange reads a range of due times up to the first live row. If the time is up before, it
// returns how far it came.
func (r *surveyor) readRange(ctx context.Context, from, to time.Time) (reading, error) {
	got := reading{end: from, whole: !from.Before(to)}
	if got.whole {
		return got, nil
	}
	until, _ := ctx.Deadline()
	half := time.Until(until) / 2
	var size time.Duration // of the part that is being read
	err := r.do(ctx, surveying, func(t tx) error {
		for !got.whole && time.Until(until) >= half {
			end := r.next.part(got.end, to)
			size = end.Sub(got.end)
			began := time.Now()
			first, live, err := t.firstLive(r.of, r.scan, got.end, end)
			if err != nil {
				return err
			}
			r.next.span = r.next.fitted(size, time.Since(began), half)
			got, size = reading{end: first, live: live, whole: live || end.Equal(to)}, 0
		}
		return nil
	})
	if r.fault(err) == faultLate && size > 0 {
		r.next.span = max(size/narrower, minSpan)
		return got, nil
	}
	return got, err
}

// part is the end of the next part of a range to be read. A long range is always read in parts:
// most dead entries lie near its end.
func (m mark) part(from, to time.Time) time.Time {
	size := to.Sub(from)
	if size > lowMargin {
		size -= size / narrower
	}
	if m.span > 0 {
		size = min(size, m.span)
	}
	return from.Add(size)
}

// fitted is the span for the parts that are read next, by how long it took to read one.
func (m mark) fitted(size, took, limit time.Duration) time.Duration {
	const years = 30 * 365 * 24 * time.Hour
	switch {
	case took > limit/2:
		return max(size/2, minSpan)
	case size < m.span || took > limit/8:
		return m.span
	case m.span > years:
		return 0
	}
	return m.span * wider
}

// firstLive returns the first due time in a range that is in the table, and the range's end if
// there is none. It waits for no lock and skips no locked row: the claim that has it may be rolled
// back. The server gives it up a little before the caller would.
func (t tx) firstLive(of order.Account, sc scan, from, to time.Time) (first time.Time, live bool, err error) {
	statement, err := t.limited("SELECT " + sc.at + " FROM " + sc.table + " WHERE " + sc.rows +
		" AND " + sc.at + " >= ? AND " + sc.at + " <= ? ORDER BY " + sc.at + " LIMIT 1")
	if err != nil {
		return to, false, err
	}
	at := moment{to}
	live, err = t.one([]any{&at}, statement, string(of.Region), of.MchID, t.d.at(from), t.d.at(to))
	return at.Time, live, err
}

// write writes what the survey found. Marks are raised only if they are as they were: another
// survey that ended meanwhile may have lowered head, for good reason.
func (r *surveyor) write(ctx context.Context) error {
	was, next := r.was, r.next
	return r.do(ctx, surveying, func(t tx) error {
		at := t.d.at
		args := []any{
			at(was.head), at(next.head), at(next.head), at(was.low), at(next.low),
			at(was.place), at(next.place), next.span.Microseconds(), at(next.deep), at(next.full),
		}
		_, err := t.exec("UPDATE cloudpay_watermarks SET head = CASE WHEN head = ? OR head > ? THEN ? ELSE head END,"+
			" low = CASE WHEN low = ? THEN ? ELSE low END, full_to = CASE WHEN full_to {same} ? THEN ? ELSE full_to END,"+
			" span = ?, deep_at = ?, full_at = ? WHERE "+ofScan, append(args, scanKey(r.of, r.scan)...)...)
		return err
	})
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
