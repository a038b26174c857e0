package paygate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxAdminBody bounds a management request's body, in bytes.
const maxAdminBody = 64 << 10

// Admin returns the management API: JSON over HTTP, meant for a port of its own, on loopback, as it
// asks for no password. docs/emulator.md is its reference. It refuses requests that a web page of
// another origin sends through a browser, and those whose Host is neither localhost nor a loopback
// address.
func (g *Gateway) Admin() http.Handler {
	mux := http.NewServeMux()
	methods := make(map[string][]string)
	var paths []string
	add := func(method, path string, serve http.Handler) {
		mux.Handle(method+" "+path, serve)
		methods[path] = append(methods[path], method)
		if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	for _, route := range g.adminRoutes() {
		add(route.method, route.path, g.kept(route.serve))
	}
	add(http.MethodGet, "/requests/stream", http.HandlerFunc(g.streamRequests))
	add(http.MethodGet, "/state", http.HandlerFunc(g.exportState))
	add(http.MethodPost, "/state", http.HandlerFunc(g.importState))
	for path, allowed := range methods {
		mux.Handle(path, refuseMethod(allowed))
	}
	mux.Handle("/", adminFunc(func(*http.Request) (int, any, error) {
		return 0, nil, missing("there is no such path; there are %s", strings.Join(paths, ", "))
	}))
	return toLoopback(sameOrigin(mux))
}

// adminRoute is one call of the management API.
type adminRoute struct {
	method, path string
	serve        adminFunc
}

// adminRoutes is every call, in the order in which errors list the paths.
func (g *Gateway) adminRoutes() []adminRoute {
	return []adminRoute{
		{http.MethodPost, "/orders", g.adminAddOrder},
		{http.MethodGet, "/orders", g.adminOrders},
		{http.MethodGet, "/orders/{out_trade_no}", g.adminChange(asItIs)},
		{http.MethodPost, "/orders/{out_trade_no}/pay", g.adminChange(g.orders.pay)},
		{http.MethodPost, "/orders/{out_trade_no}/fail", g.adminChange(g.orders.fail)},
		{http.MethodPost, "/orders/{out_trade_no}/refund", g.adminRefund},
		{http.MethodGet, "/orders/{out_trade_no}/refunds", g.adminRefunds},
		{http.MethodPost, "/refunds/{out_refund_no}/end", g.adminEndRefund},
		{http.MethodPost, "/paysign", g.adminPaySign},
		{http.MethodGet, "/clock", g.adminClock},
		{http.MethodPost, "/clock", g.adminAdvance},
		{http.MethodGet, "/faults", g.adminFaults},
		{http.MethodPost, "/faults", g.adminInject},
		{http.MethodDelete, "/faults", forget(g.ClearFaults)},
		{http.MethodGet, "/fault-actions", adminActions},
		{http.MethodDelete, "/faults/{id}", g.adminRemoveFault},
		{http.MethodGet, "/certificates", g.adminCertificates},
		{http.MethodPost, "/certificates/rotate", g.adminRotate},
		{http.MethodGet, "/signing", g.adminSigning},
		{http.MethodPost, "/signing", g.adminSetSigning},
		{http.MethodGet, "/domains", g.adminDomains},
		{http.MethodPost, "/domains", g.adminSetDomains},
		{http.MethodGet, "/notifications", g.adminNotifications},
		{http.MethodGet, "/notifications/{id}", g.adminNotification},
		{http.MethodPost, "/notifications/{id}/send", g.adminSendNotification},
		{http.MethodGet, "/requests", g.adminRequests},
		{http.MethodDelete, "/requests", forget(g.ClearRequests)},
		{http.MethodGet, "/requests/{id}/bytes", g.adminTranscript},
		{http.MethodPost, "/requests/{id}/send", g.adminSendRequest},
	}
}

// toLoopback refuses what a foreign web page could send after its own name was made to resolve to
// this machine (DNS rebinding). For the browser that is the same origin; only the Host tells.
func toLoopback(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLoopbackHost(r.Host) {
			host := (&url.URL{Host: r.Host}).Hostname()
			writeJSON(w, http.StatusForbidden, adminError{fmt.Sprintf("the host %q is not this machine's: call localhost or 127.0.0.1", host)})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses what a foreign web page could have a developer's browser send.
func sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusForbidden, adminError{"this came from a web page of another origin"})
	}))
	return protection.Handler(next)
}

