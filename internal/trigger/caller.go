package trigger

import (
	"slices"
	"strings"

	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/trigger/event"
)

// caller is an identified caller, and what it may do.
type caller struct {
	kind kind
	// by is the rule of recognise that decided. Those before it in the sequence did not fit, and
	// those behind it were not tried.
	by sign
	// owner is the owner of the orders that a user may touch: wx:<appid>:<openid> or tcb:<uuid>. It
	// is empty for every other kind.
	owner string
	may   rights
	// remedy is why a caller may not do everything, and which setting would change that. It is for
	// the operator's log only.
	remedy string
	// unsettled reports that the caller's access token is signed by a key that is not held: a fetch
	// may prove it.
	unsettled bool
}

// kind is a kind of caller. Its text is the log's (docs/callers.md).
type kind string

const (
	service       kind = "service"  // it sent the service token
	badToken      kind = "impostor" // it sent a wrong one
	httpClient    kind = "http"     // it sent the HTTP token, or has the authorizer's claim
	user          kind = "user"     // a user of a mini-program or a web page, named by the platform
	anonymousUser kind = "stranger" // a user, by some sign, without a name
	timer         kind = "timer"
	queue         kind = "queue"
	direct        kind = "direct" // admitted by the cloud's access management
	unidentified  kind = "nobody" // none of these
)

// sign is what a rule of recognise looks at, in the sequence in which the rules are tried. Its text
// is the log's (docs/callers.md). The empty one is that of an event that could not be read: no rule
// was tried.
type sign string

const (
	byServiceToken sign = "serviceToken"
	byHTTPShape    sign = "httpShape" // an event in the shape of a request that is none
	byHTTPToken    sign = "httpToken" // or an authorizer's claim
	byAccessToken  sign = "accessToken"
	byWXHeader     sign = "wxHeader"
	byContext      sign = "cloudbaseContext"
	byNoHTTPProof  sign = "noHttpProof" // a request without any of the four before
	byEnvironment  sign = "environment"
	byCognito      sign = "cognito"
	byUserInfo     sign = "userInfo"
	byTimer        sign = "timer"
	byCloudBaseKey sign = "cloudbaseKey"
	byNothing      sign = "nothing"
	byPlatform     sign = "platform"
)

// rights are what a caller may do; the zero value is nothing.
type rights struct {
	orders reach
	// decide grants the operator's parameters: api, and what an order is registered with (close_at,
	// created_at, openid, owner, total); and to be told the faults of the configuration.
	decide bool
	// sweep grants closing all due orders.
	sweep bool
}

// reach is which orders a caller may close and query.
type reach int

const (
	noOrders  reach = iota
	ownOrders       // those that the store has in the owner's name
	allOrders
)

// identify identifies the caller: by what the platform says of this very invocation (inv without
// its payload), by the token given with the call (a parameter, or an HTTP request's header), and by
// the event only where that lowers trust, since the caller wrote the event.
//
// The first rule that fits decides. Each requires a sign, and a missing sign leads to fewer rights,
// never to more. The sequence runs from what proves most, through all that may be another's words,
// down to what is believed only because nothing contradicts it.
//
//  1. A service token proves a service, whatever identity came with the call (a merchant's server
//     that is called by a user carries the user's). A wrong one is refused outright: it is a fault
//     of configuration or an attack, and either should be seen.
//  2. What has the shape of an HTTP request is one, from the open web, with proofs of its own; see
//     fromHTTP. verify is asked about an access token.
//  3. An identity in the invocation's environment makes a user.
//  4. So do one from a Cognito identity pool and a userInfo in the event, but an anonymous one.
//  5. A timer's event is a timer's if the platform says so; see fromTimer.
//  6. Any other key of CloudBase's makes an anonymous user: any user may call through CloudBase.
//  7. What is left came through the cloud's own API or from a queue. Lambda's IAM vouches for it.
//     SCF cannot tell it from a user's call without any keys, unless the operator declares that
//     there are no such calls (PolicyPlatform).
//
// PolicyAny then opens orders to every caller that the rules left without, except badToken. A
// request whose body was withheld for what its head lacks (see Standing) may do nothing.
func identify(inv hosting.Invocation, e event.Event, given string, a Access, verify verifier) caller {
	c := recognise(inv, e, given, a, verify)
	if inv.Withheld {
		c.may = rights{}
		return c
	}
	open := a.Policy == PolicyAny && (e.Kind == event.Call || e.Kind == event.HTTP)
	if open && c.kind != badToken {
		c.may.orders = allOrders
	}
	return c
}

