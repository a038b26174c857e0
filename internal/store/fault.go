package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/schedule"
)

// fault is a kind of failure, by what can be done about it.
type fault int

const (
	// faultOther: nothing that is known here.
	faultOther fault = iota
	// faultBusy: a deadlock, or a lock that was waited for too long. The transaction was rolled back, and is repeated.
	faultBusy
	// faultLost: the connection is gone, and what became of the transaction is not known. It is repeated; see the package's
	// comment on why that is safe.
	faultLost
	// faultReadOnly: the server takes no writes: it is a standby, or was the primary until a
	// failover. The transaction did nothing and is repeated, on another connection where it is time
	// for one (see dialing).
	faultReadOnly
	// faultLate: the caller's time is up.
	faultLate
	// faultSchema: a table or a column is missing.
	faultSchema
	// faultFull: the disk is full.
	faultFull
	// faultDenied: the user or the password is wrong, or a right is missing.
	faultDenied
	// faultPlain: TLS is wanted, and the server speaks none.
	faultPlain
	// faultCertificate: the server's certificate is not to be believed.
	faultCertificate
)

// fault says what kind of failure an error is.
func (s *Store) fault(err error) fault {
	if err == nil || schedule.IsAnswer(err) {
		return faultOther
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return faultLate
	}
	if known := s.d.fault(err); known != faultOther {
		return known
	}
	if isUntrusted(err) {
		return faultCertificate
	}
	if isLost(err) {
		return faultLost
	}
	return faultOther
}

// passes reports whether another try, a moment later, may not meet the fault.
func (f fault) passes() bool { return f == faultBusy || f == faultLost || f == faultReadOnly }

// isLost knows a broken connection whatever the driver.
func isLost(err error) bool {
	for _, sign := range []error{
		errUnreachable, driver.ErrBadConn, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
		syscall.ECONNRESET, syscall.ECONNREFUSED, syscall.ECONNABORTED, syscall.EPIPE,
	} {
		if errors.Is(err, sign) {
			return true
		}
	}
	_, ok := errors.AsType[*net.OpError](err)
	return ok
}

// isUntrusted knows a certificate that was refused.
func isUntrusted(err error) bool {
	if _, is := errors.AsType[*tls.CertificateVerificationError](err); is {
		return true
	}
	if _, is := errors.AsType[x509.UnknownAuthorityError](err); is {
		return true
	}
	if _, is := errors.AsType[x509.HostnameError](err); is {
		return true
	}
	_, is := errors.AsType[x509.CertificateInvalidError](err)
	return is
}

// worded is the error as the caller is given it. What the database or its driver said may hold
// addresses, names and values, and is for the log alone (order.StoreError.Detail).
func (s *Store) worded(doing string, err error) error {
	if schedule.IsAnswer(err) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	kind := s.fault(err)
	reason, lasting := kind.reason()
	if remedy, known := s.d.remedies[kind]; known {
		reason = bilingual.Sprintf("%s: %s", "%s：%s", reason, remedy)
	}
	return &schedule.StoreError{Doing: doing, Reason: reason, Lasting: lasting, Err: err}
}

// reason is what is wrong, in words for whoever called, and whether it stays so until somebody does
// something about it.
func (f fault) reason() (reason bilingual.Text, lasting bool) {
	switch f {
	case faultBusy:
		return bilingual.New("the database was busy for too long", "数据库繁忙时间过长"), false
	case faultLost:
		return bilingual.New("the database is out of reach", "无法连接数据库"), false
	case faultReadOnly:
		return bilingual.New("the database takes no writes at present: it is a standby, or in maintenance",
			"数据库目前不可写：它是备库，或正在维护"), false
	case faultLate:
		return bilingual.New("the database did not answer in time", "数据库未及时应答"), false
	case faultSchema:
		return bilingual.New("the database lacks the store's tables or their newest form: run `cloudpay orders migrate`",
			"数据库缺少所需的表或不是最新结构：请运行 `cloudpay orders migrate`"), true
	case faultFull:
		return bilingual.New("the database's disk is full: nothing was written", "数据库磁盘已满：未写入任何内容"), false
	case faultDenied:
		return bilingual.New("the database lets this user not in, or not do this: check the user, the password, "+
			"the database's name and the user's rights", "数据库拒绝了该用户的登录或操作：请检查用户名、密码、数据库名及其权限"), true
	case faultPlain:
		return bilingual.New("the database's server speaks no TLS", "数据库服务器未启用 TLS"), true
	case faultCertificate:
		return bilingual.New("the certificate of the database's server is not to be believed", "数据库服务器的证书不可信"), true
	case faultOther:
	}
	return bilingual.New("the database refused it for a reason that is not known here; the log has its words",
		"数据库拒绝了该操作，原因未知；详见日志"), false
}
