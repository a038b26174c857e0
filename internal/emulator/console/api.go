package console

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
)

const (
	// maxAnswer bounds an answer of a management API, in bytes. A page of a thousand requests has
	// two MiB.
	maxAnswer = 32 << 20
	// maxRead is how long reading a page's part may take, and maxAction an action's call: an
	// advance of the clock sends what became due meanwhile, and a function may take its time.
	maxRead   = 10 * time.Second
	maxAction = 2 * time.Minute
)

// api calls the management APIs.
type api struct {
	client               *http.Client
	admin, cloud, events string
}

// newAPI reads the addresses.
func newAPI(o Options) *api {
	client := *cmp.Or(o.Client, &http.Client{})
	// No API leads elsewhere. A function may answer a redirect, which is its answer: followed, it
	// would send the call once more, to an address of the function's choice.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &api{client: &client, admin: o.AdminURL, cloud: o.CloudURL, events: o.EventsURL}
}

// apiError is a refusal by a management API.
type apiError struct {
	status int
	text   string
}

// Error is the API's own sentence, which is English.
func (e *apiError) Error() string { return e.text }

// get reads JSON from an address. It returns where the list goes on, by the Link headers.
func (a *api) get(ctx context.Context, address string, into any) (links, error) {
	ctx, cancel := context.WithTimeout(ctx, maxRead)
	defer cancel()
	header, err := a.call(ctx, exchange{method: http.MethodGet, address: address}, into)
	return linksOf(header), err
}

// call makes one exchange, and reads its answer into a value: a *[]byte gets it as it is, and nil
// nothing. An answer from 400 on is an [*apiError].
func (a *api) call(ctx context.Context, e exchange, into any) (http.Header, error) {
	body, err := e.text()
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, e.method, e.address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("calling %s: %w", e.address, err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(e.header); i += 2 {
		request.Header.Set(e.header[i], e.header[i+1])
	}
	response, err := a.client.Do(request)
	if err != nil {
		return nil, bilingual.Errorf("the management API does not answer: %w", "管理接口没有应答：%w", err)
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, bilingual.Errorf("the management API's answer broke off: %w", "管理接口的应答中断：%w", err)
	case len(text) > maxAnswer:
		return nil, bilingual.Errorf("the management API's answer is too long", "管理接口的应答过长")
	case response.StatusCode >= http.StatusBadRequest:
		return nil, refusalOf(response.StatusCode, text)
	}
	switch into := into.(type) {
	case nil:
	case *[]byte:
		*into = text
	default:
		if err := json.Unmarshal(text, into); err != nil {
			return nil, bilingual.Errorf("the management API's answer is not as expected: %w", "管理接口的应答不符合预期：%w", err)
		}
	}
	return response.Header, nil
}

// refusalOf is the refusal in WeChat Pay's form, {"error":"…"}, or in the cloud's,
// {"code":"…","message":"…"}.
func refusalOf(status int, text []byte) error {
	var said struct {
		Error   string `json:"error"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(text, &said) // what is no JSON says nothing
	return &apiError{status, cmp.Or(said.Error, said.Message, http.StatusText(status))}
}

// links are the queries of the pages around one; nil where there is none.
type links struct{ next, prev url.Values }

// linksOf reads Link headers (RFC 8288) as the management API writes them.
func linksOf(header http.Header) (l links) {
	for _, text := range header.Values("Link") {
		target, rel, _ := strings.Cut(text, ">; rel=")
		u, err := url.Parse(strings.TrimPrefix(target, "<"))
		switch {
		case err != nil:
		case rel == `"next"`:
			l.next = u.Query()
		case rel == `"prev"`:
			l.prev = u.Query()
		}
	}
	return l
}

// withQuery is an address with parameters, as names and values in turn, those left out that are
// empty. A name may have several values.
func withQuery(address string, pairs ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			values.Add(pairs[i], pairs[i+1])
		}
	}
	if len(values) == 0 {
		return address
	}
	return address + "?" + values.Encode()
}
