package trigger

import (
	"slices"
	"testing"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/verdict"
)

// TestEveryRefusalHasAnEnding has each code of the table that can refuse, so that none that is new
// gives messages up unseen: those that speak of the message's order or words, and those that would
// refuse any other message too.
func TestEveryRefusalHasAnEnding(t *testing.T) {
	t.Parallel()
	messages := []string{
		"PARAM_ERROR", "INVALID_REQUEST", "INVALID_TRANSACTIONID", "RESOURCE_NOT_EXISTS",
		"ACCOUNT_ERROR", "NOTENOUGH", "OUT_TRADE_NO_USED", "OPENID_MISMATCH",
	}
	others := []string{
		"NOAUTH", "SIGNERROR", "APPID_NOT_EXIST", "MCHID_NOT_EXIST", "APPID_MCHID_NOT_MATCH", "CONFIG_ERROR", "FREQUENCY_LIMITED",
		"LACK_PARAMS", "REQUIRE_POST_METHOD", "XML_FORMAT_ERROR", "POST_DATA_EMPTY", "NOT_UTF8",
	}
	for _, op := range []order.Op{order.OpClose, order.OpQuery} {
		for _, code := range messages {
			if got := endingOf(op, order.Result{Outcome: order.OutcomeRefused, ErrCode: code}); got != bad {
				t.Errorf("%s %s: got %d, want that it is given up", op, code, got)
			}
		}
		for _, code := range others {
			if got := endingOf(op, order.Result{Outcome: order.OutcomeRefused, ErrCode: code}); got != again {
				t.Errorf("%s %s: got %d, want that it comes again", op, code, got)
			}
		}
	}
	for _, code := range errcode.All() {
		refuses := code.Close == verdict.Refused || code.Query == verdict.Refused
		if refuses && !slices.Contains(messages, code.Name) && !slices.Contains(others, code.Name) {
			t.Errorf("%s can refuse, and nobody has said whether that is the message's fault", code.Name)
		}
	}
}

func TestEveryOutcomeHasAnEnding(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[order.Outcome][2]ending{ // of a close, of a query
		order.OutcomeClosed:        {done, done},
		order.OutcomeAlreadyClosed: {done, done},
		order.OutcomePaid:          {done, done},
		order.OutcomeFound:         {done, done},
		order.OutcomeNotFound:      {bad, done},
		order.OutcomeTooSoon:       {again, again},
		order.OutcomeUnknown:       {again, again},
		order.OutcomeRefused:       {bad, bad},
		order.OutcomeScheduled:     {done, done},
	} {
		r := order.Result{Outcome: outcome}
		if got := [2]ending{endingOf(order.OpClose, r), endingOf(order.OpQuery, r)}; got != want {
			t.Errorf("%s: got %d, want %d", outcome, got, want)
		}
		if r.Retryable = true; endingOf(order.OpClose, r) != again {
			t.Errorf("%s that is retryable does not come again", outcome)
		}
	}
}
