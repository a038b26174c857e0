package store

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"cloudpay/internal/order"
)

// Registration is what became of one entry that was to be registered.
type Registration struct {
	// Added says that it is new; otherwise it was there, with the same facts.
	Added bool
	// Err is an *order.FieldError when the entry is ill formed, an *order.ConflictError when the order is registered with
	// other facts, and nil otherwise.
	Err error
}

// Register has an order closed at its time. Registering it again with the same facts changes nothing and is no error;
// with other facts it is an *order.ConflictError, and the first ones stand. An ill-formed entry is an *order.FieldError.
func (s *Store) Register(ctx context.Context, e order.Entry) (added bool, err error) {
	all, err := s.RegisterAll(ctx, []order.Entry{e})
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
func (s *Store) RegisterAll(ctx context.Context, entries []order.Entry) ([]Registration, error) {
	all := make([]Registration, len(entries))
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
		err := s.do(ctx, "registering orders", func(t tx) error { return t.register(entries, part, all) })
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

// register writes those of the entries whose indices are given, sorted by their refs.
func (t tx) register(entries []order.Entry, part []int, all []Registration) error {
	before, err := t.registered(entries, part)
	if err != nil {
		return err
	}
	var missing []int // the first entry of each order that is not there yet
	added := map[int]bool{}
	for _, i := range part {
		_, there := before[entries[i].Ref]
		repeated := len(missing) > 0 && entries[missing[len(missing)-1]].Ref == entries[i].Ref
		if !there && !repeated {
			missing, added[i] = append(missing, i), true
		}
	}
	after := before
	if len(missing) > 0 {
		if err := t.insert(entries, missing); err != nil {
			return err
		}
		if after, err = t.registered(entries, part); err != nil { // somebody else may have been faster, with other facts
			return err
		}
	}
	for _, i := range part {
		all[i] = Registration{Added: added[i]}
		if field := after[entries[i].Ref].Differs(entries[i]); field != "" {
			all[i] = Registration{Err: &order.ConflictError{Ref: entries[i].Ref, Field: field}}
		}
	}
	return nil
}

// registered finds which of the entries' orders are there, and with which facts.
func (t tx) registered(entries []order.Entry, part []int) (map[order.Ref]order.Entry, error) {
	there := make(map[order.Ref]order.Entry, len(part))
	for start := 0; start < len(part); {
		first := entries[part[start]].Ref
		args := []any{string(first.Region), first.MchID, first.SubMchID}
		end := start
		for ; end < len(part) && sameShop(entries[part[end]].Ref, first); end++ {
			args = append(args, entries[part[end]].OutTradeNo)
		}
		err := t.each(func(scan func(...any) error) error {
			standing, err := scanStanding(scan)
			there[standing.Ref] = standing.Entry
			return err
		}, "SELECT "+standingColumns+" FROM cloudpay_orders WHERE region = ? AND mchid = ? AND sub_mchid = ? AND out_trade_no IN ("+
			marks(end-start)+")", args...)
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
func (t tx) insert(entries []order.Entry, which []int) error {
	var values strings.Builder
	args := make([]any, 0, 12*len(which))
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
		values.WriteString("(" + marks(11) + ", {now}, 'waiting', " + due + ")")
	}
	_, err := t.exec("INSERT INTO cloudpay_orders ("+entryColumns+", registered_at, progress, due_at) VALUES "+values.String()+
		t.d.ifNew, args...)
	return err
}
