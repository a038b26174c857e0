//go:build sqlite

package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// An alarmRule is a rule of docs/alarms, as the log service evaluates it at the end of each minute.
type alarmRule interface {
	// name is the rule's, the same at each service.
	name() string
	// fires evaluates it.
	fires(l *alarmLog) bool
}

// logLine is a line of JSON with the minute in which it was logged.
type logLine struct {
	minute int
	text   string
	fields map[string]any
}

// invocation is one that the platform counts.
type invocation struct {
	minute int
	failed bool
}

// alarmLog is what a log service has at the end of a minute.
type alarmLog struct {
	now         int
	lines       []logLine
	invocations []invocation
}

// within are the lines of the last minutes.
func (l *alarmLog) within(minutes int) []logLine {
	from := len(l.lines)
	for from > 0 && l.lines[from-1].minute > l.now-minutes {
		from--
	}
	return l.lines[from:]
}

// service is a log service with the rules of one of our files.
type service struct {
	rules []alarmRule
	// fired are the minutes in which a rule fired.
	fired map[string][]int
}

// onCall watches a function's log with every file of docs/alarms.
type onCall struct {
	t        *testing.T
	log      alarmLog
	services map[string]*service
}

func newOnCall(t *testing.T, mchID string) *onCall {
	t.Helper()
	w := &onCall{t: t, services: map[string]*service{
		"CLS":               {rules: clsRules(t)},
		"CloudWatch":        {rules: cloudWatchAlarms(t, map[string]string{})},
		"CloudWatch by EMF": {rules: cloudWatchAlarms(t, map[string]string{"Metrics": "emf", "MchId": mchID})},
	}}
	for _, s := range w.services {
		s.fired = map[string][]int{}
	}
	return w
}

// minute gives the services a minute's lines and invocations, and evaluates all rules.
func (w *onCall) minute(text string, invocations ...bool) {
	w.t.Helper()
	for line := range strings.Lines(text) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			w.t.Fatalf("the log has %s: %v", line, err)
		}
		w.log.lines = append(w.log.lines, logLine{w.log.now, line, fields})
	}
	for _, failed := range invocations {
		w.log.invocations = append(w.log.invocations, invocation{w.log.now, failed})
	}
	for _, s := range w.services {
		for _, rule := range s.rules {
			if rule.fires(&w.log) {
				s.fired[rule.name()] = append(s.fired[rule.name()], w.log.now)
			}
		}
	}
	w.log.now++
}

// want wants each service to have fired these rules, and no others, from a minute to before
// another.
func (w *onCall) want(from, to int, rules ...string) {
	w.t.Helper()
	w.wantBut("", from, to, rules...)
}

// wantBut is want where one rule more may fire, by what a sweep was doing at the moment.
func (w *onCall) wantBut(may string, from, to int, rules ...string) {
	w.t.Helper()
	slices.Sort(rules)
	for name, s := range w.services {
		got := slices.DeleteFunc(s.between(from, to), func(rule string) bool { return rule == may })
		if !slices.Equal(got, rules) {
			w.t.Errorf("%s, minutes %d to %d: %v fired, want %v", name, from, to, got, rules)
		}
	}
}

// between are the rules that fired from a minute to before another.
func (s *service) between(from, to int) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s.fired)) {
		if slices.ContainsFunc(s.fired[name], func(at int) bool { return from <= at && at < to }) {
			names = append(names, name)
		}
	}
	return names
}

// readAlarms reads a file of docs/alarms.
func readAlarms(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "alarms", file))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// watched is a register whose functions' log is watched. Its time passes by the minute.
type watched struct {
	*registerEnv
	*onCall

	// clock is the file that the functions read their clock from.
	clock  string
	passed time.Duration
	// quiet: no timer fires.
	quiet bool
	// invocations are those of this minute: whether each failed.
	invocations []bool
}

func newWatched(t *testing.T, k *registerEnv) *watched {
	t.Helper()
	w := &watched{registerEnv: k, onCall: newOnCall(t, k.Merchant.MchID), clock: filepath.Join(t.TempDir(), "clock")}
	k.vars["CLOUDPAY_METRICS"] = "emf"
	k.vars["CLOUDPAY_EMULATOR_CLOCK"] = w.clock
	w.pass(0)
	return w
}

// pass moves the functions' clock on.
func (w *watched) pass(by time.Duration) {
	w.registerEnv.t.Helper()
	w.passed += by
	if err := os.WriteFile(w.clock, []byte(w.passed.String()), 0o600); err != nil {
		w.registerEnv.t.Fatal(err)
	}
}

// timer fires a function's timer.
func (w *watched) timer(name string) {
	w.registerEnv.t.Helper()
	_, err := w.tryAsk(name, timerEvent, fromTimer)
	w.invocations = append(w.invocations, err != nil)
}

// call has a service call a function, whatever the result.
func (w *watched) call(name, event string) string {
	w.registerEnv.t.Helper()
	reply, err := w.tryAsk(name, strings.Replace(event, "{", `{"service_token":"`+serviceToken+`",`, 1), nil)
	w.invocations = append(w.invocations, err != nil)
	return reply
}

// minutes lets minutes pass, each with closeorder's timer, and after what happens in it.
func (w *watched) minutes(n int, happens func(minute int)) {
	w.registerEnv.t.Helper()
	for range n {
		if happens != nil {
			happens(w.log.now)
		}
		if !w.quiet {
			w.timer("closeorder")
		}
		text := w.logs.String()
		w.logs.Reset()
		w.minute(text, w.invocations...)
		w.invocations = nil
		w.pass(time.Minute)
	}
}

// everything is all that was logged, with the minute before each line.
func (w *watched) everything() string { return w.loggedAs(func(logLine) bool { return true }) }

// errors are the errors that were logged, with the minute before each line.
func (w *watched) errors() string {
	return w.loggedAs(func(line logLine) bool { return line.fields["level"] == "ERROR" })
}

func (w *watched) loggedAs(which func(logLine) bool) string {
	var b strings.Builder
	for _, line := range w.log.lines {
		if which(line) {
			fmt.Fprintf(&b, "%d %s", line.minute, line.text)
		}
	}
	return b.String()
}
