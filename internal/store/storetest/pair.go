package storetest

import (
	"net/url"
	"strings"
	"testing"

	"cloudpay/internal/store/migrate"
)

// Pair is a server and its asynchronous standby behind one address. What is committed after Part is
// lost at FailOver.
type Pair struct {
	*forwarder

	// Name is the store's name for the kind, and Address leads to a migrated database of the
	// primary. It stays the same at a failover.
	Name, Address string

	first, second *server
	// level returns when the standby has all that the primary has; part ends the replication, and
	// promote makes the standby the primary.
	level, part, promote func(t *testing.T)
}

// Part ends the replication once the standby has all commits.
func (p *Pair) Part(t *testing.T) {
	t.Helper()
	p.level(t)
	p.part(t)
}

// StandbyAddress leads to the standby's copy of the database, once that has what the primary has.
func (p *Pair) StandbyAddress(t *testing.T) string {
	t.Helper()
	p.level(t)
	return moved(t, p.Address, p.second.address("shop"))
}

// FailOver kills the primary and has the address lead to its standby, which takes writes.
func (p *Pair) FailOver(t *testing.T) {
	t.Helper()
	if err := p.first.crash(); err != nil {
		t.Error(err)
		return
	}
	p.promote(t)
	p.lead(t, p.second)
	p.cut()
}

// at migrates the primary's database, and makes its address as a user has it one that is forwarded.
func (p *Pair) at(t *testing.T, address string) *Pair {
	t.Helper()
	if _, err := migrate.Up(t.Context(), p.first.address("shop")); err != nil {
		t.Fatal(err)
	}
	p.forwarder = newForwarder(t, p.first)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = p.host
	p.Address = u.String()
	return p
}

// PostgresPair starts a PostgreSQL server and its standby, which run until the test ends.
func PostgresPair(t *testing.T) *Pair {
	t.Helper()
	primary := launched(t, "postgres", startPostgres)
	standby := launched(t, "postgres", startStandby(primary))
	tell(t, primary, "CREATE DATABASE shop")
	p := &Pair{
		Name: "postgres", first: primary, second: standby,
		level: func(t *testing.T) {
			t.Helper()
			// Commits are not flushed at once, and only what was flushed is sent.
			written := ask(t, primary, "SELECT pg_switch_wal()")
			await(t, standby, "SELECT pg_last_wal_replay_lsn() >= '"+written+"'")
		},
		part: func(t *testing.T) {
			t.Helper()
			tell(t, standby, "ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
			await(t, standby, "SELECT COUNT(*) = 0 FROM pg_stat_wal_receiver")
		},
		promote: func(t *testing.T) {
			t.Helper()
			if got := ask(t, standby, "SELECT pg_promote()"); got != "true" {
				t.Errorf("the standby is not promoted: got %s", got)
			}
		},
	}
	return p.at(t, primary.address("shop"))
}

// MariaDBPair starts a MariaDB server and its replica, which run until the test ends.
func MariaDBPair(t *testing.T) *Pair {
	t.Helper()
	first := launched(t, "mysql", startMariaDBWith("--log-bin=log", "--server-id=1", "--binlog-format=ROW"))
	second := launched(t, "mysql", startMariaDBWith("--log-bin=log", "--server-id=2", "--binlog-format=ROW", "--read-only"))
	source, err := url.Parse(first.address(first.admin))
	if err != nil {
		t.Fatal(err)
	}
	tell(t, second, "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT="+source.Port()+
		", MASTER_USER='root', MASTER_USE_GTID=slave_pos", "START SLAVE")
	// Not root: root may write on a read-only server.
	tell(t, first, "CREATE DATABASE shop", "CREATE USER shop@'127.0.0.1' IDENTIFIED BY 'shop'", "GRANT ALL ON shop.* TO shop@'127.0.0.1'")
	p := &Pair{
		Name: "mysql", first: first, second: second,
		level: func(t *testing.T) {
			t.Helper()
			written := ask(t, first, "SELECT @@GLOBAL.gtid_binlog_pos")
			if got := ask(t, second, "SELECT MASTER_GTID_WAIT('"+written+"', 30)"); got != "0" {
				t.Fatalf("the replica does not catch up: got %s", got)
			}
		},
		part: func(t *testing.T) { t.Helper(); tell(t, second, "STOP SLAVE") },
		promote: func(t *testing.T) {
			t.Helper()
			tell(t, second, "SET GLOBAL read_only = OFF")
		},
	}
	return p.at(t, strings.Replace(first.address("shop"), "root@", "shop:shop@", 1))
}
