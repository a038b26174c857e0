package trigger

import (
	"crypto/sha256"
	"crypto/subtle"

	"cloudpay/pkg/wire"
)

// Token is a secret that a caller sends to prove itself. During a rotation it has two values, and
// either matches. It prints as "redacted", and its values cannot be read back: only their hashes
// are kept, so that guesses of any length are compared in the same time. No text matches the zero
// value.
//
// The hashes are behind a pointer because fmt cannot call the methods of a struct's unexported
// fields, and would print their contents.
type Token struct {
	wire.Redacted

	sums *[][sha256.Size]byte
}

// NewToken makes a Token of its values. Empty ones are ignored, and without any other the Token is
// the zero one: an empty setting admits no caller.
func NewToken(values ...string) Token {
	var sums [][sha256.Size]byte
	for _, value := range values {
		if value != "" {
			sums = append(sums, sha256.Sum256([]byte(value)))
		}
	}
	if sums == nil {
		return Token{}
	}
	return Token{sums: &sums}
}

// Is reports whether given is one of the token's values, in a time that shows neither how close it
// comes nor which value it is. It is false for the zero Token.
func (t Token) Is(given string) bool {
	if t.sums == nil {
		return false
	}
	sum, equal := sha256.Sum256([]byte(given)), 0
	for i := range *t.sums {
		equal |= subtle.ConstantTimeCompare((*t.sums)[i][:], sum[:])
	}
	return equal == 1
}

// isSet reports whether the token has a value.
func (t Token) isSet() bool { return t.sums != nil }
