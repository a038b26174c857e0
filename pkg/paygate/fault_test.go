package paygate_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// fresh is a session whose next request opens a connection: net/http sends a query again when a
// reused one breaks.
func fresh(s *session) *session {
	s.client.CloseIdleConnections()
	return s
}

// TestAnswers are the faults that answer in the gateway's place, genuinely, and do nothing.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		fault    paygate.Fault
		v2, code string
		status   int
	}{
		{paygate.Fault{Action: paygate.SystemError}, "SYSTEMERROR", "SYSTEM_ERROR", 500},
		{paygate.Fault{Action: paygate.BankError}, "BANKERROR", "BANK_ERROR", 500},
		{paygate.Fault{Action: paygate.RateLimit}, "FREQUENCY_LIMITED", "FREQUENCY_LIMITED", 429},
		{paygate.Fault{Action: paygate.UserPaying}, "USERPAYING", "USERPAYING", 202},
		{paygate.Fault{Action: paygate.Refuse, Code: "TRADE_ERROR"}, "TRADE_ERROR", "TRADE_ERROR", 403},
		{paygate.Fault{Action: paygate.Refuse, Code: "SYSTE_MERROR"}, "SYSTE_MERROR", "SYSTE_MERROR", 500},
		{paygate.Fault{Action: paygate.Refuse, Code: "NEVER_SEEN"}, "NEVER_SEEN", "NEVER_SEEN", 400},
	} {
		t.Run(string(test.fault.Action)+test.fault.Code, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.order("A1")
			s.MustInject(test.fault)
			s.v2(s.closeV2("A1")).wantCode(test.v2)
			s.v2(s.queryV2("A1")).wantCode(test.v2)
			s.v3(s.closeV3("A1")).wantCode(test.status, test.code)
			s.v3(s.queryV3("A1")).wantCode(test.status, test.code)
			s.wantLast("refused", "a fault answered before anything was done")
			if got := s.last(); !slices.Equal(got.Faults, []paygate.Action{test.fault.Action}) || got.State != "NOTPAY" {
				t.Errorf("history says %+v", got)
			}
			s.WantState("A1", paygate.StateNotPay)
		})
	}
}

func TestRefuseWithStatus(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.MustInject(paygate.Fault{Action: paygate.Refuse, Code: "SERVICE_UNAVAILABLE", HTTPStatus: 502})
	s.v3(s.closeV3("A1")).wantCode(502, "SERVICE_UNAVAILABLE")
	got := s.v2(s.closeV2("A1"))
	got.wantCode("SERVICE_UNAVAILABLE")
	if got.status != 502 {
		t.Errorf("status %d, want 502", got.status)
	}
}

func TestRateLimitSaysHowLong(t *testing.T) {
	t.Parallel()
	for delay, want := range map[time.Duration]string{0: "1", 1500 * time.Millisecond: "2", time.Minute: "60"} {
		s := start(t)
		s.MustInject(paygate.Fault{Action: paygate.RateLimit, Delay: delay})
		if got := s.v3(s.closeV3("A1")).want(429).header.Get("Retry-After"); got != want {
			t.Errorf("Retry-After for %s is %q, want %q", delay, got, want)
		}
	}
}

// TestForgeries are replies to requests that were handled, with a signature that must not be
// believed.
func TestForgeries(t *testing.T) {
	t.Parallel()
	for action, want := range map[paygate.Action]string{
		paygate.BadSignature:  "bad signature",
		paygate.Unsigned:      "none",
		paygate.UnknownSerial: "unknown serial",
		paygate.Probe:         "not base64",
	} {
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.order("A1")
			s.order("A2")
			s.MustInject(paygate.Fault{Action: action, API: "v3"})
			for _, req := range []v3Request{s.closeV3("A1"), s.queryV3("A1"), s.closeV3("NONE")} {
				got := s.v3(req)
				if !strings.HasPrefix(got.signature(), want) {
					t.Errorf("signed by %s, want %s", got.signature(), want)
				}
				if probe := strings.HasPrefix(got.header.Get("Wechatpay-Signature"), "WECHATPAY/SIGNTEST/"); probe != (action == paygate.Probe) {
					t.Errorf("the signature is a probe's: %t, want %t", probe, action == paygate.Probe)
				}
			}
			s.WantState("A1", paygate.StateClosed)
			s.v2(s.closeV2("A2")).want(pair{"result_code", "SUCCESS"}) // the match names the API
		})
	}
}

