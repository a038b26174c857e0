package paygate

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"cloudpay/internal/cause"
)

// Bounds of a page of the management API: how many rows it has when the call does not say, and at
// most; and after how many bytes of requests it ends all the same, since a sender may make each of
// them long.
const (
	defaultPage  = 1000
	maxPage      = 10_000
	maxPageBytes = 4 << 20
)

// page is a part of a list. The management API writes its rows, and where the list goes on as Link
// headers (RFC 8288).
type page struct {
	rows any
	// the query of the next and of the previous page, nil where there is none
	next, prev url.Values
}

// links adds the Link headers of the pages around it.
func (p *page) links(header http.Header, path string) {
	for _, link := range []struct {
		query url.Values
		rel   string
	}{{p.next, "next"}, {p.prev, "prev"}} {
		if link.query != nil {
			header.Add("Link", fmt.Sprintf("<%s?%s>; rel=%q", path, link.query.Encode(), link.rel))
		}
	}
}

// pageQuery reads the parameters of a page: limit, and after and before where they are known.
type pageQuery struct {
	values        url.Values
	limit         int
	after, before int
	// whether they were given
	hasAfter, hasBefore bool
}

// readPage reads a page's parameters, and refuses those that are not known.
func readPage(r *http.Request, known ...string) (q pageQuery, err error) {
	if err := onlyQuery(r, known...); err != nil {
		return q, err
	}
	q.values = r.URL.Query()
	if q.limit, _, err = number(q.values, "limit", 1, maxPage, defaultPage); err != nil {
		return q, err
	}
	if q.after, q.hasAfter, err = number(q.values, "after", 0, maxID, 0); err != nil {
		return q, err
	}
	if q.before, q.hasBefore, err = number(q.values, "before", 1, maxID, 0); err != nil {
		return q, err
	}
	if q.hasAfter && q.hasBefore {
		return q, invalid("before: cannot be given together with after")
	}
	return q, nil
}

// maxID is more than a gateway counts.
const maxID = 1_000_000_000_000

// number reads a whole number from least to most; fallback if it is not given.
func number(values url.Values, name string, least, most, fallback int) (n int, given bool, err error) {
	if !values.Has(name) {
		return fallback, false, nil
	}
	n, err = strconv.Atoi(values.Get(name))
	if err != nil || n < least || n > most {
		return 0, false, invalid("%s: %q must be a whole number from %d to %d", name, values.Get(name), least, most)
	}
	return n, true, nil
}

// from is the query of another page: that behind a row, or before one.
func (q *pageQuery) from(name string, id int) url.Values {
	values := make(url.Values)
	for key, given := range q.values {
		if key != "after" && key != "before" {
			values[key] = given
		}
	}
	values.Set(name, strconv.Itoa(id))
	return values
}

// verdicts are the values of [Request].Verdict, in the order in which an error lists them.
func verdicts() []string {
	return []string{
		verdictOK, verdictRefused, verdictUnauthentic, verdictMalformed, verdictNotFound, verdictCut, verdictHanging,
		verdictInterference,
	}
}

// requestFilter selects requests of the history. Its zero value selects all.
type requestFilter struct{ order, verdict, operation, api, cause string }

// filterNames are the query parameters of a requestFilter.
func filterNames() []string { return []string{"order", "verdict", "operation", "api", "cause"} }

// readFilter reads a filter from a query.
func readFilter(values url.Values) (requestFilter, error) {
	f := requestFilter{values.Get("order"), values.Get("verdict"), values.Get("operation"), values.Get("api"), values.Get("cause")}
	apis := []string{apiV2, apiV3, apiCloudRun}
	switch {
	case f.verdict != "" && !slices.Contains(verdicts(), f.verdict):
		return f, invalid("verdict: %q must be one of %s", f.verdict, list(verdicts()))
	case f.api != "" && !slices.Contains(apis, f.api):
		return f, invalid("api: %q must be one of %s", f.api, list(apis))
	}
	if _, known := cause.Of(cause.ID(f.cause)); f.cause != "" && !known {
		return f, invalid("cause: %q is none of docs/why.md", f.cause)
	}
	return f, nil
}

// fits reports whether a request is selected.
func (f *requestFilter) fits(r *Request) bool {
	return (f.order == "" || f.order == r.OutTradeNo) && (f.verdict == "" || f.verdict == r.Verdict) &&
		(f.operation == "" || f.operation == r.Op) && (f.api == "" || f.api == r.API) && (f.cause == "" || f.cause == r.Cause)
}

// selection is requests of the history, oldest first, and whether there are more on either side.
type selection struct {
	requests    []Request
	older, more bool
	// about how many bytes the requests have
	size int
}

// isFull reports whether a page of a limit has room for no further request. It has one in any case.
func (s *selection) isFull(limit int) bool {
	return len(s.requests) == limit || s.size >= maxPageBytes
}

// add adds the request at a place of the history, which is locked.
func (s *selection) add(h *history, at int) {
	s.requests = append(s.requests, h.copies(at, at+1)...)
	s.size += h.at(at).size()
}

