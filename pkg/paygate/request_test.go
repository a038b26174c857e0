package paygate_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.v3(s.closeV3("A1"))
	s.v2(s.queryV2("A1"))
	requests := s.Requests()
	if len(requests) != 2 || requests[0].ID != 1 || requests[1].ID != 2 || requests[0].API != "v3" || requests[1].Op != "query" {
		t.Errorf("history is %+v, want an APIv3 close and an APIv2 query", requests)
	}
	requests[0].URL = "changed"
	if s.Requests()[0].URL == "changed" {
		t.Error("the history can be written to from outside")
	}
	s.ClearRequests()
	if n := len(s.Requests()); n != 0 {
		t.Errorf("after clearing there are %d requests, want none", n)
	}
	s.v2(s.queryV2("A1"))
	if got := s.last().ID; got != 3 {
		t.Errorf("the next request is number %d, want 3", got)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	s := start(t)
	for range paygate.MaxHistory + 5 {
		s.Remember(paygate.Request{})
	}
	requests := s.Requests()
	if len(requests) != paygate.MaxHistory || requests[0].ID != 6 {
		t.Errorf("history holds %d from number %d, want %d from 6", len(requests), requests[0].ID, paygate.MaxHistory)
	}
}

func TestAwaitRequests(t *testing.T) {
	t.Parallel()
	s := start(t)
	found := make(chan int)
	go func() {
		requests, err := s.AwaitRequests(t.Context(), 2)
		if err != nil {
			t.Error(err)
		}
		found <- len(requests)
	}()
	s.v3(s.queryV3("A1"))
	s.v3(s.queryV3("A1"))
	if n := <-found; n != 2 {
		t.Errorf("awaited %d requests, want 2", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if requests, err := s.AwaitRequests(ctx, 3); !errors.Is(err, context.DeadlineExceeded) || len(requests) != 2 {
		t.Errorf("awaiting a third gave %d and %v, want 2 and the deadline", len(requests), err)
	}
}

// TestNoncesAreBounded: a flood of nonces neither grows for ever nor makes a fresh one look reused.
func TestNoncesAreBounded(t *testing.T) {
	t.Parallel()
	var log paygate.NonceLog
	at := wireTime()
	for i := range 25_000 {
		if log.Reused("1", fmt.Sprint(i), at) {
			t.Fatalf("nonce %d counts as reused", i)
		}
		if n := log.Len(); n > 10_000 {
			t.Fatalf("%d nonces are remembered", n)
		}
	}
	if !log.Reused("1", "24999", at) || log.Reused("2", "24999", at) {
		t.Error("a nonce belongs to its merchant, and is remembered")
	}
}

// TestOldNoncesGoFirst: the sweep forgets what can no longer be replayed, and keeps the rest.
func TestOldNoncesGoFirst(t *testing.T) {
	t.Parallel()
	var log paygate.NonceLog
	for i := range 9_999 {
		log.Reused("1", fmt.Sprint(i), wireTime())
	}
	log.Reused("1", "fresh", wireTime().Add(9*time.Minute))
	later := wireTime().Add(11 * time.Minute)
	if log.Reused("1", "0", later) {
		t.Error("a nonce is remembered longer than its request could be replayed")
	}
	if !log.Reused("1", "fresh", later) || log.Len() != 2 {
		t.Errorf("%d nonces are remembered, want the fresh one and the new one", log.Len())
	}
}

// TestHistoryTime is written as every other time is: in seconds, in Beijing's zone.
func TestHistoryTime(t *testing.T) {
	t.Parallel()
	s := start(t, paygate.Options{Now: func() time.Time { return wireTime().Add(987 * time.Millisecond).UTC() }})
	s.v3(s.queryV3("A1"))
	if got := s.admin("GET", "/requests", "").list()[0]["time"]; got != "2026-03-01T12:00:00+08:00" {
		t.Errorf("time is %v, want Beijing's in seconds", got)
	}
}
