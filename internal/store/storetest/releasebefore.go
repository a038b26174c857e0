package storetest

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// releaseBefore is a program of the release before this schema (5a4189e). Its statements stand here
// as they were, with their arguments; what it checked besides is left out.
type releaseBefore struct {
	db      *sql.DB
	dialect oldDialect
}

// oldDialect are its words and placeholders for one database.
type oldDialect struct {
	words    *strings.Replacer
	numbered bool
	ifNew    string
}

var spokenBefore = map[string]oldDialect{
	"postgres": {
		numbered: true, ifNew: " ON CONFLICT DO NOTHING", words: strings.NewReplacer(
			"{now}", "statement_timestamp()", "{soon}", "statement_timestamp() + ?::bigint * interval '1 microsecond'",
			"{lock}", "FOR UPDATE", "{skip}", "FOR UPDATE SKIP LOCKED", "{latest}", "", "{claim}", ""),
	},
	"mysql": {
		ifNew: " ON DUPLICATE KEY UPDATE region = region", words: strings.NewReplacer(
			"{now}", "UTC_TIMESTAMP(6)", "{soon}", "UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND",
			"{lock}", "FOR UPDATE", "{skip}", "FOR UPDATE SKIP LOCKED", "{latest}", "LOCK IN SHARE MODE",
			"{claim}", "FORCE INDEX (cloudpay_orders_claim)"),
	},
	"sqlite": {
		ifNew: " ON CONFLICT DO NOTHING", words: strings.NewReplacer(
			"{now}", "CAST(ROUND(unixepoch('subsec') * 1000) AS INTEGER) * 1000",
			"{soon}", "CAST(ROUND(unixepoch('subsec') * 1000) AS INTEGER) * 1000 + ?",
			"{lock}", "", "{skip}", "", "{latest}", "", "{claim}", ""),
	},
}

const (
	oldEntry = "region, mchid, sub_mchid, out_trade_no, owner, sub_appid, api, total, created_at, close_at, close_in"
	oldRow   = "id, " + oldEntry + ", registered_at, trade_state, authenticated, progress, closing_since, due_at, " +
		"lease_until, attempts, last_error, ending, transaction_id, paid_total, paid_at, ended_at, token, {now}"
	oldLearned = " trade_state = CASE WHEN ? = '' THEN trade_state ELSE ? END," +
		" authenticated = CASE WHEN ? = '' THEN authenticated ELSE ? END, last_error = ?"
	oldDelivery = "seq, kind, region, mchid, sub_mchid, out_trade_no, owner, occurred_at, ending, trade_state, total, paid_total," +
		" transaction_id, paid_at, reason, attempts, last_error, id"
)

// errNumbersNothing is how it fails to number events.
var errNumbersNothing = errors.New("the row 'events' of cloudpay_counters is gone")

// oldTx is one of its transactions.
type oldTx struct {
	*sql.Tx
	oldDialect

	ctx context.Context
}

func (d oldDialect) sql(statement string) string {
	statement = d.words.Replace(statement)
	for n := 1; d.numbered && strings.Contains(statement, "?"); n++ {
		statement = strings.Replace(statement, "?", "$"+strconv.Itoa(n), 1)
	}
	return statement
}

// do runs work in a transaction, and again after a deadlock or a wait for a lock.
func (p *releaseBefore) do(ctx context.Context, work func(oldTx) error) (err error) {
	for range 20 {
		var tx *sql.Tx
		if tx, err = p.db.BeginTx(ctx, nil); err != nil {
			continue
		}
		if err = work(oldTx{tx, p.dialect, ctx}); err != nil {
			_ = tx.Rollback()
		} else {
			err = tx.Commit()
		}
		if err == nil || errors.Is(err, errNumbersNothing) || schedule.IsAnswer(err) {
			return err
		}
	}
	return err
}

