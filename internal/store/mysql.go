package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"cloudpay/internal/bilingual"
)

const mysqlExample = "mysql://USER:PASSWORD@HOST:3306/DATABASE"

// mysqlConnector reads an address of MySQL or MariaDB. Its parameters are tls (true, skip-verify or
// preferred; without it no TLS, since clouds give databases private addresses) and max_conns.
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
			return nil, bilingual.Errorf("tls in the address must be true, false, skip-verify or preferred",
				"地址中的 tls 须为 true、false、skip-verify 或 preferred")
		case name != paramConns:
			return nil, bilingual.Errorf("the address has a parameter %q: known are tls and %s", "地址含有未知参数 %q：可用 tls 与 %s", name, paramConns)
		}
	}
	config.DialFunc = dial
	config.Logger = &mysql.NopLogger{} // what it logs is also returned as an error
	config.ParseTime = true            // DATETIME as a time; config.Loc is UTC
	config.InterpolateParams = true    // one round trip for each statement; a prepared one takes three
	config.ClientFoundRows = true      // UPDATE counts rows that matched, changed or not
	// A server may be configured not to commit single statements. The default costs nothing on a
	// connection that is used again.
	config.Params = map[string]string{"autocommit": "1"}
	inner, err := mysql.NewConnector(config)
	if err != nil {
		return nil, bilingual.Errorf("the address is not one for MySQL: %s", "不是 MySQL 的地址：%s", mysqlExample)
	}
	return &boundConnector{inner: inner, begin: beginMySQL, fault: mysqlFault}, nil
}

// tlsModes are the values of tls in an address, with the driver's meanings.
var tlsModes = map[string]bool{"true": true, "false": true, "skip-verify": true, "preferred": true}

// beginMySQL begins a READ COMMITTED transaction, which locks rows and not the gaps between them.
// START TRANSACTION cannot say that; SET TRANSACTION without SESSION applies to the next
// transaction only and leaves nothing behind in the session. It is left out for a transaction that
// locks single rows by their key, which locks no gap anyway, and saves a round trip. A read-only
// server refuses READ WRITE.
//
// If a proxy sends the two statements to different servers, the transaction has the server's
// default isolation. Everything here is correct under REPEATABLE READ too, with more deadlocks to
// repeat.
func beginMySQL(ctx context.Context, conn driverConn, anyIsolation bool) (driver.Tx, error) {
	statements := []string{"SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "START TRANSACTION READ WRITE"}
	if anyIsolation {
		statements = statements[1:]
	}
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement, nil); err != nil {
			return nil, err
		}
	}
	return mysqlTx{conn}, nil
}

// mysqlTx is a transaction of beginMySQL. It ends without a context: the socket has the deadline.
type mysqlTx struct{ conn driverConn }

func (t mysqlTx) Commit() error { return t.end("COMMIT") }

func (t mysqlTx) Rollback() error { return t.end("ROLLBACK") }

func (t mysqlTx) end(statement string) error {
	_, err := t.conn.ExecContext(context.Background(), statement, nil)
	return err
}

// limitedInMySQL limits a SELECT in the words of both: MySQL reads the hint and takes the first
// comment for one, which MariaDB executes.
func limitedInMySQL(_ tx, query string, most time.Duration) (string, error) {
	millis := max(most.Milliseconds(), 1)
	return fmt.Sprintf("/*M!100106 SET STATEMENT max_statement_time=%d.%03d FOR */ SELECT /*+ MAX_EXECUTION_TIME(%d) */%s",
		millis/1000, millis%1000, millis, strings.TrimPrefix(query, "SELECT")), nil
}

// mysqlFault classifies the error numbers of MySQL and MariaDB
// (https://mariadb.com/kb/en/mariadb-error-codes/).
func mysqlFault(err error) fault {
	refusal, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok {
		switch {
		case errors.Is(err, mysql.ErrInvalidConn):
			return faultLost
		case errors.Is(err, mysql.ErrNoTLS):
			return faultPlain
		}
		return faultOther
	}
	switch refusal.Number {
	case 1213, // a deadlock; rolled back
		1205, // waited too long for a lock
		1467, // the same two at the lock of an auto-increment (MariaDB)
		1020: // the row was changed since it was read (MariaDB's snapshot isolation)
		return faultBusy
	case 1053, // the server is shutting down
		1927, // the connection was killed (MariaDB)
		1317, // the query was interrupted
		1040, // too many connections
		1203, // too many connections of one user
		1047: // a Galera node is not ready
		return faultLost
	case 3024, // the query took longer than its limit (MySQL)
		1969: // likewise (MariaDB)
		return faultLate
	case 1290, // read_only, super_read_only
		1792, // the transaction is read-only
		1836: // the server is
		return faultReadOnly
	case 1044, 1045, 1698, // the user or the password is wrong, or may not use this database
		1049,             // no such database
		1142, 1143, 1227: // no right to
		return faultDenied
	case 1146, // no such table
		1054: // no such column
		return faultSchema
	case 1021, // the disk is full
		1114: // the table is full
		return faultFull
	}
	return faultOther
}

// takenInMySQL reports whether an error is ER_DUP_ENTRY.
func takenInMySQL(err error) bool {
	const duplicate = 1062
	answer, is := errors.AsType[*mysql.MySQLError](err)
	return is && answer.Number == duplicate
}
