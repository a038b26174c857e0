package registerapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxBody bounds a request, in bytes.
	maxBody = 64 << 10
	// someRows is how many rows a page has, and maxRows how many it may have.
	someRows, maxRows = 100, 1000
)

// The codes of refusals.
const (
	codeNoRegister   = "NO_REGISTER"
	codeNoSuchPath   = "INVALID_PATH"
	codeBadParameter = "INVALID_PARAMETER"
	codeNotFound     = "NOT_FOUND"
	codeFault        = "REGISTER_FAULT"
)

// handler serves a register.
type handler struct{ register Register }

// Handler serves the API, under its own paths. A nil register is answered 404: the functions keep
// none.
func Handler(register Register) http.Handler {
	if register == nil {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, http.StatusNotFound, codeNoRegister, "the functions keep no register of orders: start the emulator without --store none")
		})
	}
	h, mux := handler{register}, http.NewServeMux()
	for pattern, serve := range map[string]func(*http.Request) (any, error){
		"GET /v1/register":                               h.status,
		"GET /v1/register/orders":                        h.orders,
		"GET /v1/register/orders/{out_trade_no}":         h.order,
		"POST /v1/register/orders/{out_trade_no}/reopen": h.reopen,
		"POST /v1/register/reopen":                       h.reopenStuck,
		"GET /v1/register/events":                        h.events,
		"POST /v1/register/redeliver":                    h.redeliver,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			answer(w, r, serve)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, codeNoSuchPath,
			r.Method+" is not possible here, or there is no such path: docs/emulator.md has those of the register")
	})
	return mux
}

// answer writes what serve returns, or why it returned nothing.
func answer(w http.ResponseWriter, r *http.Request, serve func(*http.Request) (any, error)) {
	document, err := serve(r)
	wrong, isWrong := errors.AsType[*RequestError](err)
	switch {
	case err == nil:
		write(w, http.StatusOK, document)
	case isWrong && wrong.Status == http.StatusNotFound:
		refuse(w, wrong.Status, codeNotFound, wrong.Message)
	case isWrong:
		refuse(w, wrong.Status, codeBadParameter, wrong.Message)
	default:
		refuse(w, http.StatusInternalServerError, codeFault, "the register: "+err.Error())
	}
}

// refuse answers a refusal in the cloud's form. The cloud has set the request's id.
func refuse(w http.ResponseWriter, status int, code, message string) {
	write(w, status, struct {
		Code      string `json:"code"`
		Message   string `json:"message"`
		RequestID string `json:"requestId,omitempty"`
	}{code, message, w.Header().Get("X-Request-Id")})
}

// write answers JSON.
func write(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document) // the reader may have gone
}

// mistake is a RequestError with the status 400.
func mistake(format string, values ...any) error {
	return &RequestError{http.StatusBadRequest, fmt.Sprintf(format, values...)}
}

// query reads the parameters of a request. One that is not among those named is refused by name, as
// a typo would otherwise select everything.
func query(r *http.Request, names ...string) (url.Values, error) {
	values := r.URL.Query()
	for name := range values {
		if !slices.Contains(names, name) {
			return nil, mistake("there is no parameter %q: there are %s", name, strings.Join(names, ", "))
		}
	}
	return values, nil
}

