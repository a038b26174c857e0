package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxSkew is how far the time of a signature may be from the cloud's: five minutes on AWS and on
// Tencent Cloud.
const maxSkew = 5 * time.Minute

// authorization is a header of the form
// ALGORITHM Credential=ID/DATE/…, SignedHeaders=a;b, Signature=hex.
type authorization struct {
	id        string
	scope     []string // the credential behind the ID
	headers   []string // the names of the signed headers, in lower case
	params    []string // CloudBase: the names of the signed parameters
	signature []byte
}

// readAuthorization parses a request's header Authorization.
func readAuthorization(r *http.Request, algorithm string) (authorization, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return authorization{}, refuse(Missing, "the request has no header Authorization")
	}
	rest, is := strings.CutPrefix(header, algorithm+" ")
	if !is {
		found, _, _ := strings.Cut(header, " ")
		return authorization{}, refuse(Malformed, fmt.Sprintf("Authorization must begin with %s, not %.40q", algorithm, found))
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		parts[name] = value
	}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if parts[name] == "" {
			return authorization{}, refuse(Malformed, "Authorization has no "+name)
		}
	}
	signature, err := hex.DecodeString(parts["Signature"])
	if err != nil || len(signature) != sha256.Size {
		return authorization{}, refuse(Malformed, "the Signature in Authorization is not 64 hexadecimal digits")
	}
	id, scope, _ := strings.Cut(parts["Credential"], "/")
	a := authorization{
		id: id, scope: strings.Split(scope, "/"), headers: strings.Split(parts["SignedHeaders"], ";"), signature: signature,
	}
	if parts["SignedParams"] != "" {
		a.params = strings.Split(parts["SignedParams"], ";")
	}
	return a, nil
}

// requireHeaders returns an error if one of the headers is not signed: it could be any.
func (a authorization) requireHeaders(names ...string) error {
	for _, name := range names {
		if !slices.Contains(a.headers, name) {
			return refuse(Malformed, "SignedHeaders must have "+name)
		}
	}
	return nil
}

// verify compares the signature with that of a string, by a key that is derived from the secret
// step by step. what names what was signed, for the error.
func (a authorization) verify(key Key, prefix string, signed, what string) error {
	derived := []byte(prefix + string(key.Secret))
	for _, step := range a.scope {
		derived = mac(derived, step)
	}
	if hmac.Equal(mac(derived, signed), a.signature) {
		return nil
	}
	return refuse(Wrong, "the signature is not that of this request by key "+key.ID+": its secret is another, or "+what+
		" changed after it was signed")
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text)) // never fails, says its documentation
	return h.Sum(nil)
}

// hashOf is a SHA-256 in hexadecimal.
func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// checkTime compares the time of a signature with the cloud's.
func checkTime(signed, now time.Time) error {
	switch skew := now.Sub(signed); {
	case skew > maxSkew:
		return refuse(Expired, fmt.Sprintf("the signature is from %s, %s ago: five minutes are allowed",
			signed.UTC().Format(time.RFC3339), skew.Round(time.Second)))
	case skew < -maxSkew:
		return refuse(Expired, fmt.Sprintf("the signature is from %s, in %s: five minutes are allowed",
			signed.UTC().Format(time.RFC3339), (-skew).Round(time.Second)))
	default:
		return nil
	}
}

// unixTime reads a header that holds seconds since 1970.
func unixTime(r *http.Request, header string) (time.Time, error) {
	text := r.Header.Get(header)
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(seconds, 10) != text {
		return time.Time{}, refuse(Malformed, fmt.Sprintf("the header %s must be a time in seconds, not %.40q", header, text))
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// headerValue is a header as it arrived; net/http keeps two of them elsewhere.
func headerValue(r *http.Request, name string) []string {
	switch values := r.Header.Values(name); {
	case name == "host":
		return []string{r.Host}
	case len(values) == 0 && name == "content-length" && r.ContentLength >= 0:
		return []string{strconv.FormatInt(r.ContentLength, 10)}
	default:
		return values
	}
}
