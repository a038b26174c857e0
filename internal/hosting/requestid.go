package hosting

import (
	"crypto/rand"
	"strings"
)

// requestID is the request's name in the log and in its answer. It is SCF's where SCF gave one,
// else the one that came with the request, else one made here.
//
// What comes with a request is its sender's word, and may be a secret that was put in the wrong
// place. As with order numbers, it counts only from a sender whose head proves something, and never
// if it is a secret of the function's.
func (w webHost) requestID(header map[string]string, standing Standing) string {
	known := standing == Named || standing == Proved
	if id := header["x-scf-request-id"]; (known || w.onSCF) && w.isName(id) {
		return id
	}
	if id := header["x-request-id"]; known && w.isName(id) {
		return id
	}
	return rand.Text()
}

// isName reports whether an id is short and plain, and no secret.
func (w webHost) isName(id string) bool {
	return isPlain(id) && (w.function.IsSecret == nil || !w.function.IsSecret(id))
}

func isPlain(id string) bool {
	for _, char := range []byte(id) {
		isLetter := 'a' <= char|0x20 && char|0x20 <= 'z'
		if !isLetter && (char < '0' || '9' < char) && !strings.ContainsRune("-_.", rune(char)) {
			return false
		}
	}
	return 0 < len(id) && len(id) <= 128
}
