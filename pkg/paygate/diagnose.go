package paygate

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strings"

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

// explainV3 says why a request's signature, or what is checked before it, was refused.
func (g *Gateway) explainV3(wrong *distrust, ex *exchange, m *Merchant) {
	d := diagnosis.V3(diagnosis.Request{
		Method: ex.r.Method, URI: ex.r.RequestURI, Host: ex.r.Host, Header: ex.r.Header, Body: ex.body,
	}, g.keysOf(m))
	wrong.explain(&d)
	if d.Signed != "" {
		wrong.reason = "the right key signed another message: " + wrong.reason
	}
}

// explainV2 says why a document's signature was refused.
func (g *Gateway) explainV2(wrong *distrust, document []byte, m *Merchant) {
	d := diagnosis.V2(document, g.keysOf(m))
	wrong.explain(&d)
	switch wrong.cause {
	case "v2-sign-missing", "v2-sign-type", "v2-length": // sentences
	case "v2-other":
		wrong.reason = "the sign is wrong, and " + wrong.reason
	default:
		wrong.reason = "the sign is wrong: " + wrong.reason
	}
}

// explain takes the diagnosis of what was refused. It never undoes a refusal: where the diagnosis
// finds nothing, the reason says only that much.
func (d *distrust) explain(found *diagnosis.Diagnosis) {
	d.expected, d.received = found.Expected, found.Signed
	d.reason = found.Reason().EN
	if d.reason == "" {
		d.reason = "the signature does not fit"
	}
	if len(found.Findings) > 0 {
		d.cause = string(found.Findings[0].ID)
	}
}

// inTheTable is a refusal whose reason is the table's clause.
func inTheTable(message string, id cause.ID) *distrust {
	row, _ := cause.Of(id) // a test holds that the table has it
	return &distrust{message: message, reason: row.What.EN, cause: string(id)}
}

// recipeV2 is a way to sign the fields of APIv2 that a client is handed to pay with. The right one
// is {key: the APIv2 key, signType: the order's, joint: &key=}; wrong ones are tried until one
// makes the paySign that was received. Requests have their own, in internal/diagnosis.
type recipeV2 struct {
	key      string
	signType string
	// an element left out that should be there
	skip string
	// in the order of the document
	unsorted bool
	// between the values and the key
	joint string
	// without the key and its joint
	noKey bool
	// SHA-256 without HMAC
	plain bool
	// lower-case digits
	lower bool
	// what is done to each value first; nil: nothing
	escape func(string) string
}

// text is what the recipe signs, with its key shown as shown: as itself to be digested, redacted
// for the history.
func (r *recipeV2) text(doc fields, shown string) string {
	doc = slices.Clone(doc)
	if !r.unsorted {
		slices.SortFunc(doc, func(a, b field) int { return strings.Compare(a.name, b.name) })
	}
	var parts []string
	for _, f := range doc {
		switch {
		case f.name == r.skip, f.name == "sign", f.value == "":
		case r.escape != nil:
			parts = append(parts, f.name+"="+r.escape(f.value))
		default:
			parts = append(parts, f.name+"="+f.value)
		}
	}
	text := strings.Join(parts, "&")
	if r.noKey {
		return text
	}
	return text + r.joint + shown
}

// digest is the signature that the recipe makes.
func (r *recipeV2) digest(doc fields) string {
	text := r.text(doc, r.key)
	digest := digestV2([]byte(text), r.key, r.signType)
	if r.plain {
		sum := sha256.Sum256([]byte(text))
		digest = strings.ToUpper(hex.EncodeToString(sum[:]))
	}
	if r.lower {
		return strings.ToLower(digest)
	}
	return digest
}

// slip is one mistake that a signer can make: why the signature is wrong, and what makes a right
// recipe R wrong in that way. To teach the diagnosis another mistake, add a slip to one of the
// lists; nothing else has to change.
type slip[R any] struct {
	why string
	do  func(*R)
}

// blame finds the slip, or else the pair of slips, that turns the right recipe into one that fits
// what was received. Earlier slips go before later ones. ok is false if none fits. Two mistakes at
// once are common: a key with a line feed, and the wrong digits. A pair costs the square of the
// slips, so callers bound what they guess at.
func blame[R any](right R, slips []slip[R], fits func(*R) bool) (why string, wrong R, ok bool) {
	for _, one := range slips {
		wrong := right
		one.do(&wrong)
		if fits(&wrong) {
			return one.why, wrong, true
		}
	}
	for i, second := range slips {
		for _, first := range slips[:i] {
			wrong := right
			first.do(&wrong)
			second.do(&wrong)
			if fits(&wrong) {
				return first.why + "; and " + second.why, wrong, true
			}
		}
	}
	return "", right, false
}

