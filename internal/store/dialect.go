package store

import (
	"strconv"
	"strings"
	"time"
)

// dialect is what differs between the databases. The statements are written once, with these words in them:
//
//	{now}   the database's clock, in microseconds where it has them, the same throughout a statement
//	{soon}  the same plus ? microseconds
//	{lock}  FOR UPDATE
//	{skip}  FOR UPDATE SKIP LOCKED
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
			"{claim}", "",
		),
		numbered: true,
		ifNew:    " ON CONFLICT DO NOTHING",
		conns:    maxConns,
		at:       utc,
		fault:    postgresFault,
	},
	"mysql": {
		words: strings.NewReplacer(
			"{now}", "UTC_TIMESTAMP(6)",
			"{soon}", "UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND",
			"{lock}", "FOR UPDATE",
			"{skip}", "FOR UPDATE SKIP LOCKED",
			"{claim}", "FORCE INDEX (cloudpay_orders_claim)",
		),
		ifNew: " ON DUPLICATE KEY UPDATE region = region",
		conns: maxConns,
		at:    utc,
		fault: mysqlFault,
	},
	"sqlite": {
		words: strings.NewReplacer(
			"{now}", sqliteNow,
			"{soon}", sqliteNow+" + ?",
			"{lock}", "",
			"{skip}", "",
			"{claim}", "",
		),
		ifNew: " ON CONFLICT DO NOTHING",
		conns: 1, // SQLite has one writer; waiting for a turn here ends with the context, waiting there does not
		at:    func(t time.Time) any { return nullable(t, t.UnixMicro()) },
		fault: sqliteFault,
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
