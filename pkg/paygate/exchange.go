package paygate

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// question is a request that was authenticated and understood, whatever its protocol.
type question struct {
	api string
	op  string
	// APIv3: whose path it is
	region string
	// APIv3: about a combined order
	combine  bool
	merchant *Merchant
	// wxcloudrun: the order's owner, of which the request says only half; nil elsewhere
	holder   *Owner
	subMchID string
	// APIv2
	subAppID string
	// for a query by transaction_id: that of the order found, empty if there is none
	outTradeNo    string
	transactionID string
	// APIv2
	signType string
	// APIv2: 1.0 asks for promotion_detail
	version string
	// APIv3: the sub-orders that a combined close names
	named namedOrders
	// what is to be placed, as one or combined, and the trade type of the path
	placing   *placement
	combining *combinedPlacement
	trade     string
	// where a browser reaches the pages of this gateway; empty: nowhere
	base string
	// APIv3: the self-test's texts
	echo *echoTexts
	// what a request for a refund wants; and which refund a query of one names, by WeChat Pay's
	// number or the merchant's, and how many of an order's it leaves out
	refund      *refundAsk
	refundID    string
	outRefundNo string
	offset      int
	// APIv3: what should sign the reply
	asked keyKind
}

// owner is the merchant or sub-merchant whose order it is about.
func (q *question) owner() Owner {
	if q.holder != nil {
		return *q.holder
	}
	return Owner{MchID: q.merchant.MchID, SubMchID: q.subMchID}
}

// orderKey is what the order is found by, whether there is one or not.
func (q *question) orderKey() orderKey { return orderKey{q.owner(), q.outTradeNo} }

// reaches reports whether an order is found where the question looks: not a part of a combined one,
// and in APIv3 not one of another region.
func (q *question) reaches(o *Order) bool {
	return o.CombineOutTradeNo == "" && (q.api != apiV3 || q.region == o.Region)
}

// subject is what a question is about, as it stands: an order, or a combined one's head with its
// parts, or refunds with their order.
type subject struct {
	Order

	parts   []Order
	refunds []Refund
}

// reply is an answer on its way out. Its bytes are final once a wire has sealed it.
type reply struct {
	status int
	// APIv2: in order, without sign
	fields []field
	// APIv3: from the start; APIv2: after sealing
	body   []byte
	header http.Header
	// goes out without a signature, as replies to requests that were not authenticated do
	unsigned bool
}

// wire is what the protocols do differently once a request is understood.
type wire interface {
	// success is the reply after what was asked was done.
	success(q *question, s *subject) *reply
	// refused is the reply after it was not.
	refused(q *question, no *refusal) *reply
	// report is the subject's state, whatever was asked.
	report(q *question, s *subject) *reply
	// pad makes the body longer than size.
	pad(rp *reply, size int)
	// seal signs the reply and writes its bytes, or forges that as a fault wants. The error is that
	// of signing.
	seal(q *question, rp *reply, forgery Action) error
}

// serve handles a question, with the faults that are due. It is the one way of every protocol, in
// this order:
//
// 1. The faults that the request meets are taken from the list, so that they are used up whatever
// follows.
// 2. A delay passes, and a payment comes in.
// 3. A fault that keeps the request from being handled ends here: Reset, Hang, HTML502.
// 4. The request is handled, or a fault refuses it in the gateway's place.
// 5. The protocol writes the reply, or the one that a fault wants: about another order, or too
// long.
// 6. The reply is signed, or its signature forged or left out.
// 7. The history has the request. The reply is sent, by half or not at all if a fault says so.
func (g *Gateway) serve(ex *exchange, w wire, q *question) {
	due := g.faults.take(q)
	ex.rec.Faults = due.actions()
	if !g.prelude(ex, q, due) || g.intercept(ex, due) {
		return
	}
	no := due.answer()
	var about subject
	if no == nil {
		about, no = g.handleKept(q)
	} else {
		ex.note("a fault answered before anything was done")
		about = g.look(q)
	}
	if no != nil {
		no = no.in(q)
	}
	ex.rec.State = string(about.State)
	rp := g.compose(ex, w, q, &about, no, due)
	if no != nil && no.status == http.StatusTooManyRequests && q.api == apiV3 {
		rp.header.Set("Retry-After", retryAfter(due))
	}
	g.finish(ex, w, q, rp, due)
}

// prelude lets time pass and payments happen, in the order injected. It returns false if the client
// did not wait for that.
func (g *Gateway) prelude(ex *exchange, q *question, due plan) bool {
	for _, f := range due {
		switch f.Action {
		case Delay:
			if !ex.wait(f.Delay) {
				ex.rec.Verdict = verdictCut
				ex.note("the client went away, or the gateway closed, during the delay")
				ex.record(0)
				ex.cut()
				return false
			}
		case Pay:
			if err := g.payNow(q); err != nil {
				ex.note("the payment did not happen: " + err.Error())
			} else {
				ex.note("a payment came in just before")
			}
		default: // later
		}
	}
	return true
}

