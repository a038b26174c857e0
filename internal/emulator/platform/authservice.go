package platform

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// authPath begins CloudBase's authentication API (docs.cloudbase.net/http-api/auth).
	authPath = "/auth/v1/"
	// loginsPath issues an access token; ours.
	loginsPath = "/v1/logins"
	// tokenLife is an access token's, publishableLife the publishable key's.
	tokenLife       = 2 * time.Hour
	publishableLife = 70 * 365 * 24 * time.Hour
	// publishableUser is the sub that all publishable keys share.
	publishableUser = "anon"
)

// Codes of the HTTP access service and of the authentication API. The second one is ours.
const (
	codeNoCredentials  = "MISSING_CREDENTIALS"
	codeBadCredentials = "INVALID_CREDENTIALS"
)

// authService is CloudBase's auth service: it issues access tokens, and lists the key that they are
// signed by. It is written from its documents with the standard library, and shares nothing with
// the verifier that functions have. Its key is made at the first need and lasts as long as the
// process.
//
// Tokens are issued by this machine's clock, not by the emulated one: the functions verify them by
// theirs, which no emulator moves.
type authService struct {
	once sync.Once
	key  *rsa.PrivateKey
	kid  string
}

// signer is the service's key.
func (s *authService) signer() (*rsa.PrivateKey, string) {
	s.once.Do(func() {
		s.key, _ = rsa.GenerateKey(rand.Reader, 2048) // never fails with this reader and size
		sum := sha256.Sum256(s.key.N.Bytes())
		s.kid = hex.EncodeToString(sum[:8])
	})
	return s.key, s.kid
}

// certs is the JWKS (RFC 7517) of /auth/v1/certs.
func (s *authService) certs() any {
	key, kid := s.signer()
	return map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid,
		"n": base64url(key.N.Bytes()), "e": base64url(big.NewInt(int64(key.E)).Bytes()),
	}}}
}

// sign makes a JWT of claims.
func (s *authService) sign(claims map[string]any) string {
	key, kid := s.signer()
	input := base64url(encode(map[string]string{"alg": "RS256", "kid": kid, "typ": "JWT"})) + "." + base64url(encode(claims))
	sum := sha256.Sum256([]byte(input))
	signature, _ := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:]) // never fails with a key of this size
	return input + "." + base64url(signature)
}

// verify returns the claims of a token that this service signed and that has not expired.
func (s *authService) verify(token string) (map[string]any, error) {
	key, _ := s.signer()
	input, encoded := token, ""
	if last := strings.LastIndexByte(token, '.'); last >= 0 {
		input, encoded = token[:last], token[last+1:]
	}
	signature, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return nil, errors.New("the access token is no JWT")
	}
	sum := sha256.Sum256([]byte(input))
	if rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return nil, errors.New("the access token was not issued here")
	}
	_, payload, _ := strings.Cut(input, ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	var claims map[string]any
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return nil, errors.New("the access token has no claims")
	}
	if exp, _ := claims["exp"].(float64); time.Now().After(time.Unix(int64(exp), 0)) {
		return nil, errors.New("the access token has expired")
	}
	return claims, nil
}

func base64url(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// claims are those of a user's token, as far as CloudBase documents their names; the values of
// user_type are those of its policies (subject.auth_type).
func (c *Cloud) claims(r *http.Request, sub, userType string, life time.Duration) map[string]any {
	now := time.Now()
	return map[string]any{
		"iss": "http://" + r.Host, "aud": c.envID(), "project_id": c.envID(), "sub": sub, "user_id": sub, "user_type": userType,
		"iat": now.Unix(), "exp": now.Add(life).Unix(),
	}
}

// authAPI serves CloudBase's authentication API, as far as it is played:
//
//	GET  /auth/v1/certs                the keys of access tokens
//	POST /auth/v1/signin/anonymously   a token of an anonymous user, another for each call
//
// A user logs in by POST /v1/logins, which is ours: the emulator has no accounts.
func (c *Cloud) authAPI(w http.ResponseWriter, r *http.Request, rest, id string) {
	switch {
	case rest == "certs" && r.Method == http.MethodGet:
		answerJSON(w, http.StatusOK, c.auth.certs())
	case rest == "signin/anonymously" && r.Method == http.MethodPost:
		c.answerToken(w, c.claims(r, "anonymous-"+newRequestID()[:8], "anonymous", tokenLife))
	default:
		fail(w, http.StatusNotFound, codeNoSuchPath, "Invalid path: of the authentication API, certs and signin/anonymously are played; "+
			"a user logs in by POST "+loginsPath, id)
	}
}

// login is the body of POST /v1/logins.
type login struct {
	// Sub is the user's id.
	Sub string `json:"sub"`
	// Claims are added to the token's, and replace them: provider_sub, another exp.
	Claims map[string]any `json:"claims"`
	// Publishable asks for the environment's publishable key instead of a user's token.
	Publishable bool `json:"publishable"`
}

// loginsAPI issues the access token of a user that a developer chooses.
func (c *Cloud) loginsAPI(w http.ResponseWriter, r *http.Request, _, id string) {
	if !wantMethod(w, r, http.MethodPost, "log in with POST", id) {
		return
	}
	var asked login
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAnswer))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&asked); err != nil || asked.Sub == "" && !asked.Publishable {
		fail(w, http.StatusBadRequest, codeBadEvent, `the body is {"sub":"USER","claims":{…}} or {"publishable":true}`, id)
		return
	}
	claims := c.claims(r, cmp.Or(asked.Sub, publishableUser), "external", tokenLife)
	if asked.Publishable {
		claims = c.claims(r, publishableUser, "anonymous", publishableLife)
		claims["meta"] = map[string]string{"platform": "PublishableKey"}
	}
	maps.Copy(claims, asked.Claims)
	c.answerToken(w, claims)
}

// answerToken answers with an access token, in the form of the authentication API.
func (c *Cloud) answerToken(w http.ResponseWriter, claims map[string]any) {
	answerJSON(w, http.StatusOK, map[string]any{
		"token_type": "Bearer", "access_token": c.auth.sign(claims), "expires_in": int(tokenLife.Seconds()), "sub": claims["sub"],
	})
}
