package hosting_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/hosting"
)

// standingHeader is what the tests' requests say of themselves.
const standingHeader = "x-standing"

// standingOf believes a request's head, whose word for it is what a secret would prove.
func standingOf(head hosting.Request) hosting.Standing {
	return map[string]hosting.Standing{
		"proved": hosting.Proved, "named": hosting.Named, "unproved": hosting.Unproved, "notified": hosting.Notified, "": hosting.Refused,
	}[head.Header[standingHeader]]
}

// everybody is each standing with the number of its bodies that are read at a time.
var everybody = map[string]int{
	"proved": hosting.MaxReading, "named": hosting.MaxReading, "unproved": hosting.MaxUnproved, "notified": hosting.MaxUnproved,
}

// refusing answers a request whose body was withheld with 401, and any other with 200 and its body.
func refusing(_ context.Context, inv hosting.Invocation, r hosting.Request) (hosting.Response, error) {
	status := http.StatusOK
	if inv.Withheld {
		status = http.StatusUnauthorized
	}
	return hosting.Response{Status: status, Body: r.Body}, nil
}

// serveStandings serves a function that knows its callers by standingHeader.
func serveStandings(t *testing.T, h hosting.HTTPHandler, times hosting.WebTimes) *webFunction {
	t.Helper()
	return serveFunction(t, hosting.Function{HandleHTTP: h, Standing: standingOf}, times)
}

// A request whose head proves nothing, and whose body cannot, is answered without its body. The
// body is not asked for, and what arrives of it does not reach the handler.
func TestWebAnswersOnTheHead(t *testing.T) {
	t.Parallel()
	f := serveStandings(t, refusing, hosting.WebTimes{Body: time.Hour})
	const head = "POST / HTTP/1.1\r\nHost: x\r\n"
	for name, request := range map[string]string{
		"a byte of many":   head + "Content-Length: 60000\r\n\r\n{",
		"too long":         head + "Content-Length: 9000000\r\n\r\n{",
		"a chunk":          head + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
		"an expectation":   head + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n",
		"all of it":        head + "Content-Length: 2\r\n\r\n{}",
		"none, and hangup": head + "Connection: close\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &webFunction{t: t, address: f.address}
			got := f.speak(request)
			if !strings.HasPrefix(got, "HTTP/1.1 401 ") || !strings.Contains(got, "Connection: close\r\n") || !strings.HasSuffix(got, "\r\n\r\n") {
				t.Errorf("got %q, want 401 without a body, and the connection closed", got)
			}
		})
	}
	// Without a body there is none to wait for. The connection ends all the same: many requests in
	// a row on each of many connections keep a small instance busy.
	if got := f.send("GET", "/", ""); got.StatusCode != http.StatusUnauthorized || !got.Close {
		t.Errorf("without a body: got %d, closed: %t; want 401 and the connection closed", got.StatusCode, got.Close)
	}
	row := strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 40)
	if got := (&webFunction{t: t, address: f.address}).speak(row); strings.Count(got, "HTTP/1.1 401 ") != 1 {
		t.Errorf("40 requests in a row: got %q, want one answer", got)
	}
}

// Each standing's places are its own: with all of one taken by senders that hold their bodies back,
// every other standing is served as if the instance were idle.
func TestWebStandingsCostEachOtherNothing(t *testing.T) {
	t.Parallel()
	for attacker, places := range everybody {
		t.Run(attacker, func(t *testing.T) {
			t.Parallel()
			f := serveStandings(t, refusing, hosting.WebTimes{Body: time.Hour, Unproved: time.Hour})
			for range places {
				f.dawdleAs(attacker)
			}
			for name := range everybody {
				if got := f.send("POST", "/", "{}", standingHeader, name); name != attacker && (got.StatusCode != http.StatusOK || got.content != "{}") {
					t.Errorf("%s behind %d of %s: got %d %q, want 200", name, places, attacker, got.StatusCode, got.content)
				}
			}
			if got := f.send("POST", "/", "{}"); got.StatusCode != http.StatusUnauthorized {
				t.Errorf("a refused one behind %d of %s: got %d, want 401", places, attacker, got.StatusCode)
			}
			if got := f.send("GET", "/", "", standingHeader, attacker); got.StatusCode != http.StatusOK {
				t.Errorf("%s without a body: got %d, want 200", attacker, got.StatusCode)
			}
		})
	}
}

