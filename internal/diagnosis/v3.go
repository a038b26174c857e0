package diagnosis

import (
	"bytes"
	"crypto/sha256"
	"strconv"
)

// V3 finds out why WeChat Pay refuses an APIv3 request. What its front demands comes first, then
// the fields of Authorization, then the signature, then the key that should sign the reply: the
// first finding is the one that WeChat Pay answers.
//
// Expected is set as soon as Authorization can be read. Signed is set if the message was found.
func V3(r Request, keys Keys) Diagnosis {
	if wrong := frontFault(r.Header); wrong != nil {
		return Diagnosis{Findings: []Finding{*wrong}}
	}
	c, wrong := readCredential(r.Header)
	if wrong != nil {
		return Diagnosis{Findings: []Finding{*wrong}}
	}
	right := messageV3{method: r.Method, uri: r.URI, timestamp: c.timestamp, nonce: c.nonce, body: signedBody{text: string(r.Body)}}
	d := Diagnosis{Expected: right.String()}
	if wrong := c.check(&keys); wrong != nil {
		d.Findings = []Finding{*wrong}
		return d
	}
	d.Findings, d.Signed = judgeV3(&r, right, c.signature, &keys, &d.spent)
	if len(d.Findings) > 0 {
		return d
	}
	if wrong := askedFault(r.Header, &keys); wrong != nil {
		d.Findings = []Finding{*wrong}
		return d
	}
	d.Fine = true
	return d
}

// judgeV3 looks at how the signature is written, then at its length, then at the key that made it,
// and then at what was signed. A digest in place of a signature ends it: neither key nor message
// can be seen in one.
//
// It returns what is wrong with a signature, and the message that was signed if that is not the
// right one and was found. No findings: the merchant's key made it, over the right message.
func judgeV3(r *Request, right messageV3, text string, keys *Keys, spent *effort) (findings []Finding, signed string) {
	signature, encoding := decodeSignature(text)
	if signature == nil {
		return []Finding{*encoding}, ""
	}
	if isDigest(len(signature)) {
		return judgeDigest(right.String(), signature, keys), ""
	}
	if encoding != nil {
		findings = append(findings, *encoding)
	}
	if keys.Merchant == nil {
		return append(findings, judgeWithoutKey(signature, right, keys)...), ""
	}
	if verify(keys.Merchant, right.String(), signature) {
		return findings, ""
	}
	if size := keys.Merchant.Size(); len(signature) != size {
		if encoding == nil {
			findings = append(findings, wrongLength(len(signature), size))
		}
		return findings, ""
	}
	hash, digest, ok := openSignature(keys.Merchant, signature)
	switch {
	case !ok:
		return append(findings, judgeKey(right.String(), signature, keys)), ""
	case hash != hashSHA256:
		return append(findings, wrongHash(hash, digest, right.String())), ""
	}
	found, signed := guessMessage(r, right, digest, spent)
	return append(findings, found...), signed
}

// guessMessage digests messages until one has the digest that the merchant's key signed. SHA-256
// has no two texts for one digest, so that a message that fits is the one that was signed.
//
// It tries the right parts with one or two likely mistakes. Where none fits, the findings are that
// fact, and the candidates that leave no trace in a digest.
func guessMessage(r *Request, right messageV3, digest []byte, spent *effort) (findings []Finding, signed string) {
	if len(right.uri)+len(right.body.text) <= maxGuessed {
		right.body = newSignedBody(right.body.text)
		var text []byte // the same room for each text
		found, wrong := search(right, guessesV3(r, right), spent, func(m *messageV3) bool {
			text = m.append(text[:0])
			spent.spend(len(text))
			sum := sha256.Sum256(text)
			return bytes.Equal(sum[:], digest)
		})
		if found != nil {
			return found, wrong.String()
		}
	}
	candidates := possible("v3-nonce-differs", "v3-timestamp-differs")
	if right.body.text != "" {
		candidates = append(candidates, possible("v3-body-keys", "v3-body-escapes")...)
	}
	return append([]Finding{known("v3-message-other")}, candidates...), ""
}

// messageV3 is a signed message in its parts.
type messageV3 struct {
	method, uri, timestamp, nonce string
	body                          signedBody
	// joins the parts; nil: five lines, each of them ended
	layout func(parts []string) string
}

// String is what is signed: five lines, each of them ended, also the last (doc v3/merchant
// 4012365336). The URL is path and query exactly as they stand in the request line.
func (m *messageV3) String() string { return string(m.append(nil)) }

// append appends what is signed to a text.
func (m *messageV3) append(text []byte) []byte {
	if m.layout != nil {
		return append(text, m.layout([]string{m.method, m.uri, m.timestamp, m.nonce, m.body.String()})...)
	}
	for _, part := range [...]string{m.method, m.uri, m.timestamp, m.nonce, m.body.String()} {
		text = append(append(text, part...), '\n')
	}
	return text
}

// seconds is the timestamp as a number; it was checked before.
func (m *messageV3) seconds() int64 {
	seconds, _ := strconv.ParseInt(m.timestamp, 10, 64)
	return seconds
}
