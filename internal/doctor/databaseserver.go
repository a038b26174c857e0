package doctor

import (
	"context"
	"fmt"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/store"
)

// The rules judge a server by what it says of itself, whatever its kind: readPostgres and readMySQL
// fill in the same facts, and each rule has one finding. What the store sets by itself, such as the
// isolation of a transaction and the time zone of a time, is a fact and no fault.

// serverFacts is what a database server says of itself. The rules read nothing else.
type serverFacts struct {
	// product is PostgreSQL, MySQL or MariaDB; major and minor are of its version.
	product      string
	major, minor int
	// tls is the version of TLS on our own connection, as the server names it; empty without TLS.
	// It is not known behind a pooler, where it would be that of the pooler's connection.
	tls string
	// pooled is set if a pooler shares sessions between its clients.
	pooled bool
	// statements is set if that pooler gives each statement another session: nothing can be
	// committed together.
	statements bool
	// standby and readOnly are set for a server that takes no writes: a replica, or one that was
	// set so.
	standby, readOnly bool
	// isolation and zone are the defaults of a session.
	isolation, zone string
	// lax are settings with which a commit may be lost, each as NAME = VALUE to write instead.
	lax []string
	// most, used and kept are the connections that the server allows, has, and keeps for
	// administrators.
	most, used, kept int
	// exempt is set for a MySQL user that may write to a read-only server.
	exempt bool
	// idle is after how many seconds MySQL ends an idle session; 0 for PostgreSQL.
	idle int
}

// describe has the server describe itself, and judges it.
func (e *examination) describe(ctx context.Context, f Finding) []Finding {
	read := map[string]func(context.Context, *examination) (serverFacts, error){"postgres": readPostgres,
		"mysql": readMySQL}[e.database.kind]
	facts, err := read(ctx, e)
	if err != nil {
		finding := e.refusedBy(f, err)
		e.database.silent = finding.Found
		return []Finding{finding}
	}
	e.database.standby = facts.standby || facts.readOnly
	return e.judge(f, facts)
}

// judge applies the rules to what a server says.
func (e *examination) judge(f Finding, facts serverFacts) []Finding {
	findings := []Finding{
		tooOld(f, facts), e.encryption(f, facts), takesWrites(f, facts), connectionsLeft(f, facts), sessionDefaults(f, facts),
	}
	for _, rule := range []func(Finding, serverFacts) (Finding, bool){
		throughPooler, laxCommits, exemptUser, longIdle,
	} {
		if finding, applies := rule(f, facts); applies {
			findings = append(findings, finding)
		}
	}
	return findings
}

// leastVersions are the oldest servers that the store works with (docs/databases.md).
var leastVersions = map[string]struct{ major, minor int }{"PostgreSQL": {14, 0}, "MySQL": {8, 0}, "MariaDB": {10, 6}}

// tooOld compares the server's version with the oldest that is supported.
func tooOld(f Finding, s serverFacts) Finding {
	least := leastVersions[s.product]
	found := fmt.Sprintf("%s %d.%d", s.product, s.major, s.minor)
	if s.major < least.major || s.major == least.major && s.minor < least.minor {
		return f.fault(bilingual.Sprintf("%s, which is too old", "%s，版本过低", found),
			bilingual.Sprintf("upgrade the server to %s %d.%d or later", "请将服务器升级到 %s %d.%d 或更高", s.product, least.major, least.minor))
	}
	return f.fine(bilingual.Sprintf("%s, which the store supports", "%s，受支持", found))
}