func TestForgeriesV2(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.MustInject(paygate.Fault{Action: paygate.BadSignature, Times: 1})
	got := s.v2(s.closeV2("A1"))
	if got.signed() || len(got.fields["sign"]) != 32 || got.fields["result_code"] != "SUCCESS" {
		t.Errorf("want a success with a wrong sign:\n%s", got.body)
	}
	s.MustInject(paygate.Fault{Action: paygate.Unsigned, Times: 1})
	got = s.v2(s.closeV2("A1").hmac())
	if _, there := got.fields["sign"]; there || got.fields["err_code"] != "ORDERCLOSED" {
		t.Errorf("want ORDERCLOSED without sign:\n%s", got.body)
	}
	s.MustInject(paygate.Fault{Action: paygate.Stale})
	s.v2(s.closeV2("A1")).wantCode("ORDERCLOSED")
	if faults := s.last().Faults; len(faults) != 0 {
		t.Errorf("an APIv2 request met %v, which exists in APIv3 only", faults)
	}
}

func TestStale(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.MustInject(paygate.Fault{Action: paygate.Stale, Times: 1})
	got := s.v3(s.closeV3("A1")).want(204)
	seconds, err := strconv.ParseInt(got.header.Get("Wechatpay-Timestamp"), 10, 64)
	if age := wireTime().Unix() - seconds; err != nil || age != 600 {
		t.Errorf("the reply is %d seconds old (%v), want 600", age, err)
	}
	got = s.v3(s.queryV3("A1")).want(200)
	if at := got.header.Get("Wechatpay-Timestamp"); at != strconv.FormatInt(wireTime().Unix(), 10) {
		t.Errorf("the next timestamp is %s, want the wire clock's", at)
	}
}

// TestWrongSubject are genuine replies to another question.
func TestWrongSubject(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, no := range []string{"V31", "V21", "V32", "V22"} {
		s.order(no)
	}
	s.order("S1", ofSub)

	s.MustInject(paygate.Fault{Action: paygate.WrongOrder, Times: 4})
	s.v3(s.queryV3("V31")).want(200).wantJSON(map[string]any{"out_trade_no": "V30", "mchid": s.Merchant.MchID, "trade_state": "NOTPAY"})
	s.v3(s.closeV3("V31")).want(200).wantJSON(map[string]any{"out_trade_no": "V30", "trade_state": "CLOSED"})
	s.v2(s.queryV2("V21")).want(pair{"result_code", "SUCCESS"}, pair{"out_trade_no", "V20"})
	s.v2(s.closeV2("NONE")).want(pair{"result_code", "SUCCESS"}, pair{"out_trade_no", "NON0"})
	s.WantState("V31", paygate.StateClosed)

	other := s.Merchant.MchID[:9] + "0"
	s.MustInject(paygate.Fault{Action: paygate.WrongMerchant, Times: 4})
	s.v3(s.queryV3("V32")).want(200).wantJSON(map[string]any{"out_trade_no": "V32", "mchid": other})
	s.v3(s.closeV3("V32")).want(200).wantJSON(map[string]any{"out_trade_no": "V32", "mchid": other})
	s.v3(s.querySubV3("S1")).want(200).wantJSON(map[string]any{"sp_mchid": other, "sub_mchid": subMchID})
	s.v2(s.closeV2("V22")).want(pair{"result_code", "SUCCESS"}, pair{"mch_id", other})
	s.WantState("V22", paygate.StateClosed)
}

