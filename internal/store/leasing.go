package store

import (
	"cmp"
	"slices"
	"time"

	"cloudpay/internal/order"
)

// leasing is how a claim takes due rows. It is right on any engine that updates rows atomically:
// the update itself repeats the conditions that make a row free, and the claim consists of the rows
// in which its token is found afterwards. The row locks only spare claimers the same rows.
type leasing[T any] struct {
	scan scan
	// also narrows the scan's rows.
	also string
	// due selects the rows instead, with the same columns and arguments, if they are not to be
	// those due longest.
	due string
	// table is the table's name, columns are those of a row, and read takes them in this order.
	table, columns string
	read           func(scanner, ...any) (T, error)
	// assignments write the lease, with args for their arguments. The token is written besides.
	assignments string
	args        []any
	// free is the condition on a row that makes it due.
	free string
}

// leased is a row that was taken, as it is afterwards.
type leased[T any] struct {
	row T
	id  int64
	// due is when it was due before.
	due time.Time
}

// take leases up to limit due rows, and returns them with the longest due first.
func (l leasing[T]) take(t tx, of order.Account, limit int, token string) ([]leased[T], error) {
	m, err := t.watermark(scanKey(of, l.scan))
	if err != nil {
		return nil, err
	}
	due := cmp.Or(l.due, "SELECT id AS due_id, due_at AS was_due FROM "+l.scan.table+" WHERE "+l.scan.rows+l.also+
		" AND due_at >= ? AND due_at <= {now} ORDER BY due_at LIMIT ? {skip}")
	args := []any{string(of.Region), of.MchID, t.d.at(m.from()), limit}
	if t.d.returning {
		return l.takeAtOnce(t, due, args, token)
	}
	return l.takeByToken(t, due, args, token)
}

// takeAtOnce takes rows in one statement. The array and the CASE have PostgreSQL find them by their
// ids, whatever its statistics say: it has joined by reading the whole table, and has read all of
// an index of due rows that it took for empty, both with their dead rows.
func (l leasing[T]) takeAtOnce(t tx, due string, args []any, token string) ([]leased[T], error) {
	taken, err := query(t, l.scanLeased, "WITH due AS MATERIALIZED ("+due+") UPDATE "+l.table+" SET token = ?, "+l.assignments+
		" FROM due WHERE id = due_id AND id = ANY (ARRAY(SELECT due_id FROM due)) AND CASE WHEN "+l.free+" THEN 1 ELSE 0 END = 1"+
		" RETURNING "+l.columns+", id, was_due",
		append(append(args, token), l.args...)...)
	return byDue(taken), err
}

// takeByToken takes rows in three statements, for databases whose UPDATE returns no rows, or not
// what they were before.
func (l leasing[T]) takeByToken(t tx, due string, args []any, token string) ([]leased[T], error) {
	dues := map[int64]moment{}
	ids, err := query(t, func(scan scanner) (any, error) {
		var id int64
		var at moment
		err := scan(&id, &at)
		dues[id] = at
		return id, err
	}, due, args...)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	these := " WHERE id IN (" + marks(len(ids)) + ") AND "
	if _, err = t.exec("UPDATE "+l.table+" SET token = ?, "+l.assignments+these+l.free,
		slices.Concat([]any{token}, l.args, ids)...); err != nil {
		return nil, err
	}
	taken, err := query(t, l.scanLeased, "SELECT "+l.columns+", id, NULL FROM "+l.table+these+"token = ?", append(ids, token)...)
	for i := range taken {
		taken[i].due = dues[taken[i].id].Time
	}
	return byDue(taken), err
}

func (l leasing[T]) scanLeased(scan scanner) (taken leased[T], err error) {
	var due moment
	taken.row, err = l.read(scan, &taken.id, &due)
	taken.due = due.Time
	return taken, err
}

// byDue returns the rows with the longest due first. It sorts their places: slices.SortFunc is
// compiled for each type of row, and has twenty kilobytes for a large one.
func byDue[T any](taken []leased[T]) []leased[T] {
	places := make([]int, len(taken))
	for i := range places {
		places[i] = i
	}
	slices.SortStableFunc(places, func(a, b int) int {
		return cmp.Or(taken[a].due.Compare(taken[b].due), cmp.Compare(taken[a].id, taken[b].id))
	})
	sorted := make([]leased[T], len(taken))
	for i, place := range places {
		sorted[i] = taken[place]
	}
	return sorted
}
