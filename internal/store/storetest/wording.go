package storetest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"cloudpay/internal/schedule"
)

var wording = []sqlProof{
	{name: "the texts of faults", only: servers, prove: tellsFaults},
	{name: "an answer that stops halfway", only: servers, prove: stopsAnswering},
}

// driversWords must not appear in an error's text, which callers get.
var driversWords = []string{
	"tcp", "127.0.0.1", "pq:", "Error 1", "SQLSTATE", "i/o timeout", "driver:", "EOF", "sql:", "context ", "x509", "tls:", "stranger", "nowhere",
}

// wantWorded wants an error of the store that contains want and none of the driver's words, and has
// the driver's text for the log.
func (e *sqlEnv) wantWorded(err error, want string, lasting bool) {
	e.Helper()
	fault := wantError[*schedule.StoreError](e, err)
	if !strings.Contains(err.Error(), want) || schedule.Lasting(err) != lasting || fault.Detail() == "" {
		e.Errorf("got %q (lasting %v, for the log %q), want %q in it and lasting %v", err, schedule.Lasting(err), fault.Detail(), want, lasting)
	}
	for _, word := range driversWords {
		if strings.Contains(err.Error(), word) {
			e.Errorf("got %q, want it without %q", err, word)
		}
	}
}

// changed is the direct address after a change.
func (e *sqlEnv) changed(change func(*url.URL)) string {
	e.Helper()
	u, err := url.Parse(e.db.Direct(e.address))
	e.must(err)
	change(u)
	return u.String()
}

func tellsFaults(e *sqlEnv) {
	tls := map[string]string{"postgres": "sslmode=require", "mysql": "tls=true"}[e.db.Name]
	remedy := map[string]string{"postgres": "sslmode=disable", "mysql": "leave tls out"}[e.db.Name]
	for name, test := range map[string]struct{ address, want string }{
		"an unknown user":     {e.changed(func(u *url.URL) { u.User = url.UserPassword("stranger", "hunter2") }), "check the user"},
		"an unknown database": {e.changed(func(u *url.URL) { u.Path = "/nowhere" }), "the database's name"},
		"TLS, and none there": {e.changed(func(u *url.URL) { u.RawQuery = tls }), remedy},
	} {
		_, err := openAt(e, test.address).Register(e.ctx, due("A1"))
		if err == nil {
			e.Errorf("%s: got no error", name)
			continue
		}
		e.wantWorded(err, test.want, true)
	}
	_, err := openAt(e, e.reader()).Register(e.ctx, due("A1"))
	e.wantWorded(err, "the user's rights", true)
	_, err = openAt(e, e.db.Direct(e.db.Empty(e))).Register(e.ctx, due("A1"))
	e.wantWorded(err, "cloudpay orders migrate", true)
	e.sql("ALTER TABLE cloudpay_orders ADD CONSTRAINT cloudpay_unlucky CHECK (out_trade_no <> '13')")
	_, err = e.Register(e.ctx, due("13"))
	e.wantWorded(err, "the log has its words", false)
}

// reader is the address of the database with a user that may not write.
func (e *sqlEnv) reader() string {
	e.Helper()
	u, err := url.Parse(e.address)
	e.must(err)
	name := "reader_" + strings.TrimPrefix(u.Path, "/")
	switch e.db.Name {
	case "postgres":
		e.sql("CREATE ROLE " + name + " LOGIN")
		e.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + name)
		e.Cleanup(func() { e.sql("DROP OWNED BY " + name); e.sql("DROP ROLE " + name) })
	case "mysql":
		e.sql("CREATE USER " + name + "@'127.0.0.1'")
		e.sql(fmt.Sprintf("GRANT SELECT ON %s.* TO %s@'127.0.0.1'", strings.TrimPrefix(u.Path, "/"), name))
	}
	return e.changed(func(u *url.URL) { u.User = url.User(name) })
}

func stopsAnswering(e *sqlEnv) {
	e.registerDue(numbers("L", 400)...)
	p, s := e.proxied()
	if _, err := s.List(e.ctx, selection(schedule.Waiting), "", 1); err != nil { // it is connected
		e.Fatal(err)
	}
	p.left.Store(20_000) // a list of all orders is longer
	ctx, cancel := context.WithTimeout(e.ctx, 300*time.Millisecond)
	defer cancel()
	_, err := s.List(ctx, selection(schedule.Waiting), "", 400)
	e.wantWorded(err, "did not answer in time", false)
	if !errors.Is(err, context.DeadlineExceeded) {
		e.Errorf("got %v, want the deadline's error in it", err)
	}
}
