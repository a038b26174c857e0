package calls

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
)

// request makes the request that the emulated cloud turns into the trigger's event.
func (c Call) request(ctx context.Context, t trigger, d desk.Description) (*http.Request, error) {
	if t.isRequest(d.Runtime) {
		return c.httpRequest(ctx, t, d)
	}
	body, err := c.body(t, d)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address(t, d), bytes.NewReader(body))
	if err != nil {
		return nil, bilingual.Errorf("calling %s: %w", "调用 %s：%w", c.Function, err)
	}
	r.Header.Set("Content-Type", "application/json")
	if t.name == "scf" {
		r.Header.Set("X-Tc-Action", "Invoke")
	}
	c.As.identify(r.Header)
	return r, nil
}

// address is the emulated cloud's for the trigger.
func (c Call) address(t trigger, d desk.Description) string {
	return d.CloudURL + strings.ReplaceAll(t.at, "{name}", url.PathEscape(c.Function))
}

// httpRequest makes the request of an HTTP client. To a web function it may come from a user, whose
// headers WeChat's gateway sets.
func (c Call) httpRequest(ctx context.Context, t trigger, d desk.Description) (*http.Request, error) {
	method := strings.ToUpper(cmp.Or(c.Method, http.MethodPost))
	body := c.Data
	if method == http.MethodGet || method == http.MethodHead {
		body = nil
	}
	at := c.address(t, d) + "/" + strings.TrimPrefix(cmp.Or(c.Path, c.Function), "/")
	r, err := http.NewRequestWithContext(ctx, method, at, bytes.NewReader(body))
	if err != nil {
		return nil, bilingual.Errorf("--method or --path: %w", "--method 或 --path：%w", err)
	}
	if t.name == Direct {
		query := r.URL.Query()
		query.Set("webfn", "true")
		r.URL.RawQuery = query.Encode()
	}
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	c.As.identify(r.Header)
	c.As.prove(r.Header, d)
	return r, nil
}

// body is the event, or what the cloud's interface has around it.
func (c Call) body(t trigger, d desk.Description) ([]byte, error) {
	switch t.kind {
	case timer:
		return marshal(map[string]string{"message": c.message(d)})
	case queue:
		messages, err := c.messages(d)
		if err != nil {
			return nil, err
		}
		return marshal(map[string]any{"messages": messages})
	case api, request: // the event itself
	}
	event, err := c.As.addTo(c.Data, d)
	if err != nil {
		return nil, err
	}
	switch t.name {
	case "sdk":
		return marshal(map[string]string{
			"action": "functions.invokeFunction", "function_name": c.Function, "request_data": string(event),
		})
	case "scf":
		return marshal(map[string]string{"FunctionName": c.Function, "ClientContext": string(event)})
	}
	return event, nil
}

// message is a timer's argument: what was given, or the timer token where the platform does not say
// that a timer fired.
func (c Call) message(d desk.Description) string {
	if len(c.Data) > 0 {
		return string(c.Data)
	}
	if d.Runtime == platform.CustomRuntime && c.As.kind != asNobody {
		return d.Env[timerToken]
	}
	return ""
}

// messages are those of a queue. An array holds several. A service's token is part of each.
func (c Call) messages(d desk.Description) ([]json.RawMessage, error) {
	given := []json.RawMessage{c.Data}
	var several []json.RawMessage
	if err := json.Unmarshal(c.Data, &several); err == nil && len(several) > 0 {
		given = several
	}
	messages := make([]json.RawMessage, 0, len(given))
	for _, message := range given {
		with, err := c.As.addTo(message, d)
		if err != nil {
			return nil, err
		}
		if !json.Valid(with) { // it need not be JSON, and is then sent as the text that it is
			with, _ = json.Marshal(string(with)) // strings always encode
		}
		messages = append(messages, with)
	}
	return messages, nil
}

// marshal encodes what a cloud's interface takes.
func marshal(document any) ([]byte, error) {
	text, err := json.Marshal(document)
	if err != nil {
		return nil, bilingual.Errorf("encoding the call: %w", "编码调用：%w", err)
	}
	return text, nil
}
