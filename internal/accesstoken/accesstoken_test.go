package accesstoken_test

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/accesstoken"
)

// newReference is a kit whose auth service lists the reference's key.
func newReference(t *testing.T) (k *kit, token string) {
	t.Helper()
	k = newKit(t)
	var list struct{ Keys []object }
	if err := json.Unmarshal([]byte(readFile(t, "testdata/certs.json")), &list); err != nil {
		t.Fatal(err)
	}
	k.list(list.Keys...)
	return k, readFile(t, "testdata/token.txt")
}

func TestReference(t *testing.T) {
	t.Parallel()
	k, token := newReference(t)
	k.wantOwner(token, "tcb:u-77")
	if want := []string{"GET " + issuer + certsPath}; !slices.Equal(k.asked, want) {
		t.Errorf("got the requests %v, want %v", k.asked, want)
	}
	k.advance(3 * time.Hour)
	k.wantRefused(token, "expired")
}

// Every byte of a good token is changed in turn, and none of the results names an owner.
func TestEveryByteCounts(t *testing.T) {
	t.Parallel()
	k, token := newReference(t)
	k.wantOwner(token, "tcb:u-77")
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range len(token) {
		for _, to := range []byte{letters[(strings.IndexByte(letters, token[i])+7)%len(letters)], '.', '=', ' '} {
			changed := token[:i] + string(to) + token[i+1:]
			if sameBytes(changed, token) {
				continue // the last letter of a part has bits that mean nothing
			}
			if owner, err := k.Owner(t.Context(), changed); owner != "" || err == nil {
				t.Errorf("byte %d as %q: got %q", i, to, owner)
			}
		}
		k.advance(0)
	}
	for _, cut := range []string{"", ".", "..", token[:len(token)/2], token + ".", "." + token, token + "." + token, strings.Repeat("a", 9000)} {
		if owner, err := k.Owner(t.Context(), cut); owner != "" || err == nil {
			t.Errorf("%.20q: got %q", cut, owner)
		}
	}
}

// sameBytes reports whether two tokens decode to the same bytes.
func sameBytes(one, other string) bool {
	a, b := strings.Split(one, "."), strings.Split(other, ".")
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, errX := base64.RawURLEncoding.DecodeString(a[i])
		y, errY := base64.RawURLEncoding.DecodeString(b[i])
		if errX != nil || errY != nil || !bytes.Equal(x, y) {
			return false
		}
	}
	return true
}

func TestElliptic(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.wantOwner(sign(object{"alg": "ES256", "kid": "e1"}, claimsOf(nil), ecKey()), "tcb:u-77")
}

