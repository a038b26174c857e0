package doctor

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// readMySQL reads what MySQL or MariaDB says of itself. SHOW needs no right.
func readMySQL(ctx context.Context, e *examination) (serverFacts, error) {
	s := serverFacts{product: "MySQL"}
	variables, err := e.namedRows(ctx, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'read_only', 'super_read_only',"+
		" 'transaction_isolation',"+
		" 'tx_isolation', 'time_zone', 'max_connections', 'wait_timeout', 'innodb_flush_log_at_trx_commit', 'innodb_doublewrite', 'log_bin',"+
		" 'sync_binlog')")
	if err != nil {
		return s, err
	}
	status, err := e.namedRows(ctx, "SHOW GLOBAL STATUS WHERE Variable_name = 'Threads_connected'")
	if err != nil {
		return s, err
	}
	session, err := e.namedRows(ctx, "SHOW SESSION STATUS WHERE Variable_name = 'Ssl_version'")
	if err != nil {
		return s, err
	}
	if strings.Contains(variables["version"], "MariaDB") {
		s.product = "MariaDB"
	}
	if numbers := versionNumbers.FindStringSubmatch(variables["version"]); numbers != nil {
		s.major, s.minor = decimal(numbers[1]), decimal(numbers[2])
	}
	s.tls, s.zone = session["Ssl_version"], variables["time_zone"]
	s.isolation = variables["transaction_isolation"] + variables["tx_isolation"] // MariaDB from 11.1 has both
	if variables["transaction_isolation"] != "" {
		s.isolation = variables["transaction_isolation"]
	}
	s.readOnly = variables["read_only"] != "OFF" && variables["read_only"] != "" && variables["read_only"] != "0"
	s.most, s.used, s.idle = decimal(variables["max_connections"]), decimal(status["Threads_connected"]), decimal(variables["wait_timeout"])
	s.lax = laxMySQL(variables)
	s.exempt, err = e.isExempt(ctx)
	return s, err
}

// versionNumbers begin a version, such as 8.0.36-0ubuntu or 10.11.6-MariaDB-log.
var versionNumbers = regexp.MustCompile(`^(\d{1,4})\.(\d{1,4})\.`)

// decimal is a number in decimal; 0 for a text that is none.
func decimal(text string) int {
	n, _ := strconv.Atoi(text) // 0 with an error
	return n
}

// laxMySQL are the settings with which MySQL answers before a commit is on its disk.
func laxMySQL(variables map[string]string) []string {
	var lax []string
	// With 0 or 2 the log is written once a second.
	if value := variables["innodb_flush_log_at_trx_commit"]; value != "" && value != "1" {
		lax = append(lax, "innodb_flush_log_at_trx_commit = 1")
	}
	// Without it a page that is half written cannot be repaired.
	if value := variables["innodb_doublewrite"]; value == "OFF" || value == "0" {
		lax = append(lax, "innodb_doublewrite = ON")
	}
	// Replicas, and a restore to a point in time, then lack what the primary has.
	if variables["log_bin"] == "ON" && variables["sync_binlog"] == "0" {
		lax = append(lax, "sync_binlog = 1")
	}
	return lax
}

// isExempt reports whether the user may write to a read-only server.
func (e *examination) isExempt(ctx context.Context) (bool, error) {
	var n int
	// CURRENT_USER is u@h, and GRANTEE is 'u'@'h'. A user sees its own rows.
	err := e.database.open.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.USER_PRIVILEGES"+
		" WHERE REPLACE(GRANTEE, '''', '') = CURRENT_USER() AND PRIVILEGE_TYPE IN ('SUPER', 'CONNECTION_ADMIN', 'READ_ONLY ADMIN')").Scan(&n)
	if err != nil {
		return false, fmt.Errorf("reading the user's rights: %w", err)
	}
	return n > 0, nil
}

// namedRows returns the rows of SHOW … by their names.
func (e *examination) namedRows(ctx context.Context, statement string) (map[string]string, error) {
	rows, err := e.database.open.QueryContext(ctx, statement)
	if err != nil {
		return nil, fmt.Errorf("reading what the server says of itself: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err has its error
	named := map[string]string{}
	for len(named) < maxRows && rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, fmt.Errorf("reading what the server says of itself: %w", err)
		}
		named[name] = value
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading what the server says of itself: %w", err)
	}
	return named, nil
}
