package sink

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// redacted stands for a credential in what the sink shows.
const redacted = "<redacted>"

// deliveryBytes is a delivery with its bytes. The webhook-signature is no secret: it is of this
// body alone, and was sent.
type deliveryBytes struct {
	Delivery

	// Request is the request as it came. Names of headers are in net/http's spelling, sorted.
	Request string `json:"request"`
	// Answer is the body of the answer; empty for an acknowledgement.
	Answer string `json:"answer,omitempty"`
}

// text is the body as it came.
func (d Delivery) text() string {
	switch event := d.Event.(type) {
	case json.RawMessage:
		return string(event)
	case string:
		return event
	default:
		return ""
	}
}

// bytes are a delivery's.
func (d Delivery) bytes() deliveryBytes {
	var head strings.Builder
	header := d.header.Clone()
	for _, name := range []string{"Authorization", "Proxy-Authorization", "Cookie"} {
		if header.Get(name) != "" {
			header.Set(name, redacted)
		}
	}
	fmt.Fprintf(&head, "POST /events HTTP/1.1\r\nHost: %s\r\n", d.host)
	_ = header.Write(&head) // a builder takes all
	shown := deliveryBytes{Delivery: d, Request: head.String() + "\r\n" + d.text()}
	if d.Status != http.StatusNoContent {
		text, _ := json.MarshalIndent(refusal{d.Reason}, "", "  ") // a text is always encoded
		shown.Answer = string(text)
	}
	return shown
}

// find returns the delivery that a path names. It has answered with the reason if there is none.
func (s *Sink) find(w http.ResponseWriter, r *http.Request) (Delivery, bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		refuse(w, http.StatusBadRequest, "the id of a delivery is a number from 1 on")
		return Delivery{}, false
	}
	found, _, _ := s.after(id-1, func(d Delivery) bool { return d.ID == id })
	if len(found) == 0 {
		refuse(w, http.StatusNotFound, fmt.Sprintf("there is no delivery %d: the newest %d are kept", id, kept))
		return Delivery{}, false
	}
	return found[0], true
}

// showBytes answers a delivery as it came.
func (s *Sink) showBytes(w http.ResponseWriter, r *http.Request) {
	if d, found := s.find(w, r); found {
		reply(w, http.StatusOK, d.bytes())
	}
}

// sendAgain takes a delivery once more, as it came, with the clock and the faults of now, and
// answers what became of it: a timestamp that has become old is refused. The functions do not learn
// of it.
func (s *Sink) sendAgain(w http.ResponseWriter, r *http.Request) {
	d, found := s.find(w, r)
	if !found {
		return
	}
	if d.Event == nil {
		refuse(w, http.StatusConflict, fmt.Sprintf("the body of delivery %d did not arrive: there is nothing to send again", d.ID))
		return
	}
	again := s.judge(signedBy(d.header), []byte(d.text()))
	again.header, again.host = d.header, d.host
	reply(w, http.StatusOK, s.keep(again).bytes())
}
