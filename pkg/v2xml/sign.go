package v2xml

import (
	"crypto/hmac"
	"crypto/md5" // the protocol's default; HMACSHA256 is the better choice
	"crypto/sha256"
	"slices"
	"strings"
)

// SignType is the algorithm of the signatures. The zero value is MD5, as on the wire.
type SignType string

const (
	// MD5 is what the gateway assumes when a request names no sign_type. We name none.
	MD5 SignType = "MD5"
	// HMACSHA256 is named in each request's sign_type, and the gateway signs its reply likewise.
	HMACSHA256 SignType = "HMAC-SHA256"
)

// onWire returns the sign_type element's value: nothing for the default.
func (t SignType) onWire() string {
	if t == HMACSHA256 {
		return string(t)
	}
	return ""
}

// known reports whether t can be computed.
func (t SignType) known() bool { return t == "" || t == MD5 || t == HMACSHA256 }

// Sign returns the signature of fields as the package comment describes it: empty values and the
// name "sign" are left out, the rest is ordered by name. A SignType other than the two constants
// and "" gives "", which no gateway accepts as a signature.
func Sign(fields map[string]string, key Key, t SignType) string {
	if !t.known() {
		return ""
	}
	sorted := make([]field, 0, len(fields))
	for name, value := range fields {
		sorted = append(sorted, field{name, value})
	}
	slices.SortFunc(sorted, byName)
	return signSorted(sorted, key, t)
}

// field is one element of a document: its name, and its value as plain text.
type field struct{ name, value string }

func byName(a, b field) int { return strings.Compare(a.name, b.name) }

// typicalMessage is room for the signing string of an ordinary document.
const typicalMessage = 1024

// signSorted signs fields that are in order of their names already.
func signSorted(fields []field, key Key, t SignType) string {
	if t == HMACSHA256 {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write(appendMessage(make([]byte, 0, typicalMessage), fields, key)) // a hash never fails to write
		return upperHex(mac.Sum(nil))
	}
	// Without a hash.Hash, the buffer, which ends in the key, can stay on the stack.
	var room [typicalMessage]byte
	sum := md5.Sum(appendMessage(room[:0], fields, key))
	return upperHex(sum[:])
}

// appendMessage appends the bytes to sign.
func appendMessage(b []byte, fields []field, key Key) []byte {
	for _, f := range fields {
		if f.value == "" || f.name == signName {
			continue
		}
		b = append(b, f.name...)
		b = append(b, '=')
		b = append(b, f.value...)
		b = append(b, '&')
	}
	b = append(b, "key="...)
	return append(b, key...)
}

// upperHex writes sum in upper-case hexadecimal.
func upperHex(sum []byte) string {
	const digits = "0123456789ABCDEF"
	var room [2 * sha256.Size]byte
	for i, b := range sum {
		room[2*i], room[2*i+1] = digits[b>>4], digits[b&15]
	}
	return string(room[:2*len(sum)])
}
