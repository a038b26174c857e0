package paygate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// scenario is everything that a gateway can be set to do wrong, in JSON. Of a part that is left out
// there is nothing: no fault, no share, no domain that is down.
//
// The form is that of the single calls of the management API, so that a part of a scenario can be
// sent to one of them, and what one of them shows can be put into a scenario.
type scenario struct {
	// as GET /faults has them, without their ids
	Faults  []json.RawMessage `json:"faults"` // each a faultView
	Signing Signing           `json:"signing"`
	// as POST /domains takes it; a domain that is left out is up
	Domains domainsView `json:"domains"`
}

// Scenario returns what goes wrong now, as JSON that [Gateway.SetScenario] takes: the faults still
// to come, the shares of signatures, and which domain is down.
func (g *Gateway) Scenario() []byte {
	s := scenario{Faults: []json.RawMessage{}, Signing: g.Signing(), Domains: g.domainsView()}
	for _, fault := range g.Faults() {
		view, _ := json.Marshal(newFaultView(injected{Fault: fault})) // numbers and texts are always encoded
		s.Faults = append(s.Faults, view)
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", "  ")
	_ = enc.Encode(s) // as above
	return text.Bytes()
}

// SetScenario sets all that goes wrong to what [Gateway.Scenario] has returned, or to what was
// written by hand in that form. Nothing is left of what went wrong before; of faults with a
// Probability the draws begin again. The error names what is wrong, and nothing is changed then.
func (g *Gateway) SetScenario(text []byte) error {
	s, err := readScenario(text)
	if err != nil {
		return fmt.Errorf("reading a scenario: %w", err)
	}
	faults, err := s.check()
	if err != nil {
		return fmt.Errorf("reading a scenario: %w", err)
	}
	// The faults come first: they are all that may still be refused.
	if err := g.SetFaults(faults); err != nil {
		return err
	}
	// Both were checked, and fail for nothing else.
	_ = g.signing.set(s.Signing)
	g.setDomains(s.Domains)
	return nil
}

// readScenario decodes a scenario.
func readScenario(text []byte) (s scenario, err error) { return s, decodeWhole(text, &s) }

// decodeWhole decodes one JSON object without an unknown field, and nothing after it.
func decodeWhole(text []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return explainJSON(err, into)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return invalid("it must be one JSON object and nothing after it")
	}
	return nil
}

// check returns the faults, or an error about any part. Domains that are not named are up.
func (s *scenario) check() ([]Fault, error) {
	faults := make([]Fault, len(s.Faults))
	for i, text := range s.Faults {
		var view faultView
		err := decodeWhole(text, &view)
		if err == nil {
			faults[i], err = view.fault()
		}
		if err != nil {
			return nil, fmt.Errorf("fault %d: %w", i+1, err)
		}
	}
	if err := s.Signing.check(); err != nil {
		return nil, err
	}
	for _, state := range []*string{&s.Domains.Main, &s.Domains.Backup} {
		if *state == "" {
			*state = domainUp
		}
	}
	return faults, s.Domains.check()
}
