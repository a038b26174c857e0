package sink

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
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

// maxHeader bounds the headers that are kept of a delivery, in bytes. Genuine ones are far shorter.
const maxHeader = 8 << 10

// beginningOf copies as many headers as there is room for, in the order of their names; first the
// three that the signature is of, each bounded by itself, so that a delivery is judged again as it
// was.
func beginningOf(header http.Header) http.Header {
	kept, room := http.Header{}, maxHeader
	for _, name := range []string{"Webhook-Id", "Webhook-Signature", "Webhook-Timestamp"} {
		if values := header[name]; len(values) > 0 {
			kept.Set(name, kilobyte(values[0]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			size := len(name) + len(value)
			if kept.Get(name) != "" || size > room { // one value of a name is enough to be judged again
				continue
			}
			room -= size
			kept.Set(name, value)
		}
	}
	return kept
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
