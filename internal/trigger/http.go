package trigger

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
)

// handleRequest answers an HTTP request: the parameters are in its path, its query string and its
// body together, and the response is the result object under the HTTP status of its outcome.
func (i *invocation) handleRequest(ctx context.Context) (hosting.Response, error) {
	r := i.event.Request
	if i.Metrics != nil && i.Access.MayScrape(r) && i.inv.Platform == hosting.Web && i.fault == nil {
		return i.handleMetrics(ctx)
	}
	cors := i.Access.cors(r, i.Op)
	if cors.preflight && i.fault == nil {
		i.log(ctx, levelOf(outcome{}), "preflight", nil)
		return hosting.Response{Status: http.StatusNoContent, Header: cors.header}, nil
	}
	p, status, fault := i.request()
	c := i.caller(ctx, p.ServiceToken)
	result := i.handle(ctx, c, p, fault)

	response := hosting.Response{Status: statusOf(c, result), Header: cors.header}
	if fault != nil && i.Broken == nil {
		response.Status = status
	}
	maps.Copy(response.Header, headersFor(response.Status, result, i.Op))
	var err error
	response.Body, err = encode(result)
	return response, err
}

// request reads the parameters of a request. The status is for the fault, if there is one.
func (i *invocation) request() (p order.Reader, status int, fault *order.FieldError) {
	r := i.event.Request
	number, found := route(i.Op, r)
	status = http.StatusBadRequest
	switch {
	case i.fault != nil:
		if i.fault.TooLarge {
			status = http.StatusRequestEntityTooLarge
		}
		fault = i.unreadable()
	case !found:
		// Not 404, which a client may take for an order that does not exist.
		fault = brokenRule("path", bilingual.Sprintf(
			"is not one of this function's; it is /%s", "不是本函数的路径；应为 /%s", pathOf(i.Op)))
	case !slices.Contains(methodsOf(i.Op), r.Method):
		status = http.StatusMethodNotAllowed
		fault = order.ParamError("method", "is not one of this function's; see the header Allow",
			"不是本函数支持的方法；见响应头 Allow")
	case len(r.Body) > order.MaxObject:
		status = http.StatusRequestEntityTooLarge
		fault = p.Object("body", r.Body)
	default:
		fault = read(&p, number, r)
	}
	return p, status, fault
}

// read reads the parameters from a request's path, query string and body. One that is in two of
// these is given twice.
func read(p *order.Reader, number string, r hosting.Request) *order.FieldError {
	if number != "" {
		if fault := p.Text("out_trade_no", number); fault != nil {
			return fault
		}
	}
	if fault := p.Query(r.Query); fault != nil {
		return fault
	}
	if len(bytes.TrimSpace(r.Body)) == 0 {
		return nil
	}
	return p.Object("body", r.Body)
}

// headersFor are the headers of every reply, and those of a status.
func headersFor(status int, r order.Result, op order.Op) map[string]string {
	header := map[string]string{
		"Content-Type":           "application/json; charset=utf-8",
		"Cache-Control":          "no-store", // the answer depends on the caller and on the time
		"X-Content-Type-Options": "nosniff",  // it contains the gateway's texts
	}
	switch status {
	case http.StatusUnauthorized:
		header["WWW-Authenticate"] = `Bearer realm="cloudpay"`
	case http.StatusMethodNotAllowed:
		header["Allow"] = allow(op)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		header["Retry-After"] = strconv.FormatInt(max(r.RetryAfter, minRetryAfter), 10)
	}
	return header
}

// minRetryAfter is how many seconds a client is asked to wait at least: as long as most doubts
// last.
const minRetryAfter = 5
