package console

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// /stream sends what the pages show, as it happens:
//
//	GET /stream?show=requests&order=&verdict=&operation=&api=&cause=&after=
//	  rows of the page Requests, those that fit the filters
//	GET /stream?show=activity&after=
//	  rows of the page Overview: requests, calls and deliveries; and the event "changed"
//	GET /stream?show=changes&after=
//	  the event "changed" alone, for pages that read themselves again
//
// It merges the streams of the management APIs, and has no buffer but their histories: the last ten
// thousand of each kind. The id of an event is therefore a place in each of them, such as
// "r120.c45.d7". A reader that comes back with it, by Last-Event-ID or ?after=, goes on behind it
// in all of them, also after the emulator was started again. What a history has forgotten meanwhile
// is counted or said (the class "missed").
//
// Rows that come together are sent together, so that a page keeps up with a thousand a second. A
// reader that takes nothing for ten seconds is cut off, and comes back.

const (
	// maxStreams bounds the readers. A browser has one for each open page.
	maxStreams = 64
	// gathering is how long rows are gathered before they are sent, and maxBatch the most of them.
	// A browser lays out a table anew for each batch, so that more batches a second show less.
	gathering = 200 * time.Millisecond
	maxBatch  = 200
	// heartbeat is the pause after which an idle stream sends a comment.
	heartbeat = 15 * time.Second
	// maxGathered ends a batch as well, in bytes of entries: an entry may have a long address, and
	// each reader has a batch of its own.
	maxGathered = 1 << 20
	// patience is how long a reader may take for a message.
	patience = 10 * time.Second
)

// reader is one reader of /stream.
type reader struct {
	console *Console
	language

	show   string
	filter requestFilter
	at     position // behind what was sent

	w       io.Writer
	control *http.ResponseController
}

// stream serves /stream.
func (c *Console) stream(w http.ResponseWriter, r *http.Request) {
	s, err := c.newReader(w, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case c.streams <- struct{}{}:
		defer func() { <-c.streams }()
	default:
		w.Header().Set("Retry-After", "5")
		http.Error(w, "too many pages of the console are open", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	defer func() { _ = s.control.SetWriteDeadline(time.Time{}) }() // the connection may be used again
	if s.send(fmt.Sprintf(": the console\nid: %s\n\n", s.at)) != nil {
		return
	}
	s.follow(r.Context())
}

// newReader reads what a stream is to show, and where it begins: behind the newest entries if no
// place is given.
func (c *Console) newReader(w http.ResponseWriter, r *http.Request) (*reader, error) {
	query := r.URL.Query()
	s := &reader{
		console: c, language: languageOf(r), show: query.Get("show"), filter: readRequestFilter(query),
		w: w, control: http.NewResponseController(w),
	}
	if s.show != "requests" && s.show != "activity" && s.show != "changes" {
		return nil, fmt.Errorf("show: must be requests, activity or changes, not %q", s.show)
	}
	place := r.Header.Get("Last-Event-Id")
	if place == "" {
		place = query.Get("after")
	}
	if place == "" {
		s.at = c.newest(r.Context(), s.sources())
		return s, nil
	}
	var err error
	s.at, err = parsePosition(place)
	return s, err
}

// sources are the streams that a reader needs. A page of requests needs no other, and leaves the
// filters that the management API knows to it.
func (s *reader) sources() []source {
	all := s.console.sources()
	if s.show == "requests" {
		all = all[:1]
		all[0].address = withQuery(all[0].address, s.filter.pairs()...)
	}
	return all
}

// follow sends what comes until the reader is gone, or too slow. Its goroutines end before it.
func (s *reader) follow(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	entries := make(chan entry)
	var following sync.WaitGroup
	defer following.Wait()
	defer stop()
	for _, from := range s.sources() {
		begin := s.at[from.kind] // before the first batch moves it
		following.Go(func() { s.console.api.follow(ctx, from, begin, entries) })
	}
	idle := time.NewTicker(heartbeat)
	defer idle.Stop()
	for {
		select {
		case first := <-entries:
			if s.sendBatch(gather(ctx, first, entries)) != nil {
				return
			}
		case <-idle.C:
			if s.send(":\n\n") != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// gather takes what comes with a first entry.
func gather(ctx context.Context, first entry, entries <-chan entry) []entry {
	batch := []entry{first}
	timer := time.NewTimer(gathering)
	defer timer.Stop()
	for size := len(first.data); len(batch) < maxBatch && size < maxGathered; {
		select {
		case next := <-entries:
			batch = append(batch, next)
			size += len(next.data)
		case <-timer.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

// sendBatch sends entries as one message with the place behind all of them, and after it "changed".
// Entries that the filter leaves out move the place on.
func (s *reader) sendBatch(batch []entry) error {
	var rows bytes.Buffer
	for _, e := range batch {
		s.at = s.at.behind(e)
	}
	for _, e := range slices.Backward(batch) { // the newest is the first row
		if err := s.row(&rows, e); err != nil {
			return err
		}
	}
	var message bytes.Buffer
	fmt.Fprintf(&message, "id: %s\n", s.at)
	if rows.Len() > 0 {
		writeData(&message, rows.Bytes())
	}
	message.WriteString("\n")
	if s.show != "requests" {
		message.WriteString("event: changed\ndata: {}\n\n")
	}
	return s.send(message.String())
}

// row writes an entry as a row of the page; nothing where the page has no rows, or does not show
// it.
func (s *reader) row(rows io.Writer, e entry) error {
	rooms := s.console.pages["rows"]
	var err error
	switch {
	case s.show == "changes":
	case e.missed:
		err = rooms.ExecuteTemplate(rows, "missed-row", s.language)
	case s.show == "activity":
		if row, ok := s.activityOf(e); ok {
			err = rooms.ExecuteTemplate(rows, "activity-row", row)
		}
	default:
		if row, ok := requestOf(e, s.language); ok && s.filter.fitsCause(row.request) {
			err = rooms.ExecuteTemplate(rows, "request-row", row)
		}
	}
	if err != nil {
		return fmt.Errorf("writing a row: %w", err)
	}
	return nil
}

// writeData writes a text as the data of an event, which has a line for each of its own. A carriage
// return alone ends a line of a stream as well (the HTML standard, "Interpreting an event stream"):
// a stranger's, in an order's number or a reason, would go on with a field of the stranger's, such
// as "retry". HTML reads either end of a line as the same.
func writeData(message *bytes.Buffer, text []byte) {
	text = bytes.ReplaceAll(bytes.TrimSpace(text), []byte("\r"), []byte("\n"))
	for line := range bytes.Lines(text) {
		message.WriteString("data: ")
		message.Write(bytes.TrimSuffix(line, []byte("\n")))
		message.WriteString("\n")
	}
}

// send writes a text at once.
func (s *reader) send(text string) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(patience)) // a test's recorder has none
	if _, err := io.WriteString(s.w, text); err != nil {
		return err
	}
	if err := s.control.Flush(); err != nil {
		return fmt.Errorf("writing to a stream: %w", err)
	}
	return nil
}
