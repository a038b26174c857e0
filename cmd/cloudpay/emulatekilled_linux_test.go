package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"cloudpay/internal/store/storetest"
)

// An emulator that is killed at any moment leaves no process, and a world that the next one in the
// folder goes on with: whatever was answered is there, and WeChat Pay and the register agree. It is
// killed while orders are placed, registered, paid, notified, closed by calls and by timers. At the
// end every order has one end in both, every payment was notified, and every end was told.
func TestEmulateKilled(t *testing.T) {
	t.Parallel()
	kills := 30
	if text := os.Getenv("CLOUDPAY_TEST_KILLS"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	s := newSite(t)
	dir := s.folder()
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})) // 200 acknowledges
	t.Cleanup(receiver.Close)
	l := &ledger{notify: receiver.URL, answered: map[string]string{}, registered: map[string]bool{}}
	for round := range kills {
		d := s.emulate(dir).open()
		l.check(d)
		l.begin(1 + round*7%40)
		var clients sync.WaitGroup
		for n := range 3 {
			clients.Go(func() { l.work(d, fmt.Sprintf("R%d-%d-", round, n)) })
		}
		// What an earlier round has registered becomes due, and the timers close it.
		clients.Go(func() { d.manage(http.MethodPost, "/clock", `{"advance":"6m"}`) })
		gone := make(chan struct{})
		go func() {
			clients.Wait()
			close(gone)
		}()
		select {
		case <-l.full:
		case <-gone:
			t.Fatalf("round %d: the clients gave up before the kill:\n%s", round, d.output.String())
		}
		d.kill() // with four requests on their way
		<-gone
	}
	d := s.emulate(dir).open()
	l.check(d)
	l.settle(d)
	l.check(d)
	d.stop()
	t.Logf("%d orders were placed between %d kills", len(l.answered), kills)
}

// ledger is what the clients were answered.
type ledger struct {
	notify string // where payments are notified

	mu sync.Mutex
	// by order number: the state at WeChat Pay that was answered last
	answered   map[string]string
	registered map[string]bool
	// how many answers are still to come before the process is killed
	left int
	full chan struct{} // closed then
}

// begin begins a round that ends with so many answers.
func (l *ledger) begin(answers int) { l.left, l.full = answers, make(chan struct{}) }

// note notes an answer.
func (l *ledger) note(number, state string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if state == "registered" {
		l.registered[number] = true
	} else {
		l.answered[number] = state
	}
	if l.left--; l.left == 0 {
		close(l.full)
	}
}

// work places orders, registers them, and pays or closes them, until the emulator is gone. What the
// timers close before it is paid cannot be paid.
func (l *ledger) work(d shop, prefix string) {
	for i := 0; ; i++ {
		number := fmt.Sprint(prefix, i)
		if !d.place(number, `,"notify_url":"`+l.notify+`"`) {
			return
		}
		l.note(number, "NOTPAY")
		r, err := d.close(`{"out_trade_no":"` + number + `","close_at":300}`)
		if err == nil && r.Outcome == "scheduled" {
			l.note(number, "registered")
		}
		switch i % 3 {
		case 0:
			if status, _ := d.manage(http.MethodPost, "/orders/"+number+"/pay", ""); status == http.StatusOK {
				l.note(number, "SUCCESS")
			}
		case 1:
			if r, err = d.close(`{"out_trade_no":"` + number + `"}`); err == nil && (r.Outcome == "closed" || r.Outcome == "alreadyClosed") {
				l.note(number, "CLOSED")
			}
		}
	}
}

