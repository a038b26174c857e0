//go:build linux

package app_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/internal/order"
)

// TestWebSlowBodiesHoldUpNoRoute: callers with a token, health checks and notifications are served
// while 520 connections each send the head of a POST to one of the routes, and one byte.
func TestWebSlowBodiesHoldUpNoRoute(t *testing.T) {
	t.Parallel()
	e := strict(t, order.V3)
	e.vars["WXPAY_V3_KEY"] = e.Merchant.V3Key
	e.vars["CLOUDPAY_ROUTES"] = "closeorder,queryorder,paynotify,healthz,dropin"
	e.order("A1")
	c := e.runContainer("web")
	callers := authorisedCallers(true)
	paths := []string{"/closeorder", "/paynotify", "/", "/wx-pay/wxpay_close_order", "/healthz", "/none"}
	var n atomic.Int64
	stop := c.attack(520, func(conn net.Conn) {
		path := paths[int(n.Add(1))%len(paths)]
		_, _ = io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: shop.example\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{")
	})
	c.wantServed("during", callers)
	client := &http.Client{Timeout: time.Minute} // ends a hang
	for range 20 {
		c.wantStatus(client, http.MethodGet, "/healthz", "", http.StatusOK)
		c.wantStatus(client, http.MethodPost, "/paynotify", `{"id":"1"}`, http.StatusUnauthorized)
		c.wantStatus(client, http.MethodPost, "/none", `{}`, http.StatusNotFound)
	}
	stop()
	c.wantSmall("520 slow bodies")
	c.wantServed("after", callers)
}

// TestWebOverTheWire: what the server itself refuses, on the routes of the deployed function.
func TestWebOverTheWire(t *testing.T) {
	t.Parallel()
	e := strict(t, order.V3)
	e.vars["WXPAY_V3_KEY"] = e.Merchant.V3Key
	e.vars["CLOUDPAY_ROUTES"] = "queryorder,paynotify,healthz"
	c := e.runContainer("web")
	client := &http.Client{Timeout: time.Minute}
	long := `{"x":"` + strings.Repeat("x", 70<<10) + `"}`
	c.wantStatus(client, http.MethodPost, "/queryorder", long, http.StatusRequestEntityTooLarge)
	c.wantStatus(client, http.MethodPost, "/paynotify", long, http.StatusUnauthorized) // a notification may be as long
	c.wantStatus(client, http.MethodPost, "/paynotify", strings.Repeat(long, 18), http.StatusRequestEntityTooLarge)
	c.wantStatus(client, http.MethodPost, "/", long, http.StatusRequestEntityTooLarge)
	c.wantStatus(client, http.MethodPost, "/closeorder", long, http.StatusNotFound) // it is not read
	c.wantStatus(client, http.MethodHead, "/healthz", "", http.StatusOK)
	c.wantStatus(client, http.MethodGet, "/queryorder?x=%zz", "", http.StatusBadRequest)
	c.wantStatus(client, http.MethodGet, "//healthz/", "", http.StatusOK)
	c.wantStatus(client, http.MethodGet, "/%68ealthz", "", http.StatusOK)
	c.wantStatus(client, http.MethodGet, "/healthz%2Fx", "", http.StatusNotFound)
}

func (c *container) wantStatus(client *http.Client, method, path, body string, want int) {
	c.t.Helper()
	request, err := http.NewRequestWithContext(c.t.Context(), method, fmt.Sprintf("http://%s%s", c.address, path), strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		c.t.Errorf("%s %s: %v", method, path, err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	c.replied(text)
	if err != nil || response.StatusCode != want {
		c.t.Errorf("%s %s: got %d %s, %v, want %d", method, path, response.StatusCode, text, err, want)
	}
}