// adminFunc serves one management call. It returns a status and what to write as JSON, nil for no
// body, or an error.
type adminFunc func(r *http.Request) (status int, answer any, err error)

// adminError is the body of every error.
type adminError struct {
	Error string `json:"error"`
}

// ServeHTTP writes what f returns. An error's status is that of statusOf.
func (f adminFunc) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxAdminBody)
	status, answer, err := f(r)
	if part, isPart := answer.(page); isPart {
		part.links(w.Header(), r.URL.Path)
		answer = part.rows
	}
	switch {
	case err != nil:
		writeJSON(w, statusOf(err), adminError{err.Error()})
	case answer == nil:
		w.WriteHeader(status)
	default:
		writeJSON(w, status, answer)
	}
}

// writeJSON writes a status and a body, indented for people, and < and > as they are.
func writeJSON(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(answer)
}

// refuseMethod answers a path that has other methods, and names them.
func refuseMethod(allowed []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeJSON(w, http.StatusMethodNotAllowed,
			adminError{fmt.Sprintf("%s is not possible here; possible: %s", r.Method, strings.Join(allowed, ", "))})
	})
}

// forget serves the calls that only remove something.
func forget(what func()) adminFunc {
	return func(*http.Request) (int, any, error) {
		what()
		return http.StatusNoContent, nil, nil
	}
}

// orderFacts is what an order is given with, and shown with: the fields of [Order] under their JSON
// names. The owner, the time of creation and the state are spelt as the protocols do.
type orderFacts struct {
	Order

	// a merchant's own order
	MchID string `json:"mchid,omitempty"`
	// a service provider's, for sub_mchid
	SPMchID    string `json:"sp_mchid,omitempty"`
	CreatedAt  string `json:"created_at,omitempty"`
	TimeExpire string `json:"time_expire,omitempty"`
	// the state under the protocols' name
	TradeState TradeState `json:"trade_state,omitempty"`
}

// orderView is an order as it is shown: what it was given with, and what happened to it since.
type orderView struct {
	orderFacts
	TransactionID     string `json:"transaction_id,omitempty"`
	SuccessTime       string `json:"success_time,omitempty"`
	ClosedAt          string `json:"closed_at,omitempty"`
	CombineOutTradeNo string `json:"combine_out_trade_no,omitempty"`
	// of an order that was placed over the wire, and the path of the page on which its user pays
	PrepayID string `json:"prepay_id,omitempty"`
	Page     string `json:"page,omitempty"`
}

// newOrderView writes an order as the management API shows it.
func newOrderView(o *Order) orderView {
	view := orderView{
		orderFacts: orderFacts{
			Order: *o, CreatedAt: timeText(o.CreatedAt), TimeExpire: timeText(o.TimeExpire), TradeState: o.State,
		},
		TransactionID: o.TransactionID, SuccessTime: timeText(o.PaidAt), ClosedAt: timeText(o.ClosedAt),
		CombineOutTradeNo: o.CombineOutTradeNo,
		PrepayID:          o.PrepayID, Page: pagePath(o.PrepayID),
	}
	if o.SubMchID == "" {
		view.MchID = o.MchID
	} else {
		view.SPMchID = o.MchID
	}
	return view
}

// timeText writes a time as the documents of both APIs do, empty for none.
func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(beijing()).Format(time.RFC3339)
}

