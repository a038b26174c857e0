package registerapi_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/emulator/registerapi"
)

// fake is a register with one order and one event. It notes what it was asked.
type fake struct {
	fault  error
	events registerapi.EventQuery
	again  registerapi.Redelivery
	asked  []string
}

func (f *fake) Status(context.Context) (registerapi.Status, error) {
	return registerapi.Status{MchID: "1900000001", Stuck: 3, Rate: 20, ConfiguredRate: 40, BackingOff: true}, f.fault
}

func (f *fake) Find(_ context.Context, key registerapi.Key) (*registerapi.Order, error) {
	f.asked = append(f.asked, key.Region+"/"+key.MchID+"/"+key.SubMchID+"/"+key.OutTradeNo)
	if key.OutTradeNo != "A|1" {
		return nil, f.fault
	}
	return &registerapi.Order{Key: key, Progress: registerapi.Waiting, DueAt: time.Unix(0, 0).UTC()}, f.fault
}

func (f *fake) Orders(_ context.Context, progress registerapi.Progress, from string, limit int) ([]registerapi.Order, string, error) {
	if progress != registerapi.Waiting {
		return nil, "", f.fault
	}
	f.asked = append(f.asked, from)
	return make([]registerapi.Order, min(limit, 2)), "second", f.fault
}

func (f *fake) Reopen(_ context.Context, key *registerapi.Key) (int, error) {
	switch {
	case key == nil:
		return 7, f.fault
	case key.OutTradeNo == "none":
		return 0, &registerapi.RequestError{Status: http.StatusNotFound, Message: "the order none is not registered"}
	}
	return 1, f.fault
}

func (f *fake) Events(_ context.Context, of registerapi.EventQuery) ([]registerapi.Event, error) {
	f.events = of
	if of.Limit > 1 {
		return nil, f.fault
	}
	return []registerapi.Event{{State: registerapi.Dead, Number: 17, Event: []byte(`{"kind":"closed"}`)}}, f.fault
}

func (f *fake) Redeliver(_ context.Context, of registerapi.Redelivery) (int, error) {
	f.again = of
	return 2, f.fault
}

// ask makes a request, and returns the status and the body.
func ask(t *testing.T, r registerapi.Register, method, target, body string) (status int, answer string) {
	t.Helper()
	w := httptest.NewRecorder()
	w.Header().Set("X-Request-Id", "r1") // as the cloud does
	request := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	registerapi.Handler(r).ServeHTTP(w, request)
	if got := w.Header().Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("%s %s: got the type %q", method, target, got)
	}
	return w.Code, strings.TrimSpace(w.Body.String())
}

