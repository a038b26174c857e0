package paygate

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// answerTime is how long a receiver may take to answer (pay.weixin.qq.com,
	// notification/introduction).
	answerTime = 5 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes, and shownAnswer what is kept.
	maxAnswer   = 64 << 10
	shownAnswer = 4 << 10
)

// notifyWaits are the pauses between the attempts of a notification, which begin with the first
// failure: a day and four minutes together (pay.weixin.qq.com, notification/introduction).
func notifyWaits() []time.Duration {
	return []time.Duration{
		15 * time.Second, 15 * time.Second, 30 * time.Second, 3 * time.Minute, 10 * time.Minute, 20 * time.Minute,
		30 * time.Minute, 30 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 3 * time.Hour, 3 * time.Hour,
		6 * time.Hour, 6 * time.Hour,
	}
}

// notifier delivers the notifications of a gateway's orders. It works in goroutines that exist only
// while attempts are due, and that [Gateway.Close] ends.
type notifier struct {
	gateway *Gateway
	client  *http.Client
	// host names besides this machine's that may be called, in lower case
	hosts []string
	// how long a receiver may take, and the pauses between attempts
	answerTime time.Duration
	waits      []time.Duration

	// one advance of the clock at a time
	advancing sync.Mutex
	// goroutines and callers that make attempts
	working sync.WaitGroup

	mu sync.Mutex
	// a running gateway's, for the next attempt
	timer *time.Timer
}

