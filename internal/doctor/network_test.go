package doctor_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/doctor"
	"cloudpay/internal/schedule"
	"cloudpay/pkg/paygate"
)

// closedPort is an address at which nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return "http://" + l.Addr().String()
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(untrusted.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	for name, c := range map[string]struct{ url, says string }{
		"closed port": {closedPort(t), "the connection was refused"},
		"untrusted":   {untrusted.URL, "not signed by an authority that this machine trusts"},
		"no TLS":      {"https" + plain.URL[len("http"):], "speaks no TLS"},
		"no name":     {"https://pay.invalid", ""}, // RFC 6761 §6.4; resolvers without a network say otherwise
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := newEnv(t).with(map[string]string{"WXPAY_BASE_URL": c.url, "WXPAY_BACKUP_URL": ""}).examined()
			got.of(doctor.CheckMainDomain).want(t, doctor.LevelFault, c.says)
			got.of(doctor.CheckAnswer).want(t, doctor.LevelSkipped, "no address was reached")
			if clock := got.of(doctor.CheckClock); len(clock) > 0 {
				t.Errorf("nobody said what time it is: %s", clock.text())
			}
		})
	}
}

// A domain that resets connections is not a fault if the other one answers.
func TestOneDomainDown(t *testing.T) {
	t.Parallel()
	for domain, c := range map[string]struct {
		check doctor.Check
		level doctor.Level
	}{
		"main":   {doctor.CheckMainDomain, doctor.LevelFault},
		"backup": {doctor.CheckBackupDomain, doctor.LevelWarning},
	} {
		t.Run(domain, func(t *testing.T) {
			t.Parallel()
			w := newEnv(t).onlyV3()
			w.MustSetDomain(domain, false)
			got := w.examined()
			got.of(c.check).want(t, c.level, "the connection broke off")
			got.of(doctor.CheckClock).want(t, doctor.LevelFine, "agrees")
			got.of(doctor.CheckAnswer).want(t, doctor.LevelFine, "signed ORDERNOTEXIST")
		})
	}
}

// A server that never answers costs a part of the time, and the finding says how far the connection
// came.
func TestHangingServer(t *testing.T) {
	t.Parallel()
	deaf, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing, not even hello
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = deaf.Close() })
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	found := examineAll(t, map[string]*env{
		"connected, and no answer within":    newEnv(t).behind(hang),
		"no end of the TLS handshake within": newEnv(t).with(map[string]string{"WXPAY_BASE_URL": "https://" + deaf.Addr().String(), "WXPAY_BACKUP_URL": ""}),
	})
	for says, got := range found {
		got.of(doctor.CheckMainDomain).want(t, doctor.LevelFault, says)
		got.of(doctor.CheckAnswer).want(t, doctor.LevelSkipped, "no address was reached")
	}
}

// A web page in the gateway's place, and a failing server, are told from the gateway's answer.
func TestNotTheGateway(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		page http.HandlerFunc
		says string
	}{
		"a page by its type": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(http.StatusFound)
		}, "a web page"},
		"a page by its look": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte("\n<HTML><body>Please sign in"))
		}, "a web page"},
		"a page by its doctype": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = w.Write([]byte("<!DOCTYPE html>"))
		}, "a web page"},
		"trouble": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
		}, "HTTP 502"},
	}
	envs := map[string]*env{}
	for name, c := range cases {
		envs[name] = newEnv(t).onlyV3().behind(c.page)
	}
	for name, got := range examineAll(t, envs) {
		got.of(doctor.CheckMainDomain).want(t, doctor.LevelWarning, cases[name].says)
		if answer := got.of(doctor.CheckAnswer); len(answer) != 1 || answer[0].Level == doctor.LevelFine {
			t.Errorf("%s passes for an answer:\n%s", name, answer.text())
		}
	}
}

// The clock is compared with the gateway's Date. Only APIv3 signs the time.
func TestClock(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ahead time.Duration // of the gateway before us
		v2    bool
		level doctor.Level
		says  string
	}{
		"right":       {0, false, doctor.LevelFine, "agrees"},
		"a little":    {-30 * time.Second, false, doctor.LevelFine, "ahead of the gateway's"},
		"slow":        {2 * time.Minute, false, doctor.LevelWarning, "behind the gateway's"},
		"fast":        {-2 * time.Minute, false, doctor.LevelWarning, "ahead of the gateway's"},
		"too slow":    {10 * time.Minute, false, doctor.LevelFault, "behind the gateway's"},
		"far, for v2": {10 * time.Minute, true, doctor.LevelWarning, "behind the gateway's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Now()
			w := newEnv(t, paygate.Options{Now: func() time.Time { return time.Now().Add(c.ahead) }})
			if c.v2 {
				w.onlyV2()
			} else {
				w.onlyV3()
			}
			w.doctor.Now = func() time.Time { return now } // both stand still: the machine may be busy
			w.behind(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Date", now.Add(c.ahead).UTC().Format(http.TimeFormat))
				w.ServeHTTP(rw, r)
			})
			got := w.examined()
			got.of(doctor.CheckClock).want(t, c.level, c.says)
			if c.level == doctor.LevelFault {
				got.of(doctor.CheckAnswer).want(t, doctor.LevelFault, "SIGNERROR")
			}
		})
	}
}

