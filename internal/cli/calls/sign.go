package calls

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/emulator/access"
)

// signature is what the SDK of a cloud signs of a request. The three that there are differ in their
// parts only:
//
//	canonical = method \n path \n query \n name:value \n … \n \n names \n hash of the payload
//	signed    = algorithm \n time \n scope \n hash of canonical
//	signature = HMAC(HMAC(prefix + secret, scope[0]), …, signed), in hexadecimal
//
//	AWS        docs.aws.amazon.com/IAM, "Create a signed AWS API request"
//	Tencent    cloud.tencent.com/document/api/213/30654
//	CloudBase  a variant of Tencent's, read in @cloudbase/signature-nodejs
//
// The verifier of the emulated cloud (package access) is written apart: a mistake must not be on
// both sides.
type signature struct {
	algorithm, prefix string
	time              string   // of the signature, in the algorithm's form
	scope             []string // date, region, service, terminator, as far as the cloud has them
	method, path      string
	headers           []string // the names of the signed ones, in alphabetical order
	params            string   // CloudBase: the names of the signed parameters
	payload           []byte
}

// sign signs a request of one of the three APIs by a key. Its headers have to be set before.
func sign(r *http.Request, body []byte, api string, key access.Key, now time.Time) {
	now = now.UTC()
	date, seconds := now.Format(time.DateOnly), strconv.FormatInt(now.Unix(), 10)
	s := signature{
		algorithm: "TC3-HMAC-SHA256", prefix: "TC3", time: seconds, scope: []string{date, "scf", "tc3_request"},
		method: r.Method, path: "/", headers: []string{"content-type", "host"}, payload: body,
	}
	switch api {
	case scfAPI:
		r.Header.Set("X-Tc-Timestamp", seconds)
		r.Header.Set("X-Tc-Version", "2018-04-16")
	case serverSDK:
		r.Header.Set("X-Timestamp", seconds)
		s.scope[1], s.method, s.path = "tcb", strings.ToLower(r.Method), "//"+r.URL.Host+r.URL.EscapedPath()
		s.params, s.payload = signedParameters(body)
	case lambdaAPI:
		s.algorithm, s.prefix, s.time = "AWS4-HMAC-SHA256", "AWS4", now.Format("20060102T150405Z")
		r.Header.Set("X-Amz-Date", s.time)
		s.scope = []string{now.Format("20060102"), awsRegion, "lambda", "aws4_request"}
		s.path, s.headers = encodedTwice(r.URL.EscapedPath()), []string{"content-type", "host", "x-amz-date"}
	}
	r.Header.Set("Authorization", s.authorization(r, key))
}

// awsRegion is that of the emulated Lambda.
const awsRegion = "us-east-1"

// authorization is the header's value.
func (s signature) authorization(r *http.Request, key access.Key) string {
	names := strings.Join(s.headers, ";")
	lines := append(make([]string, 0, len(s.headers)+6), s.method, s.path, r.URL.RawQuery)
	for _, name := range s.headers {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.URL.Host
		}
		lines = append(lines, name+":"+value)
	}
	canonical := strings.Join(append(lines, "", names, hash(s.payload)), "\n")
	scope := strings.Join(s.scope, "/")
	signed := strings.Join([]string{s.algorithm, s.time, scope, hash([]byte(canonical))}, "\n")
	derived := []byte(s.prefix + string(key.Secret))
	for _, step := range append(slices.Clone(s.scope), signed) {
		m := hmac.New(sha256.New, derived)
		_, _ = m.Write([]byte(step)) // never fails, says its documentation
		derived = m.Sum(nil)
	}
	params := ""
	if s.params != "" {
		params = "SignedParams=" + s.params + ", "
	}
	return fmt.Sprintf("%s Credential=%s/%s, %sSignedHeaders=%s, Signature=%x", s.algorithm, key.ID, scope, params, names, derived)
}

// hash is a SHA-256 in hexadecimal.
func hash(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// signedParameters are the parameters of a body, an object of texts that are not empty, as
// CloudBase signs them: the names, and each with its value.
func signedParameters(body []byte) (names string, payload []byte) {
	var parameters map[string]string
	_ = json.Unmarshal(body, &parameters) // it was made of such a map
	sorted := slices.Sorted(maps.Keys(parameters))
	for _, name := range sorted {
		payload = fmt.Appendf(payload, "&%s=%s\r\n", name, strings.TrimSpace(parameters[name]))
	}
	return strings.Join(sorted, ";"), payload
}

// encodedTwice encodes an encoded path once more, as AWS signs it: of what url.PathEscape leaves,
// AWS encodes some.
func encodedTwice(path string) string {
	return strings.NewReplacer(
		"%", "%25", "$", "%24", "&", "%26", "+", "%2B", "=", "%3D", ":", "%3A", "@", "%40",
	).Replace(path)
}
