package paygate

import (
	"cmp"

	"cloudpay/internal/cause"
	"cloudpay/internal/diagnosis"
)

// keysOf are what a diagnosis of a merchant's request may try: its keys, those of the others, and
// the gateway's own.
func (g *Gateway) keysOf(m *Merchant) diagnosis.Keys {
	keys := diagnosis.Keys{
		MchID: m.MchID, Serial: m.SerialNo, Merchant: m.PublicKey, V2Key: m.V2Key, V3Key: m.V3Key, Now: g.now(),
		Platform: g.platform.known(),
	}
	for _, other := range g.merchants {
		if other.MchID != m.MchID {
			keys.Others = append(keys.Others, diagnosis.Merchant{
				MchID: other.MchID, Serial: other.SerialNo, Key: other.PublicKey, V2Key: other.V2Key, V3Key: other.V3Key,
			})
		}
	}
	return keys
}

// known are the public halves of WeChat Pay's keys: the public key, and every certificate that was
// issued.
func (p *platform) known() []diagnosis.PlatformKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	keys := make([]diagnosis.PlatformKey, 0, 1+len(p.listed))
	keys = append(keys, diagnosis.PlatformKey{Serial: p.publicKey.serial, Key: &p.publicKey.key.PublicKey})
	for _, c := range p.listed {
		keys = append(keys, diagnosis.PlatformKey{Serial: c.serial, Key: &c.key.PublicKey})
	}
	return keys
}

// explainV3 returns a refusal of a request's signature, or of what is checked before it, with the
// reason that the diagnosis finds. m is empty if Authorization names no merchant.
func (g *Gateway) explainV3(wrong *distrust, ex *exchange, m *Merchant) *distrust {
	d := diagnosis.V3(diagnosis.Request{
		Method: ex.r.Method, URI: ex.r.RequestURI, Host: ex.r.Host, Header: ex.r.Header, Body: ex.body,
	}, g.keysOf(m))
	wrong.explain(&d)
	if d.Signed != "" {
		wrong.reason = "the right key signed another message: " + wrong.reason
	}
	return wrong
}

// explainV2 says why a document's signature was refused.
func (g *Gateway) explainV2(wrong *distrust, document []byte, m *Merchant) {
	d := diagnosis.V2(document, g.keysOf(m))
	wrong.explain(&d)
	wrong.expected = d.Expected
	switch wrong.cause {
	case "v2-sign-missing", "v2-sign-type", "v2-length": // sentences
	case "v2-other":
		wrong.reason = "the sign is wrong, and " + wrong.reason
	default:
		wrong.reason = "the sign is wrong: " + wrong.reason
	}
}

// explain takes the diagnosis of what was refused. It never undoes a refusal: where the diagnosis
// finds nothing, the reason stays the refusal's own, or says only that much.
func (d *distrust) explain(found *diagnosis.Diagnosis) {
	d.received = found.Signed
	d.reason = cmp.Or(found.Reason().EN, d.reason, "the signature does not fit")
	if len(found.Findings) > 0 {
		d.cause = string(found.Findings[0].ID)
	}
}

// inTheTable is a refusal whose reason is the table's clause.
func inTheTable(message string, id cause.ID) *distrust {
	row, _ := cause.Of(id) // a test holds that the table has it
	return &distrust{message: message, reason: row.What.EN, cause: string(id)}
}

// refusal is the answer to what is not believed, and notes its cause in the history.
func (d *distrust) refusal(ex *exchange, code string) *refusal {
	ex.rec.Cause = d.cause
	return refuse(code).saying(d.message).because(d.reason).detailing(d.detail)
}

// about puts what was seen behind the table's clause.
func (d *distrust) about(seen string) *distrust {
	d.reason += ": " + seen
	return d
}
