package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"cloudpay/internal/bilingual"
)

// refusedBy words why the server was reached and a login was not completed. The text of the server
// or its driver is not shown: it may quote the address.
func (e *examination) refusedBy(f Finding, err error) Finding {
	for _, refusal := range refusals {
		if refusal.kind == e.database.kind && refusal.is(err) {
			return f.with(refusal.level, refusal.found, refusal.remedy)
		}
	}
	// The server answered, and the driver refused it.
	if isCertificate(err) {
		return e.untrusted(f, err)
	}
	// A server that hangs, and one that waits for the client to speak first, look alike.
	if isLate(err) {
		return f.fault(bilingual.New("its server was connected to, and did not answer in time", "已连接服务器，但数据库未及时应答"),
			bilingual.Sprintf("see what listens there, and how loaded it is; or correct host and port in %s",
				"请检查该端口上的服务及其负载，或更正 %s 中的主机与端口", e.database.addressLine()))
	}
	return f.fault(bilingual.New("its server was connected to, and what answered is no such database", "已连接服务器，但应答方不是该种数据库"),
		bilingual.Sprintf("see what listens there; or correct host and port in %s", "请检查该端口上的服务，或更正 %s 中的主机与端口",
			e.database.addressLine()))
}

// isLate reports whether a deadline ended an exchange: the caller's, the store's own, or the
// socket's.
func isLate(err error) bool {
	timeout, is := errors.AsType[net.Error](err)
	return errors.Is(err, context.DeadlineExceeded) || is && timeout.Timeout() || strings.HasPrefix(err.Error(), "no connection within")
}

