package console

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"cloudpay/internal/bilingual"
)

// identifying are the rules by which a caller is identified, in the sequence in which a function
// tries them: the first that fits decides. The sequence is that of docs/callers.md, and which of
// them decided is the function's own word, from its log: nothing is decided here. The words for
// each are in caller.html.
var identifying = []string{
	// A token proves a service, or shows that one is wrong, whatever else the call has.
	"serviceToken",
	// What looks like an HTTP request is one, from the open web. Its proofs are tried from the one
	// that proves most; noHttpProof is a request without any.
	"httpShape", "httpToken", "accessToken", "wxHeader", "cloudbaseContext", "noHttpProof",
	// What the platform says of a person.
	"environment", "cognito",
	// What an event says of itself lowers trust, and never raises it.
	"userInfo", "timer", "cloudbaseKey",
	// Nothing is left that could tell: SCF's calls are denied then, and the others were admitted by
	// the platform.
	"nothing", "platform",
}

// admitting are the rules that the call of an identified caller has to pass, in their sequence: the
// first that is broken denies it.
var admitting = []string{"event", "caller", "parameter", "lookups", "notRegistered", "unowned", "notTheirs"}

// ofUsers are the rules that only a user's call has to pass.
var ofUsers = []string{"lookups", "notRegistered", "unowned", "notTheirs"}

// fit is what became of a rule.
type fit string

// How far a rule came.
const (
	fitsNot    fit = "not"      // it was tried, and did not fit
	decided    fit = "decided"  // it fitted, and identified the caller
	passed     fit = "passed"   // the call passed it
	denied     fit = "denied"   // it denied the call
	notReached fit = "untried"  // another one decided before it
	notAsked   fit = "unasked"  // it is for users, and the caller is none
	unknown    fit = "unlogged" // the log has no word on it
)

// tried is a rule, by the log's word for it, with what became of it.
type tried struct {
	ID  string
	Fit fit
}

// fitWords are the words for what became of a rule.
var fitWords = map[fit]bilingual.Text{
	fitsNot: bilingual.New("did not fit", "不符合"), decided: bilingual.New("decided", "据此认定"), passed: bilingual.New("passed", "通过"),
	denied:   bilingual.New("denied", "拒绝"),
	notAsked: bilingual.New("for users only", "仅针对用户"), notReached: bilingual.New("not tried", "未尝试"),
	unknown: bilingual.New("not logged", "日志未写明"),
}

// Said is it in words.
func (t tried) Said() bilingual.Text { return fitWords[t.Fit] }

// Mark is the class of its colour.
func (t tried) Mark() string {
	switch t.Fit {
	case decided, passed:
		return "ok"
	case denied:
		return "failed"
	case fitsNot, notReached, notAsked, unknown:
	}
	return "quiet"
}

// Identifying is the sequence by which the caller was identified. The log names the rule that
// decided; those before it were tried, since the sequence is fixed.
func (l logged) Identifying() []tried { return inSequence(identifying, l.By, fitsNot, decided) }

// Admitting is the sequence that the call had to pass. Without a rule that denied it, it passed all
// that there were for such a caller.
func (l logged) Admitting() []tried {
	if l.Rule != "" {
		return inSequence(admitting, l.Rule, passed, denied)
	}
	all := make([]tried, 0, len(admitting))
	for _, one := range admitting {
		fits := passed
		if l.Owner == "" && slices.Contains(ofUsers, one) {
			fits = notAsked
		}
		all = append(all, tried{one, fits})
	}
	return all
}

// inSequence marks the rules before and at the one that ended a sequence. Of a rule that is not
// among them nothing is known.
func inSequence(rules []string, end string, before, at fit) []tried {
	ends := slices.Index(rules, end)
	all := make([]tried, 0, len(rules))
	for i, one := range rules {
		switch {
		case ends < 0:
			all = append(all, tried{one, unknown})
		case i < ends:
			all = append(all, tried{one, before})
		case i == ends:
			all = append(all, tried{one, at})
		default:
			all = append(all, tried{one, notReached})
		}
	}
	return all
}

// callerRow is a call as a row.
type callerRow struct {
	language
	call
}

// First is what the function logged of the first caller that it denied, else of the first.
func (r callerRow) First() logged {
	for _, one := range r.Callers {
		if one.Rule != "" {
			return one
		}
	}
	if len(r.Callers) == 0 {
		return logged{}
	}
	return r.Callers[0]
}

// Said is what became of the call in words, and Mark its colour: that of a denial where a rule of
// the function's denied it, whatever the caller was told.
func (r callerRow) Said() string { return words(cmp.Or(r.Outcome, r.Word(r.Verdict)), r.Code) }

// Mark is the verdict's class.
func (r callerRow) Mark() string {
	if r.First().Rule != "" {
		return "refused"
	}
	return r.judged()
}

// callersView is the page of calls.
type callersView struct {
	// Rule, Function and Order are the filter: a rule, any, or all for every call.
	Rule, Function, Order string
	Rules                 []string
	Rows                  []callerRow // the newest first
}

// allCalls in the filter's place of a rule selects every call.
const allCalls = "all"

// shownCalls is how many calls a page has.
const shownCalls = "50"