// payNow has the user pay what a question is about.
func (g *Gateway) payNow(q *question) error {
	if q.combine {
		_, err := g.orders.changeCombined(q.orderKey(), g.orders.pay)
		return err
	}
	_, err := g.orders.change(q.outTradeNo, oneOf([]Owner{q.owner()}), g.orders.pay)
	return err
}

// look is what a question is about, untouched; empty if there is none. A fault that refuses in the
// gateway's place shows the order's state in the history all the same.
func (g *Gateway) look(q *question) subject {
	switch {
	case q.op == opCertificates, q.op == opEcho:
		return subject{}
	case q.combine:
		all, ok := g.orders.getCombined(q.orderKey())
		if !ok {
			return subject{}
		}
		return newSubject(&all)
	default:
		order, _ := g.orders.get(q)
		return subject{Order: order}
	}
}

// intercept plays the faults that keep a request from being handled, and reports whether one did.
func (g *Gateway) intercept(ex *exchange, due plan) bool {
	switch f := due.has(Reset, Hang, HTML502); {
	case f == nil:
		return false
	case f.Action == Reset:
		ex.rec.Verdict = verdictCut
		ex.note("a fault reset the connection before anything was done")
		ex.record(0)
		ex.reset()
	case f.Action == Hang:
		ex.rec.Verdict = verdictHanging
		ex.note("a fault keeps the request hanging; nothing was done")
		ex.record(0)
		ex.hang()
		ex.cut()
	default:
		ex.rec.Verdict = verdictInterference
		ex.note("a fault answered as a proxy would; nothing was done")
		rp := &reply{status: cmp.Or(f.HTTPStatus, http.StatusBadGateway), header: http.Header{}}
		rp.header.Set("Content-Type", "text/html")
		rp.body = []byte(proxyPage)
		ex.send(rp, due)
	}
	return true
}

// proxyPage is nginx's own page, which [HTML502] answers.
const proxyPage = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n" +
	"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"

// handle does what was asked, or returns why not. The subject is as it is afterwards.
func (g *Gateway) handle(q *question) (subject, *refusal) {
	switch {
	case q.op == opCertificates:
		return subject{}, g.noCertificates()
	case q.op == opEcho:
		return g.handleEcho(q)
	case q.op == opPlace:
		return g.handlePlace(q)
	case q.op == opRefund, q.op == opRefundQuery:
		return g.handleRefund(q)
	case q.combine:
		return g.handleCombined(q)
	default:
		order, no := g.handleOrder(q)
		return subject{Order: order}, no
	}
}

// handleOrder does what was asked of an order that is no part of a combined one.
func (g *Gateway) handleOrder(q *question) (Order, *refusal) {
	if q.api == apiCloudRun && !g.orders.knows(q.subMchID) {
		return Order{}, noMerchant(q.subMchID)
	}
	if !g.orders.isBound(q.owner()) {
		return Order{}, notBound(q.owner())
	}
	switch q.op {
	case opReverse:
		return g.handleReverse(q)
	case opQuery:
		order, ok := g.orders.get(q)
		if !ok {
			return order, g.noOrder(q)
		}
		return order, nil
	}
	order, no := g.orders.close(q)
	switch {
	case no == nil:
		return order, nil
	case order.OutTradeNo == "":
		return order, g.noOrder(q)
	case order.State == StateClosed && q.api == apiV3 && g.reentrantClose:
		return order, nil
	default:
		return order, no.because(fmt.Sprintf("the order is %s (trade type %s)", order.State, order.TradeType))
	}
}

// noOrder is the refusal of a question that reaches no order, with where there is one.
func (g *Gateway) noOrder(q *question) *refusal {
	if q.outTradeNo == "" {
		return refuse(codeOrderNotExist).because(fmt.Sprintf("no order of %s has transaction_id %s", q.owner(), q.transactionID))
	}
	return refuse(codeOrderNotExist).because(g.orders.elsewhere(q))
}

// compose writes the reply, or the one that a fault wants in its place, and notes the verdict.
func (g *Gateway) compose(ex *exchange, w wire, q *question, about *subject, no *refusal, due plan) *reply {
	var rp *reply
	if no == nil {
		ex.rec.Verdict = verdictOK
		rp = w.success(q, about)
	} else {
		ex.refused(no)
		rp = w.refused(q, no)
		if f := due.has(Refuse); f != nil && f.HTTPStatus != 0 {
			rp.status = f.HTTPStatus
		}
	}
	f := due.has(WrongOrder, WrongMerchant, Oversize)
	switch {
	case f == nil:
		return rp
	case f.Action == Oversize:
		w.pad(rp, maxBody)
		return rp
	}
	ex.rec.RequestID = newRequestID(suffixOK)
	other := stranger(q, about)
	if f.Action == WrongMerchant {
		otherQ := otherMerchant(q)
		other.MchID = otherQ.merchant.MchID
		return w.report(&otherQ, &other)
	}
	other.OutTradeNo = differently(other.OutTradeNo)
	if other.TransactionID != "" {
		other.TransactionID = differently(other.TransactionID)
	}
	if other.PrepayID != "" {
		other.PrepayID = differently(other.PrepayID)
	}
	return w.report(q, &other)
}

