package doctor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/store"
)

// maxDatabase limits connecting to the database and reading what its server says.
const maxDatabase = 5 * time.Second

// database is the store's database, as its address names it and as it was found.
type database struct {
	// kind is the store's name for it: postgres, mysql or sqlite; empty without a store.
	kind string
	// host and port are the server's; host is a path for a socket. Both are empty if the address
	// names several servers.
	host, port string
	// addresses are the host's, once it was resolved.
	addresses []netip.Addr
	// mode is the TLS mode, in the words of the address.
	mode string
	// open is a connection to it; nil until it is reached.
	open *sql.DB
	// silent says why it was not reached; empty if it was.
	silent bilingual.Text
	// unfit is set for a schema that cannot be used.
	unfit bool
	// standby is set for a server that takes no writes.
	standby bool
}

// databaseOf reads an address that the store has accepted.
func databaseOf(address string) database {
	u, err := url.Parse(address)
	if err != nil {
		return database{kind: "sqlite"} // sqlite: and a path that is no URL
	}
	switch u.Scheme {
	case "mysql", "mariadb":
		port := u.Port()
		if port == "" {
			port = "3306"
		}
		return database{kind: "mysql", host: u.Hostname(), port: port, mode: u.Query().Get("tls")}
	case "postgres", "postgresql":
		return postgresOf(u)
	}
	return database{kind: "sqlite"}
}

// isLocal reports whether the server is on this machine.
func (d database) isLocal() bool {
	for _, address := range d.addresses {
		if !address.IsLoopback() {
			return false
		}
	}
	return d.host == "" || strings.ContainsAny(d.host[:1], "/@") || len(d.addresses) > 0
}

// isPublic reports whether the server has an address of the internet.
func (d database) isPublic() bool {
	return slices.ContainsFunc(d.addresses, isPublic)
}

// carrierGrade is the shared address space, which clouds use inside (RFC 6598).
var carrierGrade = netip.MustParsePrefix("100.64.0.0/10")

// isPublic reports whether an address is one of the internet, and not of a machine, a link or a
// private network.
func isPublic(address netip.Addr) bool {
	address = address.Unmap()
	return address.IsGlobalUnicast() && !address.IsPrivate() && !carrierGrade.Contains(address)
}

// privateSuffixes end names that are resolved inside a network only (RFC 6762, RFC 8375, ICANN's
// .internal, and the search domains of containers and clouds).
var privateSuffixes = []string{".internal", ".local", ".lan", ".home.arpa", ".svc", ".intranet"}

// isPrivateName reports whether a name may be known in the functions' network only.
func isPrivateName(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, suffix := range privateSuffixes {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return !strings.Contains(host, ".")
}

// A connection is made in steps, so that the finding names the one that failed: the server's name
// is resolved, its port is connected to, the first bytes tell what listens there, and the driver
// then makes TLS, logs in and chooses the database. All of it shares one deadline.
//
// Whether a server that cannot be reached is a fault depends on its address. A public one, and one
// of this machine, is the same for the functions. A private address, or a name of a private zone,
// may be reachable where the functions run and not here: that is a warning.

// checkDatabase connects to the store's database, one step after the other, and has its server
// describe itself. Nothing is written.
func checkDatabase(ctx context.Context, e *examination) []Finding {
	address := e.settings.Store.Reveal()
	if e.app == nil || e.app.Store == nil {
		return nil
	}
	f := storeCheck.about(nameStore)
	if e.Offline {
		return []Finding{f.skipped(bilingual.New("not connected to, for --offline", "未连接（--offline）"))}
	}
	e.database = databaseOf(address)
	ctx, cancel := e.limited(ctx, maxDatabase, 2)
	defer cancel()
	if e.database.kind == "sqlite" {
		return e.checkFile(f, strings.TrimPrefix(strings.TrimPrefix(address, "sqlite:"), "//"))
	}
	if finding, reached := e.reach(ctx, f); !reached {
		e.database.silent = finding.Found
		return []Finding{finding}
	}
	if finding, connected := e.connect(ctx, f, address); !connected {
		e.database.silent = finding.Found
		return []Finding{finding}
	}
	return e.describe(ctx, f)
}

// reach resolves the server's name and connects to its port. A server whose address names several,
// or a socket, is left to the driver.
func (e *examination) reach(ctx context.Context, f Finding) (Finding, bool) {
	d := &e.database
	if d.host == "" || strings.ContainsAny(d.host[:1], "/@") {
		return f, true
	}
	resolve := e.lookUp
	if resolve == nil {
		resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	addresses, err := resolve(ctx, d.host)
	if err != nil {
		return e.unresolved(f, err), false
	}
	d.addresses = addresses
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(d.host, d.port))
	if err != nil {
		return e.unconnected(f, err), false
	}
	defer func() { _ = conn.Close() }() // nothing was written
	if err := greeted(ctx, conn, d.kind); err != nil {
		return e.refusedBy(f, err), false
	}
	return f, true
}

// errNoGreeting is the error of a server of another kind.
var errNoGreeting = errors.New("what answers is no such database")

// greeted exchanges the first bytes with a server, which tell what it is: MySQL sends a greeting or
// an error, and PostgreSQL answers one letter when it is asked for TLS. The drivers would take
// what another server sends for a message, of up to four gigabytes.
func greeted(ctx context.Context, conn net.Conn, kind string) error {
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // a socket that is broken fails below
	}
	if kind == "postgres" {
		// SSLRequest (https://www.postgresql.org/docs/current/protocol-message-formats.html).
		if _, err := conn.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}); err != nil {
			return fmt.Errorf("asking for TLS: %w", err)
		}
		return expect(conn, 1, func(head []byte) bool { return strings.ContainsRune("SNE", rune(head[0])) })
	}
	// The length of the packet, its number, and the protocol's version or 255 for an error
	// (https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html).
	return expect(conn, 5, func(head []byte) bool { return head[2] == 0 && head[3] == 0 && (head[4] == 10 || head[4] == 255) })
}

