package store

import (
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/lib/pq"
)

// PlainHost is the host that an address has the database reached at without TLS, or may if the
// server says that it has none; empty where TLS is asked for, where nothing leaves this machine,
// and where the address is at fault.
func PlainHost(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	switch u.Scheme {
	case "mysql", "mariadb":
		if tls := u.Query().Get("tls"); tls != "true" && tls != "skip-verify" && !isThisMachine(u.Hostname()) {
			return u.Hostname()
		}
	case "postgres", "postgresql":
		return plainPostgres(u)
	}
	return ""
}

// plainPostgres asks the driver, which takes hosts and modes from parameters and from the
// environment, too.
func plainPostgres(u *url.URL) string {
	query := u.Query()
	query.Del(paramConns)
	u.Scheme, u.RawQuery = "postgres", query.Encode()
	config, err := pq.NewConfig(u.String())
	if err != nil {
		return ""
	}
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

// isThisMachine knows the loopback's names and addresses, and the paths of sockets.
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