// stranger is the order asked for, or one much like it if there is none: the report about it is
// then made another's.
func stranger(q *question, about *subject) subject {
	if about.OutTradeNo != "" {
		return subject{Order: about.clone(), parts: about.parts, refunds: about.refunds}
	}
	return subject{Order: Order{
		MchID: q.merchant.MchID, SubMchID: q.subMchID, OutTradeNo: cmp.Or(q.outTradeNo, "0"),
		AppID: q.merchant.AppID, Region: q.region, State: StateNotPay, TradeType: cmp.Or(q.trade, tradeJSAPI), Total: 1,
		PrepayID: "wx" + strings.ToLower(randomText(34)),
	}}
}

// otherMerchant is the question as another merchant would have asked it. Certificates name no
// merchant, but are encrypted for one. In wxcloudrun the merchant is sub_mch_id, and mch_id is
// WeChat Pay's own service provider.
func otherMerchant(q *question) question {
	other, merchant := *q, *q.merchant
	merchant.MchID = differently(merchant.MchID)
	if q.op == opCertificates {
		merchant.V3Key = differently(merchant.V3Key)
	}
	if q.api == apiCloudRun {
		other.subMchID = differently(q.subMchID)
	}
	other.merchant = &merchant
	return other
}

// differently changes the last character of an identifier, and keeps its length and its alphabet.
func differently(id string) string {
	if last := len(id) - 1; id[last] != '0' {
		return id[:last] + "0"
	}
	return id[:len(id)-1] + "1"
}

// refused notes a refusal for the history.
func (ex *exchange) refused(no *refusal) {
	ex.rec.Verdict = verdictRefused
	ex.rec.Code = no.code(ex.rec.API)
	if no.reason != "" {
		ex.note(no.reason)
	}
	ex.rec.RequestID = newRequestID(no.suffix)
}

// note adds a sentence to the history's reason.
func (ex *exchange) note(sentence string) {
	if ex.rec.Reason != "" {
		ex.rec.Reason += "; "
	}
	ex.rec.Reason += sentence
}

// finish signs and sends a reply. The private link of wxcloudrun passes no Request-ID on.
func (g *Gateway) finish(ex *exchange, w wire, q *question, rp *reply, due plan) {
	switch {
	case q.api == apiCloudRun: // the link passes none on
		ex.rec.RequestID = ""
	case ex.rec.RequestID == "":
		ex.rec.RequestID = newRequestID(suffixOK)
	}
	// nothing to cut from: promise something
	if due.has(Truncate) != nil && len(rp.body) == 0 && rp.fields == nil {
		rp.status, rp.body = http.StatusOK, []byte("{}")
	}
	if ex.rec.RequestID != "" {
		rp.header.Set("Request-Id", ex.rec.RequestID)
	}
	if err := w.seal(q, rp, due.forgery()); err != nil {
		ex.notSigned(w, q, err)
		return
	}
	ex.send(rp, due)
}

// send writes a sealed reply, or as much of it as the faults let through. The history has the
// request before the client has the reply.
func (ex *exchange) send(rp *reply, due plan) {
	if due.has(Drop) != nil {
		ex.note("then a fault cut the connection without a reply")
		ex.record(0)
		ex.cut()
		return
	}
	header := ex.w.Header()
	maps.Copy(header, rp.header)
	body := rp.body
	if hasBody(rp.status) {
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	if due.has(Truncate) != nil {
		body = body[:len(body)/2]
	}
	ex.record(rp.status)
	ex.w.WriteHeader(rp.status)
	// the client may be gone; the history has the request
	_, _ = bytes.NewReader(body).WriteTo(ex.w)
}

// retryAfter is a Retry-After in whole seconds, at least one.
func retryAfter(due plan) string {
	wait := time.Second
	if f := due.has(RateLimit); f != nil && f.Delay > wait {
		wait = f.Delay
	}
	return strconv.Itoa(int((wait + time.Second - 1) / time.Second))
}

// newRequestID looks like WeChat Pay's: it ends with the internal number of the error, 0 for none.
func newRequestID(suffix int) string {
	return "08" + strings.ToUpper(randomText(32)) + "-" + strconv.Itoa(suffix)
}
