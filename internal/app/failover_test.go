package app_test

import (
	"slices"
	"testing"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/order"
	"cloudpay/pkg/paygate"
)

// domainsAsked is which domain each exchange went to, as the gateway has it.
func (e *env) domainsAsked() []string {
	var asked []string
	for _, r := range e.Requests() {
		asked = append(asked, r.Domain)
	}
	return asked
}

// The main domain is down: within one call the backup takes over, and the next
// call of the same instance goes to it at once.
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

// With both domains down there is no answer, whatever the order was before; once
// they are back there is.
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
