package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"cloudpay/internal/bilingual"
)

const postgresExample = "postgres://USER:PASSWORD@HOST:5432/DATABASE"

// postgresConnector reads an address of PostgreSQL. Its parameters are libpq's and max_conns.
// Without sslmode, TLS is required and the certificate is not verified (require).
func postgresConnector(address string) (driver.Connector, error) {
	u, err := parse(address, postgresExample)
	if err != nil {
		return nil, err
	}
	inner, err := postgresWith(u, postgresSession)
	if err != nil {
		return nil, err
	}
	plain, err := postgresWith(u, nil)
	if err != nil {
		return nil, err
	}
	return &boundConnector{
		inner: inner, plain: plain, refusal: refusesParameters, begin: beginPostgres, fault: postgresFault,
	}, nil
}

// postgresWith returns the driver's connector, with start-up parameters besides the address's own.
func postgresWith(u *url.URL, session map[string]string) (driver.Connector, error) {
	query := u.Query()
	query.Del(paramConns)
	query.Set("binary_parameters", "yes") // one round trip each, where a prepared statement takes two
	for name, value := range session {
		query.Set(name, value)
	}
	inner, err := pq.NewConnector((&url.URL{Scheme: "postgres", User: u.User, Host: u.Host, Path: u.Path, RawQuery: query.Encode()}).String())
	if err != nil {
		return nil, bilingual.Errorf("the address is not one for PostgreSQL, or a parameter in it is not right: %s",
			"不是 PostgreSQL 的地址，或其参数有误：%s", postgresExample+"?sslmode=verify-full")
	}
	inner.Dialer(postgresDialer{})
	return inner, nil
}

// postgresSession are start-up parameters by which the server ends what a frozen or lost process
// left behind (see maxRest). Behind a pooler this is the pooler's task.
var postgresSession = map[string]string{
	"idle_session_timeout":                strconv.FormatInt(maxRest.Milliseconds(), 10),
	"idle_in_transaction_session_timeout": strconv.FormatInt(maxRest.Milliseconds(), 10),
	"lock_timeout":                        strconv.FormatInt(maxLockWait.Milliseconds(), 10),
}

// IsPooled reports whether a connection goes through a pooler that shares sessions between clients:
// its start-up parameters did not reach the server. It is always false for other databases than
// PostgreSQL, where nothing in this project needs a session of its own.
func IsPooled(ctx context.Context, db *sql.DB, database string) (bool, error) {
	if database != "postgres" {
		return false, nil
	}
	for name, given := range postgresSession {
		var arrived string
		err := db.QueryRowContext(ctx, "SELECT setting FROM pg_settings WHERE name = $1", name).Scan(&arrived)
		if err != nil {
			return false, fmt.Errorf("looking for a pooler on the way: %w", err)
		}
		if arrived != given {
			return true, nil
		}
	}
	return false, nil
}

// refusesParameters recognises a pooler or server that refuses start-up parameters. PgBouncer
// answers 08P01, "unsupported startup parameter"; others answer that they do not know the
// parameter.
func refusesParameters(err error) bool {
	refusal, ok := errors.AsType[*pq.Error](err)
	return ok && slices.Contains([]pqerror.Code{"08P01", "0A000", "22023", "42704"}, refusal.Code)
}

// beginPostgres begins a READ COMMITTED READ WRITE transaction in one statement. A server in
// recovery refuses READ WRITE.
func beginPostgres(ctx context.Context, conn driverConn, _ bool) (driver.Tx, error) {
	options := driver.TxOptions{Isolation: driver.IsolationLevel(sql.LevelReadCommitted)}
	return conn.BeginTx(ctx, options)
}

// limitedInPostgres limits all later statements of the transaction.
func limitedInPostgres(t tx, query string, most time.Duration) (string, error) {
	_, err := t.exec("SET LOCAL statement_timeout = " + strconv.FormatInt(max(most.Milliseconds(), 1), 10))
	return query, err
}

// postgresDialer is dial as the driver's interface.
type postgresDialer struct{}

func (postgresDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return dial(ctx, network, address)
}

func (postgresDialer) Dial(network, address string) (net.Conn, error) {
	return dial(context.Background(), network, address)
}

func (postgresDialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return dial(ctx, network, address)
}

// postgresFault classifies PostgreSQL's SQLSTATEs
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
func postgresFault(err error) fault {
	refusal, ok := errors.AsType[*pq.Error](err)
	if !ok {
		if errors.Is(err, pq.ErrSSLNotSupported) {
			return faultPlain
		}
		return faultOther
	}
	switch refusal.Code {
	case "40001", // serialization failure
		"40P01", // deadlock
		"55P03": // waited too long for a lock
		return faultBusy
	case "25006": // the transaction is read-only: the server is a standby
		return faultReadOnly
	case "0A000": // feature not supported: also the answer of a standby to BEGIN READ WRITE
		if refusal.Routine == "call_bool_check_hook" || strings.Contains(refusal.Message, "recovery") {
			return faultReadOnly
		}
	case "42P01", // no such table
		"42703": // no such column
		return faultSchema
	case "57014": // the statement took longer than its limit
		return faultLate
	case "53100": // the disk is full
		return faultFull
	case "42501", // no right to
		"28000", "28P01", // the user or the password is wrong, or may not come from here
		"3D000": // no such database
		return faultDenied
	case "57P01", "57P02", "57P03", // the server is going down, or is not up yet
		"57P05", // the session was idle for too long
		"25P03", // the transaction was
		"53300": // too many connections
		return faultLost
	}
	if refusal.Code.Class() == "08" { // the connection
		return faultLost
	}
	return faultOther
}
