package sink

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"cloudpay/internal/emulator/sse"
)

const (
	// maxBody bounds a delivery, as docs/events.md tells receivers to.
	maxBody = 64 << 10
	// maxWait bounds how long a body may take to arrive.
	maxWait = 10 * time.Second
)

// receive takes a delivery. The delivery is kept before it is answered, so that a caller that has
// the answer finds it.
func (s *Sink) receive(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(maxWait)) // a test's recorder has none
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		status := http.StatusBadRequest
		if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
			status = http.StatusRequestEntityTooLarge
		}
		s.answer(w, r, Delivery{Verdict: malformed, Status: status, Reason: "the body did not arrive: " + err.Error()})
		return
	}
	s.answer(w, r, s.judge(signedBy(r.Header), body))
}

// judge decides what a delivery amounts to. A fault needs a genuine delivery, as everything else
// fails by itself.
func (s *Sink) judge(by signed, body []byte) Delivery {
	d := Delivery{
		Verdict: accepted, Status: http.StatusNoContent, Event: string(body),
		WebhookID: kilobyte(by.id), Timestamp: kilobyte(by.timestamp), Signature: kilobyte(by.signature),
	}
	var event struct {
		OutTradeNo string `json:"outTradeNo"`
		Kind       string `json:"kind"`
	}
	notJSON := json.Unmarshal(body, &event)
	if notJSON == nil {
		d.Event, d.OutTradeNo, d.Kind = json.RawMessage(bytes.Clone(body)), event.OutTradeNo, event.Kind
	}
	if err := by.verify(s.keys, body, s.now()); err != nil {
		d.Verdict, d.Status, d.Reason = unauthentic, http.StatusUnauthorized, err.Error()
		return d
	}
	if notJSON != nil {
		d.Verdict, d.Status, d.Reason = malformed, http.StatusBadRequest, "the body is not an event: "+notJSON.Error()
		return d
	}
	if status := s.takeFault(); status != 0 {
		d.Verdict, d.Status, d.Reason = failed, status, fmt.Sprintf("a fault answered %d", status)
	}
	return d
}

// kilobyte is the beginning of a header's value. Genuine ones are far shorter.
func kilobyte(value string) string { return value[:min(len(value), 1<<10)] }

// keep keeps a delivery, and returns it with its id.
func (s *Sink) keep(d Delivery) Delivery {
	d.Received = s.now()
	d = s.add(d)
	if s.observe != nil {
		s.observe(d)
	}
	return d
}

// answer keeps a delivery and answers it. The reason goes to the sender, too.
func (s *Sink) answer(w http.ResponseWriter, r *http.Request, d Delivery) {
	d.header, d.host = beginningOf(r.Header), kilobyte(r.Host)
	d = s.keep(d)
	if d.Status == http.StatusNoContent {
		w.WriteHeader(d.Status)
		return
	}
	refuse(w, d.Status, d.Reason)
}

// list answers what was received, after an id, of an order or with a verdict; with a limit only the
// newest of that.
func (s *Sink) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	limit := kept
	if text := query.Get("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > kept {
			refuse(w, http.StatusBadRequest, fmt.Sprintf("limit: must be 1 to %d", kept))
			return
		}
	}
	query.Del("limit")
	after, wanted, err := filter(query)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	found, _, _ := s.after(after, wanted)
	found = found[max(0, len(found)-limit):]
	if found == nil {
		found = []Delivery{} // an empty array and not null
	}
	reply(w, http.StatusOK, found)
}

// filter reads a query: after, order and verdict.
func filter(query url.Values) (after int64, wanted func(Delivery) bool, err error) {
	for name := range query {
		if name != "after" && name != "order" && name != "verdict" {
			return 0, nil, fmt.Errorf("there is no parameter %q: there are after, order, verdict", name)
		}
	}
	if text := query.Get("after"); text != "" {
		if after, err = strconv.ParseInt(text, 10, 64); err != nil || after < 0 {
			return 0, nil, errors.New("after: must be the id of a delivery")
		}
	}
	order, want := query.Get("order"), query.Get("verdict")
	return after, func(d Delivery) bool {
		return (order == "" || d.OutTradeNo == order) && (want == "" || d.Verdict == want)
	}, nil
}

// forget forgets what was received. Ids go on, and a repetition is still recognised.
func (s *Sink) forget(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliveries = nil
	w.WriteHeader(http.StatusNoContent)
}

// stream sends what was received after Last-Event-ID, and then what comes, until the reader goes
// away or the sink closes. It holds no queue for a reader: one that is slow reads later what is
// still kept, and one that does not read at all is dropped.
func (s *Sink) stream(w http.ResponseWriter, r *http.Request) {
	last, wanted, err := filter(r.URL.Query())
	if id := r.Header.Get("Last-Event-ID"); err == nil && id != "" {
		last, err = strconv.ParseInt(id, 10, 64)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "the place to go on from is not an id: "+err.Error())
		return
	}
	next := func() (events []sse.Event, more <-chan struct{}, open bool) {
		found, more, open := s.after(last, wanted)
		for _, d := range found {
			events, last = append(events, sse.Event{ID: d.ID, Data: d}), d.ID
		}
		return events, more, open
	}
	sse.Serve(r.Context(), w, sse.Source{Title: "deliveries", After: last, Next: next})
}

// inject has the next deliveries fail.
func (s *Sink) inject(w http.ResponseWriter, r *http.Request) {
	var f fault
	in := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	in.DisallowUnknownFields()
	err := in.Decode(&f)
	if err == nil {
		err = f.check()
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
	reply(w, http.StatusCreated, f)
}

// listFaults answers the faults still to come, each with how often.
func (s *Sink) listFaults(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	reply(w, http.StatusOK, append([]fault{}, s.faults...))
}

// clearFaults removes them.
func (s *Sink) clearFaults(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	w.WriteHeader(http.StatusNoContent)
}

// refusal is the body of an answer with a sentence.
type refusal struct {
	Error string `json:"error"`
}

// refuse answers a sentence.
func refuse(w http.ResponseWriter, status int, reason string) { reply(w, status, refusal{reason}) }

// reply answers JSON, indented for people.
func reply(w http.ResponseWriter, status int, v any) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // the reader may have gone
}