// order checks what only the JSON form can get wrong; [Gateway.AddOrder] checks the rest.
func (f *orderFacts) order() (Order, error) {
	switch {
	case f.MchID == "" && f.SPMchID == "":
		return Order{}, invalid("mchid: give mchid, or sp_mchid and sub_mchid")
	case f.MchID != "" && f.SPMchID != "":
		return Order{}, invalid("mchid: give either mchid, or sp_mchid and sub_mchid, not both")
	case f.SPMchID != "" && f.SubMchID == "":
		return Order{}, invalid("sub_mchid: must be there when sp_mchid is")
	case f.MchID != "" && f.SubMchID != "":
		return Order{}, invalid("sub_mchid: goes with sp_mchid, not with mchid")
	default:
		return f.factsOfOrder()
	}
}

// factsOfOrder is the order, whatever its owner was called.
func (f *orderFacts) factsOfOrder() (Order, error) {
	if f.State != "" && f.TradeState != "" && f.State != f.TradeState {
		return Order{}, invalid("trade_state: is another name of state and must not differ from it")
	}
	o := f.Order
	o.MchID, o.State = f.MchID+f.SPMchID, cmp.Or(f.State, f.TradeState)
	var wrong error
	o.CreatedAt, wrong = timeOf("created_at", f.CreatedAt)
	if wrong != nil {
		return Order{}, wrong
	}
	o.TimeExpire, wrong = timeOf("time_expire", f.TimeExpire)
	return o, wrong
}

// timeOf reads a time that may be left out.
func timeOf(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, invalid("%s: %q must be RFC 3339, such as 2026-01-02T15:04:05+08:00", name, text)
	}
	return at, nil
}

// adminAddOrder adds an order, or a combined one if one of its own fields is given. 201 says that
// it was made, 200 that it was there.
func (g *Gateway) adminAddOrder(r *http.Request) (int, any, error) {
	var facts struct {
		orderFacts
		combinedFacts
	}
	if err := decodeAdmin(r, &facts); err != nil {
		return 0, nil, err
	}
	if facts.given() {
		return g.adminAddCombined(&facts.combinedFacts, &facts.orderFacts)
	}
	given, err := facts.order()
	if err != nil {
		return 0, nil, err
	}
	if given.NotifyURL == "" {
		given.NotifyURL = g.notifyURLOf(given)
	}
	order, created, err := g.orders.add(given)
	if err != nil {
		return 0, nil, err
	}
	return addition(created), newOrderView(&order), nil
}

// addition is the status of an addition that made something, or found it there.
func addition(created bool) int {
	if created {
		return http.StatusCreated
	}
	return http.StatusOK
}

// asItIs changes nothing: it shows an order.
func asItIs(*Order) error { return nil }

// adminChange serves the paths of one order: it finds the order, or the combined one, changes it
// and shows it.
func (g *Gateway) adminChange(change func(*Order) error) adminFunc {
	return func(r *http.Request) (int, any, error) {
		if err := decodeAdmin(r, &struct{}{}); err != nil {
			return 0, nil, err
		}
		fits, err := narrowing(r)
		if err != nil {
			return 0, nil, err
		}
		return shown(g.orders.alter(r.PathValue("out_trade_no"), fits, change))
	}
}

// narrowing reads ?mchid= (or ?sp_mchid=) and ?sub_mchid=, which say whose order is meant where
// several owners have the number. An empty sub_mchid means the merchant's own order.
func narrowing(r *http.Request) (func(Owner) bool, error) {
	if err := onlyQuery(r, "mchid", "sp_mchid", "sub_mchid"); err != nil {
		return nil, err
	}
	query := r.URL.Query()
	return func(o Owner) bool {
		for _, want := range []struct{ name, value string }{{"mchid", o.MchID}, {"sp_mchid", o.MchID}, {"sub_mchid", o.SubMchID}} {
			if query.Has(want.name) && query.Get(want.name) != want.value {
				return false
			}
		}
		return true
	}, nil
}

