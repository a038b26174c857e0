package storetest

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
)

// PgBouncer starts a PostgreSQL server and a PgBouncer in front of it, until the test ends.
// PgBouncer is in transaction mode, as poolers for functions are: the settings of a session would
// reach the next client. The addresses are the pooler's.
func PgBouncer(t testing.TB) Database {
	t.Helper()
	return PgBouncerIn(t, "transaction")
}

// PgBouncerIn is PgBouncer in another of its modes: session, transaction or statement.
func PgBouncerIn(t testing.TB, mode string) Database {
	t.Helper()
	d := Postgres(t)
	pooler := launched(t, "pgbouncer", startPgBouncer(d.server, mode))
	behind := d.empty
	d.empty = func(t testing.TB) string {
		t.Helper()
		return moved(t, behind(t), pooler.address(pooler.admin))
	}
	past := d.server.address(d.server.admin)
	d.direct = func(address string) string { return moved(t, address, past) }
	return d
}

// moved is an address with the host and port of another address.
func moved(t testing.TB, address, to string) string {
	t.Helper()
	a, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	b, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	a.Host = b.Host
	return a.String()
}

// pgBouncerConfig has no ignore_startup_parameters, as after an installation, so that PgBouncer
// refuses unknown start-up parameters. Idle connections to the databases of finished tests end
// soon.
const pgBouncerConfig = `[databases]
* = host=%s port=%s user=%s

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = any
pool_mode = %s
max_client_conn = 1000
default_pool_size = 20
server_idle_timeout = 2
`

func startPgBouncer(behind *server, mode string) func(dir string) (*server, error) {
	return func(dir string) (*server, error) {
		program, err := find("pgbouncer", "/usr/sbin")
		if err != nil {
			return nil, err
		}
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		of, err := url.Parse(behind.address(behind.admin))
		if err != nil {
			return nil, err
		}
		file := filepath.Join(dir, "pgbouncer.ini")
		text := fmt.Sprintf(pgBouncerConfig, of.Hostname(), of.Port(), of.User.Username(), port, mode)
		const readable = 0o644 // PgBouncer runs as another user
		if err := os.WriteFile(file, []byte(text), readable); err != nil {
			return nil, err
		}
		s, err := run(dir, program, file)
		if err != nil {
			return nil, err
		}
		s.admin, s.home, s.lives = behind.admin, behind.home, behind.dir
		s.address = func(database string) string {
			return "postgres://cloudpay@127.0.0.1:" + port + "/" + database + "?sslmode=disable"
		}
		return s, nil
	}
}
