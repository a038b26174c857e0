package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"cloudpay/internal/bilingual"
)

// exchange is one call of a management API, or of a function. The command on the page and what is
// sent are made of the same fields, so that they cannot differ.
type exchange struct {
	method, address string
	// header has names and values in turn; none: no header of its own.
	header []string
	// body is sent as JSON, a []byte as it is; nil: nothing is sent.
	body any
}

// posting is a POST with a body.
func posting(address string, body any) exchange {
	return exchange{method: http.MethodPost, address: address, body: body}
}

// removing is a DELETE.
func removing(address string) exchange {
	return exchange{method: http.MethodDelete, address: address}
}

// text is the body as it is sent.
func (e exchange) text() ([]byte, error) {
	switch body := e.body.(type) {
	case nil:
		return nil, nil
	case []byte:
		return body, nil
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

// send makes an action's call, which has maxAction, and reads its answer as [api.call] does.
func (a *api) send(ctx context.Context, e exchange, into any) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, maxAction)
	defer cancel()
	return a.call(ctx, e, into)
}

// done is what an action did; zero before one. It is shown at the top of the page.
type done struct {
	// What was done, in a sentence, or Wrong, why it was refused.
	What, Wrong bilingual.Text
	// Answer is what the API answered, and Calls are the calls as commands.
	Answer string
	Calls  []string
}

// do makes a call of an action, and adds it to Calls. The error is why it failed, as Wrong.
func (d *done) do(ctx context.Context, a *api, call exchange, into any) error {
	d.Calls = append(d.Calls, call.curl())
	_, err := a.send(ctx, call, into)
	d.Wrong = bilingual.Wording(err)
	return err
}

// failed reports whether the action was refused.
func (d *done) failed() bool { return d.Wrong != (bilingual.Text{}) }

// status is the HTTP status of the page after an action.
func (d *done) status() int {
	if d.failed() {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}
