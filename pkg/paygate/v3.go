package paygate

import (
	"cmp"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// routeV3 is what an APIv3 path says.
type routeV3 struct {
	op      string
	region  string
	partner bool
	combine bool
	// of a combined order its combine_out_trade_no
	outTradeNo    string
	transactionID string
	// of a placing
	trade       string
	outRefundNo string
	// the overseas folder of payment codes, which has no other call than the reversal
	codes bool
}

// foldersV3 are the folders below which orders are closed and queried. Overseas one folder serves
// both modes; on the mainland each mode has its own.
var foldersV3 = []struct {
	path  string
	route routeV3
}{
	{pathDirect, routeV3{}},
	{pathPartner, routeV3{partner: true}},
	{pathCombine, routeV3{combine: true}},
	{pathGlobal, routeV3{region: global}},
	{pathGlobalCodes, routeV3{region: global, codes: true}},
	{pathHongKong, routeV3{region: hongKong}},
}

// parseRouteV3 reads an escaped path. ok is false if no endpoint has it.
func parseRouteV3(path string) (route routeV3, ok bool) {
	if region, ok := certificatePaths[path]; ok {
		return routeV3{op: opCertificates, region: region}, true
	}
	if path == pathEcho {
		return routeV3{op: opEcho}, true
	}
	if route, ok := parseRefundV3(path); ok {
		return route, true
	}
	if route, ok := placePathsV3[path]; ok {
		return route, true
	}
	for _, folder := range foldersV3 {
		if rest, found := strings.CutPrefix(path, folder.path); found {
			return folder.route.below(strings.Split(rest, "/"))
		}
	}
	return routeV3{}, false
}

// below reads what stands below a folder: the kind of number, the number, and perhaps a word for
// what is to be done. The number is unescaped once; one that is escaped twice is found wrong later,
// where the reason can say so.
func (r routeV3) below(segments []string) (route routeV3, ok bool) {
	if len(segments) < 2 || segments[1] == "" {
		return routeV3{}, false
	}
	id, err := url.PathUnescape(segments[1])
	if r.op = opBelow(segments[2:]); err != nil || !r.hasOp() {
		return routeV3{}, false
	}
	switch kind := segments[0]; {
	case kind == "out-trade-no":
		r.outTradeNo = id
	case r.isID(kind) && r.hasID():
		r.transactionID = id
	default:
		return routeV3{}, false
	}
	return r, true
}

// opBelow is the operation that the end of a path says, empty for none.
func opBelow(words []string) string {
	switch {
	case len(words) == 0:
		return opQuery
	case len(words) == 1 && words[0] == "close":
		return opClose
	case len(words) == 1 && words[0] == "reverse":
		return opReverse
	default:
		return ""
	}
}

// hasOp reports whether the folder has the operation.
func (r routeV3) hasOp() bool {
	if r.op == opReverse {
		return r.hasReverse()
	}
	return r.op != "" && !r.codes
}

// isID reports whether a word of the path says that WeChat Pay's own number follows. The reversal
// of Hong Kong has a word of its own.
func (r routeV3) isID(kind string) bool {
	return kind == "id" || kind == "transaction_id" && r.op == opReverse && r.region == hongKong
}

// hasID reports whether the call exists by WeChat Pay's own number. There is no such close on the
// mainland, where an unpaid order has no number; of combined orders only the collections of persons
// have such calls, which are not played.
func (r routeV3) hasID() bool { return !r.combine && (r.op == opQuery || overseas(r.region)) }

// method is the one that the path takes.
func (r routeV3) method() string {
	switch r.op {
	case opQuery, opRefundQuery, opCertificates:
		return http.MethodGet
	default:
		return http.MethodPost
	}
}

// owners names the parameters that say whose order it is.
func (r routeV3) owners(params map[string]string) []string {
	switch {
	case overseas(r.region):
		return ownersOverseas(params)
	case r.partner:
		return []string{"sp_mchid", "sub_mchid"}
	default:
		return []string{"mchid"}
	}
}

// serveV3 answers POST …/out-trade-no/{no}/close, GET …/out-trade-no/{no} and GET …/id/{id} in the
// folders above (pay.weixin.qq.com doc v3/merchant 4012791860, 4012791859, and their v3/partner
// twins), the placings there, POST …/security/echo and GET …/certificates.
func (g *Gateway) serveV3(ex *exchange, path string) {
	route, ok := parseRouteV3(path)
	if !ok {
		g.notPlayedV3(ex, http.StatusNotFound, "APIv3 has no such path here")
		return
	}
	ex.rec.Op, ex.rec.Region = route.op, route.region
	ex.rec.OutTradeNo, ex.rec.TransactionID = route.outTradeNo, route.transactionID
	if ex.r.Method != route.method() {
		ex.w.Header().Set("Allow", route.method())
		g.notPlayedV3(ex, http.StatusMethodNotAllowed, "the method must be "+route.method())
		return
	}
	if !ex.read() {
		return
	}
	q := &question{
		api: apiV3, op: route.op, region: route.region, combine: route.combine,
		outTradeNo: route.outTradeNo, transactionID: route.transactionID, outRefundNo: route.outRefundNo, base: g.baseOf(ex.r),
	}
	merchant, wrong := g.authenticateV3(ex)
	q.merchant = merchant
	w := v3Wire{gateway: g, ex: ex, anonymous: wrong != nil}
	no := g.admitV3(ex, q, route, wrong)
	if no == nil {
		g.serve(ex, w, q)
		return
	}
	ex.refused(no)
	if wrong != nil {
		ex.rec.Verdict = verdictUnauthentic
		ex.rec.Expected, ex.rec.Received = wrong.expected, wrong.received
	}
	g.finish(ex, w, q, w.refused(q, no), nil)
}

// admitV3 returns why a request is refused before anything is done, nil if it is admitted. The
// headers that the real gateway's front demands come first, then the signature, then the name of
// the key that should sign the reply, then the form. chooseSigner is asked in any case, since it
// also says how a refusal is signed.
func (g *Gateway) admitV3(ex *exchange, q *question, route routeV3, wrong *distrust) *refusal {
	unknownSerial := g.chooseSigner(ex, q)
	switch missing := missingHeader(ex.r.Header); {
	case missing != nil:
		return missing.refusal(ex, codeInvalidRequest)
	case wrong != nil:
		return wrong.refusal(ex, codeSignError)
	case unknownSerial != nil:
		return unknownSerial.refusal(ex, codeParamError)
	default:
		return g.askV3(ex, q, route)
	}
}

// missingHeader refuses what the real gateway's front refuses, in its words.
func missingHeader(header http.Header) *distrust {
	const says = "Http头缺少Accept或User-Agent"
	switch {
	case header.Get("Accept") == "":
		return inTheTable(says, "v3-accept")
	case header.Get("User-Agent") == "":
		return inTheTable(says, "v3-user-agent")
	default:
		return nil
	}
}

// issue is the detail of a PARAM_ERROR.
type issue struct {
	Field    string `json:"field,omitempty"`
	Value    any    `json:"value"`
	Issue    string `json:"issue,omitempty"`
	Location string `json:"location"`
}

// askV3 checks an authenticated request, and completes the question. The merchant in Authorization
// must be the one in the parameters, or a service provider could close another's orders.
func (g *Gateway) askV3(ex *exchange, q *question, route routeV3) *refusal {
	switch {
	case q.op == opCertificates:
		return g.askCertificates(ex, q)
	case q.op == opEcho:
		return g.askEcho(ex, q)
	case q.op == opPlace:
		return g.askPlace(ex, q, route)
	case q.op == opRefund, q.op == opRefundQuery:
		return g.askRefundV3(ex, q)
	case q.combine:
		return g.askCombined(ex, q)
	}
	params, location, no := paramsV3(ex, route)
	if no != nil {
		return no
	}
	names := route.owners(params)
	for _, name := range names {
		if no := checkOwner(params, name, location); no != nil {
			return no
		}
	}
	if no := refuseSurplus(params, slices.Concat(names, route.appIDs(names)), location); no != nil {
		return no
	}
	if own := params[names[0]]; own != q.merchant.MchID {
		return badParam(issue{Field: names[0], Value: own, Issue: "mchid mismatch", Location: location},
			"http header中的mchid与post payload中的mchid不匹配").
			because(fmt.Sprintf("Authorization is mchid %s's, but the %s says %s %s", q.merchant.MchID, location, names[0], own))
	}
	q.subMchID = params["sub_mchid"]
	ex.rec.SubMchID = q.subMchID
	if q.subMchID == q.merchant.MchID {
		return badParam(issue{Field: "sub_mchid", Value: q.subMchID, Issue: "sub_mchid equals sp_mchid", Location: location},
			"子商户号不能与服务商商户号相同").numbered(suffixSelfRelation).because("sub_mchid equals sp_mchid")
	}
	if no := checkAppIDs(q, params, route); no != nil {
		return no
	}
	q.subAppID = params["sub_appid"]
	return g.identifyV3(ex, q)
}

// identifyV3 checks the order's number, and finds it if a transaction is named.
func (g *Gateway) identifyV3(ex *exchange, q *question) *refusal {
	if q.transactionID == "" {
		if outTradeNoRule.MatchString(q.outTradeNo) {
			return nil
		}
		reason := fmt.Sprintf("out_trade_no %q %s", q.outTradeNo, outTradeNoSentence)
		if single, err := url.PathUnescape(q.outTradeNo); err == nil && outTradeNoRule.MatchString(single) {
			reason += "; the path is escaped twice"
		}
		return badParam(issue{Field: "out_trade_no", Value: q.outTradeNo, Issue: "illegal characters or length", Location: "uri_template"},
			"输入源“/uri_template/out_trade_no”映射到值字段“商户订单号”字符串规则校验失败").because(reason)
	}
	if !transactionIDRule.MatchString(q.transactionID) {
		return badParam(issue{Field: "transaction_id", Value: q.transactionID, Issue: "illegal characters or length", Location: "uri_template"},
			"输入源“/uri_template/transaction_id”映射到值字段“微信支付订单号”字符串规则校验失败").
			because(fmt.Sprintf("transaction_id %q must be 1 to 32 digits or letters", q.transactionID))
	}
	q.outTradeNo = g.orders.byTransaction(q.owner(), q.transactionID)
	ex.rec.OutTradeNo = q.outTradeNo
	return nil
}

// badParam is a PARAM_ERROR about one parameter.
func badParam(detail issue, message string) *refusal {
	return refuse(codeParamError).saying(message).detailing(detail)
}

// checkOwner demands a merchant number. The words about a missing one are those of a real
// complaint.
func checkOwner(params map[string]string, name, location string) *refusal {
	label := map[string]string{"mchid": "直连商户号", "sp_mchid": "服务商户号", "sub_mchid": "子商户号"}[name]
	value := params[name]
	switch {
	case value == "":
		return badParam(issue{Value: "", Location: "uri_template"},
			"输入源“/uri_template/"+name+"”映射到值字段“"+label+"”必填性规则校验失败，此字段为必填项").
			because(fmt.Sprintf("%s is missing from the %s, which has %s", name, location, keysOf(params)))
	case !isMchID(value):
		return badParam(issue{Field: name, Value: value, Issue: "must be digits", Location: location},
			"输入源“/"+location+"/"+name+"”映射到值字段“"+label+"”字符串规则校验失败").
			because(fmt.Sprintf("%s %q must be 1 to 32 digits", name, value))
	default:
		return nil
	}
}

// refuseSurplus refuses a parameter that should not be there, the first by name.
func refuseSurplus(params map[string]string, allowed []string, location string) *refusal {
	for _, name := range sortedKeys(params) {
		if !slices.Contains(allowed, name) {
			return badParam(issue{Field: name, Value: params[name], Issue: "illegal extra param", Location: location},
				"输入源“/"+location+"/"+name+"”多余参数").numbered(suffixExtraParam).
				because(fmt.Sprintf("%s is not a parameter of this call: it has %s", name, cmp.Or(strings.Join(allowed, ", "), "none")))
		}
	}
	return nil
}

// sortedKeys sorts a map's keys, so that messages do not depend on the map's order.
func sortedKeys[V any](params map[string]V) []string {
	keys := make([]string, 0, len(params))
	for key := range params {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// keysOf lists parameters for a sentence.
func keysOf(params map[string]string) string {
	if len(params) == 0 {
		return "none at all"
	}
	return strings.Join(sortedKeys(params), ", ")
}

// paramsV3 takes a close's parameters from the body, and a query's from the query string. A member
// that is no parameter of the call may be anything: it is refused as surplus, by its name.
func paramsV3(ex *exchange, route routeV3) (params map[string]string, location string, no *refusal) {
	if route.op == opQuery {
		params, err := decodeQueryV3(ex.r.URL.RawQuery)
		if err != nil {
			return nil, "query", refuse(codeParamError).because("the query string cannot be read: " + err.Error())
		}
		return params, "query", nil
	}
	if no := wantJSONType(ex.r); no != nil {
		return nil, "body", no
	}
	params, others, err := decodeMembers(ex.body)
	// what is no parameter of this call may be anything: it is refused as surplus
	for _, name := range others {
		if slices.Contains(route.owners(params), name) {
			err = fmt.Errorf("%s must be a string", name)
		}
	}
	if err != nil {
		return nil, "body", refuse(codeParamError).saying("请求body不是合法的json").because("the body cannot be read: " + err.Error())
	}
	return params, "body", nil
}

// wantJSONType refuses a body that does not say that it is JSON.
func wantJSONType(r *http.Request) *refusal {
	given := r.Header.Get("Content-Type")
	if kind, _, err := mime.ParseMediaType(given); err == nil && kind == "application/json" {
		return nil
	}
	return refuse(codeInvalidRequest).saying("Http头Content-Type错误，请使用application/json").
		because(fmt.Sprintf("Content-Type %q must be application/json", given))
}

// decodeQueryV3 reads a query string, each name once.
func decodeQueryV3(raw string) (map[string]string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, fmt.Errorf("parsing it: %w", err)
	}
	params := make(map[string]string, len(values))
	for name, all := range values {
		if len(all) != 1 {
			return nil, fmt.Errorf("%s is there %d times", name, len(all))
		}
		params[name] = all[0]
	}
	return params, nil
}

// v3Wire writes APIv3 replies.
type v3Wire struct {
	gateway *Gateway
	ex      *exchange
	// the request was not authenticated, so its reply is not signed
	anonymous bool
}

// success writes a query's report, or the 204 of a close, which has no body to say which order it
// is about.
func (w v3Wire) success(q *question, s *subject) *reply {
	if q.op == opClose || q.op == opReverse && overseas(q.region) {
		return newReplyV3(http.StatusNoContent, nil)
	}
	return w.report(q, s)
}

// refused writes an error's body, which names no order either.
func (w v3Wire) refused(_ *question, no *refusal) *reply {
	return newReplyV3(no.status, struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Detail  any    `json:"detail,omitempty"`
	}{no.v3, no.message, no.detail})
}

// report writes what a query of the same subject would get.
func (w v3Wire) report(q *question, s *subject) *reply {
	switch {
	case q.op == opCertificates:
		return w.gateway.reportCertificates(q.merchant)
	case q.op == opEcho:
		return w.gateway.reportEcho(q)
	case q.op == opPlace:
		return w.placed(q, s)
	case q.op == opRefund, q.op == opRefundQuery:
		return reportRefundV3(q, s)
	case q.op == opReverse && !overseas(q.region):
		return reportReversed(q, s)
	case q.combine:
		return reportCombined(s)
	default:
		return reportV3(&s.Order)
	}
}

// pad makes a JSON body too long; a reply without a body gets one.
func (v3Wire) pad(rp *reply, size int) { padJSON(rp, size) }

// seal signs the reply, unless the request was not authenticated, a fault wants none, or the
// options leave errors unsigned.
func (w v3Wire) seal(q *question, rp *reply, forgery Action) error {
	ok := rp.status >= 200 && rp.status <= 299
	rp.unsigned = w.anonymous || w.gateway.unsignedErrors && !ok
	if rp.unsigned || forgery == Unsigned {
		return nil
	}
	by, forgery := w.gateway.drawSigning(w.ex, q, forgery)
	w.ex.rec.SignedBy = by.serial
	return by.sign(rp, w.gateway.now(), forgery)
}

// transaction is a query's answer, for both modes (doc v3/merchant 4012791859, v3/partner
// 4012759974). The payment's facts are there only if there was one.
type transaction struct {
	// AppID and MchID are a merchant's own order; the next four a service provider's.
	AppID      string `json:"appid,omitempty"`
	MchID      string `json:"mchid,omitempty"`
	SPAppID    string `json:"sp_appid,omitempty"`
	SPMchID    string `json:"sp_mchid,omitempty"`
	SubAppID   string `json:"sub_appid,omitempty"`
	SubMchID   string `json:"sub_mchid,omitempty"`
	OutTradeNo string `json:"out_trade_no"`
	// TransactionID and what follows to SuccessTime, but for the state and Attach, are the
	// payment's.
	TransactionID  string     `json:"transaction_id,omitempty"`
	TradeType      string     `json:"trade_type,omitempty"`
	TradeState     TradeState `json:"trade_state"`
	TradeStateDesc string     `json:"trade_state_desc"`
	BankType       string     `json:"bank_type,omitempty"`
	Attach         string     `json:"attach,omitempty"`
	SuccessTime    string     `json:"success_time,omitempty"`
	Payer          *payer     `json:"payer,omitempty"`
	Amount         *amount    `json:"amount,omitempty"`
	// SceneInfo is there if a device was given.
	SceneInfo  *sceneInfo  `json:"scene_info,omitempty"`
	Promotions []promotion `json:"promotion_detail,omitempty"`
}

// promotion is a coupon in a query's answer. Its names are the coupon's own.
type promotion struct {
	Coupon
	Currency string `json:"currency"`
}

// payer is the user that paid, under the appids of one mode or the other.
type payer struct {
	OpenID    string `json:"openid,omitempty"`
	SPOpenID  string `json:"sp_openid,omitempty"`
	SubOpenID string `json:"sub_openid,omitempty"`
}

// amount is what was asked, and what the payer paid after coupons.
type amount struct {
	Total         int64  `json:"total"`
	PayerTotal    int64  `json:"payer_total"`
	Currency      string `json:"currency"`
	PayerCurrency string `json:"payer_currency"`
}

// sceneInfo is the device that the order was placed at.
type sceneInfo struct {
	DeviceID string `json:"device_id"`
}

// newTransaction writes an order as a query on the mainland shows it.
func newTransaction(o *Order) transaction {
	t := transaction{
		OutTradeNo: o.OutTradeNo, TradeState: o.State, TradeStateDesc: o.State.description(), Attach: o.Attach,
	}
	if o.SubMchID == "" {
		t.AppID, t.MchID = o.AppID, o.MchID
	} else {
		t.SPAppID, t.SPMchID, t.SubAppID, t.SubMchID = o.AppID, o.MchID, o.SubAppID, o.SubMchID
	}
	if !o.State.paid() {
		return t
	}
	t.TransactionID, t.TradeType, t.BankType = o.TransactionID, o.TradeType, o.BankType
	t.SuccessTime = o.PaidAt.In(beijing()).Format("2006-01-02T15:04:05-07:00")
	t.Payer = &payer{OpenID: o.OpenID}
	if o.SubMchID != "" {
		t.Payer = &payer{SPOpenID: o.OpenID, SubOpenID: o.SubOpenID}
	}
	t.Amount = &amount{Total: o.Total, PayerTotal: o.Total - o.discount(), Currency: o.Currency, PayerCurrency: o.Currency}
	if o.DeviceInfo != "" {
		t.SceneInfo = &sceneInfo{DeviceID: o.DeviceInfo}
	}
	for _, c := range o.Coupons {
		t.Promotions = append(t.Promotions, promotion{Coupon: c, Currency: o.Currency})
	}
	return t
}
