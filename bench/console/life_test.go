package console_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// A request that is signed with another key, and one that lacks one character in its string to
// sign, show up as they come. Each is explained, and the character is marked.
func TestWrongKey(t *testing.T) {
	w := theWorld(t)
	right, err := w.key()
	if err != nil {
		t.Fatal(err)
	}
	const bits = 2048
	other, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	for _, as := range []look{{}, {chinese: true}} {
		p := openTab(t, w.ConsoleURL, as)
		p.visit("/requests?cause=v3-key-other")
		p.live()
		rows := eval[int](p, `document.querySelectorAll('#live tr').length`)
		if err := w.query(waitingOrder, other, signsRight); err != nil {
			t.Fatal(err)
		}
		p.until(fmt.Sprintf(`document.querySelectorAll('#live tr').length > %d`, rows))
		p.leave(func() { p.clickOn(`document.querySelector('#live tr a[href^="/requests/"]')`) })
		p.says("v3-key-other")
		p.says(as.T("Remedy", "处理办法"))
		p.says(as.T("Which string was signed is not known", "不知道实际签名的是哪一串"))

		if err := w.query(waitingOrder, right, lacksLineFeed); err != nil {
			t.Fatal(err)
		}
		refused, err := w.lastRefused()
		if err != nil {
			t.Fatal(err)
		}
		p.visit(refused)
		p.says("v3-last-line-feed")
		p.says(as.T("Remedy", "处理办法"))
		// The last line feed is marked where it was expected, and its place where it is missing.
		marked := eval[[]string](p, `[...document.querySelectorAll('pre')].map((e) => [...e.querySelectorAll('mark')].map((m) => m.textContent.trim()).join('|'))`)
		if want := []string{"⏎", "▯"}; !slices.Equal(marked, want) {
			t.Errorf("%s: got the marks %q, want %q", as, marked, want)
		}
		p.wantNoComplaints(refused)
	}
}

// After an advance by half an hour the open page shows that the order closed by itself, and that
// its event arrived.
func TestTimePasses(t *testing.T) {
	w := ownWorld(t)
	const number, seconds = "D1", 25 * 60
	w.place(t, number)
	w.register(t, number, seconds)
	order := openTab(t, w.ConsoleURL, look{})
	order.visit("/orders/" + number)
	order.live()
	order.says("NOTPAY")
	order.must(`window.sameDocument = true`)
	clock := openTab(t, w.ConsoleURL, look{})
	clock.visit("/time")
	clock.leave(func() { clock.clickOn(`document.querySelector('button[name="advance"][value="30m"]')`) })
	clock.says("The clock was moved on by 30m")
	clock.says("closed 1") // among the sweeps, of which the others found nothing to do
	order.says("CLOSED")
	order.until(`/event sink[^]*204/.test(document.body.innerText)`)
	order.until(`window.sameDocument`)
	order.wantNoComplaints("the order")
	clock.wantNoComplaints("the clock")
	var sink []struct{ Verdict string }
	if text := w.must(t, http.MethodGet, w.EventsURL+"/events?order="+number, ""); json.Unmarshal([]byte(text), &sink) != nil || len(sink) != 1 || sink[0].Verdict != "ok" {
		t.Errorf("the event sink has %s, want one event, verified", text)
	}
}

// A page that is open while the emulator is killed and started again shows each row once: those
// before, those that were filed as it died, and those that came before the browser was back.
func TestRestartLosesNoRow(t *testing.T) {
	w := ownWorld(t)
	key, err := w.key()
	if err != nil {
		t.Fatal(err)
	}
	const number, each = "K1", 25
	w.place(t, number)
	send := func() {
		t.Helper()
		for range each {
			if err := w.query(number, key, signsRight); err != nil {
				t.Fatal(err)
			}
		}
	}
	p := openTab(t, w.ConsoleURL, look{})
	p.visit("/requests")
	p.live()
	send()
	p.until(fmt.Sprintf(`document.querySelectorAll('#live tr').length === %d`, each))
	send()
	w.kill()
	p.until(`document.getElementById('stream-state').dataset.state === 'off'`)
	p.says("reconnecting")
	if err := w.again(); err != nil {
		t.Fatalf("%v\n%s", err, w.output)
	}
	send()
	p.live()
	send()
	p.until(fmt.Sprintf(`document.querySelectorAll('#live tr').length >= %d`, 4*each))
	var filed []struct{ ID int }
	if err := json.Unmarshal([]byte(w.must(t, http.MethodGet, w.AdminURL+"/requests?limit=1000", "")), &filed); err != nil {
		t.Fatal(err)
	}
	var want []int
	for _, request := range slices.Backward(filed) {
		want = append(want, request.ID)
	}
	got := eval[[]int](p, `[...document.querySelectorAll('#live tr td:first-child')].map((e) => Number(e.textContent))`)
	if !slices.Equal(got, want) {
		t.Errorf("got the rows %v, want %v", got, want)
	}
	if len(want) != 4*each {
		t.Errorf("the history has %d requests, want %d", len(want), 4*each)
	}
}
