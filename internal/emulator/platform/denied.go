package platform

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"cloudpay/internal/emulator/admission"
	"cloudpay/internal/emulator/traffic"
)

// maxInput is the most bytes of what a denied call was made with. A longer one is left out: a part
// of it could not be sent again.
const maxInput = 4 << 10

// explain adds to a call what the function logged of its callers, and if a rule of the function's
// denied that, what it was called with.
func (in *inbound) explain(call *traffic.Call, f *Function, event Event, reply Reply) {
	call.Callers = admission.Callers(reply.record.printed)
	if slices.ContainsFunc(call.Callers, admission.Caller.IsDenied) {
		call.Input = in.input(f, event)
	}
}

// input is what the function was called with, for the APIs and the HTTP triggers; nil for what no
// caller sends by itself, for what is too long, and for what has one of the function's own secrets.
func (in *inbound) input(f *Function, event Event) *admission.Input {
	var input admission.Input
	switch {
	case event.web != nil:
		input = admission.Input{Method: in.method, Path: in.path, Data: admission.WithoutProof(event.Payload)}
	case slices.Contains([]string{viaHTTPAPI, viaServerSDK, viaLambdaAPI, viaTencentAPI}, in.call.Via):
		input = admission.Input{Data: admission.WithoutProof(event.Payload)}
	case slices.Contains([]string{viaFunctionURL, viaAccessService, viaAPIGateway, viaTencentGateway, viaRESTAPI}, in.call.Via):
		input = admission.Input{Method: in.method, Path: in.path, Data: admission.WithoutProof(bodyOf(event.Payload))}
	default:
		return nil
	}
	if len(input.Path)+len(input.Data) > maxInput || f.knows(input.Path) || f.knows(input.Data) {
		return nil
	}
	return &input
}

// bodyOf is the body in the event of a request.
func bodyOf(payload []byte) []byte {
	var request struct {
		Body     string `json:"body"`
		IsBase64 bool   `json:"isBase64Encoded"`
	}
	_ = json.Unmarshal(payload, &request) // the event is the cloud's own
	if body, err := base64.StdEncoding.DecodeString(request.Body); request.IsBase64 && err == nil {
		return body
	}
	return []byte(request.Body)
}

// knows reports whether a text has one of the function's secrets, by the names of the variables: a
// caller may have sent it in a wrong place. A short one is none.
func (f *Function) knows(text string) bool {
	const shortest = 8
	plain, _ := url.QueryUnescape(text)
	for name, value := range f.configured {
		if !isSecretName(name) {
			continue
		}
		for word := range strings.FieldsSeq(value) {
			if len(word) >= shortest && (strings.Contains(text, word) || strings.Contains(plain, word)) {
				return true
			}
		}
	}
	return false
}

// isSecretName reports whether a variable of this name has a secret.
func isSecretName(name string) bool {
	return slices.ContainsFunc([]string{"TOKEN", "KEY", "SECRET", "PASSWORD"}, func(end string) bool {
		return strings.HasSuffix(strings.ToUpper(name), end)
	})
}

// behindName is the path behind the function's name, with the query but for the parameter of the
// cloud's own. rest is the path from the name on.
func behindName(rest string, query url.Values) string {
	_, path, _ := strings.Cut(rest, "/")
	query.Del("webfn")
	return strings.TrimPrefix((&url.URL{Path: "/" + path, RawQuery: query.Encode()}).String(), "/")
}
