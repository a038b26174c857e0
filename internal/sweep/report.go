package sweep

import (
	"errors"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/decision"
)

// Report is what a sweep did. Every order that was claimed is counted once: in one of Closed to
// Unrecorded.
type Report struct {
	// Claimed orders were due, and leased.
	Claimed int `json:"claimed"`
	// Closed were closed by this sweep, AlreadyClosed before it.
	Closed        int `json:"closed"`
	AlreadyClosed int `json:"alreadyClosed"`
	Paid          int `json:"paid"`
	// NotFound were proved not to exist, long enough after their registration.
	NotFound int `json:"notFound"`
	// Retried ended in nothing yet, and are due again later.
	Retried int `json:"retried"`
	// GaveUp ended in nothing for the last time: a person has to look.
	GaveUp int `json:"gaveUp"`
	// Released were given back untouched, for lack of time or quota.
	Released int `json:"released"`
	// Lost were claimed or ended by another process meanwhile.
	Lost int `json:"lost"`
	// Contradicted have a signed answer that contradicts the recorded end: an alarm.
	Contradicted int `json:"contradicted"`
	// Unrecorded were attempted, and the decision could not be written. They are due again when
	// their lease runs out.
	Unrecorded int `json:"unrecorded"`
	// Failed attempts met a WeChat Pay that was not reached, that refused, or that proved nothing.
	// Other orders were retried because they were too young or limited, or were only queried.
	Failed int `json:"failed"`
	// Calls is how many exchanges there were with WeChat Pay.
	Calls int `json:"calls"`
	// Told events were delivered, Untold not yet; Dead ones are not tried again.
	Told   int `json:"told"`
	Untold int `json:"untold"`
	Dead   int `json:"dead"`
	// ClockOff is by how many seconds the database's clock is ahead of WeChat Pay's, negative if it
	// is behind; 0 when it is at most a minute off. The log says whether the time is signed.
	ClockOff int64 `json:"clockOff,omitempty"`
	// Receiver is set when the receiver of events has acknowledged none for ten minutes.
	Receiver *ReceiverReport `json:"receiver,omitempty"`
	// Pruned orders ended long ago, and were deleted.
	Pruned int `json:"pruned,omitempty"`
	// Left says that orders may be due which this sweep had no time or no quota for. The next one
	// goes on.
	Left bool `json:"left"`
	// Fault is why the sweep ended before its time; empty when it did not.
	Fault string `json:"fault,omitempty"`
	// Took is how long it took, in milliseconds.
	Took int64 `json:"tookMs"`
	// Status is how the register stood at the end; nil when there was no time to read it, or it
	// could not be read.
	Status *schedule.Status `json:"status,omitempty"`

	// unconfigured: WeChat Pay could be asked nothing.
	unconfigured bool
	// credentials counts the Failed for which WeChat Pay refused the merchant's credentials, and
	// credential is what it said of the last.
	credentials int
	credential  string
}

// Err returns why the sweep ended none of the orders that it claimed, if that was for the
// configuration: nothing could be asked, or WeChat Pay refused the merchant's credentials in every
// attempt. It is nil otherwise. Each sweep will end nothing until that is mended.
func (r Report) Err() error {
	switch {
	case r.unconfigured && r.Released == r.Claimed:
		return bilingual.Errorf("no order could be closed before the configuration is mended: %s", "在修正配置之前无法关单：%s", r.Fault)
	case r.credentials > 0 && r.credentials == r.Failed && r.ends() == 0:
		return bilingual.Errorf("no order could be closed before the merchant's credentials are mended: %s",
			"在修正商户凭证之前无法关单：%s", r.credential)
	}
	return nil
}

// ends counts the orders that ended, whatever the end.
func (r Report) ends() int { return r.Closed + r.AlreadyClosed + r.Paid + r.NotFound + r.Contradicted }

// An ending is what became of a claim. The Report counts by it.
type ending string

const (
	closed        ending = "closed"
	alreadyClosed ending = "alreadyClosed"
	paid          ending = "paid"
	notFound      ending = "notFound"
	retried       ending = "retried"
	gaveUp        ending = "gaveUp"
	released      ending = "released"
	lost          ending = "lost"
	contradicted  ending = "contradicted"
	unrecorded    ending = "unrecorded"
)

// endingOf is what became of a claim whose decision was recorded with err.
func endingOf(d decided, err error) ending {
	_, isLost := errors.AsType[*schedule.LostClaimError](err)
	_, contradicts := errors.AsType[*schedule.ContradictionError](err)
	switch {
	case isLost:
		return lost
	case contradicts:
		return contradicted
	case err != nil:
		return unrecorded
	case d.Action == decision.GiveUp:
		return gaveUp
	case d.Action == decision.Postpone:
		return retried
	case d.Final.State == schedule.FinalPaid:
		return paid
	case d.Final.State == schedule.FinalNotFound:
		return notFound
	case d.result.Outcome == order.OutcomeClosed:
		return closed
	}
	return alreadyClosed
}

// counted is the Report with the claims by their endings.
func (r Report) counted(by map[ending]int) Report {
	r.Closed, r.AlreadyClosed, r.Paid, r.NotFound = by[closed], by[alreadyClosed], by[paid], by[notFound]
	r.Retried, r.GaveUp, r.Released = by[retried], by[gaveUp], by[released]
	r.Lost, r.Contradicted, r.Unrecorded = by[lost], by[contradicted], by[unrecorded]
	return r
}
