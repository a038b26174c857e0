package desk

import (
	"net/url"
	"sync/atomic"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/emulator/sink"
	"cloudpay/internal/emulator/spool"
	"cloudpay/internal/emulator/traffic"
	"cloudpay/pkg/paygate"
)

// seen brings together what the gateway gets and sends, what the cloud calls and what the event
// sink gets: the cloud finds out which of its calls caused a request or an event. The zero value is
// ready for use.
type seen struct {
	cloud      atomic.Pointer[deployed] // nil before a deployment
	direct     atomic.Pointer[func(traffic.Request)]
	deliveries traffic.Deliveries
}

// deployed is a cloud with its address.
type deployed struct {
	*platform.Cloud

	port string
}

// by has the calls of a cloud count as causes.
func (s *seen) by(cloud *platform.Cloud, address string) {
	at, err := url.Parse(address)
	if err != nil {
		at = &url.URL{} // an address of serve is one
	}
	s.cloud.Store(&deployed{cloud, at.Port()})
}

// deliveriesKind is the kind of the deliveries' IDs in the spool.
const deliveriesKind = "deliveries"

// number has the deliveries numbered behind those of earlier runs in the folder.
func (s *seen) number(spooled *spool.Spool) error {
	last, err := spooled.Last(deliveriesKind)
	if err != nil {
		return bilingual.Errorf("reading %s: %w", "读取 %s：%w", cloudFile, err)
	}
	s.deliveries.Numbers = traffic.Numbers{Last: last, Reserve: func(last int64) {
		_ = spooled.Mark(deliveriesKind, last) // else IDs come again after a restart, which loses nothing
	}}
	return nil
}

// observe is paygate.Options.Observe.
func (s *seen) observe(r *paygate.Request) {
	request := traffic.Request{
		Time: r.Time, Domain: r.Domain, API: r.API, Op: r.Op, Method: r.Method, URL: r.URL, MchID: r.MchID,
		OutTradeNo: r.OutTradeNo, HTTPStatus: r.HTTPStatus, Verdict: r.Verdict, Code: r.Code, State: r.State,
		Reason: r.Reason, Expected: r.Expected, Received: r.Received,
	}
	if cloud := s.cloud.Load(); cloud != nil {
		r.Call = cloud.Journal.Caused(request)
	}
	if direct := s.direct.Load(); direct != nil && r.Call == "" {
		(*direct)(request)
	}
}

// notified is paygate.Options.ObserveNotification.
func (s *seen) notified(n paygate.Notification, at time.Time, attempts []paygate.NotificationAttempt) {
	d := traffic.Delivery{
		Time: time.Now(), Clock: at, From: traffic.FromWeChatPay, To: n.URL, Function: s.functionAt(n.URL), API: n.API, Topic: n.Kind,
		MchID: n.MchID, OutTradeNo: n.OutTradeNo, Message: n.ID, State: n.State, Reason: n.Reason, Next: n.Due,
	}
	if len(attempts) == 0 {
		d.Verdict = notSent(n)
		s.deliveries.File(d)
		return
	}
	before := len(n.Attempts) - len(attempts)
	for i, a := range attempts {
		d.Attempt, d.Replay, d.HTTPStatus, d.Reason, d.Faults = before+i+1, a.Replay, a.HTTPStatus, a.Reason, nil
		for _, action := range a.Faults {
			d.Faults = append(d.Faults, string(action))
		}
		d.Verdict = traffic.VerdictFailed
		if a.Acknowledged {
			d.Verdict = traffic.VerdictOK
		}
		s.deliveries.File(d)
	}
}

// notSent is the verdict on a notification of which no attempt was made.
func notSent(n paygate.Notification) string {
	switch {
	case !n.Due.IsZero():
		return traffic.VerdictDelayed
	case n.State == traffic.VerdictLost:
		return traffic.VerdictLost
	default:
		return traffic.VerdictRefused
	}
}

// functionAt is the function of this cloud that an address calls; empty if it is another's.
func (s *seen) functionAt(address string) string {
	cloud := s.cloud.Load()
	at, err := url.Parse(address)
	if err != nil || cloud == nil || at.Port() != cloud.port || !isHere(at.Hostname()) {
		return ""
	}
	return cloud.FunctionAt(at.Path)
}

// received is sink.Options.Observe.
func (s *seen) received(event sink.Delivery) {
	d := traffic.Delivery{
		Time: event.Received, From: traffic.FromFunctions, To: "event sink", Topic: event.Kind, OutTradeNo: event.OutTradeNo,
		Message: event.WebhookID, EventID: event.ID, HTTPStatus: event.Status, Verdict: event.Verdict, Reason: event.Reason,
	}
	if cloud := s.cloud.Load(); cloud != nil {
		d.Clock = cloud.Clock.Time()
		d.Call, d.Function = cloud.Journal.Sender(event.OutTradeNo)
	}
	s.deliveries.File(d)
}

// WatchRequests has a function get each request to WeChat Pay that no call of the cloud caused. It
// must not block: the reply waits for it.
func (d *Desk) WatchRequests(direct func(traffic.Request)) { d.traffic.direct.Store(&direct) }

// WatchDeliveries has a function get each message to the merchant's server, those included that
// were sent since Start. It must not block: the delivery waits for it.
func (d *Desk) WatchDeliveries(watch func(traffic.Delivery)) { d.traffic.deliveries.Watch(watch) }
