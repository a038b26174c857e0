package store

import (
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/lib/pq"
)

// PlainHost returns the host to which an address connects without TLS, or may do so if the server
// offers none. It is empty if the address requires TLS, stays on this machine, or is invalid.
func PlainHost(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	switch u.Scheme {
	case "mysql", "mariadb":
		// With preferred, an attacker on the way can make the driver connect without TLS; without
		// tls, no TLS is used. skip-verify encrypts, although it verifies nothing.
		if tls := u.Query().Get("tls"); tls != "true" && tls != "skip-verify" && !isThisMachine(u.Hostname()) {
			return u.Hostname()
		}
	case "postgres", "postgresql":
		return plainPostgres(u)
	}
	return ""
}

// plainPostgres is PlainHost for PostgreSQL. The driver reads the configuration, because it also
// takes hosts and modes from parameters and the environment.
func plainPostgres(u *url.URL) string {
	query := u.Query()
	query.Del(paramConns)
	u.Scheme, u.RawQuery = "postgres", query.Encode()
	config, err := pq.NewConfig(u.String())
	if err != nil {
		return ""
	}
	// allow and prefer connect without TLS if the server, or an attacker on the way, offers none.
	switch config.SSLMode {
	case pq.SSLModeDisable, pq.SSLModeAllow, pq.SSLModePrefer:
	default:
		return ""
	}
	hosts := []string{config.Host}
	if config.Hostaddr.IsValid() {
		hosts[0] = config.Hostaddr.String()
	}
	for _, more := range config.Multi {
		hosts = append(hosts, more.Host)
	}
	for _, host := range hosts {
		if !isThisMachine(host) {
			return host
		}
	}
	return ""
}

// isThisMachine reports whether a host is a loopback name or address, or the path of a socket.
func isThisMachine(host string) bool {
	if host == "" || host[0] == '/' || host[0] == '@' || strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	if bare, _, err := net.SplitHostPort(host); err == nil {
		host = bare
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
