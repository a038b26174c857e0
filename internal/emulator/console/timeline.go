package console

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
)

// A timeline is put together from histories that do not know each other. What binds them:
//
//	a request to WeChat Pay    names the request id of the call that it came of
//	an event                   names that of the call in which it was sent
//	a notification             names the function that it went to; the event of the call has the
//	                           notification's id
//	a change of the register   has a time, which lies within that of a call
//	the order itself           has whole seconds: placed, paid, closed
//
// All of it is sorted by the emulator's clock, which never goes back. The histories have this
// machine's clock to the microsecond, and the emulator's in whole seconds; see emulated.

const (
	// shownSteps bounds the requests, the calls and the deliveries of a timeline, each. The newest
	// are shown.
	shownSteps = 30
	// shownText bounds a text on the page, and shownTexts all of them, in bytes. Whatever is longer
	// is read by the command beside it.
	shownText  = 16 << 10
	shownTexts = 192 << 10
	// notifying is how long a call may have begun before the notification that made it was filed.
	notifying = 10 * time.Second
)

// timedCall is a call with what a timeline needs of it besides.
type timedCall struct {
	call

	// TookMS is how long the function took, in milliseconds.
	TookMS float64 `json:"took_ms"`
	// RequestID is what requests and events name as their call. Attempts of one event share it.
	RequestID string `json:"request_id"`
}

// took is how long the function took.
func (c timedCall) took() time.Duration { return time.Duration(c.TookMS * float64(time.Millisecond)) }

// timedDelivery is a delivery with what a timeline needs of it besides.
type timedDelivery struct {
	delivery

	Clock time.Time `json:"clock"` // likewise
	// Function is the one that sent the event, or that the notification went to; empty for any
	// other receiver.
	Function string `json:"function"`
	// Call is the request id of the call in which the event was sent.
	Call string `json:"call"`
	// API is v2 or v3, of a notification.
	API string `json:"api"`
	// Message is the id of the notification or of the event, and EventID that of the delivery at
	// the event sink.
	Message string `json:"message"`
	EventID int64  `json:"event_id"`
	// Attempt counts a notification's from 1 on; 0: none was made.
	Attempt int `json:"attempt"`
}

// requestBytes are a request's, as the management API shows them (docs/emulator.md, "Bytes").
type requestBytes struct {
	ID int64 `json:"id"`
	// Time is when it came by this machine's clock, and Clock by the emulator's.
	Time  time.Time `json:"time"`
	Clock time.Time `json:"clock"`
	// TookMS is the time until the reply was sent; nil: none was.
	TookMS *float64 `json:"took_ms"`
	// Request and Reply are as HTTP/1.1 has them; the cuts count the bytes that are missing.
	Request    string `json:"request"`
	RequestCut int    `json:"request_cut"`
	Reply      string `json:"reply"`
	ReplyCut   int    `json:"reply_cut"`
	// Signed and ReplySigned are the strings of the signatures; empty where there is none.
	Signed      string `json:"signed"`
	ReplySigned string `json:"reply_signed"`
}

// callBytes are a call's (docs/emulator.md, "Calls").
type callBytes struct {
	Call timedCall `json:"call"`
	// Event is what the function got; empty for a call that reached none.
	Event    string `json:"event"`
	EventCut int    `json:"event_cut"`
	// Environment and ClientContext came beside the event, by the runtime's own way.
	Environment   map[string]string `json:"environment"`
	ClientContext string            `json:"client_context"`
	// Answer is the function's, or the cloud's refusal.
	Answer    string `json:"answer"`
	AnswerCut int    `json:"answer_cut"`
}

// eventBytes are those of a delivery at the event sink (docs/emulator.md, "The event sink").
type eventBytes struct {
	ID int64 `json:"id"`
	// Verdict, Reason and Status are what the sink made of it.
	Verdict string `json:"verdict"`
	Reason  string `json:"reason"`
	Status  int    `json:"http_status"`
	// Request is the delivery as it came, and Answer the body of the answer; empty: there was none.
	Request string `json:"request"`
	Answer  string `json:"answer"`
}

