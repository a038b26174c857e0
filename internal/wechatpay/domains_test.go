package wechatpay

import (
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/verdict"
)

// watch is a clock that moves when told.
type watch struct{ time time.Time }

func (w *watch) now() time.Time { return w.time }

func newDomains() (*Domains, *watch) {
	w := &watch{time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	return &Domains{Now: w.now}, w
}

func TestBackupAfterConsecutiveFailures(t *testing.T) {
	t.Parallel()
	d, w := newDomains()
	want := func(domain int, when string) {
		t.Helper()
		if got := d.pick(2); got != domain {
			t.Errorf("%s: domain %d is asked, want %d", when, got, domain)
		}
	}
	want(mainDomain, "at first")
	d.report(mainDomain, false)
	want(mainDomain, "after one failure")
	d.report(mainDomain, true)
	d.report(mainDomain, false)
	want(mainDomain, "after two that were not in a row")
	d.report(mainDomain, false)
	want(backupDomain, "after two in a row")
	d.report(backupDomain, true)
	w.time = w.time.Add(probation - time.Second)
	want(backupDomain, "within the probation")
	w.time = w.time.Add(time.Second)
	want(mainDomain, "after the probation")
	d.report(mainDomain, false)
	want(backupDomain, "after one more failure")
	d.report(backupDomain, false)
	want(mainDomain, "when the backup is no better")
	w.time = w.time.Add(probation)
	d.report(mainDomain, true)
	d.report(mainDomain, false)
	want(mainDomain, "after a success, one failure is not enough")
}

func TestWithoutBackupTheMainIsAsked(t *testing.T) {
	t.Parallel()
	d, _ := newDomains()
	for range 5 {
		d.report(mainDomain, false)
	}
	if got := d.pick(1); got != mainDomain {
		t.Errorf("domain %d is asked, and there is one", got)
	}
}

func TestAReplyOfAnyKindIsReached(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		answer order.Answer
		want   bool
	}{
		{order.Answer{Code: errcode.NetworkError}, false},
		{order.Answer{Code: errcode.Timeout}, false},
		{order.Answer{Code: "TLS_ERROR"}, false},
		{order.Answer{Code: "HTTP_ERROR", HTTPStatus: 502}, true},
		{order.Answer{Code: errcode.BadSignature, HTTPStatus: 200}, true},
		{order.Answer{Verdict: verdict.Accepted, HTTPStatus: 204}, true},
		{order.Answer{Code: errcode.ConfigError}, true},
	} {
		if got := isReached(tc.answer); got != tc.want {
			t.Errorf("%+v: reached = %v", tc.answer, got)
		}
	}
}
