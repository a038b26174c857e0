package access

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// awsAlgorithm begins the header of version 4.
const awsAlgorithm = "AWS4-HMAC-SHA256"

// awsTime is the form of X-Amz-Date.
const awsTime = "20060102T150405Z"

// VerifyAWS verifies a signature of AWS, version 4, in the header. The error is a *Error. Signed
// URLs are not verified: the SDKs of Lambda send none.
func (k Keys) VerifyAWS(r *http.Request, body []byte, service string, now time.Time) error {
	a, err := readAuthorization(r, awsAlgorithm)
	if err != nil {
		return err
	}
	if err := a.requireHeaders("host"); err != nil {
		return err
	}
	key, known := k.find(a.id)
	if !known {
		return refuse(Unknown, fmt.Sprintf("there is no key with the AccessKeyId %.64q", a.id))
	}
	at, err := awsDate(r)
	if err != nil {
		return err
	}
	if err := a.checkAWSScope(at, service); err != nil {
		return err
	}
	if err := checkTime(at, now); err != nil {
		return err
	}
	payload, err := awsPayload(r, body)
	if err != nil {
		return err
	}
	signed := strings.Join([]string{
		awsAlgorithm, at.Format(awsTime), strings.Join(a.scope, "/"), hashOf([]byte(a.awsCanonical(r, payload))),
	}, "\n")
	return a.verify(key, "AWS4", signed, "its method, path, query or signed headers were")
}

// awsDate is the time of the signature, of which only the form of X-Amz-Date is sent by SDKs.
func awsDate(r *http.Request) (time.Time, error) {
	text := r.Header.Get("X-Amz-Date")
	at, err := time.Parse(awsTime, text)
	if err != nil {
		return at, refuse(Malformed, fmt.Sprintf("the header X-Amz-Date must be a time such as 20261129T100000Z, not %.40q", text))
	}
	return at, nil
}

// checkAWSScope checks date/region/service/aws4_request. Any region will do.
func (a authorization) checkAWSScope(at time.Time, service string) error {
	switch {
	case len(a.scope) != 4 || a.scope[3] != "aws4_request":
		return refuse(Malformed, "the Credential must be ID/date/region/service/aws4_request")
	case a.scope[0] != at.Format("20060102"):
		return refuse(Malformed, "the Credential's date is not that of X-Amz-Date")
	case service != "" && a.scope[2] != service:
		return refuse(Malformed, fmt.Sprintf("the Credential must be for the service %s, not %.40q", service, a.scope[2]))
	default:
		return nil
	}
}

// awsPayload is the hash of the body, or what the sender declares in its place.
func awsPayload(r *http.Request, body []byte) (string, error) {
	const unsigned = "UNSIGNED-PAYLOAD"
	hash, declared := hashOf(body), r.Header.Get("X-Amz-Content-Sha256")
	switch {
	case declared == unsigned:
		return unsigned, nil
	case declared != "" && declared != hash:
		return "", refuse(Wrong, "the body is not the one whose hash is in X-Amz-Content-Sha256: it changed after it was signed")
	default:
		return hash, nil
	}
}

// awsCanonical is the canonical request. The path is encoded once more than it was sent, as every
// service but S3 does.
func (a authorization) awsCanonical(r *http.Request, payload string) string {
	lines := []string{r.Method, awsEncode(cmp.Or(r.URL.EscapedPath(), "/"), true), awsQuery(r.URL.RawQuery)}
	for _, name := range a.headers {
		values := slices.Clone(headerValue(r, name))
		for i, value := range values {
			values[i] = strings.Join(strings.Fields(value), " ")
		}
		lines = append(lines, name+":"+strings.Join(values, ","))
	}
	return strings.Join(append(lines, "", strings.Join(a.headers, ";"), payload), "\n")
}

// awsQuery sorts a query by its encoded names and values.
func awsQuery(raw string) string {
	if raw == "" {
		return ""
	}
	var pairs []string
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		pairs = append(pairs, awsAgain(name)+"="+awsAgain(value))
	}
	slices.SortFunc(pairs, func(a, b string) int {
		nameA, valueA, _ := strings.Cut(a, "=")
		nameB, valueB, _ := strings.Cut(b, "=")
		return cmp.Or(strings.Compare(nameA, nameB), strings.Compare(valueA, valueB))
	})
	return strings.Join(pairs, "&")
}

// awsAgain decodes a part of a query and encodes it in AWS's way. What cannot be decoded stays.
func awsAgain(part string) string {
	if plain, err := url.QueryUnescape(part); err == nil {
		part = plain
	}
	return awsEncode(part, false)
}

// awsEncode encodes every byte but those that RFC 3986 leaves unreserved, and slashes if they
// separate segments.
func awsEncode(text string, slashes bool) string {
	var out strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.~", c) >= 0, c == '/' && slashes:
			out.WriteByte(c)
		default:
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}