// notification is one of WeChat Pay's (docs/emulator.md, "Notifications").
type notification struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	State    string    `json:"state"`
	URL      string    `json:"notify_url"`
	Content  string    `json:"content"`
	Due      time.Time `json:"due"`
	Attempts []attempt `json:"attempts"`
}

// attempt is one attempt to deliver a notification.
type attempt struct {
	Header       map[string]string `json:"request_header"`
	Body         string            `json:"request_body"`
	HTTPStatus   int               `json:"http_status"`
	Answer       string            `json:"answer"`
	Acknowledged bool              `json:"acknowledged"`
	Reason       string            `json:"reason"`
}

// timeline is what happened to an order, and what is to come.
type timeline struct {
	Steps []*stage
	// Faults are why a history could not be read; its steps are missing then.
	Faults []bilingual.Text
	// Cut says that older steps are left out.
	Cut bool
	// Moments are what is to come, the next first.
	Moments []moment
}

// chronicle puts a timeline together.
type chronicle struct {
	language

	api *api
	// get reads an answer of a management API, for this page.
	get    func(address string, into any) error
	order  orderRow
	number string
	// ahead is by how much the emulator's clock is ahead of this machine's now.
	ahead time.Duration
	// shown is the step that shows its bytes from the beginning.
	shown string

	timeline
	// notifications are those about the order, by their ids.
	notifications map[string]notification
	// calls are the steps of calls, by their request ids, and events what the functions got.
	calls  map[string][]*stage
	events map[*stage]string
}

// tell reads what happened to an order.
func (c *Console) tell(ctx context.Context, v *view, order orderRow, shown string) timeline {
	t := &chronicle{
		language: v.language, api: c.api, order: order, number: order.Number(), shown: shown,
		notifications: map[string]notification{}, calls: map[string][]*stage{}, events: map[*stage]string{},
	}
	t.get = func(address string, into any) error {
		_, err := c.api.get(ctx, address, into)
		return err
	}
	if now := c.clock(ctx); now != nil {
		t.ahead, _ = time.ParseDuration(now.Ahead) // 0 for what is none
	}
	for _, read := range []func(*view) error{t.readNotifications, t.readCalls, t.readRequests, t.readDeliveries} {
		if err := read(v); err != nil {
			t.Faults = append(t.Faults, bilingual.Wording(err))
		}
	}
	t.addOrder()
	t.addRegister()
	arrange(t.Steps)
	t.bound(t.Steps, new(int))
	t.Moments = t.moments()
	return t.timeline
}

// add adds a step to the timeline, or to the call that it came of.
func (t *chronicle) add(s *stage, call string) {
	s.language, s.Open = t.language, s.ID == t.shown
	if outer := t.callAt(call, s.Real); outer != nil {
		outer.Steps = append(outer.Steps, s)
		return
	}
	t.Steps = append(t.Steps, s)
}

// callAt is the step of the call with a request id; nil if there is none. Attempts of one event
// share the id: the last that had begun is meant.
func (t *chronicle) callAt(id string, at time.Time) *stage {
	all := t.calls[id]
	if id == "" || len(all) == 0 {
		return nil
	}
	for _, one := range slices.Backward(all) {
		if !one.Real.After(at) {
			return one
		}
	}
	return all[0]
}

// emulated is a time of this machine's by the emulator's clock, of which clock has the whole
// seconds. The clock is moved on by whole seconds, so that it was then ahead by the same fraction
// of a second as now. With the clock half an hour and 10 ms ahead:
//
//	this machine   12:00:31.000
//	clock          12:30:31       so that it was ahead by more than 29:59 and at most 30:00
//	emulated       12:30:31.010
func (t *chronicle) emulated(at, clock time.Time) time.Time {
	if clock.IsZero() {
		return at.Add(t.ahead)
	}
	fraction := t.ahead - t.ahead.Truncate(time.Second)
	ahead := clock.Sub(at) - fraction
	whole := ahead.Truncate(time.Second)
	if ahead > whole {
		whole += time.Second
	}
	return at.Add(whole + fraction)
}

