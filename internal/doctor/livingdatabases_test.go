//go:build databases

package doctor_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloudpay/internal/doctor"
	"cloudpay/internal/store/migrate"
	"cloudpay/internal/store/storetest"
)

// The servers take seconds to start, so that `make test-databases` runs these and `make test` does
// not.

// databaseFault is a livingFault of a database server. make returns the address of the store.
type databaseFault struct {
	name  string
	make  func(d server) (address string)
	check doctor.Check
	level doctor.Level
	says  string
}

// server is a real server, and its administrator's connection.
type server struct {
	storetest.Database

	t     *testing.T
	admin *sql.DB
}

func newServer(t *testing.T, d storetest.Database) server {
	t.Helper()
	return server{d, t, storetest.Raw(t, d.Empty(t))}
}

// livingPostgres are the faults of PostgreSQL. The server has no TLS at first.
var livingPostgres = []databaseFault{
	{"a wrong password", func(d server) string {
		d.exec(d.admin, "CREATE ROLE shop LOGIN PASSWORD 'pa55word-that-is-right'")
		d.admits("host all shop all scram-sha-256")
		return as(d.t, d.Migrated(d.t), "shop", "pa55word-of-the-st0re", "disable")
	}, doctor.CheckStore, doctor.LevelFault, "refuses the user or the password"},
	{"a database that is not there", func(d server) string {
		return strings.Replace(d.Empty(d.t), "/cloudpay_", "/shop_", 1)
	}, doctor.CheckStore, doctor.LevelFault, "has no database of that name"},
	{"TLS that the server has not", func(d server) string {
		return strings.Replace(d.Migrated(d.t), "sslmode=disable", "sslmode=require", 1)
	}, doctor.CheckStore, doctor.LevelFault, "speaks no TLS"},
	{"a server that admits with TLS only", func(d server) string {
		d.exec(d.admin, "CREATE ROLE encrypted LOGIN")
		d.admits("hostssl all encrypted all trust\nhost all encrypted all reject")
		return as(d.t, d.Migrated(d.t), "encrypted", "", "disable")
	}, doctor.CheckStore, doctor.LevelFault, "pg_hba.conf"},
	{"a user who may not connect to the database", func(d server) string {
		address := d.Migrated(d.t)
		d.exec(d.admin, "CREATE ROLE outside LOGIN", "REVOKE CONNECT ON DATABASE "+nameOf(d.t, address)+" FROM PUBLIC")
		return as(d.t, address, "outside", "", "disable")
	}, doctor.CheckStore, doctor.LevelFault, "may not use that database"},
	{"no connection left for the user", func(d server) string {
		d.exec(d.admin, "CREATE ROLE crowded LOGIN CONNECTION LIMIT 0")
		return as(d.t, d.Migrated(d.t), "crowded", "", "disable")
	}, doctor.CheckStore, doctor.LevelFault, "has no connection left"},
	{"missing rights", func(d server) string {
		address := d.Migrated(d.t)
		d.exec(d.admin, "CREATE ROLE reader LOGIN")
		d.exec(storetest.Raw(d.t, address), "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
		return as(d.t, address, "reader", "", "disable")
	}, doctor.CheckRights, doctor.LevelFault, "GRANT INSERT, UPDATE ON cloudpay_orders TO reader;"},
	{"no right at all", func(d server) string {
		d.exec(d.admin, "CREATE ROLE stranger LOGIN")
		return as(d.t, d.Migrated(d.t), "stranger", "", "disable")
	}, doctor.CheckRights, doctor.LevelFault, "GRANT SELECT ON cloudpay_schema TO stranger;"},
	{"a schema that the user does not see", func(d server) string {
		address := d.Migrated(d.t)
		d.exec(d.admin, "CREATE ROLE blind LOGIN")
		d.exec(storetest.Raw(d.t, address), "REVOKE USAGE ON SCHEMA public FROM PUBLIC", "GRANT ALL ON ALL TABLES IN SCHEMA public TO blind")
		return as(d.t, address, "blind", "", "disable")
	}, doctor.CheckSchema, doctor.LevelFault, "GRANT USAGE ON SCHEMA public"},
	{"a database without tables", func(d server) string {
		return d.Empty(d.t)
	}, doctor.CheckSchema, doctor.LevelFault, "run `cloudpay orders migrate`"},
	{"the schema of the release before", func(d server) string {
		address := d.Empty(d.t)
		if _, err := migrate.UpTo(d.t.Context(), address, 2); err != nil {
			d.t.Fatal(err)
		}
		return address
	}, doctor.CheckSchema, doctor.LevelFault, "run `cloudpay orders migrate`"},
	{"an index that was not built to its end", func(d server) string {
		address := d.Migrated(d.t)
		// The division by zero ends the build, as a lost connection would.
		_, err := storetest.Raw(d.t, address).ExecContext(d.t.Context(), "CREATE INDEX CONCURRENTLY cloudpay_half ON cloudpay_schema ((1 / (version - 3)))")
		if err == nil {
			d.t.Fatal("the index was built")
		}
		return address
	}, doctor.CheckSchema, doctor.LevelFault, "REINDEX INDEX CONCURRENTLY cloudpay_half"},
	{"a table that was dropped", func(d server) string {
		address := d.Migrated(d.t)
		d.exec(storetest.Raw(d.t, address), "DROP TABLE cloudpay_receivers")
		return address
	}, doctor.CheckSchema, doctor.LevelFault, "tables are missing: cloudpay_receivers"},
	{"a migration that ended half-way", func(d server) string {
		address := d.Migrated(d.t)
		d.exec(storetest.Raw(d.t, address), "DELETE FROM cloudpay_migrations WHERE version_id = 3")
		return address
	}, doctor.CheckSchema, doctor.LevelFault, "its record is at step 2, and the schema at step 3"},
	{"sessions that are read-only", func(d server) string {
		address := d.Migrated(d.t)
		d.exec(d.admin, "ALTER DATABASE "+nameOf(d.t, address)+" SET default_transaction_read_only = on")
		return address
	}, doctor.CheckStore, doctor.LevelFault, "default_transaction_read_only = off"},
	{"sessions that are serializable", func(d server) string {
		address := d.Migrated(d.t)
		d.exec(d.admin, "ALTER DATABASE "+nameOf(d.t, address)+" SET default_transaction_isolation = serializable")
		return address
	}, doctor.CheckStore, doctor.LevelWarning, "serializable by default"},
	{"commits that are not flushed", func(d server) string {
		return d.Migrated(d.t)
	}, doctor.CheckStore, doctor.LevelWarning, "fsync = on"},
	{"rights that pruning lacks", func(d server) string {
		address := d.Migrated(d.t)
		d.exec(d.admin, "CREATE ROLE keeper LOGIN")
		d.exec(storetest.Raw(d.t, address), "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO keeper")
		return as(d.t, address, "keeper", "", "disable")
	}, doctor.CheckRights, doctor.LevelFault, "GRANT DELETE ON cloudpay_orders TO keeper;"},
	{"a certificate of an unknown authority", func(d server) string {
		d.encrypts(time.Now().AddDate(1, 0, 0), "127.0.0.1")
		return strings.Replace(d.Migrated(d.t), "sslmode=disable", "sslmode=verify-full", 1)
	}, doctor.CheckStore, doctor.LevelFault, "not signed by an authority that this machine trusts"},
	{"a certificate of another name", func(d server) string {
		root := d.encrypts(time.Now().AddDate(1, 0, 0), "192.0.2.1")
		return strings.Replace(d.Migrated(d.t), "sslmode=disable", "sslmode=verify-full&sslrootcert="+url.QueryEscape(root), 1)
	}, doctor.CheckStore, doctor.LevelFault, "for another name"},
	{"a certificate that has ended", func(d server) string {
		root := d.encrypts(time.Now().Add(-time.Hour), "127.0.0.1")
		return strings.Replace(d.Migrated(d.t), "sslmode=disable", "sslmode=verify-full&sslrootcert="+url.QueryEscape(root), 1)
	}, doctor.CheckStore, doctor.LevelFault, "expired or not yet valid"},
}

// livingMariaDB are the faults of MariaDB.
var livingMariaDB = []databaseFault{
	{"a wrong password", func(d server) string {
		d.exec(d.admin, "CREATE USER shop@'%' IDENTIFIED BY 'pa55word-that-is-right'")
		return as(d.t, d.Migrated(d.t), "shop", "pa55word-of-the-st0re", "")
	}, doctor.CheckStore, doctor.LevelFault, "refuses the user or the password"},
	{"a database that is not there", func(d server) string {
		return strings.Replace(d.Empty(d.t), "/cloudpay_", "/shop_", 1)
	}, doctor.CheckStore, doctor.LevelFault, "has no database of that name"},
	{"a user without a right on the database", func(d server) string {
		d.exec(d.admin, "CREATE USER outside@'%'")
		return as(d.t, d.Migrated(d.t), "outside", "", "")
	}, doctor.CheckStore, doctor.LevelFault, "may not use that database"},
	{"TLS that the server has not", func(d server) string {
		return d.Migrated(d.t) + "?tls=true"
	}, doctor.CheckStore, doctor.LevelFault, "speaks no TLS"},
	{"no connection left for the user", func(d server) string {
		address := d.Migrated(d.t)
		d.exec(d.admin, "CREATE USER crowded@'%' WITH MAX_USER_CONNECTIONS 1", "GRANT ALL ON "+nameOf(d.t, address)+".* TO crowded@'%'")
		address = as(d.t, address, "crowded", "", "")
		held, err := storetest.Raw(d.t, address).Conn(d.t.Context())
		if err != nil {
			d.t.Fatal(err)
		}
		d.t.Cleanup(func() { _ = held.Close() })
		return address
	}, doctor.CheckStore, doctor.LevelFault, "has no connection left"},
	{"missing rights", func(d server) string {
		address := d.Migrated(d.t)
		d.exec(d.admin, "CREATE USER reader@'%'", fmt.Sprintf("GRANT SELECT ON %s.%s TO reader@'%%'", nameOf(d.t, address), "*"))
		return as(d.t, address, "reader", "", "")
	}, doctor.CheckRights, doctor.LevelFault, "GRANT INSERT, UPDATE ON cloudpay_orders TO 'reader'@'%';"},
	{"a right that is missing on one table", func(d server) string {
		address := d.Migrated(d.t)
		name := nameOf(d.t, address)
		d.exec(d.admin, "CREATE USER nearly@'%'", fmt.Sprintf("GRANT SELECT ON %s.%s TO nearly@'%%'", name, "*"))
		for _, table := range []string{"orders", "numbers", "quotas", "receivers", "watermarks", "changes"} {
			d.exec(d.admin, "GRANT INSERT, UPDATE ON "+name+".cloudpay_"+table+" TO nearly@'%'")
		}
		return as(d.t, address, "nearly", "", "")
	}, doctor.CheckRights, doctor.LevelFault, "its user lacks INSERT, UPDATE on cloudpay_events |"},
	{"a database without tables", func(d server) string {
		return d.Empty(d.t)
	}, doctor.CheckSchema, doctor.LevelFault, "run `cloudpay orders migrate`"},
	{"a table that was dropped", func(d server) string {
		address := d.Migrated(d.t)
		d.exec(storetest.Raw(d.t, address), "DROP TABLE cloudpay_receivers")
		return address
	}, doctor.CheckSchema, doctor.LevelFault, "tables are missing: cloudpay_receivers"},
	{"a migration that ended half-way", func(d server) string {
		address := d.Migrated(d.t)
		d.exec(storetest.Raw(d.t, address), "DELETE FROM cloudpay_migrations WHERE version_id = 3")
		return address
	}, doctor.CheckSchema, doctor.LevelFault, "its record is at step 2, and the schema at step 3"},
	{"a user for whom no server is read-only", func(d server) string {
		return d.Migrated(d.t)
	}, doctor.CheckStore, doctor.LevelWarning, "READ_ONLY ADMIN"},
	{"sessions that never end", func(d server) string {
		return d.Migrated(d.t)
	}, doctor.CheckStore, doctor.LevelWarning, "wait_timeout = 60"},
	{"commits that are not flushed", func(d server) string {
		return d.Migrated(d.t)
	}, doctor.CheckStore, doctor.LevelWarning, "innodb_flush_log_at_trx_commit = 1"},
	{"a server that takes no writes", func(d server) string {
		address := d.Migrated(d.t)
		d.exec(d.admin, "SET GLOBAL read_only = ON")
		d.t.Cleanup(func() { d.exec(d.admin, "SET GLOBAL read_only = OFF") })
		return address
	}, doctor.CheckStore, doctor.LevelFault, "takes no writes (read_only)"},
}

// Each fault is made for real, and is the first that is found.
func TestLivingFaultsOfPostgres(t *testing.T) {
	examineServer(t, newServer(t, storetest.Postgres(t)), livingPostgres)
}

func TestLivingFaultsOfMariaDB(t *testing.T) {
	examineServer(t, newServer(t, storetest.MariaDB(t)), livingMariaDB)
}

// MySQL's own server words and counts some things otherwise than MariaDB. Where no such server is
// given the test is skipped (storetest.MySQL).
func TestLivingFaultsOfMySQL(t *testing.T) {
	examineServer(t, newServer(t, storetest.MySQL(t)), livingMariaDB)
}

// The faults of servers that are started for them alone.
var (
	// livingOldServer has a server say so: the client sees the version, and nothing else of it.
	livingOldServer = []databaseFault{{"a server that is too old", func(d server) string {
		return d.Migrated(d.t)
	}, doctor.CheckStore, doctor.LevelFault, "upgrade the server to MariaDB 10.6"}}
	livingStandby = []databaseFault{{"a replica", func(d server) string {
		return d.Empty(d.t)
	}, doctor.CheckStore, doctor.LevelFault, "a replica, which takes no writes"}}
	// livingPooler's clients share sessions by the statement, so that nothing can be committed
	// together.
	livingPooler = []databaseFault{{"a pooler in statement mode", func(d server) string {
		return d.Migrated(d.t)
	}, doctor.CheckStore, doctor.LevelFault, "pool_mode = transaction"}}
)

// A server that is too old is refused before anything is asked of it.
func TestLivingOldServer(t *testing.T) {
	examineServer(t, newServer(t, storetest.MariaDBWith(t, "--version=10.3.39-MariaDB-log")), livingOldServer)
}

func TestLivingStandby(t *testing.T) {
	pair := storetest.PostgresPair(t)
	rows := slices.Clone(livingStandby)
	rows[0].make = func(d server) string { return pair.StandbyAddress(d.t) }
	examineServer(t, server{t: t}, rows)
}

func TestLivingPooler(t *testing.T) {
	examineServer(t, newServer(t, storetest.PgBouncerIn(t, "statement")), livingPooler)
}

// examineServer makes each fault and examines what its address leads to, one after the other: some
// are settings of the whole server.
func examineServer(t *testing.T, d server, rows []databaseFault) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			own := d
			own.t = t
			livingFault{row.name, func(e *env) {
				e.withStore(row.make(own))
				if strings.Contains(row.name, "pruning") {
					e.vars["CLOUDPAY_PRUNE_AFTER"] = "90d"
				}
			}, row.check, row.level, row.says}.examine(t, newEnv(t))
		})
	}
}