// whole is a parameter that is a whole number from least to most; least - 1 if it is not given.
func whole(values url.Values, name string, least, most int64) (int64, error) {
	text := values.Get(name)
	if text == "" {
		return least - 1, nil
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < least || number > most {
		return 0, mistake("%s: must be a whole number from %d to %d, not %q", name, least, most, text)
	}
	return number, nil
}

// limit is the most rows of an answer.
func limit(values url.Values) (int, error) {
	given, err := whole(values, "limit", 1, maxRows)
	if given == 0 {
		given = someRows
	}
	return int(given), err
}

// keyOf is the order that a path and its query name.
func keyOf(r *http.Request) (Key, error) {
	values, err := query(r, "region", "mchid", "sub_mchid")
	return orderOf(values, r.PathValue("out_trade_no")), err
}

// orderOf is the order of a number, of the merchant that a query names.
func orderOf(values url.Values, number string) Key {
	return Key{Region: values.Get("region"), MchID: values.Get("mchid"), SubMchID: values.Get("sub_mchid"), OutTradeNo: number}
}

func (h handler) status(r *http.Request) (any, error) {
	if _, err := query(r); err != nil {
		return nil, mistake("there are no parameters here")
	}
	return h.register.Status(r.Context())
}

func (h handler) order(r *http.Request) (any, error) {
	key, err := keyOf(r)
	if err != nil {
		return nil, err
	}
	found, err := h.register.Find(r.Context(), key)
	if err == nil && found == nil {
		return nil, &RequestError{http.StatusNotFound, "the order " + key.OutTradeNo + " is not registered"}
	}
	return found, err
}

// orders lists those in a state of progress: each has an order of its own. With out_trade_no it
// lists those of the numbers instead.
func (h handler) orders(r *http.Request) (any, error) {
	if r.URL.Query().Has("out_trade_no") {
		return h.numbered(r)
	}
	values, err := query(r, "progress", "from", "limit")
	if err != nil {
		return nil, err
	}
	progress := Progress(values.Get("progress"))
	if !slices.Contains([]Progress{Waiting, Closing, Stuck, Withdrawn, Ended}, progress) {
		return nil, mistake("progress: must be waiting, closing, stuck, withdrawn or ended, not %q", string(progress))
	}
	most, err := limit(values)
	if err != nil {
		return nil, err
	}
	var page ordersPage
	page.Orders, page.Next, err = h.register.Orders(r.Context(), progress, values.Get("from"), most)
	if page.Orders == nil {
		page.Orders = []Order{} // an empty array and not null
	}
	return page, err
}

// ordersPage is a list of orders. Next is where it goes on; empty at its end.
type ordersPage struct {
	Orders []Order `json:"orders"`
	Next   string  `json:"next,omitempty"`
}

// numbered lists the orders of up to a hundred numbers of one merchant, in the order in which the
// query names them. Those that are not registered are left out.
func (h handler) numbered(r *http.Request) (any, error) {
	values, err := query(r, "out_trade_no", "region", "mchid", "sub_mchid")
	if err != nil {
		return nil, err
	}
	numbers := values["out_trade_no"]
	if len(numbers) > someRows || slices.Contains(numbers, "") {
		return nil, mistake("out_trade_no: must be from 1 to %d numbers, none of them empty", someRows)
	}
	page := ordersPage{Orders: []Order{}} // an empty array and not null
	for _, number := range numbers {
		found, err := h.register.Find(r.Context(), orderOf(values, number))
		if err != nil {
			return nil, err
		}
		if found != nil {
			page.Orders = append(page.Orders, *found)
		}
	}
	return page, nil
}

// reopened is the answer to a reopening.
type reopened struct {
	Reopened int `json:"reopened"`
}

func (h handler) reopen(r *http.Request) (any, error) {
	key, err := keyOf(r)
	if err == nil {
		err = empty(r)
	}
	if err != nil {
		return nil, err
	}
	n, err := h.register.Reopen(r.Context(), &key)
	return reopened{n}, err
}

func (h handler) reopenStuck(r *http.Request) (any, error) {
	if err := empty(r); err != nil {
		return nil, err
	}
	n, err := h.register.Reopen(r.Context(), nil)
	return reopened{n}, err
}

// empty refuses a body that says something: it might be meant to narrow what is done.
func empty(r *http.Request) error {
	var nothing struct{}
	if r.ContentLength == 0 {
		return nil
	}
	return decode(r, &nothing)
}

// decode reads a body of JSON. A field that is not known is refused by name.
func decode(r *http.Request, into any) error {
	in := json.NewDecoder(r.Body)
	in.DisallowUnknownFields()
	if err := in.Decode(into); err != nil {
		return mistake("the body: %v", err)
	}
	if in.More() {
		return mistake("the body: there is something behind the object")
	}
	return nil
}

func (h handler) events(r *http.Request) (any, error) {
	values, err := query(r, "state", "before", "after", "limit")
	if err != nil {
		return nil, err
	}
	of := EventQuery{State: State(values.Get("state"))}
	if of.Limit, err = limit(values); err != nil {
		return nil, err
	}
	const most = 1 << 62
	for name, into := range map[string]*int64{"before": &of.Before, "after": &of.After} {
		given, err := whole(values, name, 1, most)
		if err != nil {
			return nil, err
		}
		*into = given
	}
	switch {
	case of.State != "" && of.State != Pending && of.State != Dead:
		return nil, mistake("state: must be pending or dead, not %q; without it all events are listed, the newest first", string(of.State))
	case of.Before != 0 && of.State != "":
		return nil, mistake("before: goes without state")
	case of.After != 0 && of.State != Dead:
		return nil, mistake("after: goes with state=dead only")
	}
	page := struct {
		Events []Event `json:"events"`
		// Next is the before of the next page, or the after of the next page of dead ones.
		Next int64 `json:"next,omitempty"`
	}{}
	page.Events, err = h.register.Events(r.Context(), of)
	switch n := len(page.Events); {
	case n == 0:
		page.Events = []Event{} // an empty array and not null
	case n == of.Limit && of.State != Pending:
		page.Next = page.Events[n-1].Number
	}
	return page, err
}

func (h handler) redeliver(r *http.Request) (any, error) {
	var of Redelivery
	if err := decode(r, &of); err != nil {
		return nil, err
	}
	ways := 0
	for _, given := range []bool{of.ID != "", !of.Since.IsZero(), of.State != ""} {
		if given {
			ways++
		}
	}
	switch {
	case ways != 1:
		return nil, mistake(`name an event by "id", its number or eventId, or give one of "since" and "state"`)
	case of.State != "" && of.State != Pending && of.State != Dead:
		return nil, mistake("state: must be pending or dead, not %q", string(of.State))
	}
	requeued, err := h.register.Redeliver(r.Context(), of)
	return struct {
		Requeued int `json:"requeued"`
	}{requeued}, err
}
