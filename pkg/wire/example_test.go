package wire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"cloudpay/pkg/wire"
)

// A protocol sends what it signed, and reads what it then verifies.
func ExampleExchange() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 100))
	}))
	defer server.Close()
	req, err := wire.NewRequest(context.Background(), http.MethodPost, server.URL, "/pay/closeorder", strings.NewReader("<xml/>"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = wire.Exchange(nil, req, 64)
	fmt.Println(err)
	if malformed, is := errors.AsType[*wire.MalformedError](err); is {
		fmt.Println(malformed.HTTPStatus, malformed.TooLong)
	}
	// Output:
	// reply with HTTP 200 cannot be read: its body is longer than 64 bytes
	// 200 true
}

// A peer's text never breaks the line that it is shown in.
func ExampleOneLine() {
	fmt.Println(wire.OneLine("line one\nline two\x1b[31m"))
	// Output: line one\nline two\x1b[31m
}
