//go:build sqlite

package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/telemetry/telemetrytest"
	"cloudpay/pkg/paygate"
)

// trouble is one that rules of docs/alarms are for.
type trouble struct {
	rules []string
	// prepare is called before the functions are built.
	prepare func(k *registerEnv)
	// strikes lets it happen. After ends, which may be nil, all is well again.
	strikes, ends func(w *watched)
}

var troubles = map[string]trouble{
	"the configuration is wrong": {
		rules:   []string{"SweepFailed", "InvocationFailed", "OtherError"},
		prepare: func(k *registerEnv) { k.certificatesFail(paygate.Switched) },
		strikes: func(w *watched) {
			w.register("A1", `"close_at":0`)
			w.minutes(2, nil)
		},
		ends: func(w *watched) {
			w.configurePublicKey()
			clear(w.handlers)
		},
	},
	"the merchant's key is revoked": {
		rules: []string{"SweepFailed", "InvocationFailed", "NothingEnds", "OtherError"},
		strikes: func(w *watched) {
			w.register("A1", `"close_at":0`)
			w.MustInject(paygate.Fault{Action: paygate.Refuse, Code: "SIGNERROR"})
			w.minutes(20, nil)
		},
		ends: func(w *watched) { w.ClearFaults() },
	},
	"the signatures of replies do not hold": {
		rules: []string{"NothingEnds"},
		strikes: func(w *watched) {
			w.limit = 5 * time.Second
			w.inject(paygate.BadSignature, "", 0)
			w.minutes(5, func(minute int) { w.register(fmt.Sprint("A", minute), `"close_at":0`) })
		},
		ends: func(w *watched) {
			w.limit = patient
			w.ClearFaults()
		},
	},
	"WeChat Pay cannot be reached": {
		rules: []string{"NothingEnds"},
		strikes: func(w *watched) {
			w.limit = 5 * time.Second
			w.inject(paygate.Drop, "", 0)
			w.minutes(5, func(minute int) { w.register(fmt.Sprint("A", minute), `"close_at":0`) })
		},
		ends: func(w *watched) {
			w.limit = patient
			w.ClearFaults()
		},
	},
	"sweeps do not keep up": {
		rules:   []string{"OrderDue"},
		prepare: func(k *registerEnv) { k.vars["CLOUDPAY_SWEEP_CONCURRENCY"] = "1" },
		strikes: func(w *watched) {
			for i := range 60 {
				w.register(fmt.Sprint("A", i), `"close_at":0`)
			}
			w.limit = 2 * time.Second
			w.MustInject(paygate.Fault{Action: paygate.Delay, Delay: 150 * time.Millisecond})
			w.minutes(7, nil)
		},
		ends: func(w *watched) {
			w.limit = patient
			w.ClearFaults()
		},
	},
	"the timer is switched off": {
		rules: []string{"NoSweep"},
		strikes: func(w *watched) {
			w.quiet = true
			w.minutes(6, nil)
		},
		ends: func(w *watched) { w.quiet = false },
	},
	"the database is gone": {
		rules: []string{"SweepFailed", "InvocationFailed"},
		strikes: func(w *watched) {
			w.takeAway()
			w.minutes(2, nil)
		},
		ends: func(w *watched) { w.giveBack() },
	},
	"a timer that is not known": {
		rules: []string{"SweepFailed"},
		strikes: func(w *watched) {
			w.minutes(1, func(int) { _, _ = w.tryAsk("closeorder", timerEvent, nil) })
		},
	},
	"an order is given up": {
		rules:   []string{"GivenUp"},
		prepare: func(k *registerEnv) { k.vars["CLOUDPAY_SWEEP_ATTEMPTS"] = "1" },
		strikes: func(w *watched) {
			w.register("A1", `"close_at":0`)
			w.inject(paygate.SystemError, "", 0)
			w.minutes(1, nil)
		},
		ends: func(w *watched) { w.ClearFaults() },
	},
	"a call contradicts": {
		rules: []string{"Contradicted"},
		strikes: func(w *watched) {
			w.register("A1", `"close_at":3600`)
			w.MustPay("A1")
			w.wronglyClosed("A1")
			w.minutes(1, func(int) { w.call("queryorder", `{"out_trade_no":"A1"}`) })
		},
	},
	"a sweep contradicts": {
		rules:   []string{"Contradicted"},
		prepare: func(k *registerEnv) { k.between(func(string) { k.wronglyClosed("A1") }) },
		strikes: func(w *watched) {
			w.register("A1", `"close_at":0`)
			w.MustPay("A1")
			w.minutes(1, nil)
		},
	},
	"the receiver is gone": {
		rules:   []string{"EventOld", "ReceiverFailing"},
		prepare: func(k *registerEnv) { k.answer.Store(http.StatusServiceUnavailable) },
		strikes: func(w *watched) {
			w.register("A1", `"close_at":0`)
			w.minutes(20, nil)
		},
		ends: func(w *watched) { w.answer.Store(http.StatusNoContent) },
	},
	"the receiver is gone for days": {
		rules:   []string{"EventOld", "ReceiverFailing", "EventDead"},
		prepare: func(k *registerEnv) { k.answer.Store(http.StatusNotFound) },
		strikes: func(w *watched) {
			w.register("A1", `"close_at":0`)
			w.minutes(21, func(int) { w.pass(8 * time.Hour) })
		},
	},
	"the database's clock is wrong": {
		rules: []string{"ClockOff"},
		prepare: func(k *registerEnv) {
			k.rewritten(func(h http.Header) { h.Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)) })
		},
		strikes: func(w *watched) {
			w.register("A1", `"close_at":0`)
			w.minutes(1, nil)
		},
	},
	"the figures cannot be read": {
		rules: []string{"FiguresUnread"},
		strikes: func(w *watched) {
			w.sql("ALTER TABLE cloudpay_events RENAME COLUMN dead_at TO gone") // a sweep without events works
			w.minutes(2, nil)
		},
		ends: func(w *watched) { w.sql("ALTER TABLE cloudpay_events RENAME COLUMN gone TO dead_at") },
	},
	"WeChat Pay limits": {
		rules: []string{"BackingOff"},
		strikes: func(w *watched) {
			w.limit = 3 * time.Second
			w.minutes(17, func(minute int) {
				w.ClearFaults()
				if minute%4 == 0 {
					w.register(fmt.Sprint("A", minute), `"close_at":0`)
					w.inject(paygate.RateLimit, "", 0)
				}
			})
		},
		ends: func(w *watched) { w.limit = patient },
	},
	"a call's signature is refused": {
		rules: []string{"OtherError"},
		strikes: func(w *watched) {
			w.MustInject(paygate.Fault{Action: paygate.Refuse, Code: "SIGNERROR"})
			w.minutes(1, func(int) { w.call("closeorder", `{"out_trade_no":"A1"}`) })
		},
		ends: func(w *watched) { w.ClearFaults() },
	},
	"a call finds no database": {
		rules: []string{"OtherError"},
		strikes: func(w *watched) {
			w.minutes(1, func(int) {
				w.takeAway()
				w.call("closeorder", `{"out_trade_no":"A1"}`)
				w.giveBack()
			})
		},
	},
}

