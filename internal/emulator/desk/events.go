package desk

import (
	"context"
	"net"
	"net/http"
	"net/url"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/sink"
)

// ServeEvents serves an event sink at an address until Close. It returns where the functions send
// events, for [Settings].
func (d *Desk) ServeEvents(ctx context.Context, address string) (events string, err error) {
	if d.sink, err = sink.New(sink.Options{Key: d.secrets.tokens.EventsKey, Observe: d.traffic.received}); err != nil {
		return "", bilingual.Errorf("the key in %s: %w", "%s 中的密钥：%w", secretsFile, err)
	}
	if d.eventsURL, err = d.serve(ctx, "events", address, onlyHere(d.sink)); err != nil {
		return "", err
	}
	return d.eventsURL + "/events", nil
}

// onlyHere refuses requests that come under another name than one of this machine (DNS rebinding),
// and those that a web page of another origin sends: both would be using a developer's browser.
func onlyHere(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		switch {
		case !isHere((&url.URL{Host: r.Host}).Hostname()):
			http.Error(w, "this server answers under localhost and the loopback addresses only", http.StatusForbidden)
		case origin != "" && origin != "http://"+r.Host, protection.Check(r) != nil:
			http.Error(w, "a web page of another origin may not call this server", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// isHere reports whether a host is this machine, by localhost or a loopback address.
func isHere(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
