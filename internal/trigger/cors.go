package trigger

import (
	"net/http"
	"slices"

	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
)

// allowedHeaders are what a page may send besides the headers that browsers allow every page: its
// tokens, and that its body is JSON.
const allowedHeaders = "Authorization, Cloudpay-Service-Token, Content-Type"

// corsReply is the answer to a browser that asks for a page of another origin.
type corsReply struct {
	// preflight reports that the request only asks whether another is allowed.
	preflight bool
	header    map[string]string
}

// cors allows the scripts of a page from a configured origin to call and to read the reply (the
// Fetch standard, "CORS protocol"). Cookies are never allowed: callers are admitted by a token,
// which the page must have.
func (a Access) cors(r hosting.Request, op order.Op) corsReply {
	_, found := route(op, r)
	return a.corsOn(r, found, allow(op))
}

// CORS returns the headers that tell a page of another origin what it may do on a path that takes
// these methods; none for an origin that is not configured.
func (a Access) CORS(r hosting.Request, methods string) map[string]string {
	return a.corsOn(r, true, methods).header
}

// corsOn is cors for a path that takes these methods. found reports that there is such a path.
func (a Access) corsOn(r hosting.Request, found bool, methods string) corsReply {
	c := corsReply{header: map[string]string{}}
	if len(a.CORSOrigins) == 0 {
		return c
	}
	origin := r.Header["origin"]
	switch {
	case slices.Contains(a.CORSOrigins, "*"):
		c.header["Access-Control-Allow-Origin"] = "*"
	case origin != "" && slices.Contains(a.CORSOrigins, origin):
		c.header["Access-Control-Allow-Origin"] = origin
		c.header["Vary"] = "Origin"
	default:
		c.header["Vary"] = "Origin"
		return c
	}
	if found && r.Method == http.MethodOptions && r.Header["access-control-request-method"] != "" {
		c.preflight = true
		c.header["Access-Control-Allow-Methods"] = methods
		c.header["Access-Control-Allow-Headers"] = allowedHeaders
		c.header["Access-Control-Max-Age"] = "600"
		return c
	}
	c.header["Access-Control-Expose-Headers"] = "Retry-After"
	return c
}