// lacking says why a step has no bytes.
func lacking(err error) bilingual.Text {
	if refusal, refused := errors.AsType[*apiError](err); refused && refusal.status == http.StatusNotFound {
		return bilingual.New("Its bytes are not kept: the emulator was started again since, or newer ones took their place.",
			"其原始内容已不再保留：模拟器此后重启过，或已被更新的记录取代。")
	}
	return bilingual.Wording(err)
}

// readCalls reads the calls about the order, with those that its notifications made.
func (t *chronicle) readCalls(v *view) error {
	api := t.api
	address := withQuery(api.cloud+"/v1/calls", "order", t.number, "limit", strconv.Itoa(shownSteps))
	v.curl(address)
	var page struct{ Calls []timedCall }
	if err := t.get(address, &page); err != nil {
		return err
	}
	t.Cut = t.Cut || len(page.Calls) == shownSteps
	for _, one := range page.Calls {
		t.add(t.callStep(one), "")
	}
	return nil
}

// callStep is a call as a step.
func (t *chronicle) callStep(one timedCall) *stage {
	api := t.api
	row := one.activity(t.language)
	s := &stage{
		language: t.language, ID: fmt.Sprintf("call-%d", one.ID), Kind: "call", What: row.What, Verdict: row.Verdict, Said: row.Said,
		Reason: one.Reason, At: t.emulated(one.Time, one.Clock), Real: one.Time, Took: one.took(), Whole: true,
		Curl: curlOf(http.MethodGet, api.callAddress(one.ID, "bytes"), ""),
	}
	t.calls[one.RequestID] = append(t.calls[one.RequestID], s)
	var found callBytes
	if err := t.get(api.callAddress(one.ID, "bytes"), &found); err != nil {
		s.Lacks = lacking(err)
		return s
	}
	s.Texts, t.events[s] = found.texts(), found.Event
	if found.Event != "" && found.EventCut == 0 {
		s.Again = posting(api.callAddress(one.ID, "send"), nil).curl()
	}
	return s
}

// callAddress is the address of a call's bytes, or at which it is made again.
func (a *api) callAddress(id int64, what string) string {
	return fmt.Sprintf("%s/v1/calls/%d/%s", a.cloud, id, what)
}

// texts are what a call's step shows.
func (b callBytes) texts() []stageText {
	var environment strings.Builder
	for _, name := range slices.Sorted(maps.Keys(b.Environment)) {
		environment.WriteString(name + "=" + b.Environment[name] + "\n")
	}
	return said(
		stageText{bilingual.New("The event, as the function got it", "函数收到的事件"), b.Event, b.EventCut},
		stageText{bilingual.New("What the platform said about this call", "平台就本次调用提供的环境"), environment.String(), 0},
		stageText{bilingual.New("The client context", "客户端上下文"), b.ClientContext, 0},
		stageText{bilingual.New("The function's answer", "函数的返回"), b.Answer, b.AnswerCut},
	)
}

// said are the texts that are not empty.
func said(texts ...stageText) []stageText {
	return slices.DeleteFunc(texts, func(one stageText) bool { return one.Text == "" })
}

// readRequests reads the requests about the order.
func (t *chronicle) readRequests(v *view) error {
	api := t.api
	address := withQuery(api.admin+"/requests", "order", t.number, "limit", strconv.Itoa(shownSteps))
	v.curl(address)
	var found []request
	if err := t.get(address, &found); err != nil {
		return err
	}
	t.Cut = t.Cut || len(found) == shownSteps
	for _, one := range found {
		t.add(t.requestStep(one), one.Call)
	}
	return nil
}

