package wire

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// NewRequest returns a request to base followed by path. A base is https://host or http://host, and
// may have a path. Errors do not repeat it, since a wrong one may contain a password.
//
// A request with a nil body is never resent by net/http itself, as it would resend a GET whose kept
// connection turns out dead: the second attempt would have the nonce of the first, and the caller
// would count one.
func NewRequest(ctx context.Context, method, base, path string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(base, "/")+path, body)
	if err != nil {
		if parsing, ok := errors.AsType[*url.Error](err); ok {
			return nil, fmt.Errorf("Client.BaseURL: %w", parsing.Err) // without the URL
		}
		return nil, fmt.Errorf("making the request: %w", err)
	}
	u := req.URL
	if (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || strings.ContainsAny(base, "?#") {
		return nil, errors.New("Client.BaseURL must be https://host or http://host, without user, query or fragment")
	}
	if body == nil {
		req.Body = io.NopCloser(strings.NewReader("")) // without GetBody, it cannot be read twice
	}
	return req, nil
}

// NewNonce returns 32 letters and digits from crypto/rand.
func NewNonce() string {
	const nonceBytes = 20 // 32 characters in base32
	var b [nonceBytes]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return base32.StdEncoding.EncodeToString(b[:])
}
