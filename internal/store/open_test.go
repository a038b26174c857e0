package store_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/store"
)

// Open connects to nothing: a function must start without its database.
func TestOpenConnectsToNothing(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := listener.Addr().String()
	for _, address := range []string{
		"mysql://u:p@" + host + "/shop", "mariadb://u:p@" + host + "/shop?tls=preferred&max_conns=3",
		"postgres://u:p@" + host + "/shop?sslmode=disable", "postgresql://u:p@" + host + "/shop?sslmode=disable&max_conns=3",
	} {
		s, err := store.Open(address)
		if err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	_ = listener.(*net.TCPListener).SetDeadline(time.Now().Add(20 * time.Millisecond))
	if conn, err := listener.Accept(); err == nil {
		t.Errorf("got a connection from %v, want none", conn.RemoteAddr())
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for name, test := range map[string]struct{ address, want string }{
		"nothing":                     {"", "must begin with"},
		"no scheme":                   {secret, "must begin with"},
		"another scheme":              {"redis://u:" + secret + "@h/1", "must begin with"},
		"a password that breaks":      {"mysql://u:" + secret + "%zz@h:3306/shop", "%XX"},
		"a hash in the password":      {"mysql://u:" + secret + "#x@h:3306/shop", "%XX"},
		"a port that is none":         {"postgres://u:" + secret + "@h:x/shop", "%XX"},
		"no host":                     {"mysql:u:" + secret + "@h/shop", "must read"},
		"no database":                 {"mysql://u:" + secret + "@h:3306/", "name a database"},
		"no database, no slash":       {"postgres://u:" + secret + "@h:5432", "name a database"},
		"two databases":               {"postgres://u:" + secret + "@h:5432/a/b", "name a database"},
		"an unknown parameter":        {"mysql://u:" + secret + "@h/shop?parseTime=true", `"parseTime"`},
		"TLS that is none":            {"mysql://u:" + secret + "@h/shop?tls=yes", "tls in the address must be"},
		"connections that are none":   {"postgres://u:" + secret + "@h/shop?max_conns=many", "max_conns"},
		"no connections":              {"mysql://u:" + secret + "@h/shop?max_conns=0", "max_conns"},
		"an sslmode that is none":     {"postgres://u:" + secret + "@h/shop?sslmode=perhaps", "a parameter in it"},
		"SQLite, which is not linked": {"sqlite:", "SQLite"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := store.Open(test.address)
			if err == nil {
				_ = s.Close()
			}
			if name == "SQLite, which is not linked" && err != nil && strings.Contains(err.Error(), "sqlite:/path") {
				return // this test is built with SQLite
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line with %q and without the password", err, test.want)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	if _, err := store.New(nil, "oracle"); err == nil || !strings.Contains(err.Error(), "oracle") {
		t.Errorf("got %v, want an error about oracle", err)
	}
}

// A server that accepts a connection and sends nothing fails at the caller's deadline, or at
// connectTimeout.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go func() {
		for {
			if _, err := listener.Accept(); err != nil {
				return
			}
		}
	}()
	for _, scheme := range []string{"mysql", "postgres"} {
		s, err := store.Open(scheme + "://u:hunter2@" + listener.Addr().String() + "/shop")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		began := time.Now()
		_, err = s.Show(ctx, order.Ref{Region: order.Mainland, MchID: "1", OutTradeNo: "A1"})
		cancel()
		if took := time.Since(began); err == nil || took > 2*time.Second || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v after %v, want an error soon after the deadline", scheme, err, took)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