// A server that is right has no fault, and what is said of it is true.
func TestLivingSoundServers(t *testing.T) {
	for name, start := range map[string]func(testing.TB) storetest.Database{
		"Postgres": storetest.Postgres, "MariaDB": storetest.MariaDB, "PgBouncer": storetest.PgBouncer, "MySQL": storetest.MySQL,
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t)
			address := d.Migrated(t)
			list := newEnv(t).withStore(address).examined()
			list.wantNoFault(t)
			list.of(doctor.CheckSchema).want(t, doctor.LevelFine, "this program is of step 3")
			list.of(doctor.CheckRights).want(t, doctor.LevelFine, "SELECT, INSERT, UPDATE")
			list.of(doctor.CheckClock).about("CLOUDPAY_STORE").want(t, doctor.LevelFine, "agrees with this machine's")
			list.of(doctor.CheckStore).saying("takes writes").want(t, doctor.LevelFine, "takes writes")
			product := map[string]string{"MySQL": "MySQL ", "MariaDB": "MariaDB ", "Postgres": "PostgreSQL ", "PgBouncer": "PostgreSQL "}[name]
			list.of(doctor.CheckStore).saying("| "+product).want(t, doctor.LevelFine, product)
			if pooled := len(list.of(doctor.CheckStore).saying("a pooler is on the way")) > 0; pooled != d.Pooled() {
				t.Errorf("a pooler: got %v, want %v:\n%s", pooled, d.Pooled(), list.text())
			}
		})
	}
}

