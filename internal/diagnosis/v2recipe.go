package diagnosis

import (
	"crypto"
	"crypto/hmac"
	_ "crypto/md5" // APIv2's default; the protocol leaves no choice
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// The published vector of APIv2 (doc v2 chapter 4_3) has the key 192006250b4c09247ec02edce69f6a2d:
//
//	appid=wxd930ea5d5a258f4f&body=test&device_info=1000&mch_id=10000100
//	      &nonce_str=ibuaiVcKdpRxkhJA&key=…
//	MD5          9A0A8659F005D6984697E2CA0A9CF3B7
//	HMAC-SHA256  6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6

// jointV2 stands between the values and the key.
const jointV2 = "&key="

// recipeV2 is a way to sign an APIv2 document. The right one is {key: the APIv2 key, signType: the
// sign_type sent, joint: &key=}: every element but sign that is not empty, sorted by name in byte
// order, as name=value with & between them, and &key= and the key behind them. The diagnosis tries
// wrong ones until one makes the signature that was received.
type recipeV2 struct {
	key      string
	signType string
	// an element left out that should be there
	skip string
	// an element signed that was not sent
	extra *element
	// empty values signed, as what
	empties bool
	empty   string
	// what stands for sign itself, as sign=
	sign string
	// sign itself signed, as it was the first time
	twice bool
	order orderV2
	// between the values and the key
	joint string
	// without the key and its joint
	noKey bool
	// SHA-256 without HMAC
	plain bool
	// lower-case digits
	lower bool
	// what is signed of an element; nil: its value
	value func(element) string
	// what the last text cost, for the effort
	size int
}

// orderV2 is the order of the elements in the signed text. The right one compares bytes: capitals
// come before small letters, and _ between them.
type orderV2 int

const (
	byName   orderV2 = iota // in byte order, which is right
	asStands                // as in the document
	byFolded                // by name without regard to capitals
	backward                // by name from the end
)

// text is what the recipe signs, with its key shown as shown: as itself to be digested, redacted to
// be seen. An element that was signed but not sent takes its place among the others. The document
// itself is not changed.
func (r *recipeV2) text(doc elements, shown string) string {
	doc = slices.Clone(doc)
	if r.extra != nil && !doc.has(r.extra.name) {
		doc = append(doc, *r.extra)
	}
	r.sort(doc)
	parts := make([]string, 0, len(doc))
	for _, one := range doc {
		switch {
		case one.name == r.skip:
		case one.name == "sign":
			parts = append(parts, r.signItself(doc)...)
		case one.value == "" && !r.empties:
		case one.value == "":
			parts = append(parts, one.name+"="+r.empty)
		case r.value != nil:
			parts = append(parts, one.name+"="+r.value(one))
		default:
			parts = append(parts, one.name+"="+one.value)
		}
	}
	text := strings.Join(parts, "&")
	if r.noKey {
		return text
	}
	return text + r.joint + shown
}

// sort puts the elements into the recipe's order. Names are unique, so that all but one order need
// no stable sort.
func (r *recipeV2) sort(doc elements) {
	switch r.order {
	case asStands:
	case byFolded:
		slices.SortStableFunc(doc, func(a, b element) int { return strings.Compare(strings.ToLower(a.name), strings.ToLower(b.name)) })
	case backward:
		slices.SortFunc(doc, func(a, b element) int { return strings.Compare(b.name, a.name) })
	case byName:
		slices.SortFunc(doc, func(a, b element) int { return strings.Compare(a.name, b.name) })
	}
}

// digest is the signature that the recipe makes. HMAC-SHA256 has the key twice: in the text, and as
// its own.
func (r *recipeV2) digest(doc elements) string {
	text := r.text(doc, r.key)
	const perElement = 64 // to sort and to join it
	r.size = len(text) + perElement*len(doc)
	sum := crypto.MD5.New()
	switch {
	case r.plain:
		sum = sha256.New()
	case r.signType == signHMAC:
		sum = hmac.New(sha256.New, []byte(r.key))
	}
	_, _ = sum.Write([]byte(text)) // cannot fail
	digest := hex.EncodeToString(sum.Sum(nil))
	if r.lower {
		return digest
	}
	return strings.ToUpper(digest)
}

// signItself is what the recipe signs of sign: nothing if it is right.
func (r *recipeV2) signItself(doc elements) []string {
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
