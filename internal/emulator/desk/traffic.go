package desk

import (
	"sync/atomic"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/emulator/traffic"
	"cloudpay/pkg/paygate"
)

// seen brings together what the gateway gets and what the cloud calls: the cloud finds out which of
// its calls caused a request. The zero value is ready for use.
type seen struct {
	cloud  atomic.Pointer[platform.Cloud] // nil before a deployment
	direct atomic.Pointer[func(traffic.Request)]
}

// by has the calls of a cloud count as causes.
func (s *seen) by(cloud *platform.Cloud) { s.cloud.Store(cloud) }

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

// WatchRequests has a function get each request to WeChat Pay that no call of the cloud caused. It
// must not block: the reply waits for it.
func (d *Desk) WatchRequests(direct func(traffic.Request)) { d.traffic.direct.Store(&direct) }
