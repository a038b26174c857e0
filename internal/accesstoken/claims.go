package accesstoken

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"
)

// claims are what an authentic token says. They are looked up by their exact names: encoding/json
// would match a struct's fields in any case of letters.
type claims map[string]any

func readClaims(payload []byte) (claims, error) {
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil || c == nil {
		return nil, refused("the access token's claims are no JSON object")
	}
	return c, nil
}

// checks are the rules for the claims, in the order in which they are applied. Each refuses what
// the others let pass: the tests take each away in turn.
var checks = []struct {
	name   string
	verify func(v *Verifier, c claims) error
}{
	{"iss", func(v *Verifier, c claims) error {
		if !slices.Contains(v.issuers(), c.text("iss")) {
			return refused("the access token's iss is not the environment's")
		}
		return nil
	}},
	{"aud", func(v *Verifier, c claims) error {
		if !slices.Contains(c.texts("aud"), v.Env) {
			return refused("the access token's aud is not the environment")
		}
		return nil
	}},
	{"project_id", func(v *Verifier, c claims) error {
		if c.text("project_id") != v.Env {
			return refused("the access token's project_id is not the environment")
		}
		return nil
	}},
	{"exp", func(v *Verifier, c claims) error {
		exp, there := c.time("exp")
		if !there || !v.now().Before(exp.Add(leeway)) {
			return refused("the access token has expired, or does not say when it does")
		}
		return nil
	}},
	{"life", func(v *Verifier, c claims) error {
		if exp, there := c.time("exp"); there && exp.Sub(v.now()) > maxLife+leeway {
			return refused("the access token lasts longer than a login does: it is a key")
		}
		return nil
	}},
	{"nbf", func(v *Verifier, c claims) error { return c.begun(v.now(), "nbf") }},
	{"iat", func(v *Verifier, c claims) error { return c.begun(v.now(), "iat") }},
	{"anonymous", func(_ *Verifier, c claims) error { return c.notAnonymous() }},
	{"key", func(_ *Verifier, c claims) error { return c.notKey() }},
	{"login", func(_ *Verifier, c claims) error { return c.loggedIn() }},
}

// begun refuses a claim that is a time to come, or no time.
func (c claims) begun(now time.Time, name string) error {
	if c[name] == nil {
		return nil
	}
	if at, there := c.time(name); !there || at.After(now.Add(leeway)) {
		return refused("the access token is not valid yet (%s)", name)
	}
	return nil
}

// kinds are the claims in which the kind of a session is found, here or there. CloudBase documents
// user_type alone, and no value of it; the others are in tokens and policies that were published:
// subject.auth_type is anonymous, internal, external, administrator, service_role or
// unauthenticated, in newer environments anon and authenticated as well.
var kinds = []string{
	"user_type", "userType", "auth_type", "role", "scope", "login_type", "loginType", "provider", "provider_type", "provider_id",
	"app_metadata.provider", "meta.platform",
}

// notAnonymous refuses every sign of a session without a login. Such a session has a sub too, and
// that of the publishable key, anon, is the same for all.
func (c claims) notAnonymous() error {
	isAnonymous := isAnonymous(c.text("sub")) || c["is_anonymous"] != nil && c["is_anonymous"] != false ||
		c["isAnonymous"] != nil && c["isAnonymous"] != false
	for _, name := range kinds {
		isAnonymous = isAnonymous || slices.ContainsFunc(strings.Fields(c.at(name)), isAnonymousWord)
	}
	if isAnonymous {
		return refused("the access token is of an anonymous session or of the publishable key")
	}
	return nil
}

func isAnonymous(sub string) bool { return sub == "" || isAnonymousWord(sub) }

// isAnonymousWord reports whether a word names a session without a login.
func isAnonymousWord(word string) bool {
	switch strings.ToLower(word) {
	case "anon", "anonymous", "unauthenticated", "guest":
		return true
	}
	return false
}

// notKey refuses the tokens that are no user's: publishable keys, access keys, and the keys and
// roles of administrators.
func (c claims) notKey() error {
	for _, name := range kinds {
		for word := range strings.FieldsSeq(strings.ToLower(c.at(name))) {
			if strings.HasSuffix(word, "key") || word == "administrator" || word == "service_role" {
				return refused("the access token is a key's, and no user's")
			}
		}
	}
	return nil
}

// loggedIn requires a sign of a login: a user_type of users that are registered; or without one,
// that the session is said not to be anonymous, or what the user is called by the provider of the
// login. What says nothing of it may be anonymous.
func (c claims) loggedIn() error {
	if c["user_type"] != nil {
		if kind := strings.ToLower(c.text("user_type")); kind != "internal" && kind != "external" {
			return refused("the access token's user_type is neither internal nor external")
		}
		return nil
	}
	if c["is_anonymous"] == false || c.text("provider_sub") != "" {
		return nil
	}
	return refused("the access token does not say that its user is logged in (user_type, is_anonymous, provider_sub)")
}

// text is a claim that is a string, "" for any other.
func (c claims) text(name string) string {
	text, _ := c[name].(string)
	return text
}

// at is the text at a name whose dots lead into objects.
func (c claims) at(path string) string {
	first, rest, nested := strings.Cut(path, ".")
	if !nested {
		return c.text(first)
	}
	within, _ := c[first].(map[string]any)
	return claims(within).at(rest)
}

// texts are a claim that is a string or a list of strings.
func (c claims) texts(name string) []string {
	list, isList := c[name].([]any)
	if !isList {
		return []string{c.text(name)}
	}
	texts := make([]string, 0, len(list))
	for _, one := range list {
		text, _ := one.(string)
		texts = append(texts, text)
	}
	return texts
}

// time is a claim in seconds since 1970 (RFC 7519, NumericDate).
func (c claims) time(name string) (time.Time, bool) {
	const latest = 1 << 40 // in the year 36,812; beyond it, durations overflow
	seconds, isNumber := c[name].(float64)
	if !isNumber || seconds < 0 || seconds > latest || math.IsNaN(seconds) {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}