// What an attacker knows: the public keys, their names, and how tokens are made.
func TestForgedSignatures(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.wantOwner(login(nil), "tcb:u-77")
	der, err := x509.MarshalPKIXPublicKey(&rsaKey().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	unsigned := func(header object) string { return b64(asJSON(header)) + "." + b64(asJSON(claimsOf(nil))) }
	withHMAC := func(key []byte) string {
		input := unsigned(object{"alg": "HS256", "kid": "r1"})
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(input))
		return input + "." + b64(mac.Sum(nil))
	}
	withHash := func(alg string, hash crypto.Hash) string {
		input := unsigned(object{"alg": alg, "kid": "r1"})
		sum := sha512.Sum384([]byte(input))
		signature, err := rsa.SignPKCS1v15(nil, rsaKey(), hash, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return input + "." + b64(signature)
	}
	pss := func() string {
		input := unsigned(object{"alg": "PS256", "kid": "r1"})
		sum := sha256.Sum256([]byte(input))
		signature, err := rsa.SignPSS(rand.Reader, rsaKey(), crypto.SHA256, sum[:], nil)
		if err != nil {
			t.Fatal(err)
		}
		return input + "." + b64(signature)
	}
	mine := func(more object) string {
		header := object{"alg": "RS256", "kid": "r1"}
		maps.Copy(header, more)
		return sign(header, claimsOf(nil), otherKey())
	}
	for name, token := range map[string]string{
		"no algorithm":                      unsigned(object{"alg": "none", "kid": "r1"}) + ".",
		"no algorithm, in capitals":         unsigned(object{"alg": "NONE", "kid": "r1"}) + ".",
		"no algorithm named":                unsigned(object{"kid": "r1"}) + ".AAAA",
		"no signature":                      unsigned(object{"alg": "RS256", "kid": "r1"}) + ".",
		"HMAC with the public key":          withHMAC(public),
		"HMAC with the modulus":             withHMAC(rsaKey().N.Bytes()),
		"HMAC with nothing":                 withHMAC(nil),
		"RS384 by the right key":            withHash("RS384", crypto.SHA384),
		"PS256 by the right key":            pss(),
		"RS256 by another key":              mine(nil),
		"a key in the header":               mine(object{"jwk": rsaJWK("r1", otherKey())}),
		"a key in the header, its own name": mine(object{"kid": "mine", "jwk": rsaJWK("mine", otherKey())}),
		"an address of keys":                mine(object{"jku": "https://attacker.example/certs"}),
		"an address of keys, its own name":  mine(object{"kid": "mine", "jku": "https://attacker.example/certs"}),
		"an address of a certificate":       mine(object{"x5u": "https://attacker.example/cert.pem"}),
		"another issuer":                    sign(object{"alg": "RS256", "kid": "mine"}, claimsOf(object{"iss": "https://attacker.example"}), otherKey()),
		"the other key's algorithm":         sign(object{"alg": "ES256", "kid": "r1"}, claimsOf(nil), ecKey()),
		"the other key's algorithm, turned": sign(object{"alg": "RS256", "kid": "e1"}, claimsOf(nil), rsaKey()),
		"no key named":                      sign(object{"alg": "RS256"}, claimsOf(nil), rsaKey()),
		"an empty name":                     sign(object{"alg": "RS256", "kid": ""}, claimsOf(nil), rsaKey()),
		"a critical header":                 sign(object{"alg": "RS256", "kid": "r1", "crit": []string{"x"}, "x": 1}, claimsOf(nil), rsaKey()),
		"a payload that is not encoded":     sign(object{"alg": "RS256", "kid": "r1", "b64": false, "crit": []string{"b64"}}, claimsOf(nil), rsaKey()),
		"another's signature":               unsigned(object{"alg": "RS256", "kid": "r1"}) + login(nil)[strings.LastIndex(login(nil), "."):][:40],
		"JSON serialization":                `{"protected":"` + b64(asJSON(object{"alg": "RS256", "kid": "r1"})) + `","payload":"e30","signature":"AAAA"}`,
	} {
		t.Run(name, func(t *testing.T) {
			if owner, err := k.Owner(t.Context(), token); owner != "" || err == nil {
				t.Errorf("got %q", owner)
			}
			if owner, _ := k.OwnerByHeldKeys(token); owner != "" {
				t.Errorf("by held keys: got %q", owner)
			}
			k.advance(2 * time.Second)
		})
	}
	for _, asked := range k.asked {
		if asked != "GET "+issuer+certsPath {
			t.Errorf("a token sent a request: %s", asked)
		}
	}
}

// The tokens of logged-in users, and every other one, by what they say.
func TestClaims(t *testing.T) {
	t.Parallel()
	past, now := issued.Unix(), issued.Add(time.Minute).Unix()
	for name, c := range map[string]struct {
		changes object
		refused string // part of the reason; empty: the token names u-77
	}{
		"a registered user":                 {nil, ""},
		"an internal user":                  {object{"user_type": "internal"}, ""},
		"in capitals":                       {object{"user_type": "EXTERNAL"}, ""},
		"a login by a provider":             {object{"user_type": nil, "provider_sub": "oABC"}, ""},
		"said not to be anonymous":          {object{"user_type": nil, "is_anonymous": false}, ""},
		"a list of audiences":               {object{"aud": []string{"other", env}}, ""},
		"issued by the gateway":             {object{"iss": "https://shop-1a2b.api.tcloudbasegateway.com"}, ""},
		"a clock that is behind":            {object{"iat": now + 30, "nbf": now + 30}, ""},
		"just expired":                      {object{"exp": now - 30}, ""},
		"no time of issue":                  {object{"iat": nil}, ""},
		"the role of users":                 {object{"role": "authenticated"}, ""},
		"a name like a stranger's":          {object{"name": "Anonymous"}, ""},
		"no issuer":                         {object{"iss": nil}, "iss"},
		"another environment's issuer":      {object{"iss": "https://other.ap-shanghai.tcb-api.tencentcloudapi.com"}, "iss"},
		"the issuer with a slash":           {object{"iss": issuer + "/"}, "iss"},
		"the issuer in the clear":           {object{"iss": strings.Replace(issuer, "https", "http", 1)}, "iss"},
		"a list of issuers":                 {object{"iss": []string{issuer}}, "iss"},
		"another region's issuer":           {object{"iss": strings.Replace(issuer, "shanghai", "guangzhou", 1)}, "iss"},
		"no audience":                       {object{"aud": nil}, "aud"},
		"another audience":                  {object{"aud": "other"}, "aud"},
		"an audience of numbers":            {object{"aud": []int{1}}, "aud"},
		"an audience with more":             {object{"aud": env + "x"}, "aud"},
		"no project":                        {object{"project_id": nil}, "project_id"},
		"another project":                   {object{"project_id": "other"}, "project_id"},
		"no end":                            {object{"exp": nil}, "expired"},
		"an end that is text":               {object{"exp": "1795919400"}, "expired"},
		"an end before 1970":                {object{"exp": -1}, "expired"},
		"an end beyond counting":            {object{"exp": 1e300}, "expired"},
		"expired":                           {object{"exp": now - 61}, "expired"},
		"expired long ago":                  {object{"exp": past - 7200}, "expired"},
		"a key's end":                       {object{"exp": 4070908800}, "lasts longer"},
		"not yet":                           {object{"nbf": now + 61}, "not valid yet"},
		"not yet issued":                    {object{"iat": now + 61}, "not valid yet"},
		"issued at a text":                  {object{"iat": "now"}, "not valid yet"},
		"no user":                           {object{"sub": nil}, "anonymous"},
		"the publishable key's user":        {object{"sub": "anon"}, "anonymous"},
		"an anonymous user":                 {object{"sub": "Anonymous"}, "anonymous"},
		"an anonymous type":                 {object{"user_type": "anonymous"}, "anonymous"},
		"an anonymous role":                 {object{"role": "anon"}, "anonymous"},
		"an anonymous scope":                {object{"scope": "openid anonymous"}, "anonymous"},
		"an anonymous login type":           {object{"loginType": "ANONYMOUS"}, "anonymous"},
		"an anonymous provider":             {object{"provider": "anonymous"}, "anonymous"},
		"an anonymous provider type":        {object{"provider_type": "anonymous", "provider_sub": "device"}, "anonymous"},
		"an anonymous provider within":      {object{"app_metadata": object{"provider": "anonymous"}}, "anonymous"},
		"said to be anonymous":              {object{"is_anonymous": true}, "anonymous"},
		"said to be anonymous, as text":     {object{"is_anonymous": "false"}, "anonymous"},
		"said to be anonymous, in camel":    {object{"isAnonymous": true}, "anonymous"},
		"the publishable key's platform":    {object{"meta": object{"platform": "PublishableKey"}}, "key"},
		"an access key":                     {object{"scope": "accessKey"}, "key"},
		"an API key":                        {object{"meta": object{"platform": "ApiKey"}}, "key"},
		"an administrator":                  {object{"user_type": nil, "is_anonymous": false, "role": "administrator"}, "key"},
		"a service":                         {object{"role": "service_role"}, "key"},
		"an unknown type":                   {object{"user_type": "member"}, "user_type"},
		"a type that is a number":           {object{"user_type": 1}, "user_type"},
		"an unknown type and a provider":    {object{"user_type": "member", "provider_sub": "oABC"}, "user_type"},
		"nothing of a login":                {object{"user_type": nil}, "logged in"},
		"a role alone":                      {object{"user_type": nil, "role": "authenticated"}, "logged in"},
		"an owner's colon":                  {object{"sub": "wx1:oABC"}, "no user's id"},
		"a user with a line break":          {object{"sub": "u\n77"}, "no user's id"},
		"a user too long":                   {object{"sub": strings.Repeat("u", 129)}, "no user's id"},
		"a user that is a number":           {object{"sub": 77}, "anonymous"},
		"a claim in other letters":          {object{"sub": nil, "SUB": "u-77"}, "anonymous"},
		"a project in other letters":        {object{"project_id": nil, "Project_Id": env}, "project_id"},
		"a login in other letters":          {object{"user_type": nil, "User_Type": "external"}, "logged in"},
		"said not to be anonymous, as text": {object{"user_type": nil, "isAnonymous": "false"}, "anonymous"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			if c.refused == "" {
				k.wantOwner(login(c.changes), "tcb:u-77")
				return
			}
			k.wantRefused(login(c.changes), c.refused)
		})
	}
	k := newKit(t)
	for _, payload := range []any{nil, "u-77", []string{"u-77"}, 77} {
		input := b64(asJSON(object{"alg": "RS256", "kid": "r1"})) + "." + b64(asJSON(payload))
		sum := sha256.Sum256([]byte(input))
		signature, err := rsa.SignPKCS1v15(nil, rsaKey(), crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		k.wantRefused(input+"."+b64(signature), "no JSON object")
	}
}

// An openid counts only where the operator has said which appid and which provider it is of.
func TestWeChatLogins(t *testing.T) {
	t.Parallel()
	whole := accesstoken.WeChat{AppID: "wx1", Claim: "provider", Value: "wx_open"}
	nested := accesstoken.WeChat{AppID: "wx1", Claim: "app_metadata.provider", Value: "wx_open"}
	by := func(provider string) object { return object{"provider": provider, "provider_sub": "oABC"} }
	for name, c := range map[string]struct {
		wechat  accesstoken.WeChat
		changes object
		want    string
	}{
		"configured":            {whole, by("wx_open"), "wx:wx1:oABC"},
		"within an object":      {nested, object{"app_metadata": object{"provider": "wx_open"}, "provider_sub": "oABC"}, "wx:wx1:oABC"},
		"nothing configured":    {accesstoken.WeChat{}, by("wx_open"), "tcb:u-77"},
		"no appid":              {accesstoken.WeChat{Claim: "provider", Value: "wx_open"}, by("wx_open"), "tcb:u-77"},
		"no claim":              {accesstoken.WeChat{AppID: "wx1", Value: "wx_open"}, by("wx_open"), "tcb:u-77"},
		"no value":              {accesstoken.WeChat{AppID: "wx1", Claim: "provider"}, object{"provider_sub": "oABC"}, "tcb:u-77"},
		"another provider":      {whole, by("email"), "tcb:u-77"},
		"another case":          {whole, by("WX_OPEN"), "tcb:u-77"},
		"no provider":           {whole, object{"provider_sub": "oABC"}, "tcb:u-77"},
		"no openid":             {whole, object{"provider": "wx_open"}, "tcb:u-77"},
		"an openid and more":    {whole, object{"provider": "wx_open", "provider_sub": "wx2:oABC"}, "tcb:u-77"},
		"an openid of a number": {whole, object{"provider": "wx_open", "provider_sub": 7}, "tcb:u-77"},
		"elsewhere":             {nested, by("wx_open"), "tcb:u-77"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			k.WeChat = c.wechat
			k.wantOwner(login(c.changes), c.want)
		})
	}
}