// showCallers shows the newest calls that a rule denied.
func (c *Console) showCallers(w http.ResponseWriter, r *http.Request) {
	get := func(name string) string { return strings.TrimSpace(r.URL.Query().Get(name)) }
	v := newView(r, "callers", bilingual.New("Callers", "调用方"))
	page := callersView{Rule: cmp.Or(get("rule"), "any"), Function: get("function"), Order: get("order"), Rules: admitting}
	by := page.Rule
	if by == allCalls {
		by = ""
	}
	address := withQuery(c.api.cloud+"/v1/calls", "rule", by, "function", page.Function, "order", page.Order, "limit", shownCalls)
	v.curl(address)
	v.Live = withQuery("/stream", "show", "changes", "after", c.newest(r.Context(), c.sources()).String())
	var answer struct{ Calls []call }
	if _, err := c.api.get(r.Context(), address, &answer); err != nil {
		c.fail(w, r, v.Room, err)
		return
	}
	for _, one := range slices.Backward(answer.Calls) {
		page.Rows = append(page.Rows, callerRow{v.language, one})
	}
	v.Data = page
	c.render(w, r, http.StatusOK, "callers", v)
}

// callerView is the page of one call.
type callerView struct {
	callerRow

	// Again are the kinds of callers that the call can be made again as; none: the emulator does
	// not have what it was made with.
	Again []callerKind
	// AgainAs is the one that is proposed, with its ID.
	AgainAs, Proposed string
}

// showCaller shows one call, with the rules that were tried.
func (c *Console) showCaller(w http.ResponseWriter, r *http.Request) {
	v := newView(r, "callers", bilingual.Sprintf("Call %s", "调用 %s", r.PathValue("id")))
	found, address, err := c.callOf(r)
	v.curl(address)
	if err != nil {
		c.fail(w, r, v.Room, err)
		return
	}
	page := callerView{callerRow: callerRow{v.language, *found}, AgainAs: "user", Proposed: c.ownerOf(r, found.OutTradeNo)}
	if found.Input != nil {
		page.Again = callerKinds[1:]
	}
	v.Data = page
	c.render(w, r, http.StatusOK, "caller", v)
}

// callOf reads the call of an address.
func (c *Console) callOf(r *http.Request) (found *call, address string, err error) {
	missing := &apiError{http.StatusNotFound, languageOf(r).T("the cloud has no call of this number any more", "云端已没有该编号的调用")}
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return nil, "", missing
	}
	// Behind 0 the API answers the last calls instead of the first.
	limit := "1"
	if id == 1 {
		limit = "1000"
	}
	address = withQuery(c.api.cloud+"/v1/calls", "after", strconv.FormatInt(id-1, 10), "limit", limit)
	var answer struct{ Calls []call }
	if _, err := c.api.get(r.Context(), address, &answer); err != nil {
		return nil, address, err
	}
	at := slices.IndexFunc(answer.Calls, func(one call) bool { return one.ID == id })
	if at < 0 {
		return nil, address, missing
	}
	return &answer.Calls[at], address, nil
}

// ownerOf is the openid of an order's payer at WeChat Pay, most likely its owner; empty if that
// is not known.
func (c *Console) ownerOf(r *http.Request, number string) string {
	var order wechatOrder
	if number == "" {
		return ""
	}
	if _, err := c.api.get(r.Context(), c.api.admin+"/orders/"+url.PathEscape(number), &order); err != nil || order.OpenID == "" {
		return ""
	}
	return plainID(order.OpenID)
}

// callAgain makes a call as another caller, and shows what came of it on the page Invoke.
func (c *Console) callAgain(w http.ResponseWriter, r *http.Request) {
	found, _, err := c.callOf(r)
	switch {
	case err != nil:
		c.fail(w, r, "callers", err)
		return
	case found.Input == nil:
		c.fail(w, r, "callers", &apiError{http.StatusConflict,
			languageOf(r).T("the emulator does not have what the call was made with", "模拟器没有此次调用的内容")})
		return
	}
	kind, id := strings.TrimSpace(r.PostFormValue("as")), strings.TrimSpace(r.PostFormValue("id"))
	in := found.again(kind, id, c.isWeb(r.Context(), found.Function))
	c.invokeNow(w, r, in, nil)
}

// isWeb reports whether a function is a web function, as far as the cloud says so.
func (c *Console) isWeb(ctx context.Context, name string) bool {
	var list struct{ Functions []deployed }
	_, _ = c.api.get(ctx, c.api.cloud+"/v1/functions", &list) // the call itself then finds out
	return slices.Contains(list.Functions, deployed{name, "web"})
}

// triggersVia are the triggers by the words of the cloud's journal.
var triggersVia = map[string]string{
	"http-api": "call", "call-http-function": "call", "server-sdk": "sdk", "tencent-api": "scf", "lambda-api": "aws",
	"function-url": "function-url", "access-service": "tcb-http", "scf-api-gateway": "api-gateway", "api-gateway": "aws-http",
	"rest-api": "aws-rest",
}

// again is the call as another caller. Only CloudBase's API names a mini-program's or a page's
// user, and only AWS's a Cognito user: such a call comes by that API. A function that gets events
// then gets the body as one, or the order's number where there was none.
func (c call) again(kind, id string, isWeb bool) invocation {
	in := invocation{
		Function: c.Function, Trigger: triggersVia[c.Via], Kind: kind, ID: id,
		Method: c.Input.Method, Path: c.Input.Path, Data: c.Input.Data,
	}
	moved := map[string]string{"user": "call", "page": "call", "cognito": "aws", "http": cmp.Or(in.Trigger, "function-url")}[kind]
	if moved != "" && moved != in.Trigger {
		in.Trigger = moved
	}
	isRequest := isWeb || slices.Contains([]string{"function-url", "tcb-http", "api-gateway", "aws-http", "aws-rest"}, in.Trigger)
	if !isRequest {
		in.Method, in.Path = "", ""
		if in.Data == "" {
			in.Data = dataOf(map[string]any{"out_trade_no": c.OutTradeNo})
		}
	}
	if !slices.Contains(namedKinds, kind) {
		in.ID = ""
	}
	if in.Method == http.MethodGet || in.Method == http.MethodHead {
		in.Data = ""
	}
	return in
}