// requestStep is a request as a step. Without its bytes its time is known in whole seconds.
func (t *chronicle) requestStep(one request) *stage {
	api := t.api
	row := one.activity(t.language)
	s := &stage{
		language: t.language, ID: fmt.Sprintf("request-%d", one.ID), Kind: "request", What: row.What, Verdict: row.Verdict,
		Said: row.Said, Reason: one.Reason, State: one.State, Link: row.Link, At: one.Time.Add(t.ahead), Real: one.Time, Took: -1,
		Coarse: true, Curl: curlOf(http.MethodGet, api.requestAddress(one.ID, "bytes"), ""),
	}
	if one.HTTPStatus > 0 {
		s.Said = words(s.Said, strconv.Itoa(one.HTTPStatus))
	}
	var found requestBytes
	if err := t.get(api.requestAddress(one.ID, "bytes"), &found); err != nil {
		s.Lacks, s.Whole = lacking(err), true
		if outer := t.callAt(one.Call, one.Time); outer != nil { // in its call, at an unknown time
			s.At, s.Real = outer.At, outer.Real
		}
		return s
	}
	s.At, s.Real, s.Coarse, s.Texts, s.Whole = found.Clock, found.Time, false, found.texts(), found.Reply != ""
	if found.TookMS != nil {
		s.Took = time.Duration(*found.TookMS * float64(time.Millisecond))
	}
	if found.RequestCut == 0 {
		s.Again = posting(api.requestAddress(one.ID, "send"), nil).curl()
	}
	return s
}

// requestAddress is the address of a request's bytes, or at which it is sent again.
func (a *api) requestAddress(id int64, what string) string {
	return fmt.Sprintf("%s/requests/%d/%s", a.admin, id, what)
}

// texts are what a request's step shows.
func (b requestBytes) texts() []stageText {
	return said(
		stageText{bilingual.New("The request, as it was received", "收到的请求"), b.Request, b.RequestCut},
		stageText{bilingual.New("The string to sign", "待签名串"), b.Signed, 0},
		stageText{bilingual.New("The reply, as it was sent", "发出的应答"), b.Reply, b.ReplyCut},
		stageText{bilingual.New("The string that the reply signs", "应答的验签名串"), b.ReplySigned, 0},
	)
}

// readNotifications reads the notifications about the order. A page has all but a flood of them.
func (t *chronicle) readNotifications(v *view) error {
	address := withQuery(t.api.admin+"/notifications", "order", t.number)
	v.curl(address)
	var page struct{ Notifications []notification }
	err := t.get(address, &page)
	for _, one := range page.Notifications {
		t.notifications[one.ID] = one
	}
	return err
}

// readDeliveries reads the notifications' attempts and the events of the order.
func (t *chronicle) readDeliveries(v *view) error {
	api := t.api
	address := withQuery(api.admin+"/deliveries", "order", t.number, "limit", strconv.Itoa(shownSteps))
	v.curl(address)
	var page struct{ Deliveries []timedDelivery }
	if err := t.get(address, &page); err != nil {
		return err
	}
	t.Cut = t.Cut || len(page.Deliveries) == shownSteps
	// Notifications first: an event may have come of the call that one made.
	slices.SortStableFunc(page.Deliveries, func(a, b timedDelivery) int { return -strings.Compare(a.From, b.From) })
	for _, one := range page.Deliveries {
		row := one.activity(t.language)
		s := &stage{
			language: t.language, What: row.What, Verdict: row.Verdict, Said: row.Said, Reason: one.Reason,
			At: t.emulated(one.Time, one.Clock), Real: one.Time, Took: -1, Whole: true,
		}
		if one.From == "functions" {
			t.eventStep(s, one)
			t.addSender(one)
			t.add(s, one.Call)
			continue
		}
		t.notificationStep(s, one)
		t.add(s, "")
		t.addNotified(s, one)
	}
	return nil
}

// eventStep is an event that came to the event sink.
func (t *chronicle) eventStep(s *stage, one timedDelivery) {
	s.Kind, s.ID = "event", fmt.Sprintf("event-%d", one.EventID)
	api := t.api
	if api.events == "" || one.EventID == 0 {
		s.ID = fmt.Sprintf("delivery-%d", one.ID)
		return
	}
	address := api.eventAddress(one.EventID, "bytes")
	s.Curl = curlOf(http.MethodGet, address, "")
	var found eventBytes
	if err := t.get(address, &found); err != nil {
		s.Lacks = lacking(err)
		return
	}
	s.Texts = found.texts()
	s.Again = posting(api.eventAddress(one.EventID, "send"), nil).curl()
}