// The time of a slow reply is uncertain, and does not count as a difference of the clock.
func TestClockOfASlowReply(t *testing.T) {
	t.Parallel()
	began := time.Now()
	var passed atomic.Int64 // since then, by a clock that only the gateway moves
	now := func() time.Time { return began.Add(time.Duration(passed.Load())) }
	w := newEnv(t).onlyV3()
	w.doctor.Now = now
	w.behind(func(rw http.ResponseWriter, r *http.Request) {
		passed.Store(int64(9 * time.Second))
		rw.Header().Set("Date", now().UTC().Format(http.TimeFormat))
		w.ServeHTTP(rw, r)
	})
	w.examined().of(doctor.CheckClock).want(t, doctor.LevelFine, "agrees")
}

// A reply may lack a time.
func TestClockWithoutDate(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	w.behind(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header()["Date"] = nil
		w.ServeHTTP(rw, r)
	})
	w.examined().of(doctor.CheckClock).want(t, doctor.LevelSkipped, "no reply had a time")
}

// The database's clock is compared with this machine's and, by that, with the gateway's.
func TestClockOfTheDatabase(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		database, gateway time.Duration // ahead of this machine
		level             doctor.Level
		says              string
	}{
		"right":               {0, 0, doctor.LevelFine, "the database's agrees with this machine's and the gateway's"},
		"a minute ahead":      {time.Minute, 0, doctor.LevelFine, "the database's is 1m0s ahead of this machine's, and 1m0s ahead of the gateway's"},
		"more than a minute":  {62 * time.Second, 0, doctor.LevelFault, "1m2s ahead of the gateway's"},
		"an hour behind":      {-time.Hour, 0, doctor.LevelFault, "1h0m0s behind this machine's, and 1h0m0s behind the gateway's"},
		"this machine is off": {2 * time.Minute, 2 * time.Minute, doctor.LevelFine, "2m0s ahead of this machine's, and 0s ahead of the gateway's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Now().Truncate(time.Second).Add(time.Second / 2) // as much as a Date is off
			w := newEnv(t).onlyV2()
			w.doctor.Now = func() time.Time { return now }
			w.doctor.ClockOfDatabase(func(context.Context) (time.Time, error) { return now.Add(c.database), nil })
			w.behind(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Date", now.Add(c.gateway).UTC().Format(http.TimeFormat))
				w.ServeHTTP(rw, r)
			})
			w.examined().of(doctor.CheckClock).about("CLOUDPAY_STORE").want(t, c.level, c.says)
		})
	}
}

// Nothing more is asked of a database that is out of reach. One that refuses is a fault. Its clock
// is compared with this machine's if the gateway's is not known.
func TestClockOfTheDatabaseAlone(t *testing.T) {
	t.Parallel()
	w := newEnv(t).with(map[string]string{"CLOUDPAY_STORE": "postgres://u:pa55word@127.0.0.1:1/shop"})
	got := w.examined()
	got.of(doctor.CheckStore).want(t, doctor.LevelFault, "out of reach from here: ")
	for _, check := range []doctor.Check{doctor.CheckClock, doctor.CheckSchema} {
		got.of(check).about("CLOUDPAY_STORE").want(t, doctor.LevelSkipped, "the database was not reached")
	}
	w.doctor.Offline = true
	w.examined().of(doctor.CheckClock).want(t, doctor.LevelSkipped, "--offline")
	w.doctor.Offline = false
	w.doctor.ClockOfDatabase(func(context.Context) (time.Time, error) {
		return time.Time{}, &schedule.StoreError{Doing: "reading", Reason: bilingual.New("check the password", "请检查密码"), Lasting: true}
	})
	w.examined().of(doctor.CheckClock).about("CLOUDPAY_STORE").want(t, doctor.LevelFault, "check the password")
	w.doctor.ClockOfDatabase(func(context.Context) (time.Time, error) { return time.Now().Add(time.Hour), nil })
	w.with(map[string]string{"WXPAY_BASE_URL": "http://127.0.0.1:1", "WXPAY_BACKUP_URL": ""})
	w.examined().of(doctor.CheckClock).want(t, doctor.LevelFault, "the database's is 1h0m0s ahead of this machine's")
}

// A faulty address is not probed.
func TestFaultyAddress(t *testing.T) {
	t.Parallel()
	got := newEnv(t).with(map[string]string{"WXPAY_BASE_URL": "ftp://pay.example"}).examined()
	got.of(doctor.CheckMainDomain).want(t, doctor.LevelSkipped, "its address has a fault")
}
