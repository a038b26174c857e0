package paygate_test

import (
	"fmt"
	"strings"
	"testing"

	"cloudpay/pkg/paygate"
)

// pattern closes n orders and returns one letter each: x where the fault met the close. Queries
// between them, which the fault is not for, must not disturb its draws.
func (s *session) pattern(prefix string, n int, queries bool) string {
	s.t.Helper()
	var met strings.Builder
	for i := range n {
		no := fmt.Sprintf("%s%d", prefix, i)
		s.order(no)
		if queries {
			s.v3(s.queryV3(no))
		}
		if s.v3(s.closeV3(no)).status == 500 {
			met.WriteString("x")
		} else {
			met.WriteString(".")
		}
	}
	return met.String()
}

// half is a fault of every other close, as drawn.
func half(seed uint64) paygate.Fault {
	return paygate.Fault{Action: paygate.SystemError, Op: "close", Probability: 0.5, Seed: seed}
}

// TestProbability: which requests a fault meets follows from its seed alone, and is neither all nor
// none of them.
func TestProbability(t *testing.T) {
	t.Parallel()
	const n = 40
	run := func(options paygate.Options, fault paygate.Fault, queries bool) string {
		s := start(t, options)
		s.MustInject(fault)
		return s.pattern("P", n, queries)
	}
	seven := run(paygate.Options{}, half(7), false)
	if met := strings.Count(seven, "x"); met < n/4 || met > n*3/4 {
		t.Errorf("a half of %d closes is %d: %s", n, met, seven)
	}
	for name, test := range map[string]struct {
		options paygate.Options
		seed    uint64
		queries bool
		same    bool
	}{
		"the same seed":         {paygate.Options{}, 7, false, true},
		"with queries between":  {paygate.Options{}, 7, true, true},
		"the gateway's seed":    {paygate.Options{Seed: 7}, 0, false, true},
		"another seed":          {paygate.Options{}, 8, false, false},
		"another one's default": {paygate.Options{Seed: 8}, 0, false, false},
	} {
		if got := run(test.options, half(test.seed), test.queries); (got == seven) != test.same {
			t.Errorf("%s: got %s, and before %s: want the same is %t", name, got, seven, test.same)
		}
	}
	one := half(7)
	one.OutTradeNo, one.Probability = "P0", 1
	if got := run(paygate.Options{}, one, false); got != "x"+strings.Repeat(".", n-1) {
		t.Errorf("always, and one order: got %s", got)
	}
}

// TestUnlikeFaultsDrawApart: two faults with one seed do not always meet the same requests.
func TestUnlikeFaultsDrawApart(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.MustInject(half(0))
	s.MustInject(paygate.Fault{Action: paygate.Oversize, Op: "close", Probability: 0.5})
	s.pattern("U", 40, false)
	seen := map[string]bool{}
	for _, row := range s.Requests() {
		seen[fmt.Sprint(row.Faults)] = true
	}
	for _, want := range []string{"[]", "[system-error]", "[oversize]"} {
		if !seen[want] {
			t.Errorf("no close met %s: %v", want, seen)
		}
	}
}

// TestCountedDraws: of a fault with both, times counts the requests that it met.
func TestCountedDraws(t *testing.T) {
	t.Parallel()
	s := start(t)
	fault := half(7)
	fault.Times = 3
	s.MustInject(fault)
	if got := s.pattern("C", 40, false); strings.Count(got, "x") != 3 {
		t.Errorf("got %s, want three met", got)
	}
	if left := s.Faults(); len(left) != 0 {
		t.Errorf("a fault that is used up is still there: %+v", left)
	}
}

// TestFaultIDs: a fault can be removed alone, by an id that is not used again.
func TestFaultIDs(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.admin("POST", "/faults", `{"action":"drop","probability":0.25,"seed":9}`).wantStatus(201).
		wantJSON(map[string]any{"id": 1.0, "probability": 0.25, "seed": 9.0})
	s.admin("POST", "/faults", `{"action":"pay"}`).wantStatus(201).wantJSON(map[string]any{"id": 2.0})
	s.admin("DELETE", "/faults/1", "").wantStatus(204)
	s.admin("DELETE", "/faults/1", "").wantError(404, `there is no fault "1" to come`)
	s.admin("DELETE", "/faults/one", "").wantError(404, `there is no fault "one" to come`)
	if left := s.admin("GET", "/faults", "").list(); len(left) != 1 || left[0]["id"] != 2.0 {
		t.Errorf("got %v, want the second alone", left)
	}
	s.admin("DELETE", "/faults", "").wantStatus(204)
	s.admin("POST", "/faults", `{"id":2,"action":"pay"}`).wantStatus(201).wantJSON(map[string]any{"id": 3.0})
	s.admin("POST", "/faults", `{"action":"pay","probability":1.5}`).wantError(400, "probability: 1.5 must be from 0 to 1")
}