// eventAddress is the address of a delivery's bytes at the event sink, or at which it is sent
// again.
func (a *api) eventAddress(id int64, what string) string {
	return fmt.Sprintf("%s/events/%d/%s", a.events, id, what)
}

// texts are what an event's step shows.
func (b eventBytes) texts() []stageText {
	return said(
		stageText{bilingual.New("The event, as it was received", "收到的事件"), b.Request, 0},
		stageText{bilingual.New("The answer", "应答"), b.Answer, 0},
	)
}

// notificationStep is an attempt of WeChat Pay to notify.
func (t *chronicle) notificationStep(s *stage, one timedDelivery) {
	s.Kind, s.ID = "notification", fmt.Sprintf("delivery-%d", one.ID)
	told, known := t.notifications[one.Message]
	if !known {
		return
	}
	address := t.api.admin + "/notifications/" + url.PathEscape(told.ID)
	s.Curl, s.Again = curlOf(http.MethodGet, address, ""), posting(address+"/send", nil).curl()
	if one.Attempt > 0 && one.Attempt <= len(told.Attempts) {
		s.Texts = told.Attempts[one.Attempt-1].texts(told)
	}
	if len(s.Texts) == 0 {
		s.Texts = said(stageText{bilingual.New("What is told, in the clear", "通知内容（明文）"), told.Content, 0})
	}
}

// texts are what the step of an attempt shows.
func (a attempt) texts(of notification) []stageText {
	var sent strings.Builder
	if a.Body != "" {
		address, _ := url.Parse(of.URL) // the gateway has called it
		path, host := of.URL, ""
		if address != nil {
			path, host = address.RequestURI(), address.Host
		}
		fmt.Fprintf(&sent, "POST %s HTTP/1.1\r\nHost: %s\r\n", path, host)
		for _, name := range slices.Sorted(maps.Keys(a.Header)) {
			sent.WriteString(name + ": " + a.Header[name] + "\r\n")
		}
		sent.WriteString("\r\n" + a.Body)
	}
	return said(
		stageText{bilingual.New("The notification, as it was sent", "发出的通知"), sent.String(), 0},
		stageText{bilingual.New("What it tells, in the clear", "通知内容（明文）"), of.Content, 0},
		stageText{bilingual.New("The answer", "应答"), a.Answer, 0},
	)
}

// addNotified puts the call that a notification made into its step: the call of that function with
// the notification's id in its event, or in APIv2 with the order's number, shortly before.
func (t *chronicle) addNotified(s *stage, one timedDelivery) {
	if one.Function == "" {
		return
	}
	carries := func(event string) bool {
		return strings.Contains(event, one.Message) || one.API == "v2" && strings.Contains(event, t.number)
	}
	fits := func(at time.Time) bool { return !at.After(one.Time) && at.After(one.Time.Add(-notifying)) }
	for i, known := range t.Steps {
		if known.Kind == "call" && fits(known.Real) && carries(t.events[known]) {
			t.Steps = slices.Delete(t.Steps, i, i+1)
			s.hold(known)
			return
		}
	}
	for _, candidate := range slices.Backward(t.callsOf(one.Function)) {
		if !fits(candidate.Time) || t.calls[candidate.RequestID] != nil {
			continue
		}
		made := t.callStep(candidate)
		if carries(t.events[made]) {
			s.hold(made)
			return
		}
		delete(t.calls, candidate.RequestID)
	}
}

// addSender adds the call in which an event was sent, if the timeline lacks it: a sweep's call
// names no order.
func (t *chronicle) addSender(one timedDelivery) {
	if one.Call == "" || t.calls[one.Call] != nil {
		return
	}
	for _, candidate := range t.callsOf(one.Function) {
		if candidate.RequestID == one.Call {
			t.add(t.callStep(candidate), "")
		}
	}
}

// callsOf are the newest calls of a function; none if they cannot be read, for which the timeline
// lacks a step.
func (t *chronicle) callsOf(function string) []timedCall {
	var page struct{ Calls []timedCall }
	address := withQuery(t.api.cloud+"/v1/calls", "function", function, "limit", strconv.Itoa(shownSteps))
	_ = t.get(address, &page)
	return page.Calls
}

