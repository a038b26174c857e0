package console_test

import "testing"

// The event sink's faults are set from two pages by one form, and each page answers its own.
func TestSinkFaults(t *testing.T) {
	t.Parallel()
	for _, on := range []struct{ page, address, heading string }{
		{"/faults", "/faults/events", "<h1>Faults</h1>"}, {"/events", "/events/faults", "<h1>Events</h1>"},
	} {
		address, heading := on.address, on.heading
		w := faulty(t)
		w.set("GET /events", `[]`)
		c := w.open(&fakeRegister{})
		fetch(t, c.URL+on.page, nil).want(200, `<form action="`+address+`" method="post"`, "Refuse events")
		fetch(t, c.URL+address, nil, "status", "503", "times", " 2 ").want(200, heading, "The event sink answers 503 from now on.",
			`-d &#39;{&#34;status&#34;:503,&#34;times&#34;:2}&#39;`)
		w.wantCall(`POST /faults {"status":503,"times":2}`)
		// Without times it refuses until the fault is removed.
		fetch(t, c.URL+address, nil, "status", "503", "times", "").want(200, heading)
		w.wantCall(`POST /faults {"status":503}`)
		for _, fields := range [][]string{{"status", "five", "times", "2"}, {"status", ""}, {"status", "503", "times", "two"}} {
			refused := fetch(t, c.URL+address, nil, fields...)
			refused.want(422, heading, "status and times: whole numbers")
			refused.lacks("from now on")
		}
		// What else is wrong is the sink's to say.
		w.set("POST /faults", `{"error":"status: must be 300 to 599"}`)
		refused := fetch(t, c.URL+address, nil, "status", "204", "times", "1")
		refused.want(422, heading, "must be 300 to 599")
		refused.lacks("from now on")
	}
	w := faulty(t)
	fetch(t, w.open(&fakeRegister{}).URL+"/events/faults/clear", nil, "all", "1").want(200, "takes deliveries again")
	w.wantCall("DELETE /faults")
}
