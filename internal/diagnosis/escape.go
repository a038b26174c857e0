package diagnosis

import (
	"net/url"
	"regexp"
	"strings"
)

// escapes matches what URL-encoding makes of a byte.
var escapes = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// escapeAsJava escapes as Java's URLEncoder does: a space becomes +, * and _ - . stay, ~ does not.
// Go's url.QueryEscape differs in the last two.
func escapeAsJava(text string) string {
	return strings.NewReplacer("%2A", "*", "~", "%7E").Replace(url.QueryEscape(text))
}

// escapeAsJavaScript escapes as encodeURIComponent does: a space becomes %20, and * ! ' ( ) ~ stay.
func escapeAsJavaScript(text string) string {
	return strings.NewReplacer("%2A", "*", "+", "%20", "%21", "!", "%27", "'", "%28", "(", "%29", ")").Replace(url.QueryEscape(text))
}

// escapeAsPHP escapes as rawurlencode does, and Python's quote with no character safe: a space
// becomes %20, and none but _ - . ~ stay.
func escapeAsPHP(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// escapeSegments escapes each segment of a path, and leaves the slashes between them.
func escapeSegments(path string, escape func(string) string) string {
	segments := strings.Split(path, "/")
	for i := range segments {
		segments[i] = escape(segments[i])
	}
	return strings.Join(segments, "/")
}
