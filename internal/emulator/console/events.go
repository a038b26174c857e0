package console

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
)

// shownEvents is how many events of a kind the page has.
const shownEvents = 20

// outboxEvent is an event of the outbox, as the register's API shows it.
type outboxEvent struct {
	language

	// State is "pending", "delivered" or "dead".
	State  string `json:"state"`
	Number int64  `json:"number"`
	// Attempts counts the deliveries, and LastError is what the receiver answered last that was no
	// acknowledgement.
	Attempts    int             `json:"attempts"`
	LastError   string          `json:"last_error"`
	DueAt       time.Time       `json:"due_at"`
	DeliveredAt time.Time       `json:"delivered_at"`
	DeadAt      time.Time       `json:"dead_at"`
	AgeSeconds  float64         `json:"age_seconds"`
	Event       json.RawMessage `json:"event"`

	told told
	now  time.Time // by the register's clock
}

// told is what an event tells (docs/events.md), as far as the pages show it.
type told struct {
	EventID    string    `json:"eventId"`
	Kind       string    `json:"kind"`
	MchID      string    `json:"mchId"`
	SubMchID   string    `json:"subMchId"`
	OutTradeNo string    `json:"outTradeNo"`
	OccurredAt time.Time `json:"occurredAt"`
}

// kindWords are the kinds of events in words.
var kindWords = map[string]bilingual.Text{
	"closed":           bilingual.New("closed", "已关单"),
	"paid":             bilingual.New("paid", "已支付"),
	"paidOtherAmount":  bilingual.New("paid another amount", "支付金额不符"),
	"paidUnregistered": bilingual.New("paid, not registered", "未登记的支付"),
	"notFound":         bilingual.New("not found", "订单不存在"),
	"gaveUp":           bilingual.New("given up", "已放弃"),
	"contradicted":     bilingual.New("contradicted", "前后矛盾"),
	"test":             bilingual.New("test", "测试"),
}

// wordOf is a kind in words; one that is not known stands for itself.
func (l language) wordOf(kind string) string {
	if word, known := kindWords[kind]; known {
		return l.In(word)
	}
	return kind
}

// Kind is what the event tells, in words.
func (e outboxEvent) Kind() string { return e.wordOf(e.told.Kind) }

// Told is what the event tells.
func (e outboxEvent) Told() told { return e.told }

// Order is the page of the order.
func (e outboxEvent) Order() string {
	return withQuery("/orders/"+url.PathEscape(e.told.OutTradeNo), "mchid", e.told.MchID, "sub_mchid", e.told.SubMchID)
}

// Age is how long ago it occurred, in words.
func (e outboxEvent) Age() string { return e.Duration(inSeconds(e.AgeSeconds)) }

// Refusal is why the last delivery that failed did, in words.
func (e outboxEvent) Refusal() string { return e.language.Refusal(e.LastError) }

// refusals are the reasons that the register keeps of a failed delivery, which are English, with
// their Chinese. A transport's own words stay as they are.
var refusals = []struct {
	en *regexp.Regexp
	zh string
}{
	{regexp.MustCompile(`^no answer within (\S+)$`), "$1 内没有应答"},
	{regexp.MustCompile(`^the receiver answered (\d+), not 2xx$`), "接收方应答 $1，而不是 2xx"},
	{regexp.MustCompile(`^the receiver answered (\d+), not 2xx; retry after (\S+)$`), "接收方应答 $1，而不是 2xx；要求 $2 后重试"},
}

// refusalPrefix begins a reason: the page says the event's number anyway.
var refusalPrefix = regexp.MustCompile(`^delivering event \d+: `)

// Refusal is a reason that the register keeps of a failed delivery, without the event's number.
func (l language) Refusal(reason string) string {
	reason = refusalPrefix.ReplaceAllString(reason, "")
	for _, known := range refusals {
		if l.Chinese && known.en.MatchString(reason) {
			return known.en.ReplaceAllString(reason, known.zh)
		}
	}
	return reason
}

// StateWord is the state in words.
func (e outboxEvent) StateWord() string {
	switch e.State {
	case "delivered":
		return e.T("delivered", "已投递")
	case "dead":
		return e.T("dead", "死信")
	default:
		return e.T("pending", "待投递")
	}
}

// Next is the time until the next delivery, in words; empty if there is none.
func (e outboxEvent) Next() string {
	switch {
	case e.DueAt.IsZero():
		return ""
	case e.DueAt.After(e.now):
		return e.T("in "+e.Duration(e.DueAt.Sub(e.now)), e.Duration(e.DueAt.Sub(e.now))+"后")
	default:
		return e.T("with the next sweep", "随下次扫描")
	}
}

// Body is what the receiver gets, for people.
func (e outboxEvent) Body() string { return indented(e.Event) }