func recognise(inv hosting.Invocation, e event.Event, given string, a Access, verify verifier) caller {
	everything := rights{orders: allOrders, decide: true, sweep: true}
	shown := serviceTokens(e, given)
	switch key := cloudBaseKey(inv.Environment); {
	case slices.ContainsFunc(shown, func(token string) bool { return !a.Service.Is(token) }):
		return caller{kind: badToken, by: byServiceToken, remedy: "the service token given is not CLOUDPAY_SERVICE_TOKEN: " +
			"mend whichever is out of date"}
	case len(shown) > 0:
		return caller{kind: service, by: byServiceToken, may: everything}
	case e.Kind == event.HTTP, e.HTTPShaped, inv.Platform == hosting.Web:
		return fromHTTP(inv, e, a, verify)
	case isPersonal(inv.Environment):
		return fromUser(inv.Environment)
	case inv.Cognito != "":
		return caller{kind: anonymousUser, by: byCognito, remedy: "a Cognito identity is a user that no store of orders knows: " +
			"send service_token"}
	case e.UserInfo:
		return caller{kind: anonymousUser, by: byUserInfo, remedy: "userInfo in an event is a user's, without a name: leave it out, " +
			"or send service_token"}
	case e.Kind == event.Timer:
		return fromTimer(inv, e, a)
	case key != "":
		return caller{kind: anonymousUser, by: byCloudBaseKey, remedy: "the platform gave " + key +
			", as it does for users, and no identity; send service_token"}
	case inv.Platform != hosting.Lambda && a.Policy != PolicyPlatform:
		return caller{kind: unidentified, by: byNothing, remedy: "nothing identifies the caller: " +
			"send service_token (CLOUDPAY_SERVICE_TOKEN), or set " +
			"CLOUDPAY_CALLER_POLICY=platform if every call passes the platform's access management"}
	case e.Kind == event.Queue:
		return caller{kind: queue, by: byPlatform, may: rights{orders: allOrders, decide: true}}
	}
	return caller{kind: direct, by: byPlatform, may: everything}
}

// serviceTokenHeader is the header Cloudpay-Service-Token, in lower case as events have it. It
// proves a service as the parameter service_token does, and is there before the body is.
const serviceTokenHeader = "cloudpay-service-token"

// serviceTokens are the texts that a call sends as the service token: the parameter given, and an
// HTTP request's header. Where both are sent, both must be right. A header that comes twice has
// both values joined, and is no token.
func serviceTokens(e event.Event, given string) []string {
	shown := []string{given}
	if e.Kind == event.HTTP {
		shown = append(shown, e.Request.Header[serviceTokenHeader])
	}
	return slices.DeleteFunc(shown, func(token string) bool { return token == "" })
}

// fromHTTP identifies the caller of an HTTP request. The request is the client's word, except for
// what only the platform or WeChat's gateway can have written. An access token decides alone: one
// that proves nothing is not made up for by a header.
func fromHTTP(inv hosting.Invocation, e event.Event, a Access, verify verifier) caller {
	header := e.Request.Header
	switch {
	case e.Kind != event.HTTP:
		return caller{kind: anonymousUser, by: byHTTPShape, remedy: "headers, httpMethod and requestContext make an event an HTTP request's, " +
			"and this one is none that can be read"}
	case a.HTTP.Is(bearer(header["authorization"])), hasClaim(inv, e, a):
		return caller{kind: httpClient, by: byHTTPToken, may: rights{orders: allOrders, decide: true}}
	}
	if c, there := a.fromToken(header, verify); there {
		return c
	}
	r := arrival{platform: inv.Platform, header: header}
	if c, there := a.fromGateway(r); there {
		return c
	}
	if c, there := a.fromContext(r); there {
		return c
	}
	return caller{kind: unidentified, by: byNoHTTPProof, remedy: "an HTTP request needs " +
		"Authorization: Bearer with CLOUDPAY_HTTP_TOKEN or, where " +
		"CLOUDPAY_LOGIN_ENV is set, a user's access token; or the authorizer's claim of CLOUDPAY_HTTP_AUTHORIZER where that counts " +
		"(docs/callers.md)"}
}

