package store

import (
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// moment scans a time from what a driver returns for it: a time.Time, or microseconds since 1970
// (SQLite). NULL is the zero time.
type moment struct{ time.Time }

func (m *moment) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		m.Time = time.Time{}
	case time.Time:
		m.Time = v.UTC()
	case int64:
		m.Time = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("a time came as %T", value)
	}
	return nil
}

// entryColumns are the columns of an Entry; entryValues returns them in this order.
const entryColumns = "region, mchid, sub_mchid, out_trade_no, owner, sub_appid, api, total, created_at, close_at, close_in"

// entryValues returns the arguments for entryColumns. close_in is NULL beside a close_at.
func (t tx) entryValues(e schedule.Entry) []any {
	var closeIn any
	if e.CloseAt.IsZero() {
		closeIn = e.CloseIn.Microseconds()
	}
	return []any{
		string(e.Region), e.MchID, e.SubMchID, e.OutTradeNo, string(e.Owner), e.SubAppID, string(e.API),
		optional(e.Total), t.d.at(e.CreatedAt), t.d.at(e.CloseAt), closeIn,
	}
}

// recordColumns are the columns of an order's record; scanRecord takes them in this order.
const recordColumns = "id, " + entryColumns + ", registered_at, trade_state, authenticated, progress, closing_since, due_at, " +
	"lease_until, attempts, last_error, ending, transaction_id, paid_total, paid_at, ended_at, generation, round, withdrawn_at, clock_waits"

// scanRecord reads a record, and whatever the statement selects after its columns.
func scanRecord(scan scanner, more ...any) (schedule.Record, error) {
	var r schedule.Record
	var total, closeIn, paidTotal sql.Null[int64]
	var created, closeAt, registered, closingSince, due, lease, paid, ended, withdrawn moment
	err := scan(append([]any{
		&r.ID, &r.Region, &r.MchID, &r.SubMchID, &r.OutTradeNo, &r.Owner, &r.SubAppID, &r.API, &total, &created, &closeAt, &closeIn,
		&registered, &r.TradeState, &r.Authenticated, &r.Progress, &closingSince, &due,
		&lease, &r.Attempts, &r.LastError, &r.FinalState, &r.TransactionID, &paidTotal, &paid, &ended,
		&r.Generation, &r.Round, &withdrawn, &r.ClockWaits,
	}, more...)...)
	if err != nil {
		return schedule.Record{}, err
	}
	r.Total, r.PaidTotal = pointer(total), pointer(paidTotal)
	r.CloseIn = time.Duration(closeIn.V) * time.Microsecond
	r.CreatedAt, r.CloseAt, r.RegisteredAt, r.ClosingSince = created.Time, closeAt.Time, registered.Time, closingSince.Time
	r.DueAt, r.LeaseUntil, r.PaidAt, r.EndedAt = due.Time, lease.Time, paid.Time, ended.Time
	r.WithdrawnAt, r.Progress = withdrawn.Time, told(r.Progress, withdrawn)
	return r, nil
}

// told is a progress as its column has it in the vocabulary of package schedule: kept's reverse.
func told(progress schedule.Progress, withdrawn moment) schedule.Progress {
	if progress == schedule.GaveUp && !withdrawn.IsZero() {
		return schedule.Withdrawn
	}
	return progress
}

// record is scanRecord for a statement that selects nothing more.
func record(scan scanner) (schedule.Record, error) { return scanRecord(scan) }

// row is an order's row with the columns that callers of the Store do not see.
type row struct {
	schedule.Record

	// token is that of the last claim or, before the first, of the call that registered the order.
	// Empty if it was given back.
	token string
	// now is the database's clock when the row was read.
	now time.Time
}

// rowColumns are the columns of a row; scanRow takes them in this order.
const rowColumns = recordColumns + ", token, {now}"

func scanRow(scan scanner) (r row, err error) {
	var token sql.Null[string]
	var now moment
	r.Record, err = scanRecord(scan, &token, &now)
	r.token, r.now = token.V, now.Time
	return r, err
}

// locked reads the one row for which the condition holds and locks it for the transaction. The row
// is nil if there is none.
func (t tx) locked(condition string, args ...any) (*row, error) {
	rows, err := query(t, scanRow, "SELECT "+rowColumns+" FROM cloudpay_orders WHERE "+condition+" {lock}", args...)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// refIs is the condition that selects one order; refValues are its arguments.
const refIs = "region = ? AND mchid = ? AND sub_mchid = ? AND out_trade_no = ?"

func refValues(ref order.Ref) []any {
	return []any{string(ref.Region), ref.MchID, ref.SubMchID, ref.OutTradeNo}
}

// registrable returns a NotRegisteredError for a ref that no order can have. Such a ref is not sent
// to the database: not every database takes its bytes as text.
func registrable(ref order.Ref) error {
	if ref.Validate() != nil {
		return &schedule.NotRegisteredError{Ref: ref}
	}
	return nil
}

// optional is the argument for a number that may be missing (NULL); pointer reads one.
func optional(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}

func pointer(n sql.Null[int64]) *int64 {
	if !n.Valid {
		return nil
	}
	return &n.V
}

// marks returns n placeholders with commas between them.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

// newToken returns a token that is unique and cannot be guessed.
func newToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never returns an error
	return hex.EncodeToString(b[:])
}

// The longest texts, in bytes, that the columns hold of what a gateway or a network wrote.
const (
	maxReason = 300
	maxWord   = 32
	maxNumber = 64
)

// line makes one line of a text, of at most that many bytes. It drops what a database refuses: NUL
// bytes and invalid UTF-8.
func line(text string, most int) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "?")), " ")
	if len(text) <= most {
		return text
	}
	text = text[:most]
	for !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text
}