// Each request is answered, or refused with a sentence that names what is wrong. What is not known
// is absent from an answer.
func TestRequests(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		request, body string
		status        int
		want          string // a part of the answer
	}{
		{"GET /v1/register", "", 200, `"stuck":3,`},
		{"GET /v1/register", "", 200, `"calls_per_second":20,"configured_calls_per_second":40,"backing_off":true,"receiver":{}}`},
		{"GET /v1/register?limit=1", "", 400, `{"code":"INVALID_PARAMETER","message":"there are no parameters here","requestId":"r1"}`},
		{"GET /v1/register/orders/A%7C1?mchid=1&sub_mchid=2&region=hk", "", 200,
			`{"region":"hk","mchid":"1","sub_mchid":"2","out_trade_no":"A|1","progress":"waiting","proved":false,"due_at":"1970-01-01T00:00:00Z","attempts":0}`},
		{"GET /v1/register/orders/A2", "", 404, `{"code":"NOT_FOUND","message":"the order A2 is not registered","requestId":"r1"}`},
		{"GET /v1/register/orders/A1?sub_mch_id=2", "", 400, `there is no parameter \"sub_mch_id\": there are region, mchid, sub_mchid`},
		{"GET /v1/register/orders?progress=waiting&limit=1", "", 200, `"next":"second"}`},
		{"GET /v1/register/orders?progress=ended", "", 200, `{"orders":[]}`},
		{"GET /v1/register/orders?out_trade_no=A2&out_trade_no=A%7C1&out_trade_no=A3&mchid=1&sub_mchid=2&region=hk", "", 200,
			`{"orders":[{"region":"hk","mchid":"1","sub_mchid":"2","out_trade_no":"A|1","progress":"waiting","proved":false,"due_at":"1970-01-01T00:00:00Z","attempts":0}]}`},
		{"GET /v1/register/orders?out_trade_no=A2", "", 200, `{"orders":[]}`},
		{"GET /v1/register/orders?" + strings.Repeat("out_trade_no=A&", 100), "", 200, `{"orders":[]}`},
		{"GET /v1/register/orders?" + strings.Repeat("out_trade_no=A&", 101), "", 400, "must be from 1 to 100 numbers"},
		{"GET /v1/register/orders?out_trade_no=A1&out_trade_no=", "", 400, "none of them empty"},
		{"GET /v1/register/orders?out_trade_no=A1&progress=waiting", "", 400, `there is no parameter \"progress\"`},
		{"GET /v1/register/orders", "", 400, `progress: must be waiting, closing, stuck, withdrawn or ended, not \"\"`},
		{"GET /v1/register/orders?progress=waiting&limit=1001", "", 400, `limit: must be a whole number from 1 to 1000, not \"1001\"`},
		{"POST /v1/register/orders/A1/reopen", "", 200, `{"reopened":1}`},
		{"POST /v1/register/orders/A1/reopen", "{}", 200, `{"reopened":1}`},
		{"POST /v1/register/orders/A1/reopen", `{"all":true}`, 400, `unknown field \"all\"`},
		{"POST /v1/register/orders/none/reopen", "", 404, `"message":"the order none is not registered"`},
		{"POST /v1/register/reopen", "", 200, `{"reopened":7}`},
		{"POST /v1/register/reopen", `{"sub_mchid":"2"}`, 400, `unknown field \"sub_mchid\"`},
		{"GET /v1/register/events", "", 200, `{"events":[]}`},
		{"GET /v1/register/events?state=dead&after=3&limit=1", "", 200,
			`{"events":[{"state":"dead","number":17,"attempts":0,"event":{"kind":"closed"}}],"next":17}`},
		{"GET /v1/register/events?state=pending&limit=1", "", 200, `"event":{"kind":"closed"}}]}`},
		{"GET /v1/register/events?state=delivered", "", 400, `state: must be pending or dead, not \"delivered\"`},
		{"GET /v1/register/events?state=pending&before=3", "", 400, "before: goes without state"},
		{"GET /v1/register/events?after=3", "", 400, "after: goes with state=dead only"},
		{"GET /v1/register/events?before=-1", "", 400, "before: must be a whole number from 1"},
		{"POST /v1/register/redeliver", `{"id":"17"}`, 200, `{"requeued":2}`},
		{"POST /v1/register/redeliver", `{"state":"dead"}`, 200, `{"requeued":2}`},
		{"POST /v1/register/redeliver", `{"since":"2026-11-30T12:00:00+08:00"}`, 200, `{"requeued":2}`},
		{"POST /v1/register/redeliver", `{}`, 400, `name an event by \"id\"`},
		{"POST /v1/register/redeliver", "", 400, "the body: EOF"},
		{"POST /v1/register/redeliver", `{"id":"17","state":"dead"}`, 400, `name an event by \"id\"`},
		{"POST /v1/register/redeliver", `{"state":"delivered"}`, 400, `state: must be pending or dead`},
		{"POST /v1/register/redeliver", `{"id":"17"}{"id":"18"}`, 400, "there is something behind the object"},
		{"POST /v1/register/redeliver", `{"number":17}`, 400, `unknown field \"number\"`},
		{"POST /v1/register/redeliver", `{"id":"` + strings.Repeat("9", 64<<10) + `"}`, 400, "too large"},
		{"DELETE /v1/register/events", "", 404, `"code":"INVALID_PATH"`},
		{"GET /v1/registers", "", 404, `"code":"INVALID_PATH"`},
	} {
		method, target, _ := strings.Cut(test.request, " ")
		status, got := ask(t, &fake{}, method, target, test.body)
		if status != test.status || !strings.Contains(got, test.want) {
			t.Errorf("%s %.60s: got %d %s, want %d with %s", test.request, test.body, status, got, test.status, test.want)
		}
	}
}

// What a request names reaches the register, and nothing that it did not name.
func TestWhatIsAsked(t *testing.T) {
	t.Parallel()
	f := &fake{}
	ask(t, f, "GET", "/v1/register/orders/A1", "")
	ask(t, f, "GET", "/v1/register/orders?progress=waiting&from=x.y", "")
	if got := strings.Join(f.asked, " "); got != "///A1 x.y" {
		t.Errorf("got %q", got)
	}
	ask(t, f, "GET", "/v1/register/events?before=5&limit=9", "")
	if want := (registerapi.EventQuery{Before: 5, Limit: 9}); f.events != want {
		t.Errorf("got %+v, want %+v", f.events, want)
	}
	ask(t, f, "GET", "/v1/register/events?state=dead&after=5", "")
	if want := (registerapi.EventQuery{State: registerapi.Dead, After: 5, Limit: 100}); f.events != want {
		t.Errorf("got %+v, want %+v", f.events, want)
	}
	ask(t, f, "POST", "/v1/register/redeliver", `{"since":"2026-11-30T12:00:00+08:00"}`)
	if !f.again.Since.Equal(time.Date(2026, 11, 30, 4, 0, 0, 0, time.UTC)) || f.again.ID != "" || f.again.State != "" {
		t.Errorf("got %+v, want the time alone", f.again)
	}
}

// A fault of the register is a 500 with its sentence on every path, and without a register every
// path says so.
func TestNoRegister(t *testing.T) {
	t.Parallel()
	for request, body := range map[string]string{
		"GET /v1/register": "", "GET /v1/register/orders/A|1": "", "GET /v1/register/orders?progress=stuck": "",
		"POST /v1/register/orders/A1/reopen": "", "POST /v1/register/reopen": "", "GET /v1/register/events": "",
		"POST /v1/register/redeliver": `{"id":"1"}`,
	} {
		method, target, _ := strings.Cut(request, " ")
		status, got := ask(t, &fake{fault: errors.New("the database is away")}, method, target, body)
		if status != 500 || got != `{"code":"REGISTER_FAULT","message":"the register: the database is away","requestId":"r1"}` {
			t.Errorf("%s: got %d %s", request, status, got)
		}
		if status, got := ask(t, nil, method, target, body); status != 404 || !strings.Contains(got, "NO_REGISTER") {
			t.Errorf("%s without a register: got %d %s", request, status, got)
		}
	}
}
