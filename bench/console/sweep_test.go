package console_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// A sweep is begun by its button and its report is there; the event that came of it is delivered
// again by its button, and the event sink has it twice.
func TestSweepAndEventsOnPage(t *testing.T) {
	w := ownWorld(t, "--no-timers")
	const number = "W1"
	w.place(t, number)
	w.register(t, number, 1)
	w.must(t, http.MethodPost, w.AdminURL+"/clock", `{"advance":"10m"}`)
	p := openTab(t, w.ConsoleURL, look{})
	p.visit("/sweep")
	p.says(number) // among those that are next
	p.leave(func() { p.clickOn(`document.querySelector('button[name="function"][value="closeorder"]')`) })
	p.until(`document.querySelectorAll('#reports-title ~ .scroll tbody tr').length === 1`)
	// One order was due, and it was closed.
	if counts := eval[[]string](p, `[...document.querySelectorAll('#reports-title ~ .scroll tbody td')].slice(3, 5).map((e) => e.innerText.trim())`); !slices.Equal(counts, []string{"1", "1"}) {
		t.Errorf("the report has %q as due and closed, want one each", counts)
	}
	p.visit("/events")
	p.live()
	p.says(number)
	again := `document.querySelector('button[id^="again-all-"]')`
	p.leave(func() { p.clickOn(again) })
	var sunk []struct{ Verdict string }
	p.says(number)
	p.leave(func() { p.click("Deliver now") })
	p.until(`document.querySelectorAll('#sink-title ~ .scroll tbody tr').length >= 2`)
	if text := w.must(t, http.MethodGet, w.EventsURL+"/events?order="+number, ""); json.Unmarshal([]byte(text), &sunk) != nil || len(sunk) != 2 {
		t.Errorf("the event sink has %s, want the event twice", text)
	}
	for i, event := range sunk {
		if event.Verdict != "ok" {
			t.Error(fmt.Sprint(i), event.Verdict)
		}
	}
	p.wantNoComplaints("/sweep and /events")
}
