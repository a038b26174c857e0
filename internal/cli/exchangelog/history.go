package exchangelog

import (
	"context"
	"net/url"
	"slices"
	"time"

	"cloudpay/internal/emulator/traffic"
)

// maxEvent is the most bytes of an answer, or of one event of a stream.
const maxEvent = 64 << 20

// Source is a running emulator.
type Source struct {
	CloudURL string // has the calls; empty for WeChat Pay alone
	AdminURL string // WeChat Pay's management API, which has the requests and the deliveries
}

// Entry is a call, a request that no call caused, or a delivery: the one that is not nil.
type Entry struct {
	Call     *traffic.Call
	Request  *traffic.Request
	Delivery *traffic.Delivery
}

// at is when it came.
func (e Entry) at() time.Time {
	switch {
	case e.Call != nil:
		return e.Call.Time
	case e.Request != nil:
		return e.Request.Time
	default:
		return e.Delivery.Time
	}
}

// History shows the last calls and deliveries that a query selects, and the requests of their time
// that no call caused, oldest first.
func History(ctx context.Context, from Source, q traffic.Query, show func(Entry)) error {
	var all []Entry
	for _, read := range []func(context.Context, traffic.Query) ([]Entry, error){from.requests, from.deliveries, from.calls} {
		some, err := read(ctx, q)
		if err != nil {
			return err
		}
		all = append(all, some...)
	}
	for _, one := range merge(all, q.Limit) {
		show(one)
	}
	return nil
}

// merge sorts entries by time, and keeps the last of them. Requests have whole seconds, so that one
// of the same second comes first.
func merge(all []Entry, most int) []Entry {
	slices.SortStableFunc(all, func(a, b Entry) int { return a.at().Compare(b.at()) })
	if most > 0 && len(all) > most {
		all = all[len(all)-most:]
	}
	return all
}

// calls reads the last calls.
func (s Source) calls(ctx context.Context, q traffic.Query) (all []Entry, err error) {
	if s.CloudURL == "" {
		return nil, nil
	}
	var page traffic.Page
	err = get(ctx, s.CloudURL+"/v1/calls?"+q.Values().Encode(), &page)
	for i := range page.Calls {
		all = append(all, Entry{Call: &page.Calls[i]})
	}
	return all, err
}

// deliveries reads the last deliveries.
func (s Source) deliveries(ctx context.Context, q traffic.Query) (all []Entry, err error) {
	var page traffic.DeliveryPage
	err = get(ctx, s.AdminURL+"/deliveries?"+q.Values().Encode(), &page)
	for i := range page.Deliveries {
		all = append(all, Entry{Delivery: &page.Deliveries[i]})
	}
	return all, err
}

// requests reads the last requests that no call caused.
func (s Source) requests(ctx context.Context, q traffic.Query) (all []Entry, err error) {
	var list []traffic.Request
	err = get(ctx, s.AdminURL+"/requests?"+requestQuery(q).Encode(), &list)
	for i, r := range list {
		if r.Call == "" && q.MatchesRequest(r) {
			all = append(all, Entry{Request: &list[i]})
		}
	}
	return all, err
}

// requestQuery is what the gateway filters itself.
func requestQuery(q traffic.Query) url.Values {
	values := url.Values{}
	if q.OutTradeNo != "" {
		values.Set("order", q.OutTradeNo)
	}
	return values
}