// newNotifier makes the notifier of a gateway, and connects it with the gateway's orders.
func newNotifier(g *Gateway, opts Options) *notifier {
	n := &notifier{gateway: g, answerTime: answerTime, waits: notifyWaits()}
	for _, host := range opts.NotifyHosts {
		n.hosts = append(n.hosts, strings.ToLower(host))
	}
	n.client = &http.Client{
		Transport: &http.Transport{
			DialContext:     n.dial,
			TLSClientConfig: &tls.Config{RootCAs: opts.NotifyRoots, MinVersion: tls.VersionTLS12},
			// an attempt is one connection, and shows what was sent and answered as it was
			DisableKeepAlives:  true,
			DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	book := &g.orders.notices
	book.allow = n.allow
	book.observe = opts.ObserveNotification
	book.start = func() { n.working.Go(n.work) }
	return n
}

// checkNotifyHosts returns an error for the first of [Options].NotifyHosts that is no host.
func checkNotifyHosts(hosts []string) error {
	for _, host := range hosts {
		if u, err := url.Parse("http://" + host); err != nil || u.Hostname() != host || u.Port() != "" || host == "" {
			if _, err := netip.ParseAddr(host); err != nil {
				return fmt.Errorf("Options.NotifyHosts: %q must be a host alone, without scheme, port and path, such as shop.example", host)
			}
		}
	}
	return nil
}

// resume has the attempts made that an earlier gateway left, and from now on those that become due.
func (n *notifier) resume(running bool) {
	book := n.gateway.orders
	book.mu.Lock()
	defer book.mu.Unlock()
	if running {
		book.notices.alarm = n.alarm
	}
	for range maxAtOnce {
		book.stir()
	}
}

// close ends the attempts that are under way, and waits until their goroutines have ended. The
// attempts count as never made.
func (n *notifier) close() {
	book := n.gateway.orders
	book.mu.Lock()
	book.notices.closed = true
	book.stir()
	book.mu.Unlock()
	n.mu.Lock()
	if n.timer != nil {
		n.timer.Stop()
	}
	n.mu.Unlock()
	n.working.Wait()
}

// alarm has a worker started when so much time has passed.
func (n *notifier) alarm(after time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.timer == nil {
		n.timer = time.AfterFunc(after, n.wake)
		return
	}
	n.timer.Reset(after)
}

// wake starts a worker if an attempt is due.
func (n *notifier) wake() {
	book := n.gateway.orders
	book.mu.Lock()
	defer book.mu.Unlock()
	book.stir()
}

// work makes attempts until none is due.
func (n *notifier) work() {
	for {
		due, ok := n.gateway.orders.takeDue(true)
		if !ok {
			return
		}
		n.attempt(&due, false)
	}
}

// advance moves the business clock on by d, and makes every attempt that becomes due on the way, at
// its time: one after the other, in the order of their times. It returns when they are answered.
func (n *notifier) advance(d time.Duration) error {
	n.advancing.Lock()
	defer n.advancing.Unlock()
	clock := n.gateway.clock
	if err := clock.check(d); err != nil {
		return err
	}
	for left := d; ; {
		n.deliverDue()
		step := n.step(left)
		if step > 0 {
			if err := clock.advance(step); err != nil {
				return err
			}
		}
		left -= step
		if left <= 0 {
			n.deliverDue()
			return nil
		}
	}
}

// step is how far the clock can move before an attempt is due or a refund ends, at most so far.
func (n *notifier) step(most time.Duration) time.Duration {
	book := n.gateway.orders
	book.mu.Lock()
	defer book.mu.Unlock()
	if wait, some := book.untilDue(); some {
		return max(min(wait, most), 0)
	}
	return most
}

// deliverDue makes the attempts that are due, one after the other, once those under way have ended.
func (n *notifier) deliverDue() {
	n.takeOver()
	for {
		due, ok := n.gateway.orders.takeDue(false)
		if !ok {
			return
		}
		n.attempt(&due, false)
	}
}

// takeOver waits until no attempt is under way, and keeps workers from making more.
func (n *notifier) takeOver() {
	book := n.gateway.orders
	for {
		book.mu.Lock()
		book.notices.serial = true
		idle := book.notices.workers == 0 && book.notices.flying == 0
		moved := book.notices.moved
		book.mu.Unlock()
		if idle || moved == nil {
			return
		}
		<-moved
	}
}

// SendNotification sends a notification again at once, whatever its state: a replay. It does not
// change when the schedule's next attempt is due, unless the receiver acknowledges it. It is an
// error if there is no such notification, or if its address may not be called; a receiver that does
// not acknowledge it is none.
func (g *Gateway) SendNotification(id string) (Notification, error) {
	again, err := g.orders.takeByID(id)
	if err != nil {
		return Notification{}, err
	}
	return g.notifier.attempt(&again, true), nil
}

// AwaitNotified waits until the newest notification of an order has been acknowledged, and returns
// it. It does not move the clock: an attempt that failed, and that the schedule repeats only later,
// is an error, as is a notification that will not be sent, or that there is none. If several owners
// have orders of that number, of must name one. If ctx ends first, the error is ctx's.
func (g *Gateway) AwaitNotified(ctx context.Context, outTradeNo string, of ...Owner) (Notification, error) {
	for {
		newest, settled, moved, err := g.orders.newest(outTradeNo, oneOf(of))
		switch {
		case err != nil:
			return newest, err
		case newest.State == noticeAcknowledged:
			return newest, nil
		case settled:
			return newest, conflict("notification %s of order %s is %s: %s", newest.ID, outTradeNo, newest.State, newest.why())
		}
		select {
		case <-moved:
		case <-g.closed:
			return newest, conflict("waiting for the notification of order %s: the gateway was closed", outTradeNo)
		case <-ctx.Done():
			return newest, fmt.Errorf("waiting for the notification of order %s: %w", outTradeNo, ctx.Err())
		}
	}
}

// why is a sentence about a notification that was not acknowledged.
func (n *Notification) why() string {
	why := n.Reason
	if last := len(n.Attempts) - 1; why == "" && last >= 0 {
		why = n.Attempts[last].Reason
	}
	if !n.Due.IsZero() {
		why = strings.TrimPrefix(why+"; the next attempt is due at "+timeText(n.Due), "; ")
	}
	return why
}

// MustWaitNotified waits until the newest notification of an order has been acknowledged, and
// returns it, or ends the test: also if its attempt failed, since the next one is due only after
// [Gateway.Advance].
func (s *Server) MustWaitNotified(outTradeNo string, of ...Owner) Notification {
	s.t.Helper()
	n, err := s.AwaitNotified(s.notifier.life(), outTradeNo, of...)
	s.must("waiting for a notification", err)
	return n
}

// gatewayLife is a context that ends when the gateway closes.
type gatewayLife struct{ closed <-chan struct{} }

// Deadline is none.
func (gatewayLife) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

// Done is closed when the gateway closes.
func (l gatewayLife) Done() <-chan struct{} { return l.closed }

// Err is non-nil once the gateway is closed.
func (l gatewayLife) Err() error {
	select {
	case <-l.closed:
		return context.Canceled
	default:
		return nil
	}
}

// Value is none.
func (gatewayLife) Value(any) any { return nil }

func (n *notifier) life() context.Context { return gatewayLife{n.gateway.closed} }

// allow returns an error unless an address may be called: this machine, by localhost or a loopback
// address, or one of [Options].NotifyHosts. Other names are not even looked up.
func (n *notifier) allow(address string) error {
	if err := checkNotifyURL(address); err != nil {
		return invalid("notify_url: %v", err)
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return invalid("notify_url: %v", err)
	}
	if host := parsed.Hostname(); !isLocal(host) && !n.isNamed(host) {
		return invalid("notify_url: the host %q is not this machine, and was not contacted: "+
			"to notify it, start with --notify-hosts %s (Options.NotifyHosts)", host, host)
	}
	return nil
}

// isLocal reports whether a host is this machine, without looking a name up.
func isLocal(host string) bool {
	address, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && address.Unmap().IsLoopback() && address.Zone() == ""
}

// isNamed reports whether a host is one of those that the options name.
func (n *notifier) isNamed(host string) bool { return slices.Contains(n.hosts, strings.ToLower(host)) }

// dial connects to a receiver. A name is looked up once; localhost must then be a loopback address.
func (n *notifier) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("reading the address: %w", err)
	}
	if !n.isNamed(host) {
		dialer.Control = onlyLoopback
	}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return conn, nil
}

