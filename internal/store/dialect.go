package store

import (
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/schedule"
)

// dialect is what differs between the databases. Each statement is written once, with these words
// in it:
//
//	{now}    the database's clock, to the microsecond if it can, the same throughout a statement
//	{soon}   {now} plus ? microseconds
//	{later}  the later of ? and {now}
//	{lock}   FOR UPDATE
//	{skip}   FOR UPDATE SKIP LOCKED
//	{same}   equal, or both NULL
//	{claim}  use the index of due orders: a hint for MySQL, whose planner has chosen another
//	{due}    use the index of due events, likewise
//	{occurred} the column that sorts events without a number, which are due since they occurred
//	{ended}  use the index of ended orders, likewise; for MySQL's the condition must have
//	         progress = 'done' AND due_at IS NULL
//	{byID}   find rows by their ids: a hint for MySQL, which has scanned small tables and met the
//	         locks of others
//	{ofOrder} find an order's events by its id, likewise
//	{stuck}  of orders that were given up, those that may not be withdrawn, as an index has them
//	{bury}   end an INSERT of tombstones, of which the first one for an order stays
//	?        an argument
type dialect struct {
	words *strings.Replacer
	// now is the clock, which the emulator shifts.
	now clockOf
	// numbered is set if arguments are written $1, $2, …
	numbered bool
	// compound is set if one statement may write to several tables: WITH … AS (UPDATE … RETURNING).
	compound bool
	// returning is set if UPDATE … FROM … RETURNING works.
	returning bool
	// standby is true on a server that takes no writes, whose data may be out of date; empty for a
	// database without servers.
	standby string
	// limited has the server end a query after a time, and returns the query's statement; nil where
	// the end of the context ends it. A server goes on with a query whose caller has gone.
	limited func(t tx, query string, most time.Duration) (string, error)
	// taken reports whether an INSERT failed because a row with its key exists, where it is worth
	// trying one that may; nil elsewhere.
	taken func(error) bool
	// ifNew ends an INSERT that skips rows whose key exists.
	ifNew string
	// conns bounds the open connections.
	conns int
	// at is the argument for a time; NULL for the zero time.
	at func(time.Time) any
	// endAll writes the ends of orders that are still under their claims, and their events. It
	// returns the row ids of those that it wrote.
	endAll func(t tx, orders []schedule.Ended) (written []int64, err error)
	// fault classifies an error of the driver.
	fault func(error) fault
	// remedies say what to write in the address against a fault. They follow the fault's reason.
	remedies map[fault]bilingual.Text
}

// sql translates a statement for the database.
func (d *dialect) sql(statement string) string {
	statement = d.now.shifted(d.words.Replace(statement))
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
			"{later}", "GREATEST(?::timestamptz, statement_timestamp())",
			"{lock}", "FOR UPDATE",
			"{skip}", "FOR UPDATE SKIP LOCKED",
			"{same}", "IS NOT DISTINCT FROM",
			"{claim}", "",
			"{due}", "",
			"{occurred}", "occurred_at",
			"{ended}", "",
			"{byID}", "",
			"{ofOrder}", "",
			"{stuck}", "withdrawn_at IS NULL",
			"{bury}", "ON CONFLICT DO NOTHING",
		),
		now:       clockOf{plain: "statement_timestamp()", plus: " + interval '%d microseconds'"},
		numbered:  true,
		compound:  true,
		returning: true,
		standby:   "pg_is_in_recovery()",
		limited:   limitedInPostgres,
		ifNew:     " ON CONFLICT DO NOTHING",
		conns:     maxConns,
		at:        utc,
		fault:     postgresFault,
		endAll:    endAtOnce,
		remedies: map[fault]bilingual.Text{
			faultPlain: bilingual.New("switch TLS on there, or write sslmode=disable in the address if the network in between is private",
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
			"{later}", "GREATEST(?, UTC_TIMESTAMP(6))",
			"{lock}", "FOR UPDATE",
			"{skip}", "FOR UPDATE SKIP LOCKED",
			"{same}", "<=>",
			"{claim}", "FORCE INDEX (cloudpay_orders_claim)",
			"{due}", "FORCE INDEX (cloudpay_events_due)",
			"{occurred}", "due_at",
			"{ended}", "FORCE INDEX (cloudpay_orders_claim)",
			"{byID}", "FORCE INDEX (PRIMARY)",
			"{ofOrder}", "FORCE INDEX (cloudpay_events_order)",
			"{stuck}", "due_at IS NULL AND ended_at IS NULL",
			"{bury}", "ON DUPLICATE KEY UPDATE hash = hash",
		),
		now:     clockOf{plain: "UTC_TIMESTAMP(6)", plus: " + INTERVAL %d MICROSECOND"},
		standby: "@@GLOBAL.read_only",
		limited: limitedInMySQL,
		ifNew:   " ON DUPLICATE KEY UPDATE region = region",
		taken:   takenInMySQL,
		conns:   maxConns,
		at:      utc,
		fault:   mysqlFault,
		endAll:  endJoined,
		remedies: map[fault]bilingual.Text{
			faultPlain: bilingual.New("switch TLS on there, or leave tls out of the address if the network in between is private",
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
			"{later}", "MAX(?, "+sqliteNow+")",
			"{lock}", "",
			"{skip}", "",
			"{same}", "IS",
			"{claim}", "",
			"{due}", "",
			"{occurred}", "occurred_at",
			"{ended}", "",
			"{byID}", "",
			"{ofOrder}", "",
			"{stuck}", "withdrawn_at IS NULL",
			"{bury}", "ON CONFLICT DO NOTHING",
		),
		now:    clockOf{plain: sqliteNow, plus: " + %d"},
		ifNew:  " ON CONFLICT DO NOTHING",
		conns:  1, // SQLite has one writer. A wait for this connection ends with the context, one in SQLite does not.
		at:     func(t time.Time) any { return nullable(t, t.UnixMicro()) },
		endAll: endEach,
		fault:  sqliteFault,
		remedies: map[fault]bilingual.Text{
			faultDenied: bilingual.New("of a SQLite file, that this program's user may write it and its folder",
				"SQLite 文件及其所在目录须可由运行者写入"),
		},
	},
}

// sqliteNow is SQLite's clock in microseconds. It counts whole milliseconds.
const sqliteNow = "CAST(ROUND(unixepoch('subsec') * 1000) AS INTEGER) * 1000"

func utc(t time.Time) any { return nullable(t, t.UTC().Truncate(time.Microsecond)) }

// nullable is NULL for the zero time, and argument for any other.
func nullable(t time.Time, argument any) any {
	if t.IsZero() {
		return nil
	}
	return argument
}