// sunk is a delivery that came to the event sink (docs/emulator.md, "The event sink").
type sunk struct {
	language

	ID       int64     `json:"id"`
	Received time.Time `json:"received"` // by this machine's clock
	Verdict  string    `json:"verdict"`
	Reason   string    `json:"reason"`
	Status   int       `json:"http_status"`
	// Repeated marks an event that was acknowledged before.
	Repeated  bool            `json:"repeated"`
	WebhookID string          `json:"webhook_id"`
	Timestamp string          `json:"webhook_timestamp"`
	Signature string          `json:"webhook_signature"`
	Event     json.RawMessage `json:"event"`
}

// Told is what the delivery tells; zero if its body is no event.
func (s sunk) Told() (t told) {
	_ = json.Unmarshal(s.Event, &t) // a text, of a body that was no JSON
	return t
}

// Kind is what it tells, in words.
func (s sunk) Kind() string { return s.wordOf(s.Told().Kind) }

// Number is the event's place in the register; 0 if it says none.
func (s sunk) Number() int64 {
	var of struct {
		Number int64 `json:"number"`
	}
	_ = json.Unmarshal(s.Event, &of) // likewise
	return of.Number
}

// Said is the verdict in words. A delivery that a fault refused was genuine.
func (s sunk) Said() string { return s.Word(s.Verdict) + " " + strconv.Itoa(s.Status) }

// eventsView is the page of the events.
type eventsView struct {
	done

	HasRegister bool
	// Status is nil where the register could not be read, and Fault says why.
	Status *Status
	Fault  bilingual.Text
	// Pending events are those due first, Dead those with the lowest numbers, and Newest the last
	// ones whatever became of them.
	Pending, Dead, Newest []outboxEvent
	// Older is the address of the page behind Newest; empty: there is none.
	Older string
	// Sink is the address of the event sink; empty: there is none. Sunk is what came there, the
	// newest first, and SinkFault why that could not be read.
	Sink      string
	Sunk      []sunk
	Faults    []sinkFault
	SinkFault bilingual.Text
}

// IsHere reports whether the functions send their events to the event sink.
func (e eventsView) IsHere() bool { return e.Status != nil && e.Status.Receiver.URL == e.Sink }

// FailingFor is for how long the receiver has acknowledged nothing, in words; empty: it does.
func (e eventsView) FailingFor(l language) string {
	if e.Status == nil || e.Status.Receiver.FailingSince.IsZero() {
		return ""
	}
	return l.Duration(e.Status.At.Sub(e.Status.Receiver.FailingSince))
}

// Pause is for how much longer the receiver wants no deliveries, in words; empty: it takes them.
func (e eventsView) Pause(l language) string {
	if e.Status == nil || e.Status.Receiver.PauseSeconds <= 0 {
		return ""
	}
	return l.Duration(inSeconds(e.Status.Receiver.PauseSeconds))
}

// showEvents shows the outbox and the event sink.
func (c *Console) showEvents(w http.ResponseWriter, r *http.Request) {
	c.eventsPage(w, r, http.StatusOK, done{})
}

// eventsPage answers the page, with what an action did.
func (c *Console) eventsPage(w http.ResponseWriter, r *http.Request, status int, did done) {
	ctx := r.Context()
	v := newView(r, "events", bilingual.New("Events", "事件"))
	if r.Method != http.MethodGet {
		v.Back = "/events" // a change of the language after an action does nothing again
	}
	v.Live = withQuery("/stream", "show", "changes", "after", c.newest(ctx, c.sources()).String())
	page := eventsView{done: did, HasRegister: c.register != nil}
	if page.HasRegister {
		page.Fault = bilingual.Wording(c.readOutbox(ctx, v, &page, r.URL.Query().Get("before")))
	}
	if c.api.events != "" {
		page.Sink = c.api.events + "/events"
		page.SinkFault = bilingual.Wording(c.readSink(ctx, v, &page))
	}
	v.Data = page
	c.render(w, r, status, "events", v)
}

// readOutbox reads what the page shows of the register.
func (c *Console) readOutbox(ctx context.Context, v *view, page *eventsView, before string) error {
	v.curl(c.register.path(""))
	status, err := c.register.Status(ctx)
	if err != nil {
		return err
	}
	page.Status = &status
	limit := strconv.Itoa(shownEvents)
	list := func(into *[]outboxEvent, pairs ...string) (next int64) {
		if err != nil {
			return 0
		}
		address := withQuery(c.register.path("/events"), append(pairs, "limit", limit)...)
		v.curl(address)
		*into, next, err = c.outbox(ctx, address, v.language, status.At)
		return next
	}
	list(&page.Pending, "state", "pending")
	list(&page.Dead, "state", "dead")
	if next := list(&page.Newest, "before", before); next > 0 {
		page.Older = withQuery("/events", "before", strconv.FormatInt(next, 10))
	}
	return err
}

