package store

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Register has an order closed at its time. Registering it again with the same facts changes nothing and is no error;
// with other facts it is an *order.ConflictError, and the first ones stand. An ill-formed entry is an *order.FieldError.
func (s *Store) Register(ctx context.Context, e schedule.Entry) (added bool, err error) {
	all, err := s.RegisterAll(ctx, []schedule.Entry{e})
	if err != nil {
		return false, err
	}
	return all[0].Added, all[0].Err
}

// chunk is how many rows one statement writes.
const chunk = 500

// RegisterAll registers many orders at once, as Register does each, and says what became of each. Entries that cannot be
// registered keep no others from it. The error is the database's: what was registered before it stays, and the whole call
// may be repeated.
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
	// In one order everywhere, two imports of the same orders wait for each other and do not lock each other up.
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

func compareRefs(a, b order.Ref) int {
	return cmp.Or(
		strings.Compare(string(a.Region), string(b.Region)), strings.Compare(a.MchID, b.MchID),
		strings.Compare(a.SubMchID, b.SubMchID), strings.Compare(a.OutTradeNo, b.OutTradeNo),
	)
}

// register writes those of the entries whose indices are given, sorted by their refs. The token
// stands in the rows that it adds, until the first claim on them: by it this call's rows are told
// from those of another that registers the same orders at this moment, and from a try whose commit
// was lost.
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
		added, err := t.registered(entries, missing, " {latest}") // somebody else may have been faster, with other facts
		if err != nil {
			return err
		}
		maps.Copy(there, added)
	}
	for n, i := range part {
		known := there[entries[i].Ref]
		first := n == 0 || entries[part[n-1]].Ref != entries[i].Ref
		all[i] = schedule.Registration{Added: first && known.token == token}
		if field := known.Differs(entries[i]); field != "" {
			all[i] = schedule.Registration{Err: &schedule.ConflictError{Ref: entries[i].Ref, Field: field}}
		}
	}
	return nil
}

// registration is what an order was registered with, and the token of the call that did or has
// claimed it since.
type registration struct {
	schedule.Entry
	token string
}

// registered finds which of the entries' orders are there, and with which facts.
func (t tx) registered(entries []schedule.Entry, part []int, locking string) (map[order.Ref]registration, error) {
	there := make(map[order.Ref]registration, len(part))
	for start := 0; start < len(part); {
		first := entries[part[start]].Ref
		args := []any{string(first.Region), first.MchID, first.SubMchID}
		end := start
		for ; end < len(part) && sameShop(entries[part[end]].Ref, first); end++ {
			args = append(args, entries[part[end]].OutTradeNo)
		}
		err := t.each(func(scan func(...any) error) error {
			var token sql.Null[string]
			standing, err := scanStanding(scan, &token)
			there[standing.Ref] = registration{standing.Entry, token.V}
			return err
		}, "SELECT "+standingColumns+", token FROM cloudpay_orders WHERE region = ? AND mchid = ? AND sub_mchid = ? AND out_trade_no IN ("+
			marks(end-start)+")"+locking, args...)
		if err != nil {
			return nil, err
		}
		start = end
	}
	return there, nil
}

func sameShop(a, b order.Ref) bool {
	return a.Region == b.Region && a.MchID == b.MchID && a.SubMchID == b.SubMchID
}

// insert adds orders that nobody may have added since; those that somebody did stay as they are.
func (t tx) insert(entries []schedule.Entry, which []int, token string) error {
	var values strings.Builder
	args := make([]any, 0, 13*len(which))
	for n, i := range which {
		if n > 0 {
			values.WriteByte(',')
		}
		e := entries[i]
		args = append(args, t.entryValues(e)...)
		due := "?"
		if e.CloseAt.IsZero() {
			due = "{soon}"
			args = append(args, e.CloseIn.Microseconds())
		} else {
			args = append(args, t.d.at(e.CloseAt))
		}
		args = append(args, token)
		values.WriteString("(" + marks(11) + ", {now}, 'waiting', " + due + ", ?)")
	}
	_, err := t.exec("INSERT INTO cloudpay_orders ("+entryColumns+", registered_at, progress, due_at, token) VALUES "+values.String()+
		t.d.ifNew, args...)
	return err
}
