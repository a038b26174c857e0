package console

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// kind is one of the histories that are merged.
type kind int

// The kinds, in the order of a position's parts.
const (
	requestKind  kind = iota // what WeChat Pay got
	callKind                 // what the cloud called
	deliveryKind             // what was sent to the merchant's server and to the event sink
	kinds
)

// letters begin the parts of a position.
const letters = "rcd"

// position is a place in each of the histories, as the id of the last entry that was seen; 0: none.
//
// One number for all would have to be given by the console, which would have to remember which
// entry it stands for: a restart, or a reader that was away for longer than the memory, would lose
// rows. The histories have ids that survive both.
type position [kinds]int64

// String is the position as the id of an event.
func (p position) String() string {
	return fmt.Sprintf("r%d.c%d.d%d", p[requestKind], p[callKind], p[deliveryKind])
}

// parsePosition reads what String wrote.
func parsePosition(text string) (p position, err error) {
	parts := strings.Split(text, ".")
	if len(parts) != len(p) {
		return p, fmt.Errorf("after: must be the id of an event of this stream, not %q", text)
	}
	for i, part := range parts {
		number, has := strings.CutPrefix(part, letters[i:i+1])
		if p[i], err = strconv.ParseInt(number, 10, 64); !has || err != nil || p[i] < 0 {
			return p, fmt.Errorf("after: must be the id of an event of this stream, not %q", text)
		}
	}
	return p, nil
}

// behind is the position when an entry was seen.
func (p position) behind(e entry) position {
	if e.id > 0 {
		p[e.kind] = e.id
	}
	return p
}

// source is a stream of a management API.
type source struct {
	kind    kind
	address string
	// list is where the history itself is, and member the name of its entries in the answer; empty:
	// the answer is an array.
	list, member string
}

// sources are the streams of both worlds. That of the deliveries has what came to the event sink,
// too.
func (c *Console) sources() []source {
	return []source{
		{requestKind, c.api.admin + "/requests/stream", c.api.admin + "/requests", ""},
		{callKind, c.api.cloud + "/v1/calls/stream", c.api.cloud + "/v1/calls", "calls"},
		{deliveryKind, c.api.admin + "/deliveries/stream", c.api.admin + "/deliveries", "deliveries"},
	}
}

// newest is the position behind all that there is. A history that cannot be read counts as empty:
// its stream then begins with its oldest entry.
func (c *Console) newest(ctx context.Context, of []source) (p position) {
	var all sync.WaitGroup
	for _, from := range of {
		all.Go(func() {
			if found, err := c.api.last(ctx, from, 1); err == nil && len(found) > 0 {
				p[from.kind] = found[len(found)-1].id
			}
		})
	}
	all.Wait()
	return p
}

// last reads the newest entries of a history, oldest first.
func (a *api) last(ctx context.Context, from source, limit int) ([]entry, error) {
	var list []json.RawMessage
	var object map[string]json.RawMessage
	into := any(&list)
	if from.member != "" {
		into = &object
	}
	if _, err := a.get(ctx, withQuery(from.list, "limit", strconv.Itoa(limit)), into); err != nil {
		return nil, err
	}
	if from.member != "" {
		if err := json.Unmarshal(object[from.member], &list); err != nil {
			return nil, fmt.Errorf("reading the %s: %w", from.member, err)
		}
	}
	entries := make([]entry, 0, len(list))
	for _, raw := range list {
		var head struct {
			ID int64 `json:"id"`
		}
		if err := json.Unmarshal(raw, &head); err != nil {
			return nil, fmt.Errorf("reading an entry of a history: %w", err)
		}
		entries = append(entries, entry{kind: from.kind, id: head.ID, data: raw})
	}
	return entries, nil
}

// entry is one entry of a history.
type entry struct {
	kind kind
	id   int64
	data json.RawMessage
	// missed says that entries before the next one are gone. It has no data.
	missed bool
}

const (
	// maxEvent bounds an event of a management API. A longer one counts as missed.
	maxEvent = 8 << 20
	// shortestRetry is the pause before a stream is opened again, doubled up to longestRetry.
	shortestRetry, longestRetry = 100 * time.Millisecond, 2 * time.Second
)

// follow passes on the entries of a stream behind an id, until ctx ends. It opens the stream again
// whenever that ends: a management API cuts off a reader that was slow, and one that was started
// again goes on with its ids.
func (a *api) follow(ctx context.Context, from source, after int64, entries chan<- entry) {
	pause := shortestRetry
	for ctx.Err() == nil {
		last := a.read(ctx, from, after, entries)
		if pause = min(2*pause, longestRetry); last != after {
			pause = shortestRetry
		}
		after = last
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// read reads a stream once, to its end. It returns the id of the last entry that was passed on.
func (a *api) read(ctx context.Context, from source, after int64, entries chan<- entry) (last int64) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from.address, nil)
	if err != nil {
		return after
	}
	request.Header.Set("Last-Event-Id", strconv.FormatInt(after, 10))
	response, err := a.client.Do(request)
	if err != nil {
		return after
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	if response.StatusCode != http.StatusOK {
		return after
	}
	in := bufio.NewReader(response.Body)
	for {
		e, err := readEvent(in, from.kind)
		if err != nil {
			return after
		}
		if e.id == 0 && !e.missed {
			continue // a comment, or the first id
		}
		select {
		case entries <- e:
			if e.id > 0 {
				after = e.id
			}
		case <-ctx.Done():
			return after
		}
	}
}

// readEvent reads one server-sent event as the management APIs write them: id, event and data in a
// line each. An event without data has the id 0. The error is that of the stream's end.
func readEvent(in *bufio.Reader, of kind) (e entry, err error) {
	e.kind = of
	for {
		line, tooLong, err := readLine(in)
		if err != nil {
			return entry{}, err
		}
		name, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "" && e.data == nil && !e.missed:
			return entry{kind: of}, nil
		case line == "":
			return e, nil
		case tooLong:
			e.missed = true
		case name == "id":
			e.id, _ = strconv.ParseInt(value, 10, 64) // 0 if it is none
		case name == "event" && (value == "missed" || value == "dropped"):
			e.missed = true
		case name == "data":
			e.data = json.RawMessage(value)
		}
	}
}

// readLine reads a line without its end. Of one that is longer than maxEvent it has the beginning.
func readLine(in *bufio.Reader) (line string, tooLong bool, err error) {
	var text strings.Builder
	for {
		piece, err := in.ReadSlice('\n')
		if text.Len()+len(piece) <= maxEvent {
			text.Write(piece)
		} else {
			tooLong = true
		}
		switch {
		case err == nil:
			return strings.TrimRight(text.String(), "\r\n"), tooLong, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return "", false, io.EOF
		default:
			return "", false, fmt.Errorf("reading a stream: %w", err)
		}
	}
}
