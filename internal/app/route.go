package app

import (
	"crypto/x509"
	"net/url"

	"cloudpay/internal/config"
	"cloudpay/internal/order"
)

// routes are the routes to WeChat Pay's addresses, in the same order: the configured route, or else
// RouteOwn for https to the region's hosts.
func routes(c config.Config, addresses []string) []order.Route {
	list := make([]order.Route, 0, len(addresses))
	for _, address := range addresses {
		list = append(list, route(c, address))
	}
	return list
}

// route is the route to one address. It decides which replies count by themselves: on a route that
// is not WeChat Pay's own, a query has to confirm a reply that names no order.
func route(c config.Config, address string) order.Route {
	switch {
	case c.Route != "":
		return c.Route // RouteOwn over plain http is loopback: config accepts no other address
	case c.ForeignRoots:
		return order.RouteForeign // the roots may be those of a proxy that ends TLS
	case isRegional(c, address):
		return order.RouteOwn
	}
	return order.RouteForeign
}

// isRegional reports whether an address is https, at the standard port, of a host of the region.
// TLS then ends at WeChat Pay itself, as the system's roots verify.
func isRegional(c config.Config, address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Port() != "" && u.Port() != "443" {
		return false
	}
	mainHost, backupHost := regionOf(c).Hosts()
	https := "https://" + u.Hostname()
	return https == mainHost || https == backupHost
}

// readRoots loads the system's root certificates. The first TLS handshake would load them
// otherwise, which takes tens of milliseconds; an instance has more processor time while it starts,
// and no caller waits yet.
func readRoots(addresses []string) {
	for _, address := range addresses {
		if u, err := url.Parse(address); err == nil && u.Scheme == "https" {
			_, _ = x509.SystemCertPool() // a handshake reports its error
			return
		}
	}
}
