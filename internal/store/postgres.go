package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"time"

	"github.com/lib/pq"
)

const postgresExample = "postgres://USER:PASSWORD@HOST:5432/DATABASE" //nolint:gosec // G101: the words are for the reader to replace

// postgresConnector reads an address for PostgreSQL, with the parameters of libpq, of which sslmode is the one that matters
// (require when it is not there), and max_conns.
func postgresConnector(address string) (driver.Connector, error) {
	u, err := parse(address, postgresExample)
	if err != nil {
		return nil, err
	}
	query := u.Query()
	query.Del(paramConns)
	query.Set("binary_parameters", "yes") // one round trip each, where a prepared statement takes two
	u.Scheme, u.RawQuery = "postgres", query.Encode()
	inner, err := pq.NewConnector(u.String())
	if err != nil {
		return nil, errors.New("the address is not one for PostgreSQL, or a parameter in it is not right: " + postgresExample +
			"?sslmode=verify-full")
	}
	inner.Dialer(postgresDialer{})
	return &boundConnector{inner: inner, setup: postgresSetup}, nil
}

// postgresSetup makes sessions alike, whatever the server's defaults are; see mysqlSetup.
var postgresSetup = []string{
	"SET default_transaction_isolation = 'read committed'",
	"SET idle_session_timeout = '" + seconds(maxRest) + "s'",
	"SET idle_in_transaction_session_timeout = '" + seconds(maxRest) + "s'",
	"SET lock_timeout = '" + seconds(maxLockWait) + "s'",
	"SET timezone = 'UTC'",
}

// postgresDialer is dial in the driver's words.
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

// postgresFault knows PostgreSQL's SQLSTATEs.
func postgresFault(err error) fault {
	refusal, ok := errors.AsType[*pq.Error](err)
	if !ok {
		return faultOther
	}
	switch refusal.Code {
	case "40001", // serialization failure
		"40P01", // deadlock
		"55P03": // waited too long for a lock
		return faultBusy
	case "42P01", // no such table
		"42703": // no such column
		return faultSchema
	case "53100": // the disk is full
		return faultFull
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