func TestOversize(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.MustInject(paygate.Fault{Action: paygate.Oversize, Times: 3})
	for _, got := range []answer{s.v3(s.queryV3("A1")).want(200).answer, s.v3(s.closeV3("A1")).want(200).answer, s.v2(s.queryV2("A1")).answer} {
		if len(got.body) <= 1<<20 {
			t.Errorf("the body has %d bytes, want more than a mebibyte", len(got.body))
		}
	}
	s.v3(s.queryV3("A1")).want(200).wantJSON(map[string]any{"padding": nil, "trade_state": "CLOSED"})
}

func TestOversizeV2IsSigned(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.MustInject(paygate.Fault{Action: paygate.Oversize})
	s.v2(s.closeV2("A1")).want(pair{"result_code", "SUCCESS"})
}

func TestTruncate(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.MustInject(paygate.Fault{Action: paygate.Truncate})
	for name, req := range map[string]v3Request{"query": s.queryV3("A1"), "close": s.closeV3("A1")} {
		if err := s.tryV3(t.Context(), req); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: error is %v, want an unexpected end", name, err)
		}
	}
	if _, err := s.exchange(t.Context(), "POST", "/pay/orderquery", s.queryV2("A1").body(), http.Header{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("APIv2: error is %v, want an unexpected end", err)
	}
	s.WantState("A1", paygate.StateClosed)
}

func TestHTML502(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.MustInject(paygate.Fault{Action: paygate.HTML502, Times: 2})
	got := s.v3(s.closeV3("A1")).wantUnsigned(502)
	if !strings.HasPrefix(got.body, "<html>") || got.header.Get("Content-Type") != "text/html" {
		t.Errorf("want a page of HTML, got %s: %s", got.header.Get("Content-Type"), got.body)
	}
	page := s.mustExchange("POST", "/pay/closeorder", s.closeV2("A1").body(), http.Header{})
	if page.status != 502 || page.body != got.body {
		t.Errorf("APIv2 got %d %s, want the same page", page.status, page.body)
	}
	s.wantLast("interference", "nothing was done")
	s.WantState("A1", paygate.StateNotPay)
	s.MustInject(paygate.Fault{Action: paygate.HTML502, HTTPStatus: 503})
	s.v3(s.closeV3("A1")).wantUnsigned(503)
}

// TestDropAndReset: both leave the client without an answer; only one of them did something.
func TestDropAndReset(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("DROP")
	s.order("RESET")
	s.MustInject(paygate.Fault{Action: paygate.Drop, OutTradeNo: "DROP", Times: 1})
	s.MustInject(paygate.Fault{Action: paygate.Reset, OutTradeNo: "RESET", Times: 1})

	if err := fresh(s).tryV3(t.Context(), s.closeV3("DROP")); !errors.Is(err, io.EOF) {
		t.Errorf("drop: error is %v, want an end without a reply", err)
	}
	s.WantState("DROP", paygate.StateClosed)
	s.wantLast("ok", "cut the connection without a reply")
	if s.last().HTTPStatus != 0 {
		t.Errorf("history says status %d, want 0 for none", s.last().HTTPStatus)
	}

	if err := fresh(s).tryV3(t.Context(), s.closeV3("RESET")); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset: error is %v, want a connection reset", err)
	}
	s.WantState("RESET", paygate.StateNotPay)
	s.wantLast("cut", "before anything was done")

	s.v3(s.closeV3("DROP")).wantCode(400, "ORDER_CLOSED")
	s.v3(s.closeV3("RESET")).want(204)
}

// TestHang ends when the client goes away.
func TestHang(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.MustInject(paygate.Fault{Action: paygate.Hang, Times: 1})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.tryV3(ctx, s.closeV3("A1")) }()
	if _, err := s.AwaitRequests(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		t.Errorf("the request ended with %v before its client gave up", err)
	default:
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want the client's own", err)
	}
	s.wantLast("hanging", "hanging")
	s.WantState("A1", paygate.StateNotPay)
}

