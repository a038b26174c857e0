package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Register schedules an order to be closed. Registering it again with the same facts changes
// nothing and returns added false. With other facts it changes nothing either and returns a
// *schedule.ConflictError. A withdrawn order stays withdrawn: the error is a
// *schedule.WithdrawnError, and RegisterAgain registers it anew. An order that was pruned is not
// registered again: added is false, and its facts are not known any more. An order that was paid
// without a registration (ObservePayments) is registered and ends as paid at once, with its event:
// added is false. The error is an *order.FieldError for an ill-formed entry.
func (s *Store) Register(ctx context.Context, e schedule.Entry) (added bool, err error) {
	all, err := s.RegisterAll(ctx, []schedule.Entry{e})
	if err != nil {
		return false, err
	}
	return all[0].Added, all[0].Err
}

const (
	// chunk bounds the rows that one statement writes.
	chunk = 1000
	// chunksAbreast is how many chunks of one call are written at the same time, on a connection
	// each: while one waits for its commit, the other's rows are written.
	chunksAbreast = 2
)

// RegisterAll registers each of the entries as Register does, and returns their results in the same
// order. Of several entries of one order the first counts. An entry that cannot be registered does
// not affect the others. The error is the database's: entries registered before it stay registered,
// and the call may be repeated.
func (s *Store) RegisterAll(ctx context.Context, entries []schedule.Entry) ([]schedule.Registration, error) {
	all, valid, orders := inOrder(entries)
	known, err := s.registerChunks(ctx, orders)
	if err == nil {
		err = s.adoptPaid(ctx, orders, known)
	}
	if err != nil {
		return nil, err
	}
	for _, i := range valid {
		all[i] = known.result(entries[i])
	}
	return all, nil
}

// inOrder returns the faults of the ill-formed entries, the places of the others, and the first
// entry of each order, sorted: two imports of the same orders lock them in the same sequence, so
// that one waits for the other instead of both meeting in a deadlock.
func inOrder(entries []schedule.Entry) (all []schedule.Registration, valid []int, orders []schedule.Entry) {
	all = make([]schedule.Registration, len(entries))
	for i, e := range entries {
		if fault := e.Validate(); fault != nil {
			all[i].Err = fault
			continue
		}
		valid = append(valid, i)
	}
	slices.SortStableFunc(valid, func(a, b int) int { return compareRefs(entries[a].Ref, entries[b].Ref) })
	for _, i := range valid {
		if n := len(orders); n == 0 || orders[n-1].Ref != entries[i].Ref {
			orders = append(orders, entries[i])
		}
	}
	return all, valid, orders
}

// Known returns what RegisterAll answers for those of the orders that are registered or pruned, and
// a *schedule.NotRegisteredError for each of the others. It registers nothing.
func (s *Store) Known(ctx context.Context, entries []schedule.Entry) ([]schedule.Registration, error) {
	all, valid, orders := inOrder(entries)
	known, err := transact(ctx, s, "looking up orders", func(t tx) (registered, error) {
		known := registered{}
		for part := range slices.Chunk(orders, chunk) {
			found, err := t.others(part, newToken()) // which no row has
			if err != nil {
				return nil, err
			}
			maps.Copy(known, found)
		}
		return known, nil
	})
	if err != nil {
		return nil, err
	}
	for _, i := range valid {
		if k, there := known[entries[i].Ref]; !there || k.Unregistered() {
			all[i].Err = &schedule.NotRegisteredError{Ref: entries[i].Ref}
			continue
		}
		all[i] = known.result(entries[i])
	}
	return all, nil
}

// registerChunks registers orders, each of them once, and returns those that were registered
// before.
func (s *Store) registerChunks(ctx context.Context, orders []schedule.Entry) (registered, error) {
	parts := slices.Collect(slices.Chunk(orders, chunk))
	found := make([]registered, len(parts))
	errs := make([]error, len(parts))
	var busy sync.WaitGroup
	free := make(chan struct{}, min(chunksAbreast, s.d.conns))
	for i, part := range parts {
		free <- struct{}{}
		busy.Go(func() {
			defer func() { <-free }()
			found[i], errs[i] = s.registerPart(ctx, part)
		})
	}
	busy.Wait()
	all := make(registered, len(orders))
	for i := range parts {
		if errs[i] != nil {
			return nil, errs[i]
		}
		maps.Copy(all, found[i])
	}
	return all, nil
}

// registered are orders that were registered before a call.
type registered map[order.Ref]known

// known is what the register knows of such an order: its entry, its progress and its end.
type known struct {
	schedule.Record

	// hash is that of the tombstone, if nothing else is left of the order. The Entry is then empty.
	hash []byte
}

