package wechatpay

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"strconv"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/verdict"
)

// A no is a refusal in either dialect: the gateway, or something that may be the
// gateway, answered and said no.
type no struct {
	// code is what it means: the gateway's own or, where there is none, our guess.
	code string
	// spelled is the gateway's own, whatever it means.
	spelled       string
	message       string
	resultMsg     string // APIv2's result_msg, when authenticated
	authenticated bool
	proof         order.Proof // why, when authenticated; a signature when empty
	status        int
	requestID     string
	retryAfter    time.Duration
	nonce, sign   string
	signedAt      time.Time
	fresh         bool
}

// refusal reads a no in the light of the one table of codes.
func refusal(op order.Op, n no) order.Answer {
	a := order.Answer{
		Proof:      order.ProofNone,
		Message:    n.message,
		HTTPStatus: n.status,
		RequestID:  n.requestID,
		RetryAfter: n.retryAfter,
		SignedAt:   n.signedAt,
		Fresh:      n.fresh,
	}
	row, known := errcode.Lookup(n.code)
	if n.code == "" {
		row, known = byStatus(n.status), true
	}
	a.Code, a.GatewayCode = row.Name, n.spelled
	if n.authenticated {
		a.Proof, a.Nonce, a.Sign = cmp.Or(n.proof, order.ProofSignature), n.nonce, n.sign
		a.ResultMsg = n.resultMsg
		a.Verdict = proved(op, row, known, n.status)
		if n.code == "" {
			a.Verdict, a.Proof = verdict.Doubted, order.ProofNone // signed, and says nothing
		}
		return a
	}
	return unproved(op, row, known, a)
}

// proved is what a refusal amounts to that the gateway signed. A code that no
// document names is a dispute, unless the status says that the gateway failed.
// (The status itself is never signed, so it may decide no more than that.)
func proved(op order.Op, row errcode.Code, known bool, status int) verdict.Verdict {
	if !known && status >= http.StatusInternalServerError {
		return verdict.Doubted
	}
	if op == order.OpClose {
		return row.Close
	}
	return row.Query
}

// unproved is what the same refusal amounts to when nothing vouches for it. What
// it says about the order must not even be repeated as an error code, lest
// somebody branch on it; nor may a code that is in no table, which may be any text.
func unproved(op order.Op, row errcode.Code, known bool, a order.Answer) order.Answer {
	a.Verdict = verdict.Doubted
	if _, spelled := errcode.Lookup(a.GatewayCode); !spelled && !isNumber(a.GatewayCode) {
		a.GatewayCode = ""
	}
	switch {
	case speaksOfOrder(row):
		a.Message = bilingual.Sprintf("an unsigned reply says %s", "未签名的应答称 %s", row.Name).String()
		a.Code, a.GatewayCode = errcode.UnsignedReply, ""
	case !known:
		reason := bilingual.Same(a.Message)
		if a.Message == "" {
			reason = bilingual.New("it gives no reason", "没有给出原因")
		}
		a.Message = bilingual.Sprintf("an unsigned reply refuses, with a code that no document has: %s",
			"未签名的应答拒绝了请求，错误码不在任何文档中：%s", reason).String()
		a.Code = errcode.UnsignedReply
	case proved(op, row, true, 0) == verdict.Refused, row.Name == errcode.GatewayRejected:
		a.Verdict = verdict.Rejected
	}
	return a
}

// maxErrcode is the length of the longest number with which cloud hosting's link says
// no, and of some more.
const maxErrcode = 10

// isNumber reports whether a code may be one of the link's own.
func isNumber(code string) bool {
	_, err := strconv.Atoi(code)
	return err == nil && len(code) <= maxErrcode
}

// hinted adds to the gateway's word that there is no such order why there may be
// one all the same: it finds an order only where, and as what, it was made.
func hinted(c order.Call, a order.Answer) order.Answer {
	if a.Verdict != verdict.SaysMissing {
		return a
	}
	hint := bilingual.New("check the numbers; a combined order is found in APIv3 only, by combine_out_trade_no",
		"请核对订单号与商户号；合单订单只能用 APIv3 以 combine_out_trade_no 查到")
	switch {
	case c.CombineOutTradeNo != "":
		hint = bilingual.New("an order that is not combined is named by out_trade_no", "非合单订单请用 out_trade_no")
	case c.API == order.V3:
		hint = bilingual.New(
			"check the numbers; a combined order is named by combine_out_trade_no, and one of another region needs its WXPAY_REGION",
			"请核对订单号与商户号；合单订单请用 combine_out_trade_no，其他地区的订单须设置其 WXPAY_REGION")
	}
	a.Message += " (" + hint.String() + ")"
	return a
}

// speaksOfOrder reports whether a code claims to know what became of the order.
func speaksOfOrder(row errcode.Code) bool {
	switch row.Close {
	case verdict.SaysClosed, verdict.SaysPaid, verdict.SaysMissing, verdict.SaysPaying:
		return true
	default:
		return false
	}
}

// byStatus is the code for a refusal that has none: an empty 404, a proxy's
// page, APIv2's return_code FAIL.
func byStatus(status int) errcode.Code {
	name := errcode.HTTPError
	switch {
	case status == http.StatusUnauthorized:
		name = errcode.SignError
	case status == http.StatusTooManyRequests:
		name = errcode.FrequencyLimited
	case status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		name = "SERVICE_UNAVAILABLE"
	case status == http.StatusOK, status >= http.StatusBadRequest && status < http.StatusInternalServerError:
		name = errcode.GatewayRejected
	}
	row, _ := errcode.Lookup(name)
	return row
}

// doubt is a reply that may not be believed or read, or none at all.
func doubt(code, message string, status int, requestID string) order.Answer {
	return order.Answer{
		Verdict:    verdict.Doubted,
		Proof:      order.ProofNone,
		Code:       code,
		Message:    message,
		HTTPStatus: status,
		RequestID:  requestID,
	}
}

// unanswered is doubt because no reply came. A certificate that does not hold is no lost packet:
// nothing was sent, and asking again brings the same.
func unanswered(err error) order.Answer {
	if _, is := errors.AsType[*tls.CertificateVerificationError](err); is {
		a := doubt(errcode.TLSError, err.Error(), 0, "")
		a.Verdict = verdict.Rejected
		return a
	}
	code := errcode.NetworkError
	var timeout interface{ Timeout() bool }
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		code = errcode.Timeout
	}
	return doubt(code, err.Error(), 0, "")
}