// TestHangEndsWithTheGateway: nothing is left behind when the test is over.
func TestHangEndsWithTheGateway(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.MustInject(paygate.Fault{Action: paygate.Hang})
	ended := make(chan error, 1)
	go func() { ended <- s.tryV3(t.Context(), s.closeV3("A1")) }()
	if _, err := s.AwaitRequests(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if err := <-ended; !errors.Is(err, io.EOF) {
		t.Errorf("error is %v, want an end without a reply", err)
	}
}

func TestDelay(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	const pause = 20 * time.Millisecond
	s.MustInject(paygate.Fault{Action: paygate.Delay, Delay: pause, Times: 1})
	begin := time.Now()
	s.v3(s.closeV3("A1")).want(204)
	if took := time.Since(begin); took < pause {
		t.Errorf("the reply took %s, want %s at least", took, pause)
	}
}

// TestDelayOutlastsTheClient: a client that does not wait gets nothing done.
func TestDelayOutlastsTheClient(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.MustInject(paygate.Fault{Action: paygate.Delay, Delay: 10 * time.Minute, Times: 1})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	aborted(t, s, httptest.NewRequestWithContext(gone, http.MethodPost, "/pay/closeorder", strings.NewReader(s.closeV2("A1").body())))
	s.wantLast("cut", "during the delay")
	s.WantState("A1", paygate.StateNotPay)

	s.MustInject(paygate.Fault{Action: paygate.Delay, Delay: 10 * time.Minute, Times: 1})
	_ = s.Close()
	if err := fresh(s).tryV3(t.Context(), s.closeV3("A1")); !errors.Is(err, io.EOF) {
		t.Errorf("error is %v, want an end without a reply", err)
	}
}

// TestPaymentSlipsIn: handling goes on after it, and other faults come on top.
func TestPaymentSlipsIn(t *testing.T) {
	t.Parallel()
	s := start(t)
	pay := paygate.Fault{Action: paygate.Pay, Times: 1}
	s.order("A1")
	s.MustInject(pay)
	s.v3(s.closeV3("A1")).wantCode(400, "ORDER_PAID")
	s.wantLast("refused", "a payment came in just before")
	s.WantState("A1", paygate.StateSuccess)

	s.order("A2")
	s.MustInject(paygate.Fault{Action: paygate.Drop, Times: 1})
	s.MustInject(pay)
	if err := fresh(s).tryV3(t.Context(), s.closeV3("A2")); !errors.Is(err, io.EOF) {
		t.Errorf("pay and drop: error is %v, want an end without a reply", err)
	}
	s.WantState("A2", paygate.StateSuccess)

	s.order("A3")
	s.MustInject(paygate.Fault{Action: paygate.Reset, Times: 1})
	s.MustInject(pay)
	if err := fresh(s).tryV3(t.Context(), s.closeV3("A3")); err == nil {
		t.Error("pay and reset: there was a reply")
	}
	s.WantState("A3", paygate.StateSuccess)

	s.MustInject(pay)
	s.v2(s.closeV2("A3")).wantCode("ORDERPAID")
	s.wantLast("refused", "the payment did not happen")
}

// TestPaymentMeetsTheRightOwner: the same number of another owner stays unpaid.
func TestPaymentMeetsTheRightOwner(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.order("A1", ofSub)
	s.MustInject(paygate.Fault{Action: paygate.Pay})
	s.v3(s.closeSubV3("A1")).wantCode(400, "ORDER_PAID")
	s.WantState("A1", paygate.StateNotPay, paygate.Owner{MchID: s.Merchant.MchID})
}

// TestTurns: what excludes one another takes turns; what does not is applied together.
func TestTurns(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	for _, fault := range []paygate.Fault{
		{Action: paygate.SystemError, Times: 1},
		{Action: paygate.Refuse, Code: "RULE_LIMIT", Times: 1},
		{Action: paygate.BadSignature, Times: 1},
		{Action: paygate.Unsigned, Times: 1},
	} {
		s.MustInject(fault)
	}
	first := s.v3(s.closeV3("A1"))
	if first.status != 500 || first.signature() != "bad signature" {
		t.Errorf("first: %d signed by %s, want 500 with a bad signature", first.status, first.signature())
	}
	if want := []paygate.Action{paygate.SystemError, paygate.BadSignature}; !slices.Equal(s.last().Faults, want) {
		t.Errorf("history says %v, want %v", s.last().Faults, want)
	}
	s.v3(s.closeV3("A1")).wantUnsigned(403)
	s.v3(s.closeV3("A1")).want(204)
	if left := s.Faults(); len(left) != 0 {
		t.Errorf("faults left: %v", left)
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", inState(paygate.StateSuccess))
	s.order("A2")
	id := s.MustOrder("A1").TransactionID
	byTransaction := v3Request{method: "GET", uri: "/v3/pay/transactions/id/" + id + "?mchid=" + s.Merchant.MchID}
	for _, test := range []struct {
		match paygate.Fault
		meets [5]bool // close v2, close v3, query v2, query v3, by transaction; all of A1
	}{
		{paygate.Fault{}, [5]bool{true, true, true, true, true}},
		{paygate.Fault{Op: "close"}, [5]bool{true, true, false, false, false}},
		{paygate.Fault{Op: "query", API: "v3"}, [5]bool{false, false, false, true, true}},
		{paygate.Fault{API: "v2"}, [5]bool{true, false, true, false, false}},
		{paygate.Fault{OutTradeNo: "A1"}, [5]bool{true, true, true, true, true}},
		{paygate.Fault{OutTradeNo: "A2"}, [5]bool{}},
	} {
		s.ClearFaults()
		test.match.Action, test.match.Code = paygate.Refuse, "HIT"
		s.MustInject(test.match)
		s.v2(s.closeV2("A1"))
		s.v3(s.closeV3("A1"))
		s.v2(s.queryV2("A1"))
		s.v3(s.queryV3("A1"))
		s.v3(byTransaction)
		requests := s.Requests()
		for i, want := range test.meets {
			if got := requests[len(requests)-5+i].Code == "HIT"; got != want {
				t.Errorf("match %+v meets request %d: %t, want %t", test.match, i, got, want)
			}
		}
	}
}

// TestFaultsNeedAGenuineRequest: a wrong signature is told as such, and uses no fault up.
func TestFaultsNeedAGenuineRequest(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.MustInject(paygate.Fault{Action: paygate.Hang, Times: 1})
	forged := s.closeV3("A1")
	forged.message = func(v3Request) string { return "" }
	s.v3(forged).wantUnsigned(401)
	malformed := s.closeV3("A1")
	malformed.body = "{}"
	s.v3(malformed).wantCode(400, "PARAM_ERROR")
	if n := len(s.Faults()); n != 1 {
		t.Errorf("%d faults are left, want 1", n)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.MustInject(paygate.Fault{Action: paygate.SystemError, Times: 2})
	for i, want := range []int{500, 500, 200} {
		if got := s.v3(s.queryV3("A1")).status; got != want {
			t.Errorf("request %d: status %d, want %d", i, got, want)
		}
	}
	s.MustInject(paygate.Fault{Action: paygate.SystemError})
	for range 3 {
		s.v3(s.queryV3("A1")).want(500)
	}
	s.ClearFaults()
	s.v3(s.queryV3("A1")).want(200)
}

func TestFaultChecks(t *testing.T) {
	t.Parallel()
	s := start(t)
	for want, fault := range map[string]paygate.Fault{
		`action: "explode" must be one of refuse, system-error`: {Action: "explode"},
		`action: "" must be one of`:                             {},
		`match.op: "open" must be one of close, query`:          {Action: paygate.Drop, Op: "open"},
		`match.api: "v4" must be one of v2, v3`:                 {Action: paygate.Drop, API: "v4"},
		`match.out_trade_no: "a b" must be 1 to 32`:             {Action: paygate.Drop, OutTradeNo: "a b"},
		`match.api: probe exists in v3 only`:                    {Action: paygate.Probe, API: "v2"},
		`times: -1 must not be negative`:                        {Action: paygate.Drop, Times: -1},
		`code: "" must be 1 to 64 capital letters`:              {Action: paygate.Refuse},
		`code: "Not Good" must be`:                              {Action: paygate.Refuse, Code: "Not Good"},
		`code: only refuse takes one, not drop`:                 {Action: paygate.Drop, Code: "X"},
		`http_status: 99 must be from 200 to 599`:               {Action: paygate.HTML502, HTTPStatus: 99},
		`http_status: 204 must be from 200 to 599 and not 204`:  {Action: paygate.Refuse, Code: "X", HTTPStatus: 204},
		`http_status: only refuse and html-502 take one`:        {Action: paygate.Drop, HTTPStatus: 500},
		`delay: must say how long`:                              {Action: paygate.Delay},
		`delay: 1h0m0s must be from 0s to 10m0s`:                {Action: paygate.RateLimit, Delay: time.Hour},
		`delay: only delay and rate-limit take one, not drop`:   {Action: paygate.Drop, Delay: time.Second},
		`times: -1 must not be negative; 0 means for ever; code: only refuse`: {
			Action: paygate.Drop, Times: -1, Code: "X",
		},
	} {
		if err := s.Inject(fault); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("injecting %+v gave %v, want a refusal that says %q", fault, err, want)
		}
	}
	if n := len(s.Faults()); n != 0 {
		t.Errorf("%d faults were taken, want none", n)
	}
}

// TestCodeTable pins the documented HTTP statuses of APIv3 and the spellings of both protocols.
func TestCodeTable(t *testing.T) {
	t.Parallel()
	statuses := map[string]int{
		"USERPAYING": 202, "PARAM_ERROR": 400, "INVALID_REQUEST": 400, "APPID_MCHID_NOT_MATCH": 400, "MCH_NOT_EXISTS": 400, "ORDER_CLOSED": 400,
		"ORDER_PAID": 400, "SIGN_ERROR": 401, "NO_AUTH": 403, "RULE_LIMIT": 403, "TRADE_ERROR": 403, "ACCOUNT_ERROR": 403, "NOT_ENOUGH": 403,
		"OUT_TRADE_NO_USED": 403, "ORDER_NOT_EXIST": 404, "RESOURCE_NOT_EXISTS": 404, "FREQUENCY_LIMITED": 429, "RATELIMIT_EXCEEDED": 429,
		"RATE_LIMITED": 429, "SYSTEM_ERROR": 500, "BANK_ERROR": 500, "INVALID_TRANSACTIONID": 500, "OPENID_MISMATCH": 500, "SERVICE_UNAVAILABLE": 503,
	}
	for name, code := range paygate.Codes() {
		if code.V2 == "" || code.V3 == "" {
			t.Errorf("%s: spellings are %q and %q, want both", name, code.V2, code.V3)
		}
		if want, documented := statuses[code.V3]; documented && code.Status != want {
			t.Errorf("%s: status %d, want %d", code.V3, code.Status, want)
		}
	}
	s := start(t)
	for code, status := range statuses {
		s.MustInject(paygate.Fault{Action: paygate.Refuse, Code: code, Times: 1})
		s.v3(s.queryV3("A1")).wantCode(status, code)
	}
}

// TestResetIsForTCP: a listener of another kind only sees the end.
func TestResetIsForTCP(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.MustInject(paygate.Fault{Action: paygate.Reset})
	listener, err := net.Listen("unix", t.TempDir()+"/gate")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: s.Gateway}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	s.client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", listener.Addr().String())
	}}
	if err := s.tryV3(t.Context(), s.closeV3("A1")); err == nil {
		t.Error("there was a reply")
	}
}
