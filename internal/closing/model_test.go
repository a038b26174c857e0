package closing_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/closing"
	"cloudpay/internal/closing/closingtest"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
)

// model is a gateway that keeps one order and tells the truth about it whenever
// it is believed; everything else about it is random: it loses requests and
// replies, hangs, says that it is busy, and the customer pays when they like.
type model struct {
	rand  *rand.Rand
	state tradestate.State
	// faults is the share of exchanges that go wrong; zero once they stop.
	faults float64
	hurry  float64 // the chance that the customer pays just before an exchange
}

func (m *model) Close(ctx context.Context, _ order.Call) order.Answer {
	return m.exchange(ctx, func() order.Answer {
		switch {
		case m.state.Paid():
			return closingtest.Answer(verdict.SaysPaid, "ORDERPAID")
		case m.state.Closed():
			return closingtest.Answer(verdict.SaysClosed, "ORDERCLOSED")
		case m.state == tradestate.UserPaying:
			return closingtest.Answer(verdict.SaysPaying, "USERPAYING")
		}
		m.state = tradestate.Closed
		return closingtest.Answer(verdict.Accepted, "")
	})
}

func (m *model) Query(ctx context.Context, _ order.Call) order.Answer {
	return m.exchange(ctx, func() order.Answer {
		a := closingtest.Answer(verdict.Stated, "")
		a.Facts = &order.Facts{TradeState: m.state}
		return a
	})
}

func (m *model) exchange(ctx context.Context, handle func() order.Answer) order.Answer {
	if !m.state.Closed() && m.rand.Float64() < m.hurry {
		m.state = tradestate.Success
	}
	if m.rand.Float64() >= m.faults {
		return handle()
	}
	doubt := order.Answer{Verdict: verdict.Doubted, Code: errcode.NetworkError}
	switch m.rand.IntN(6) {
	case 0: // the request is lost
		return doubt
	case 1: // the reply is lost
		handle()
		return doubt
	case 2: // the reply comes too late
		handle()
		return closingtest.Hangs(ctx)
	case 3:
		return closingtest.Answer(verdict.Limited, errcode.FrequencyLimited)
	case 4:
		return closingtest.Answer(verdict.Disputed, "TRADE_ERROR")
	default: // a reply that says anything at all and proves nothing
		return order.Answer{Verdict: verdict.Rejected, Code: "ORDERCLOSED"}
	}
}

// contradicts reports whether what the caller was told is not so.
func contradicts(told order.Outcome, is tradestate.State) bool {
	switch told {
	case order.OutcomeClosed, order.OutcomeAlreadyClosed:
		return !is.Closed()
	case order.OutcomePaid:
		return !is.Paid()
	case order.OutcomeNotFound:
		return true
	default:
		return false
	}
}

// However the exchanges go wrong, the caller is never told what is not so; and
// once they stop going wrong, the next call ends the order.
func TestNeverContradictsTheGateway(t *testing.T) {
	t.Parallel()
	ends := map[order.Outcome]int{}
	for seed := range uint64(3000) {
		synctest.Test(t, func(t *testing.T) {
			m := &model{
				rand:   rand.New(rand.NewPCG(seed, 1)),
				state:  []tradestate.State{tradestate.NotPay, tradestate.NotPay, tradestate.UserPaying, tradestate.PayError, tradestate.Success, tradestate.Closed}[seed%6],
				faults: 0.7,
				hurry:  0.1,
			}
			closer := &closing.Closer{Gateway: m, Merchant: shop, Confirm: seed%2 == 0}
			got := closeA1(withLimit(t, 3*time.Second), closer)
			ends[got.Outcome]++
			if contradicts(got.Outcome, m.state) {
				t.Errorf("seed %d: told %s, and the order is %s", seed, got.Outcome, m.state)
			}
			m.faults, m.hurry = 0, 0
			if m.state == tradestate.UserPaying {
				m.state = tradestate.NotPay
			}
			got = closeA1(withLimit(t, 3*time.Second), closer)
			if contradicts(got.Outcome, m.state) || !m.state.Paid() && !m.state.Closed() || got.Outcome == order.OutcomeUnknown {
				t.Errorf("seed %d: faults stopped, told %s, and the order is %s", seed, got.Outcome, m.state)
			}
		})
	}
	for _, o := range []order.Outcome{order.OutcomeClosed, order.OutcomeAlreadyClosed, order.OutcomePaid, order.OutcomeUnknown, order.OutcomeRefused} {
		if ends[o] == 0 {
			t.Errorf("no run of %d ended as %s: the model is too tame (%v)", 3000, o, ends)
		}
	}
}