// add adds what was found; a row outranks a tombstone. refs are the orders' by their hashes.
func (r registered) add(refs map[string]order.Ref, found []known) {
	for _, k := range found {
		if k.OutTradeNo != "" {
			r[k.Ref] = k
		} else if ref, is := refs[string(k.hash)]; is && r[ref].OutTradeNo == "" {
			r[ref] = k
		}
	}
}

// knownColumns are what scanKnown reads behind a tombstone's hash, or NULL. noneKnown is the same
// of a tombstone.
const knownColumns = "progress, withdrawn_at, ending, generation, " + entryColumns

var noneKnown = emptyRow(knownColumns, nil)

// scanKnown reads a tombstone's hash or NULL, and knownColumns.
func scanKnown(scan scanner) (k known, err error) {
	var closeIn, total sql.Null[int64]
	var withdrawn, created, closeAt moment
	err = scan(&k.hash, &k.Progress, &withdrawn, &k.FinalState, &k.Generation,
		&k.Region, &k.MchID, &k.SubMchID, &k.OutTradeNo, &k.Owner, &k.SubAppID, &k.API, &total, &created, &closeAt, &closeIn)
	k.hash, k.Total, k.Pruned = bytes.Clone(k.hash), pointer(total), k.hash != nil
	k.CreatedAt, k.CloseAt, k.CloseIn = created.Time, closeAt.Time, time.Duration(closeIn.V)*time.Microsecond
	k.Progress = told(k.Progress, withdrawn)
	return k, err
}

// result is the result of registering an entry. An order that was not known before is known by this
// entry afterwards.
func (r registered) result(e schedule.Entry) schedule.Registration {
	k, there := r[e.Ref]
	if !there {
		r[e.Ref] = known{Record: schedule.Record{Entry: e, Progress: schedule.Waiting}}
		return schedule.Registration{Added: true}
	}
	return schedule.Registration{Ended: k.FinalState, Err: k.Refusal(e)}
}

// compareRefs sorts refs by the columns of the table's unique key, in its order.
func compareRefs(a, b order.Ref) int {
	return cmp.Or(
		strings.Compare(string(a.Region), string(b.Region)), strings.Compare(a.MchID, b.MchID),
		strings.Compare(a.SubMchID, b.SubMchID), strings.Compare(a.OutTradeNo, b.OutTradeNo),
	)
}

// registerPart registers a chunk of orders, and returns those that were registered before. Each row
// that it adds has the token until its first claim. The token tells this call's rows from those
// that another call adds at this moment, and it survives a try whose commit was lost.
func (s *Store) registerPart(ctx context.Context, orders []schedule.Entry) (registered, error) {
	first, register := s.once, tx.registerAfterwards
	switch {
	case s.d.compound:
		first, register = s.unbracketed, tx.registerAtOnce
	case len(orders) == 1:
		first, register = s.unbracketed, tx.registerOne
	}
	token := newToken()
	if s.d.taken != nil && len(orders) > 1 {
		if found, allNew, err := s.registerNew(ctx, orders, token); allNew || err != nil {
			return found, err
		}
	}
	return resultOf(ctx, s, "registering orders", first, func(t tx) (registered, error) { return register(t, orders, token) })
}

// registerNew registers orders of which none is registered yet, and returns those that were pruned.
// If one is registered, nothing is written and allNew is false. An INSERT that passes over rows
// which are there, and a look for those behind it, make an import a tenth longer on MariaDB.
func (s *Store) registerNew(ctx context.Context, orders []schedule.Entry, token string) (found registered, allNew bool, err error) {
	found, err = resultOf(ctx, s, "registering orders", s.briefly, func(t tx) (registered, error) {
		err := t.insert(orders, token, "")
		if allNew = !t.d.taken(err); !allNew {
			return registered{}, nil // it may be this call's own, of a try whose commit was lost
		}
		if err != nil {
			return nil, err
		}
		return t.takeBack(orders, token, tx.pruned)
	})
	return found, allNew, err
}

// registerOne adds an order in two statements. The INSERT adds nothing if there is a tombstone.
func (t tx) registerOne(orders []schedule.Entry, token string) (registered, error) {
	if err := t.add(orders[0], token); err != nil {
		return nil, err
	}
	return t.takeBack(orders, token, tx.others)
}

// registerAfterwards adds orders and takes those back for which there is a tombstone.
func (t tx) registerAfterwards(orders []schedule.Entry, token string) (registered, error) {
	if err := t.insert(orders, token, t.d.ifNew); err != nil {
		return nil, err
	}
	return t.takeBack(orders, token, tx.others)
}

