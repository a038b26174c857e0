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

// moment scans a time from whatever a database gives for it.
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

// entryColumns are the facts that are registered; entryValues gives them in this order.
const entryColumns = "region, mchid, sub_mchid, out_trade_no, owner, sub_appid, api, total, created_at, close_at, close_in"

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

// standingColumns are a whole order's; scanStanding takes them in this order.
const standingColumns = "id, " + entryColumns + ", registered_at, trade_state, authenticated, progress, closing_since, due_at, " +
	"lease_until, attempts, last_error, ending, transaction_id, paid_total, paid_at, ended_at"

// scanStanding reads an order, and what the statement has after its columns.
func scanStanding(scan func(...any) error, more ...any) (schedule.Record, error) {
	var s schedule.Record
	var total, closeIn, paidTotal sql.Null[int64]
	var created, closeAt, registered, closingSince, due, lease, paid, ended moment
	err := scan(append([]any{
		&s.ID, &s.Region, &s.MchID, &s.SubMchID, &s.OutTradeNo, &s.Owner, &s.SubAppID, &s.API, &total, &created, &closeAt, &closeIn,
		&registered, &s.TradeState, &s.Authenticated, &s.Progress, &closingSince, &due,
		&lease, &s.Attempts, &s.LastError, &s.FinalState, &s.TransactionID, &paidTotal, &paid, &ended,
	}, more...)...)
	if err != nil {
		return schedule.Record{}, err
	}
	s.Total, s.PaidTotal = pointer(total), pointer(paidTotal)
	s.CloseIn = time.Duration(closeIn.V) * time.Microsecond
	s.CreatedAt, s.CloseAt, s.RegisteredAt, s.ClosingSince = created.Time, closeAt.Time, registered.Time, closingSince.Time
	s.DueAt, s.LeaseUntil, s.PaidAt, s.EndedAt = due.Time, lease.Time, paid.Time, ended.Time
	return s, nil
}

// refIs is the condition that names one order; refValues are its arguments.
const refIs = "region = ? AND mchid = ? AND sub_mchid = ? AND out_trade_no = ?"

func refValues(ref order.Ref) []any {
	return []any{string(ref.Region), ref.MchID, ref.SubMchID, ref.OutTradeNo}
}

// registrable is a NotRegisteredError for what can be no order's name: not every database would take it for a text.
func registrable(ref order.Ref) error {
	if ref.Validate() != nil {
		return &schedule.NotRegisteredError{Ref: ref}
	}
	return nil
}

// standing reads one order, locked for the transaction.
func (t tx) standing(condition string, args ...any) (s schedule.Record, token string, found bool, err error) {
	var held sql.Null[string]
	err = t.each(func(scan func(...any) error) (err error) {
		found = true
		s, err = scanStanding(scan, &held)
		return err
	}, "SELECT "+standingColumns+", token FROM cloudpay_orders WHERE "+condition+" {lock}", args...)
	return s, held.V, found, err
}

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

// marks is n placeholders, with commas between.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

// newToken names a claim: nobody else has the same, and nobody can guess it.
func newToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// What the columns hold of texts that strangers write.
const (
	maxReason = 300
	maxWord   = 32
	maxNumber = 64
)

// line makes one line of at most max bytes of a text, without what a database will not take.
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
