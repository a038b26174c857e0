package v3json_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"cloudpay/pkg/v3json"
)

// rawServer answers one request after another with the same bytes, and keeps the requests as they
// came: the request line that net/http would show a handler is already taken apart and decoded.
type rawServer struct {
	url      string
	requests chan string
}

func serveRaw(t *testing.T, reply string) *rawServer {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening: %v", err)
	}
	server := &rawServer{url: "http://" + listener.Addr().String(), requests: make(chan string, 16)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			server.requests <- readRequest(conn)
			_, _ = io.WriteString(conn, reply)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	return server
}

// readRequest reads the head up to its empty line, and as much body as the head says.
func readRequest(conn io.Reader) string {
	var raw strings.Builder
	r := bufio.NewReader(conn)
	length := 0
	for {
		line, err := r.ReadString('\n')
		raw.WriteString(line)
		_, _ = fmt.Sscanf(line, "Content-Length: %d", &length)
		if err != nil || line == "\r\n" {
			break
		}
	}
	_, _ = io.CopyN(&raw, r, int64(length))
	return raw.String()
}

// raw is the answer as bytes on the wire, for a connection that is then closed.
func (a answer) raw() string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\nConnection: close\r\n", a.status, http.StatusText(a.status))
	if a.status != http.StatusNoContent {
		_, _ = fmt.Fprintf(&b, "Content-Length: %d\r\n", len(a.body))
	}
	_ = a.header.Write(&b)
	return b.String() + "\r\n" + a.body
}

// TestBytesSentAreBytesSigned reads requests from a bare socket and verifies their signature over
// what stands there.
func TestBytesSentAreBytesSigned(t *testing.T) {
	t.Parallel()
	const (
		direct  = "/v3/pay/transactions/"
		partner = "/v3/pay/partner/transactions/"
	)
	closing := func(no, sub string) func(*v3json.Client) error {
		return func(c *v3json.Client) error {
			_, err := c.CloseOrder(t.Context(), v3json.Request{OutTradeNo: no, SubMchID: sub})
			return err
		}
	}
	querying := func(no, id, sub string) func(*v3json.Client) error {
		return func(c *v3json.Client) error {
			_, err := c.QueryOrder(t.Context(), v3json.Request{OutTradeNo: no, TransactionID: id, SubMchID: sub})
			return err
		}
	}
	tests := map[string]struct {
		call      func(*v3json.Client) error
		line      string
		body      string
		wantError bool // the canned order is about another number
	}{
		"direct close":  {call: closing("A1", ""), line: "POST " + direct + "out-trade-no/A1/close", body: `{"mchid":"1900007291"}`},
		"partner close": {call: closing("A1", subMchID), line: "POST " + partner + "out-trade-no/A1/close", body: `{"sp_mchid":"1900007291","sub_mchid":"1900008462"}`},
		"direct query":  {call: querying(outTradeNo, "", ""), line: "GET " + direct + "out-trade-no/" + outTradeNo + "?mchid=1900007291"},
		"direct query by id": {call: querying("", transactionID, ""), line: "GET " + direct + "id/" + transactionID +
			"?mchid=1900007291"},
		"partner query": {call: querying(outTradeNo, "", subMchID), wantError: true,
			line: "GET " + partner + "out-trade-no/" + outTradeNo + "?sp_mchid=1900007291&sub_mchid=1900008462"},
		"partner query by id": {call: querying("", transactionID, subMchID), wantError: true,
			line: "GET " + partner + "id/" + transactionID + "?sp_mchid=1900007291&sub_mchid=1900008462"},
		"every documented character": {call: closing("aZ09_-|*@", ""), body: `{"mchid":"1900007291"}`,
			line: "POST " + direct + "out-trade-no/aZ09_-%7C%2A@/close"},
		"a query's too": {call: querying("|*", "", ""), wantError: true,
			line: "GET " + direct + "out-trade-no/%7C%2A?mchid=1900007291"},
		"what a path is made of": {call: closing("a/b?c#d%e;f,g h+i&j=k", ""), body: `{"mchid":"1900007291"}`,
			line: "POST " + direct + "out-trade-no/a%2Fb%3Fc%23d%25e%3Bf%2Cg%20h+i&j=k/close"},
		"already escaped":     {call: closing("%7C", ""), body: `{"mchid":"1900007291"}`, line: "POST " + direct + "out-trade-no/%257C/close"},
		"beyond ASCII":        {call: closing("订单~!'()$:", ""), body: `{"mchid":"1900007291"}`, line: "POST " + direct + "out-trade-no/%E8%AE%A2%E5%8D%95~%21%27%28%29$:/close"},
		"a line break":        {call: closing("a\r\nb\x00", ""), body: `{"mchid":"1900007291"}`, line: "POST " + direct + "out-trade-no/a%0D%0Ab%00/close"},
		"three dots":          {call: closing("...", ""), body: `{"mchid":"1900007291"}`, line: "POST " + direct + "out-trade-no/.../close"},
		"the longest allowed": {call: closing(strings.Repeat("*", 32), ""), body: `{"mchid":"1900007291"}`, line: "POST " + direct + "out-trade-no/" + strings.Repeat("%2A", 32) + "/close"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reply := signed(http.StatusOK, directOrder)
			if strings.HasPrefix(test.line, "POST") {
				reply = signed(http.StatusNoContent, "")
			}
			server := serveRaw(t, reply.raw())
			client := newClient(t, nil)
			client.BaseURL = server.url
			if err := test.call(client); (err != nil) != test.wantError {
				t.Errorf("calling: %v, want an error: %v", err, test.wantError)
			}
			checkRawRequest(t, <-server.requests, test.line, test.body)
		})
	}
}

