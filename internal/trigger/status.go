package trigger

import (
	"net/http"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
)

// statusOfOutcome is the HTTP status of each outcome. The result's outcome tells the client more;
// the status is for what is in between, which retries or raises an alarm by it.
var statusOfOutcome = map[order.Outcome]int{
	order.OutcomeClosed:        http.StatusOK,
	order.OutcomeAlreadyClosed: http.StatusOK, // the order is as the caller wanted it
	order.OutcomeFound:         http.StatusOK,
	order.OutcomeWithdrawn:     http.StatusOK,
	order.OutcomeTooLate:       http.StatusConflict,
	order.OutcomeScheduled:     http.StatusAccepted, // a sweep will close it
	order.OutcomePaid:          http.StatusConflict,
	order.OutcomeNotFound:      http.StatusNotFound,
	order.OutcomeTooSoon:       http.StatusTooManyRequests,
	order.OutcomeRefused:       http.StatusUnprocessableEntity,
	order.OutcomeUnknown:       http.StatusServiceUnavailable,
}

// statusOfCode has the codes whose status is another than their outcome's.
var statusOfCode = map[order.Outcome]map[string]int{
	order.OutcomeRefused: {
		errcode.ParamError:       http.StatusBadRequest,
		errcode.NoAuth:           http.StatusForbidden,
		errcode.FrequencyLimited: http.StatusTooManyRequests,
		errcode.ConfigError:      http.StatusInternalServerError,
	},
	order.OutcomeWithdrawn: {"WITHDRAWN": http.StatusConflict}, // it was to be registered
	order.OutcomeUnknown: {
		errcode.ConfigError: http.StatusInternalServerError,
		"INTERNAL_ERROR":    http.StatusInternalServerError,
	},
}

// statusOf is the status of a result. It is 401 rather than 403 for an unidentified caller, which
// may come again with a token.
func statusOf(c caller, r order.Result) int {
	if c.kind == unidentified && c.may.orders == noOrders && r.Outcome == order.OutcomeRefused && r.ErrCode == errcode.NoAuth {
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
