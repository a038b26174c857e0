package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/platform"
)

// User is the mini-program user that a call comes from. The zero value is no user: the call is a
// direct invoke through the cloud's API.
type User struct {
	OpenID string
	AppID  string // the mini-program; empty: the emulated merchant's own
}

// NoAnswerError is the platform's refusal to answer for a function: it failed, took too long, or is
// not there. What came of the order is then unknown, as with the real cloud.
type NoAnswerError struct{ Function, Status, Body string }

// Error returns the English wording.
func (e *NoAnswerError) Error() string { return e.Wording().EN }

// Wording is the error in both languages.
func (e *NoAnswerError) Wording() bilingual.Text {
	return bilingual.Sprintf("the platform could not get an answer from %s (%s): %s", "平台未能得到 %s 的应答（%s）：%s",
		e.Function, e.Status, e.Body)
}

// MaxEvent bounds an event and an answer, in bytes, as SCF does for a synchronous call.
const MaxEvent = 6 << 20

// Call calls a function with an event, and returns its answer. A refusal by the platform is a
// [*NoAnswerError]; any other error means that no answer arrived before ctx ended.
func (d Description) Call(ctx context.Context, function string, event []byte, from User) ([]byte, error) {
	return post(ctx, d.CloudURL+"/v1/functions/", function, event, from)
}

// Fire fires a function's timer, and returns its report. SCF's custom runtime does not tell a
// function that a timer fired; there the event carries the timer token as its message.
func (d Description) Fire(ctx context.Context, function string) ([]byte, error) {
	message := ""
	if d.Runtime == platform.CustomRuntime {
		message = d.Env[timerTokenVariable]
	}
	order, err := json.Marshal(map[string]string{"message": message})
	if err != nil {
		return nil, bilingual.Errorf("encoding a timer's message: %w", "编码定时器消息：%w", err)
	}
	return post(ctx, d.CloudURL+"/v1/timers/", function, order, User{})
}

// AsService adds the service token to an event, which has to be a JSON object. While a token is
// being rotated the setting holds two values; either proves a service.
func (d Description) AsService(event []byte) ([]byte, error) {
	token, _, _ := strings.Cut(d.Env[serviceTokenVariable], " ")
	var members map[string]json.RawMessage
	if err := json.Unmarshal(event, &members); err != nil || members == nil {
		return nil, bilingual.Errorf("the token is a parameter of the call, so --data must be a JSON object",
			"令牌是调用的参数，因此 --data 须为 JSON 对象")
	}
	text, err := json.Marshal(token)
	if err == nil {
		members["service_token"] = text
		event, err = json.Marshal(members)
	}
	if err != nil {
		return nil, bilingual.Errorf("adding the token: %w", "附加令牌：%w", err)
	}
	return event, nil
}

// client follows no redirect: the cloud sends none, and the reply then is from another server.
var client = http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// post sends one request to an endpoint of the cloud. The headers say which user calls: on the real
// platform they cannot be chosen by the caller, here they are how a developer chooses.
func post(ctx context.Context, endpoint, function string, body []byte, from User) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+url.PathEscape(function), bytes.NewReader(body))
	if err != nil {
		return nil, bilingual.Errorf("calling %s: %w", "调用 %s：%w", function, err)
	}
	request.Header.Set("Content-Type", "application/json")
	if from.OpenID != "" {
		request.Header.Set("X-Wx-Openid", from.OpenID)
	}
	if from.AppID != "" {
		request.Header.Set("X-Wx-Appid", from.AppID)
	}
	response, err := exchange(request, function)
	if err != nil {
		return nil, err
	}
	answer, _ := io.ReadAll(response.Body) // from memory
	if response.StatusCode != http.StatusOK {
		return nil, refused(function, response, answer)
	}
	return answer, response.Body.Close()
}

// Exchange sends a request for a function to the cloud, and returns the answer, whatever its status
// is. Its body is in memory, [MaxEvent] bytes at most. An error means that no answer arrived.
func (Description) Exchange(request *http.Request, function string) (*http.Response, error) {
	return exchange(request, function)
}

func exchange(request *http.Request, function string) (*http.Response, error) {
	response, err := client.Do(request) //nolint:gosec // the address is the emulator's, from its folder
	if err != nil {
		return nil, bilingual.Errorf("calling %s: is the emulator still running? %w", "调用 %s：模拟器还在运行吗？%w", function, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode < http.StatusOK {
		// net/http makes the connection itself the body of a 101, and no context ends a read of it.
		return nil, refused(function, response, nil)
	}
	// One byte more tells an answer that is too long.
	answer, err := io.ReadAll(io.LimitReader(response.Body, MaxEvent+1))
	switch {
	case err != nil:
		return nil, bilingual.Errorf("reading the answer of %s: %w", "读取 %s 的应答：%w", function, err)
	case len(answer) > MaxEvent:
		return nil, bilingual.Errorf("the answer of %s is longer than %d MiB", "%s 的应答超过 %d MiB", function, MaxEvent>>20)
	}
	whole := *response
	whole.Body = io.NopCloser(bytes.NewReader(answer))
	return &whole, nil
}

// refused words a reply of the platform's own. Its body is read for a person, whatever it holds.
func refused(function string, response *http.Response, body []byte) error {
	status := strings.TrimSpace(fmt.Sprintf("%d %s", response.StatusCode, http.StatusText(response.StatusCode)))
	return &NoAnswerError{function, status, strings.TrimSpace(string(body))}
}