// onlyQuery refuses a query parameter that is none of those known, the first by name.
func onlyQuery(r *http.Request, known ...string) error {
	for _, name := range sortedKeys(r.URL.Query()) {
		if !slices.Contains(known, name) {
			return invalid("unknown query parameter %q; known here: %s", name, cmp.Or(strings.Join(known, ", "), "none"))
		}
	}
	return nil
}

// clockView is both clocks.
type clockView struct {
	// the business clock: moves when told
	Now string `json:"now"`
	// the wire clock: dates signatures
	Wire string `json:"wire"`
	// whether the business clock runs with the wire clock
	Running bool `json:"running"`
	// how far the business clock was moved on in all
	Ahead string `json:"ahead"`
}

// adminClock shows both clocks.
func (g *Gateway) adminClock(*http.Request) (int, any, error) {
	return http.StatusOK, clockView{
		Now: timeText(g.Time()), Wire: timeText(g.now()), Running: g.clock.wire != nil, Ahead: g.Ahead().String(),
	}, nil
}

// adminAdvance moves the business clock on, and shows both.
func (g *Gateway) adminAdvance(r *http.Request) (int, any, error) {
	var move struct {
		Advance string `json:"advance"`
	}
	if err := decodeAdmin(r, &move); err != nil {
		return 0, nil, err
	}
	d, err := parseDuration(move.Advance)
	if err != nil {
		return 0, nil, invalid("advance: %q must be a duration, such as 5m, 36h or 7d", move.Advance)
	}
	if err := g.Advance(d); err != nil {
		return 0, nil, invalid("advance: %v", err)
	}
	return g.adminClock(r)
}

// daysRule is days in front of a duration; five digits are as many as a duration can hold.
var daysRule = regexp.MustCompile(`^([0-9]{1,5})d(.*)$`)

// parseDuration reads Go's durations, with days in front: 90s, 36h, 7d, 1d12h.
func parseDuration(text string) (time.Duration, error) {
	var days time.Duration
	if parts := daysRule.FindStringSubmatch(text); parts != nil {
		n, _ := strconv.Atoi(parts[1]) // cannot fail: at most five digits
		days, text = time.Duration(n)*24*time.Hour, parts[2]
		if text == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("reading a duration: %w", err)
	}
	return days + d, nil
}

// decodeAdmin reads a JSON object; an absent body is an empty one. The error names the field that
// is wrong, with its type, or the fields that are known where an unknown one is given.
func decodeAdmin(r *http.Request, into any) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
			return &bookError{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is longer than %d bytes", maxAdminBody)}
		}
		return invalid("the body did not arrive whole")
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return invalid("the body must be a JSON object")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return explainJSON(err, into)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return invalid("the body must be one JSON object and nothing after it")
	}
	return nil
}

// explainJSON says what is wrong in the terms of the API, not of Go's types.
func explainJSON(err error, into any) error {
	if wrongType, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return invalid("%s: must be %s, not %s", wrongType.Field, kindInWords(wrongType.Type), wrongType.Value)
	}
	if name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
		return invalid("unknown field %s; known here: %s", name, strings.Join(fieldNames(reflect.TypeOf(into).Elem(), ""), ", "))
	}
	return invalid("the body is not JSON: %v", err)
}

// kindInWords is a Go type in JSON's words.
func kindInWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "an array"
	case reflect.Struct:
		return "an object"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	default: // the views have no other kinds
		return "a whole number"
	}
}

// fieldNames lists the JSON names of a view, inner ones with a dot.
func fieldNames(t reflect.Type, prefix string) []string {
	var names []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			names = append(names, fieldNames(f.Type, prefix)...)
			continue
		case name == "-":
			continue
		}
		if f.Type.Kind() == reflect.Struct {
			names = append(names, fieldNames(f.Type, prefix+name+".")...)
			continue
		}
		names = append(names, prefix+name)
	}
	if len(names) == 0 {
		return []string{"none"}
	}
	return names
}
