package platform

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// asHeader makes a call at /v1/functions/ one by the merchant's own server. It is the emulator's
// own, as there is no such thing on a real cloud: a server sends its token itself. Here the cloud
// adds it, so that a page, a script or a shell's history need not hold it.
const asHeader = "X-Cloudpay-As"

// asService is the header's only value.
const asService = "service"

// The service token: a function's variable, the parameter of an event, and the header of a request.
const (
	serviceVariable  = "CLOUDPAY_SERVICE_TOKEN"
	serviceParameter = "service_token"
	serviceHeader    = "Cloudpay-Service-Token"
)

// serviceToken is the token that a call is to be given; empty without the header. It is the called
// function's own, the first while it is being rotated: a function of the user's own may have
// another one than cloudpay's. An error means that the header cannot be followed: a web page sends
// it, its value is unknown, the call has a user as well, or the function has no token.
func (c *Cloud) serviceToken(r *http.Request, function *Function) (string, error) {
	as := r.Header.Get(asHeader)
	token, _, _ := strings.Cut(function.configured[serviceVariable], " ")
	switch {
	case as == "":
		return "", nil
	case as != asService:
		return "", fmt.Errorf("%s must be %s", asHeader, asService)
	case r.Header.Get("Origin") != "":
		return "", fmt.Errorf("a web page may not send %s: the merchant's token is no page's", asHeader)
	case c.user(r).isNamed():
		return "", fmt.Errorf("%s: a call is the merchant's own or a user's, not both", asHeader)
	case token == "":
		return "", fmt.Errorf("%s: the function has no %s, by which it would know the merchant", asHeader, serviceVariable)
	}
	return token, nil
}

// errNoObject refuses an event that has no parameters.
var errNoObject = errors.New("the token is a parameter of the call: the event must be a JSON object")

// withServiceToken is an event with the token, in place of any that it had. An empty token changes
// nothing.
func withServiceToken(event []byte, token string) ([]byte, error) {
	if token == "" {
		return event, nil
	}
	proved := withMember(event, serviceParameter, token)
	if proved == nil {
		return nil, errNoObject
	}
	return proved, nil
}

// withMember is an object with a member set, which replaces one of that name; nil if the text is no
// object. Values keep their bytes; the order of the members is not kept.
func withMember(object []byte, name string, value any) []byte {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil || members == nil {
		return nil
	}
	members[name] = encode(value)
	return withoutEscapes(members)
}

// callerOf is the caller that a request names, as the journal shows it; empty: it names none.
func callerOf(header http.Header) string {
	named := func(kind, name string) string {
		if id := header.Get(name); id != "" {
			return kind + " " + id
		}
		return ""
	}
	return cmp.Or(named("user", "X-Wx-Openid"), named("cognito", "X-Cloudpay-Cognito-Identity"), header.Get(asHeader))
}
