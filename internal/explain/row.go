package explain

import (
	"cloudpay/internal/bilingual"
	"cloudpay/internal/cause"
)

// row is a row of the emulated gateway's GET /requests, as docs/emulator.md has it. It is decoded
// without the gateway's own type: rows come from gateways of other versions too.
type row struct {
	// Method and URL are those of the request line.
	Method string `json:"method"`
	URL    string `json:"url"`
	// API is v2, v3 or wxcloudrun.
	API string `json:"api"`
	// Verdict is ok where the gateway verified the request and did what it asks.
	Verdict string `json:"verdict"`
	// Code is the error code of the reply.
	Code string `json:"code"`
	// Cause is why the signature was refused; empty: it was not, or the gateway is an older one.
	Cause cause.ID `json:"cause"`
	// Reason is why, in English.
	Reason string `json:"reason"`
	// Expected is what should have been signed, Received what was. Keys are redacted.
	Expected string `json:"expected"`
	Received string `json:"received"`
}

// explainRow repeats what the emulated gateway found out when the request came. The row itself has
// neither header nor body, so that nothing can be verified again: its word is taken.
func (a *Answer) explainRow() {
	r := a.row
	a.API, a.Title = r.API, r.Method+" "+r.URL
	a.Expected, a.Signed, a.Said = r.Expected, r.Received, r.Reason
	if r.Cause != "" {
		a.find(r.Cause, bilingual.Text{}, true)
	}
	switch {
	case r.Verdict == "ok":
		a.Verdict = Fine
	case r.Verdict != "":
		a.Verdict = Fault
	}
	if r.Code != "" {
		a.named(r.Code, "")
	}
}