// after selects the oldest requests behind an id.
func (h *history) after(id, limit int, fits func(*Request) bool) (s selection) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := h.behind(id); i < len(h.ring); i++ {
		if !fits(h.at(i)) {
			continue
		}
		if s.isFull(limit) {
			s.more = true
			break
		}
		s.add(h, i)
	}
	return s
}

// before selects the newest requests before an id.
func (h *history) before(id, limit int, fits func(*Request) bool) (s selection) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := h.behind(id-1) - 1; i >= 0; i-- {
		if !fits(h.at(i)) {
			continue
		}
		if s.isFull(limit) {
			s.older = true
			break
		}
		s.add(h, i)
	}
	slices.Reverse(s.requests)
	return s
}

// adminRequests shows the history, oldest first: the newest page of it, or the one that after or
// before names. An empty one is [], not null.
func (g *Gateway) adminRequests(r *http.Request) (int, any, error) {
	q, err := readPage(r, append(filterNames(), "after", "before", "limit")...)
	if err != nil {
		return 0, nil, err
	}
	filter, err := readFilter(q.values)
	if err != nil {
		return 0, nil, err
	}
	var s selection
	switch {
	case q.hasAfter:
		s = g.history.after(q.after, q.limit, filter.fits)
	case q.hasBefore:
		s = g.history.before(q.before, q.limit, filter.fits)
	default:
		s = g.history.before(maxID, q.limit, filter.fits)
	}
	p := page{rows: append([]Request{}, s.requests...)}
	if n := len(s.requests); n > 0 {
		if s.more || q.hasBefore {
			p.next = q.from("after", s.requests[n-1].ID)
		}
		if s.older {
			p.prev = q.from("before", s.requests[0].ID)
		}
	}
	return http.StatusOK, p, nil
}

// picked is orders of the book in the order of their addition, and the numbers that the pages
// around them begin and end with. Numbers count from 1; 0: there is no such page.
type picked struct {
	orders []Order
	// the last order's number, if others may fit behind it
	next int
	// the first order's number, if others may fit before it
	prev int
}

// after picks the oldest orders whose number in the book is above a number. It does not know
// whether others fit before them: prev is the first one's number unless it begins with the book.
func (b *orderBook) after(number, limit int, fits func(*Order) bool) (p picked) {
	b.mu.Lock()
	defer b.mu.Unlock()
	last := 0
	for i := number; i < len(b.sequence); i++ {
		order := b.current(b.sequence[i])
		if !fits(&order) {
			continue
		}
		if len(p.orders) == limit {
			p.next = last
			return p
		}
		if p.orders, last = append(p.orders, order), i+1; p.prev == 0 && number > 0 {
			p.prev = last
		}
	}
	return p
}

// before picks the newest orders whose number in the book is below a number. It does not know
// whether others fit behind them: next is the last one's number in any case.
func (b *orderBook) before(number, limit int, fits func(*Order) bool) (p picked) {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := 0
	for i := min(number-1, len(b.sequence)) - 1; i >= 0; i-- {
		order := b.current(b.sequence[i])
		if !fits(&order) {
			continue
		}
		if len(p.orders) == limit {
			p.prev = first
			break
		}
		if p.orders, first = append(p.orders, order), i+1; p.next == 0 && number <= len(b.sequence) {
			p.next = first
		}
	}
	slices.Reverse(p.orders)
	return p
}

// orderFilter reads the parameters that select orders: state, and search, a part of out_trade_no.
func orderFilter(values url.Values) (fits func(*Order) bool, err error) {
	state, search := TradeState(values.Get("state")), values.Get("search")
	if state != "" && !slices.Contains(tradeStates(), state) {
		return nil, invalid("state: %q must be one of %s", state, list(tradeStates()))
	}
	return func(o *Order) bool {
		return (state == "" || o.State == state) && strings.Contains(o.OutTradeNo, search)
	}, nil
}

// adminOrders shows a page of the orders, oldest addition first; of combined ones the parts. The
// first page has the oldest, and before names one that ends with the newest.
func (g *Gateway) adminOrders(r *http.Request) (int, any, error) {
	q, err := readPage(r, "state", "search", "after", "before", "limit")
	if err != nil {
		return 0, nil, err
	}
	fits, err := orderFilter(q.values)
	if err != nil {
		return 0, nil, err
	}
	var found picked
	if q.hasBefore {
		found = g.orders.before(q.before, q.limit, fits)
	} else {
		found = g.orders.after(q.after, q.limit, fits)
	}
	views := make([]orderView, len(found.orders))
	for i := range found.orders {
		views[i] = newOrderView(&found.orders[i])
	}
	p := page{rows: views}
	if found.next > 0 {
		p.next = q.from("after", found.next)
	}
	if found.prev > 0 {
		p.prev = q.from("before", found.prev)
	}
	return http.StatusOK, p, nil
}
