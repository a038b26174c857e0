package doctor_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"log"
	"net"
	"net/http"
	"testing"
)

// verifying is a receiver as docs/events.md has it, with a key.
func verifying(key string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		body, err := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "." + string(body)))
		want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		if err != nil || !hmac.Equal([]byte(r.Header.Get("webhook-signature")), []byte(want)) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// pour writes without end, until the client hangs up.
func pour(w io.Writer) {
	for piece := make([]byte, 64<<10); ; {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}

// listening listens at a port and gives each connection to serve, until the test ends.
func listening(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				serve(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// answering says something at once.
func answering(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		_, _ = io.Copy(io.Discard, conn)
	}
}

// drip begins a packet of MySQL, and goes on with a byte for each that is read, of which there are
// none: the packet never ends.
func drip(conn net.Conn) {
	_, _ = conn.Write([]byte{0xff, 0xff, 0x00})
	_, _ = io.Copy(conn, conn)
}

// flood writes without end: packets of MySQL that are no greeting.
func flood(conn net.Conn) { pour(conn) }

// quiet is a logger for servers whose clients hang up.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
