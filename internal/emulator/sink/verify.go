package sink

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// key is one key of the sender's: as it is written, and the bytes that sign.
type key struct {
	text   string
	secret []byte
}

const (
	encodedPrefix = "whsec_"
	// The least bytes of a key, as text and as base64.
	leastText, leastEncoded = 16, 24
	// tolerance is how far a timestamp may be from the clock.
	tolerance = 5 * time.Minute
	// version begins each signature that is looked at.
	version = "v1,"
)

// parseKeys reads the keys, which have spaces between. The error does not quote them.
func parseKeys(text string) ([]key, error) {
	var keys []key
	for one := range strings.FieldsSeq(text) {
		secret, least := []byte(one), leastText
		if encoded, is := strings.CutPrefix(one, encodedPrefix); is {
			var err error
			if secret, err = base64.StdEncoding.DecodeString(encoded); err != nil {
				return nil, errors.New("the key of events begins with whsec_ and is not base64 behind it")
			}
			least = leastEncoded
		}
		if len(secret) < least {
			return nil, fmt.Errorf("the key of events is too short: %d bytes, and at least %d are needed", len(secret), least)
		}
		keys = append(keys, key{one, secret})
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key of events")
	}
	return keys, nil
}

// signed is what a delivery's headers say.
type signed struct{ id, timestamp, signature string }

// signedBy reads the headers of a delivery.
func signedBy(header http.Header) signed {
	return signed{header.Get("Webhook-Id"), header.Get("Webhook-Timestamp"), header.Get("Webhook-Signature")}
}

// verify returns why a delivery is not authentic; nil if one of its signatures is right and recent.
func (s signed) verify(keys []key, body []byte, now time.Time) error {
	for _, header := range []struct{ name, value string }{
		{"webhook-id", s.id}, {"webhook-timestamp", s.timestamp}, {"webhook-signature", s.signature},
	} {
		if header.value == "" {
			return fmt.Errorf("the header %s is missing", header.name)
		}
	}
	given := s.signatures()
	if len(given) == 0 {
		return fmt.Errorf("webhook-signature: none of its values begins with %q", version)
	}
	if !matches(given, keys, s.content(body)) {
		return fmt.Errorf("webhook-signature: it is wrong: %s", s.mistake(given, keys, body))
	}
	// A wrong clock is only named where the signature is right: the timestamp is part of it.
	seconds, err := strconv.ParseInt(s.timestamp, 10, 64)
	if err != nil {
		return errors.New("webhook-timestamp: must be seconds since 1970, in digits")
	}
	if off := now.Sub(time.Unix(seconds, 0)); off.Abs() > tolerance {
		return fmt.Errorf("webhook-timestamp: it is %v away from this clock, and may be %v away", off.Abs().Round(time.Second), tolerance)
	}
	return nil
}

// content is what is signed.
func (s signed) content(body []byte) []byte { return append([]byte(s.id+"."+s.timestamp+"."), body...) }

// signatures are the values of version 1, without their prefix.
func (s signed) signatures() []string {
	var list []string
	for one := range strings.FieldsSeq(s.signature) {
		if value, is := strings.CutPrefix(one, version); is {
			list = append(list, value)
		}
	}
	return list
}

// matches reports whether one of the signatures is that of the content by one of the keys.
func matches(given []string, keys []key, content []byte) bool {
	for _, k := range keys {
		want := base64.StdEncoding.EncodeToString(digest(k.secret, content))
		for _, signature := range given {
			if hmac.Equal([]byte(signature), []byte(want)) {
				return true
			}
		}
	}
	return false
}

func digest(secret, content []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write(content)
	return mac.Sum(nil)
}

// mistake names the likely reason for a wrong signature, by making the signatures that result from
// common mistakes.
func (s signed) mistake(given []string, keys []key, body []byte) string {
	texts := make([]key, len(keys)) // each key's text taken for its bytes
	for i, k := range keys {
		texts[i] = key{k.text, []byte(k.text)}
	}
	for _, try := range []struct {
		keys    []key
		content []byte
		means   string
	}{
		{texts, s.content(body), "the key's text signed, and not the bytes that its base64 stands for"},
		{keys, body, "the body alone was signed, without webhook-id and webhook-timestamp"},
		{keys, append([]byte(s.timestamp+"."), body...), "webhook-id was not signed"},
		{keys, append([]byte(s.id+"."), body...), "webhook-timestamp was not signed"},
		{keys, s.content(append(slices.Clip(body), '\n')), "a line feed at the body's end was signed and not sent"},
		{keys, s.content([]byte(strings.TrimRight(string(body), "\r\n"))), "the body was signed without the line feed at its end"},
	} {
		if matches(given, try.keys, try.content) {
			return try.means
		}
	}
	for _, k := range keys {
		want := hex.EncodeToString(digest(k.secret, s.content(body)))
		for _, signature := range given {
			if strings.EqualFold(signature, want) {
				return "it is in hex, and must be in base64"
			}
		}
	}
	return "it is by another key, or what was signed is not what was sent"
}
