package trigger_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
	"cloudpay/internal/trigger"
)

// newStore is a function whose store knows an order of Alice's, one of Bob's, and a combined one of
// Alice's.
func newStore(t *testing.T, op order.Op) *kit {
	t.Helper()
	k := newKit(t).strict().store(map[string]string{"A1": alice, "A9": alice, "B1": "wx:wx1:oBOB", "C1": alice})
	k.fn.Op = op
	return k
}

// known makes the gateway know orders by transaction_id, each under its number.
func (k *kit) known(orders map[string]string) {
	k.fn.Do = func(ctx context.Context, p order.Params) order.Result {
		k.do(ctx, p)
		number := p.OutTradeNo
		if p.TransactionID != "" {
			number = orders[p.TransactionID]
		}
		if number == "" || number == "A9" { // A9 is Alice's, and never reached the gateway
			return order.NewResult(order.Call{Ref: order.Ref{OutTradeNo: p.OutTradeNo, MchID: "19"}, TransactionID: p.TransactionID}, order.OutcomeNotFound,
				order.Answer{Proof: order.ProofSignature, Nonce: "n", Sign: "s", RequestID: "R1", HTTPStatus: 404, Message: "gone"}, 3)
		}
		answer := order.Answer{Proof: order.ProofSignature, Facts: &order.Facts{OutTradeNo: number, TradeState: tradestate.Success, Attach: "secret of " + number}}
		return order.NewResult(order.Call{}, order.OutcomeFound, answer, 1)
	}
	k.knows = k.fn.Do
}

func TestUsersHaveTheirOwn(t *testing.T) {
	t.Parallel()
	for _, op := range []order.Op{order.OpClose, order.OpQuery} {
		for _, event := range []string{`{"out_trade_no":"A1"}`, `{"combine_out_trade_no":"C1","sub_orders":[{"mchid":"19","out_trade_no":"A1"}]}`} {
			k := newStore(t, op)
			want, asked := "closed", 1 // as the workflow says
			if op == order.OpQuery && strings.Contains(event, "combine") {
				want, asked = "found", 0 // as the look-up does, which is the query
			}
			if got := k.invoke(event, user); got["outcome"] != want || len(k.asked) != asked {
				t.Errorf("%s %s: got %v", op, event, got)
			}
			k.wantLog(map[string]any{"caller": "user", "owner": "oABC01…", "level": "INFO"})
		}
	}
	k := newStore(t, order.OpQuery)
	k.known(map[string]string{"42": "A1"})
	if got := k.invoke(`{"transaction_id":"42"}`, user); got["attach"] != "secret of A1" {
		t.Errorf("by transaction_id: got %v", got)
	}
}

// Another user's order, one that is not in the store, and one that is not at the gateway are
// answered alike to the byte.
func TestNotTheirsAndNotThereAreAlike(t *testing.T) {
	t.Parallel()
	for _, op := range []order.Op{order.OpClose, order.OpQuery} {
		replies := map[string]string{}
		for _, number := range []string{"A9", "B1", "N1"} {
			k := newStore(t, op)
			k.known(nil)
			reply, err := k.handle(`{"out_trade_no":"`+number+`"}`, user)
			if err != nil {
				t.Fatal(err)
			}
			replies[number] = strings.ReplaceAll(reply, number, "?")
			if asked := len(k.asked); asked != map[string]int{"A9": 1}[number] {
				t.Errorf("%s %s: the gateway was asked %d times", op, number, asked)
			}
		}
		wantAlike(t, op, replies)
	}
	replies := map[string]string{}
	for number, orders := range map[string]map[string]string{"not theirs": {"42": "B1"}, "not in the store": {"42": "N1"}, "not there": {}} {
		k := newStore(t, order.OpQuery)
		k.known(orders)
		reply, err := k.handle(`{"transaction_id":"42"}`, user)
		if err != nil {
			t.Fatal(err)
		}
		replies[number] = reply
		if strings.Contains(reply, "secret") || strings.Contains(reply, "B1") {
			t.Errorf("%s: got %s", number, reply)
		}
	}
	wantAlike(t, order.OpQuery, replies)
}

