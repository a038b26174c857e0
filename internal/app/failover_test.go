package app_test

import (
	"slices"
	"testing"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/order"
	"cloudpay/pkg/paygate"
)

// domainsAsked lists the domain of each exchange, as the gateway saw it.
func (e *env) domainsAsked() []string {
	var asked []string
	for _, r := range e.Requests() {
		asked = append(asked, r.Domain)
	}
	return asked
}

// While the main domain is down, the backup takes over within one call, and the next call of the
// same instance uses it at once.
func TestBackupTakesOver(t *testing.T) {
	t.Parallel()
	for _, o := range operations() {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			eachAPI(t, func(t *testing.T, e *env) {
				t.Helper()
				e.vars["WXPAY_BACKUP_URL"] = e.BackupURL
				e.order("A1")
				e.MustSetDomain("main", false)
				event, instance := map[string]string{"out_trade_no": "A1"}, e.start(o.build)
				got := instance(event, patient)
				if got.ReturnCode != "SUCCESS" || got.ResultCode != "SUCCESS" || got.Proof != order.ProofSignature {
					t.Errorf("got %+v", got)
				}
				asked := e.domainsAsked()
				want := []string{"main", "main", "backup"}
				if len(asked) < len(want) || !slices.Equal(asked[:len(want)], want) {
					t.Errorf("asked %v, want %v at first", asked, want)
				}
				e.ClearRequests()
				if got = instance(event, patient); got.Attempts != 1 || got.Proof != order.ProofSignature {
					t.Errorf("the second call: %+v", got)
				}
				if asked := e.domainsAsked(); !slices.Equal(asked, []string{"backup"}) {
					t.Errorf("the second call asked %v, want the backup alone", asked)
				}
			})
		})
	}
}

// With both domains down the outcome is unknown, whatever the order's state; once they are up again
// it is known.
func TestBothDomainsDown(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, e *env) {
		t.Helper()
		e.vars["WXPAY_BACKUP_URL"] = e.BackupURL
		e.order("A1")
		e.MustSetDomain("main", false)
		e.MustSetDomain("backup", false)
		instance := e.start(app.CloseOrder)
		event := map[string]string{"out_trade_no": "A1"}
		got := instance(event, time.Second)
		e.wantOutcome(got, order.OutcomeUnknown, "NETWORK_ERROR")
		if got.ReturnCode != "FAIL" || !got.Retryable || got.Proof != order.ProofNone {
			t.Errorf("got %+v", got)
		}
		both := map[string]bool{}
		for _, domain := range e.domainsAsked() {
			both[domain] = true
		}
		if !both["main"] || !both["backup"] {
			t.Errorf("asked %v, want both", e.domainsAsked())
		}
		e.WantState("A1", paygate.StateNotPay, e.owner())
		e.MustSetDomain("main", true)
		e.wantOutcome(instance(event, patient), order.OutcomeClosed, "")
		e.WantState("A1", paygate.StateClosed, e.owner())
	})
}
