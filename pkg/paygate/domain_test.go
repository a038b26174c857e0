package paygate_test

import (
	"strings"
	"testing"

	"cloudpay/pkg/paygate"
)

// at is the session on another URL of the same gateway.
func (s *session) at(url string) *session {
	server, c := *s.Server, *s
	server.URL = url
	c.Server = &server
	return &c
}

// TestDomains: one gateway behind both, either of them down.
func TestDomains(t *testing.T) {
	t.Parallel()
	s := start(t)
	backup := s.at(s.BackupURL)
	for _, no := range []string{"A1", "A2", "A3"} {
		s.order(no)
	}
	s.v3(s.queryV3("A1")).want(200) // and leaves a kept connection
	backup.v3(s.queryV3("A1")).want(200)
	if requests := s.Requests(); requests[0].Domain != "main" || requests[1].Domain != "backup" {
		t.Errorf("history says domains %s and %s", requests[0].Domain, requests[1].Domain)
	}

	s.MustSetDomain("main", false)
	if err := s.tryV3(t.Context(), s.closeV3("A1")); err == nil {
		t.Error("a domain that is down answered")
	}
	if last := s.last(); last.Verdict != "cut" || last.Reason != "the domain main is down" || last.HTTPStatus != 0 || last.Op != "" {
		t.Errorf("history says %+v", last)
	}
	s.WantState("A1", paygate.StateNotPay)
	backup.v3(s.closeV3("A1")).want(204)

	s.admin("POST", "/domains", `{"main":"up","backup":"down"}`).wantStatus(200).wantJSON(map[string]any{"main": "up", "backup": "down"})
	if err := backup.tryV3(t.Context(), s.closeV3("A2")); err == nil {
		t.Error("a domain that is down answered")
	}
	s.v3(s.closeV3("A2")).want(204)
	s.v2(s.closeV2("A3")).want(pair{"result_code", "SUCCESS"})
	s.admin("POST", "/domains", `{"main":"down"}`).wantStatus(200)
	s.admin("GET", "/domains", "").wantStatus(200).wantJSON(map[string]any{"main": "down", "backup": "down"})
	if s.DomainUp("main") || s.DomainUp("backup") {
		t.Error("a domain is up, want both down")
	}
	s.admin("POST", "/domains", `{"main":"up","backup":"off"}`).wantError(400, `backup: "off" must be up or down`)
	s.admin("POST", "/domains", `{"api2":"up"}`).wantError(400, `unknown field "api2"; known here: main, backup`)
	s.MustSetDomain("backup", true)
	backup.v3(s.queryV3("A1")).want(200)
	if err := s.SetDomain("third", true); err == nil || !strings.Contains(err.Error(), `"third" is no domain; there are main, backup`) {
		t.Errorf("setting a third domain: %v", err)
	}
}
