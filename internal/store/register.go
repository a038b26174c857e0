package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Register schedules an order to be closed. Registering it again with the same facts changes
// nothing and returns added false. With other facts it changes nothing either and returns a
// *schedule.ConflictError. The error is an *order.FieldError for an ill-formed entry.
func (s *Store) Register(ctx context.Context, e schedule.Entry) (added bool, err error) {
	all, err := s.RegisterAll(ctx, []schedule.Entry{e})
	if err != nil {
		return false, err
	}
	return all[0].Added, all[0].Err
}

// chunk bounds the rows that one statement writes.
const chunk = 500

// RegisterAll registers each of the entries as Register does, and returns their results in the same
// order. An entry that cannot be registered does not affect the others. The error is the
// database's: entries registered before it stay registered, and the call may be repeated.
func (s *Store) RegisterAll(ctx context.Context, entries []schedule.Entry) ([]schedule.Registration, error) {
	all := make([]schedule.Registration, len(entries))
	valid := make([]int, 0, len(entries))
	for i, e := range entries {
		if fault := e.Validate(); fault != nil {
			all[i].Err = fault
			continue
		}
		valid = append(valid, i)
	}
	// Two imports of the same orders lock them in the same sequence, so that one waits for the
	// other instead of both meeting in a deadlock.
	slices.SortStableFunc(valid, func(a, b int) int { return compareRefs(entries[a].Ref, entries[b].Ref) })
	for part := range slices.Chunk(valid, chunk) {
		token := newToken()
		err := s.do(ctx, "registering orders", func(t tx) error { return t.register(entries, part, token, all) })
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// compareRefs sorts refs by the columns of the table's unique key, in its order.
func compareRefs(a, b order.Ref) int {
	return cmp.Or(
		strings.Compare(string(a.Region), string(b.Region)), strings.Compare(a.MchID, b.MchID),
		strings.Compare(a.SubMchID, b.SubMchID), strings.Compare(a.OutTradeNo, b.OutTradeNo),
	)
}

// register writes those of the entries whose indices are in part, sorted by their refs. Each row
// that it adds has the token until its first claim. The token tells this call's rows from those
// that another call adds at this moment, and it survives a try whose commit was lost.
func (t tx) register(entries []schedule.Entry, part []int, token string, all []schedule.Registration) error {
	there, err := t.registered(entries, part, "")
	if err != nil {
		return err
	}
	var missing []int // the first entry of each order that is not there yet
	for _, i := range part {
		_, known := there[entries[i].Ref]
		repeated := len(missing) > 0 && entries[missing[len(missing)-1]].Ref == entries[i].Ref
		if !known && !repeated {
			missing = append(missing, i)
		}
	}
	if len(missing) > 0 {
		if err := t.insert(entries, missing, token); err != nil {
			return err
		}
		added, err := t.registered(entries, missing, " {latest}") // another call may have added them first, with other facts
		if err != nil {
			return err
		}
		maps.Copy(there, added)
	}
	for n, i := range part {
		known := there[entries[i].Ref]
		first := n == 0 || entries[part[n-1]].Ref != entries[i].Ref
		all[i] = schedule.Registration{Added: first && known.token == token}
		if conflict := known.Conflict(entries[i]); conflict != nil {
			all[i] = schedule.Registration{Err: conflict}
		}
	}
	return nil
}

// registered returns those of the entries' orders that are registered. It makes one query for each
// merchant and sub-merchant.
func (t tx) registered(entries []schedule.Entry, part []int, locking string) (map[order.Ref]row, error) {
	there := make(map[order.Ref]row, len(part))
	for len(part) > 0 {
		first := entries[part[0]].Ref
		args := []any{string(first.Region), first.MchID, first.SubMchID}
		n := 0
		for ; n < len(part) && sameShop(entries[part[n]].Ref, first); n++ {
			args = append(args, entries[part[n]].OutTradeNo)
		}
		rows, err := query(t, scanRow, "SELECT "+rowColumns+" FROM cloudpay_orders"+
			" WHERE region = ? AND mchid = ? AND sub_mchid = ? AND out_trade_no IN ("+marks(n)+")"+locking, args...)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			there[r.Ref] = r
		}
		part = part[n:]
	}
	return there, nil
}

func sameShop(a, b order.Ref) bool {
	return a.Region == b.Region && a.MchID == b.MchID && a.SubMchID == b.SubMchID
}

// insert adds the orders that are not there. A row that another call has added since stays as it
// is.
func (t tx) insert(entries []schedule.Entry, which []int, token string) error {
	var values strings.Builder
	args := make([]any, 0, 13*len(which))
	for n, i := range which {
		if n > 0 {
			values.WriteByte(',')
		}
		e := entries[i]
		args = append(args, t.entryValues(e)...)
		// A delay is added to the database's clock. A time that is past is due now: nothing becomes
		// due before it is written, so that a claim need not look there again.
		due := "{later}"
		if e.CloseAt.IsZero() {
			due = "{soon}"
			args = append(args, e.CloseIn.Microseconds())
		} else {
			args = append(args, t.d.at(e.CloseAt))
		}
		args = append(args, token)
		values.WriteString("(" + marks(strings.Count(entryColumns, ",")+1) + ", {now}, 'waiting', " + due + ", ?)")
	}
	_, err := t.exec("INSERT INTO cloudpay_orders ("+entryColumns+", registered_at, progress, due_at, token) VALUES "+values.String()+
		t.d.ifNew, args...)
	return err
}
