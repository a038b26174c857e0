package store

import (
	"context"

	"cloudpay/internal/order"
)

// Acknowledge records that a reader has handled all events of a merchant up to a number: they count
// as delivered, are not delivered any more, and no longer keep their orders from being pruned.
// Those that were delivered before stay as they are. It returns how many it marked. An error may
// come after some were marked; the call may be repeated.
func (s *Store) Acknowledge(ctx context.Context, of order.Account, through int64) (acknowledged int, err error) {
	// Events that are not acknowledged are due or dead. Both have an index of their own, in which
	// no acknowledged event is.
	for _, waiting := range []string{"due_at", "dead_at"} {
		for n := maxEvents; n == maxEvents; acknowledged += n {
			n, err = transact(ctx, s, "acknowledging events", func(t tx) (int, error) { return t.acknowledge(of, through, waiting) })
			if err != nil {
				return acknowledged, err
			}
		}
	}
	return acknowledged, nil
}

// acknowledge marks up to maxEvents events whose column waiting is set. A delivery under way loses
// its lease, so that its failure is not recorded.
func (t tx) acknowledge(of order.Account, through int64, waiting string) (int, error) {
	ids, err := query(t, rowID,
		"SELECT id FROM cloudpay_events WHERE "+ofMerchant+" AND "+waiting+" IS NOT NULL AND seq <= ? ORDER BY "+waiting+" LIMIT ? {lock}",
		string(of.Region), of.MchID, through, maxEvents)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	_, err = t.exec("UPDATE cloudpay_events SET delivered_at = {now}, due_at = NULL, dead_at = NULL, token = NULL, last_error = ''" +
		" WHERE id IN (" + literals(ids) + ")")
	return len(ids), err
}
