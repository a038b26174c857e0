package trigger_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
)

func scheduled(_ context.Context, p order.Params) order.Result {
	return order.Registered(order.Call{Ref: order.Ref{OutTradeNo: p.OutTradeNo}}, order.OutcomeScheduled, bilingual.Text{})
}

func TestWhatOrdersAreRegisteredWith(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, 11, 22, 18, 30, 0, 0, time.FixedZone("", 8*3600))
	for event, want := range map[string]order.Params{
		`{"out_trade_no":"A1","close_at":"2026-11-22T18:30:00+08:00"}`: {OutTradeNo: "A1", CloseAt: "2026-11-22T18:30:00+08:00"},
		`{"out_trade_no":"A1","close_at":"300"}`:                       {OutTradeNo: "A1", CloseAt: "300"},
		`{"out_trade_no":"A1","closeAt":300}`:                          {OutTradeNo: "A1", CloseAt: "300"},
		`{"out_trade_no":"A1","close_at":0}`:                           {OutTradeNo: "A1", CloseAt: "0"},
		`{"out_trade_no":"A1","close_at":null,"total":null}`:           {OutTradeNo: "A1"},
		`{"out_trade_no":"A1","total":100}`:                            {OutTradeNo: "A1", Total: new(int64(100))},
		`{"out_trade_no":"A1","total":"100"}`:                          {OutTradeNo: "A1", Total: new(int64(100))},
		`{"out_trade_no":"A1","total":0}`:                              {OutTradeNo: "A1", Total: new(int64(0))},
		`{"out_trade_no":"A1","total":""}`:                             {OutTradeNo: "A1"},
		`{"out_trade_no":"A1","openid":"oABC","sub_appid":"wx1"}`:      {OutTradeNo: "A1", OpenID: "oABC", SubAppID: "wx1"},
		`{"out_trade_no":"A1","openId":"oABC"}`:                        {OutTradeNo: "A1", OpenID: "oABC"},
		`{"out_trade_no":"A1","owner":"wx:wx1:o_A-1"}`:                 {OutTradeNo: "A1", Owner: order.WeChatOwner("wx1", "o_A-1")},
		`{"out_trade_no":"A1","owner":"tcb:u1"}`:                       {OutTradeNo: "A1", Owner: order.Owner("tcb:u1")},
		`{"out_trade_no":"A1","owner":""}`:                             {OutTradeNo: "A1"},
		`{"out_trade_no":"A1","created_at":"2026-11-22T18:30:00+08:00"}`: {
			OutTradeNo: "A1", CreatedAt: created,
		},
	} {
		k := newKit(t)
		k.invoke(event, nil)
		if diff := cmp.Diff([]order.Params{want}, k.asked); diff != "" {
			t.Errorf("%s (-want +got)\n%s", event, diff)
		}
	}
}

func TestWhatOrdersAreNotRegisteredWith(t *testing.T) {
	t.Parallel()
	for event, says := range map[string]string{
		`{"out_trade_no":"A1","total":-1}`:                     "total: must be a whole number of fen",
		`{"out_trade_no":"A1","total":1.5}`:                    "total: must be a whole number of fen",
		`{"out_trade_no":"A1","total":1e2}`:                    "total: must be a whole number of fen",
		`{"out_trade_no":"A1","total":"+1"}`:                   "total: must be a whole number of fen",
		`{"out_trade_no":"A1","total":"1 yuan"}`:               "total: must be a whole number of fen",
		`{"out_trade_no":"A1","total":99999999999999999999}`:   "total: must be a whole number of fen",
		`{"out_trade_no":"A1","total":true}`:                   "total: must be a string, not true or false",
		`{"out_trade_no":"A1","close_at":{}}`:                  "close_at: must be a string, not an object",
		`{"out_trade_no":1}`:                                   "out_trade_no: must be a string, not a number",
		`{"out_trade_no":"A1","openid":7}`:                     "openid: must be a string, not a number",
		`{"out_trade_no":"A1","open_id":"oABC"}`:               `open_id: is not a parameter; it is spelled "openid" or "openId"`,
		`{"out_trade_no":"A1","owner":"oABC"}`:                 "owner: must be",
		`{"out_trade_no":"A1","owner":"wx:oABC"}`:              "owner: must be",
		`{"out_trade_no":"A1","owner":"wx:wx1:oABC:x"}`:        "owner: must be",
		`{"out_trade_no":"A1","owner":"wx::oABC"}`:             "owner: must be",
		`{"out_trade_no":"A1","owner":"tcb:"}`:                 "owner: must be",
		`{"out_trade_no":"A1","owner":"qq:a:b"}`:               "owner: must be",
		`{"out_trade_no":"A1","owner":"wx:wx1:o ABC"}`:         "owner: must be",
		`{"out_trade_no":"A1","owner":"wx:wx1:o,A/B"}`:         "owner: must be",
		`{"out_trade_no":"A1","total":1,"total":1}`:            "total: is given twice",
		`{"out_trade_no":"A1","openid":"a","openId":"oABC"}`:   "openid: is given twice",
		`{"out_trade_no":"A1","created_at":1763807400}`:        "created_at: must be a string, not a number",
		`{"out_trade_no":"A1","close_at":300,"closeAt":"300"}`: "close_at: is given twice",
	} {
		k := newKit(t)
		k.wantRefused(k.invoke(event, nil), "PARAM_ERROR", says)
	}
}

// An owner that a service names is the one that the platform's words for a user make.
func TestOwnersAreSpelledAlike(t *testing.T) {
	t.Parallel()
	for owner, environment := range map[order.Owner]map[string]string{
		order.WeChatOwner(user["WX_APPID"], user["WX_OPENID"]): user,
		order.Owner("tcb:u1"): {"TCB_UUID": "u1"},
	} {
		k := newKit(t).strict().store(map[string]string{"A1": string(owner)})
		if got := k.invoke(`{"out_trade_no":"A1"}`, environment); got["outcome"] != "closed" {
			t.Errorf("%s: got %v, want their own order closed", owner, got)
		}
	}
}

// What is to be closed later is not closed now, which HTTP has a status for.
func TestScheduledIsAccepted(t *testing.T) {
	t.Parallel()
	for _, form := range httpForms {
		k := newKit(t).strict()
		k.on = form.on[0]
		k.fn.Do = scheduled
		got := k.http(form.name, post(`{"out_trade_no":"A1","close_at":300}`, bearer(httpToken)))
		if object(t, got.body)["outcome"] != "scheduled" || got.status != http.StatusAccepted {
			t.Errorf("%s: got %d %s, want 202 and scheduled", form.name, got.status, got.body)
		}
	}
}

// A queue's messages register orders too, and are done with then.
func TestQueuesRegister(t *testing.T) {
	t.Parallel()
	for _, form := range queueForms {
		k := newKit(t).strict()
		do := k.fn.Do
		k.fn.Do = func(ctx context.Context, p order.Params) order.Result {
			do(ctx, p)
			return scheduled(ctx, p)
		}
		event := batched(form.name, `{"out_trade_no":"A1","close_at":300,"openid":"oABC","service_token":"`+serviceToken+`"}`)
		if reply, err := k.handle(event, nil); err != nil {
			t.Errorf("%s: got %s, %v; want it done", form.name, reply, err)
		}
		want := []order.Params{{OutTradeNo: "A1", CloseAt: "300", OpenID: "oABC"}}
		if diff := cmp.Diff(want, k.asked); diff != "" {
			t.Errorf("%s (-want +got)\n%s", form.name, diff)
		}
		k.wantLog(map[string]any{"outcome": "scheduled", "level": "INFO"})
	}
}
