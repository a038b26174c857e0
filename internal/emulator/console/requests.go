package console

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cause"
)

// request is a request to WeChat Pay, as its management API shows it (docs/emulator.md, "History").
// What was not said is empty.
type request struct {
	// ID counts up, also from one run of the emulator to the next.
	ID   int64     `json:"id"`
	Time time.Time `json:"time"` // by this machine's clock
	// Domain is main or backup.
	Domain string `json:"domain"`
	// API and Op are what it was taken for; empty where it was cut before it was read, and for a
	// path that there is not.
	API    string `json:"api"`
	Op     string `json:"op"`
	Method string `json:"method"`
	URL    string `json:"url"`
	// MchID to TransactionID are what it claims, believed or not.
	MchID         string `json:"mchid"`
	SubMchID      string `json:"sub_mchid"`
	OutTradeNo    string `json:"out_trade_no"`
	TransactionID string `json:"transaction_id"`
	// HTTPStatus is 0 where no reply was sent, and Code the error code of the reply.
	HTTPStatus int    `json:"http_status"`
	Verdict    string `json:"verdict"`
	Code       string `json:"code"`
	// State is the order's afterwards.
	State string `json:"state"`
	// Faults are the actions of the faults that it met.
	Faults []string `json:"faults"`
	// Reason is why it was not answered as it wanted, in English.
	Reason string `json:"reason"`
	// CauseID is the row of the table of causes that is to be mended first; empty where the
	// signature is right.
	CauseID string `json:"cause"`
	// Expected is the string that should have been signed, and Received the one that was, if the
	// mistake was found. Keys in them are redacted.
	Expected  string `json:"expected"`
	Received  string `json:"received"`
	RequestID string `json:"request_id"`
	// SignedBy is the key of the reply's signature.
	SignedBy    string `json:"signed_by"`
	NonceReused bool   `json:"nonce_reused"`
	// Call is the request id of the cloud's call that caused it.
	Call string `json:"call"`
}

// Cause is the row of the table of causes that the history names; nil if it names none.
func (r request) Cause() *cause.Cause {
	row, known := cause.Of(cause.ID(r.CauseID))
	if !known {
		return nil
	}
	return &row
}

// verdictWords are the words for the verdicts of requests, calls and deliveries.
var verdictWords = map[string]bilingual.Text{
	"ok":           bilingual.New("ok", "正常"),
	"refused":      bilingual.New("refused", "拒绝"),
	"unauthentic":  bilingual.New("unauthentic", "签名错误"),
	"malformed":    bilingual.New("malformed", "格式错误"),
	"not-found":    bilingual.New("not found", "无此路径"),
	"cut":          bilingual.New("cut", "连接中断"),
	"hanging":      bilingual.New("hanging", "挂起"),
	"interference": bilingual.New("interference", "外部干扰"),
	"failed":       bilingual.New("failed", "失败"),
	"lost":         bilingual.New("lost", "丢失"),
	"delayed":      bilingual.New("delayed", "延后"),
}

// requestVerdicts are those of requests, and operations what they ask for, as the filters list
// them.
func requestVerdicts() []string {
	return []string{"ok", "refused", "unauthentic", "malformed", "not-found", "cut", "hanging", "interference"}
}

func operations() []string {
	return []string{"close", "query", "place", "reverse", "refund", "refund-query", "echo", "certificates", "cashier"}
}

// Word is the word for a verdict; the verdict itself if there is none.
func (l language) Word(verdict string) string {
	if text, known := verdictWords[verdict]; known {
		return l.In(text)
	}
	return verdict
}

// requestRow is a request as a row of a table.
type requestRow struct {
	language
	request
}

// Said is the verdict in words.
func (r requestRow) Said() string { return r.Word(r.Verdict) }

// requestOf is the request of an entry; false if it is none.
func requestOf(e entry, l language) (requestRow, bool) {
	row := requestRow{language: l}
	err := json.Unmarshal(e.data, &row.request)
	return row, err == nil && e.kind == requestKind
}

// requestFilter selects requests. Empty members select all.
type requestFilter struct {
	Order, Verdict, Operation, API string
	// Cause is the ID of a cause, or a part of a reason.
	Cause string
}

// readRequestFilter reads the filter of an address. What no request has selects nothing.
func readRequestFilter(values url.Values) requestFilter {
	get := func(name string) string { return strings.TrimSpace(values.Get(name)) }
	return requestFilter{get("order"), get("verdict"), get("operation"), get("api"), get("cause")}
}

// pairs are the filters that the management API knows.
func (f requestFilter) pairs() []string {
	pairs := []string{"order", f.Order, "verdict", f.Verdict, "operation", f.Operation, "api", f.API}
	if f.namesCause() {
		pairs = append(pairs, "cause", f.Cause)
	}
	return pairs
}

// namesCause reports whether the cause that is asked for is a row of the table.
func (f requestFilter) namesCause() bool {
	_, known := cause.Of(cause.ID(f.Cause))
	return known
}

// fitsCause reports whether a request has the cause that is asked for: its ID, or a part of its
// reason.
func (f requestFilter) fitsCause(r request) bool {
	return f.Cause == "" || f.Cause == r.CauseID || strings.Contains(strings.ToLower(r.Reason), strings.ToLower(f.Cause))
}

const (
	// requestsPage is how many requests a page shows.
	requestsPage = 50
	// scanned is how many requests are read at once to find a part of a reason, which the
	// management API does not select by, and maxScans how often: the whole history.
	scanned, maxScans = 1000, 10
)

