package orderfile

import (
	"bufio"
	"io"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// Record is a registered order as a line of JSON, which docs/cli.md describes. Its keys are
// promised to programs, and are not the register's own names: that says FinalState where this says
// ending. Times are UTC, and left out when they are zero. Amounts are in fen.
type Record struct {
	order.Ref

	Owner         order.Owner         `json:"owner,omitempty"`
	SubAppID      string              `json:"subAppid,omitempty"`
	API           order.API           `json:"api,omitempty"`
	Total         *int64              `json:"total,omitempty"`
	CreatedAt     time.Time           `json:"createdAt,omitzero"`
	CloseAt       time.Time           `json:"closeAt,omitzero"`
	CloseIn       *float64            `json:"closeIn,omitempty"` // seconds after registeredAt; nil beside a CloseAt
	RegisteredAt  time.Time           `json:"registeredAt,omitzero"`
	Progress      schedule.Progress   `json:"progress"`
	TradeState    tradestate.State    `json:"tradeState,omitempty"`
	Authenticated bool                `json:"authenticated"`
	ClosingSince  time.Time           `json:"closingSince,omitzero"`
	DueAt         time.Time           `json:"dueAt,omitzero"`
	LeaseUntil    time.Time           `json:"leaseUntil,omitzero"`
	Attempts      int                 `json:"attempts"`
	LastError     string              `json:"lastError,omitempty"`
	Ending        schedule.FinalState `json:"ending,omitempty"`
	TransactionID string              `json:"transactionId,omitempty"`
	PaidTotal     *int64              `json:"paidTotal,omitempty"`
	PaidAt        time.Time           `json:"paidAt,omitzero"`
	EndedAt       time.Time           `json:"endedAt,omitzero"`
	WithdrawnAt   time.Time           `json:"withdrawnAt,omitzero"`
	// Pruned: only what the tombstone has is left.
	Pruned bool `json:"pruned,omitempty"`
	// Changes and Events are there when one order is shown, and not in a list.
	Changes []schedule.Changed `json:"changes,omitempty"`
	Events  []outbox.Event     `json:"events,omitempty"`
}

// NewRecord returns the JSON of a registered order, with its events. The zero time stays zero in
// UTC, so that it is left out.
//
// A record has the facts of the registration, how far the order is, and how it ended.
func NewRecord(r schedule.Record, events ...outbox.Event) Record {
	return Record{
		Ref: r.Ref, Owner: r.Owner, SubAppID: r.SubAppID, API: r.API, Total: r.Total,
		CreatedAt: r.CreatedAt.UTC(), CloseAt: r.CloseAt.UTC(), CloseIn: closeIn(r.Entry), RegisteredAt: r.RegisteredAt.UTC(),
		Progress: r.Progress, TradeState: r.TradeState, Authenticated: r.Authenticated,
		ClosingSince: r.ClosingSince.UTC(), DueAt: r.DueAt.UTC(), LeaseUntil: r.LeaseUntil.UTC(), Attempts: r.Attempts, LastError: r.LastError,
		Ending: r.FinalState, TransactionID: r.TransactionID, PaidTotal: r.PaidTotal, PaidAt: r.PaidAt.UTC(), EndedAt: r.EndedAt.UTC(),
		WithdrawnAt: r.WithdrawnAt.UTC(), Pruned: r.Pruned,
		Events: events,
	}
}

// closeIn is how many seconds after its registration an order is to be closed, which may be none;
// nil for an order with a time.
func closeIn(e schedule.Entry) *float64 {
	if !e.CloseAt.IsZero() {
		return nil
	}
	return new(e.CloseIn.Seconds())
}

// Named reads the orders that arguments name, where - stands for those on standard input, one a
// line. parse turns an argument or a line into an order. At most limit bytes of standard input are
// taken, and a longer list is refused whole: its last line may be half a number. The error names
// the line. All of standard input is read before anything is returned, so that a list with a fault
// in it is not begun.
func Named[T any](args []string, stdin io.Reader, limit int64, parse func(text string) (T, error)) ([]T, error) {
	var all []T
	for i, arg := range args {
		if arg != "-" {
			one, err := parse(arg)
			if err != nil {
				return nil, err
			}
			all = append(all, one)
			continue
		}
		if slices.Contains(args[:i], "-") {
			return nil, bilingual.Errorf("-: standard input can be read once", "-：标准输入只能读取一次")
		}
		listed, err := listed(stdin, limit, parse)
		if err != nil {
			return nil, err
		}
		all = append(all, listed...)
	}
	return all, nil
}

// listed reads one order from each line that is not empty. Spaces around it are not part of it:
// what databases print is padded. A row of the table that `orders list` prints stands for its
// order.
func listed[T any](stdin io.Reader, limit int64, parse func(text string) (T, error)) ([]T, error) {
	var all []T
	limited := &io.LimitedReader{R: stdin, N: limit + 1}
	text := bufio.NewScanner(limited)
	for n := 1; text.Scan(); n++ {
		line := numberIn(text.Text(), n)
		if line == "" {
			continue
		}
		one, err := parse(line)
		if err != nil {
			return nil, bilingual.Errorf("-: line %d: %w", "-：第 %d 行：%w", n, err)
		}
		all = append(all, one)
	}
	if err := text.Err(); err != nil {
		return nil, bilingual.Errorf("-: reading orders: %w", "-：读取订单：%w", err)
	}
	if limited.N == 0 {
		return nil, bilingual.Errorf("-: a list of orders may have %d MiB", "-：订单列表不可超过 %d MiB", limit>>20)
	}
	return all, nil
}

// numberIn is what names an order on the nth line of a list: the line itself or, of a row of
// `orders list`, which begins with a mark, its second cell. It is empty for a line without an
// order: an empty one, or that table's header.
func numberIn(line string, n int) string {
	cells := strings.Fields(line)
	switch {
	case len(cells) > 1 && slices.Contains(render.Marks(), cells[0]):
		return cells[1]
	case len(cells) > 1 && n == 1 && slices.Contains([]string{render.OrderTitle.EN, render.OrderTitle.ZH}, cells[0]):
		return ""
	}
	return strings.TrimSpace(line)
}