// The handlers of each standing are counted by themselves too.
func TestWebHandlersOfEachStanding(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}, hosting.MaxInFlight), make(chan struct{})
	f := serveStandings(t, func(_ context.Context, _ hosting.Invocation, r hosting.Request) (hosting.Response, error) {
		if r.Path == "/wait" {
			arrived <- struct{}{}
			<-release
		}
		return ok, nil
	}, hosting.WebTimes{})
	var waiting sync.WaitGroup
	for range hosting.MaxInFlight {
		waiting.Go(func() {
			if got := f.speak("POST /wait HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n" +
				standingHeader + ": unproved\r\n\r\n{}"); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
				t.Errorf("one that was answering: got %q, want 200", got)
			}
		})
	}
	for range hosting.MaxInFlight {
		<-arrived
	}
	f.wantRefusal(f.send("POST", "/", "{}", standingHeader, "unproved"), 429, "too many")
	for _, name := range []string{"proved", "named", ""} {
		if got := f.send("GET", "/", "", standingHeader, name); got.StatusCode != http.StatusOK {
			t.Errorf("%q: got %d, want 200", name, got.StatusCode)
		}
	}
	close(release)
	waiting.Wait()
}

// Where senders are not known, a body that does not come makes room for one that does: the oldest
// first, and only that.
func TestWebBodiesMakeRoom(t *testing.T) {
	t.Parallel()
	f := serveStandings(t, refusing, hosting.WebTimes{Body: time.Hour, Unproved: time.Hour})
	var finish []func(string) string
	for range hosting.MaxUnproved {
		finish = append(finish, f.dawdleAs("unproved"))
	}
	for n := range 2 {
		if got := f.send("POST", "/", "{}", standingHeader, "unproved"); got.StatusCode != http.StatusOK {
			t.Errorf("request %d behind them: got %d, want 200", n+1, got.StatusCode)
		}
	}
	if got := finish[0](""); !strings.HasPrefix(got, "\r\nHTTP/1.1 429 ") || !strings.Contains(got, "FREQUENCY_LIMITED") {
		t.Errorf("the oldest: got %q, want 429", got)
	}
	// The first of the two requests behind took the oldest one's place and gave it back, so the
	// second had that.
	for n, finish := range finish[1:] {
		if got := finish("{}"); !strings.HasPrefix(got, "\r\nHTTP/1.1 200 ") {
			t.Fatalf("body %d, when it comes: got %q, want 200", n+2, got)
		}
	}
}

// Known senders' bodies make no room for others'.
func TestWebProvedBodiesStay(t *testing.T) {
	t.Parallel()
	f := serveStandings(t, refusing, hosting.WebTimes{Body: time.Hour})
	var finish []func(string) string
	for range hosting.MaxReading {
		finish = append(finish, f.dawdleAs("proved"))
	}
	f.wantRefusal(f.send("POST", "/", "{}", standingHeader, "proved"), 429, "too many")
	for _, finish := range finish {
		if got := finish("{}"); !strings.HasPrefix(got, "\r\nHTTP/1.1 200 ") {
			t.Fatalf("when it comes: got %q, want 200", got)
		}
	}
}

// dawdleAs begins a request of that standing with a body of two bytes, waits until the function
// reads that, and sends nothing more until finish, which sends what it is given and returns what
// comes after "100 Continue".
func (f *webFunction) dawdleAs(standing string) (finish func(body string) string) {
	f.t.Helper()
	conn := f.dial()
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+standingHeader+": "+standing+
		"\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
	answer := bufio.NewReader(conn)
	if line, err := answer.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		f.t.Fatalf("got %q and error %v, want 100 Continue", line, err)
	}
	return func(body string) string {
		_, _ = io.WriteString(conn, body)
		rest, err := io.ReadAll(answer)
		if err != nil {
			f.t.Errorf("the answer broke off: %v", err)
		}
		return string(rest)
	}
}