// A configured address is where the keys are, and the only issuer.
func TestAddresses(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.Address = "https://auth.example"
	k.wantOwner(login(object{"iss": "https://auth.example"}), "tcb:u-77")
	k.wantRefused(login(nil), "iss")
	k.wantRefused(login(object{"iss": "https://shop-1a2b.api.tcloudbasegateway.com"}), "iss")
	if want := "GET https://auth.example" + certsPath; k.asked[0] != want {
		t.Errorf("got %s, want %s", k.asked[0], want)
	}
	k = newKit(t)
	k.Region = "ap-guangzhou"
	k.wantOwner(login(object{"iss": "https://shop-1a2b.ap-guangzhou.tcb-api.tencentcloudapi.com"}), "tcb:u-77")
	k.wantRefused(login(nil), "iss")
}

// Without keys that are held a token proves nothing, and is not settled until they were fetched.
func TestOwnerByHeldKeys(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	want := func(token, owner string, known bool) {
		t.Helper()
		if got, settled := k.OwnerByHeldKeys(token); string(got) != owner || settled != known {
			t.Errorf("got %q, %t, want %q, %t", got, settled, owner, known)
		}
	}
	want(login(nil), "", false)
	want("no token", "", true)
	if k.fetches() != 0 {
		t.Errorf("got %d fetches, want none", k.fetches())
	}
	k.wantOwner(login(nil), "tcb:u-77")
	want(login(nil), "tcb:u-77", true)
	want(login(object{"aud": "other"}), "", true)
	unknown := sign(object{"alg": "RS256", "kid": "r2"}, claimsOf(nil), rsaKey())
	want(unknown, "", true) // fetched within the last minute
	k.advance(time.Minute)
	want(unknown, "", false)
	k.fail(func(*http.Request) reply { return said(http.StatusInternalServerError, "") })
	k.wantRefused(unknown, "not among")
	want(unknown, "", true)
	want(login(nil), "tcb:u-77", true)
}

// No text names an owner but the token that was issued, and none makes the parser fail.
func FuzzOwner(f *testing.F) {
	good := login(nil)
	for _, seed := range []string{good, good[:len(good)-1], "..", "a.b.c", sign(object{"alg": "none"}, claimsOf(nil), rsaKey()), ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		k := newKit(t)
		owner, err := k.Owner(t.Context(), token)
		if (owner == "") != (err != nil) || owner != "" && !sameBytes(token, good) {
			t.Errorf("%q: got %q and error %v", token, owner, err)
		}
		if held, _ := k.OwnerByHeldKeys(token); held != owner {
			t.Errorf("%q: by held keys got %q, want %q", token, held, owner)
		}
	})
}
