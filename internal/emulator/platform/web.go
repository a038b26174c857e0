package platform

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// webPrefix begins the names of the headers in which the platform describes the request to a web
// function (SCF doc "web function").
const webPrefix = "X-Scf-"

// web is plain HTTP to a function that is a server (SCF doc "web function", docs.cloudbase.net
// "HTTP 云函数"). A request's headers and body come as they were sent, except for the hop-by-hop
// headers and the platform's X-Scf-*, which it sets. SCF always uses port 9000 and cloud hosting
// the one in PORT; here it is PORT, because many functions run side by side. A process that listens
// on 9000 all the same is found there where the system tells (Linux).
type web struct{ port int }

// scfPort is the port of every web function on SCF.
const scfPort = 9000

// variables have PORT; the others are SCF's constants.
func (s *web) variables() []string {
	return []string{"SCF_RUNTIME=Go1", "_SCF_SERVER_PORT=28902", "PORT=" + strconv.Itoa(s.port)}
}

// connect waits until the port is open, as SCF does. It sends no request: every path is the
// function's.
func (s *web) connect(ctx context.Context, i *instance) error {
	for pause := firstDialPause; ; pause = min(2*pause, lastDialPause) {
		if listensOn(i.process.Pid, scfPort) {
			s.port = scfPort
		}
		if s.listens(ctx, i) {
			return nil
		}
		if err := i.rest(ctx, pause, s.port, "PORT"); err != nil {
			return err
		}
	}
}

// listens reports whether the port is open, and is this process's.
func (s *web) listens(ctx context.Context, i *instance) bool {
	return s.answers(ctx, i) && mayListen(i.process.Pid, s.port)
}

// close does nothing: each request has a connection of its own.
func (*web) close() {}

// answers reports whether the port is still open. A server that accepts and then hangs is ended by
// the time limit.
func (s *web) answers(ctx context.Context, _ *instance) bool {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", loopback(s.port))
	if err != nil {
		return false
	}
	_ = conn.Close() // nothing was sent
	return true
}

// invoke sends the request. The end of the process ends it even if a child of the process holds the
// connection open.
func (s *web) invoke(i *instance, c call) (*answer, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-i.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	// One connection a request: the transport repeats some requests that fail on a reused one.
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	response, err := transport.RoundTrip(s.request(ctx, c))
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusSwitchingProtocols {
		_ = response.Body.Close() // it is the raw connection, and ctx does not end reads from it
		return nil, errors.New("the answer switches protocols, which nothing asked for")
	}
	a := readAnswer(response.Body)
	_ = response.Body.Close() // it has been read
	if a == nil {
		return nil, errors.New("the answer broke off")
	}
	withoutHops(response.Header)
	a.web = &webAnswer{status: response.StatusCode, header: response.Header}
	return a, nil
}

// request is the caller's request in the form in which the function gets it.
func (s *web) request(ctx context.Context, c call) *http.Request {
	request := c.web.Clone(ctx)
	request.URL = &url.URL{
		Scheme: "http", Host: loopback(s.port),
		Path: c.web.URL.Path, RawPath: c.web.URL.RawPath, RawQuery: c.web.URL.RawQuery,
	}
	request.Body, request.GetBody = io.NopCloser(bytes.NewReader(c.Payload)), nil
	request.ContentLength = int64(len(c.Payload))
	// About one connection only.
	request.TransferEncoding, request.Trailer, request.Close = nil, nil, false
	withoutHops(request.Header)
	for name := range request.Header {
		if strings.HasPrefix(http.CanonicalHeaderKey(name), webPrefix) {
			delete(request.Header, name)
		}
	}
	for name, value := range map[string]string{
		"Appid":      accountAppID,
		"Memory":     strconv.Itoa(c.spec.MemoryMB),
		"Name":       c.spec.Name,
		"Namespace":  namespace,
		"Region":     region,
		"Request-Id": c.RequestID,
		"Timeout":    strconv.FormatInt(c.spec.TimeLimit.Milliseconds(), 10),
		"Uin":        accountUin,
		"Version":    version,
	} {
		request.Header.Set(webPrefix+name, value)
	}
	return request
}

// withoutHops removes the headers that are about one connection only (RFC 9110, section 7.6.1).
func withoutHops(header http.Header) {
	for _, list := range header["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			header.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range []string{
		"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade",
	} {
		header.Del(name)
	}
}

// Fetch sends one HTTP request to a web function and returns the answer for its caller: the
// function's, or the platform's own, with a Status as in [Reply] and a JSON body with the reason.
// The answer's header X-Scf-Request-Id is the id in the log. Bodies are bounded, and read whole
// before they are passed on. The error is as Invoke's.
func (f *Function) Fetch(ctx context.Context, r *http.Request) (*http.Response, error) {
	reply, err := f.fetch(ctx, r, "")
	if err != nil {
		return nil, err
	}
	got := reply.http()
	return &http.Response{
		Status:        strconv.Itoa(got.status) + " " + cmp.Or(http.StatusText(got.status), "Function Error"),
		StatusCode:    got.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        got.header,
		Body:          io.NopCloser(bytes.NewReader(got.body)),
		ContentLength: int64(len(got.body)),
		Request:       r,
	}, nil
}

// fetch is Fetch with the request's id; an empty one is made.
func (f *Function) fetch(ctx context.Context, r *http.Request, requestID string) (Reply, error) {
	event, err := f.requestEvent(r, requestID)
	if err != nil {
		return Reply{}, err
	}
	return f.serve(ctx, event)
}

// requestEvent is a request as serve takes it, with its body read.
func (f *Function) requestEvent(r *http.Request, requestID string) (Event, error) {
	if f.runtime() != Web {
		return Event{}, fmt.Errorf("fetching from function %q: %w", f.spec.Name, errNotWeb)
	}
	requestID = cmp.Or(requestID, newRequestID())
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(io.LimitReader(r.Body, maxPayload+1))
		if err != nil {
			return Event{}, fmt.Errorf("fetching from function %q: reading the request: %w", f.spec.Name, err)
		}
	}
	return Event{Payload: body, RequestID: requestID, web: r}, nil
}

// http is a reply as an HTTP caller gets it.
func (r Reply) http() webResult {
	var result webResult
	if r.Err != nil {
		result = typed(r.Status, jsonType, r.errorDocument())
	} else {
		result = webResult{r.web.status, r.web.header, r.Payload}
	}
	result.header.Set(webPrefix+"Request-Id", r.RequestID)
	return result
}