// exec wants a statement to match so many rows; any number if that is negative.
func (t oldTx) exec(rows int, statement string, args ...any) error {
	result, err := t.ExecContext(t.ctx, t.sql(statement), args...)
	if err != nil || rows < 0 {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != int64(rows) {
		return cmp.Or(err, fmt.Errorf("%d rows instead of %d: %s", n, rows, statement))
	}
	return nil
}

// query returns rows by the names of their columns.
func (t oldTx) query(statement string, args ...any) (all []map[string]string, err error) {
	rows, err := t.QueryContext(t.ctx, t.sql(statement), args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	for err == nil && rows.Next() {
		values, dest := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		err = rows.Scan(dest...)
		row := map[string]string{}
		for i, column := range columns {
			row[column] = values[i].String
		}
		all = append(all, row)
	}
	return all, errors.Join(err, rows.Err())
}

func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

// marks are n placeholders.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

// RegisterAll registers orders of one merchant that are due at once.
func (p *releaseBefore) RegisterAll(ctx context.Context, entries []schedule.Entry) ([]schedule.Registration, error) {
	token := rand.Text()
	results := make([]schedule.Registration, len(entries))
	return results, p.do(ctx, func(t oldTx) error {
		names, args := []any{string(shop.Region), shop.MchID, ""}, []any(nil)
		for _, e := range entries {
			names = append(names, e.OutTradeNo)
			args = append(args, string(e.Region), e.MchID, e.SubMchID, e.OutTradeNo, "", "", "", nil, nil, nil, 0, 0, token)
		}
		const those = "SELECT " + oldRow + " FROM cloudpay_orders WHERE region = ? AND mchid = ? AND sub_mchid = ? AND out_trade_no IN ("
		if _, err := t.query(those+marks(len(entries))+")", names...); err != nil {
			return err
		}
		values := strings.TrimSuffix(strings.Repeat("("+marks(11)+", {now}, 'waiting', {soon}, ?),", len(entries)), ",")
		if err := t.exec(-1, "INSERT INTO cloudpay_orders ("+oldEntry+", registered_at, progress, due_at, token) VALUES "+values+t.ifNew,
			args...); err != nil {
			return err
		}
		there, err := t.query(those+marks(len(entries))+") {latest}", names...)
		for i, e := range entries {
			results[i].Added = slices.ContainsFunc(there, func(row map[string]string) bool {
				return row["out_trade_no"] == e.OutTradeNo && row["token"] == token
			})
		}
		return err
	})
}

// Claim claims orders in doubt and then those that wait; ClaimDoubtful the former alone.
func (p *releaseBefore) Claim(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Claim, error) {
	return p.claim(ctx, of, limit, lease, schedule.Closing, schedule.Waiting)
}

// ClaimDoubtful is Claim for orders in doubt.
func (p *releaseBefore) ClaimDoubtful(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Claim, error) {
	return p.claim(ctx, of, limit, lease, schedule.Closing)
}

func (p *releaseBefore) claim(
	ctx context.Context, of order.Account, limit int, lease time.Duration, from ...schedule.Progress,
) (claims []schedule.Claim, err error) {
	token := rand.Text()
	err = p.do(ctx, func(t oldTx) error {
		claims = nil
		args := []any{token, lease.Microseconds(), lease.Microseconds(), 1}
		for _, progress := range from {
			if len(claims) == limit {
				break
			}
			rows, err := t.query("SELECT "+oldRow+" FROM cloudpay_orders {claim}"+
				" WHERE region = ? AND mchid = ? AND progress = ? AND due_at <= {now} ORDER BY due_at LIMIT ? {skip}",
				string(of.Region), of.MchID, string(progress), limit-len(claims))
			if err != nil {
				return err
			}
			for _, row := range rows {
				c := schedule.Claim{Token: token, InDoubt: progress == schedule.Closing}
				c.ID, c.Ref = number(row["id"]), ref(row["out_trade_no"])
				claims, args = append(claims, c), append(args, c.ID)
			}
		}
		if len(claims) == 0 {
			return nil
		}
		return t.exec(len(claims), "UPDATE cloudpay_orders SET token = ?, lease_until = {soon}, due_at = {soon}, progress = 'closing',"+
			" closing_since = COALESCE(closing_since, {now}), attempts = attempts + ? WHERE id IN ("+marks(len(claims))+")", args...)
	})
	return claims, err
}

// Finish closes an order, with its event.
func (p *releaseBefore) Finish(ctx context.Context, c schedule.Claim, f schedule.Final) error {
	return p.do(ctx, func(t oldTx) error {
		if err := t.exec(1, "UPDATE cloudpay_orders SET progress = 'done', ending = ?, trade_state = ?, authenticated = TRUE,"+
			" transaction_id = ?, paid_total = ?, paid_at = ?, ended_at = {now}, closing_since = NULL, due_at = NULL, lease_until = NULL,"+
			" last_error = '' WHERE id = ? AND token = ? AND progress <> 'done'", string(f.State), "CLOSED", "", nil, nil, c.ID, c.Token); err != nil {
			return err
		}
		return t.emit(c, "closed", string(f.State), "CLOSED", "")
	})
}

func (t oldTx) emit(c schedule.Claim, kind, ending, state, reason string) error {
	return t.exec(1, "INSERT INTO cloudpay_events (kind, region, mchid, sub_mchid, out_trade_no, order_id, owner, occurred_at, ending,"+
		" trade_state, total, paid_total, transaction_id, paid_at, reason, due_at)"+
		" VALUES (?, ?, ?, ?, ?, ?, ?, {now}, ?, ?, ?, ?, ?, ?, ?, {now})",
		kind, string(c.Region), c.MchID, c.SubMchID, c.OutTradeNo, c.ID, "", ending, state, nil, nil, "", nil, reason)
}

// Retry puts an order off.
func (p *releaseBefore) Retry(ctx context.Context, c schedule.Claim, b schedule.Retry) error {
	progress, since := "waiting", "NULL"
	if b.InDoubt {
		progress, since = "closing", "COALESCE(closing_since, {now})"
	}
	return p.do(ctx, func(t oldTx) error {
		return t.exec(1, "UPDATE cloudpay_orders SET progress = ?, closing_since = "+since+", due_at = {soon}, lease_until = NULL,"+oldLearned+
			" WHERE id = ? AND token = ? AND progress IN ('waiting', 'closing')",
			progress, b.After.Microseconds(), "", "", "", false, b.Reason, c.ID, c.Token)
	})
}

// GiveUp gives an order up, with its event.
func (p *releaseBefore) GiveUp(ctx context.Context, c schedule.Claim, b schedule.Retry) error {
	return p.do(ctx, func(t oldTx) error {
		if _, err := t.query("SELECT id FROM cloudpay_orders WHERE id = ? AND token = ? AND progress = 'gaveUp'", c.ID, c.Token); err != nil {
			return err
		}
		if err := t.exec(1, "UPDATE cloudpay_orders SET progress = 'gaveUp', due_at = NULL, lease_until = NULL,"+oldLearned+
			" WHERE id = ? AND token = ? AND progress IN ('waiting', 'closing')", "", "", "", false, b.Reason, c.ID, c.Token); err != nil {
			return err
		}
		return t.emit(c, "gaveUp", "", "", b.Reason)
	})
}

// Release gives claims back.
func (p *releaseBefore) Release(ctx context.Context, claims []schedule.Claim) (int, error) {
	return len(claims), p.do(ctx, func(t oldTx) error {
		for _, c := range claims {
			progress, since := "waiting", "NULL"
			if c.InDoubt {
				progress, since = "closing", "closing_since"
			}
			if err := t.exec(1, "UPDATE cloudpay_orders SET progress = ?, closing_since = "+since+", due_at = {now}, lease_until = NULL,"+
				" token = NULL, attempts = attempts - 1 WHERE token = ? AND lease_until IS NOT NULL AND progress = 'closing' AND id IN (?)",
				progress, c.Token, c.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// Reopen makes an order due that was given up.
func (p *releaseBefore) Reopen(ctx context.Context, ref order.Ref) (bool, error) {
	return true, p.do(ctx, func(t oldTx) error {
		rows, err := t.query("SELECT "+oldRow+" FROM cloudpay_orders WHERE region = ? AND mchid = ? AND sub_mchid = ? AND out_trade_no = ? {lock}",
			string(ref.Region), ref.MchID, ref.SubMchID, ref.OutTradeNo)
		if err != nil || len(rows) != 1 || rows[0]["progress"] != "gaveUp" {
			return cmp.Or(err, fmt.Errorf("reopening %s: got %v", ref, rows))
		}
		return t.exec(1, "UPDATE cloudpay_orders SET progress = CASE WHEN closing_since IS NULL THEN 'waiting' ELSE 'closing' END,"+
			" due_at = {now}, attempts = 0 WHERE id = ?", number(rows[0]["id"]))
	})
}

// ClaimDeliveries numbers new events, and claims those that are due. The error is errNumbersNothing
// if there are new events and no counter.
func (p *releaseBefore) ClaimDeliveries(ctx context.Context, of order.Account, limit int, lease time.Duration) (claimed []outbox.Delivery, err error) {
	const unnumbered = "SELECT id FROM cloudpay_events WHERE seq IS NULL AND region = ? AND mchid = ? ORDER BY id LIMIT ?"
	err = p.do(ctx, func(t oldTx) error {
		if found, err := t.query(unnumbered, string(of.Region), of.MchID, 1); err != nil || len(found) == 0 {
			return err
		}
		counter, err := t.query("SELECT value FROM cloudpay_counters WHERE name = 'events' {lock}")
		if err == nil && len(counter) == 0 {
			err = errNumbersNothing
		}
		return cmp.Or(err, fmt.Errorf("events are counted by %v, want by nothing", counter))
	})
	if err != nil {
		return nil, err
	}
	token := rand.Text()
	err = p.do(ctx, func(t oldTx) error {
		claimed = nil
		args := []any{token, lease.Microseconds()}
		rows, err := t.query("SELECT "+oldDelivery+" FROM cloudpay_events"+
			" WHERE region = ? AND mchid = ? AND due_at <= {now} AND seq IS NOT NULL ORDER BY due_at LIMIT ? {skip}",
			string(of.Region), of.MchID, limit)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			d := outbox.Delivery{Token: token}
			d.Number, d.Ref = number(row["seq"]), ref(row["out_trade_no"])
			claimed, args = append(claimed, d), append(args, number(row["id"]))
		}
		return t.exec(len(rows), "UPDATE cloudpay_events SET token = ?, due_at = {soon}, attempts = attempts + 1 WHERE id IN ("+
			marks(len(rows))+")", args...)
	})
	return claimed, err
}

// RecordDeliveries is Delivered or Redeliver for each.
func (p *releaseBefore) RecordDeliveries(ctx context.Context, _ order.Account, results []outbox.DeliveryResult) []error {
	errs := make([]error, len(results))
	for i, r := range results {
		assignments, args := "delivered_at = {now}, due_at = NULL, last_error = ''", []any(nil)
		if r.Outcome == outbox.DeliveryFailed {
			assignments, args = "due_at = {soon}, last_error = ?", []any{r.After.Microseconds(), r.Reason}
		}
		errs[i] = p.do(ctx, func(t oldTx) error {
			return t.exec(1, "UPDATE cloudpay_events SET "+assignments+" WHERE seq = ? AND token = ?", append(args, r.Number, r.Token)...)
		})
	}
	return errs
}
