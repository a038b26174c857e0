package platform

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strconv"
)

const (
	// portAttempts is how often a launch is attempted when another process takes the port.
	portAttempts = 5

	// Ports are below the ranges that Linux (32768 up), macOS and Windows (49152 up) use for
	// outgoing connections and for port 0. Otherwise every new connection on the machine could take
	// the port between its choice and the function's listening.
	firstPort, portCount = 20000, 12000
)

// errNoPort means that picking a port failed a hundred times.
var errNoPort = errors.New("no free port found on 127.0.0.1 between 20000 and 32000: stop what listens there")

// freePort picks a loopback port on which nothing listens now. The protocol passes a number to the
// process, not a socket, so another process may take the port in between; launch then tries again.
func freePort(ctx context.Context) (int, error) {
	var listening net.ListenConfig
	for range 100 {
		offset, err := rand.Int(rand.Reader, big.NewInt(portCount))
		if err != nil {
			return 0, fmt.Errorf("picking a port: %w", err)
		}
		port := firstPort + int(offset.Int64())
		l, err := listening.Listen(ctx, "tcp", loopback(port))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			return 0, fmt.Errorf("freeing port %d: %w", port, err)
		}
		return port, nil
	}
	return 0, errNoPort
}

// loopback is the address of a port on this machine.
func loopback(port int) string { return net.JoinHostPort(loopbackHost, strconv.Itoa(port)) }

// launch starts an instance and waits until it is ready, for timeouts.start. It tries another port
// when the process exits because its port was taken.
func (f *Function) launch(ctx context.Context) (*instance, error) {
	ctx, cancel := context.WithTimeout(ctx, f.spec.timeouts.start)
	defer cancel()
	var exit *exitError
	for attempt := 1; ; attempt++ {
		inst, err := f.launchOnce(ctx)
		if errors.As(err, &exit) && exit.portTaken() && attempt < portAttempts {
			continue
		}
		return inst, err
	}
}

// launchOnce is launch on one port. The process is gone when it returns an error.
func (f *Function) launchOnce(ctx context.Context) (*instance, error) {
	if err := f.mayGrow(); err != nil {
		return nil, err
	}
	p, err := protocols[f.spec.Runtime](ctx, f)
	if err != nil {
		return nil, err
	}
	inst, err := spawn(context.WithoutCancel(ctx), f.spec, p, f.log) // it lives until Close
	if err != nil {
		p.close()
		return nil, err
	}
	if err := f.admit(inst); err != nil {
		inst.end()
		return nil, err
	}
	if err := inst.connect(ctx); err != nil {
		f.discard(inst)
		if f.isClosed() {
			return nil, errClosed
		}
		return nil, err
	}
	return inst, nil
}
