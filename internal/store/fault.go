package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
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
	// faultSchema: a table or a column is missing.
	faultSchema
	// faultFull: the disk is full.
	faultFull
)

// fault says what kind of failure an error is.
func (s *Store) fault(err error) fault {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return faultOther
	}
	if known := s.d.fault(err); known != faultOther {
		return known
	}
	if isLost(err) {
		return faultLost
	}
	return faultOther
}

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
	network, ok := errors.AsType[*net.OpError](err)
	return ok && !network.Timeout()
}

// worded is the error as the caller is given it.
func (s *Store) worded(doing string, err error) error {
	switch s.fault(err) {
	case faultSchema:
		return fmt.Errorf("%s: the database lacks the store's tables or their newest form: run `cloudpay orders migrate`: %w", doing, err)
	case faultFull:
		return fmt.Errorf("%s: the database's disk is full: nothing was written: %w", doing, err)
	case faultBusy:
		return fmt.Errorf("%s: the database was busy for too long: %w", doing, err)
	case faultLost:
		return fmt.Errorf("%s: the database is out of reach: %w", doing, err)
	case faultOther:
	}
	return fmt.Errorf("%s: %w", doing, err)
}
