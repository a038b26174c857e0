package access

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// tencentAlgorithm begins the header of Tencent Cloud API 3.0 and of CloudBase.
const tencentAlgorithm = "TC3-HMAC-SHA256"

// VerifyTencent verifies a signature of Tencent Cloud API 3.0. The error is a *Error.
func (k Keys) VerifyTencent(r *http.Request, body []byte, service string, now time.Time) error {
	a, key, at, err := k.tencentKey(r, "X-TC-Timestamp", service, now)
	if err != nil {
		return err
	}
	payload := hashOf(body)
	if r.Header.Get("X-TC-Content-SHA256") == "UNSIGNED-PAYLOAD" {
		payload = hashOf([]byte("UNSIGNED-PAYLOAD"))
	}
	lines := []string{r.Method, "/", r.URL.RawQuery}
	for _, name := range a.headers {
		lines = append(lines, name+":"+tencentValue(r, name))
	}
	canonical := strings.Join(append(lines, "", strings.Join(a.headers, ";"), payload), "\n")
	return a.verify(key, "TC3", a.tencentSigned(at, canonical), "its body, query or signed headers were")
}

// tencentKey reads the header and finds the key. Both variants demand these two headers.
func (k Keys) tencentKey(r *http.Request, clock, service string, now time.Time) (authorization, Key, time.Time, error) {
	a, err := readAuthorization(r, tencentAlgorithm)
	if err == nil {
		err = a.requireHeaders("content-type", "host")
	}
	if err != nil {
		return a, Key{}, time.Time{}, err
	}
	key, known := k.find(a.id)
	if !known {
		return a, key, time.Time{}, refuse(Unknown, fmt.Sprintf("there is no key with the SecretId %.64q", a.id))
	}
	at, err := unixTime(r, clock)
	if err == nil {
		err = a.checkTencentScope(at, clock, service)
	}
	if err == nil {
		err = checkTime(at, now)
	}
	return a, key, at, err
}

// checkTencentScope checks date/service/tc3_request.
func (a authorization) checkTencentScope(at time.Time, clock, service string) error {
	switch {
	case len(a.scope) != 3 || a.scope[2] != "tc3_request":
		return refuse(Malformed, "the Credential must be ID/date/service/tc3_request")
	case a.scope[0] != at.Format(time.DateOnly):
		return refuse(Malformed, "the Credential's date is not that of "+clock+" in UTC")
	case a.scope[1] != service:
		return refuse(Malformed, fmt.Sprintf("the Credential must be for the service %s, not %.40q", service, a.scope[1]))
	default:
		return nil
	}
}

// tencentSigned is what is signed.
func (a authorization) tencentSigned(at time.Time, canonical string) string {
	return strings.Join([]string{
		tencentAlgorithm, strconv.FormatInt(at.Unix(), 10), strings.Join(a.scope, "/"), hashOf([]byte(canonical)),
	}, "\n")
}

// tencentValue is a header's value as it is signed: in lower case, without spaces around it.
func tencentValue(r *http.Request, name string) string {
	return strings.ToLower(strings.TrimSpace(strings.Join(headerValue(r, name), ",")))
}