// insert adds rows for orders in one statement with an end.
func (t tx) insert(orders []schedule.Entry, token, end string) error {
	rows, args := make([]string, len(orders)), make([]any, 0, 13*len(orders))
	for i, e := range orders {
		row, values := t.newRow(e, token)
		rows[i], args = "("+row+")", append(args, values...)
	}
	_, err := t.exec("INSERT INTO cloudpay_orders ("+newColumns+") VALUES "+strings.Join(rows, ", ")+end, args...)
	return err
}

// takeBack deletes the rows with the token of orders that were pruned, among those that known
// finds, which it returns. All that was pruned is seen after the rows were added: pruning deletes
// the row, for which an INSERT waits, in the transaction that writes the tombstone. An INSERT that
// looked for tombstones itself may have done so before it waited (READ COMMITTED).
func (t tx) takeBack(
	orders []schedule.Entry, token string, known func(tx, []schedule.Entry, string) (registered, error),
) (registered, error) {
	found, err := known(t, orders, token)
	for ref, k := range found {
		if err == nil && k.Pruned {
			_, err = t.exec("DELETE FROM cloudpay_orders WHERE "+refIs+" AND token = ?", append(refValues(ref), token)...)
		}
	}
	return found, err
}

// pruned returns those of the orders that were pruned.
func (t tx) pruned(orders []schedule.Entry, _ string) (registered, error) {
	refs := make(map[string]order.Ref, len(orders)) // by hash
	hashes := make([]any, len(orders))
	for i, e := range orders {
		hash := schedule.TombstoneHash(e.Ref)
		refs[string(hash)], hashes[i] = e.Ref, hash
	}
	rows, err := query(t, func(scan scanner) (k known, err error) {
		err = scan(&k.hash)
		k.hash, k.Pruned = bytes.Clone(k.hash), true
		return k, err
	}, "SELECT hash FROM cloudpay_tombstones WHERE hash IN ("+marks(len(hashes))+")", hashes...)
	found := registered{}
	found.add(refs, rows)
	return found, err
}

// newColumns are the columns of a new row.
const newColumns = entryColumns + ", registered_at, progress, due_at, token"

// newRow returns a new row for newColumns, and its arguments.
func (t tx) newRow(e schedule.Entry, token string) (row string, args []any) {
	due, at := t.dueAt(e)
	return marks(strings.Count(entryColumns, ",")+1) + ", {now}, 'waiting', " + due + ", ?", append(t.entryValues(e), at, token)
}

// dueAt is the expression for when an entry is due first, and its argument. A delay is added to the
// database's clock. A time that is past is due now: nothing becomes due before it is written, so
// that a claim need not look there again.
func (t tx) dueAt(e schedule.Entry) (expression string, arg any) {
	if e.CloseAt.IsZero() {
		return "{soon}", e.CloseIn.Microseconds()
	}
	return "{later}", t.d.at(e.CloseAt)
}

// add inserts an order, unless it is registered or pruned.
func (t tx) add(e schedule.Entry, token string) error {
	row, args := t.newRow(e, token)
	_, err := t.exec("INSERT INTO cloudpay_orders ("+newColumns+") SELECT "+row+" FROM (SELECT 1 AS one) AS this"+
		" WHERE NOT EXISTS (SELECT 1 FROM cloudpay_tombstones WHERE hash = ?)"+t.d.ifNew, append(args, schedule.TombstoneHash(e.Ref))...)
	return err
}

// others returns those of the orders that are registered and do not have the token, or are pruned.
// It makes one query for each merchant and sub-merchant.
func (t tx) others(orders []schedule.Entry, token string) (registered, error) {
	found := registered{}
	for len(orders) > 0 {
		first := orders[0].Ref
		n := 1
		for n < len(orders) && sameShop(orders[n].Ref, first) {
			n++
		}
		refs := make(map[string]order.Ref, n) // by hash
		hashes, numbers := make([]any, n), make([]any, n)
		for i, e := range orders[:n] {
			hash := schedule.TombstoneHash(e.Ref)
			refs[string(hash)] = e.Ref
			hashes[i], numbers[i] = hash, e.OutTradeNo
		}
		rows, err := query(t, scanKnown, "SELECT hash, "+noneKnown+" FROM cloudpay_tombstones WHERE hash IN ("+marks(n)+")"+
			" UNION ALL SELECT NULL, "+knownColumns+" FROM cloudpay_orders"+
			" WHERE region = ? AND mchid = ? AND sub_mchid = ? AND (token IS NULL OR token <> ?) AND out_trade_no IN ("+marks(n)+")",
			slices.Concat(hashes, []any{string(first.Region), first.MchID, first.SubMchID, token}, numbers)...)
		if err != nil {
			return nil, err
		}
		found.add(refs, rows)
		orders = orders[n:]
	}
	return found, nil
}

func sameShop(a, b order.Ref) bool {
	return a.Region == b.Region && a.MchID == b.MchID && a.SubMchID == b.SubMchID
}
