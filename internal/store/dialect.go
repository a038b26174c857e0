package store

import (
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
)

// dialect is what differs between the databases. The statements are written once, with these words in them:
//
//	{now}   the database's clock, in microseconds where it has them, the same throughout a statement
//	{soon}  the same plus ? microseconds
//	{lock}  FOR UPDATE
//	{skip}  FOR UPDATE SKIP LOCKED
//	{latest} what is committed by now, even in a transaction that has looked before under REPEATABLE READ
//	{claim} the hint to use the index of what is due, for the one database whose planner was seen to err
//	?       an argument
type dialect struct {
	words *strings.Replacer
	// numbered: arguments are $1, $2, …
	numbered bool
	// ifNew ends an INSERT that leaves rows alone whose key is there already.
	ifNew string
	// conns is how many connections are opened at most.
	conns int
	// at words a time as an argument.
	at func(time.Time) any
	// fault says what kind of failure an error of the driver's is.
	fault func(error) fault
	// remedies are what to write in the address against a fault.
	remedies map[fault]bilingual.Text
}

// sql words a statement for the database.
func (d *dialect) sql(statement string) string {
	statement = d.words.Replace(statement)
	if !d.numbered {
		return statement
	}
	var b strings.Builder
	n := 0
	for {
		before, after, found := strings.Cut(statement, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		n++
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
		statement = after
	}
}

var dialects = map[string]*dialect{
	"postgres": {
		words: strings.NewReplacer(
			"{now}", "statement_timestamp()",
			"{soon}", "statement_timestamp() + ?::bigint * interval '1 microsecond'",
			"{lock}", "FOR UPDATE",
			"{skip}", "FOR UPDATE SKIP LOCKED",
			"{latest}", "",
			"{claim}", "",
		),
		numbered: true,
		ifNew:    " ON CONFLICT DO NOTHING",
		conns:    maxConns,
		at:       utc,
		fault:    postgresFault,
		remedies: map[fault]bilingual.Text{
			faultPlain: bilingual.New("switch TLS on there, or write sslmode=disable in the address if nobody else can read on the way",
				"请在服务器启用 TLS；若途中无人可窃听，可在地址中写 sslmode=disable"),
			faultCertificate: bilingual.New("name the file of its authority with sslrootcert=… in the address and the server by the name "+
				"in its certificate, or write sslmode=require, which encrypts and checks no certificate",
				"请在地址中以 sslrootcert=… 指定其 CA 文件，并使用证书中的主机名；或写 sslmode=require（仅加密，不校验证书）"),
		},
	},
	"mysql": {
		words: strings.NewReplacer(
			"{now}", "UTC_TIMESTAMP(6)",
			"{soon}", "UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND",
			"{lock}", "FOR UPDATE",
			"{skip}", "FOR UPDATE SKIP LOCKED",
			"{latest}", "LOCK IN SHARE MODE",
			"{claim}", "FORCE INDEX (cloudpay_orders_claim)",
		),
		ifNew: " ON DUPLICATE KEY UPDATE region = region",
		conns: maxConns,
		at:    utc,
		fault: mysqlFault,
		remedies: map[fault]bilingual.Text{
			faultPlain: bilingual.New("switch TLS on there, or leave tls out of the address if nobody else can read on the way",
				"请在服务器启用 TLS；若途中无人可窃听，可在地址中去掉 tls"),
			faultCertificate: bilingual.New("name the server by the name in its certificate, add its authority to the system's "+
				"(SSL_CERT_FILE), or write tls=skip-verify, which encrypts and checks no certificate",
				"请使用证书中的主机名，并将其 CA 加入系统信任（SSL_CERT_FILE）；或写 tls=skip-verify（仅加密，不校验证书）"),
		},
	},
	"sqlite": {
		words: strings.NewReplacer(
			"{now}", sqliteNow,
			"{soon}", sqliteNow+" + ?",
			"{lock}", "",
			"{skip}", "",
			"{latest}", "",
			"{claim}", "",
		),
		ifNew: " ON CONFLICT DO NOTHING",
		conns: 1, // SQLite has one writer; waiting for a turn here ends with the context, waiting there does not
		at:    func(t time.Time) any { return nullable(t, t.UnixMicro()) },
		fault: sqliteFault,
		remedies: map[fault]bilingual.Text{
			faultDenied: bilingual.New("of a SQLite file, that it and its folder may be written by whoever runs this",
				"SQLite 文件及其所在目录须可由运行者写入"),
		},
	},
}

// sqliteNow has milliseconds: SQLite's clock has no more.
const sqliteNow = "CAST(ROUND(unixepoch('subsec') * 1000) AS INTEGER) * 1000"

func utc(t time.Time) any { return nullable(t, t.UTC().Truncate(time.Microsecond)) }

// nullable keeps the zero time as NULL.
func nullable(t time.Time, kept any) any {
	if t.IsZero() {
		return nil
	}
	return kept
}
