package doctor_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/doctor"
)

// The far sides here stop in the midst of an answer, at any of its bytes, and keep the connection.
// The deadlines of the checks are counted, and shortened to some milliseconds: no test waits for
// the real ones, and an examination that ends has ended by them, since its own has minutes.

// longestCheck is how long one check may take at most, and shortened what tests make of it.
const (
	longestCheck = 5 * time.Second
	shortened    = 40 * time.Millisecond
)

// limits collects the limits of an examination's checks.
type limits struct {
	mu   sync.Mutex
	seen []time.Duration
}

func (l *limits) shorten(most time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, most)
	return shortened
}

// want fails if a check has no limit or too long a one.
func (l *limits) want(t *testing.T) {
	t.Helper()
	if len(l.seen) == 0 {
		t.Error("no check has a limit")
	}
	for _, most := range l.seen {
		if most > longestCheck {
			t.Errorf("a check may take %s, want %s at most", most, longestCheck)
		}
	}
}

// stopping passes requests on to a gateway, and ends no answer that is longer than so many bytes:
// it writes those, and holds the connection until the client hangs up.
func stopping(t *testing.T, gateway string, bytes int) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		request, err := http.NewRequestWithContext(r.Context(), r.Method, gateway+r.URL.RequestURI(), r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		request.Header, request.ContentLength = r.Header, r.ContentLength
		reply, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			return // the client has hung up
		}
		defer func() { _ = reply.Body.Close() }()
		wire, err := httputil.DumpResponse(reply, true)
		if err != nil {
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("taking the connection over: %v", err)
			return
		}
		defer func() { _ = conn.Close() }()
		if _, err := conn.Write(wire[:min(bytes, len(wire))]); err == nil {
			_, _ = conn.Read(make([]byte, 1)) // until it hangs up
		}
	}
}

// bytesBetween is a prime, so that the places are not those of one header in each answer.
const bytesBetween = 23

// A gateway that stops at one of many bytes of any answer, and one whose connection says nothing,
// end no examination late: each check has its limit, and together they end it.
func TestHangsAtAnyByte(t *testing.T) {
	t.Parallel()
	const longestAnswer = 1200 // of bytes; a signed refusal has some 700
	slots := make(chan struct{}, 8)
	for at := 0; at < longestAnswer; at += bytesBetween {
		t.Run(strconv.Itoa(at), func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			e := newEnv(t)
			e.behind(stopping(t, e.vars["WXPAY_BASE_URL"], at))
			var seen limits
			e.doctor.Limit(seen.shorten)
			list := e.examined()
			seen.want(t)
			if len(list.of(doctor.CheckMainDomain)) != 1 {
				t.Errorf("got no finding of the main domain:\n%s", list.text())
			}
		})
	}
}

// A store and a receiver that accept a connection and say nothing end by the limits, too. A byte
// now and then does not prolong them.
func TestHangsBeyondTheGateway(t *testing.T) {
	t.Parallel()
	silent := func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1<<20)); _, _ = conn.Read(make([]byte, 1)) }
	for name, far := range map[string]func(net.Conn){"silent": silent, "dripping": dripping, "flooding": flood} {
		for _, address := range []string{"postgres://u:pa55word-of-the-st0re@%s/shop?sslmode=disable", "mysql://u:pa55word-of-the-st0re@%s/shop"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				e := newEnv(t).sending()
				e.withStore(fmt.Sprintf(address, listening(t, far)))
				e.withReceiver(nil)
				e.vars["CLOUDPAY_NOTIFY_URL"] = "http://" + listening(t, far) + "/hook"
				var seen limits
				e.doctor.Limit(seen.shorten)
				list := e.examined()
				seen.want(t)
				for _, check := range []doctor.Check{doctor.CheckStore, doctor.CheckWebhook} {
					if f := list.of(check).worst(doctor.LevelFault); f.Check != check {
						t.Errorf("got no fault of %s:\n%s", check, list.text())
					}
				}
			})
		}
	}
}

// dripping says a byte of an answer that never ends for as long as the client listens.
func dripping(conn net.Conn) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := conn.Write([]byte{'H'}); err != nil {
			return
		}
	}
}

// The limits of checks that follow one another add up to less than the whole examination's.
func TestLimitsAddUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), doctor.DefaultTimeout)
	defer cancel()
	e := newEnv(t)
	e.withStore("sqlite:" + migrated(t, 3)).withReceiver(verifying(receiverKey))
	seen := map[time.Duration]int{}
	var mu sync.Mutex
	e.doctor.Limit(func(most time.Duration) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		seen[most]++
		return most
	})
	e.examinedWithin(ctx)
	// Groups that wait: addresses, database and receivers; the schema; queries and self-tests.
	const groups = 3
	for most := range seen {
		if most*groups > doctor.DefaultTimeout {
			t.Errorf("a limit of %s, %d times over, is more than %s", most, groups, doctor.DefaultTimeout)
		}
	}
}
