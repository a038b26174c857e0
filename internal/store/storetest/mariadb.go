package storetest

import (
	"path/filepath"
	"slices"
)

func startMariaDB(dir string) (*server, error) { return startMariaDBWith("--skip-log-bin")(dir) }

// startMariaDBWith starts a server with additional options.
func startMariaDBWith(options ...string) func(dir string) (*server, error) {
	return func(dir string) (*server, error) { return runMariaDB(dir, options) }
}

func runMariaDB(dir string, options []string) (*server, error) {
	install, err := find("mariadb-install-db", "/usr/bin")
	if err != nil {
		return nil, err
	}
	mariadbd, err := find("mariadbd", "/usr/sbin", "/usr/libexec")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	if err := prepare(dir, install, "--no-defaults", "--datadir="+data, "--skip-test-db", "--auth-root-authentication-method=normal",
		"--skip-name-resolve", "--tmpdir="+dir); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s, err := run(dir, mariadbd, slices.Concat([]string{
		"--no-defaults", "--datadir=" + data, "--tmpdir=" + dir, "--socket=" + filepath.Join(dir, "socket"),
		"--pid-file=" + filepath.Join(dir, "pid"), "--port=" + port, "--bind-address=127.0.0.1", "--skip-name-resolve",
		"--max-connections=300", "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0",
		"--innodb-flush-method=nosync", "--innodb-buffer-pool-size=512M", "--innodb-log-file-size=1G", "--local-infile=1",
		// Not strict, not UTC, not read committed, case-insensitive: the store must set its own.
		"--sql-mode=", "--default-time-zone=+08:00", "--transaction-isolation=REPEATABLE-READ",
		"--collation-server=utf8mb4_general_ci", "--character-set-server=utf8mb4",
	}, options)...)
	if err != nil {
		return nil, err
	}
	s.admin, s.home = "mysql", "SELECT @@datadir"
	s.flushing = []string{"--innodb-flush-log-at-trx-commit=1", "--innodb-doublewrite=1", "--innodb-flush-method=O_DIRECT"}
	s.address = func(database string) string { return "mysql://root@127.0.0.1:" + port + "/" + database }
	return s, nil
}
