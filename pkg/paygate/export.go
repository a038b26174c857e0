package paygate

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
)

// exportKind is the first line's sign that a file is an export of a gateway's state.
const exportKind = "cloudpay gateway state"

// Bounds of an import, in bytes.
const (
	maxExportLine = 1 << 20
	maxExport     = 1 << 30
)

// exportHeader is the first line of an export.
type exportHeader struct {
	Kind   string `json:"kind"`
	Format int    `json:"format"`
}

// exportLine is any other line: an entry of the state.
type exportLine struct {
	Bucket string          `json:"bucket"`
	Key    string          `json:"key"`
	Value  json.RawMessage `json:"value"`
}

// Export writes the gateway's state: clock, orders, refunds, notifications, and the history. It is
// JSON, a line for each entry below a first one with the format's version, as it was at one moment;
// equal states give equal bytes. Keys, certificates, faults, shares of signatures and domains are
// not in it. The error is the writer's, or says that the state could not be kept.
func (g *Gateway) Export(w io.Writer) error {
	g.keep.flush()
	if err := g.keep.err(); err != nil {
		return err
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	err := enc.Encode(exportHeader{exportKind, fileFormat})
	g.dump(func(c change) {
		var value json.RawMessage
		if err == nil {
			value, err = json.Marshal(c.value)
		}
		if err == nil {
			err = enc.Encode(exportLine{c.bucket, c.key, value})
		}
	})
	if err == nil {
		_, err = text.WriteTo(w)
	}
	if err != nil {
		return fmt.Errorf("exporting the gateway's state: %w", err)
	}
	return nil
}

// dump passes the whole state to put, as it is at one moment.
func (g *Gateway) dump(put func(change)) {
	g.orders.mu.Lock()
	defer g.orders.mu.Unlock()
	g.orders.endRefunds()
	for _, b := range buckets() {
		b.dump(g, put)
	}
}

// Import takes the state that [Gateway.Export] wrote, all of it or nothing. The gateway must be
// empty: it has no orders and no history. The business clock goes on where it stood, a running one
// as far ahead of the wire clock. The error names the first line that is wrong.
func (g *Gateway) Import(r io.Reader) error {
	loaded, err := g.read(r)
	if err != nil {
		return err
	}
	if err := g.adopt(loaded); err != nil {
		return err
	}
	return g.keep.err()
}

// read reads an export into a gateway that serves nothing.
func (g *Gateway) read(r io.Reader) (*Gateway, error) {
	loaded := &Gateway{now: g.now, merchants: g.merchants}
	loaded.blank(Options{Running: g.clock.wire != nil, History: g.history.size})
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxExportLine)
	n := 0
	for load := checkHeader; lines.Scan(); load = loaded.loadLine {
		n++
		if err := load(lines.Bytes()); err != nil {
			return nil, invalid("line %d: %v", n, err)
		}
	}
	err := lines.Err()
	_, tooLong := errors.AsType[*http.MaxBytesError](err)
	switch {
	case tooLong:
		return nil, &bookError{http.StatusRequestEntityTooLarge, fmt.Sprintf("the state is longer than %d bytes", maxExport)}
	case err != nil:
		return nil, invalid("line %d did not arrive whole: %v", n+1, err)
	case n == 0:
		return nil, invalid("line 1 is missing: %v", checkHeader(nil))
	}
	return loaded, nil
}

// checkHeader reads the first line.
func checkHeader(line []byte) error {
	var header exportHeader
	if err := json.Unmarshal(line, &header); err != nil || header.Kind != exportKind {
		return fmt.Errorf("this is no export of a gateway's state, which begins with {\"kind\":%q,…}", exportKind)
	}
	if header.Format < 1 || header.Format > fileFormat {
		return fmt.Errorf("the format is %d, and this program knows 1 to %d: export it with this program", header.Format, fileFormat)
	}
	return nil
}

// loadLine reads one entry.
func (g *Gateway) loadLine(text []byte) error {
	var line exportLine
	if err := unmarshal(text, &line); err != nil {
		return err
	}
	all := buckets()
	i := slices.IndexFunc(all, func(b bucket) bool { return b.name == line.Bucket })
	if i < 0 {
		return fmt.Errorf("bucket %q is none of %s", line.Bucket, list(bucketNames()))
	}
	if err := all[i].load(g, line.Key, line.Value); err != nil {
		return fmt.Errorf("%s %s: %w", line.Bucket, line.Key, err)
	}
	return nil
}

// adopt makes another gateway's state this one's, in memory and, in one transaction, in the file.
func (g *Gateway) adopt(loaded *Gateway) error {
	g.orders.mu.Lock()
	defer g.orders.mu.Unlock()
	if n := len(g.orders.sequence); n > 0 {
		return conflict("the gateway has %d orders: a state is imported into an empty one", n)
	}
	mark, empty := g.history.adopt(loaded.history)
	if !empty {
		return conflict("the gateway has a history: a state is imported into an empty one")
	}
	g.clock.adopt(loaded.clock)
	g.orders.takeOver(loaded.orders)
	for _, b := range buckets() {
		b.dump(g, func(c change) { g.orders.changed(c) })
	}
	g.orders.changed(mark)
	return nil
}

// takeOver takes the orders of another book, which nothing else uses. This one is locked.
func (b *orderBook) takeOver(loaded *orderBook) {
	b.sequence, b.numbers, b.transactions, b.shapes = loaded.sequence, loaded.numbers, loaded.transactions, loaded.shapes
	b.combined, b.combinedNumbers, b.bound = loaded.combined, loaded.combinedNumbers, loaded.bound
	b.prepayments = loaded.prepayments
	for _, n := range loaded.notices.all {
		b.adopt(n)
	}
	b.stir()
	loaded.refunds.time = b.refunds.time
	b.refunds = loaded.refunds
	b.numbered, b.keptNumbered = loaded.numbered, loaded.numbered
}

// adopt takes the requests of another history, which nothing else uses, if this one is empty. mark
// reserves ids behind them.
func (h *history) adopt(loaded *history) (mark change, empty bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.ring) > 0 {
		return change{}, false
	}
	h.ring, h.first, h.next = loaded.ring, loaded.first, max(h.next, loaded.next)
	h.reserved = h.next + idBlock
	h.wake()
	return change{idsBucket, idsBucket, h.reserved}, true
}

// adopt goes on where another clock stands, which nothing else uses.
func (c *clock) adopt(loaded *clock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stands, c.ahead = loaded.stands, loaded.ahead
}

// exportState is GET /state.
func (g *Gateway) exportState(w http.ResponseWriter, _ *http.Request) {
	var text bytes.Buffer
	if err := g.Export(&text); err != nil {
		writeJSON(w, statusOf(err), adminError{err.Error()})
		return
	}
	w.Header().Set("Content-Type", "application/jsonl; charset=utf-8")
	_, _ = text.WriteTo(w) // the client may be gone
}

// stateView is how much an import brought.
type stateView struct {
	Orders   int `json:"orders"`
	Requests int `json:"requests"`
}

// importState is POST /state.
func (g *Gateway) importState(w http.ResponseWriter, r *http.Request) {
	err := cmp.Or(g.keep.ready(), onlyQuery(r))
	if err == nil {
		err = g.Import(http.MaxBytesReader(w, r.Body, maxExport))
	}
	if err != nil {
		writeJSON(w, statusOf(err), adminError{err.Error()})
		return
	}
	writeJSON(w, http.StatusOK, stateView{Orders: len(g.Orders()), Requests: len(g.Requests())})
}