// slipsOfKey is how the right key goes wrong: in another case, with what an editor left at its end,
// or joined otherwise.
func slipsOfKey(signType string) []slip[recipeV2] {
	key := func(how string, edit func(string) string) slip[recipeV2] {
		return slip[recipeV2]{"the APIv2 key was used " + how, func(r *recipeV2) { r.key = edit(r.key) }}
	}
	ending := func(name, text string) slip[recipeV2] {
		return key("with a trailing "+name, func(key string) string { return key + text })
	}
	joint := func(text string) slip[recipeV2] {
		return slip[recipeV2]{
			fmt.Sprintf("the APIv2 key was appended with %q before it, not with &key=", text), func(r *recipeV2) { r.joint = text },
		}
	}
	return []slip[recipeV2]{
		{"it is plain SHA-256, and sign_type asks for " + signType, func(r *recipeV2) { r.plain = true }},
		key("in small letters", strings.ToLower), key("in capitals", strings.ToUpper),
		ending("space", " "), ending("line feed", "\n"), ending("carriage return and line feed", "\r\n"),
		joint(""), joint("&"), joint("key="), joint("&KEY="), joint("&Key="),
	}
}

// slipsOfEscape is URL-encoding as the usual languages do it. They disagree about * and the digits'
// case, among others.
func slipsOfEscape() []slip[recipeV2] {
	var slips []slip[recipeV2]
	for _, escape := range []func(string) string{url.QueryEscape, url.PathEscape, escapeAsJava, escapeAsJavaScript} {
		small := func(text string) string { return escapes.ReplaceAllStringFunc(escape(text), strings.ToLower) }
		for _, escape := range []func(string) string{escape, small} {
			slips = append(slips, slip[recipeV2]{"values were URL-encoded before signing", func(r *recipeV2) { r.escape = escape }})
		}
	}
	return slips
}

var escapes = regexp.MustCompile(`%[0-9A-F]{2}`)

// escapeAsJava escapes as Java's URLEncoder does.
func escapeAsJava(text string) string {
	return strings.NewReplacer("%2A", "*", "~", "%7E").Replace(url.QueryEscape(text))
}

// escapeAsJavaScript escapes as encodeURIComponent does.
func escapeAsJavaScript(text string) string {
	return strings.NewReplacer("%2A", "*", "+", "%20", "%21", "!", "%27", "'", "%28", "(", "%29", ")").Replace(url.QueryEscape(text))
}

// diagnoseBase64 says in what other way a signature was written.
func diagnoseBase64(signature string) string {
	const must = "the signature must be in standard base64 with padding"
	if _, err := base64.RawStdEncoding.DecodeString(signature); err == nil {
		return must + ": the padding is missing"
	}
	if strings.ContainsAny(signature, "-_") {
		return must + ": it uses the URL alphabet, with - and _"
	}
	return must
}

// digestInfos are the DigestInfo headers of RFC 8017, section 9.2, note 1, in hexadecimal.
var digestInfos = []struct{ name, prefix string }{
	{"SHA-256", "3031300d060960864801650304020105000420"},
	{"SHA-1", "3021300906052b0e03021a05000414"},
	{"SHA-512", "3051300d060960864801650304020305000440"},
	{"MD5", "3020300c06082a864886f70d020505000410"},
}

// openSignature undoes an RSASSA-PKCS1-v1_5 signature with the public key. What comes out is the
// digest that was signed, and which hash made it. ok is false if another key signed.
func openSignature(key *rsa.PublicKey, signature []byte) (hash string, digest []byte, ok bool) {
	s := new(big.Int).SetBytes(signature)
	if s.Cmp(key.N) >= 0 {
		return "", nil, false
	}
	em := s.Exp(s, big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, key.Size()))
	rest, ok := bytes.CutPrefix(em, []byte{0, 1})
	if !ok {
		return "", nil, false
	}
	rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, "\xff"), []byte{0})
	if !ok {
		return "", nil, false
	}
	for _, known := range digestInfos {
		prefix, _ := hex.DecodeString(known.prefix) // cannot fail: constants
		if digest, ok := bytes.CutPrefix(rest, prefix); ok {
			return known.name, digest, true
		}
	}
	return "an unknown hash", nil, true
}

// diagnoseKeyV3 says what made a signature that the merchant's key did not make, or not with the
// right padding. PSS padding is tried first, since the key is the right one then.
func (g *Gateway) diagnoseKeyV3(message string, m *Merchant, signature []byte) string {
	digest := sha256.Sum256([]byte(message))
	if rsa.VerifyPSS(m.PublicKey, crypto.SHA256, digest[:], signature, nil) == nil {
		return "the right key signed the right message, but with PSS padding: it must be RSASSA-PKCS1-v1_5"
	}
	for _, other := range g.merchants {
		if _, _, ok := openSignature(other.PublicKey, signature); ok {
			return "the signature was made with another merchant's key, that of " + other.MchID
		}
	}
	own := []signer{g.platform.publicKey}
	for _, c := range g.platform.valid() {
		own = append(own, c.signer)
	}
	for _, one := range own {
		if _, _, ok := openSignature(&one.key.PublicKey, signature); ok {
			return "the signature was made with WeChat Pay's own key " + one.serial + ", which signs replies: it must be the merchant's"
		}
	}
	return fmt.Sprintf("the signature was not made with the private key of merchant %s's certificate %s (with RSASSA-PKCS1-v1_5)",
		m.MchID, m.SerialNo)
}