// isCertificate reports whether the server's certificate was refused.
func isCertificate(err error) bool {
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, other := errors.AsType[x509.HostnameError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	return untrusted || unknown || other || invalid
}

// untrusted words a server's certificate that was refused.
func (e *examination) untrusted(f Finding, err error) Finding {
	found, _ := wrongCertificate(err, e.clockAgrees)
	return f.fault(found, map[string]bilingual.Text{
		"postgres": bilingual.New(
			"name the server by the name in its certificate, and the file of its authority:"+
				" CLOUDPAY_STORE=postgres://…?sslmode=verify-full&sslrootcert=FILE",
			"请使用证书中的主机名，并指定其 CA 文件：CLOUDPAY_STORE=postgres://…?sslmode=verify-full&sslrootcert=FILE"),
		"mysql": bilingual.New(
			"name the server by the name in its certificate, and add its authority to the system's: SSL_CERT_FILE=FILE, with"+
				" CLOUDPAY_STORE=mysql://…?tls=true",
			"请使用证书中的主机名，并将其 CA 加入系统信任：SSL_CERT_FILE=FILE，同时 CLOUDPAY_STORE=mysql://…?tls=true"),
	}[e.database.kind])
}

// refusals are a server's reasons for not letting in, the most specific first.
var refusals = []struct {
	kind          string
	is            func(error) bool
	level         Level
	found, remedy bilingual.Text
}{
	// PostgreSQL answered N to the request for TLS.
	{
		"postgres", func(err error) bool { return errors.Is(err, pq.ErrSSLNotSupported) }, LevelFault, noTLS,
		bilingual.New("switch TLS on there (ssl = on); or, in a private network alone, CLOUDPAY_STORE=postgres://…?sslmode=disable",
			"请在服务器启用 TLS（ssl = on）；仅在私有网络中可写 CLOUDPAY_STORE=postgres://…?sslmode=disable"),
	},
	// MySQL's greeting does not offer TLS.
	{
		"mysql", func(err error) bool { return errors.Is(err, mysql.ErrNoTLS) }, LevelFault, noTLS,
		bilingual.New("switch TLS on there; or, in a private network alone, leave tls out:"+
			" CLOUDPAY_STORE=mysql://USER:PASSWORD@HOST:3306/DATABASE",
			"请在服务器启用 TLS；仅在私有网络中可去掉 tls：CLOUDPAY_STORE=mysql://USER:PASSWORD@HOST:3306/DATABASE"),
	},
	// pg_hba.conf has no line for this user, database and host, with or without TLS.
	{
		"postgres", func(err error) bool {
			refusal, is := errors.AsType[*pq.Error](err)
			return is && refusal.Code == "28000" && strings.Contains(refusal.Message, "pg_hba.conf")
		}, LevelFault,
		bilingual.New("its server admits nobody from here by that user, database and TLS mode (pg_hba.conf)",
			"服务器的 pg_hba.conf 不允许以该用户、数据库与 TLS 方式从此处连接"),
		bilingual.New("add a line for it to pg_hba.conf, or encrypt if it has lines of hostssl only:"+
			" CLOUDPAY_STORE=postgres://…?sslmode=verify-full",
			"请在 pg_hba.conf 中加一行；若其中只有 hostssl，请加密：CLOUDPAY_STORE=postgres://…?sslmode=verify-full"),
	},
	// invalid_password, invalid_authorization_specification; PgBouncer says protocol_violation.
	{
		"postgres", postgresSays("28P01", "28000", "08P01"), LevelFault, wrongLogin,
		bilingual.New("correct USER and PASSWORD in CLOUDPAY_STORE=postgres://USER:PASSWORD@HOST:5432/DATABASE; write characters other than"+
			" letters and digits as %XX", "请更正 CLOUDPAY_STORE=postgres://USER:PASSWORD@HOST:5432/DATABASE 中的用户名与密码；字母、数字以外的字符写作 %XX"),
	},
	// ER_ACCESS_DENIED_ERROR, and without a password (MariaDB's socket plug-in).
	{
		"mysql", mysqlSays(1045, 1698), LevelFault, wrongLogin,
		bilingual.New("correct USER and PASSWORD in CLOUDPAY_STORE=mysql://USER:PASSWORD@HOST:3306/DATABASE; write characters other than"+
			" letters and digits as %XX", "请更正 CLOUDPAY_STORE=mysql://USER:PASSWORD@HOST:3306/DATABASE 中的用户名与密码；字母、数字以外的字符写作 %XX"),
	},
	// ER_HOST_NOT_PRIVILEGED: no user of any name may come from here.
	{
		"mysql", mysqlSays(1130), LevelFault,
		bilingual.New("its server lets no user in from this machine", "服务器不允许从本机连接"),
		bilingual.New("CREATE USER 'USER'@'%' there, or for the functions' addresses", "请在其中执行 CREATE USER 'USER'@'%'，或仅允许云函数的地址"),
	},
	// invalid_catalog_name: after the login, so that user and password are right.
	{
		"postgres", postgresSays("3D000"), LevelFault, noDatabase,
		bilingual.New("CREATE DATABASE there and run `cloudpay orders migrate`, or correct DATABASE in"+
			" CLOUDPAY_STORE=postgres://USER:PASSWORD@HOST:5432/DATABASE",
			"请执行 CREATE DATABASE 并运行 `cloudpay orders migrate`，或更正 CLOUDPAY_STORE=postgres://USER:PASSWORD@HOST:5432/DATABASE 中的数据库名"),
	},
	// ER_BAD_DB_ERROR: after the login too, to a user with rights on all databases.
	{
		"mysql", mysqlSays(1049), LevelFault, noDatabase,
		bilingual.New("CREATE DATABASE there and run `cloudpay orders migrate`, or correct DATABASE in"+
			" CLOUDPAY_STORE=mysql://USER:PASSWORD@HOST:3306/DATABASE",
			"请执行 CREATE DATABASE 并运行 `cloudpay orders migrate`，或更正 CLOUDPAY_STORE=mysql://USER:PASSWORD@HOST:3306/DATABASE 中的数据库名"),
	},
	// insufficient_privilege, at a login: CONNECT was revoked from PUBLIC.
	{"postgres", postgresSays("42501"), LevelFault, noUse, bilingual.New("GRANT CONNECT ON DATABASE … TO its user",
		"请执行 GRANT CONNECT ON DATABASE … TO 该用户")},
	// MySQL says the same of a database that does not exist, to a user without rights on it.
	{
		"mysql", mysqlSays(1044), LevelFault, noUse,
		bilingual.New("GRANT SELECT, INSERT, UPDATE ON DATABASE.* TO its user, or correct DATABASE in"+
			" CLOUDPAY_STORE=mysql://USER:PASSWORD@HOST:3306/DATABASE",
			"请执行 GRANT SELECT, INSERT, UPDATE ON DATABASE.* TO 该用户，或更正 CLOUDPAY_STORE=mysql://USER:PASSWORD@HOST:3306/DATABASE 中的数据库名"),
	},
	// ER_SECURE_TRANSPORT_REQUIRED: require_secure_transport is ON.
	{
		"mysql", mysqlSays(3159), LevelFault,
		bilingual.New("its server requires TLS, and the address has none", "服务器要求 TLS，而地址中未启用"),
		bilingual.Same("CLOUDPAY_STORE=mysql://USER:PASSWORD@HOST:3306/DATABASE?tls=true"),
	},
	// too_many_connections; MySQL's of the server, of a user, and of an hour.
	{"postgres", postgresSays("53300"), LevelFault, noPlace, fewerConnections},
	{"mysql", mysqlSays(1040, 1203, 1226), LevelFault, noPlace, fewerConnections},
	// cannot_connect_now, and ER_SERVER_SHUTDOWN: a moment later it may be up.
	{"postgres", postgresSays("57P03"), LevelWarning, starting, tryAgain},
	{"mysql", mysqlSays(1053), LevelWarning, starting, tryAgain},
}

var (
	noTLS      = bilingual.New("its server speaks no TLS, which the address requires", "服务器未启用 TLS，而地址要求 TLS")
	wrongLogin = bilingual.New("its server refuses the user or the password", "服务器拒绝该用户名或密码")
	noDatabase = bilingual.New("its server has no database of that name", "服务器上没有该名称的数据库")
	noUse      = bilingual.New("its user may not use that database", "该用户无权使用该数据库")
	noPlace    = bilingual.New("its server has no connection left", "服务器已没有空闲连接")
	starting   = bilingual.New("its server is starting or going down", "服务器正在启动或关闭")
	tryAgain   = bilingual.New("try again when it is up", "请在其启动后重试")

	fewerConnections = bilingual.New(
		"raise max_connections there, put a pooler in front (docs/databases.md), or have each instance use fewer: max_conns=2 in"+
			" CLOUDPAY_STORE",
		"请调高 max_connections，在其前面加连接池（docs/databases.md），或减少每个实例的连接：在 CLOUDPAY_STORE 中写 max_conns=2")
)

// postgresSays recognises an answer of PostgreSQL by its SQLSTATE
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
func postgresSays(codes ...string) func(error) bool {
	return func(err error) bool {
		refusal, is := errors.AsType[*pq.Error](err)
		for _, code := range codes {
			if is && string(refusal.Code) == code {
				return true
			}
		}
		return false
	}
}

// mysqlSays recognises an answer of MySQL or MariaDB by its number
// (https://mariadb.com/kb/en/mariadb-error-codes/).
func mysqlSays(numbers ...uint16) func(error) bool {
	return func(err error) bool {
		refusal, is := errors.AsType[*mysql.MySQLError](err)
		for _, number := range numbers {
			if is && refusal.Number == number {
				return true
			}
		}
		return false
	}
}