// encryption judges TLS on our own connection: whether there is any, and whose certificate was
// checked.
func (e *examination) encryption(f Finding, s serverFacts) Finding {
	d := e.database
	checks := map[string]bilingual.Text{
		"true":        bilingual.Sprintf("its certificate was checked for the name %s", "已按主机名 %s 校验其证书", d.host),
		"verify-full": bilingual.Sprintf("its certificate was checked for the name %s", "已按主机名 %s 校验其证书", d.host),
		"verify-ca":   bilingual.New("its certificate's authority was checked, and its name was not", "已校验其证书的 CA，但未校验主机名"),
	}
	checked, strict := checks[d.mode]
	encrypted := s.tls != "" || s.pooled && (strict || d.mode == "require")
	verify := e.verifyingLine()
	switch {
	case encrypted && strict:
		return f.fine(bilingual.Sprintf("encrypted%s, and %s", "已加密%s，%s", behindSpace(s.tls), checked))
	// Nothing but the certificate tells the server from another on the way.
	case encrypted && d.isPublic():
		return f.warning(bilingual.Sprintf("encrypted%s over the internet, and its certificate was not checked: anything on the way"+
			" can pose as it",
			"经公网加密连接%s，但未校验其证书：途中的任何设备都可冒充它", behindSpace(s.tls)), verify)
	case encrypted:
		return f.fine(bilingual.Sprintf("encrypted%s; its certificate was not checked", "已加密%s；未校验其证书", behindSpace(s.tls)))
	case d.isLocal():
		return f.fine(bilingual.New("not encrypted, and on this machine", "未加密，位于本机"))
	case d.isPublic():
		return f.fault(bilingual.New("reached over the internet without TLS: its password and the orders can be read on the way",
			"经公网连接而未加密：途中可读到其密码与订单"), verify)
	}
	// checkStore has warned of the address, offline too.
	return f.fact(bilingual.New("not encrypted, on a private network", "未加密，位于私有网络"))
}

// verifyingLine is the line that has the server's certificate checked.
func (e *examination) verifyingLine() bilingual.Text {
	return bilingual.Same(e.database.addressLine() + map[string]string{"postgres": "?sslmode=verify-full",
		"mysql": "?tls=true"}[e.database.kind])
}

