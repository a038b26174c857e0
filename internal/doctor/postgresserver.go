package doctor

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"github.com/lib/pq"
)

// postgresOf reads an address of PostgreSQL. The driver reads it, because hosts and modes may come
// from parameters and the environment too.
func postgresOf(u *url.URL) database {
	d := database{kind: "postgres", mode: "require"}
	query := u.Query()
	query.Del("max_conns")
	config, err := pq.NewConfig((&url.URL{Scheme: "postgres", User: u.User, Host: u.Host, Path: u.Path, RawQuery: query.Encode()}).String())
	if err != nil {
		return d // the store has accepted it
	}
	if config.SSLMode != "" {
		d.mode = string(config.SSLMode)
	}
	if len(config.Multi) > 0 {
		return d
	}
	d.host, d.port = config.Host, strconv.Itoa(int(config.Port))
	if config.Hostaddr.IsValid() {
		d.host = config.Hostaddr.String()
	}
	return d
}

// readPostgres reads what PostgreSQL says of itself, in one statement. All users may read it.
func readPostgres(ctx context.Context, e *examination) (serverFacts, error) {
	s := serverFacts{product: "PostgreSQL"}
	var number int
	var readOnly, fsync, pages, commit string
	err := e.database.open.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::integer, pg_is_in_recovery(),"+
		" current_setting('default_transaction_read_only'), current_setting('default_transaction_isolation'), current_setting('TimeZone'),"+
		" current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),"+
		" current_setting('max_connections')::integer, current_setting('superuser_reserved_connections')::integer,"+
		" (SELECT COALESCE(SUM(numbackends), 0)::integer FROM pg_stat_database),"+
		" COALESCE((SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl), '')").
		Scan(&number, &s.standby, &readOnly, &s.isolation, &s.zone, &fsync, &pages, &commit, &s.most, &s.kept, &s.used, &s.tls)
	if err != nil {
		return s, fmt.Errorf("reading what the server says of itself: %w", err)
	}
	const unit = 10000 // of server_version_num, since version 10
	s.major, s.minor, s.readOnly = number/unit, number%unit, readOnly == "on" && !s.standby
	for _, setting := range []struct{ name, value string }{{"fsync", fsync}, {"full_page_writes", pages}, {"synchronous_commit", commit}} {
		if setting.value == "off" {
			s.lax = append(s.lax, setting.name+" = on")
		}
	}
	if s.pooled, s.statements, err = e.isPooled(ctx); s.pooled {
		s.tls = "" // of the pooler's own connection
	}
	return s, err
}
