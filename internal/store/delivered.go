package store

import (
	"context"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// RecordDeliveries records what became of deliveries of one merchant, in one statement. There is an
// error for each of them, nil once it is recorded: a *schedule.LostClaimError if the event was
// claimed again since, or was requeued, and the database's for all of them if it failed. Repeating
// the write under a lease changes nothing.
func (s *Store) RecordDeliveries(ctx context.Context, of order.Account, results []outbox.DeliveryResult) []error {
	errs := make([]error, len(results))
	if len(results) == 0 {
		return errs
	}
	lost, err := transact(ctx, s, "recording deliveries", func(t tx) (map[int64]bool, error) {
		statement, args := recording(of, results)
		n, err := t.exec(statement, args...)
		if err != nil || n == int64(len(results)) {
			return nil, err
		}
		return t.lost(of, results)
	})
	for i, r := range results {
		switch {
		case err != nil:
			errs[i] = err
		case lost[r.Number]:
			errs[i] = &schedule.LostClaimError{Ref: r.Ref}
		}
	}
	return errs
}

// lost returns those of the events that are not, or no more, under their delivery's lease. The
// token of a returned one is gone.
func (t tx) lost(of order.Account, results []outbox.DeliveryResult) (map[int64]bool, error) {
	lost, tokens := map[int64]bool{}, map[int64]string{}
	ids := make([]int64, 0, len(results))
	for _, r := range results {
		lost[r.Number] = true
		ids = append(ids, r.Number)
		if tokens[r.Number] = r.Token; r.Outcome == outbox.DeliveryReturned {
			tokens[r.Number] = ""
		}
	}
	_, err := query(t, func(scan scanner) (id int64, err error) {
		var token string
		if err = scan(&id, &token); err == nil && token == tokens[id] {
			delete(lost, id)
		}
		return id, err
	}, "SELECT seq, COALESCE(token, '') FROM cloudpay_events WHERE "+ofMerchant+" AND seq IN ("+literals(ids)+")",
		string(of.Region), of.MchID)
	return lost, err
}

// recording is one statement for all results.
func recording(of order.Account, results []outbox.DeliveryResult) (statement string, args []any) {
	numbers := make([]int64, len(results))
	held := cases{key: "seq"}
	for i, r := range results {
		numbers[i] = r.Number
		held.when(r.Number, "?", r.Token)
	}
	assignments, args := assign("seq", results, func(r outbox.DeliveryResult) int64 { return r.Number }, delivered)
	return "UPDATE cloudpay_events SET " + assignments + " WHERE " + ofMerchant +
			" AND seq IN (" + literals(numbers) + ") AND token = " + held.otherwise("NULL"),
		append(append(args, string(of.Region), of.MchID), held.args...)
}

// delivered are the columns that a delivery's outcome changes.
var delivered = []assigned[outbox.DeliveryResult]{
	{"delivered_at", func(r outbox.DeliveryResult) (string, []any) {
		return onlyIf(r, outbox.DeliveryAcknowledged, "{now}"), nil
	}},
	{"dead_at", func(r outbox.DeliveryResult) (string, []any) { return onlyIf(r, outbox.DeliveryDead, "{now}"), nil }},
	{"attempts", func(r outbox.DeliveryResult) (string, []any) {
		return onlyIf(r, outbox.DeliveryReturned, "attempts - 1"), nil
	}},
	{"token", func(r outbox.DeliveryResult) (string, []any) {
		return onlyIf(r, outbox.DeliveryReturned, "NULL"), nil
	}},
	{"due_at", func(r outbox.DeliveryResult) (string, []any) {
		switch r.Outcome {
		case outbox.DeliveryFailed:
			return "{soon}", []any{max(r.After, 0).Microseconds()}
		case outbox.DeliveryReturned:
			return "{now}", nil
		case outbox.DeliveryAcknowledged, outbox.DeliveryDead:
		}
		return "NULL", nil
	}},
	{"last_error", func(r outbox.DeliveryResult) (string, []any) {
		if r.Outcome == outbox.DeliveryReturned {
			return "", nil
		}
		return "?", []any{line(r.Reason, maxReason)}
	}},
}

func onlyIf(r outbox.DeliveryResult, outcome outbox.DeliveryOutcome, expression string) string {
	if r.Outcome != outcome {
		return ""
	}
	return expression
}