// A body has less time where its sender is not known, and no more room than any other.
func TestWebUnprovedBodies(t *testing.T) {
	t.Parallel()
	f := serveStandings(t, refusing, hosting.WebTimes{Body: time.Hour, Unproved: 50 * time.Millisecond})
	got := f.speak("POST / HTTP/1.1\r\nHost: x\r\n" + standingHeader + ": unproved\r\nContent-Length: 9\r\n\r\nslow")
	if !strings.HasPrefix(got, "HTTP/1.1 400 ") || !strings.Contains(got, "did not arrive") {
		t.Errorf("a slow one: got %q, want that the body did not arrive", got)
	}
	f = serveStandings(t, refusing, hosting.WebTimes{})
	most := strings.Repeat("x", hosting.MaxWebBody)
	if got := f.send("POST", "/", most, standingHeader, "unproved"); got.StatusCode != http.StatusOK || got.content != most {
		t.Errorf("the longest: got %d, want 200 and all of it", got.StatusCode)
	}
	f.wantRefusal(f.send("POST", "/", most+"x", standingHeader, "unproved"), 413, "at most 65 KiB")
}

// deadlines notes what a request's connection is told of when to stop reading.
type deadlines struct {
	timedRecorder

	read []time.Duration // from now, 0 for no deadline
}

func (d *deadlines) SetReadDeadline(deadline time.Time) error {
	left := time.Duration(0)
	if !deadline.IsZero() {
		left = time.Until(deadline)
	}
	d.read = append(d.read, left)
	return nil
}

func newPost(body, standing string) *http.Request {
	request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	request.Header.Set(standingHeader, standing)
	return request
}

func TestWebUnprovedBodyHasFiveSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for standing, want := range map[string]string{"unproved": "[5s 0s]", "proved": "[]", "named": "[]", "": "[1s]"} {
			rw := &deadlines{timedRecorder: timedRecorder{ResponseRecorder: httptest.NewRecorder()}}
			hosting.AnswerFunction(rw, newPost("{}", standing), hosting.Function{HandleHTTP: refusing, Standing: standingOf})
			if got := fmt.Sprint(rw.read); got != want {
				t.Errorf("%q: the connection was told %s, want %s", standing, got, want)
			}
		}
	})
}

// What may be a notification may be as long as WeChat Pay says, over the wire too.
func TestWebNotificationsMayBeLong(t *testing.T) {
	t.Parallel()
	f := serveStandings(t, refusing, hosting.WebTimes{})
	most := strings.Repeat("x", hosting.MaxNotification)
	if got := f.send("POST", "/", most, standingHeader, "notified"); got.StatusCode != http.StatusOK || got.content != most {
		t.Errorf("of %d bytes: got %d and %d bytes, want all of them", len(most), got.StatusCode, len(got.content))
	}
	f.wantRefusal(f.send("POST", "/", most+"x", standingHeader, "notified"), 413, "1088 KiB")
	f.wantRefusal(f.send("POST", "/", most, standingHeader, "unproved"), 413, "65 KiB")
}

// waiting is the rest of a body that is longer than most: it says when it is asked for, and ends
// when it may.
type waiting struct{ asked, end chan struct{} }

func (w waiting) Read([]byte) (int, error) {
	w.asked <- struct{}{}
	<-w.end
	return 0, io.EOF
}

// Few long bodies are read at a time, since anybody may send them. The others are refused, and
// shorter ones are read beside them.
func TestLongNotificationsAreFew(t *testing.T) {
	t.Parallel()
	read := hosting.ReadNotification()
	long, short := strings.Repeat("x", hosting.MaxWebBody+1), strings.Repeat("x", hosting.MaxWebBody)
	slow := waiting{make(chan struct{}), make(chan struct{})}
	var readers sync.WaitGroup
	for range hosting.MaxLong {
		readers.Go(func() {
			body, status := read(httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader(long), slow)))
			if status != 0 || string(body) != long {
				t.Errorf("a long one: got %d and %d bytes, want all of it", status, len(body))
			}
		})
	}
	for range hosting.MaxLong {
		<-slow.asked
	}
	if _, status := read(httptest.NewRequest(http.MethodPost, "/", strings.NewReader(long))); status != http.StatusTooManyRequests {
		t.Errorf("one too many: got %d, want 429", status)
	}
	if body, status := read(httptest.NewRequest(http.MethodPost, "/", strings.NewReader(short))); status != 0 || string(body) != short {
		t.Errorf("a shorter one: got %d and %d bytes, want all of it", status, len(body))
	}
	close(slow.end)
	readers.Wait()
	if _, status := read(httptest.NewRequest(http.MethodPost, "/", strings.NewReader(long))); status != 0 {
		t.Errorf("afterwards: got %d, want it read", status)
	}
}
