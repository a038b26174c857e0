package wechatpay

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// A function that thaws must not wait on a connection that died while it was
// frozen.
func TestOldConnectionsAreLetGo(t *testing.T) {
	t.Parallel()
	var opened atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	client := NewHTTPClient()
	kept, _ := client.Transport.(*connections)
	ask := func() {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	ask()
	ask()
	if n := opened.Load(); n != 1 {
		t.Errorf("two requests in a row opened %d connections", n)
	}
	kept.lastUsed.Store(time.Now().Add(-idleLimit - time.Second).UnixNano())
	ask()
	if n := opened.Load(); n != 2 {
		t.Errorf("a request long after opened %d connections in all, want a second one", n)
	}
}