// TestRegisteredAlarms lets each trouble happen to real functions. At each service exactly the
// rules fire that are for it, and stop when all is well again.
func TestRegisteredAlarms(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, trouble := range troubles {
		for _, rule := range trouble.rules {
			seen[rule] = true
		}
	}
	for _, rule := range clsRules(t) {
		if !seen[rule.name()] {
			t.Errorf("no trouble is for the rule %s", rule.name())
		}
	}
	for name, trouble := range troubles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := withStore(t, newCertificateEnv(t, paygate.Options{}))
			if name != "the configuration is wrong" {
				k = newRegisterEnv(t, mode{api: order.V2})
			}
			k.receiver(http.StatusNoContent)
			if trouble.prepare != nil {
				trouble.prepare(k)
			}
			w := newWatched(t, k)
			w.minutes(5, nil)
			w.want(0, 5)
			trouble.strikes(w)
			w.want(0, w.log.now, trouble.rules...)
			if trouble.ends != nil {
				trouble.ends(w)
			}
			w.minutes(30, nil)
			w.want(w.log.now-5, w.log.now)
			if t.Failed() {
				t.Log(w.errors())
			}
		})
	}
}

// TestRegisteredHealthyHour: no rule fires while all is well, though orders are paid, withdrawn and
// not found, and callers make mistakes.
func TestRegisteredHealthyHour(t *testing.T) {
	t.Parallel()
	k := newRegisterEnv(t, mode{api: order.V2})
	k.receiver(http.StatusNoContent)
	w := newWatched(t, k)
	w.minutes(60, func(minute int) {
		number := fmt.Sprint("A", minute)
		w.register(number, fmt.Sprintf(`"close_at":%d,"openid":%q`, minute%7*60, openID))
		switch minute % 4 {
		case 0:
			w.MustPay(number)
		case 1:
			w.call("closeorder", `{"out_trade_no":"`+number+`"}`)
			w.call("queryorder", `{"out_trade_no":"`+number+`"}`)
		case 2:
			w.call("queryorder", `{"out_trade_no":"N1"}`)
			w.call("queryorder", `{"out_trade_no":"N 1"}`)
			w.asUser(otherOpenID, "closeorder", `{"out_trade_no":"`+number+`"}`)
		}
		if minute%5 == 0 {
			w.timer("queryorder")
		}
	})
	w.want(0, w.log.now)
	if !strings.Contains(w.everything(), `"closed":1`) || !strings.Contains(w.everything(), `"told":1`) {
		t.Errorf("nothing happened: %s", w.everything())
	}
}