// onlyLoopback refuses to connect to an address that is not this machine's.
func onlyLoopback(_, address string, _ syscall.RawConn) error {
	if at, err := netip.ParseAddrPort(address); err != nil || !at.Addr().Unmap().IsLoopback() {
		return fmt.Errorf("%s is not this machine's address", address)
	}
	return nil
}

// message is a notification as it is sent.
type message struct {
	header http.Header
	body   []byte
}

// flat is the header as the attempt shows it.
func (m message) flat() map[string]string {
	flat := make(map[string]string, len(m.header))
	for name, values := range m.header {
		flat[name] = strings.Join(values, ", ")
	}
	return flat
}

// attempt sends a notification once, or does what a fault wants in its place, and records it. The
// file has the payment or the refund before its receiver is told.
func (n *notifier) attempt(e *notice, replay bool) Notification {
	n.gateway.keep.flush()
	due := plan(e.Held)
	if due == nil || replay {
		due = n.gateway.faults.takeNotify(e, replay)
	}
	how := n.try(e, due)
	how.replay = replay
	for i := range how.attempts {
		how.attempts[i].Replay = replay
	}
	return n.gateway.orders.land(e.ID, how, n.waits)
}

// try makes an attempt that meets some faults.
func (n *notifier) try(e *notice, due plan) landing {
	if f := due.has(Lost); f != nil {
		return landing{lost: true, reason: "a fault lost it: it was not sent, and will not be"}
	}
	if f := due.has(Delay); f != nil {
		held := slices.DeleteFunc(slices.Clone(due), func(one Fault) bool { return one.Action == Delay })
		return landing{delay: f.Delay, held: held, reason: fmt.Sprintf("a fault delays it by %s", f.Delay)}
	}
	a := NotificationAttempt{Time: n.gateway.Time(), Faults: due.actions()}
	if due.has(Reset) != nil {
		a.Reason = "a fault lost this attempt on the way"
		return landing{attempts: []NotificationAttempt{a}}
	}
	m, err := n.compose(e, due)
	if err != nil {
		a.Reason = "it could not be made: " + err.Error()
		return landing{attempts: []NotificationAttempt{a}}
	}
	a.RequestHeader, a.RequestBody = m.flat(), string(m.body)
	return n.deliver(e, m, a, due)
}

