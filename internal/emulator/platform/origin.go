package platform

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"cloudpay/internal/emulator/access"
)

// exposedHeaders are those that the SDKs read in an answer, which a browser hides from a page of
// another origin unless it is told.
const exposedHeaders = "X-Request-Id, X-Scf-Request-Id, X-Amz-Executed-Version, X-Amz-Function-Error, " +
	"X-Amz-Log-Result, X-Amzn-Errortype, X-Amzn-Requestid"

// foreignness says why a request may come from a foreign web page; it is empty if it cannot, or if
// the page's origin is allowed. The host is checked because of DNS rebinding: a page whose own name
// resolves to this machine is of the same origin to the browser. What is private is closed to
// allowed origins, too: it is the emulator's own, and no cloud has it.
func (c *Cloud) foreignness(r *http.Request, private bool) string {
	host := (&url.URL{Host: r.Host}).Hostname()
	if !strings.EqualFold(host, "localhost") && !net.ParseIP(host).IsLoopback() {
		return fmt.Sprintf("the host %q is not this machine's: call localhost or 127.0.0.1", host)
	}
	origin := r.Header.Get("Origin")
	switch {
	case c.allows(origin) && private:
		return fmt.Sprintf("a page of %s may call the functions, and not what is the emulator's own", origin)
	case c.allows(origin), !isForeign(r):
		return ""
	case access.CheckOrigin(origin) == nil:
		return fmt.Sprintf("this came from a web page of another origin: if %s is yours, start the emulator with --allow-origin %s",
			origin, origin)
	default:
		return "this came from a web page of another origin"
	}
}

// allows reports whether pages of an origin may call.
func (c *Cloud) allows(origin string) bool { return slices.Contains(c.AllowOrigins, origin) }

// isForeign reports whether a browser says that a page of another origin sends the request. Unlike
// net/http's own protection it holds for GET as well: a GET may call a function. A link from a page
// on this machine, such as the console, may be followed.
func isForeign(r *http.Request) bool {
	isLink := r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" &&
		r.Header.Get("Sec-Fetch-Site") == "same-site"
	if isLink {
		return false
	}
	asPost := *r
	asPost.Method = http.MethodPost
	return http.NewCrossOriginProtection().Check(&asPost) != nil
}

// answerPage tells the browser of an allowed page that the page may read the answer (the Fetch
// standard, "CORS protocol"). It returns true if that was all, since the browser only asked: a
// preflight reaches no function.
func (c *Cloud) answerPage(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if !c.allows(origin) {
		return false
	}
	header := w.Header()
	header.Add("Vary", "Origin")
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Allow-Credentials", "true")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		header.Set("Access-Control-Expose-Headers", exposedHeaders)
		return false
	}
	header.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	if wanted := r.Header.Get("Access-Control-Request-Headers"); wanted != "" {
		header.Set("Access-Control-Allow-Headers", wanted)
	}
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		header.Set("Access-Control-Allow-Private-Network", "true")
	}
	header.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
