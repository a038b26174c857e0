package paygate

import (
	"net/http"
	"slices"
	"sync"
)

// The two names under which the same gateway is reached, as api.mch.weixin.qq.com and
// api2.mch.weixin.qq.com are (overseas apihk.mch.weixin.qq.com and the former).
const (
	domainMain   = "main"
	domainBackup = "backup"
)

// domainNames are the names, the main domain first.
func domainNames() []string { return []string{domainMain, domainBackup} }

// domains is which domains are down; all are up at first.
type domains struct {
	mu   sync.Mutex
	down map[string]bool
}

// isUp reports whether a domain is up; one that does not exist is.
func (d *domains) isUp(domain string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.down[domain]
}

func (d *domains) set(domain string, up bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down == nil {
		d.down = make(map[string]bool)
	}
	d.down[domain] = !up
}

// Backup returns the gateway as it is reached by its backup domain, for a listener of its own. The
// gateway itself is the main domain.
func (g *Gateway) Backup() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.serveOn(domainBackup, w, r) })
}

// SetDomain takes a domain, "main" or "backup", down or up again. While it is down, every
// connection to it is reset when a request comes in, before anything is done; the history has the
// request with the verdict "cut". Requests under way are finished. The error is non-nil only for
// another name.
func (g *Gateway) SetDomain(domain string, up bool) error {
	if !slices.Contains(domainNames(), domain) {
		return invalid("%q is no domain; there are %s", domain, list(domainNames()))
	}
	g.domains.set(domain, up)
	return nil
}

// DomainUp reports whether a domain, "main" or "backup", is up.
func (g *Gateway) DomainUp(domain string) bool { return g.domains.isUp(domain) }

// refuseConnection resets the connection of a request to a domain that is down.
func (ex *exchange) refuseConnection() {
	ex.rec.Verdict = verdictCut
	ex.note("the domain " + ex.rec.Domain + " is down")
	ex.record(0)
	ex.reset()
}

// domainsView is the state of each domain, "up" or "down". In a request an empty one stays as it
// is.
type domainsView struct {
	Main   string `json:"main,omitempty"`
	Backup string `json:"backup,omitempty"`
}

const (
	domainUp   = "up"
	domainDown = "down"
)

// domainsView is how both domains are.
func (g *Gateway) domainsView() domainsView {
	view := domainsView{Main: domainUp, Backup: domainUp}
	if !g.DomainUp(domainMain) {
		view.Main = domainDown
	}
	if !g.DomainUp(domainBackup) {
		view.Backup = domainDown
	}
	return view
}

// setDomains sets the domains that are given and leaves the others. The view was checked.
func (g *Gateway) setDomains(view domainsView) {
	for domain, state := range view.byName() {
		if state != "" {
			g.domains.set(domain, state == domainUp)
		}
	}
}

// byName is the view as a map.
func (v domainsView) byName() map[string]string {
	return map[string]string{domainMain: v.Main, domainBackup: v.Backup}
}

// check returns an error that names the first domain that is neither up nor down nor left out.
func (v domainsView) check() error {
	given := v.byName()
	for _, domain := range domainNames() {
		if state := given[domain]; state != "" && state != domainUp && state != domainDown {
			return invalid("%s: %q must be %s or %s", domain, state, domainUp, domainDown)
		}
	}
	return nil
}

// adminDomains shows both domains.
func (g *Gateway) adminDomains(*http.Request) (int, any, error) {
	return http.StatusOK, g.domainsView(), nil
}

// adminSetDomains sets the domains that are given and leaves the others. It changes nothing if one
// of them is wrong.
func (g *Gateway) adminSetDomains(r *http.Request) (int, any, error) {
	var view domainsView
	if err := decodeAdmin(r, &view); err != nil {
		return 0, nil, err
	}
	if err := view.check(); err != nil {
		return 0, nil, err
	}
	g.setDomains(view)
	return g.adminDomains(r)
}