// deliver sends a message, twice at the same time if a fault wants that. a is the attempt so far.
func (n *notifier) deliver(e *notice, m message, a NotificationAttempt, due plan) landing {
	times := 1
	if due.has(Duplicate) != nil {
		times = 2
	}
	how := landing{attempts: make([]NotificationAttempt, times)}
	var sending sync.WaitGroup
	for i := range how.attempts {
		sending.Go(func() { how.attempts[i] = n.deliverOnce(e, m, a, due) })
	}
	sending.Wait()
	how.broken = n.life().Err() != nil && !how.acknowledged()
	return how
}

// deliverOnce sends a message, and judges the answer.
func (n *notifier) deliverOnce(e *notice, m message, a NotificationAttempt, due plan) NotificationAttempt {
	status, answer, err := n.send(e.URL, m)
	if due.has(Drop) != nil {
		a.Reason = fmt.Sprintf("a fault lost the answer, which was %d", status)
		return a
	}
	a.HTTPStatus, a.Answer = status, string(answer[:min(len(answer), shownAnswer)])
	if err != nil {
		a.Reason = err.Error()
		return a
	}
	a.Acknowledged, a.Reason = judge(e.API, status, answer)
	if forgery := due.has(forgeries()...); a.Acknowledged && forgery != nil {
		a.Acknowledged = false
		a.Reason = fmt.Sprintf("the receiver acknowledged a notification that it must refuse (%s): it does not check it", forgery.Action)
	}
	if a.isProbe() && a.Acknowledged {
		a.Acknowledged = false
		a.Reason = "the receiver acknowledged a probe, whose signature is wrong: it does not check signatures"
	}
	return a
}

// isProbe reports whether the attempt was drawn to be a probe ([Signing].ProbeShare).
func (a *NotificationAttempt) isProbe() bool {
	return strings.HasPrefix(a.RequestHeader["Wechatpay-Signature"], probePrefix)
}

// send posts a message, and reads the answer. The error is one sentence without the address.
func (n *notifier) send(address string, m message) (status int, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(n.life(), n.answerTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(m.body))
	if err != nil {
		return 0, nil, fmt.Errorf("making the request: %w", err)
	}
	req.Header = m.header.Clone()
	resp, err := n.client.Do(req)
	if err != nil {
		return 0, nil, n.explain(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return resp.StatusCode, answer, n.explain(err)
	}
	return resp.StatusCode, answer, nil
}

// explain words a failed exchange.
func (n *notifier) explain(err error) error {
	if wrapped, is := errors.AsType[*url.Error](err); is {
		err = wrapped.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", n.answerTime)
	}
	return fmt.Errorf("there was no answer: %w", err)
}

// judge reports whether an answer acknowledges a notification, and says why not, or what is odd
// about it. In APIv3 the status alone counts: 200 or 204 (pay.weixin.qq.com,
// notification/introduction). In APIv2 the document has to say SUCCESS (doc v2/merchant
// 4011937248).
func judge(api string, status int, answer []byte) (acknowledged bool, reason string) {
	if api == apiV2 {
		return judgeV2(status, answer)
	}
	if status != http.StatusOK && status != http.StatusNoContent {
		return false, fmt.Sprintf("%d is neither 200 nor 204: the notification is not acknowledged", status)
	}
	body, err := decodeObject(answer)
	if code, said := body["code"].(string); err == nil && said && code != "SUCCESS" {
		return true, fmt.Sprintf("%d acknowledges it, though the body says %s", status, clipped(code))
	}
	return true, ""
}

// judgeV2 is judge for APIv2.
func judgeV2(status int, answer []byte) (acknowledged bool, reason string) {
	if status != http.StatusOK {
		return false, fmt.Sprintf("%d is not 200: the notification is not acknowledged", status)
	}
	doc, err := decodeV2(answer)
	if err != nil {
		return false, "the answer is not an APIv2 document: " + err.Error()
	}
	if code := doc.get("return_code"); code != "SUCCESS" {
		return false, fmt.Sprintf("return_code is %q, not SUCCESS: %s", clipped(code),
			cmp.Or(clipped(doc.get("return_msg")), "no return_msg says why"))
	}
	return true, ""
}

// clipped is a text from outside, for a sentence.
func clipped(text string) string {
	const most = 128
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
