package trigger

import (
	"slices"
	"strings"
)

// Policy says whom to believe beyond the rules that always hold.
type Policy string

const (
	// PolicyStrict believes the platform's word on a caller, and secrets. It is the zero value.
	PolicyStrict Policy = ""
	// PolicyPlatform says that only the platform and those whom its access management lets through can reach the
	// function, so that a direct invoke, a queue's records, a timer's event and an authorizer's claim are what they say.
	// Wrong for a function that users can call, as they can each one of a CloudBase environment.
	PolicyPlatform Policy = "platform"
	// PolicyAny lets everybody close and query any order, for those who do their own checks before the function. It
	// opens nothing else: not the operator's parameters, not the sweep, not a queue's records.
	PolicyAny Policy = "any"
)

// Access is who may do what. The zero value is the strictest: without a setting only the platform's own word lets
// anybody in.
type Access struct {
	Policy Policy
	// Service is what a service sends as the parameter service_token or the header
	// Cloudpay-Service-Token; HTTP what an HTTP client sends as Authorization: Bearer; Timer what a
	// timer's message is. The zero Token lets no caller in.
	Service, HTTP, Timer Token
	// Keys are what else is secret here, such as the APIv2 key. They let no caller in: where they
	// come by mistake, they are neither logged nor given back.
	Keys Token
	// AuthorizerClaim is the claim of an HTTP platform's authorizer that lets its bearer in when it has the value
	// AuthorizerValue. Either one empty: none does.
	AuthorizerClaim, AuthorizerValue string
	// BehindWXGateway says that only WeChat's gateway can reach our HTTP server, so that X-WX-OPENID is the gateway's
	// word. It means nothing on other platforms, where a header is the client's.
	BehindWXGateway bool
	// CORSOrigins are the origins whose pages' scripts may read HTTP replies; "*" is all of them, none is none.
	CORSOrigins []string
}

// IsSecret reports whether a text is one of the tokens or keys, or has one for a word: a setting of
// two values may be put in a wrong place whole.
func (a Access) IsSecret(text string) bool {
	return slices.ContainsFunc(strings.Fields(text), func(word string) bool {
		return a.Service.Is(word) || a.HTTP.Is(word) || a.Timer.Is(word) || a.Keys.Is(word)
	})
}
