package calls

import (
	"net/http"
	"regexp"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/desk"
)

// The kinds of callers, by the words of docs/callers.md where that has one.
const (
	asNobody   = "nobody"
	asUser     = "user"     // of a mini-program, by openid
	asPage     = "page"     // of a web page, by CloudBase's ID
	asCognito  = "cognito"  // of a Cognito identity pool
	asService  = "service"  // with the service token
	asImpostor = "impostor" // with a wrong one
	asHTTP     = "http"     // with the HTTP token
	asTimer    = "timer"    // with the timer token where the platform does not say that a timer fired
)

// Caller is where a call comes from. The zero value is what the trigger has by itself: no identity
// and no proof, and for a timer the platform.
type Caller struct {
	kind string
	// id is a user's; appID the mini-program of an openid, empty for the merchant's own.
	id, appID string
	// proved says that the service token comes with a user's call.
	proved bool
}

// withServiceToken is the same caller with the service token: a server of the merchant's that a
// user's call has reached. The function decides which of the two counts.
func (c Caller) withServiceToken() Caller {
	if c.kind == "" {
		return Caller{kind: asService}
	}
	c.proved = true
	return c
}

// String is the caller as [ParseCaller] reads it.
func (c Caller) String() string {
	if c.appID != "" {
		return c.kind + ":" + c.appID + ":" + c.id
	}
	if c.id != "" {
		return c.kind + ":" + c.id
	}
	return c.kind
}

// Callers lists the forms that [ParseCaller] reads.
func Callers() []string {
	return []string{
		asNobody, asUser + ":[APPID:]OPENID", asPage + ":UUID", asCognito + ":ID", asService, asImpostor, asHTTP, asTimer,
	}
}

// acceptableID matches what becomes the value of a header: openids, appids and others' IDs.
var acceptableID = regexp.MustCompile(`^[0-9A-Za-z_:-]{1,128}$`)

// ParseCaller reads one of [Callers].
func ParseCaller(text string) (Caller, error) {
	kind, id, named := strings.Cut(text, ":")
	c := Caller{kind: kind, id: id}
	switch kind {
	case asUser:
		if appID, openID, both := strings.Cut(id, ":"); both {
			c.appID, c.id = appID, openID
		}
		named = acceptableID.MatchString(id) && c.id != "" && !strings.Contains(c.id, ":") && !strings.HasPrefix(id, ":")
	case asPage, asCognito:
		named = acceptableID.MatchString(id)
	case asNobody, asService, asImpostor, asHTTP, asTimer:
		named = !named
	default:
		named = false
	}
	if !named {
		return Caller{}, bilingual.Errorf("must be %s, not %q", "须为 %s，而不是 %q", strings.Join(Callers(), ", "), text)
	}
	return c, nil
}

// The variables in which the emulator's description has the tokens.
const (
	serviceToken = "CLOUDPAY_SERVICE_TOKEN"
	httpToken    = "CLOUDPAY_HTTP_TOKEN"
	timerToken   = "CLOUDPAY_TIMER_TOKEN"
)

// wrongToken is what an impostor sends. It has the form of a token.
const wrongToken = "this-token-is-not-the-one"

// token is a caller's service token; empty: it has none. While a token is being rotated the setting
// holds two values; either proves a service.
func (c Caller) token(d desk.Description) string {
	switch {
	case c.kind == asService, c.proved:
		return first(d, serviceToken)
	case c.kind == asImpostor:
		return wrongToken
	}
	return ""
}

// first is the first value of a token.
func first(d desk.Description, variable string) string {
	token, _, _ := strings.Cut(d.Env[variable], " ")
	return token
}

// identify sets the headers by which the emulated cloud knows a caller. On a real platform a caller
// cannot choose them.
func (c Caller) identify(header http.Header) {
	switch c.kind {
	case asUser:
		header.Set("X-Wx-Openid", c.id)
		if c.appID != "" {
			header.Set("X-Wx-Appid", c.appID)
		}
	case asPage:
		header.Set("X-Cloudpay-Tcb-Uuid", c.id)
	case asCognito:
		header.Set("X-Cloudpay-Cognito-Identity", c.id)
	}
}

// prove sets the headers of an HTTP request by which a function knows a caller.
func (c Caller) prove(header http.Header, d desk.Description) {
	if token := c.token(d); token != "" {
		header.Set("Cloudpay-Service-Token", token)
	}
	if c.kind == asHTTP {
		header.Set("Authorization", "Bearer "+first(d, httpToken))
	}
}

// addTo adds the service token of a caller to an event or a message, which has to be a JSON object
// for that.
func (c Caller) addTo(event []byte, d desk.Description) ([]byte, error) {
	token := c.token(d)
	if token == "" {
		return event, nil
	}
	d.Env = map[string]string{serviceToken: token}
	return d.AsService(event)
}
