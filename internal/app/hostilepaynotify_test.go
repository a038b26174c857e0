//go:build linux

package app_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/pkg/paygate"
)

// notified is functions/paynotify as a container runs it, with one notification that WeChat Pay has
// sent elsewhere, and a shop that it is passed on to.
type notified struct {
	*container

	header map[string]string
	body   string
	// shop counts what was passed on.
	shop atomic.Int32
}

func runNotified(t *testing.T) *notified {
	t.Helper()
	e := newEnv(t, mode{order.V3, false})
	n := &notified{}
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n.shop.Add(1)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(shop.Close)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(elsewhere.Close)
	e.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100, NotifyURL: elsewhere.URL + "/notify"})
	e.MustPay("A1")
	sent, err := e.AwaitNotified(t.Context(), "A1")
	if err != nil {
		t.Fatal(err)
	}
	attempt := sent.Attempts[len(sent.Attempts)-1]
	n.header, n.body = attempt.RequestHeader, attempt.RequestBody
	e.vars["WXPAY_V3_KEY"] = e.Merchant.V3Key
	e.vars["CLOUDPAY_PAYNOTIFY_FORWARD_URL"] = shop.URL + "/wechatpay"
	n.container = e.runContainer("paynotify")
	return n
}

// wireRequest is the notification on the wire. Its parts are for a test to change.
type wireRequest struct {
	line    string
	headers []string // without those of the body's length
	body    string
	length  string // the headers of the body's length
	after   string // what follows the body
}

func (n *notified) genuine() wireRequest {
	r := wireRequest{line: "POST /paynotify HTTP/1.1", headers: []string{"Host: shop.example"}, body: n.body}
	for _, name := range slices.Sorted(maps.Keys(n.header)) {
		if name != "Content-Length" && name != "Host" {
			r.headers = append(r.headers, name+": "+n.header[name])
		}
	}
	r.length = fmt.Sprintf("Content-Length: %d", len(n.body))
	return r
}

func (r wireRequest) text() string {
	return strings.Join(append([]string{r.line}, append(r.headers, r.length)...), "\r\n") + "\r\n\r\n" + r.body + r.after
}

// each is the request with each header changed.
func (r wireRequest) each(change func(header string) string) wireRequest {
	headers := make([]string, len(r.headers))
	for i, h := range r.headers {
		headers[i] = change(h)
	}
	r.headers = headers
	return r
}

func inSmallLetters(header string) string { return named(header, strings.ToLower) }

func inCapitals(header string) string { return named(header, strings.ToUpper) }

// named is a header with its name rewritten.
func named(header string, rewrite func(string) string) string {
	name, value, _ := strings.Cut(header, ":")
	return rewrite(name) + ":" + value
}

// with is the request with more headers at its end, or first of all where before is set.
func (r wireRequest) with(before bool, headers ...string) wireRequest {
	if before {
		r.headers = append(headers, r.headers...)
	} else {
		r.headers = append(slices.Clone(r.headers), headers...)
	}
	return r
}

func (r wireRequest) withBody(body string) wireRequest {
	r.body, r.length = body, fmt.Sprintf("Content-Length: %d", len(body))
	return r
}

// chunked is the request in chunks of a few bytes, with trailers.
func (r wireRequest) chunked(trailers ...string) wireRequest {
	var b strings.Builder
	for chunk := range slices.Chunk([]byte(r.body), 100) {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(chunk), chunk)
	}
	b.WriteString("0\r\n")
	for _, t := range trailers {
		b.WriteString(t + "\r\n")
	}
	r.body, r.length = b.String()+"\r\n", "Transfer-Encoding: chunked"
	return r
}

// without is the request without a header.
func (r wireRequest) without(name string) wireRequest {
	r.headers = slices.DeleteFunc(slices.Clone(r.headers), func(h string) bool { return strings.HasPrefix(h, name+":") })
	return r
}