// behindSpace is a text with a space before it; empty for an empty one.
func behindSpace(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// takesWrites tells a primary from a replica.
func takesWrites(f Finding, s serverFacts) Finding {
	switch {
	// Its data may be old, too.
	case s.standby:
		return f.fault(bilingual.New("a replica, which takes no writes: no order can be registered or ended", "是只读副本，不可写：无法登记或结束订单"),
			bilingual.New("name the primary's host in CLOUDPAY_STORE, or promote this one", "请在 CLOUDPAY_STORE 中填写主库的主机名，或将其提升为主库"))
	// Transactions say READ WRITE themselves, and single statements do not.
	case s.readOnly && s.product == "PostgreSQL":
		return f.fault(bilingual.New("sessions are read-only by default: no order can be ended", "会话默认只读：无法结束订单"),
			bilingual.New("ALTER DATABASE … SET default_transaction_read_only = off, and of the user too (ALTER ROLE)",
				"请执行 ALTER DATABASE … SET default_transaction_read_only = off，并检查该用户（ALTER ROLE）"))
	case s.readOnly:
		return f.fault(bilingual.New("takes no writes (read_only): it is a replica, or was set so", "不可写（read_only）：它是只读副本，或被设为只读"),
			bilingual.New("name the primary's host in CLOUDPAY_STORE; on a primary, SET GLOBAL read_only = OFF",
				"请在 CLOUDPAY_STORE 中填写主库的主机名；若它是主库，请执行 SET GLOBAL read_only = OFF"))
	}
	return f.fine(bilingual.New("takes writes", "可写"))
}

// instanceConns is how many connections an instance of a function holds at most, unless the address
// says max_conns=N (docs/databases.md).
const instanceConns = 8

// connectionsLeft judges how many connections the server has left for instances of the functions.
// Those of other programs count too: they share the limit.
func connectionsLeft(f Finding, s serverFacts) Finding {
	if s.pooled {
		return f.fact(bilingual.New("the pooler decides how many connections there are", "连接数由连接池决定"))
	}
	left := max(s.most-s.kept-s.used, 0)
	found := bilingual.Sprintf("%d of %d connections are left, enough for %d instances of %d each", "剩余 %d/%d 个连接，可供 %d 个实例（每个 %d 个连接）",
		left, s.most, left/instanceConns, instanceConns)
	const few = 2 * instanceConns
	if left < few {
		return f.warning(found, fewerConnections)
	}
	return f.fine(found)
}

// sessionDefaults states the defaults that the store does not depend on: each transaction sets its
// own isolation, and times are UTC's. Under serializable isolation single statements are refused
// now and then, and repeated.
func sessionDefaults(f Finding, s serverFacts) Finding {
	isolation := strings.ToLower(strings.ReplaceAll(s.isolation, "-", " "))
	if isolation == "serializable" {
		return f.warning(bilingual.New("sessions are serializable by default: sweeps that run at once have to repeat their statements",
			"会话默认隔离级别为 serializable：同时运行的扫单须反复重试"),
			bilingual.New("set the default of the server, or of this user, to read committed", "请将服务器或该用户的默认隔离级别设为 read committed"))
	}
	return f.fact(bilingual.Sprintf("isolation %s, time zone %s by default; the store depends on neither",
		"默认隔离级别 %s，时区 %s；两者均不影响使用", isolation, clip(s.zone)))
}

// throughPooler says that a pooler is on the way, and refuses one in the mode in which transactions
// do not exist. Prepared statements, which a pooler in transaction mode may lose, are not used.
func throughPooler(f Finding, s serverFacts) (Finding, bool) {
	if s.statements {
		return f.fault(bilingual.New("a pooler on the way refuses transactions: it gives each statement another session",
			"途中的连接池不支持事务（按语句分配会话）"),
			bilingual.New("pool_mode = transaction (PgBouncer)", "请设置 pool_mode = transaction（PgBouncer）")), true
	}
	found := bilingual.New("a pooler is on the way (PgBouncer, RDS Proxy): the functions can use it; `cloudpay orders migrate` needs the"+
		" database's own address, by --store", "途中有连接池（PgBouncer、RDS Proxy）：函数可以使用；`cloudpay orders migrate` 须以 --store 指定数据库自身的地址")
	return f.fact(found), s.pooled
}

// laxCommits warns of settings with which a server answers before a commit is on its disk.
func laxCommits(f Finding, s serverFacts) (Finding, bool) {
	return f.warning(
		bilingual.New("commits are answered before they are on the disk: a power cut loses ends that were reported",
			"提交在落盘之前即应答：断电会丢失已上报的终态"),
		bilingual.Sprintf("set %s there", "请在服务器上设置 %s", strings.Join(s.lax, ", "))), len(s.lax) > 0
}

// exemptUser warns of a user for whom a read-only server is none: after a failover it would go on
// writing to the old primary.
func exemptUser(f Finding, s serverFacts) (Finding, bool) {
	return f.warning(
		bilingual.New("its user may write to a read-only server (SUPER, CONNECTION_ADMIN, READ_ONLY ADMIN): after a failover it would"+
			" write to the"+
			" old primary", "该用户可写只读服务器（SUPER、CONNECTION_ADMIN、READ_ONLY ADMIN）：主备切换后会继续写旧主库"),
		bilingual.New("name a user of its own: CREATE USER, GRANT SELECT, INSERT, UPDATE, DELETE ON DATABASE.* TO it",
			"请使用专门的用户：CREATE USER，并 GRANT SELECT, INSERT, UPDATE, DELETE ON DATABASE.*")), s.exempt
}

// longIdle warns of MySQL's default, with which the row locks of a lost instance stay for hours.
func longIdle(f Finding, s serverFacts) (Finding, bool) {
	const most = 600
	return f.warning(
		bilingual.Sprintf("ends idle sessions after %d s only: the connections and locks of a frozen or lost instance stay for as long",
			"空闲会话 %d 秒后才结束：被冻结或丢失的实例的连接与锁会一直保留", s.idle),
		bilingual.New("set wait_timeout = 60 there", "请在服务器上设置 wait_timeout = 60")), s.idle > most
}

// isPooled reports whether a pooler is on the way, and whether it refuses transactions. It begins a
// transaction and rolls it back, which is all that can be seen of a pooler's mode: PgBouncer
// refuses BEGIN in statement mode, and in session mode looks as no pooler does.
func (e *examination) isPooled(ctx context.Context) (pooled, statements bool, err error) {
	pooled, err = store.IsPooled(ctx, e.database.open, e.database.kind)
	if err != nil || !pooled {
		return pooled, false, err
	}
	tx, err := e.database.open.BeginTx(ctx, nil)
	if err != nil {
		// A standby refuses READ WRITE, which is another finding's.
		return true, !isLate(err) && !postgresSays("0A000", "25006")(err), nil
	}
	// PgBouncer lets the BEGIN through, and hangs up when the server is in a transaction.
	return true, tx.Rollback() != nil, nil
}
