package app_test

import (
	"fmt"
	"sync"
	"testing"

	"cloudpay/internal/app"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
)

// One instance answers several invocations at once, as on Lambda (AWS_LAMBDA_MAX_CONCURRENCY) and
// in web functions, and each answer is about its own order. `make test` runs this with the race
// detector.
func TestInstanceAnswersSeveralAtOnce(t *testing.T) {
	t.Parallel()
	const most, each = 6, 4
	for _, m := range []mode{{order.V2, false}, {order.V3, false}} {
		for name, f := range map[string]struct {
			build hosting.Build
			want  order.Outcome
		}{"closeorder": {app.CloseOrder, order.OutcomeClosed}, "queryorder": {app.QueryOrder, order.OutcomeFound}} {
			t.Run(m.String()+" "+name, func(t *testing.T) {
				t.Parallel()
				e := newEnv(t, m)
				for n := range most * each {
					e.order(fmt.Sprint("A", n))
				}
				ask := e.start(f.build)
				var all sync.WaitGroup
				for caller := range most {
					all.Go(func() {
						for n := range each {
							number := fmt.Sprint("A", caller*each+n)
							got := ask(map[string]string{"out_trade_no": number}, patient)
							if got.Outcome != f.want || got.OutTradeNo != number {
								t.Errorf("%s: got %s of %s, want %s", number, got.Outcome, got.OutTradeNo, f.want)
							}
							// A call that is refused at the same time does not affect the others.
							if got := ask(map[string]string{"outTradeNO": number}, patient); got.ErrCode != errcode.ParamError {
								t.Errorf("a slip: got %+v, want PARAM_ERROR", got)
							}
						}
					})
				}
				all.Wait()
			})
		}
	}
}
