package store

import (
	"context"
	"errors"
	"slices"
	"sync"

	"cloudpay/internal/schedule"
)

// maxBatch bounds one batch of writes under claims: their rows are locked and written together.
const maxBatch = 64

// inBatches is how several writes under claims are recorded, each of another order: up to maxBatch
// in one transaction.
type inBatches[T any] struct {
	store *Store
	// doing words the error of a failing database.
	doing string
	claim func(T) schedule.Claim
	// together records writes in a transaction, and returns the row ids of those that it wrote: of
	// the orders whose claims held, and that no other transaction had locked. It never waits for a
	// lock.
	together func(tx, []T) (written []int64, err error)
	// singly records one write, and finds out why it was not written in the batch. It finds one
	// that an earlier try has committed without an answer, too.
	singly func(T) error
}

// record records all writes, and returns one error for each.
func (b inBatches[T]) record(ctx context.Context, all []T) []error {
	errs := make([]error, 0, len(all))
	for batch := range slices.Chunk(all, maxBatch) {
		errs = append(errs, b.recordBatch(ctx, batch)...)
	}
	return errs
}

// recordBatch records writes together, and side by side what was not written so.
func (b inBatches[T]) recordBatch(ctx context.Context, batch []T) []error {
	errs := make([]error, len(batch))
	written, err := b.write(ctx, batch)
	if err != nil && !b.store.fault(err).mayBeOfOneRow() {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	var singly sync.WaitGroup
	for i, one := range batch {
		id := b.claim(one).ID
		if written[id] {
			delete(written, id) // another write of the same order was not in the transaction
			continue
		}
		singly.Go(func() { errs[i] = b.singly(one) })
	}
	singly.Wait()
	return errs
}

// mayBeOfOneRow reports whether a transaction without the row that met the fault may succeed.
func (f fault) mayBeOfOneRow() bool { return f == faultOther || f == faultBusy }

// write records the first write of each order in one transaction, and returns the orders that it
// wrote.
func (b inBatches[T]) write(ctx context.Context, batch []T) (written map[int64]bool, err error) {
	if len(batch) == 1 {
		return map[int64]bool{}, nil // singly does the same in fewer words
	}
	var orders []T
	seen := map[int64]bool{}
	for _, one := range batch {
		if id := b.claim(one).ID; !seen[id] {
			seen[id] = true
			orders = append(orders, one)
		}
	}
	return transact(ctx, b.store, b.doing, func(t tx) (map[int64]bool, error) {
		ids, err := b.together(t, orders)
		written := make(map[int64]bool, len(ids))
		for _, id := range ids {
			written[id] = true
		}
		return written, err
	})
}

// errUnlocked means that rows which a batch had locked were not all there when it wrote them.
var errUnlocked = errors.New("rows that were locked have changed")

// held locks the orders for which the condition holds and that are still under their claims, and
// returns their writes.
func held[T any](t tx, condition string, writes []T, claim func(T) schedule.Claim) ([]T, error) {
	ids := make([]any, len(writes))
	for i, one := range writes {
		ids[i] = claim(one).ID
	}
	tokens := map[int64]string{}
	_, err := query(t, func(scan scanner) (id int64, err error) {
		var token string
		err = scan(&id, &token)
		tokens[id] = token
		return id, err
	}, "SELECT id, token FROM cloudpay_orders {byID} WHERE "+condition+" AND token IS NOT NULL AND id IN ("+
		marks(len(ids))+") {skip}", ids...)
	return slices.DeleteFunc(slices.Clone(writes), func(one T) bool {
		token, locked := tokens[claim(one).ID]
		return !locked || token != claim(one).Token
	}), err
}
