// Package ports takes the ports of an emulator before anything else is done, and says which process
// holds one that is taken.
//
// The ports are numbered from a base, so that a developer's settings stay right from one start to
// the next. An emulator that compiles for minutes and then finds a port taken has wasted the
// minutes: [Reserve] listens on all of them first, and keeps them until each is asked for.
package ports

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"syscall"

	"cloudpay/internal/bilingual"
)

// Base is the first port of an emulator that was given no other.
const Base = 9800

// Place is one thing that listens. The zero Address is any free port of the loopback interface.
type Place struct {
	Name    string // for errors: gateway
	Address string // host and port
}

// Numbered returns the loopback address of a port that is counted from a base; with base 0 any free
// port.
func Numbered(base, offset int) string {
	if base == 0 {
		offset = 0
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(base+offset))
}

// Reserved are listeners that wait to be used. A nil one is ready for use and has none. It is safe
// for concurrent use.
type Reserved struct {
	mu        sync.Mutex
	listeners map[string]net.Listener // by the place's name
}

// Reserve listens in all places. After an error it listens in none; the error names every address
// that is taken, with the process that holds it.
func Reserve(ctx context.Context, places ...Place) (*Reserved, error) {
	r := &Reserved{listeners: map[string]net.Listener{}}
	var faults []error
	for _, place := range places {
		l, err := listen(ctx, place)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		r.listeners[place.Name] = l
	}
	if len(faults) > 0 {
		r.Close()
		return nil, errors.Join(faults...)
	}
	return r, nil
}

// Listen returns the listener that was reserved under the place's name, once. In a place that was
// not reserved it listens now.
func (r *Reserved) Listen(ctx context.Context, place Place) (net.Listener, error) {
	if r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		if l := r.listeners[place.Name]; l != nil {
			delete(r.listeners, place.Name)
			return l, nil
		}
	}
	return listen(ctx, place)
}

// Address is where the listener listens that was reserved under a name and was not asked for yet,
// as host and port; empty if there is none.
func (r *Reserved) Address(name string) string {
	if r == nil {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.listeners[name]; l != nil {
		return l.Addr().String()
	}
	return ""
}

// Close ends the listeners that were not asked for.
func (r *Reserved) Close() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, l := range r.listeners {
		_ = l.Close() // nothing was accepted
		delete(r.listeners, name)
	}
}

// listen listens in one place.
func listen(ctx context.Context, place Place) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", place.Address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, bilingual.Errorf("the address of the %s, %s, is taken by %s", "%s 的监听地址 %s 已被%s占用",
			place.Name, place.Address, holderOf(place.Address))
	case err != nil:
		return nil, bilingual.Errorf("the address of the %s: %w", "%s 的监听地址：%w", place.Name, err)
	}
	return l, nil
}

// holderOf says which process listens at an address.
func holderOf(address string) bilingual.Text {
	_, text, err := net.SplitHostPort(address)
	port, notNumber := strconv.Atoi(text)
	if err != nil || notNumber != nil {
		return unknown
	}
	return holder(port)
}

// unknown is a holder that this user may not see, or that is gone by now.
var unknown = bilingual.New("a process that this user cannot see", "当前用户无法查看的进程")
