package diagnosis

import (
	"encoding/json"
	"strings"

	"cloudpay/internal/bilingual"
)

// Notification says why a notification of WeChat Pay does not verify, or why what is encrypted in
// it cannot be decrypted. It is to be given as it was received, or as the program that refuses it
// has it. One in XML is taken for one of APIv2.
//
// Of APIv3, what is wrong is found in two steps:
//
//	signature   resource    finding
//	holds       decrypts    none: it is fine
//	holds       does not    the APIv3 key, unless a variant proves something else of an odd sender
//	fails       decrypts    body, header or key of the signature, as of a reply
//	fails       does not    what is proved of either, and the resource's corrected member first
//	is missing  either      reply-unsigned, and what the resource tells
//
// Its signature is examined like a reply's; Method and URI are not signed. The resource is examined
// even where the signature does not hold. Where it holds, the resource is as it was sent, and
// nothing but the APIv3 key can be wrong.
//
// A refund's notification of APIv2 has no signature, and is never fine: no findings mean that
// req_info decrypts.
func Notification(r Request, keys Keys) Diagnosis {
	e := newEvidence(r.Header, r.Body, sideIDs{"notice-key-kind", "notice-body-parsed", "notice-header-changed"})
	if e.proof == (proof{}) && isXML(r.Body) {
		return notificationV2(r.Body, keys)
	}
	v := e.verify(keys)
	resource, ok := resourceIn(v.body)
	if !ok {
		if len(v.findings) == 0 {
			v.add(detailed(noticeCiphertext, bilingual.New(
				"the notification has no resource with a ciphertext", "通知中没有带密文的 resource")))
		}
		return v.diagnosis()
	}
	findings, right := resource.examine(facts{keys, e.nonce, v.holds})
	if again, ok := e.corrected(resource, right, keys); ok && !v.holds {
		again.expected = v.expected // over what was received
		v = again
	}
	v.add(findings...)
	return v.diagnosis()
}

// resourceIn returns the encrypted part of a notification. ok is false if there is none: the body
// is no JSON, or another document.
func resourceIn(body string) (resource sealed, ok bool) {
	var envelope struct {
		Resource *sealed `json:"resource"`
	}
	if json.Unmarshal([]byte(body), &envelope) != nil || envelope.Resource == nil {
		return sealed{}, false
	}
	return *envelope.Resource, envelope.Resource.Ciphertext != ""
}

// corrected verifies the notification with what its resource must have been in place of what it
// says. ok is true if the signature then holds: the member was changed after signing, and nothing
// else was.
func (e evidence) corrected(resource, right sealed, keys Keys) (v *verification, ok bool) {
	if resource == right {
		return nil, false
	}
	for _, member := range []struct{ name, from, to string }{
		{"associated_data", resource.AssociatedData, right.AssociatedData},
		{"nonce", resource.Nonce, right.Nonce},
		{"ciphertext", resource.Ciphertext, right.Ciphertext},
	} {
		for _, colon := range []string{":", ": "} {
			literal := func(value string) string { return quotedJSON(member.name) + colon + quotedJSON(value) }
			e.body = strings.Replace(e.body, literal(member.from), literal(member.to), 1)
		}
	}
	v = e.verify(keys)
	if !v.holds {
		return nil, false
	}
	v.holds = false // not over what was received
	return v, true
}

// quotedJSON writes a string as WeChat Pay does, with no more escapes than JSON demands.
func quotedJSON(text string) string {
	var out strings.Builder
	escapings[0].form.write(&out, text)
	return out.String()
}

// notificationV2 is Notification for APIv2: a payment is signed like a reply, a refund is
// encrypted.
func notificationV2(document []byte, keys Keys) Diagnosis {
	doc, fault := parseReply(document)
	if info := doc.get("req_info"); fault == (bilingual.Text{}) && info != "" && doc.get("sign") == "" {
		v := verification{findings: examineRefund(info, keys)}
		return v.diagnosis()
	}
	return ReplyV2(document, keys)
}
