// Package access decides whether a request may call an emulated cloud: by the origin of the web
// page that sends it, and by the signatures of the clouds' SDKs.
//
// The three signatures are variants of one scheme. The signer hashes a canonical form of the
// request, and signs that hash with a key that is derived from its secret, the date and the
// service:
//
//	canonical = method \n path \n query \n name:value \n … \n \n names \n hash of the body
//	signed    = algorithm \n time \n date/…/service/terminator \n hash of canonical
//	signature = HMAC(HMAC(HMAC(prefix + secret, date), …), signed), in hexadecimal
//
//	AWS        AWS4-HMAC-SHA256: docs.aws.amazon.com/IAM, "Create a signed AWS API request"
//	Tencent    TC3-HMAC-SHA256: cloud.tencent.com/document/api/213/30654
//	CloudBase  the same name, with another path, headers and body: @cloudbase/signature-nodejs
//
// They are verified from what arrived, with code of its own: the SDKs that are under test must not
// be on both sides.
package access

import (
	"errors"
	"strings"
)

// Key is a pair of credentials that a cloud issues, such as an AccessKeyId and its secret.
type Key struct {
	ID     string
	Secret Secret
}

// Secret is a key that does not print.
type Secret string

// String hides the secret.
func (Secret) String() string { return "redacted" }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return "redacted" }

// ParseKey reads ID:SECRET. The error does not quote the text, which may hold the secret.
func ParseKey(text string) (Key, error) {
	id, secret, found := strings.Cut(text, ":")
	switch {
	case !found:
		return Key{}, errors.New("write the key as ID:SECRET")
	case id == "" || strings.ContainsAny(id, "/, \t"):
		return Key{}, errors.New("the ID before the colon must have characters, but no slash, comma or space")
	case secret == "" || strings.TrimSpace(secret) != secret:
		return Key{}, errors.New("the secret after the colon must have characters, and no space around it")
	}
	return Key{id, Secret(secret)}, nil
}

// Keys are the keys of which a request has to be signed with one.
type Keys []Key

// find returns the key with an ID.
func (k Keys) find(id string) (Key, bool) {
	for _, key := range k {
		if key.ID == id {
			return key, true
		}
	}
	return Key{}, false
}

// Kind is why a request is not believed. Each cloud has its own words for each.
type Kind int

// The kinds.
const (
	Missing   Kind = iota + 1 // there is no signature
	Malformed                 // it is not of the algorithm's form
	Unknown                   // it is by another key
	Expired                   // it is older than five minutes, or from the future
	Wrong                     // it is not the signature of this request by this key
)

// Error is why a request is not believed.
type Error struct {
	Kind Kind
	// Reason is a sentence for the developer; it shows no secret.
	Reason string
}

func (e *Error) Error() string { return e.Reason }

// refuse makes an Error.
func refuse(kind Kind, reason string) error { return &Error{kind, reason} }
