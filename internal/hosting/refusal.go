package hosting

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"

	"cloudpay/internal/bilingual"
)

// webFault is the answer to a request that does not reach the handler: a status, and the result
// object with the keys that every result has. Callers branch on these, so the object equals those
// of package order to the letter (Refusal and Breakdown; docs/api.md, "The result object"). hosting
// must not import order; a test compares them.
type webFault struct {
	status int

	ReturnCode string `json:"returnCode"`
	ReturnMsg  string `json:"returnMsg"`
	ErrCode    string `json:"errCode"`
	ErrCodeDes string `json:"errCodeDes"`
	Outcome    string `json:"outcome"`
	Retryable  bool   `json:"retryable"`
	RetryAfter int    `json:"retryAfter,omitempty"` // seconds
	Attempts   int    `json:"attempts"`             // what was sent to WeChat Pay: nothing, as far as is known here
	Proof      string `json:"proof"`
}

// badRequest refuses a request that cannot be read.
func badRequest(en, zh string) *webFault {
	reason := bilingual.New(en, zh).String()
	return &webFault{
		status:     http.StatusBadRequest,
		ReturnCode: "FAIL", ReturnMsg: reason, ErrCode: "PARAM_ERROR", ErrCodeDes: reason, Outcome: "refused", Proof: "none",
	}
}

// bodyTooLong refuses a body of more bytes than longest.
func bodyTooLong(longest int) *webFault {
	f := badRequest(fmt.Sprintf("the body must have at most %d KiB", longest>>10),
		fmt.Sprintf("请求体不可超过 %d KiB", longest>>10))
	f.status = http.StatusRequestEntityTooLarge
	return f
}

// tooMany refuses a request that has no place. Nothing of it was begun.
func tooMany() *webFault {
	f := badRequest("too many requests at once; try again", "同时的请求过多；请重试")
	f.status, f.ErrCode, f.Retryable, f.RetryAfter = http.StatusTooManyRequests, "FREQUENCY_LIMITED", true, 1
	return f
}

// failed answers for a handler that returned an error, and may have begun what was asked of it. The
// error is logged here; on the other platforms, the platform logs it.
func failed(ctx context.Context, rw http.ResponseWriter, err error) {
	slog.ErrorContext(ctx, "the function failed", "error", err.Error(), "errorType", errorType(err))
	f := badRequest("the function failed; its log tells why", "云函数执行失败；原因见其日志")
	f.status, f.ErrCode, f.Outcome, f.Retryable = http.StatusInternalServerError, "INTERNAL_ERROR", "unknown", true
	f.write(rw)
}

// write sends the refusal, with the headers that the functions' own refusals have.
func (f *webFault) write(rw http.ResponseWriter) {
	rw.Header().Set("Cache-Control", "no-store")
	rw.Header().Set("X-Content-Type-Options", "nosniff")
	if f.RetryAfter > 0 {
		rw.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	body, _ := json.Marshal(f)
	Response{Status: f.status, Body: body}.write(rw)
}
