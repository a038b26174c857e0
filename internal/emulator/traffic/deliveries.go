package traffic

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// The verdicts of a delivery, besides VerdictOK, which is acknowledged. Events of registered orders
// have those of the event sink besides.
const (
	// VerdictLost: a fault lost it.
	VerdictLost = "lost"
	// VerdictDelayed: a fault has it made later.
	VerdictDelayed = "delayed"
)

// The values of [Delivery].From.
const (
	// FromWeChatPay is a notification to a notify_url.
	FromWeChatPay = "wechatpay"
	// FromFunctions is an event of a registered order.
	FromFunctions = "functions"
)

// Delivery is one message to a merchant's server: an attempt of WeChat Pay to notify it of a
// payment or a refund, or an event of a registered order that came to the event sink. A field that
// the delivery does not have is zero.
type Delivery struct {
	// ID counts the deliveries, as the Numbers say.
	ID int64 `json:"id"`
	// Time is this machine's, and Clock the business clock's.
	Time  time.Time `json:"time"`
	Clock time.Time `json:"clock,omitzero"`
	// From is one of the constants above, and To the address.
	From string `json:"from"`
	To   string `json:"to"`
	// Function is the function that sent the event, or that a notification went to, as far as the
	// cloud knows; Call is the RequestID of the call in which it was sent.
	Function string `json:"function,omitempty"`
	Call     string `json:"call,omitempty"`
	// API is "v2" or "v3", of a notification. Topic is what it tells: "payment", "refund", "echo",
	// or an event's kind.
	API        string `json:"api,omitempty"`
	Topic      string `json:"topic,omitempty"`
	MchID      string `json:"mchid,omitempty"`
	OutTradeNo string `json:"out_trade_no,omitempty"`
	// Message is the id of the notification or of the event: attempts share it.
	Message string `json:"message,omitempty"`
	// EventID is the id of an event's delivery at the event sink.
	EventID int64 `json:"event_id,omitempty"`
	// Attempt counts those of a notification, from 1 on; 0: none was made. Replay is true for one
	// that was asked for, outside the schedule.
	Attempt int  `json:"attempt,omitempty"`
	Replay  bool `json:"replay,omitempty"`
	// HTTPStatus is that of the answer. 0: there was none.
	HTTPStatus int `json:"http_status"`
	// Verdict is what became of it: "ok", "failed", "refused" (it was not sent), "lost", "delayed";
	// of an event also "unauthentic" and "malformed". State is the notification's, afterwards.
	Verdict string   `json:"verdict"`
	State   string   `json:"state,omitempty"`
	Reason  string   `json:"reason,omitempty"`
	Faults  []string `json:"faults,omitempty"`
	// Next is when the next attempt is made, by the business clock.
	Next time.Time `json:"next,omitzero"`
}

// Deliveries remembers the last deliveries. The zero value is ready for use. Its methods may be
// called concurrently.
type Deliveries struct {
	// Numbers are the deliveries' IDs.
	Numbers Numbers

	list history[Delivery]

	mu    sync.Mutex
	watch func(Delivery)
}

// File remembers a delivery.
func (d *Deliveries) File(one Delivery) {
	d.mu.Lock()
	defer d.mu.Unlock()
	one = d.list.add(d.Numbers, func(id int64) Delivery {
		one.ID = id
		return one
	})
	if d.watch != nil {
		d.watch(one)
	}
}

// Watch has a function get the deliveries that there are, and then each as it is filed. It must not
// block: the delivery waits for it.
func (d *Deliveries) Watch(watch func(Delivery)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, one := range d.list.last(d.Numbers, Kept, func(Delivery) bool { return true }) {
		watch(one)
	}
	d.watch = watch
}

// Close ends every stream, and those that begin later.
func (d *Deliveries) Close() { d.list.close(d.Numbers) }

// DeliveryPage is a part of the deliveries, oldest first.
type DeliveryPage struct {
	Deliveries []Delivery `json:"deliveries"`
	// Next is the ID after which the next page begins; 0 if there is none.
	Next int64 `json:"next,omitempty"`
}

// Page returns the deliveries that a query selects: without an After the last ones, else those
// after it.
func (d *Deliveries) Page(q Query) DeliveryPage {
	found, next := page(&d.list, d.Numbers, q, q.MatchesDelivery, func(one Delivery) int64 { return one.ID })
	return DeliveryPage{found, next}
}

// ServeHTTP shows the deliveries:
//
//	GET …?function=&order=&verdict=&after=&limit=
//	  200  {"deliveries":[{"id":17,"from":"wechatpay","topic":"payment",…}],"next":17}
//	GET …/stream?function=&order=&verdict=&after=
//	  200  server-sent events named delivery, as [Journal.Stream] has calls
//
// A refusal is {"error":"…"}, in WeChat Pay's management API's form.
func (d *Deliveries) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query, err := QueryOf(r)
	switch {
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		answer(w, http.StatusMethodNotAllowed, refusal{r.Method + " is not possible here; possible: GET"})
	case err != nil:
		answer(w, http.StatusBadRequest, refusal{err.Error()})
	case isStream(r.URL):
		f := follower[Delivery]{history: &d.list, by: d.Numbers, name: "delivery", matches: query.MatchesDelivery}
		f.serve(r.Context(), w, "deliveries to the merchant", query)
	default:
		answer(w, http.StatusOK, d.Page(query))
	}
}

// isStream reports whether a path is that of a stream.
func isStream(u *url.URL) bool { return strings.HasSuffix(u.Path, "/stream") }

// refusal is an answer without a result.
type refusal struct {
	Error string `json:"error"`
}

// answer writes JSON.
func answer(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document) // the reader may have gone
}

// QueryOf reads the query of a request for entries. A stream goes on behind Last-Event-ID.
func QueryOf(r *http.Request) (Query, error) {
	values := r.URL.Query()
	last := r.Header.Get("Last-Event-Id")
	resumes := last != "" && isStream(r.URL)
	if resumes {
		values.Set("after", last)
	}
	query, err := ParseQuery(values)
	query.Resumes = resumes
	return query, err
}
