package trigger

import (
	"slices"
	"testing"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/verdict"
)

// TestEveryRefusalHasADisposition has each code of the table that can refuse, so that a new one
// does not give messages up unnoticed: those about the message's order or parameters, and those
// that would refuse every other message too.
func TestEveryRefusalHasADisposition(t *testing.T) {
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
			if got := dispositionOf(op, order.Result{Outcome: order.OutcomeRefused, ErrCode: code}); got != dead {
				t.Errorf("%s %s: got %d, want that it is given up", op, code, got)
			}
		}
		for _, code := range others {
			if got := dispositionOf(op, order.Result{Outcome: order.OutcomeRefused, ErrCode: code}); got != retry {
				t.Errorf("%s %s: got %d, want that it is retried", op, code, got)
			}
		}
	}
	for _, code := range errcode.Table {
		refuses := code.Close == verdict.Refused || code.Query == verdict.Refused
		if refuses && !slices.Contains(messages, code.Name) && !slices.Contains(others, code.Name) {
			t.Errorf("%s can refuse, and it is not decided whether that is the message's fault", code.Name)
		}
	}
}

func TestEveryOutcomeHasADisposition(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[order.Outcome][2]disposition{ // of a close, of a query
		order.OutcomeClosed:        {done, done},
		order.OutcomeAlreadyClosed: {done, done},
		order.OutcomePaid:          {done, done},
		order.OutcomeFound:         {done, done},
		order.OutcomeNotFound:      {dead, done},
		order.OutcomeTooSoon:       {retry, retry},
		order.OutcomeUnknown:       {retry, retry},
		order.OutcomeRefused:       {dead, dead},
		order.OutcomeScheduled:     {done, done},
	} {
		r := order.Result{Outcome: outcome}
		if got := [2]disposition{dispositionOf(order.OpClose, r), dispositionOf(order.OpQuery, r)}; got != want {
			t.Errorf("%s: got %d, want %d", outcome, got, want)
		}
		if r.Retryable = true; dispositionOf(order.OpClose, r) != retry {
			t.Errorf("%s that is retryable is not retried", outcome)
		}
	}
}
