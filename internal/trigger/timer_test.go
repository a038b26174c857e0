package trigger_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"cloudpay/internal/hosting"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/trigger"
)

var fromTimer = map[string]string{"TRIGGER_SRC": "timer"}

func TestTimerSweeps(t *testing.T) {
	t.Parallel()
	for form, event := range timerForms {
		k := newKit(t).strict().store(nil)
		reply, err := k.handle(text(event("")), fromTimer)
		if err != nil || reply != `{"claimed":1}` || k.swept != 1 || len(k.asked) != 0 {
			t.Errorf("%s: got %s, %v, swept %d times", form, reply, err, k.swept)
		}
		k.wantLog(map[string]any{"msg": "sweep", "op": "close", "trigger": form, "caller": "timer", "identifiedBy": "timer", "timer": "sweep", "level": "INFO"})
		if report, _ := k.lines()[0]["report"].(map[string]any); report["claimed"] != 1.0 {
			t.Errorf("%s: got report %v in the log, want what the timer got", form, report)
		}
	}
}

// While the timer's token is rotated, a trigger may have either value, or both: its description and
// the function's setting are one variable. Nothing beside them passes.
func TestTimersTokenOfTwoValues(t *testing.T) {
	t.Parallel()
	const next = "next-kR7vQm2wZp9TnW4b"
	for message, want := range map[string]int{
		timerToken: 1, next: 1, timerToken + " " + next: 1, " " + next + "\n": 1,
		timerToken + " x": 0, timerToken + next: 0, timerToken + "," + next: 0, " ": 0,
	} {
		k := newKit(t).strict().store(nil)
		k.fn.Access.Timer = trigger.NewToken(next, timerToken)
		if reply, err := k.handle(text(timerForms["scf-timer"](message)), nil); err != nil || k.swept != want {
			t.Errorf("%q: got %s, %v, swept %d times, want %d", message, reply, err, k.swept, want)
		}
	}
}

// EventBridge can be told to send an event in SCF's words, and to name more in it.
func TestTimerInSCFsWordsOnLambda(t *testing.T) {
	t.Parallel()
	k := newKit(t).strict().store(nil)
	k.on = hosting.Lambda
	if reply, err := k.handle(`{"Type":"Timer","TriggerName":"nightly","note":"ours"}`, nil); err != nil || k.swept != 1 {
		t.Errorf("got %s, %v", reply, err)
	}
}

// What keeps a sweep from happening is reported, and logged as the error that it is.
func TestTimersThatSweepNothing(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, event string
		change      func(*kit)
		env         map[string]string
		code, says  string
		logged      string
	}{
		{"no store", "", func(k *kit) { k.fn.Sweep = nil }, fromTimer, "CONFIG_ERROR", "CLOUDPAY_STORE", "CLOUDPAY_STORE"},
		{"broken", "", func(k *kit) { k.fn.Broken = errors.New("WXPAY_MCHID is not set") }, fromTimer, "CONFIG_ERROR", "WXPAY_MCHID", "WXPAY_MCHID"},
		{
			"broken, and nobody's", "", func(k *kit) { k.fn.Broken = errors.New("WXPAY_MCHID is not set") }, nil,
			"CONFIG_ERROR", "is not configured", "WXPAY_MCHID",
		},
		{"nobody's", "", nil, nil, "NOAUTH", "may not do that", "CLOUDPAY_TIMER_TOKEN"},
		{"a user's", "", nil, user, "NOAUTH", "may not do that", "this caller may not"},
		{
			"a wrong token", `{"Type":"Timer","TriggerName":"sweep","service_token":"guess-Xy81LkQw03Ns5Vbt"}`, nil, fromTimer,
			"NOAUTH", "may not do that", "out of date",
		},
		{"unreadable", `{"Type":"Timer","TriggerName":"sweep","Message":7}`, nil, fromTimer, "PARAM_ERROR", "must be a string", "must be a string"},
		{"a panic", "", func(k *kit) { k.fn.Sweep = func(context.Context) (any, error) { panic("ours") } }, fromTimer, "INTERNAL_ERROR", "next sweep", "next sweep"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t).strict().store(nil)
			if tc.change != nil {
				tc.change(k)
			}
			if tc.event == "" {
				tc.event = text(timerForms["scf-timer"](""))
			}
			if tc.code == errcode.ConfigError && tc.env != nil {
				k.fails(tc.event, tc.env, tc.says)
				k.wantLog(map[string]any{"msg": "sweep", "level": "ERROR", "errCode": tc.code})
				return
			}
			got := k.invoke(tc.event, tc.env)
			if msg, _ := got["returnMsg"].(string); len(got) != 3 || got["returnCode"] != "FAIL" || got["errCode"] != tc.code || !strings.Contains(msg, tc.says) {
				t.Errorf("got %v, want FAIL %s %q", got, tc.code, tc.says)
			}
			if logs := k.logs.String(); k.swept != 0 || !strings.Contains(logs, tc.logged) || strings.Contains(logs, "guess-") {
				t.Errorf("swept %d times, and the log is %s", k.swept, logs)
			}
			k.wantLog(map[string]any{"msg": "sweep", "level": "ERROR", "errCode": tc.code})
		})
	}
}

// A sweep that could begin nothing fails, and the platform tries again.
func TestSweepThatFails(t *testing.T) {
	t.Parallel()
	k := newKit(t).strict().store(nil)
	down := errors.New("the store is down")
	k.fn.Sweep = func(context.Context) (any, error) { return nil, down }
	if reply, err := k.handle(text(timerForms["scf-timer"]("")), fromTimer); !errors.Is(err, down) || err.Error() != "sweeping: the store is down" {
		t.Errorf("got %s, %v", reply, err)
	}
	k.wantLog(map[string]any{"msg": "sweep", "level": "ERROR", "error": "the store is down"})

	k.fn.Sweep = func(context.Context) (any, error) { return math.NaN(), nil }
	if reply, err := k.handle(text(timerForms["scf-timer"]("")), fromTimer); err == nil {
		t.Errorf("a report that JSON cannot say: got %s", reply)
	}
}
