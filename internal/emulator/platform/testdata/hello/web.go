package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

// startWeb serves HTTP. The body is the event, and the answer's body the result; /switch answers
// with 101 and holds the line.
func startWeb() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		payload, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		ctx := context.WithValue(r.Context(), headerKey{}, r.Header)
		ctx = context.WithValue(ctx, requestKey{}, r.Method+" "+r.Host+" "+r.RequestURI)
		result, err := answer(ctx, payload)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(result)
	})
	http.HandleFunc("/teapot", func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Set-Cookie"] = []string{"a=1", "b=2"}
		w.Header().Set("Keep-Alive", "timeout=5")
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "short and stout")
	})
	http.HandleFunc("/switch", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: any\r\n\r\n")
		_, _ = io.Copy(io.Discard, conn) // holds the line
	})
	err := http.ListenAndServe(net.JoinHostPort(os.Getenv("CLOUDPAY_LISTEN_HOST"), os.Getenv("PORT")), nil)
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