func checkRawRequest(t *testing.T, raw, wantLine, wantBody string) {
	t.Helper()
	head, body, _ := strings.Cut(raw, "\r\n\r\n")
	line, _, _ := strings.Cut(head, "\r\n")
	if line != wantLine+" HTTP/1.1" {
		t.Errorf("request line is %q, want %q", line, wantLine)
	}
	if body != wantBody {
		t.Errorf("body is %q, want %q", body, wantBody)
	}
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		t.Fatalf("reading the request: %v", err)
	}
	checkHeaders(t, req.Header, wantBody)
	method, rest, _ := strings.Cut(line, " ")
	items := parseAuthorization(t, req.Header.Get("Authorization"))
	message := method + "\n" + strings.TrimSuffix(rest, " HTTP/1.1") + "\n" + items["timestamp"] + "\n" + items["nonce_str"] + "\n" + body + "\n"
	if !verifiesUnder(&loadMerchantKey(t).PublicKey, message, items["signature"]) {
		t.Errorf("the signature does not verify over the bytes sent: %q", message)
	}
}

func checkHeaders(t *testing.T, got http.Header, body string) {
	t.Helper()
	want := map[string]string{
		"Accept": "application/json", "User-Agent": "cloudpay/v3json", "Wechatpay-Serial": publicKeyID, "Content-Type": "",
	}
	if body != "" {
		want["Content-Type"] = "application/json"
	}
	for key, value := range want {
		if got.Get(key) != value || len(got.Values(key)) > 1 {
			t.Errorf("header %s is %q, want %q", key, got.Values(key), value)
		}
	}
}

func TestRequestsThatCannotBeSent(t *testing.T) {
	t.Parallel()
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("a request was sent, want none")
		return nil, io.EOF
	}))
	long := strings.Repeat("a", 33)
	closes := map[string]struct {
		req  v3json.Request
		want string
	}{
		"no number":        {v3json.Request{}, `closing order "": OutTradeNo must be`},
		"one dot":          {v3json.Request{OutTradeNo: "."}, "closing order .: OutTradeNo must be"},
		"two dots":         {v3json.Request{OutTradeNo: ".."}, "closing order ..: OutTradeNo must be"},
		"too long":         {v3json.Request{OutTradeNo: long}, "OutTradeNo must be"},
		"bad sub-merchant": {v3json.Request{OutTradeNo: "A1", SubMchID: `1","x":"`}, "SubMchID must be"},
		"bad nonce":        {v3json.Request{OutTradeNo: "A1", Nonce: "a\nb"}, "Nonce must be"},
		"nonce too long":   {v3json.Request{OutTradeNo: "A1", Nonce: long}, "Nonce must be"},
	}
	for name, test := range closes {
		_, err := client.CloseOrder(t.Context(), test.req)
		wantSays(t, "close, "+name, err, test.want)
	}
	queries := map[string]struct {
		req  v3json.Request
		want string
	}{
		"no number":          {v3json.Request{}, "OutTradeNo and TransactionID are both empty"},
		"two numbers":        {v3json.Request{OutTradeNo: "A1", TransactionID: "1"}, "OutTradeNo and TransactionID are both given"},
		"two dots":           {v3json.Request{OutTradeNo: ".."}, "OutTradeNo must be"},
		"bad transaction id": {v3json.Request{TransactionID: "1?mchid=2"}, "querying order 1?mchid=2: TransactionID must be"},
		"bad sub-merchant":   {v3json.Request{OutTradeNo: "A1", SubMchID: "1&x=2"}, "SubMchID must be"},
		"bad nonce":          {v3json.Request{OutTradeNo: "A1", Nonce: `"`}, "Nonce must be"},
		"unprintable number": {v3json.Request{OutTradeNo: strings.Repeat("\n", 40)}, `querying order "\n\n`},
	}
	for name, test := range queries {
		_, err := client.QueryOrder(t.Context(), test.req)
		wantSays(t, "query, "+name, err, test.want)
	}
}

func wantSays(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: error is %v, want one that says %q", what, err, want)
		return
	}
	wantLine(t, err)
}
