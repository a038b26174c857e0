package storetest

import (
	"os"
	"path/filepath"
	"testing"
)

// mysqldVariable names the program of MySQL's own server. Debian's stable releases have none, and
// their mysqld is MariaDB's, so that it is not looked for in PATH; Debian's sid has
// mysql-server-core.
const mysqldVariable = "CLOUDPAY_TEST_MYSQLD"

// MySQL starts a server of MySQL's own that runs until the test ends. Where the variable
// CLOUDPAY_TEST_MYSQLD names none the test is skipped, also in CI, which cannot install one.
func MySQL(t testing.TB) Database {
	t.Helper()
	program := os.Getenv(mysqldVariable)
	if program == "" {
		t.Skipf("SKIPPED, not tested on MySQL: %s names no mysqld of MySQL's own", mysqldVariable)
	}
	return started(t, "mysql", func(dir string) (*server, error) { return runMySQL(dir, program) })
}

// runMySQL starts a server with an administrator that has no password.
func runMySQL(dir, program string) (*server, error) {
	data := filepath.Join(dir, "data")
	if err := prepare(dir, program, "--no-defaults", "--initialize-insecure", "--datadir="+data, "--tmpdir="+dir); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s, err := run(dir, program,
		"--no-defaults", "--datadir="+data, "--tmpdir="+dir, "--socket="+filepath.Join(dir, "socket"),
		"--pid-file="+filepath.Join(dir, "pid"), "--port="+port, "--bind-address=127.0.0.1", "--mysqlx=OFF", "--secure-file-priv=", "--tls-version=",
		"--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF", "--skip-log-bin", "--local-infile=1",
		// Without TLS, for which it otherwise makes itself a certificate. Not UTC and not read
		// committed: the store must set its own.
		"--default-time-zone=+08:00", "--transaction-isolation=REPEATABLE-READ",
	)
	if err != nil {
		return nil, err
	}
	s.admin, s.home = "mysql", "SELECT @@datadir"
	s.address = func(database string) string { return "mysql://root@127.0.0.1:" + port + "/" + database }
	return s, nil
}
