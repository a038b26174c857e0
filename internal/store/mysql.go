package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"
)

const mysqlExample = "mysql://USER:PASSWORD@HOST:3306/DATABASE" //nolint:gosec // G101: the words are for the reader to replace

// mysqlConnector reads an address for MySQL or MariaDB. Its parameters are tls (true, skip-verify, preferred; no TLS when it
// is not there: clouds give databases private addresses) and max_conns.
func mysqlConnector(address string) (driver.Connector, error) {
	u, err := parse(address, mysqlExample)
	if err != nil {
		return nil, err
	}
	config := mysql.NewConfig()
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	config.Net, config.Addr, config.DBName = "tcp", u.Host, u.Path[1:]
	if u.Port() == "" {
		config.Addr += ":3306"
	}
	for name, values := range u.Query() {
		switch {
		case name == "tls" && tlsModes[values[0]]:
			config.TLSConfig = values[0]
		case name == "tls":
			return nil, errors.New("tls in the address must be true, false, skip-verify or preferred")
		case name != paramConns:
			return nil, fmt.Errorf("the address has a parameter %q: known are tls and %s", name, paramConns)
		}
	}
	config.DialFunc = dial
	config.Logger = &mysql.NopLogger{} // what it logs comes back as an error too
	config.ParseTime = true            // DATETIME as a time; config.Loc is UTC
	config.InterpolateParams = true    // one round trip each, where a prepared statement takes three
	config.ClientFoundRows = true      // a row that was found and needed no change was found
	inner, err := mysql.NewConnector(config)
	if err != nil {
		return nil, errors.New("the address is not one for MySQL: " + mysqlExample)
	}
	return &boundConnector{inner: inner, setup: mysqlSetup}, nil
}

var tlsModes = map[string]bool{"true": true, "false": true, "skip-verify": true, "preferred": true}

// mysqlSetup makes sessions alike, whatever the server's defaults are: nothing is cut to fit, rows are locked and not the
// gaps between them, and neither locks nor connections outlive a process that rests (maxRest).
var mysqlSetup = []string{
	"SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE'" +
		", wait_timeout = " + seconds(maxRest) + ", innodb_lock_wait_timeout = " + seconds(maxLockWait),
	"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }

// mysqlFault knows the error numbers of MySQL and MariaDB.
func mysqlFault(err error) fault {
	refusal, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok {
		if errors.Is(err, mysql.ErrInvalidConn) {
			return faultLost
		}
		return faultOther
	}
	switch refusal.Number {
	case 1213, // a deadlock; rolled back
		1205, // waited too long for a lock
		1020: // the row was changed since it was read (MariaDB's snapshot isolation)
		return faultBusy
	case 1053, // the server is shutting down
		1927, // the connection was killed (MariaDB)
		1317, // the query was interrupted
		1040, // too many connections
		1203: // the same, for one user
		return faultLost
	case 1146, // no such table
		1054: // no such column
		return faultSchema
	case 1021, // the disk is full
		1114: // the table is full
		return faultFull
	}
	return faultOther
}