func wantAlike(t *testing.T, op order.Op, replies map[string]string) {
	t.Helper()
	var texts []string
	for _, reply := range replies {
		texts = append(texts, reply)
	}
	slices.Sort(texts)
	if texts = slices.Compact(texts); len(texts) != 1 {
		t.Errorf("%s: got %q", op, replies)
	}
	got := object(t, texts[0])
	if got["outcome"] != "notFound" || got["errCode"] != "ORDERNOTEXIST" || got["returnCode"] != "SUCCESS" || got["resultCode"] != "FAIL" || got["proof"] != "none" {
		t.Errorf("%s: got %v", op, got)
	}
}

func TestWhatUsersMayNotAsk(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		op                order.Op
		event, code, says string
	}{
		{order.OpClose, `{}`, "PARAM_ERROR", "out_trade_no: must be given"},
		{order.OpQuery, `{"sub_mch_id":"19"}`, "PARAM_ERROR", "out_trade_no: must be given"},
		{order.OpClose, `{"transaction_id":"42"}`, "NOAUTH", "transaction_id: is not for users to close by"},
		{order.OpClose, `{"out_trade_no":"A1","transaction_id":"42"}`, "NOAUTH", "transaction_id: is not for users to close by"},
		{order.OpClose, `{"out_trade_no":"A1","api":"v2"}`, "NOAUTH", "api: is not for users to choose"},
		{order.OpQuery, `{"out_trade_no":"A1","created_at":"2026-11-22T10:00:00Z"}`, "NOAUTH", "created_at: is not for users to choose"},
		{order.OpClose, `{"out_trade_no":"A1","close_at":60}`, "NOAUTH", "close_at: is not for users to choose"},
		{order.OpClose, `{"out_trade_no":"A1","openid":"oABC"}`, "NOAUTH", "openid: is not for users to choose"},
		{order.OpClose, `{"out_trade_no":"A1","owner":"tcb:u1"}`, "NOAUTH", "owner: is not for users to choose"},
		{order.OpClose, `{"out_trade_no":"A1","total":0}`, "NOAUTH", "total: is not for users to choose"},
	} {
		k := newStore(t, tc.op)
		k.wantRefused(k.invoke(tc.event, user), tc.code, tc.says)
	}
	// Both numbers, of which the first is theirs: whatever is found is looked at again.
	k := newStore(t, order.OpQuery)
	k.known(map[string]string{"42": "B1"})
	if got := k.invoke(`{"out_trade_no":"A1","transaction_id":"42"}`, user); got["outcome"] != "notFound" {
		t.Errorf("somebody else's by transaction_id: got %v", got)
	}
}

// A service that acts for a user has that user's rights, and no more: the merchant's own function
// need not check whose order its user names.
func TestOnBehalfOfAUser(t *testing.T) {
	t.Parallel()
	for _, op := range []order.Op{order.OpClose, order.OpQuery} {
		for _, tc := range []struct{ number, owner, outcome string }{
			{"A1", alice, "closed"},
			{"B1", alice, "notFound"},
			{"A1", "wx:wx1:oBOB", "notFound"},
			{"NONE", alice, "notFound"},
		} {
			k := newStore(t, op)
			event := fmt.Sprintf(`{"out_trade_no":%q,"on_behalf_of":%q,"service_token":%q}`, tc.number, tc.owner, serviceToken)
			got := k.invoke(event, nil)
			if got["outcome"] != tc.outcome {
				t.Errorf("%s of %s for %s: got %v, want %s", op, tc.number, tc.owner, got, tc.outcome)
			}
			if isAsked := len(k.asked) > 0; isAsked != (tc.outcome == "closed") {
				t.Errorf("%s of %s for %s: the workflow ran: %t", op, tc.number, tc.owner, isAsked)
			}
		}
	}
}

