package trigger

import (
	"slices"
	"strings"

	"cloudpay/internal/hosting"
	"cloudpay/internal/trigger/event"
)

// Policy extends what is believed of a caller, beyond the rules that always hold.
type Policy string

const (
	// PolicyStrict believes the platform's word on a caller, and secrets, only.
	PolicyStrict Policy = ""
	// PolicyPlatform declares that every call has passed the platform's access management, so that
	// a direct invoke, a queue's records, a timer's event and an authorizer's claim are what they
	// say. It is wrong for a function that users can call, as they can all functions of a CloudBase
	// environment.
	PolicyPlatform Policy = "platform"
	// PolicyAny lets every caller close and query any order, for operators with checks of their own
	// before the function. It opens nothing else: not the operator's parameters, not the sweep, not
	// a queue's records.
	PolicyAny Policy = "any"
)

// Access is the configuration of what callers may do. The zero value is the strictest: only callers
// that the platform itself vouches for are admitted.
type Access struct {
	Policy Policy
	// Service is what a service sends as the parameter service_token or the header
	// Cloudpay-Service-Token; HTTP is what an HTTP client sends as Authorization: Bearer; Timer is
	// a timer's message. The zero Token admits no caller.
	Service, HTTP, Timer Token
	// Metrics is what a scraper of /metrics sends as Authorization: Bearer. It admits to nothing
	// else. The zero Token admits no scraper.
	Metrics Token
	// Keys are the function's other secrets, such as the APIv2 key. They admit no caller; where one
	// is sent by mistake, it is neither logged nor returned.
	Keys Token
	// AuthorizerClaim is the claim of an HTTP platform's authorizer that admits its bearer when it
	// has the value AuthorizerValue. Either one empty: no claim does.
	AuthorizerClaim, AuthorizerValue string
	// BehindWXGateway declares that only WeChat's gateway can reach our HTTP server, so that
	// X-WX-OPENID is the gateway's word. It has no effect on other platforms, where headers are the
	// client's, nor for a request with a trace of another door (door.go).
	BehindWXGateway bool
	// WXHosts are the names under which WeChat's gateway reaches the server, in lower case.
	// X-WX-OPENID does not count under another; empty: under any.
	WXHosts []string
	// CloudBaseContext declares that every public door to our HTTP server is a route of CloudBase's
	// access service with enableAuth, so that x-cloudbase-context is the service's word.
	CloudBaseContext bool
	// LoginEnv is the CloudBase environment of the users; empty: not configured.
	LoginEnv string
	// Logins verifies the access tokens of that environment's users; nil: no access token counts.
	Logins Logins
	// CORSOrigins are the origins whose pages' scripts may read HTTP replies; "*" is all of them.
	CORSOrigins []string
}

// IsSecret reports whether a text is one of the tokens or keys, or has one as a word: during a
// rotation a setting has two values, and the whole of it may be sent by mistake.
func (a Access) IsSecret(text string) bool {
	return slices.ContainsFunc(strings.Fields(text), func(word string) bool {
		return a.Service.Is(word) || a.HTTP.Is(word) || a.Timer.Is(word) || a.Metrics.Is(word) || a.Keys.Is(word)
	})
}

// Standing is what the head of a request to our own HTTP server proves of its sender, by the same
// rules that identify the caller when the whole request is there.
func (a Access) Standing(head hosting.Request) hosting.Standing {
	if a.MayScrape(head) {
		return hosting.Proved
	}
	e := event.Event{Kind: event.HTTP, Request: head}
	c := recognise(hosting.Invocation{Platform: hosting.Web}, e, "", a, a.heldLogin)
	switch c.kind {
	case service, httpClient:
		return hosting.Proved
	case user:
		return hosting.Named
	case badToken: // refused, even with a right bearer token
		return hosting.Refused
	default:
	}
	if c.unsettled || a.Service.isSet() || a.Policy == PolicyAny {
		return hosting.Unproved
	}
	return hosting.Refused
}
