package store

import (
	"context"
	"strings"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Show returns an order's record; of a pruned order, what its tombstone has. The error is a
// *schedule.NotRegisteredError if there is no such order. It makes one statement, which is the same
// for every order: a look-up must not take longer for orders that exist, or its duration would tell
// a customer about other customers' orders.
func (s *Store) Show(ctx context.Context, ref order.Ref) (schedule.Record, error) {
	if err := registrable(ref); err != nil {
		return schedule.Record{}, err
	}
	return singly(ctx, s, "looking up order "+ref.String(), func(t tx) (schedule.Record, error) {
		found, err := t.find(ref)
		if err == nil && found == nil {
			err = &schedule.NotRegisteredError{Ref: ref}
		}
		if err != nil {
			return schedule.Record{}, err
		}
		return found.Record, nil
	})
}

// find reads an order's row without locking it, or what its tombstone has. The row is nil if there
// is neither.
func (t tx) find(ref order.Ref) (*row, error) {
	rows, err := query(t, scanRow, "SELECT "+rowColumns+" FROM cloudpay_orders WHERE "+refIs+
		" UNION ALL SELECT "+tombstoneRow+" FROM cloudpay_tombstones WHERE hash = ?"+t.unlessStandby(standbyRow),
		append(refValues(ref), schedule.TombstoneHash(ref))...)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	for _, r := range rows {
		if r.Progress == standby {
			return nil, errStandby
		}
	}
	if rows[0].Progress == pruned {
		rows[0].Record = restOf(rows[0], ref)
	}
	return &rows[0], nil
}

// What a row has for its progress that is not an order's.
const (
	pruned  schedule.Progress = "pruned"  // a tombstone's row
	standby schedule.Progress = "standby" // the server takes no writes
)

// restOf is the record of a tombstone's row.
func restOf(r row, ref order.Ref) schedule.Record {
	return schedule.Tombstone{FinalState: r.FinalState, Generation: r.Generation, EndedAt: r.EndedAt}.Record(ref)
}

// unlessStandby is the last part of a SELECT outside of a transaction: it adds a row if the server
// is a standby, where BEGIN would fail. The statement then fails with errStandby.
func (t tx) unlessStandby(row string) string {
	if !t.single || t.d.standby == "" {
		return ""
	}
	return " UNION ALL SELECT " + row + " FROM (SELECT 1 AS one) AS this WHERE " + t.d.standby
}

var (
	tombstoneRow = emptyRow(rowColumns, map[string]string{
		"progress": "'" + string(pruned) + "'", "ending": "ending", "generation": "generation", "ended_at": "ended_at",
	})
	standbyRow = emptyRow(rowColumns, map[string]string{"progress": "'" + string(standby) + "'"})
)

// emptyRow selects columns of an order that have the given values, and are empty otherwise. It
// stands beside a SELECT of an order's row, with UNION ALL: NULL has the type of the column there.
func emptyRow(columns string, values map[string]string) string {
	row := strings.Split(columns, ", ")
	for i, column := range row {
		value, given := values[column]
		if !given {
			value = emptyColumn(column)
		}
		row[i] = value
	}
	return strings.Join(row, ", ")
}

func emptyColumn(column string) string {
	switch column {
	case "{now}":
		return column
	case "id", "attempts", "generation", "round", "clock_waits":
		return "0"
	case "authenticated":
		return "FALSE"
	case "region", "mchid", "sub_mchid", "out_trade_no", "owner", "sub_appid", "api", "trade_state", "progress", "last_error", "ending",
		"transaction_id":
		return "''"
	}
	return "NULL"
}

// Owners returns the owners of those of the orders that are registered. Refs may be repeated. It
// makes one statement, whose text depends only on the number of refs, for the reason that Show
// gives.
func (s *Store) Owners(ctx context.Context, refs []order.Ref) (map[order.Ref]order.Owner, error) {
	args := make([]any, 0, 4*len(refs))
	for _, ref := range refs {
		if err := registrable(ref); err != nil {
			return nil, err
		}
		args = append(args, refValues(ref)...)
	}
	owners := make(map[order.Ref]order.Owner, len(refs))
	if len(refs) == 0 {
		return owners, nil
	}
	return singly(ctx, s, "looking up the owners of orders", func(t tx) (map[order.Ref]order.Owner, error) {
		clear(owners)
		_, err := query(t, func(scan scanner) (ref order.Ref, err error) {
			var owner order.Owner
			err = scan(&ref.Region, &ref.MchID, &ref.SubMchID, &ref.OutTradeNo, &owner)
			if ref.OutTradeNo == "" && err == nil {
				err = errStandby
			}
			owners[ref] = owner
			return ref, err
		}, "SELECT region, mchid, sub_mchid, out_trade_no, owner FROM cloudpay_orders WHERE "+
			strings.Repeat(refIs+" OR ", len(refs)-1)+refIs+t.unlessStandby("'', '', '', '', ''"), args...)
		return owners, err
	})
}