// Acting for a user is not for users, is nothing without a store, and takes no other parameter that
// is not for users.
func TestOnBehalfIsRefused(t *testing.T) {
	t.Parallel()
	token := fmt.Sprintf(`"service_token":%q`, serviceToken)
	k := newStore(t, order.OpClose)
	k.wantRefused(k.invoke(`{"out_trade_no":"A1","on_behalf_of":"`+alice+`"}`, user), "NOAUTH", "on_behalf_of: is not for users to choose")
	k.wantRefused(k.invoke(`{"out_trade_no":"A1","on_behalf_of":"`+alice+`","close_at":60,`+token+`}`, nil),
		"NOAUTH", "close_at: is not for users to choose")
	k.wantRefused(k.invoke(`{"out_trade_no":"A1","on_behalf_of":"alice",`+token+`}`, nil), "PARAM_ERROR", "on_behalf_of: must be")
	k = newKit(t).strict()
	k.wantRefused(k.invoke(`{"out_trade_no":"A1","on_behalf_of":"`+alice+`",`+token+`}`, nil),
		"NOAUTH", "this caller may not do that")
}

// Without a store no order is a user's. The user is told that it is not allowed; the log has what
// to configure.
func TestUsersWithoutAStore(t *testing.T) {
	t.Parallel()
	k := newKit(t).strict()
	reply := k.invoke(`{"out_trade_no":"A1"}`, user)
	k.wantRefused(reply, "NOAUTH", "this caller may not do that")
	if strings.Contains(text(reply), "CLOUDPAY") {
		t.Errorf("a user is told %v", reply)
	}
	k.wantLog(map[string]any{"remedy": "CLOUDPAY_STORE", "level": "WARN", "caller": "user"})
}

func TestStoreThatIsDown(t *testing.T) {
	t.Parallel()
	k := newStore(t, order.OpQuery)
	k.known(map[string]string{"42": "A1"})
	for _, event := range []string{`{"out_trade_no":"A1"}`, `{"transaction_id":"42"}`} {
		k.fn.Owns = func(context.Context, string, order.Params) (schedule.Ownership, trigger.Workflow, error) {
			return schedule.Theirs, k.fn.Do, errors.New("dial 10.0.0.7: refused")
		}
		reply := k.invoke(event, user)
		if reply["outcome"] != "unknown" || reply["retryable"] != true || strings.Contains(text(reply), "10.0.0.7") || strings.Contains(text(reply), "secret") {
			t.Errorf("%s: got %v", event, reply)
		}
	}
	k.wantLog(map[string]any{"error": "10.0.0.7", "level": "ERROR"})
	k.fn.Owns = func(context.Context, string, order.Params) (schedule.Ownership, trigger.Workflow, error) {
		return schedule.Theirs, k.fn.Do, &schedule.StoreError{Doing: "looking up", Reason: bilingual.Same("no right"), Lasting: true, Err: errors.New("42501")}
	}
	if reply := k.invoke(`{"out_trade_no":"A1"}`, user); reply["errCode"] != "INTERNAL_ERROR" || reply["retryable"] != false {
		t.Errorf("a store that lets nobody in: got %v, want nothing to be gained by another call", reply)
	}
	k.fn.Owns = func(context.Context, string, order.Params) (schedule.Ownership, trigger.Workflow, error) {
		panic("a fault of ours")
	}
	if reply := k.invoke(`{"out_trade_no":"A1"}`, user); reply["errCode"] != "INTERNAL_ERROR" {
		t.Errorf("got %v", reply)
	}
	// Nothing was learned of the order, so there is nothing to hide.
	k = newStore(t, order.OpQuery)
	k.knows = func(context.Context, order.Params) order.Result { return outcome(order.OutcomeUnknown, "TIMEOUT") }
	if reply := k.invoke(`{"transaction_id":"42"}`, user); reply["errCode"] != "TIMEOUT" {
		t.Errorf("got %v", reply)
	}
	// A result about an order without its number belongs to no user.
	k.knows = func(context.Context, order.Params) order.Result { return outcome(order.OutcomeFound, "") }
	if reply := k.invoke(`{"transaction_id":"42"}`, user); reply["outcome"] != "notFound" {
		t.Errorf("got %v", reply)
	}
}

