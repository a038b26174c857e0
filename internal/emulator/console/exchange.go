package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// exchange is one call that an action makes: of a management API, or of a function. The command on
// the page and what is sent are made of the same fields, so that they cannot differ.
type exchange struct {
	method, address string
	// header has names and values in turn; none: no header of its own.
	header []string
	// body is what is sent as JSON; nil: nothing.
	body any
}

// text is the body as it is sent.
func (e exchange) text() ([]byte, error) {
	if e.body == nil {
		return nil, nil
	}
	text, err := json.Marshal(e.body)
	if err != nil {
		return nil, fmt.Errorf("encoding a call: %w", err)
	}
	return text, nil
}

// curl is the call as a command for a POSIX shell.
func (e exchange) curl() string {
	text, _ := e.text() // one that cannot be encoded is not sent either
	return curlOf(e.method, e.address, string(text), e.header...)
}

// send makes the call, and reads its answer into a value; a *[]byte gets it as it is. It has as
// long as an advance of the clock, since a function may take its time.
func (a *api) send(ctx context.Context, e exchange, into any) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, maxAdvance)
	defer cancel()
	text, err := e.text()
	if err != nil {
		return nil, err
	}
	return a.callWith(ctx, e.method, e.address, e.header, text, into)
}