// outbox reads events, and where the list goes on.
func (c *Console) outbox(ctx context.Context, address string, l language, now time.Time) ([]outboxEvent, int64, error) {
	var page struct {
		Events []outboxEvent `json:"events"`
		Next   int64         `json:"next"`
	}
	if _, err := c.api.get(ctx, address, &page); err != nil {
		return nil, 0, err
	}
	for i := range page.Events {
		e := &page.Events[i]
		e.language, e.now = l, now
		_ = json.Unmarshal(e.Event, &e.told) // an event of another version may tell less
	}
	return page.Events, page.Next, nil
}

// readSink reads what the page shows of the event sink.
func (c *Console) readSink(ctx context.Context, v *view, page *eventsView) error {
	received, faults := withQuery(page.Sink, "limit", strconv.Itoa(shownEvents)), c.api.events+"/faults"
	v.curl(received)
	v.curl(faults)
	var err error
	if page.Sunk, err = c.sunk(ctx, received, v.language); err != nil {
		return err
	}
	_, err = c.api.get(ctx, faults, &page.Faults)
	return err
}

// sunk reads deliveries of the event sink, the newest first.
func (c *Console) sunk(ctx context.Context, address string, l language) (all []sunk, err error) {
	_, err = c.api.get(ctx, address, &all)
	slices.Reverse(all)
	for i := range all {
		all[i].language = l
	}
	return all, err
}

// eventView is the page of one event.
type eventView struct {
	outboxEvent

	// Deliveries are those that came to the event sink, the newest first; Unread is why they could
	// not be read.
	Deliveries []sunk
	Unread     bilingual.Text
}

// showEvent shows one event, with its deliveries as they came to the event sink.
func (c *Console) showEvent(w http.ResponseWriter, r *http.Request) {
	v := newView(r, "events", bilingual.Sprintf("Event %s", "事件 %s", r.PathValue("number")))
	v.Live = withQuery("/stream", "show", "changes", "after", c.newest(r.Context(), c.sources()).String())
	number, err := strconv.ParseInt(r.PathValue("number"), 10, 62)
	if err != nil || number < 1 || c.register == nil {
		c.fail(w, r, v.Room, &apiError{http.StatusNotFound, v.T("there is no event of this number", "没有该编号的事件")})
		return
	}
	address := withQuery(c.register.path("/events"), "before", strconv.FormatInt(number+1, 10), "limit", "1")
	v.curl(address)
	found, _, err := c.outbox(r.Context(), address, v.language, c.now(r.Context()))
	switch {
	case err != nil:
		c.fail(w, r, v.Room, err)
		return
	case len(found) == 0 || found[0].Number != number:
		c.fail(w, r, v.Room, &apiError{http.StatusNotFound, v.T("there is no event of this number", "没有该编号的事件")})
		return
	}
	page := eventView{outboxEvent: found[0]}
	if c.api.events != "" {
		received := withQuery(c.api.events+"/events", "order", page.told.OutTradeNo)
		v.curl(received)
		var err error
		page.Deliveries, err = c.sunk(r.Context(), received, v.language)
		page.Deliveries = slices.DeleteFunc(page.Deliveries, func(s sunk) bool { return s.WebhookID != page.told.EventID })
		page.Unread = bilingual.Wording(err)
	}
	v.Data = page
	c.render(w, r, http.StatusOK, "event", v)
}

// deliverNow fires the timer of the function that delivers.
func (c *Console) deliverNow(w http.ResponseWriter, r *http.Request) {
	did := c.fireTimer(r.Context(), sweeper)
	c.eventsPage(w, r, did.status(), did)
}

// redeliver makes events due: the one that is named, those since a time, or all that are pending or
// dead.
func (c *Console) redeliver(w http.ResponseWriter, r *http.Request) {
	if c.register == nil {
		c.eventsPage(w, r, http.StatusUnprocessableEntity, done{Wrong: noRegister})
		return
	}
	body := map[string]string{}
	for _, name := range []string{"id", "state", "since"} {
		if value := strings.TrimSpace(r.PostFormValue(name)); value != "" {
			body[name] = value
		}
	}
	if since := body["since"]; since != "" {
		at, err := momentOf(since)
		if err != nil {
			c.eventsPage(w, r, http.StatusUnprocessableEntity, done{Wrong: bilingual.Wording(err)})
			return
		}
		body["since"] = at.Format(time.RFC3339)
	}
	var did done
	var answer struct {
		Requeued int `json:"requeued"`
	}
	if did.do(r.Context(), c.api, posting(c.register.path("/redeliver"), body), &answer) == nil {
		did.What = bilingual.Sprintf("Events due again: %d. The next sweep delivers them.", "%d 个事件已重新到期：将由下次扫描投递。", answer.Requeued)
	}
	c.eventsPage(w, r, did.status(), did)
}
