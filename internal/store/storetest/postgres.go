package storetest

import (
	"net/url"
	"path/filepath"
	"syscall"
)

// postgresFolders are the folders of PostgreSQL's programs in distributions.
const postgresFolders = "/usr/lib/postgresql/*/bin"

func startPostgres(dir string) (*server, error) {
	initdb, err := find("initdb", postgresFolders)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	if err := prepare(dir, initdb, "-D", data, "-U", "cloudpay", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"); err != nil {
		return nil, err
	}
	return runPostgres(dir)
}

// startStandby starts a standby of a server, from a copy of its files.
func startStandby(primary *server) func(dir string) (*server, error) {
	return func(dir string) (*server, error) {
		backup, err := find("pg_basebackup", postgresFolders)
		if err != nil {
			return nil, err
		}
		of, err := url.Parse(primary.address(primary.admin))
		if err != nil {
			return nil, err
		}
		if err := prepare(dir, backup, "-D", filepath.Join(dir, "data"), "-h", of.Hostname(), "-p", of.Port(), "-U", of.User.Username(),
			"--write-recovery-conf", "--checkpoint=fast", "--no-sync"); err != nil {
			return nil, err
		}
		return runPostgres(dir)
	}
}

// runPostgres starts a server on the files in a folder.
func runPostgres(dir string) (*server, error) {
	postgres, err := find("postgres", postgresFolders)
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s, err := run(dir, postgres, append([]string{"-D", filepath.Join(dir, "data")}, settings("-c",
		"port="+port, "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300",
		"fsync=off", "full_page_writes=off", "synchronous_commit=off",
		"shared_buffers=512MB", "max_wal_size=4GB", "maintenance_work_mem=512MB",
		// Not UTC and not read committed: the store must set its own.
		"timezone=Asia/Shanghai", "default_transaction_isolation=repeatable read", "deadlock_timeout=100ms",
	)...)...)
	if err != nil {
		return nil, err
	}
	s.admin, s.home, s.fatal = "postgres", "SHOW data_directory", syscall.SIGQUIT
	s.flushing = settings("-c", "fsync=on", "full_page_writes=on", "synchronous_commit=on")
	s.address = func(database string) string {
		return "postgres://cloudpay@127.0.0.1:" + port + "/" + database + "?sslmode=disable"
	}
	return s, nil
}

// settings puts a flag before each setting.
func settings(flag string, settings ...string) []string {
	args := make([]string, 0, 2*len(settings))
	for _, setting := range settings {
		args = append(args, flag, setting)
	}
	return args
}
