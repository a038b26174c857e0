package calls

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/access"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
)

// request makes the request that the emulated cloud turns into the trigger's event. now is the time
// of a signature.
func (c *Checked) request(ctx context.Context, now time.Time) (*http.Request, error) {
	if c.trigger.isRequest(c.on) {
		return c.httpRequest(ctx)
	}
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address(), bytes.NewReader(body))
	if err != nil {
		return nil, bilingual.Errorf("calling %s: %w", "调用 %s：%w", c.Function, err)
	}
	r.Header.Set("Content-Type", "application/json")
	if c.trigger.name == scfAPI {
		r.Header.Set("X-Tc-Action", "Invoke")
	}
	c.As.identify(r.Header)
	if key := c.key(); key.ID != "" && c.trigger.isSigned() {
		sign(r, body, c.trigger.name, key, now)
	}
	return r, nil
}

// key is the one that signs: the call's, else the one that the emulator demands, else none.
func (c *Checked) key() access.Key {
	if c.Key.ID != "" {
		return c.Key
	}
	demanded, _ := access.ParseKey(c.to.CloudKey) // empty without --require-key
	return demanded
}

// address is the emulated cloud's for the trigger. On Lambda a timer's time is only in
// EventBridge's own event.
func (c *Checked) address() string {
	at := c.trigger.at
	if c.isScheduled() {
		at = scheduledAt
	}
	return c.to.CloudURL + strings.ReplaceAll(at, "{name}", url.PathEscape(c.Function))
}

// method is that of an HTTP request.
func (c *Checked) method() string { return strings.ToUpper(cmp.Or(c.Method, http.MethodPost)) }

// hasBody reports whether an HTTP request has a body.
func (c *Checked) hasBody() bool {
	return !slices.Contains([]string{http.MethodGet, http.MethodHead}, c.method())
}

// httpRequest makes the request of an HTTP client. To a web function it may come from a user, whose
// headers WeChat's gateway sets.
func (c *Checked) httpRequest(ctx context.Context) (*http.Request, error) {
	at := c.address() + "/" + strings.TrimPrefix(cmp.Or(c.Path, c.Function), "/")
	var body []byte
	if c.hasBody() {
		body = c.event()
	}
	r, err := http.NewRequestWithContext(ctx, c.method(), at, bytes.NewReader(body))
	if err != nil {
		return nil, bilingual.Errorf("--method or --path: %w", "--method 或 --path：%w", err)
	}
	if c.trigger.name == Direct {
		query := r.URL.Query()
		query.Set("webfn", "true")
		r.URL.RawQuery = query.Encode()
	}
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	c.As.identify(r.Header)
	c.As.prove(r.Header, c.to)
	return r, nil
}

// event is the event as it was given; none is an empty object.
func (c *Checked) event() []byte {
	if c.Data == nil {
		return []byte("{}")
	}
	return c.Data
}

// body is the event, or what the cloud's interface has around it.
func (c *Checked) body() ([]byte, error) {
	switch c.trigger.kind {
	case timer:
		return marshal(c.firing())
	case queue:
		messages, err := c.messages()
		if err != nil {
			return nil, err
		}
		return marshal(map[string]any{"messages": messages})
	case api, request: // the event itself
	}
	event, err := c.As.addTo(c.event(), c.to)
	if err != nil {
		return nil, err
	}
	switch c.trigger.name {
	case serverSDK:
		return marshal(map[string]string{
			"action": "functions.invokeFunction", "function_name": c.Function, "request_data": string(event),
		})
	case scfAPI:
		return marshal(map[string]string{"FunctionName": c.Function, "ClientContext": string(event)})
	}
	return event, nil
}

// firing says what a timer sends: a message and a time if they were chosen. What is left out is
// that of the function's own timer.
func (c *Checked) firing() map[string]string {
	order := map[string]string{}
	switch isOwn := slices.Contains(desk.Functions(), c.Function); {
	case c.Data != nil:
		order["message"] = string(c.Data)
	case c.on != platform.CustomRuntime || !isOwn || c.isScheduled():
	case c.As.kind == asNobody:
		order["message"] = "" // without the token
	default: // the platform does not say that a timer fired
		order["message"] = c.to.Env[timerToken]
	}
	if !c.At.IsZero() {
		order["time"] = c.At.Format(time.RFC3339)
	}
	return order
}

// messages are those of a queue. An array holds several. A service's token is part of each.
func (c *Checked) messages() ([]json.RawMessage, error) {
	given := []json.RawMessage{c.event()}
	var several []json.RawMessage
	if err := json.Unmarshal(c.event(), &several); err == nil && len(several) > 0 {
		given = several
	}
	messages := make([]json.RawMessage, 0, len(given))
	for _, message := range given {
		with, err := c.As.addTo(message, c.to)
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