// TestActionsList: GET /fault-actions lists what can be injected, and nothing else: every action
// for every operation is accepted if and only if the list has the pair.
func TestActionsList(t *testing.T) {
	t.Parallel()
	s := start(t)
	pairs, names := map[string]map[string]any{}, map[string]bool{}
	for _, row := range s.admin("GET", "/fault-actions", "").wantStatus(200).list() {
		ops, _ := row["ops"].([]any)
		for _, op := range ops {
			pairs[fmt.Sprint(row["action"], " ", op)] = row
		}
		names[fmt.Sprint(row["action"])] = true
	}
	for _, action := range paygate.Actions() {
		if !names[string(action)] {
			t.Errorf("%s is not listed", action)
		}
	}
	for action := range names {
		for _, op := range []string{"close", "query", "place", "reverse", "refund", "refund-query", "echo", "certificates", "notify"} {
			row, listed := pairs[action+" "+op]
			fault := fmt.Sprintf(`{"match":{"op":%q},"action":%q%s}`, op, action, fieldsOf(row))
			if got := s.admin("POST", "/faults", fault).status; (got == 201) != listed {
				t.Errorf("%s: got %d, and listed is %t", fault, got, listed)
			}
		}
	}
}

// fieldsOf are values for the fields that an action reads.
func fieldsOf(row map[string]any) (text string) {
	fields, _ := row["fields"].([]any)
	for _, field := range fields {
		text += map[any]string{"code": `,"code":"SYSTEM_ERROR"`, "http_status": `,"http_status":502`, "delay": `,"delay":"1s"`}[field]
	}
	return text
}

// TestScenario: what goes wrong in one gateway is saved, and goes wrong in another alike.
func TestScenario(t *testing.T) {
	t.Parallel()
	first := start(t)
	first.MustInject(half(7))
	first.MustInject(paygate.Fault{Action: paygate.Refuse, API: "v3", OutTradeNo: "A1", Code: "RULE_LIMIT", HTTPStatus: 418, Times: 2})
	first.admin("POST", "/signing", `{"probe_share":0.25,"notify_by_certificate":true}`).wantStatus(200)
	first.admin("POST", "/domains", `{"backup":"down"}`).wantStatus(200)
	saved := first.Scenario()
	second := start(t)
	second.MustInject(paygate.Fault{Action: paygate.Hang})
	second.admin("POST", "/domains", `{"main":"down"}`).wantStatus(200)
	if err := second.SetScenario(saved); err != nil {
		t.Fatal(err)
	}
	if got := string(second.Scenario()); got != string(saved) {
		t.Errorf("got\n%s\nwant\n%s", got, saved)
	}
	if got := second.Signing(); got.ProbeShare != 0.25 || !got.NotifyByCertificate || !second.DomainUp("main") || second.DomainUp("backup") {
		t.Errorf("got %+v, and the domains main %t, backup %t", got, second.DomainUp("main"), second.DomainUp("backup"))
	}
	if err := second.SetScenario([]byte("{}")); err != nil {
		t.Fatal(err)
	}
	if got := second.Faults(); len(got) != 0 || second.Signing() != (paygate.Signing{}) || !second.DomainUp("backup") {
		t.Errorf("after an empty scenario there are %+v and %+v", got, second.Signing())
	}
}

// TestWrongScenarios: a scenario with any fault changes nothing.
func TestWrongScenarios(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.MustInject(half(7))
	before := string(s.Scenario())
	for text, phrase := range map[string]string{
		``:                                     "not JSON",
		`[]`:                                   "must be an object",
		`{} {}`:                                "nothing after it",
		`{"fault":[]}`:                         `unknown field "fault"`,
		`{"faults":[{"action":"explode"}]}`:    "fault 1: action",
		`{"faults":[{"action":"drop","x":1}]}`: `fault 1: unknown field "x"; known here: id, match.op`,
		`{"faults":[{"action":"drop"},{"action":"delay","delay":"long"}]}`:    "fault 2: delay",
		`{"faults":[{"action":"drop"}],"signing":{"probe_share":2}}`:          "probe_share: 2 must be from 0 to 1",
		`{"faults":[{"action":"drop"}],"domains":{"main":"sideways"}}`:        `main: "sideways" must be up or down`,
		`{"domains":{"main":"down"},"faults":[{"action":"drop","times":-1}]}`: "times: -1",
	} {
		err := s.SetScenario([]byte(text))
		if err == nil || !strings.Contains(err.Error(), phrase) {
			t.Errorf("%s: got the error %v, want %q", text, err, phrase)
		}
		if got := string(s.Scenario()); got != before {
			t.Errorf("%s: it has changed\n%s\nto\n%s", text, before, got)
		}
	}
}
