package access

import (
	"fmt"
	"net/url"
	"strings"
)

// CheckOrigin returns an error unless the text is the origin of a web page exactly as a browser
// sends it (RFC 6454, section 7): http or https, a host in lower case, and a port unless it is the
// scheme's own. There are no patterns: a pattern admits pages that were not intended.
func CheckOrigin(origin string) error {
	parsed, err := url.Parse(origin)
	switch {
	case err != nil, parsed.Scheme != "http" && parsed.Scheme != "https", parsed.Hostname() == "":
		return fmt.Errorf("%q is not the origin of a web page, such as http://localhost:5173", origin)
	case strings.Contains(origin, "*"):
		return fmt.Errorf("%q is a pattern: name each origin exactly, such as http://localhost:5173", origin)
	}
	exact := parsed.Scheme + "://" + strings.ToLower(parsed.Hostname())
	if strings.Contains(parsed.Hostname(), ":") {
		exact = parsed.Scheme + "://[" + strings.ToLower(parsed.Hostname()) + "]"
	}
	if port := parsed.Port(); port != "" && port != map[string]string{"http": "80", "https": "443"}[parsed.Scheme] {
		exact += ":" + port
	}
	if origin != exact {
		return fmt.Errorf("%q is never sent by a browser: did you mean %s?", origin, exact)
	}
	return nil
}
