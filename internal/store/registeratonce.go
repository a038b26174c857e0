package store

import (
	"encoding/json"
	"fmt"
	"strings"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// registerAtOnce registers orders in one statement, for PostgreSQL. All parts of it see the same
// snapshot, in which a registered order has a row or a tombstone and never neither: nothing is
// added for an order that is pruned at this moment.
func (t tx) registerAtOnce(orders []schedule.Entry, token string) (registered, error) {
	refs := make(map[string]order.Ref, len(orders))
	given := make([][]any, len(orders)) // entryColumns, and the hash
	for i, e := range orders {
		hash := schedule.TombstoneHash(e.Ref)
		refs[string(hash)] = e.Ref
		given[i] = append(t.entryValues(e), fmt.Sprintf(`\x%x`, hash))
	}
	list, err := json.Marshal(given)
	if err != nil {
		return nil, fmt.Errorf("writing orders as JSON: %w", err)
	}
	written := 0
	rows, err := query(t, func(scan scanner) (known, error) {
		var n int
		k, err := scanKnown(func(dest ...any) error { return scan(append([]any{&n}, dest...)...) })
		written += n
		return k, err
	}, registeringAtOnce, string(list), token, token, token)
	if err != nil {
		return nil, err
	}
	found := registered{}
	found.add(refs, rows)
	if len(found)+written < len(orders) { // another call has added one since the snapshot
		return t.others(orders, token)
	}
	return found, nil
}

// registeringAtOnce returns the orders that were registered before, those that were pruned, and in
// its first column, in a row of its own, how many have the call's token now.
var registeringAtOnce = "WITH list AS (SELECT e ->> 0 AS region, e ->> 1 AS mchid, e ->> 2 AS sub_mchid, e ->> 3 AS out_trade_no," +
	" e ->> 4 AS owner, e ->> 5 AS sub_appid, e ->> 6 AS api, (e ->> 7)::bigint AS total, (e ->> 8)::timestamptz AS created_at," +
	" (e ->> 9)::timestamptz AS close_at, (e ->> 10)::bigint AS close_in, (e ->> 11)::bytea AS hash FROM jsonb_array_elements(?::jsonb) e)," +
	" given AS MATERIALIZED (SELECT " + entryColumns + ", hash, CASE WHEN close_at IS NULL" +
	" THEN {now} + close_in * interval '1 microsecond' ELSE GREATEST(close_at, {now}) END AS due_at FROM list)," +
	" there AS MATERIALIZED (SELECT o.token, " + strings.ReplaceAll("o."+knownColumns, ", ", ", o.") +
	" FROM given g JOIN cloudpay_orders o ON " + sameRef + ")," +
	" pruned AS (SELECT hash FROM given JOIN cloudpay_tombstones USING (hash))," +
	" added AS (INSERT INTO cloudpay_orders (" + newColumns + ") SELECT " + entryColumns + ", {now}, 'waiting', due_at, ? FROM given g" +
	" WHERE NOT EXISTS (SELECT 1 FROM there o WHERE " + sameRef + ") AND hash NOT IN (SELECT hash FROM pruned)" +
	" ON CONFLICT DO NOTHING RETURNING id)" +
	" SELECT 0, NULL, " + knownColumns + " FROM there WHERE token IS DISTINCT FROM ?" +
	" UNION ALL SELECT 0, hash, " + noneKnown + " FROM pruned" +
	" UNION ALL SELECT (SELECT COUNT(*) FROM added) + (SELECT COUNT(*) FROM there WHERE token = ?), NULL, " + noneKnown

// sameRef is the condition that g and o are the same order.
const sameRef = "o.region = g.region AND o.mchid = g.mchid AND o.sub_mchid = g.sub_mchid AND o.out_trade_no = g.out_trade_no"
