package trigger

import (
	"net/http"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
)

// statusOfOutcome is what each outcome is in HTTP's words. The client is told more by the result's outcome; the status is
// for what stands between, which may try again or raise an alarm by it.
var statusOfOutcome = map[order.Outcome]int{
	order.OutcomeClosed:        http.StatusOK,
	order.OutcomeAlreadyClosed: http.StatusOK, // what was asked for is so
	order.OutcomeFound:         http.StatusOK,
	order.OutcomeScheduled:     http.StatusAccepted, // and a sweep does it
	order.OutcomePaid:          http.StatusConflict,
	order.OutcomeNotFound:      http.StatusNotFound,
	order.OutcomeTooSoon:       http.StatusTooManyRequests,
	order.OutcomeRefused:       http.StatusUnprocessableEntity,
	order.OutcomeUnknown:       http.StatusServiceUnavailable,
}

// statusOfCode is for codes that say more than their outcome does.
var statusOfCode = map[order.Outcome]map[string]int{
	order.OutcomeRefused: {
		errcode.ParamError:       http.StatusBadRequest,
		errcode.NoAuth:           http.StatusForbidden,
		errcode.FrequencyLimited: http.StatusTooManyRequests,
		errcode.ConfigError:      http.StatusInternalServerError,
	},
	order.OutcomeUnknown: {
		errcode.ConfigError:   http.StatusInternalServerError,
		errcode.InternalError: http.StatusInternalServerError,
	},
}

// statusOf is the status of a result. Who is refused for being nobody may come again as somebody; that is 401.
func statusOf(c caller, r order.Result) int {
	if c.kind == nobody && c.may.orders == noOrders && r.Outcome == order.OutcomeRefused && r.ErrCode == errcode.NoAuth {
		return http.StatusUnauthorized
	}
	if status, ok := statusOfCode[r.Outcome][r.ErrCode]; ok {
		return status
	}
	if status, ok := statusOfOutcome[r.Outcome]; ok {
		return status
	}
	return http.StatusInternalServerError
}
