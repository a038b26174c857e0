package paygate

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// recipeV2 is a way to sign an APIv2 document. The right one is {key: the APIv2 key, signType: the
// sign_type sent, joint: &key=}; the diagnosis tries wrong ones until one makes the signature that
// was received.
//
// A diagnosis names a mistake only if that very mistake makes the signature that was received, byte
// for byte; else it says that none was found. In APIv2 both sides have the key, so every recipe can
// be tried. In APIv3 the merchant's public key opens the signature, and what is in it is the digest
// of the message that was signed: messages are tried until one has that digest. A signature that
// the public key does not open was made with another key, and the keys that are known are tried.
type recipeV2 struct {
	key      string
	signType string
	// an element left out that should be there
	skip string
	// an element signed that was not sent
	extra *field
	// empty values signed
	empties bool
	// what stands for sign itself, as sign=
	sign string
	// sign itself signed, as it was the first time
	twice bool
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
	if r.extra != nil && !doc.has(r.extra.name) {
		doc = append(doc, *r.extra)
	}
	if !r.unsorted {
		slices.SortFunc(doc, func(a, b field) int { return strings.Compare(a.name, b.name) })
	}
	var parts []string
	for _, f := range doc {
		switch {
		case f.name == r.skip:
		case f.name == "sign":
			parts = append(parts, r.signItself(doc)...)
		case f.value == "" && !r.empties:
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

// signItself is what the recipe signs of sign: nothing if it is right.
func (r *recipeV2) signItself(doc fields) []string {
	switch {
	case r.twice:
		first := *r
		first.twice = false
		return []string{"sign=" + first.digest(doc)}
	case r.sign != "":
		return []string{r.sign}
	default:
		return nil
	}
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

// slipsV2 lists the likely mistakes, the likeliest first.
func (g *Gateway) slipsV2(doc fields, m *Merchant) []slip[recipeV2] {
	right, other := signMD5, signHMAC
	if doc.get("sign_type") == signHMAC {
		right, other = other, right
	}
	slips := []slip[recipeV2]{
		{"the APIv3 key was used where the APIv2 key belongs", func(r *recipeV2) { r.key = m.V3Key }},
		{fmt.Sprintf("it is %s where sign_type asks for %s", other, right), func(r *recipeV2) { r.signType = other }},
		{"it is in lower-case digits and must be in capitals", func(r *recipeV2) { r.lower = true }},
		{"empty values were signed", func(r *recipeV2) { r.empties = true }},
		{"&key= and the APIv2 key are missing at the end", func(r *recipeV2) { r.noKey = true }},
		{"elements were signed in the order they were sent, not sorted by name", func(r *recipeV2) { r.unsorted = true }},
		{"sign_type was sent but not signed", func(r *recipeV2) { r.skip = "sign_type" }},
		{"sign_type was signed but not sent", func(r *recipeV2) { r.extra = &field{"sign_type", right} }},
	}
	slips = slices.Concat(slips, slipsOfKey(right), slipsOfSign(), slipsOfEscape())
	for _, name := range []string{"sub_mch_id", "sub_appid", "nonce_str", "transaction_id", "version"} {
		if doc.get(name) != "" {
			slips = append(slips, slip[recipeV2]{name + " was sent but not signed", func(r *recipeV2) { r.skip = name }})
		}
	}
	for _, stranger := range g.merchants {
		if stranger.MchID != m.MchID {
			slips = append(slips, slip[recipeV2]{
				"another merchant's APIv2 key was used, that of " + stranger.MchID,
				func(r *recipeV2) { r.key = stranger.V2Key },
			})
		}
	}
	return slips
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

// slipsOfSign is sign among what is signed: as nothing, in several languages' words, or as the sign
// of a first time.
func slipsOfSign() []slip[recipeV2] {
	const why = "sign was signed too"
	as := func(text string) slip[recipeV2] {
		return slip[recipeV2]{why, func(r *recipeV2) { r.sign = "sign=" + text }}
	}
	return []slip[recipeV2]{
		{why + ", with its first value: signing twice must leave it out", func(r *recipeV2) { r.twice = true }},
		as(""), as("null"), as("undefined"), as("None"), as("sign"),
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

// diagnoseV2 says why a signature is wrong: the first likely mistake, or pair of mistakes, that
// makes it. received is what was signed then, its key redacted.
func (g *Gateway) diagnoseV2(doc fields, m *Merchant) (reason, received string) {
	sign := doc.get("sign")
	right := recipeV2{key: m.V2Key, signType: doc.get("sign_type"), joint: "&key="}
	var slips []slip[recipeV2]
	if len(right.text(doc, "")) <= maxGuessBody {
		slips = g.slipsV2(doc, m)
	}
	why, wrong, found := blame(right, slips, func(r *recipeV2) bool { return r.digest(doc) == sign })
	if found {
		return "the sign is wrong: " + why, wrong.text(doc, redacted)
	}
	if digits := len(sign); digits != 32 && digits != 64 {
		return fmt.Sprintf("the sign is %d characters long: MD5 makes 32 digits, HMAC-SHA256 makes 64", digits), ""
	}
	return "the sign is wrong, and no likely mistake makes it: look for another key, or a value changed after signing", ""
}

// diagnoseSerial says whose serial number was sent in place of the merchant's.
func (g *Gateway) diagnoseSerial(serial string, m *Merchant) string {
	must := fmt.Sprintf("serial_no %q is not the serial number of merchant %s's API certificate, %s", serial, m.MchID, m.SerialNo)
	switch {
	case g.platform.certificate(serial) != nil:
		return must + ": it is the platform certificate's, which belongs in Wechatpay-Serial"
	case serial == g.platform.publicKey.serial:
		return must + ": it is the id of WeChat Pay's public key, which belongs in Wechatpay-Serial"
	case strings.EqualFold(serial, m.SerialNo):
		return must + ": its digits must be in capitals"
	case strings.EqualFold(strings.ReplaceAll(serial, ":", ""), m.SerialNo):
		return must + ": it must be without colons"
	}
	if decimal, ok := new(big.Int).SetString(serial, 10); ok && serialHex(decimal) == m.SerialNo {
		return must + ": it is in decimal and must be in hexadecimal"
	}
	for _, other := range g.merchants {
		if serial == other.SerialNo {
			return must + ": it is that of merchant " + other.MchID
		}
	}
	return must
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

// diagnoseV3 says why a signature is wrong. The signature itself holds the digest of what was
// signed, so a likely mistake is recognised for certain.
func (g *Gateway) diagnoseV3(ex *exchange, c credential, m *Merchant, signature []byte) (reason, received string) {
	if _, err := hex.DecodeString(c.signature); err == nil { // hexadecimal digits are base64, too
		return "the signature must be in standard base64: it is in hexadecimal", ""
	}
	if size := m.PublicKey.Size(); len(signature) != size {
		return fmt.Sprintf("the signature is %d bytes long, and the merchant's key makes %d", len(signature), size), ""
	}
	hash, digest, ok := openSignature(m.PublicKey, signature)
	if !ok {
		return g.diagnoseKeyV3(messageParts(ex, c).message(), m, signature), ""
	}
	if hash != "SHA-256" {
		return "the right key signed, but over " + hash + ": it must be SHA-256", ""
	}
	return guessMessage(ex.r, messageParts(ex, c), digest)
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

// partsV3 is a signed message in its parts; layout joins them, nil as they should be.
type partsV3 struct {
	method, uri, timestamp, nonce, body string
	layout                              func(partsV3) string
}

// message is what is signed: in the right layout, unless a slip has another.
func (p partsV3) message() string {
	if p.layout != nil {
		return p.layout(p)
	}
	return messageV3(p.method, p.uri, p.timestamp, p.nonce, []byte(p.body))
}

// messageParts is the message as it should have been.
func messageParts(ex *exchange, c credential) partsV3 {
	return partsV3{method: ex.r.Method, uri: ex.r.RequestURI, timestamp: c.timestamp, nonce: c.nonce, body: string(ex.body)}
}

// slipV3 is a mistake in an APIv3 message.
type slipV3 = slip[partsV3]

// maxGuessBody bounds what is guessed at, in bytes. Honest bodies are below one kilobyte, in APIv3
// below 100 bytes. Without it a request could cost the square of the slips in hashes of a large
// body.
const maxGuessBody = 4 << 10

// guessMessage finds the message with the digest: the right parts with one or two likely mistakes.
func guessMessage(r *http.Request, right partsV3, digest []byte) (reason, received string) {
	var slips []slipV3
	if len(right.body)+len(right.uri) <= maxGuessBody {
		slips = slipsV3(r, right)
	}
	why, wrong, found := blame(right, slips, func(p *partsV3) bool {
		sum := sha256.Sum256([]byte(p.message()))
		return bytes.Equal(sum[:], digest)
	})
	if found {
		return "the right key signed another message: " + why, wrong.message()
	}
	return "the right key signed another message: method, URL, body, or a timestamp or nonce_str other than the header's; " +
		"compare what was signed with what was expected", ""
}

// slipsV3 lists the likely mistakes, the likeliest first.
func slipsV3(r *http.Request, right partsV3) []slipV3 {
	slips := slices.Concat(slipsOfURI(r, right.uri), slipsOfBody(right.body), slipsOfLayout())
	for offset := int64(1); offset <= 10; offset++ {
		for _, sign := range []int64{offset, -offset} {
			slips = append(slips, timeSlip(right.timestamp, sign))
		}
	}
	return append(slips,
		slipV3{"the nonce_str signed is in capitals, the header's is not", func(p *partsV3) { p.nonce = strings.ToUpper(p.nonce) }},
		slipV3{"the nonce_str signed is in small letters, the header's is not", func(p *partsV3) { p.nonce = strings.ToLower(p.nonce) }},
		slipV3{"the nonce_str was not signed, although the header has one", func(p *partsV3) { p.nonce = "" }},
		slipV3{"the timestamp signed is in milliseconds, the header's in seconds", func(p *partsV3) { p.timestamp += "000" }},
		slipV3{"the method was signed in small letters", func(p *partsV3) { p.method = strings.ToLower(p.method) }},
		slipV3{"the method signed is GET", func(p *partsV3) { p.method = http.MethodGet }},
		slipV3{"the method signed is POST", func(p *partsV3) { p.method = http.MethodPost }},
	)
}

// timeSlip is a timestamp that was read from the clock a second time.
func timeSlip(timestamp string, seconds int64) slipV3 {
	return slipV3{
		fmt.Sprintf("header mismatch: the timestamp signed is %+d seconds from the header's", seconds),
		func(p *partsV3) {
			at, _ := strconv.ParseInt(timestamp, 10, 64) // checked before
			p.timestamp = strconv.FormatInt(at+seconds, 10)
		},
	}
}

// slipsOfURI is what is signed in place of path and query.
func slipsOfURI(r *http.Request, uri string) []slipV3 {
	path, query, _ := strings.Cut(uri, "?")
	withQuery := func(path string) string {
		if query == "" {
			return path
		}
		return path + "?" + query
	}
	plain, err := url.PathUnescape(path)
	if err != nil {
		plain = path
	}
	guesses := []struct{ why, uri string }{
		{"the query string was not signed", path},
		{"the path was sent double-escaped, and signed escaped once", withQuery(strings.ReplaceAll(path, "%25", "%"))},
		{"the path was signed unescaped, and sent escaped", withQuery(plain)},
		{"the path was signed escaped, and sent unescaped", withQuery((&url.URL{Path: plain}).EscapedPath())},
		{"the path was signed escaped, and sent unescaped", withQuery(escapeSegments(plain))},
		{"the path was signed double-escaped, and sent escaped once", withQuery(strings.ReplaceAll(path, "%", "%25"))},
		{"the full URL was signed, with scheme and host: only path and query count", "https://" + r.Host + uri},
		{"the full URL was signed, with scheme and host: only path and query count", "http://" + r.Host + uri},
		{"the host was signed with the path: only path and query count", r.Host + uri},
		{"the leading / of the path was not signed", strings.TrimPrefix(uri, "/")},
		{"a ? was signed after the path, although there is no query string", uri + "?"},
		{"only the query string was signed", query},
	}
	if values, err := url.ParseQuery(query); err == nil && query != "" {
		guesses = append(guesses, struct{ why, uri string }{
			"the query string was signed sorted, and sent in another order", path + "?" + values.Encode(),
		})
	}
	var slips []slipV3
	for _, guess := range guesses {
		if guess.uri != uri {
			slips = append(slips, slipV3{guess.why, func(p *partsV3) { p.uri = guess.uri }})
		}
	}
	return slips
}

// escapeSegments escapes each segment of a path as net/url does for one.
func escapeSegments(path string) string {
	segments := strings.Split(path, "/")
	for i := range segments {
		segments[i] = url.PathEscape(segments[i])
	}
	return strings.Join(segments, "/")
}

// slipsOfBody is what is signed in place of the body: the same JSON, marshalled by another library
// or a second time.
func slipsOfBody(body string) []slipV3 {
	const reserialised = "the body was re-serialised between signing and sending: signed "
	guesses := []struct{ why, body string }{
		{"the body was signed without the line feed that ends it", strings.TrimRight(body, "\r\n")},
		{"the body was signed with a line feed after it that was not sent", body + "\n"},
		{"the body was not signed (it may have been read already)", ""},
		{"a body was signed, {}, and none was sent", "{}"},
		{"a body was signed, null, and none was sent", "null"},
	}
	var compact bytes.Buffer
	var value map[string]any
	if json.Compact(&compact, []byte(body)) == nil && json.Unmarshal([]byte(body), &value) == nil {
		sorted, _ := json.Marshal(value)
		for _, base := range []struct{ name, text string }{{"", compact.String()}, {" with its keys sorted", string(sorted)}} {
			guesses = append(guesses, []struct{ why, body string }{
				{reserialised + "compact" + base.name, base.text},
				{reserialised + "indented by two spaces" + base.name, indent(base.text, "  ")},
				{reserialised + "indented by four spaces" + base.name, indent(base.text, "    ")},
				{reserialised + "indented by tabs" + base.name, indent(base.text, "\t")},
				{reserialised + "with a space after each colon and comma" + base.name, spaced(base.text)},
			}...)
		}
	}
	var slips []slipV3
	for _, guess := range guesses {
		if guess.body != body {
			slips = append(slips, slipV3{guess.why, func(p *partsV3) { p.body = guess.body }})
		}
	}
	return slips
}

// indent writes JSON over several lines, as a pretty printer does.
func indent(text, by string) string {
	var out bytes.Buffer
	_ = json.Indent(&out, []byte(text), "", by) // cannot fail: it is JSON
	return out.String()
}

// spaced writes JSON on one line with spaces, as Python does.
func spaced(text string) string {
	lines := strings.Split(indent(text, ""), "\n")
	if len(lines) < 3 {
		return text
	}
	return lines[0] + strings.Join(lines[1:len(lines)-1], " ") + lines[len(lines)-1]
}

// slipsOfLayout is how the five lines are put together wrongly.
func slipsOfLayout() []slipV3 {
	layout := func(why string, do func(p partsV3) string) slipV3 {
		return slipV3{why, func(p *partsV3) { p.layout = do }}
	}
	lines := func(p partsV3) []string { return []string{p.method, p.uri, p.timestamp, p.nonce, p.body} }
	return []slipV3{
		layout("the last line feed is missing: each of the five lines ends with one, also an empty body's", func(p partsV3) string {
			return strings.Join(lines(p), "\n")
		}),
		layout("the line of the body is missing: it ends with a line feed also when the body is empty", func(p partsV3) string {
			return strings.Join(lines(p)[:4], "\n") + "\n"
		}),
		layout("the lines end with carriage return and line feed: only line feed is right", func(p partsV3) string {
			return strings.Join(lines(p), "\r\n") + "\r\n"
		}),
		layout("the lines are separated by a backslash and an n: it must be the line feed character", func(p partsV3) string {
			return strings.Join(lines(p), `\n`) + `\n`
		}),
		layout("nonce_str and timestamp are signed in the wrong order: timestamp comes first", func(p partsV3) string {
			return messageV3(p.method, p.uri, p.nonce, p.timestamp, []byte(p.body))
		}),
	}
}
