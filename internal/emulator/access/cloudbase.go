package access

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// VerifyCloudBase verifies the signature of CloudBase's server SDKs, @cloudbase/node-sdk and
// wx-server-sdk. The error is a *Error. It differs from API 3.0 in that (read in
// @cloudbase/signature-nodejs)
//
//   - the time is in X-Timestamp, and the method is signed as the SDK spells it;
//   - the path is that of the URL without its scheme: //host/admin;
//   - the Content-Type is signed as it is, and that of a form without its boundary;
//   - the parameters of the body are signed one by one, in the order of SignedParams:
//     "&" name "=" value CR LF, with names in lower case. A value that is not a string is its
//     JSON. Empty values are not signed, although the SDKs of 2022 list them, nor are parameters
//     that are not listed.
func (k Keys) VerifyCloudBase(r *http.Request, body []byte, now time.Time) error {
	a, key, at, err := k.tencentKey(r, "X-Timestamp", "tcb", now)
	if err != nil {
		return err
	}
	payload, err := a.cloudBasePayload(body)
	if err != nil {
		return err
	}
	for _, method := range []string{strings.ToLower(r.Method), r.Method} {
		for _, path := range cloudBasePaths(r) {
			canonical := a.cloudBaseCanonical(r, method, path, payload)
			err = a.verify(key, "TC3", a.tencentSigned(at, canonical), "its address, parameters or signed headers were")
			if err == nil {
				return nil
			}
		}
	}
	return err
}

// cloudBasePaths are the forms of the path. A URL without a path is sent as one with a slash.
func cloudBasePaths(r *http.Request) []string {
	paths := []string{"//" + r.Host + r.URL.EscapedPath()}
	if r.URL.Path == "/" {
		paths = append(paths, "//"+r.Host)
	}
	return paths
}

func (a authorization) cloudBaseCanonical(r *http.Request, method, path, payload string) string {
	lines := []string{method, path, r.URL.RawQuery}
	for _, name := range a.headers {
		value := tencentValue(r, name)
		if name == "content-type" {
			value = cloudBaseType(r.Header.Get("Content-Type"))
		}
		lines = append(lines, name+":"+value)
	}
	return strings.Join(append(lines, "", strings.Join(a.headers, ";"), payload), "\n")
}

// cloudBaseType is the content type as it is signed.
func cloudBaseType(value string) string {
	const form = "multipart/form-data"
	if strings.HasPrefix(value, form) {
		return form
	}
	return value
}

// cloudBasePayload is the hash of the signed parameters of a JSON body. Forms are not verified: the
// SDKs send what is emulated as JSON.
func (a authorization) cloudBasePayload(body []byte) (string, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return "", refuse(Malformed, "only JSON bodies with signed parameters are verified")
	}
	byName := map[string]json.RawMessage{}
	for name, value := range members {
		byName[cloudBaseName(name)] = value
	}
	hash := sha256.New()
	for _, name := range a.params {
		value, there := byName[name]
		if !there {
			return "", refuse(Wrong, fmt.Sprintf("the signed parameter %.64q is not in the body", name))
		}
		if text := cloudBaseText(value); text != "" {
			_, _ = fmt.Fprintf(hash, "&%s=%s\r\n", name, text) // never fails
		}
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// cloudBaseName is a parameter's name as it is signed: in lower case, and encoded.
func cloudBaseName(name string) string {
	return strings.ReplaceAll(url.QueryEscape(strings.ToLower(strings.TrimSpace(name))), "+", "%20")
}

// cloudBaseText is a parameter's value as it is signed.
func cloudBaseText(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) != nil {
		text = string(value)
		var compact bytes.Buffer
		if json.Compact(&compact, value) == nil {
			text = compact.String()
		}
	}
	return strings.TrimSpace(text)
}
