package closing_test

import (
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/closing"
	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
)

// A close that may not be sent ends the run, with what its queries have proved; one that was sent
// may not be sent again, and is in doubt.
func TestHeldRuns(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		first   closing.Start
		replies []reply
		allowed int // closes
		asked   string
		held    bool
		inDoubt bool
	}{
		"unpaid":        {closing.QueryFirst, []reply{states(tradestate.NotPay)}, 0, "query", true, false},
		"paid":          {closing.QueryFirst, []reply{states(tradestate.Success)}, 0, "query", false, true},
		"close first":   {closing.CloseFirst, nil, 0, "", true, true},
		"queries alone": {closing.QueryOnly, []reply{states(tradestate.NotPay)}, 0, "query", false, false},
		"unreadable": {
			closing.QueryFirst, []reply{doubts("BAD_SIGNATURE"), doubts("BAD_SIGNATURE")}, 0, "query query", true, true,
		},
		"a second close": {
			closing.CloseFirst, []reply{doubts("TIMEOUT"), states(tradestate.NotPay)}, 1, "close query", true, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				gateway := script(t, tc.replies...)
				allowed := tc.allowed
				run := &closing.Run{
					Gateway: gateway, Call: order.Call{Ref: ref("A1")}, First: tc.first, InDoubt: true,
					MayClose: func() bool { allowed--; return allowed >= 0 },
				}
				result := run.Do(withLimit(t, time.Minute))
				gateway.wantAsked(tc.asked)
				if run.Held != tc.held || run.InDoubt != tc.inDoubt || tc.held && result.Outcome != order.OutcomeUnknown {
					t.Errorf("got %s, held %t, in doubt %t, want held %t, in doubt %t", result.Outcome, run.Held, run.InDoubt, tc.held, tc.inDoubt)
				}
			})
		})
	}
}