// A certificate that is right is said to be, with the name that it was checked for.
func TestLivingCheckedCertificate(t *testing.T) {
	d := newServer(t, storetest.Postgres(t))
	root := d.encrypts(time.Now().AddDate(1, 0, 0), "127.0.0.1")
	address := strings.Replace(d.Migrated(t), "sslmode=disable", "sslmode=verify-full&sslrootcert="+url.QueryEscape(root), 1)
	list := newEnv(t).withStore(address).examined()
	list.wantNoFault(t)
	list.of(doctor.CheckStore).saying("encrypted").want(t, doctor.LevelFine, "(TLSv1.3), and its certificate was checked for the name 127.0.0.1")
}

func (d server) exec(db *sql.DB, statements ...string) {
	d.t.Helper()
	for _, statement := range statements {
		if _, err := db.ExecContext(context.Background(), statement); err != nil {
			d.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// admits puts lines before the one of pg_hba.conf that admits everyone.
func (d server) admits(lines string) {
	d.t.Helper()
	d.write("pg_hba.conf", lines+"\nhost all all all trust\n")
	d.exec(d.admin, "SELECT pg_reload_conf()")
}

// encrypts switches TLS on, with a certificate that ends at a time and is for an address. It
// returns the file of its authority. New connections have it when the server has reloaded.
func (d server) encrypts(until time.Time, address string) (root string) {
	d.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		d.t.Fatal(err)
	}
	number, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		d.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: number, Subject: pkix.Name{CommonName: "database"}, NotBefore: until.AddDate(-2, 0, 0), NotAfter: until,
		IPAddresses: []net.IP{net.ParseIP(address)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		d.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		d.t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	d.write("server.crt", string(certificate))
	d.write("server.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	d.exec(d.admin, "ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()")
	d.awaitCertificate(der)
	return writeFile(d.t, certificate)
}

// awaitCertificate returns when new connections get that certificate.
func (d server) awaitCertificate(der []byte) {
	d.t.Helper()
	var port string
	if err := d.admin.QueryRowContext(d.t.Context(), "SHOW port").Scan(&port); err != nil {
		d.t.Fatal(err)
	}
	for d.t.Context().Err() == nil {
		if got, err := certificateAt("127.0.0.1:" + port); err == nil && string(got) == string(der) {
			return
		}
	}
	d.t.Fatal("the server does not use its new certificate")
}

// write writes a file of the server's folder, for the user that runs it.
func (d server) write(name, text string) {
	d.t.Helper()
	var folder string
	if err := d.admin.QueryRowContext(d.t.Context(), "SHOW data_directory").Scan(&folder); err != nil {
		d.t.Fatal(err)
	}
	info, err := os.Stat(folder)
	if err != nil {
		d.t.Fatal(err)
	}
	const private = 0o600
	file := filepath.Join(folder, name)
	if err := os.WriteFile(file, []byte(text), private); err != nil {
		d.t.Fatal(err)
	}
	if owner, is := info.Sys().(*syscall.Stat_t); is && os.Geteuid() == 0 {
		if err := os.Chown(file, int(owner.Uid), int(owner.Gid)); err != nil {
			d.t.Fatal(err)
		}
	}
}

// as is an address with another user, and another TLS mode for PostgreSQL.
func as(t *testing.T, address, user, password, mode string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(user)
	if password != "" {
		u.User = url.UserPassword(user, password)
	}
	if mode != "" {
		u.RawQuery = "sslmode=" + mode
	}
	return u.String()
}

// nameOf is the name of an address's database.
func nameOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

// certificateAt is the certificate of PostgreSQL at an address, in DER.
func certificateAt(address string) ([]byte, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	letter := make([]byte, 1)
	if _, err := conn.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}); err != nil {
		return nil, err
	}
	if _, err := conn.Read(letter); err != nil || letter[0] != 'S' {
		return nil, fmt.Errorf("no TLS: %q %w", letter, err)
	}
	secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) // it is compared by the test
	if err := secure.HandshakeContext(context.Background()); err != nil {
		return nil, err
	}
	return secure.ConnectionState().PeerCertificates[0].Raw, nil
}