// bearer is the token of an Authorization header (RFC 6750), "" without one.
func bearer(authorization string) string {
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// hasClaim reports whether an authorizer vouches for the caller. The claim is part of the event, so
// it is the platform's word only if no caller can write the event: on Lambda only callers admitted
// by IAM can, and a Cognito identity is not one of them; on SCF only the operator knows. Our own
// HTTP server has no authorizer.
func hasClaim(inv hosting.Invocation, e event.Event, a Access) bool {
	if a.AuthorizerClaim == "" || a.AuthorizerValue == "" || e.Request.Claims[a.AuthorizerClaim] != a.AuthorizerValue {
		return false
	}
	if e.UserInfo || inv.Cognito != "" || isPersonal(inv.Environment) || cloudBaseKey(inv.Environment) != "" {
		return false
	}
	switch inv.Platform {
	case hosting.Lambda:
		return true
	case hosting.SCF, hosting.SCFCustom:
		return a.Policy == PolicyPlatform
	case hosting.Web:
	}
	return false
}

// fromUser names the user: by the openid under an appid, which is the calling mini-program's where
// it borrowed this environment from another one (WX_FROM_…), or by CloudBase's ID for users of web
// pages, including those without a login.
func fromUser(env map[string]string) caller {
	for _, owner := range []string{
		ownerOf("wx", env["WX_APPID"], env["WX_OPENID"]),
		ownerOf("wx", env["WX_FROM_APPID"], env["WX_FROM_OPENID"]),
		ownerOf("tcb", env["TCB_UUID"]),
	} {
		if owner != "" {
			return caller{kind: user, by: byEnvironment, owner: owner, may: rights{orders: ownOrders}}
		}
	}
	return caller{kind: anonymousUser, by: byEnvironment, remedy: "the platform gave signs of a user, and no complete identity " +
		"(WX_APPID and WX_OPENID, or TCB_UUID)"}
}

// fromTimer believes a timer's event on Lambda, where IAM admitted it, on the platform's word, and
// for the secret that the operator put into the trigger's message. An event that looks like a
// timer's without any of these is either an attack, or a sweep that does not happen.
func fromTimer(inv hosting.Invocation, e event.Event, a Access) caller {
	switch {
	case inv.Platform == hosting.Lambda,
		isFromTimer(inv.Environment),
		a.isTimer(e.Timer.Message),
		a.Policy == PolicyPlatform && cloudBaseKey(inv.Environment) == "":
		return caller{kind: timer, by: byTimer, may: rights{sweep: true}}
	}
	return caller{kind: unidentified, by: byTimer, remedy: "the platform does not say that this is a timer: " +
		"put CLOUDPAY_TIMER_TOKEN into the trigger's message"}
}

// isTimer reports whether a trigger's message is the timer token, or both of its values: a
// description such as serverless.yml gives the trigger and the function one variable, which has
// both during a rotation.
func (a Access) isTimer(message string) bool {
	words := strings.Fields(message)
	wrong := slices.ContainsFunc(words, func(word string) bool { return !a.Timer.Is(word) })
	return len(words) > 0 && !wrong
}

// isFromTimer reports whether the platform says that a timer fired: TRIGGER_SRC (SCF's documents on
// environment variables) or TCB_SOURCE (WeChat's on getWXContext).
//
// TRIGGER_SRC is the platform's own. TCB_SOURCE is a chain that each caller extends, and SDKs send
// their end of it (the header x-tcb-source), so that a client may write wx_trigger into it. It
// counts only if it is that one word and nothing shows an SDK's call, which CloudBase marks with
// TRIGGER_SRC tcb and with TCB_ISANONYMOUS_USER, whatever its value.
func isFromTimer(env map[string]string) bool {
	src := env["TRIGGER_SRC"]
	switch env["TCB_SOURCE"] {
	case "":
		return src == "timer"
	case "wx_trigger":
		return src == "timer" || src == "" && env["TCB_ISANONYMOUS_USER"] == ""
	}
	return false
}

// personalKeys are the keys that CloudBase sends for a person. Each shows a user, even if it is no
// name of an owner here.
var personalKeys = []string{
	"WX_OPENID", "WX_UNIONID", "WX_FROM_OPENID", "WX_FROM_UNIONID", "WX_FROM_APPID",
	"TCB_UUID", "TCB_CUSTOM_USER_ID", "QQ_OPENID", "LOGINTYPE",
}

func isPersonal(env map[string]string) bool {
	for _, key := range personalKeys {
		if env[key] != "" {
			return true
		}
	}
	anonymous := env["TCB_ISANONYMOUS_USER"]
	return anonymous != "" && anonymous != "false"
}

// cloudBaseKey is the first in the alphabet of the keys that CloudBase sent with a call, "" without
// one. Our own settings begin with WXPAY_ and CLOUDPAY_, and are no such keys.
func cloudBaseKey(env map[string]string) string {
	first := ""
	for key, value := range env {
		if value != "" && (strings.HasPrefix(key, "WX_") || strings.HasPrefix(key, "TCB_")) && (first == "" || key < first) {
			first = key
		}
	}
	return first
}

// ownerOf is the user that the platform names, "" if a part of the name is missing.
func ownerOf(realm string, names ...string) string {
	owner, _ := order.NewOwner(realm, names...)
	return string(owner)
}

// notInNames reports whether a character is in none of the platforms' names and in no order number.
func notInNames(r rune) bool {
	switch {
	case '0' <= r && r <= '9', 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', r == '_', r == '-':
		return false
	}
	return true
}

// brief is as much of an owner as the log may have: enough to tell two callers apart, too little to
// identify them.
func brief(owner string) string {
	name := owner[strings.LastIndexByte(owner, ':')+1:]
	if name == "" {
		return ""
	}
	const most = 6
	return name[:min(most, len(name)/2)] + "…"
}
