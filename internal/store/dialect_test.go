package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"cloudpay/internal/schedule"
)

func TestDialects(t *testing.T) {
	t.Parallel()
	const statement = "SELECT {now} FROM x {claim} WHERE a = ? AND b < {soon} AND c > {later} {skip} {lock} {same}"
	for name, want := range map[string]string{
		"postgres": "SELECT statement_timestamp() FROM x  WHERE a = $1 AND b < statement_timestamp() + $2::bigint * interval '1 microsecond'" +
			" AND c > GREATEST($3::timestamptz, statement_timestamp()) FOR UPDATE SKIP LOCKED FOR UPDATE IS NOT DISTINCT FROM",
		"mysql": "SELECT UTC_TIMESTAMP(6) FROM x FORCE INDEX (cloudpay_orders_claim) WHERE a = ? AND b < UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND" +
			" AND c > GREATEST(?, UTC_TIMESTAMP(6)) FOR UPDATE SKIP LOCKED FOR UPDATE <=>",
		"sqlite": "SELECT " + sqliteNow + " FROM x  WHERE a = ? AND b < " + sqliteNow + " + ? AND c > MAX(?, " + sqliteNow + ")   IS",
	} {
		if got := dialects[name].sql(statement); got != want {
			t.Errorf("%s: got %s\nwant %s", name, got, want)
		}
	}
}

// MariaDB executes the first comment, and MySQL reads the second as a hint.
func TestLimitInMySQL(t *testing.T) {
	t.Parallel()
	const want = "/*M!100106 SET STATEMENT max_statement_time=1.050 FOR */ SELECT /*+ MAX_EXECUTION_TIME(1050) */ 1"
	if got, err := limitedInMySQL(tx{}, "SELECT 1", 1050*time.Millisecond); err != nil || got != want {
		t.Errorf("got %s and error %v, want %s", got, err, want)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		database string
		err      error
		want     fault
	}{
		{"mysql", &mysql.MySQLError{Number: 1213}, faultBusy},
		{"mysql", &mysql.MySQLError{Number: 1205}, faultBusy},
		{"mysql", &mysql.MySQLError{Number: 1020}, faultBusy},
		{"mysql", &mysql.MySQLError{Number: 1467}, faultBusy},
		{"mysql", &mysql.MySQLError{Number: 1927}, faultLost},
		{"mysql", &mysql.MySQLError{Number: 1040}, faultLost},
		{"mysql", &mysql.MySQLError{Number: 1146}, faultSchema},
		{"mysql", &mysql.MySQLError{Number: 1114}, faultFull},
		{"mysql", &mysql.MySQLError{Number: 1290}, faultReadOnly},
		{"mysql", &mysql.MySQLError{Number: 1792}, faultReadOnly},
		{"mysql", &mysql.MySQLError{Number: 1836}, faultReadOnly},
		{"mysql", &mysql.MySQLError{Number: 1045}, faultDenied},
		{"mysql", &mysql.MySQLError{Number: 1049}, faultDenied},
		{"mysql", &mysql.MySQLError{Number: 1142}, faultDenied},
		{"mysql", &mysql.MySQLError{Number: 3024}, faultLate},
		{"mysql", &mysql.MySQLError{Number: 1969}, faultLate},
		{"mysql", mysql.ErrNoTLS, faultPlain},
		{"mysql", &mysql.MySQLError{Number: 1062}, faultOther},
		{"mysql", mysql.ErrInvalidConn, faultLost},
		{"postgres", &pq.Error{Code: "40P01"}, faultBusy},
		{"postgres", &pq.Error{Code: "40001"}, faultBusy},
		{"postgres", &pq.Error{Code: "55P03"}, faultBusy},
		{"postgres", &pq.Error{Code: "57P01"}, faultLost},
		{"postgres", &pq.Error{Code: "08006"}, faultLost},
		{"postgres", &pq.Error{Code: "57014"}, faultLate},
		{"postgres", &pq.Error{Code: "42P01"}, faultSchema},
		{"postgres", &pq.Error{Code: "53100"}, faultFull},
		{"postgres", &pq.Error{Code: "25006"}, faultReadOnly},
		{"postgres", &pq.Error{Code: "0A000", Message: "cannot set transaction read-write mode during recovery"}, faultReadOnly},
		{"postgres", &pq.Error{Code: "0A000", Routine: "call_bool_check_hook", Message: "in anderer Sprache"}, faultReadOnly},
		{"postgres", &pq.Error{Code: "0A000", Message: "something else"}, faultOther},
		{"postgres", &pq.Error{Code: "42501"}, faultDenied},
		{"postgres", &pq.Error{Code: "28P01"}, faultDenied},
		{"postgres", &pq.Error{Code: "28000"}, faultDenied},
		{"postgres", &pq.Error{Code: "3D000"}, faultDenied},
		{"postgres", pq.ErrSSLNotSupported, faultPlain},
		{"postgres", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, faultCertificate},
		{"mysql", x509.HostnameError{Certificate: &x509.Certificate{}}, faultCertificate},
		{"mysql", &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, faultLost},
		{"mysql", context.DeadlineExceeded, faultLate},
		{"mysql", &schedule.LostClaimError{}, faultOther},
		{"postgres", &pq.Error{Code: "23505"}, faultOther},
		{"postgres", driver.ErrBadConn, faultLost},
		{"postgres", errUnreachable, faultLost},
		{"postgres", &net.OpError{Op: "dial", Err: errors.New("no route")}, faultLost},
		{"postgres", errors.New("other"), faultOther},
		{"sqlite", errors.New("other"), faultOther},
	} {
		s := &Store{d: dialects[test.database]}
		if got := s.fault(fmt.Errorf("wrapped: %w", test.err)); got != test.want {
			t.Errorf("%s, %v: got %d, want %d", test.database, test.err, got, test.want)
		}
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                 "",
		"a\x00b\n c":       "ab c",
		"\xff":             "?",
		"0123456789":       "0123456789",
		"0123456789a":      "0123456789",
		"012345678é":       "012345678",
		"订单不存在":            "订单不",
		" spaces  within ": "spaces wit",
	} {
		if got := line(text, 10); got != want || !utf8.ValidString(got) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