// hold puts a call into the notification that made it, which therefore began with it.
func (s *stage) hold(call *stage) {
	s.At, s.Real = call.At, call.Real
	s.Steps = append(s.Steps, call)
}

// addOrder adds what only WeChat Pay's order says: when it was placed, paid, and closed without a
// request.
func (t *chronicle) addOrder() {
	o := t.order.WeChat
	if o == nil {
		return
	}
	coarse := func(kind, what string, at time.Time) {
		if !at.IsZero() {
			t.add(&stage{ID: kind, Kind: kind, What: what, Verdict: "ok", At: at, Coarse: true, Took: -1, Whole: true}, "")
		}
	}
	if !t.any(func(s *stage) bool { return strings.HasSuffix(s.What, " place") && s.Verdict == "ok" }) {
		coarse("placed", t.T("the order was placed", "下单"), o.CreatedAt)
	}
	coarse("paid", t.T("the customer paid", "用户支付"), o.SuccessTime)
	if !t.any(func(s *stage) bool { return s.Kind == "request" && s.Verdict == "ok" && s.State == "CLOSED" }) {
		coarse("closed", t.T("WeChat Pay closed the order", "微信支付关闭了订单"), o.ClosedAt)
	}
}

// any reports whether a step, or one within it, is of some kind.
func (t *chronicle) any(is func(*stage) bool) bool {
	var search func([]*stage) bool
	search = func(steps []*stage) bool {
		return slices.ContainsFunc(steps, func(s *stage) bool { return is(s) || search(s.Steps) })
	}
	return search(t.Steps)
}

// addRegister adds what only the register says: that the order was registered, and how it ended;
// each within the call that did it.
func (t *chronicle) addRegister() {
	r := t.order.Register
	if r == nil {
		return
	}
	change := func(kind, what, said string, at time.Time) {
		if at.IsZero() {
			return
		}
		s := &stage{language: t.language, ID: kind, Kind: kind, What: what, Said: said, Verdict: "ok", At: at, Took: -1, Whole: true}
		if outer := callDuring(t.Steps, at); outer != nil {
			outer.Steps = append(outer.Steps, s)
			return
		}
		t.Steps = append(t.Steps, s)
	}
	if r.CloseAt.IsZero() { // it was paid or closed before it was registered
		change("registered", t.T("the register: recorded", "登记：已记录"), "", r.RegisteredAt)
	} else {
		change("registered", t.T("the register: registered, to be closed at", "登记：已登记，关单时间"), inBeijing(r.CloseAt), r.RegisteredAt)
	}
	change("ended", t.T("the register: ended as", "登记：结束状态"), t.order.ProgressWord(), r.EndedAt)
}

// callDuring is the innermost call that was under way at a time of the emulator's clock; nil if
// none was. The register's clock may differ by a few milliseconds.
func callDuring(steps []*stage, at time.Time) *stage {
	const tolerance = 5 * time.Millisecond
	for _, s := range steps {
		if inner := callDuring(s.Steps, at); inner != nil {
			return inner
		}
		if s.Kind == "call" && !at.Before(s.At.Add(-tolerance)) && !at.After(s.At.Add(s.Took+tolerance)) {
			return s
		}
	}
	return nil
}

// bound cuts the texts of the page. The steps that come first have their texts as long as there is
// room; the step that is to be shown open has its own whatever is left. What was cut is said with
// the text.
func (t *chronicle) bound(steps []*stage, used *int) {
	for _, s := range steps {
		for i := range s.Texts {
			text := &s.Texts[i]
			room := min(shownText, max(shownTexts-*used, 0))
			if s.Open {
				room = shownText
			}
			if over := len(text.Text) - room; over > 0 {
				text.Text = strings.ToValidUTF8(text.Text[:room], "")
				text.Cut = max(text.Cut, 0) + over
			}
			*used += len(text.Text)
		}
		t.bound(s.Steps, used)
	}
}