// send sends text on a connection of its own, ends the sending half, and returns the first answer
// whole. The text is given in one piece, so that no pause of this side decides.
func (n *notified) send(text string) (status int, body string) {
	n.t.Helper()
	conn, err := net.DialTimeout("tcp", n.address, time.Minute)
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Minute)) // ends a hang
	if _, err := io.WriteString(conn, text); err == nil {
		if half, is := conn.(*net.TCPConn); is {
			_ = half.CloseWrite()
		}
	}
	answers := bufio.NewReader(conn)
	for {
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			n.t.Fatalf("no answer: %v", err)
		}
		got, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			n.t.Fatalf("half an answer: %v", err)
		}
		if response.StatusCode >= http.StatusOK {
			n.replied(got)
			return response.StatusCode, string(got)
		}
	}
}

// TestHostileNotifications: one genuine notification in every form in which the wire may carry it,
// and spoilt in every way in which a stranger may spoil it. What is not WeChat Pay's to the byte is
// neither acknowledged nor passed on, and each request is answered.
func TestHostileNotifications(t *testing.T) {
	t.Parallel()
	n := runNotified(t)
	genuine := n.genuine()
	signature := "Wechatpay-Signature: " + n.header["Wechatpay-Signature"]
	wrong := "Wechatpay-Signature: " + strings.Repeat("A", len(n.header["Wechatpay-Signature"])-2) + "=="
	onPath := func(path string) wireRequest {
		r := genuine
		r.line = "POST " + path + " HTTP/1.1"
		return r
	}
	byMethod := func(method string) wireRequest {
		r := genuine
		r.line = method + " /paynotify HTTP/1.1"
		return r
	}
	sized := func(length string) wireRequest {
		r := genuine
		r.length = length
		return r
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if _, err := zip.Write([]byte(n.body)); err != nil || zip.Close() != nil {
		t.Fatal(err)
	}
	const longest = 1<<20 + 64<<10
	announced := genuine.with(false, "Expect: 100-continue")
	announced.body, announced.length = "", fmt.Sprint("Content-Length: ", longest+1)
	old := genuine
	old.line = "POST /paynotify HTTP/1.0"
	pipelined := genuine
	pipelined.after = "garbage\r\n\r\n"
	taken := http.StatusNoContent // the shop's
	for name, test := range map[string]struct {
		request wireRequest
		status  int
	}{
		"as it came":                           {genuine, taken},
		"header names in small letters":        {genuine.each(inSmallLetters), taken},
		"header names in capitals":             {genuine.each(inCapitals), taken},
		"in chunks":                            {genuine.chunked(), taken},
		"by HTTP/1.0":                          {old, taken},
		"with a body that is asked for":        {genuine.with(false, "Expect: 100-continue"), taken},
		"with garbage after it":                {pipelined, taken},
		"again on another path":                {onPath("/other"), taken},
		"up and down":                          {onPath("/a/../../paynotify"), taken},
		"with escaped dots":                    {onPath("/%2e%2e/%2Fpaynotify//"), taken},
		"with an escape that is none":          {onPath("/%zz"), 400},
		"with a query that is none":            {onPath("/paynotify?a=%zz"), 400},
		"a mark before the body":               {genuine.withBody("\ufeff" + n.body), 401},
		"a space after the body":               {genuine.withBody(n.body + " "), 401},
		"the body twice":                       {genuine.withBody(n.body + n.body), 401},
		"no body":                              {genuine.withBody(""), 401},
		"packed":                               {genuine.withBody(packed.String()).with(false, "Content-Encoding: gzip"), 401},
		"the signature twice":                  {genuine.with(false, signature), 401},
		"a wrong signature before":             {genuine.with(true, wrong), 401},
		"a wrong signature after":              {genuine.with(false, wrong), 401},
		"a wrong signature in small letters":   {genuine.with(false, strings.ToLower(wrong[:19])+wrong[19:]), 401},
		"the nonce twice":                      {genuine.with(false, "Wechatpay-Nonce: "+n.header["Wechatpay-Nonce"]), 401},
		"the time twice":                       {genuine.with(true, "Wechatpay-Timestamp: 1"), 401},
		"the serial twice":                     {genuine.with(false, "Wechatpay-Serial: "+n.header["Wechatpay-Serial"]), 401},
		"another type of signature besides":    {genuine.with(false, "Wechatpay-Signature-Type: WECHATPAY2-SM2-WITH-SM3"), 401},
		"the signature in a trailer":           {genuine.without("Wechatpay-Signature").with(false, "Trailer: Wechatpay-Signature").chunked(signature), 401},
		"a signature over two lines":           {genuine.without("Wechatpay-Signature").with(false, signature[:80]+"\r\n "+signature[80:]), 401},
		"no signature":                         {genuine.without("Wechatpay-Signature"), 401},
		"a header with a NUL":                  {genuine.with(false, "X: a\x00b"), 400},
		"a header without a name":              {genuine.with(false, ": x"), 400},
		"a space before a colon":               {genuine.without("Wechatpay-Signature").with(false, strings.Replace(signature, ":", " :", 1)), 400},
		"headers of 64 KiB":                    {genuine.with(false, "X: "+strings.Repeat("x", 64<<10)), 431},
		"two lengths":                          {sized(genuine.length + "\r\nContent-Length: 1"), 400},
		"a length below zero":                  {sized("Content-Length: -1"), 400},
		"a length and chunks that are none":    {sized(genuine.length + "\r\nTransfer-Encoding: chunked"), 400},
		"another encoding":                     {sized("Transfer-Encoding: gzip, chunked"), 501},
		"half closed before its end":           {sized(fmt.Sprintf("Content-Length: %d", len(n.body)+1)), 400},
		"a chunk that is cut off":              {func() wireRequest { r := genuine.chunked(); r.body = r.body[:len(r.body)-200]; return r }(), 400},
		"1 MiB and more":                       {genuine.withBody(strings.Repeat(" ", longest)), 401},
		"a byte too long":                      {genuine.withBody(strings.Repeat(" ", longest+1)), 413},
		"a byte too long, in chunks":           {genuine.withBody(strings.Repeat(" ", longest+1)).chunked(), 413},
		"a byte too long, not asked for":       {announced, 413},
		"by GET":                               {byMethod("GET"), 405},
		"by PUT":                               {byMethod("PUT"), 405},
		"by a method in small letters":         {byMethod("post"), 405},
		"by a name that is looked for in vain": {genuine.without("Wechatpay-Serial").with(false, "Wechatpay_Serial: "+n.header["Wechatpay-Serial"]), 401},
	} {
		before := n.shop.Load()
		status, body := n.send(test.request.text())
		passed := n.shop.Load() - before
		believed := status < http.StatusBadRequest || strings.Contains(body, "SUCCESS")
		if status != test.status || believed != (test.status == taken) || passed > 0 != believed {
			t.Errorf("%s: got %d %.200q and %d passed on, want %d", name, status, body, passed, test.status)
		}
	}
	n.wantSmall("spoilt notifications")
}

// Genuine notifications are answered, and memory stays small, while 520 connections each send the
// head of a notification and one byte of its body, again whenever they are closed.
func TestSlowNotificationsHoldUpNone(t *testing.T) {
	t.Parallel()
	n := runNotified(t)
	text := n.genuine().text()
	head, _, _ := strings.Cut(text, "\r\n\r\n")
	stop := n.attack(520, func(conn net.Conn) { _, _ = io.WriteString(conn, head+"\r\n\r\n{") })
	const times = 30
	for range times {
		if status, body := n.send(text); status != http.StatusNoContent {
			t.Errorf("got %d %s, want the shop's 204", status, body)
		}
	}
	stop()
	if got := n.shop.Load(); got != times {
		t.Errorf("the shop got %d, want %d", got, times)
	}
	n.wantSmall("520 slow notifications")
}
