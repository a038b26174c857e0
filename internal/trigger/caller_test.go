package trigger_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
)

// Any key of the platform's that says something makes a user, whichever of them
// the platform happened to send; the operator's own settings and other people's
// keys make none.
func TestCallersAreToldByTheEnvironment(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name        string
		environment map[string]string
		user        bool
	}{
		{"an openid", map[string]string{"WX_OPENID": "oABC"}, true},
		{"an appid alone", map[string]string{"WX_APPID": "wx1"}, true},
		{"a key of tomorrow's", map[string]string{"WX_SOMETHING_NEW": "1"}, true},
		{"a web page's id", map[string]string{"TCB_UUID": "u1"}, true},
		{"an environment's name alone", map[string]string{"TCB_ENV": "env-1"}, true},
		{"one among settings", map[string]string{"WXPAY_API": "v3", "PATH": "/bin", "TCB_SOURCE": "wx_client"}, true},
		{"one said and one not", map[string]string{"WX_OPENID": "", "TCB_UUID": "u1"}, true},

		{"nothing", nil, false},
		{"keys that say nothing", map[string]string{"WX_OPENID": "", "WX_APPID": "", "TCB_ENV": ""}, false},
		{"a setting", map[string]string{"WXPAY_X": "1"}, false},
		{"settings", map[string]string{"WXPAY_APPID": "wx1", "CLOUDPAY_LOG_LEVEL": "info"}, false},
		{"prefixes without an underscore", map[string]string{"WXID": "1", "TCBENV": "1"}, false},
		{"prefixes in the middle", map[string]string{"MY_WX_OPENID": "o", "MY_TCB_ENV": "e"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			reply := k.invoke(`{"out_trade_no":"A1","api":"v2"}`, tc.environment)
			if tc.user {
				k.wantRefused(reply, "NOAUTH", "this caller may not do that")
			} else if len(k.asked) != 1 || k.asked[0].API != order.V2 {
				t.Errorf("a direct caller's words came to %+v and the reply %v", k.asked, reply)
			}
		})
	}
}

// A client that fills in every field of its form, empty where there is nothing to
// say, has chosen nothing.
func TestEmptyOperatorParametersAreNotGiven(t *testing.T) {
	t.Parallel()
	for _, event := range []string{
		`{"out_trade_no":"A1","api":"","created_at":"","close_at":""}`,
		`{"outTradeNo":"A1","api":null,"createdAt":null,"closeAt":null}`,
	} {
		k := newKit(t).open()
		reply := k.invoke(event, user)
		if reply["outcome"] != "closed" {
			t.Errorf("%s is answered %v", event, reply)
		}
		if diff := cmp.Diff([]order.Params{{OutTradeNo: "A1"}}, k.asked); diff != "" {
			t.Errorf("%s (-want +got)\n%s", event, diff)
		}
	}
}

// An operator looks in the log for what could not be proved.
func TestLevelTellsWhatIsUnproved(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[order.Outcome]string{
		order.OutcomeUnknown:       "WARN",
		order.OutcomeClosed:        "INFO",
		order.OutcomeAlreadyClosed: "INFO",
		order.OutcomePaid:          "INFO",
		order.OutcomeNotFound:      "INFO",
		order.OutcomeFound:         "INFO",
		order.OutcomeTooSoon:       "INFO",
		order.OutcomeRefused:       "INFO",
	} {
		k := newKit(t)
		k.fn.Do = func(context.Context, order.Params) order.Result {
			return order.NewResult(order.Call{Ref: order.Ref{OutTradeNo: "A1"}}, outcome, order.Answer{Code: errcode.Timeout}, 1)
		}
		k.invoke(`{"out_trade_no":"A1"}`, nil)
		var line struct{ Level, Outcome string }
		if err := json.Unmarshal(k.logs.Bytes(), &line); err != nil {
			t.Fatalf("%v in %s", err, k.logs.String())
		}
		if line.Level != want || line.Outcome != string(outcome) {
			t.Errorf("%s is logged as %s at %s, want %s", outcome, line.Outcome, line.Level, want)
		}
	}
}
