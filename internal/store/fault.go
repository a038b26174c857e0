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

// fault is a kind of failure, by its remedy.
type fault int

const (
	// faultOther is a failure that is not known here.
	faultOther fault = iota
	// faultBusy is a deadlock, or a wait for a lock that took too long. The transaction was rolled
	// back and is repeated.
	faultBusy
	// faultLost is a lost connection. Whether the transaction was committed is unknown. It is
	// repeated; the package comment says why that is safe.
	faultLost
	// faultReadOnly means that the server takes no writes: it is a standby, or was the primary
	// until a failover. The transaction did nothing and is repeated, on a new connection if dialing
	// allows one.
	faultReadOnly
	// faultLate means that the caller's deadline has passed, or the time that a query was given.
	faultLate
	// faultSchema is a missing table or column.
	faultSchema
	// faultFull is a full disk.
	faultFull
	// faultDenied is a wrong user or password, or a missing right.
	faultDenied
	// faultPlain means that TLS is required and the server does not offer it.
	faultPlain
	// faultCertificate means that the server's certificate cannot be verified.
	faultCertificate
)

// fault classifies an error.
func (s *Store) fault(err error) fault {
	if err == nil || schedule.IsAnswer(err) {
		return faultOther
	}
	// The end of the caller's context comes first: the driver's error is a consequence of it.
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return faultLate
	}
	if errors.Is(err, errStandby) {
		return faultReadOnly
	}
	if errors.Is(err, errChanged) {
		return faultBusy
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

// passes reports whether the fault may be gone a moment later, so that another try makes sense.
func (f fault) passes() bool { return f == faultBusy || f == faultLost || f == faultReadOnly }

// isLost recognises a broken connection, whatever the driver.
func isLost(err error) bool {
	for _, sign := range []error{
		errUnreachable, driver.ErrBadConn, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
		syscall.ECONNRESET, syscall.ECONNREFUSED, syscall.ECONNABORTED, syscall.EPIPE,
	} {
		if errors.Is(err, sign) {
			return true
		}
	}
	return is[*net.OpError](err)
}

// isUntrusted recognises a certificate that was refused.
func isUntrusted(err error) bool {
	return is[*tls.CertificateVerificationError](err) || is[x509.UnknownAuthorityError](err) ||
		is[x509.HostnameError](err) || is[x509.CertificateInvalidError](err)
}

func is[T error](err error) bool {
	_, found := errors.AsType[T](err)
	return found
}

// worded is the error as the caller gets it. The text of the database or its driver may contain
// addresses, names and values, and is for the log only (schedule.StoreError.Detail).
func (s *Store) worded(doing string, err error) error {
	if schedule.IsAnswer(err) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if unfit, is := errors.AsType[*incompatibleError](err); is {
		return unfit.unfit(doing)
	}
	kind := s.fault(err)
	reason, lasting := kind.reason()
	if remedy, known := s.d.remedies[kind]; known {
		reason = bilingual.Sprintf("%s: %s", "%s：%s", reason, remedy)
	}
	return &schedule.StoreError{Doing: doing, Reason: reason, Lasting: lasting, Err: err}
}

// reason says what is wrong, in words for the caller, and whether the fault lasts until an operator
// removes it.
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
