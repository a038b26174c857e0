package platform

import (
	"net/http"
	"regexp"
	"strings"
)

// redacted stands for a secret in what the cloud shows of a call.
const redacted = "<redacted>"

// What is shown of a call is what was sent, but for credentials:
//
//	{"service_token":"qWzK…","total":1}             {"service_token":"<redacted>","total":1}
//	"body":"{\"service_token\":\"qWzK…\"}"          "body":"{\"service_token\":\"<redacted>\"}"
//	"cookies":["session=qWzK…"]                     "cookies":["<redacted>"]
//	/closeorder?access_token=qWzK…&x=1              /closeorder?access_token=<redacted>&x=1
//	Authorization: Bearer qWzK…                     Authorization: <redacted>
//
// A signature of WeChat Pay or of a webhook stays: it is of one message alone, which was sent.

// secretNames match the names of members, headers and parameters that hold credentials.
const secretNames = `[\w.-]*(?:token|secret|passw|authorization|cookie|credential|api[_-]?key|session[_-]?key)[\w.-]*`

// The places where a text has a credential behind such a name. Quotes may be escaped, also several
// times: events carry requests, whose bodies are JSON again.
var (
	secretMember = regexp.MustCompile(`(?i)(\\*"` + secretNames + `\\*"\s*:\s*\\*")(?:[^"\\]|\\+[^"\\])*`)
	secretList   = regexp.MustCompile(`(?i)(\\*"` + secretNames + `\\*"\s*:\s*)\[[^\]]*\]`)
	secretPair   = regexp.MustCompile(`(?i)(\b` + secretNames + `=)[^&\s"\\;]+`)
	secretHeader = regexp.MustCompile(`(?im)^(` + secretNames + `: ).*$`)
	secretName   = regexp.MustCompile(`(?i)^(?:` + secretNames + `|\w*KEY)$`)
)

// shortestSecret is the length from which on a configured value is looked for in texts. A shorter
// one would be found by chance.
const shortestSecret = 8

// withoutSecrets is a text of a call without credentials: those behind a name that says so, and the
// values of the function's own variables with such names, wherever they stand. A timer's message,
// for one, is often a token.
func withoutSecrets(text string, configured map[string]string) string {
	text = secretList.ReplaceAllString(text, `${1}["`+redacted+`"]`)
	text = secretMember.ReplaceAllString(text, "${1}"+redacted)
	text = secretPair.ReplaceAllString(text, "${1}"+redacted)
	for name, value := range configured {
		if !secretName.MatchString(name) {
			continue
		}
		for _, secret := range secretsIn(value) {
			text = strings.ReplaceAll(text, secret, redacted)
		}
	}
	return text
}

// secretsIn are the secrets of a variable: several have blanks between them, unless it is a key in
// PEM.
func secretsIn(value string) []string {
	if strings.Contains(value, "-----BEGIN") {
		return []string{value}
	}
	var secrets []string
	for one := range strings.FieldsSeq(value) {
		if len(one) >= shortestSecret {
			secrets = append(secrets, one)
		}
	}
	return secrets
}

// headWithoutSecrets is withoutSecrets for the line and the headers of a request or an answer.
func headWithoutSecrets(head string, configured map[string]string) string {
	lines := strings.Split(head, "\r\n")
	for i := range lines {
		lines[i] = secretHeader.ReplaceAllString(lines[i], "${1}"+redacted)
	}
	return withoutSecrets(strings.Join(lines, "\r\n"), configured)
}

// variablesWithoutSecrets are the variables of one call, those redacted whose names say that they
// hold a credential.
func variablesWithoutSecrets(variables, configured map[string]string) map[string]string {
	shown := make(map[string]string, len(variables))
	for name, value := range variables {
		if secretName.MatchString(name) {
			value = redacted
		}
		shown[name] = withoutSecrets(value, configured)
	}
	return shown
}

// headOf is a first line with headers, as HTTP/1.1 has them, sorted by name.
func headOf(line string, header http.Header) string {
	var text strings.Builder
	text.WriteString(line + "\r\n")
	_ = header.Write(&text) // a builder takes all
	text.WriteString("\r\n")
	return text.String()
}
