//go:build databases

package year_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/schedule/pruning"
	"cloudpay/internal/store"
)

const (
	// claims and batch are as many as a sweep claims and records at once, and abreast how many
	// batches it records side by side.
	claims, batch, abreast = 512, 64, 4

	lease = time.Minute
)

// work ends and tells what is due, side by side, and prunes beside it if it is time to.
func (y *year) work(s *store.Store, prunes bool) {
	y.Helper()
	var group sync.WaitGroup
	ended := make(chan struct{})
	group.Go(func() {
		defer close(ended)
		y.report(y.end(s))
	})
	group.Go(func() {
		for last := false; !last; {
			select {
			case <-ended:
				last = true
			default:
			}
			y.report(y.tell(s))
		}
	})
	if prunes {
		group.Go(func() { y.report(y.prune(s)) })
	}
	group.Wait()
	if y.Failed() {
		y.FailNow()
	}
}

func (y *year) report(err error) {
	y.Helper()
	if err != nil {
		y.Error(err)
	}
}

// end ends all orders that are due, a third of them paid. One in fifty is put off once.
func (y *year) end(s *store.Store) error {
	for {
		due, err := s.ClaimDoubtful(y.Context(), shop, claims, lease)
		if err == nil && len(due) == 0 {
			due, err = s.Claim(y.Context(), shop, claims, lease)
		}
		if err != nil || len(due) == 0 {
			return err
		}
		y.endAll(s, due)
	}
}

func (y *year) endAll(s *store.Store, due []schedule.Claim) {
	var ends []schedule.Ended
	var again []schedule.Claim
	for _, c := range due {
		if i := index(c.OutTradeNo); i%50 > 0 || c.Attempts > 1 {
			ends = append(ends, schedule.Ended{Claim: c, Final: final(i, c)})
		} else {
			again = append(again, c)
		}
	}
	y.ended += len(ends)
	inParts(ends, batch, func(part []schedule.Ended) { y.report(errors.Join(s.FinishAll(y.Context(), part)...)) })
	inParts(again, 1, func(one []schedule.Claim) {
		y.report(s.Retry(y.Context(), one[0], schedule.Retry{After: 5 * time.Minute, Reason: "SYSTEMERROR: try again"}))
	})
}

// inParts does parts of a list side by side.
func inParts[T any](all []T, size int, do func([]T)) {
	places := make(chan struct{}, abreast)
	var group sync.WaitGroup
	for part := range slices.Chunk(all, size) {
		places <- struct{}{}
		group.Go(func() {
			do(part)
			<-places
		})
	}
	group.Wait()
}

// final is how an order ends.
func final(i int, c schedule.Claim) schedule.Final {
	if i%3 > 0 {
		return schedule.Final{State: schedule.FinalClosed, TradeState: tradestate.Closed}
	}
	return schedule.Final{
		State: schedule.FinalPaid, TradeState: tradestate.Success, TransactionID: "42000" + c.OutTradeNo[1:] + "20261122000000",
		Total: c.Total, PaidAt: c.RegisteredAt.Add(time.Minute),
	}
}

// tell delivers all events that are due to the receiver, which fails to acknowledge one in a
// hundred at first.
func (y *year) tell(s *store.Store) error {
	for {
		due, err := s.ClaimDeliveries(y.Context(), shop, claims, lease)
		if err != nil || len(due) == 0 {
			return err
		}
		results := make([]outbox.DeliveryResult, len(due))
		for i, d := range due {
			results[i] = y.deliver(d)
		}
		inParts(results, batch, func(part []outbox.DeliveryResult) {
			y.report(errors.Join(s.RecordDeliveries(y.Context(), shop, part)...))
		})
	}
}

func (y *year) deliver(d outbox.Delivery) outbox.DeliveryResult {
	number := index(d.OutTradeNo)
	if number%100 == 0 && d.Attempts == 1 {
		return outbox.DeliveryResult{Delivery: d, Outcome: outbox.DeliveryFailed, After: 30 * time.Second, Reason: "HTTP status 500"}
	}
	y.acknowledged[number]++
	return outbox.DeliveryResult{Delivery: d, Outcome: outbox.DeliveryAcknowledged}
}

// prune prunes what ended 90 days ago, as the command does.
func (y *year) prune(s *store.Store) error {
	p := pruning.Selection{Account: shop, Age: kept, Limit: 1000}
	for more := true; more; {
		step, err := s.Prune(y.Context(), p, y.archive.Append)
		if err == nil && step.Kept > 0 {
			err = fmt.Errorf("pruning: got %+v, want none kept", step)
		}
		if err != nil {
			return err
		}
		y.pruned += step.Orders
		p.After, more = step.Next, step.More
	}
	return nil
}
