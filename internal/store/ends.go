package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// FinishAll is Finish for several claims. It records up to 64 ends in one transaction, since a
// commit costs the database as much for one end as for all of them. It returns one error for each
// end, as Finish's. An end that the database refuses, a contradiction, a lost claim and a row that
// another transaction holds do not keep the other ends of the batch from being recorded.
func (s *Store) FinishAll(ctx context.Context, ended []schedule.Ended) []error {
	return inBatches[schedule.Ended]{
		store: s, doing: "recording the ends of orders",
		claim:    func(e schedule.Ended) schedule.Claim { return e.Claim },
		together: finishTogether,
		singly:   func(e schedule.Ended) error { return s.Finish(ctx, e.Claim, e.Final) },
	}.record(ctx, ended)
}

// finishTogether records ends in one transaction.
func finishTogether(t tx, orders []schedule.Ended) (written []int64, err error) {
	completeOnes := slices.Clone(orders)
	for i, e := range orders {
		completeOnes[i].Final = completed(e.Final)
	}
	return t.d.endAll(t, completeOnes)
}

// endEach writes the ends of orders that are still under their claims, one after the other, and
// returns the orders' row ids.
func endEach(t tx, orders []schedule.Ended) (written []int64, err error) {
	for _, e := range orders {
		done, err := t.end(e.Claim.Record, e.Final, underClaim, e.Claim.ID, e.Claim.Token)
		if err != nil {
			return nil, err
		}
		if done {
			written = append(written, e.Claim.ID)
		}
	}
	return written, nil
}

// jsonEnd is one end as endAtOnce hands it to PostgreSQL; a missing field is NULL.
type jsonEnd struct {
	ID            int64          `json:"id"`
	Token         string         `json:"token"`
	Ending        string         `json:"ending"`
	TradeState    string         `json:"trade_state"`
	TransactionID string         `json:"transaction_id"`
	PaidTotal     *int64         `json:"paid_total,omitempty"`
	PaidAt        time.Time      `json:"paid_at,omitzero"`
	EventID       outbox.EventID `json:"event_id"`
	Kind          string         `json:"kind"`
}

// newJSONEnd is an end as endAtOnce hands it over.
func newJSONEnd(e schedule.Ended) jsonEnd {
	r, f := e.Claim.Record, e.Final
	kind := kindOf(r, f)
	return jsonEnd{
		ID: r.ID, Token: e.Claim.Token, Ending: string(f.State), TradeState: string(f.TradeState), TransactionID: f.TransactionID,
		PaidTotal: f.Total, PaidAt: f.PaidAt.UTC().Truncate(time.Microsecond), EventID: eventIDOf(r, kind, f), Kind: string(kind),
	}
}

// endAtOnce is endEach in a single statement, for PostgreSQL. The events are inserted from the rows
// that were updated.
func endAtOnce(t tx, orders []schedule.Ended) (written []int64, err error) {
	ends := make([]jsonEnd, len(orders))
	for i, e := range orders {
		ends[i] = newJSONEnd(e)
	}
	list, err := json.Marshal(ends)
	if err != nil {
		return nil, fmt.Errorf("writing ends as JSON: %w", err)
	}
	return query(t, rowID, endingAtOnce, string(list))
}

const endingAtOnce = "WITH ends AS (SELECT e.id, e.token, e.ending, e.trade_state, e.transaction_id, e.paid_total, e.paid_at," +
	" e.event_id, e.kind FROM jsonb_to_recordset(?::jsonb) AS e(id bigint, token text, ending text, trade_state text, transaction_id text," +
	" paid_total bigint, paid_at timestamptz, event_id uuid, kind text)" +
	" JOIN cloudpay_orders o ON o.id = e.id WHERE o.token = e.token AND o.progress <> 'done' FOR UPDATE OF o SKIP LOCKED)," +
	" ended AS (UPDATE cloudpay_orders o SET " + asEnded + ", ending = e.ending, trade_state = e.trade_state," +
	" transaction_id = e.transaction_id, paid_total = e.paid_total, paid_at = e.paid_at" +
	" FROM ends e WHERE o.id = e.id AND o.token = e.token AND o.progress <> 'done'" +
	" RETURNING o.id, o.region, o.mchid, o.sub_mchid, o.out_trade_no, o.owner, o.total, o.ending, o.trade_state, o.transaction_id," +
	" o.paid_total, o.paid_at, e.event_id, e.kind)," +
	" told AS (INSERT INTO cloudpay_events (" + emittedColumns + ") SELECT event_id, kind, region, mchid, sub_mchid, out_trade_no, id," +
	" owner, {now}, ending, trade_state, total, paid_total, transaction_id, paid_at, '', {now} FROM ended ON CONFLICT DO NOTHING)" +
	" SELECT id FROM ended"

// endJoined is endEach in three statements, for MySQL and MariaDB, whose UPDATE returns no rows.
func endJoined(t tx, orders []schedule.Ended) (written []int64, err error) {
	orders, err = held(t, "progress <> 'done'", orders, func(e schedule.Ended) schedule.Claim { return e.Claim })
	if err != nil || len(orders) == 0 {
		return nil, err
	}
	var ends, events []any
	for _, e := range orders {
		c, f := e.Claim, e.Final
		ends = append(ends, c.ID, c.Token, string(f.State), string(f.TradeState), f.TransactionID, optional(f.Total), t.d.at(f.PaidAt))
		events = append(events, t.emittedValues(c.Record, kindOf(c.Record, f), f, "")...)
		written = append(written, c.ID)
	}
	n, err := t.exec("UPDATE (SELECT ? AS id, ? AS token, ? AS ending, ? AS trade_state, ? AS transaction_id, ? AS paid_total, ? AS paid_at"+
		strings.Repeat(" UNION ALL SELECT ?, ?, ?, ?, ?, ?, ?", len(orders)-1)+") e STRAIGHT_JOIN cloudpay_orders o FORCE INDEX (PRIMARY)"+
		" ON o.id = e.id SET "+
		asEnded+", o.ending = e.ending, o.trade_state = e.trade_state, o.transaction_id = e.transaction_id, o.paid_total = e.paid_total,"+
		" o.paid_at = e.paid_at WHERE o.token = e.token AND o.progress <> 'done'", ends...)
	if err == nil && int(n) != len(orders) {
		err = errUnlocked
	}
	if err == nil {
		_, err = t.exec("INSERT INTO cloudpay_events ("+emittedColumns+") VALUES "+emittedRow+
			strings.Repeat(", "+emittedRow, len(orders)-1)+t.d.ifNew, events...)
	}
	return written, err
}

// rowID reads a row's id.
func rowID(scan scanner) (id int64, err error) { return id, scan(&id) }