// expect reads so many bytes, and returns errNoGreeting if they are not right.
func expect(conn net.Conn, n int, right func(head []byte) bool) error {
	head := make([]byte, n)
	if _, err := io.ReadFull(conn, head); err != nil {
		return fmt.Errorf("reading the greeting: %w", err)
	}
	if !right(head) {
		return errNoGreeting
	}
	return nil
}

// addressLine is the line to change where the address is wrong.
func (d database) addressLine() string {
	return map[string]string{
		"postgres": nameStore + "=postgres://USER:PASSWORD@HOST:5432/DATABASE",
		"mysql":    nameStore + "=mysql://USER:PASSWORD@HOST:3306/DATABASE",
		"sqlite":   nameStore + "=sqlite:/path/to/file.db",
	}[d.kind]
}

// unresolved words a name that was not resolved. A private name may be known where the functions
// run.
func (e *examination) unresolved(f Finding, err error) Finding {
	found := bilingual.New("out of reach from here: the name of its server cannot be resolved", "从此处无法访问：服务器的域名无法解析")
	remedy := bilingual.Sprintf("correct the host in %s", "请更正 %s 中的主机名", e.database.addressLine())
	notFound, is := errors.AsType[*net.DNSError](err)
	if isPrivateName(e.database.host) || !is || !notFound.IsNotFound {
		return f.warning(found, bilingual.Sprintf("run doctor where the functions run; if it is the same there, %s",
			"请在云函数所在网络运行 doctor；若结果相同，%s", remedy))
	}
	return f.fault(found, remedy)
}

// unconnected words a port that was not connected to. A private address may be in the reach of the
// functions' network only, which a loopback address and a public one are not.
func (e *examination) unconnected(f Finding, err error) Finding {
	found := bilingual.New("out of reach from here: no connection to its server in time (a firewall or a security group drops it)",
		"从此处无法访问：未能及时连接服务器（可能被防火墙或安全组丢弃）")
	if errors.Is(err, syscall.ECONNREFUSED) {
		found = bilingual.New("out of reach from here: nothing listens at its port", "从此处无法访问：该端口无人监听")
	}
	remedy := bilingual.Sprintf("start the database, open its port to the functions (security group, VPC), or correct host and port in %s",
		"请启动数据库，向云函数开放其端口（安全组、VPC），或更正 %s 中的主机与端口", e.database.addressLine())
	if !e.database.isPublic() && !e.database.isLocal() {
		return f.warning(found, bilingual.Sprintf("run doctor where the functions run; if it is the same there, %s",
			"请在云函数所在网络运行 doctor；若结果相同，%s", remedy))
	}
	return f.fault(found, remedy)
}

// connect logs in to the database as the functions do.
func (e *examination) connect(ctx context.Context, f Finding, address string) (Finding, bool) {
	connector, _, err := store.Connector(address)
	if err != nil {
		return f.fault(bilingual.Wording(err), bilingual.Same(e.database.addressLine())), false // the store has accepted it
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close()
		return e.refusedBy(f, err), false
	}
	e.database.open = db
	return f, true
}
