package hosting_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/trigger"
)

// patientRecorder is a response that has deadlines, as a connection's.
type patientRecorder struct{ *httptest.ResponseRecorder }

func (patientRecorder) SetReadDeadline(time.Time) error  { return nil }
func (patientRecorder) SetWriteDeadline(time.Time) error { return nil }

// BenchmarkWebCall is one call of a web function, from the parsed request to the written response,
// without the network and the gateway: hosting's and trigger's share of it.
func BenchmarkWebCall(b *testing.B) {
	access := trigger.Access{HTTP: trigger.NewToken("http-kR7vQm2wZp9TnW4b")}
	f := &trigger.Function{
		Op: order.OpQuery,
		Do: func(_ context.Context, p order.Params) order.Result {
			return order.NewResult(order.Call{Ref: order.Ref{OutTradeNo: p.OutTradeNo}}, order.OutcomeFound, order.Answer{
				Proof: order.ProofSignature,
				Facts: &order.Facts{OutTradeNo: p.OutTradeNo, TradeState: tradestate.NotPay, TradeStateDesc: "订单未支付", Attach: `<a> & "b"`},
			}, 1)
		},
		Access: access,
		Log:    slog.New(slog.DiscardHandler),
	}
	handler := hosting.WebHandler(hosting.Function{HandleHTTP: f.HandleHTTP, Standing: access.Standing, IsSecret: access.IsSecret})
	body := []byte(`{"out_trade_no":"20150806125346"}`)
	b.ReportAllocs()
	for b.Loop() {
		request := httptest.NewRequest(http.MethodPost, "/queryorder", bytes.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer http-kR7vQm2wZp9TnW4b")
		request.Header.Set("User-Agent", "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 MicroMessenger/8.0.47")
		request.Header.Set("X-Forwarded-For", "1.2.3.4, 10.0.0.1")
		rw := httptest.NewRecorder()
		handler.ServeHTTP(patientRecorder{rw}, request)
		if rw.Code != http.StatusOK {
			b.Fatalf("got %d %s", rw.Code, rw.Body)
		}
	}
}
