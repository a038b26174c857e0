package paygate

import (
	"net/http"
	"slices"
	"sync"
)

// Domain is one of the two names under which the gateway is reached: the same gateway behind both, as api.mch.weixin.qq.com
// and api2.mch.weixin.qq.com are (apihk.mch.weixin.qq.com and the former overseas).
type Domain string

// The domains.
const (
	DomainMain   Domain = "main"
	DomainBackup Domain = "backup"
)

// Domains lists them.
func Domains() []Domain { return []Domain{DomainMain, DomainBackup} }

// domains says which are down.
type domains struct {
	mu   sync.Mutex
	down map[Domain]bool
}

func (d *domains) isUp(domain Domain) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.down[domain]
}

func (d *domains) set(domain Domain, up bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down == nil {
		d.down = make(map[Domain]bool)
	}
	d.down[domain] = !up
}

// Backup is the gateway as it is reached by its backup domain: give it a listener of its own. The gateway itself is the main one.
func (g *Gateway) Backup() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.serveOn(DomainBackup, w, r) })
}

// SetDomain takes a domain down, or up again. While it is down every connection to it is reset as soon as a request comes in,
// before anything is done; the history has it with [VerdictCut]. Requests under way are finished.
// The error names the domains when there is none of that name.
func (g *Gateway) SetDomain(domain Domain, up bool) error {
	if !slices.Contains(Domains(), domain) {
		return invalid("%q is no domain; there are %s", domain, list(Domains()))
	}
	g.domains.set(domain, up)
	return nil
}

// DomainUp says whether a domain is up, as all are at first.
func (g *Gateway) DomainUp(domain Domain) bool { return g.domains.isUp(domain) }

// refuseConnection is what a domain that is down does.
func (ex *exchange) refuseConnection() {
	ex.rec.Verdict = VerdictCut
	ex.note("the domain " + string(ex.rec.Domain) + " is down")
	ex.record(0)
	ex.reset()
}

// domainsView says of each domain whether it is up or down.
type domainsView struct {
	Main   string `json:"main,omitempty"`
	Backup string `json:"backup,omitempty"`
}

const (
	domainUp   = "up"
	domainDown = "down"
)

func (g *Gateway) adminDomains(*http.Request) (int, any, error) {
	view := domainsView{Main: domainUp, Backup: domainUp}
	if !g.DomainUp(DomainMain) {
		view.Main = domainDown
	}
	if !g.DomainUp(DomainBackup) {
		view.Backup = domainDown
	}
	return http.StatusOK, view, nil
}

// adminSetDomains sets the domains that are given, and leaves the others as they are.
func (g *Gateway) adminSetDomains(r *http.Request) (int, any, error) {
	var view domainsView
	if err := decodeAdmin(r, &view); err != nil {
		return 0, nil, err
	}
	given := map[Domain]string{DomainMain: view.Main, DomainBackup: view.Backup}
	for _, domain := range Domains() {
		if state := given[domain]; state != "" && state != domainUp && state != domainDown {
			return 0, nil, invalid("%s: %q must be %s or %s", domain, state, domainUp, domainDown)
		}
	}
	for domain, state := range given {
		if state != "" {
			g.domains.set(domain, state == domainUp)
		}
	}
	return g.adminDomains(r)
}
