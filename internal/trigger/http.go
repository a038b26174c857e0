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

// handleRequest answers an HTTP request: the parameters are in its path, its query string and its body
// together, and the response is the result object under the status that belongs to it.
func (i *invocation) handleRequest(ctx context.Context) (hosting.Response, error) {
	r := i.event.Request
	cors := i.Access.cors(r, i.Op)
	if cors.preflight && i.fault == nil {
		i.log(ctx, levelOf(outcome{}), "preflight", nil)
		return hosting.Response{Status: http.StatusNoContent, Header: cors.header}, nil
	}
	p, fault := i.request()
	c := i.caller(p.ServiceToken)
	result := i.turn(ctx, c, p, fault.field())

	response := hosting.Response{Status: statusOf(c, result), Header: cors.header}
	if fault != nil && i.Broken == nil {
		response.Status = fault.status
	}
	maps.Copy(response.Header, headersFor(response.Status, result, i.Op))
	var err error
	response.Body, err = encode(result)
	return response, err
}

// httpFault is why a request cannot be executed as it is, and the status for it.
type httpFault struct {
	because *order.FieldError
	status  int
}

// field is the parameter at fault; nil without a fault.
func (f *httpFault) field() *order.FieldError {
	if f == nil {
		return nil
	}
	return f.because
}

func badRequest(fault *order.FieldError) *httpFault {
	if fault == nil {
		return nil
	}
	return &httpFault{fault, http.StatusBadRequest}
}

// request reads the parameters of a request.
func (i *invocation) request() (order.Reader, *httpFault) {
	var p order.Reader
	r := i.event.Request
	if i.fault != nil {
		fault := badRequest(i.unreadable())
		if i.fault.TooLarge {
			fault.status = http.StatusRequestEntityTooLarge
		}
		return p, fault
	}
	number, found := route(i.Op, r)
	switch {
	case !found:
		// Not 404, which a client may take for an order that does not exist.
		return p, badRequest(brokenRule("path", bilingual.Sprintf(
			"is not one of this function's; it is /%s", "不是本函数的路径；应为 /%s", pathOf(i.Op))))
	case !slices.Contains(methodsOf(i.Op), r.Method):
		return p, &httpFault{order.ParamError("method", "is not one of this function's; see the header Allow",
			"不是本函数支持的方法；见响应头 Allow"), http.StatusMethodNotAllowed}
	case len(r.Body) > order.MaxObject:
		return p, &httpFault{p.Object("body", r.Body), http.StatusRequestEntityTooLarge}
	}
	return p, badRequest(read(&p, number, r))
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
		header["Retry-After"] = strconv.FormatInt(max(r.RetryAfter, leastRetryAfter), 10)
	}
	return header
}

// leastRetryAfter is how many seconds a client is asked to wait at least: as long as most doubts
// last.
const leastRetryAfter = 5