// TestRegisteredAlarmsAreDescribed: the page describes each rule, by the name that its notification
// links to, and each field that CLS has to index.
func TestRegisteredAlarmsAreDescribed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "alarms.md"))
	if err != nil {
		t.Fatal(err)
	}
	cloudWatch := map[string]bool{}
	for _, rule := range cloudWatchAlarms(t, map[string]string{}) {
		cloudWatch[rule.name()] = true
	}
	rules := clsRules(t)
	if last := fmt.Sprintf("$(seq 0 %d)", len(rules)-1); !strings.Contains(string(text), last) {
		t.Errorf("docs/alarms.md does not create all the rules: %s", last)
	}
	for _, rule := range rules {
		a := rule.(*clsAlarm)
		if !cloudWatch[a.name()] || !strings.Contains(string(text), "\n## "+a.name()+"\n") ||
			!strings.HasSuffix(a.MessageTemplate, "docs/alarms.md#"+strings.ToLower(a.name())) {
			t.Errorf("the rule %s is not an alarm of CloudWatch's too, with a heading in docs/alarms.md that its message names", a.name())
		}
		for _, target := range a.AlarmTargets {
			for _, key := range clsKeys(t, target.Query) {
				if !strings.Contains(string(text), "`"+key+"`") {
					t.Errorf("docs/alarms.md does not say that CLS has to index %s", key)
				}
			}
		}
	}
}

// receiver has the functions tell a receiver of events that answers a status.
func (k *registerEnv) receiver(status int32) {
	k.t.Helper()
	const key = "notify-key-of-the-tests"
	telemetrytest.Secret(k.t, telemetrytest.Token, key)
	k.answer = &atomic.Int32{}
	k.answer.Store(status)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(k.answer.Load())) }))
	k.t.Cleanup(server.Close)
	k.vars["CLOUDPAY_NOTIFY_URL"], k.vars["CLOUDPAY_NOTIFY_KEY"] = server.URL+"/hook", key
}

// wronglyClosed records that an order is closed.
func (k *registerEnv) wronglyClosed(number string) {
	if err := k.store.Observe(k.t.Context(), k.ref(number), schedule.Final{State: schedule.FinalClosed}); err != nil {
		k.t.Error(err)
	}
}
