package closing_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/closing"
	"cloudpay/internal/closing/closingtest"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
	"cloudpay/internal/store/fakestore"
)

// The merchant that every test acts for.
var shop = order.Merchant{
	AppID: "wx0123456789abcdef",
	MchID: "1900000001",
	API:   order.V3,
	APIs:  []order.API{order.V2, order.V3},
}

// A reply is what the scripted gateway does with one exchange.
type reply func(ctx context.Context) order.Answer

// says is an authenticated reply.
func says(v verdict.Verdict, code string) reply {
	return func(context.Context) order.Answer {
		return order.Answer{Verdict: v, Code: code, GatewayCode: code, HTTPStatus: 400, Proof: order.ProofSignature, Nonce: "theirs", Route: order.RouteOwn, Fresh: true}
	}
}

// states is a query's answer.
func states(s tradestate.State) reply {
	return func(context.Context) order.Answer {
		return order.Answer{
			Verdict: verdict.Stated, HTTPStatus: 200, Proof: order.ProofSignature, Route: order.RouteOwn, Fresh: true,
			Facts: &order.Facts{TradeState: s, OutTradeNo: "A1", TransactionID: "4200001"},
		}
	}
}

// doubts is a reply that proves nothing, or none at all.
func doubts(code string) reply {
	return func(context.Context) order.Answer {
		return order.Answer{Verdict: verdict.Doubted, Code: code, Proof: order.ProofNone}
	}
}

// rejects is an unsigned refusal.
func rejects(code string) reply {
	return func(context.Context) order.Answer {
		return order.Answer{Verdict: verdict.Rejected, Code: code, HTTPStatus: 401, Proof: order.ProofNone}
	}
}

// limits is a signed "asked too often".
func limits(retryAfter time.Duration) reply {
	return func(context.Context) order.Answer {
		return order.Answer{
			Verdict: verdict.Limited, Code: errcode.FrequencyLimited, HTTPStatus: 429,
			Proof: order.ProofSignature, RetryAfter: retryAfter, Route: order.RouteOwn, Fresh: true,
		}
	}
}

func after(d time.Duration, r reply) reply {
	return func(ctx context.Context) order.Answer {
		select {
		case <-time.After(d):
			return r(ctx)
		case <-ctx.Done():
			return closingtest.Hangs(ctx)
		}
	}
}

// scripted is a gateway that answers by script. The last reply of a script that
// ends with "for ever" is repeated; any other script that is exceeded fails the
// test.
type scripted struct {
	t       *testing.T
	mu      sync.Mutex
	replies []reply
	forever bool
	asked   []string
	calls   []order.Call
	limits  []time.Duration
}

func (s *scripted) next(ctx context.Context, op string, c order.Call) order.Answer {
	s.mu.Lock()
	s.asked = append(s.asked, op)
	s.calls = append(s.calls, c)
	if d, ok := ctx.Deadline(); ok {
		s.limits = append(s.limits, time.Until(d))
	}
	if len(s.replies) == 0 {
		s.mu.Unlock()
		s.t.Errorf("the gateway was asked once more than scripted: %s", strings.Join(s.asked, " "))
		return order.Answer{Verdict: verdict.Doubted}
	}
	r := s.replies[0]
	if !s.forever || len(s.replies) > 1 {
		s.replies = s.replies[1:]
	}
	s.mu.Unlock()
	return r(ctx)
}

func (s *scripted) Close(ctx context.Context, c order.Call) order.Answer {
	return s.next(ctx, "close", c)
}

func (s *scripted) Query(ctx context.Context, c order.Call) order.Answer {
	return s.next(ctx, "query", c)
}

func (s *scripted) wantAsked(want string) {
	s.t.Helper()
	if got := strings.Join(s.asked, " "); got != want {
		s.t.Errorf("the gateway was asked %q, want %q", got, want)
	}
}

func script(t *testing.T, replies ...reply) *scripted {
	t.Helper()
	return &scripted{t: t, replies: replies}
}

func forever(t *testing.T, replies ...reply) *scripted {
	t.Helper()
	s := script(t, replies...)
	s.forever = true
	return s
}

// withLimit is the context of an invocation that the platform ends after d.
func withLimit(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func closeA1(ctx context.Context, c *closing.Closer) order.Result {
	return c.Close(ctx, order.Params{OutTradeNo: "A1"})
}

func wantResult(t *testing.T, got order.Result, outcome order.Outcome, returnCode, resultCode, errCode string) {
	t.Helper()
	is := fmt.Sprintf("%s %s/%s %s", got.Outcome, got.ReturnCode, got.ResultCode, got.ErrCode)
	want := fmt.Sprintf("%s %s/%s %s", outcome, returnCode, resultCode, errCode)
	if is != want {
		t.Errorf("got %q, want %q\n%+v", is, want, got)
	}
	if proved := got.Proof == order.ProofSignature; proved == (outcome == order.OutcomeUnknown) {
		t.Errorf("outcome %s comes with proof %q", got.Outcome, got.Proof)
	}
}

// newStore is an empty register of the shop's. Its clock is the process's, which synctest makes a
// fake one.
func newStore() *fakestore.Store { return fakestore.New(shop.Account(), time.Now) }

func ref(outTradeNo string) order.Ref {
	return order.Ref{Region: order.Mainland, MchID: shop.MchID, OutTradeNo: outTradeNo}
}

// passes lets time go by: fake time, under synctest.
func passes(d time.Duration) { <-time.NewTimer(d).C }
