package console

import (
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// policy lets a browser load from this server only, run no script but its files, use no style but
// the pages' own, which it names by its digest, send forms here, and show the pages in no other
// page. 'unsafe-inline' and 'unsafe-eval' are not in it.
var policy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; script-src 'self'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src 'self'; " +
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}()

// guarded adds the headers that protect a page, and refuses what a foreign page could have a
// browser send:
//
//   - a Host that is no name of this machine. A foreign name that was made to resolve to it is the
//     same origin for the browser (DNS rebinding); only the Host tells.
//   - a change, or a read with JavaScript, by a page of another origin (CSRF). Origin and
//     Sec-Fetch-Site tell. Another port of this machine is another origin, too. A link on a foreign
//     page may open a page here, since that changes nothing and shows nothing to the foreign page.
//
// A program such as curl sends neither header, and is let in: what it can do here, it can do at the
// management APIs.
func guarded(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		// With no-referrer a browser sends the page's own forms with the origin null, as the Fetch
		// standard says ("append a request Origin header"), and they would be refused below.
		header.Set("Referrer-Policy", "same-origin")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY") // for browsers without frame-ancestors
		header.Set("Cache-Control", "no-store")
		origin := r.Header.Get("Origin")
		switch {
		case !isHere(r.Host):
			http.Error(w, "the console answers under localhost and the loopback addresses only", http.StatusForbidden)
		case origin != "" && origin != "http://"+r.Host, protection.Check(r) != nil, isForeignRead(r):
			http.Error(w, "a web page of another origin may not call the console", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// isForeignRead reports whether a page of another origin reads or embeds something, rather than
// leads a person here.
func isForeignRead(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	foreign := site == "cross-site" || site == "same-site" // same-site: another port of this machine
	return foreign && r.Header.Get("Sec-Fetch-Mode") != "navigate"
}

// isHere reports whether a Host is this machine, by localhost or a loopback address.
func isHere(host string) bool {
	name := (&url.URL{Host: host}).Hostname()
	ip := net.ParseIP(name)
	return strings.EqualFold(name, "localhost") || ip != nil && ip.IsLoopback()
}