// What is wrong with the user's own words is said, since that tells nothing of any order.
func TestIllFormedIsNotNotTheirs(t *testing.T) {
	t.Parallel()
	k := newStore(t, order.OpClose)
	k.fn.Owns = func(context.Context, string, order.Params) (schedule.Ownership, trigger.Workflow, error) {
		return "", nil, fmt.Errorf("looking: %w", &order.FieldError{Field: "out_trade_no", Rule: bilingual.New("is too long", "过长"), Code: errcode.ParamError})
	}
	k.wantRefused(k.invoke(`{"out_trade_no":"A1"}`, user), "PARAM_ERROR", "out_trade_no: is too long")
}

// The operator's log says which rule kept a user out, and what would have let them in. The user
// learns nothing of it.
func TestLogSaysWhichRuleBarsAUser(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		op                  order.Op
		event, rule, remedy string
	}{
		{order.OpClose, `{"out_trade_no":"B1"}`, "notTheirs", "in the name of another user"},
		{order.OpQuery, `{"out_trade_no":"N1"}`, "notRegistered", "register it (close_at, with openid or owner)"},
		{order.OpQuery, `{"out_trade_no":"F1"}`, "unowned", "register orders with openid or owner"},
		{order.OpQuery, `{"transaction_id":"42"}`, "notTheirs", "in the name of another user"},
		{order.OpQuery, `{"transaction_id":"43"}`, "notRegistered", "register it"},
		{order.OpClose, `{"combine_out_trade_no":"C2","sub_orders":[{"mchid":"19","out_trade_no":"A1"}]}`, "notTheirs", "another user"},
		{order.OpClose, `{"transaction_id":"42"}`, "parameter", "users may not close by transaction_id"},
		{order.OpClose, `{"out_trade_no":"A1","api":"v2"}`, "parameter", "leave it out, or send service_token"},
		{order.OpClose, `{"combine_out_trade_no":"busy"}`, "lookups", "name orders by out_trade_no"},
	} {
		k := newKit(t).strict().store(map[string]string{"A1": alice, "B1": "wx:wx1:oBOB", "C2": "wx:wx1:oBOB", "F1": ""})
		k.fn.Op = test.op
		k.known(map[string]string{"42": "B1", "43": "N1"})
		if test.op == order.OpClose {
			k.knows = nil
		}
		if test.rule == "lookups" {
			k.fn.Find = func(context.Context, string, order.Params) (schedule.Found, error) {
				return schedule.Found{Result: outcome(order.OutcomeTooSoon, "FREQUENCY_LIMITED"), Exhausted: true}, nil
			}
		}
		reply, err := k.handle(test.event, user)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(reply, test.remedy) || strings.Contains(reply, "notTheirs") || strings.Contains(reply, "registered") {
			t.Errorf("%s: the user learns %s", test.event, reply)
		}
		k.wantLog(map[string]any{"caller": "user", "level": "WARN", "rule": test.rule, "remedy": test.remedy})
	}
	// An order of the user's own that WeChat Pay does not have is no denial.
	k := newStore(t, order.OpQuery)
	k.known(nil)
	_ = k.invoke(`{"out_trade_no":"A9"}`, user)
	k.wantLog(map[string]any{"caller": "user", "level": "INFO", "errCode": "ORDERNOTEXIST"})
	if strings.Contains(k.logs.String(), `"rule"`) {
		t.Errorf("the log names a rule: %s", k.logs.String())
	}
}

// A refused signature is an error of the function, and a refused number, which may be a caller's,
// a warning, whichever order was asked about.
func TestRefusedCredentialsAreLogged(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		order.Result

		level string
	}{
		{outcome(order.OutcomeUnknown, "SIGNERROR"), "ERROR"},
		{outcome(order.OutcomeRefused, "SIGNERROR"), "ERROR"},
		{outcome(order.OutcomeRefused, "APPID_NOT_EXIST"), "WARN"},
	} {
		k := newKit(t).strict()
		k.fn.Do = func(context.Context, order.Params) order.Result { return test.Result }
		_ = k.invoke(`{"out_trade_no":"A1","service_token":"`+serviceToken+`"}`, nil)
		k.wantLog(map[string]any{"level": test.level, "errCode": test.ErrCode})
	}
}
