package sweep

import (
	"context"
	"time"

	"cloudpay/internal/order/errcode"
	"cloudpay/internal/schedule"
)

// longestWrite bounds recording how one order ended.
const longestWrite = 5 * time.Second

// recordGivenUp writes down that an order is given up.
func (w *sweep) recordGivenUp(ctx context.Context, d decided) {
	write, cancel := w.writing(ctx)
	defer cancel()
	w.recorded(ctx, []decided{d}, []error{w.Store.GiveUp(write, d.claim, d.Retry)})
}

// recordRetries writes down attempts that ended nothing.
func (w *sweep) recordRetries(ctx context.Context, batch []decided) {
	postponed := make([]schedule.Postponed, len(batch))
	for i, d := range batch {
		postponed[i] = schedule.Postponed{Claim: d.claim, Retry: d.Retry}
	}
	write, cancel := w.writing(ctx)
	defer cancel()
	w.recorded(ctx, batch, w.Store.RetryAll(write, postponed))
}

// recordEnds writes down the ends of orders.
func (w *sweep) recordEnds(ctx context.Context, batch []decided) {
	ended := make([]schedule.Ended, len(batch))
	for i, d := range batch {
		ended[i] = schedule.Ended{Claim: d.claim, Final: d.Final}
	}
	write, cancel := w.writing(ctx)
	defer cancel()
	w.recorded(ctx, batch, w.Store.FinishAll(write, ended))
}

// recorded counts decisions that were written together, each with its error.
func (w *sweep) recorded(ctx context.Context, batch []decided, errs []error) {
	failed := 0
	for i, d := range batch {
		w.failed(ctx, d)
		as := endingOf(d, errs[i])
		w.ended(as, 1)
		if as == unrecorded {
			failed++
			w.Log.ErrorContext(ctx, "what became of an order could not be recorded; it is due again when its lease has run out", "error", errs[i])
			continue
		}
		w.alarm(ctx, d, as, errs[i])
	}
	if failed == len(batch) {
		w.faults.Add(int32(failed))
		return
	}
	w.faults.Store(0)
	select { // there may be an event to deliver
	case w.wake <- struct{}{}:
	default:
	}
}

// alarm logs what a person has to look at.
func (w *sweep) alarm(ctx context.Context, d decided, as ending, err error) {
	if as == contradicted {
		w.Log.ErrorContext(ctx, "two signed answers contradict each other", "error", err)
	}
	if as == gaveUp {
		w.Log.ErrorContext(ctx, "an order is given up: a person has to look", "outTradeNo", d.claim.OutTradeNo,
			"order", d.claim.String(), "attempts", d.claim.Attempts, "reason", d.Retry.Reason)
	}
}

// writing is the context to write in: what is in flight is recorded although the time for exchanges
// is up, or the caller has gone.
func (w *sweep) writing(ctx context.Context) (context.Context, context.CancelFunc) {
	until := time.Now().Add(longestWrite)
	if !w.end.IsZero() && w.end.Before(until) {
		until = w.end
	}
	return context.WithDeadline(context.WithoutCancel(ctx), until)
}

// putBack has claims released under which nothing was sent.
func (w *sweep) putBack(claims ...schedule.Claim) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unstarted = append(w.unstarted, claims...)
	w.inFlight.Add(-int64(len(claims)))
}

// release releases the claims that were put back, and reports whether there were any.
func (w *sweep) release(ctx context.Context) bool {
	w.mu.Lock()
	claims := w.unstarted
	w.unstarted = nil
	w.mu.Unlock()
	if len(claims) == 0 {
		return false
	}
	ctx, cancel := w.writing(ctx)
	defer cancel()
	n, err := w.Store.Release(ctx, claims)
	if err != nil {
		w.Log.ErrorContext(ctx, "claims could not be given back; they are due again when their lease has run out", "error", err)
		w.faults.Add(1)
		w.ended(unrecorded, len(claims))
		return true
	}
	w.ended(released, n)
	w.ended(lost, len(claims)-n)
	return true
}

// failed counts an attempt that failed, and logs once a sweep that WeChat Pay refuses the
// merchant's credentials: no order says so before it is given up.
func (w *sweep) failed(ctx context.Context, d decided) {
	if !d.Failed {
		return
	}
	refused := errcode.IsOfMerchant(d.result.ErrCode)
	w.count(func(r *Report) {
		r.Failed++
		if refused && w.meetsAll(d.result.ErrCode) {
			r.credentials++
			r.credential = d.result.ErrCode + ": " + d.result.ErrCodeDes
		}
	})
	if !refused {
		return
	}
	w.credentials.Do(func() {
		row, _ := errcode.Lookup(d.result.ErrCode)
		w.Log.ErrorContext(ctx, "WeChat Pay refuses the merchant's credentials; no order can be closed until they are mended",
			"code", "CREDENTIALS", "outTradeNo", d.result.OutTradeNo, "errCode", d.result.ErrCode, "errCodeDes", d.result.ErrCodeDes,
			"remedy", row.Remedy)
	})
}

// meetsAll reports whether every order meets a code that is about the merchant. A service
// provider's numbers may be one sub-merchant's.
func (w *sweep) meetsAll(code string) bool {
	return !w.Merchant.Partner || code == errcode.SignError
}
