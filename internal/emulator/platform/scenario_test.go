package platform_test

import (
	"net/http"
	"strings"
	"testing"

	"cloudpay/internal/emulator/platform"
)

// TestFaultIDs: a fault of the cloud can be removed alone, and the list of actions says what each
// needs.
func TestFaultIDs(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	for i, fault := range []string{`{"action":"throttle","probability":0.5,"seed":7}`, `{"action":"cold-start","delay":"2s"}`} {
		got := c.send(http.MethodPost, "/v1/faults", fault)
		if want := `"id":` + string(rune('1'+i)); got.status != 201 || !strings.Contains(got.body, want) {
			t.Errorf("%s: got %d %s, want %s", fault, got.status, got.body, want)
		}
	}
	for _, test := range []struct {
		method, path string
		status       int
		words        string
	}{
		{http.MethodDelete, "/v1/faults/1", 204, ""},
		{http.MethodDelete, "/v1/faults/1", 404, `there is no fault \"1\" to come`},
		{http.MethodDelete, "/v1/faults/x", 404, `there is no fault \"x\" to come`},
		{http.MethodGet, "/v1/faults/2", 404, "INVALID_PATH"},
		{http.MethodGet, "/v1/faults", 200, `[{"id":2,"action":"cold-start","delay":"2s"}]`},
		{http.MethodGet, "/v1/fault-actions", 200, `{"action":"cold-start","fields":["delay"]}`},
		{http.MethodPost, "/v1/fault-actions", 404, "INVALID_PATH"},
		{http.MethodDelete, "/v1/faults", 204, ""},
		{http.MethodGet, "/v1/faults", 200, "[]"},
	} {
		if got := c.send(test.method, test.path, ""); got.status != test.status || !strings.Contains(got.body, test.words) {
			t.Errorf("%s %s: got %d %s, want %d %s", test.method, test.path, got.status, got.body, test.status, test.words)
		}
	}
}

// TestScenario: the faults of one cloud are set in another, all or none.
func TestScenario(t *testing.T) {
	t.Parallel()
	first, second := serveCloud(t, &platform.Cloud{}), serveCloud(t, &platform.Cloud{})
	first.inject(platform.Fault{Action: "throttle", Function: "hello", Probability: 0.5, Seed: 7, Times: 3})
	first.inject(platform.Fault{Action: "lost-answer"})
	second.inject(platform.Fault{Action: "duplicate"})
	saved := string(first.world.Scenario())
	for text, phrase := range map[string]string{
		"": "EOF", "[]": "cannot unmarshal", `{"x":1}`: `unknown field "x"`,
		`{"faults":[{"action":"throttle"},{"action":"melt"}]}`:                       `fault 2: action`,
		`{"faults":[{"action":"cold-start","delay":"long"}]}`:                        "fault 1: delay",
		`{"faults":[{"action":"throttle","function":"away"},{"action":"throttle"}]}`: "fault 1: function",
	} {
		if err := second.world.SetScenario([]byte(text)); err == nil || !strings.Contains(err.Error(), phrase) {
			t.Errorf("%s: got the error %v, want %q", text, err, phrase)
		}
	}
	if got, want := string(second.world.Scenario()), `{"faults":[{"action":"duplicate"}]}`; got != want {
		t.Errorf("after wrong scenarios: got %s, want %s", got, want)
	}
	if err := second.world.SetScenario([]byte(saved)); err != nil {
		t.Fatal(err)
	}
	want := `{"faults":[{"function":"hello","action":"throttle","times":3,"probability":0.5,"seed":7},{"action":"lost-answer"}]}`
	if got := string(second.world.Scenario()); got != want || got != saved {
		t.Errorf("got  %s\nwant %s\nof   %s", got, want, saved)
	}
}