// check compares what WeChat Pay and the register have with what was answered, and with each other.
func (l *ledger) check(d shop) {
	d.Helper()
	states, endings := d.states(), d.endings()
	for number, want := range l.answered {
		// What was on its way when the process ended may have happened, and a timer may have fired.
		if state := states[number]; state != want && (want != "NOTPAY" || state != "SUCCESS" && state != "CLOSED") {
			d.Errorf("order %s is %q at WeChat Pay, and %s was answered", number, state, want)
		}
	}
	for number := range l.registered {
		switch end, there := endings[number]; {
		case !there:
			d.Errorf("order %s was registered, and is not in the register", number)
		case l.answered[number] == "CLOSED" && end != "closed":
			d.Errorf("order %s was closed, and ended as %q in the register", number, end)
		}
	}
	for number, end := range endings {
		want, known := map[string]string{"": states[number], "closed": "CLOSED", "paid": "SUCCESS"}[end]
		if !known || states[number] != want {
			d.Errorf("order %s ended as %q in the register, and is %q at WeChat Pay", number, end, states[number])
		}
	}
	notified := d.notified()
	for number, state := range states {
		if want := map[string]int{"SUCCESS": 1}[state]; notified[number].count != want {
			d.Errorf("order %s is %s, and has %d notifications", number, state, notified[number].count)
		}
	}
	events := map[string]int{}
	d.rows("SELECT out_trade_no, COUNT(*) FROM cloudpay_events GROUP BY out_trade_no", func(number, count string) {
		events[number], _ = strconv.Atoi(count)
	})
	for number, end := range endings {
		if ended := end != ""; ended != (events[number] == 1) || events[number] > 1 {
			d.Errorf("order %s ended as %q, and has %d events", number, end, events[number])
		}
	}
}

// settle lets time pass until every order has ended, was notified and told.
func (l *ledger) settle(d shop) {
	d.Helper()
	waitUntil(d.T, func() bool {
		if status, answer := d.manage(http.MethodPost, "/clock", `{"advance":"6m"}`); status != http.StatusOK {
			d.Fatal(status, answer)
		}
		untold := 0
		d.rows("SELECT 'untold', COUNT(*) FROM cloudpay_events WHERE delivered_at IS NULL", func(_, count string) {
			untold, _ = strconv.Atoi(count)
		})
		open := slices.Contains(slices.Collect(maps.Values(d.endings())), "")
		unnotified := slices.ContainsFunc(slices.Collect(maps.Values(d.notified())), func(n notification) bool { return n.state != "acknowledged" })
		return untold == 0 && !open && !unnotified
	})
}

// states are the orders' at WeChat Pay, by their numbers.
func (d shop) states() map[string]string {
	d.Helper()
	states := map[string]string{}
	var orders []struct {
		Number string `json:"out_trade_no"`
		State  string `json:"state"`
	}
	d.read("/orders?limit=10000", &orders)
	for _, order := range orders {
		states[order.Number] = order.State
	}
	return states
}

// notification is what became of an order's notifications.
type notification struct {
	count int
	state string
}

// notified are the notifications, by the numbers of their orders.
func (d shop) notified() map[string]notification {
	d.Helper()
	found := map[string]notification{}
	for after := ""; ; {
		var page struct {
			Notifications []struct {
				Number string `json:"out_trade_no"`
				State  string `json:"state"`
			} `json:"notifications"`
			Next string `json:"next"`
		}
		d.read("/notifications?limit=1000"+after, &page)
		for _, n := range page.Notifications {
			found[n.Number] = notification{found[n.Number].count + 1, n.State}
		}
		if page.Next == "" {
			return found
		}
		after = "&after=" + page.Next
	}
}

// read reads from the management API.
func (d shop) read(path string, into any) {
	d.Helper()
	status, answer := d.manage(http.MethodGet, path, "")
	if err := json.Unmarshal([]byte(answer), into); status != http.StatusOK || err != nil {
		d.Fatalf("%s: %d %s", path, status, answer)
	}
}

// rows passes the rows of a query in the register, of two columns each. An emulator that has not
// said where its register is has it in its folder.
func (d shop) rows(query string, row func(first, second string)) {
	d.Helper()
	db := storetest.Raw(d.T, cmp.Or(d.Env["CLOUDPAY_STORE"], "sqlite:"+filepath.Join(d.dir, "orders.db")))
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(d.Context(), query)
	if err != nil {
		d.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var first, second string
		if err := rows.Scan(&first, &second); err != nil {
			d.Fatal(err)
		}
		row(first, second)
	}
	if err := rows.Err(); err != nil {
		d.Fatal(err)
	}
}