// requestsView is the page of the requests.
type requestsView struct {
	Filter requestFilter
	Rows   []requestRow // the newest first
	// Verdicts, Operations and Causes are what the filters offer.
	Verdicts, Operations []string
	Causes               []cause.Cause
	// Older and Newer are the addresses of the pages around it; empty where there is none.
	Older, Newer string
}

// OtherCause is a part of a reason that is asked for, which is no row of the table; empty: none is.
func (p requestsView) OtherCause() string {
	if p.Filter.namesCause() {
		return ""
	}
	return p.Filter.Cause
}

// showRequests shows the newest requests that fit, and those that come; or an older page.
func (c *Console) showRequests(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	v := newView(r, "requests", bilingual.New("Requests", "请求"))
	page := requestsView{
		Filter: readRequestFilter(query), Verdicts: requestVerdicts(), Operations: operations(), Causes: requestCauses(),
	}
	found, around, err := c.requests(r, v, page.Filter)
	if err != nil {
		c.fail(w, r, v.Room, err)
		return
	}
	for _, one := range slices.Backward(found) {
		page.Rows = append(page.Rows, requestRow{v.language, one})
	}
	if around.prev != nil {
		page.Older = page.Filter.address("before", around.prev.Get("before"))
	}
	switch isNewest := query.Get("before") == "" && query.Get("after") == ""; {
	case isNewest:
		at := position{}
		if len(found) > 0 {
			at[requestKind] = found[len(found)-1].ID
		}
		v.Live = withQuery("/stream", append(page.Filter.pairs(), "cause", page.Filter.Cause, "show", "requests", "after", at.String())...)
	default:
		page.Newer = page.Filter.address("", "")
	}
	v.Data = page
	c.render(w, r, http.StatusOK, "requests", v)
}

// requestCauses are the causes that a request to WeChat Pay can have.
func requestCauses() []cause.Cause {
	var rows []cause.Cause
	for _, row := range cause.All() {
		if row.Side == cause.V3 || row.Side == cause.V2 {
			rows = append(rows, row)
		}
	}
	return rows
}

// address is that of the page with the filter, from a place on.
func (f requestFilter) address(from, id string) string {
	return withQuery("/requests", append(f.pairs(), "cause", f.Cause, from, id)...)
}

// requests reads a page of requests that fit, oldest first.
func (c *Console) requests(r *http.Request, v *view, f requestFilter) (found []request, around links, err error) {
	query := r.URL.Query()
	limit, scans := requestsPage, 1
	if f.Cause != "" && !f.namesCause() {
		limit, scans = scanned, maxScans
	}
	before, after := query.Get("before"), query.Get("after")
	for range scans {
		address := withQuery(c.api.admin+"/requests",
			append(f.pairs(), "before", before, "after", after, "limit", strconv.Itoa(limit))...)
		if len(v.Curls) == 0 {
			v.curl(address)
		}
		var page, fitting []request
		if around, err = c.api.get(r.Context(), address, &page); err != nil {
			return nil, links{}, err
		}
		for _, one := range page {
			if f.fitsCause(one) {
				fitting = append(fitting, one)
			}
		}
		found = append(fitting, found...)
		if len(found) >= requestsPage || around.prev == nil {
			break
		}
		before, after = around.prev.Get("before"), ""
	}
	if surplus := len(found) - requestsPage; scans > 1 && surplus > 0 {
		found = found[surplus:]
		around.prev = url.Values{"before": {strconv.FormatInt(found[0].ID, 10)}}
	}
	return found, around, nil
}

// requestView is the page of one request.
type requestView struct {
	requestRow

	// ExpectedMarked and SignedMarked are the strings side by side; nil where they are not known.
	ExpectedMarked, SignedMarked []span
	// Explained is what went wrong, how it is mended, and what would tell it from others; nil where
	// the reason is none of the table's.
	Explained *cause.Cause
	// Older and Newer are the ids beside it. There may be no such request any more, or yet.
	Older, Newer int64
}

// showRequest shows one request of the history.
func (c *Console) showRequest(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		c.showMissing(w, r)
		return
	}
	v := newView(r, "requests", bilingual.Sprintf("Request %d", "请求 %d", id))
	address := withQuery(c.api.admin+"/requests", "after", strconv.FormatInt(id-1, 10), "limit", "1")
	v.curl(address)
	var found []request
	_, err = c.api.get(r.Context(), address, &found)
	switch {
	case err != nil:
		c.fail(w, r, v.Room, err)
		return
	case len(found) == 0 || found[0].ID != id:
		c.fail(w, r, v.Room, &apiError{http.StatusNotFound,
			v.T("the history has no request of this number any more", "请求历史中已没有该编号的请求")})
		return
	}
	page := requestView{requestRow: requestRow{v.language, found[0]}, Explained: found[0].Cause(), Older: id - 1, Newer: id + 1}
	page.mark()
	v.Data = page
	c.render(w, r, http.StatusOK, "request", v)
}

// mark compares what should have been signed with what was. Where that is not known, or the
// signature was right, what should have been signed is shown as it is.
func (p *requestView) mark() {
	switch {
	case p.Expected != "" && p.Received != "":
		marked := compare(p.Expected, p.Received)
		p.ExpectedMarked, p.SignedMarked = marked[0], marked[1]
	case p.Expected != "":
		p.ExpectedMarked = []span{{Text: visible([]rune(p.Expected), false)}}
	}
}
