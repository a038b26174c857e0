package diagnosis

import (
	"slices"
	"strings"

	"cloudpay/internal/cause"
)

// suspectsV3 are the causes that a request can have whose signature cannot be opened, since the
// merchant's public key is not there: the likeliest first, by how often each is asked about, and
// without those that the request itself rules out. A GET has no body to be serialised again.
func suspectsV3(right messageV3) []cause.ID {
	path, query, _ := strings.Cut(right.uri, "?")
	hasBody, isJSON := right.body.text != "", newJSONText(right.body.text) != nil
	var ids []cause.ID
	for _, one := range []struct {
		id cause.ID
		// possible is false where the request rules the cause out.
		possible bool
	}{
		// a private key without its certificate: half of all questions are of this
		{"v3-key-other", true},
		// the URL of a query, which a library splits
		{"v3-query", query != ""},
		// an object that is serialised once to sign and once to send
		{"v3-body-spaces", isJSON},
		{"v3-body-keys", isJSON},
		{"v3-body-escapes", isJSON},
		{"v3-body-unsigned", hasBody},
		// lines that are joined, and not ended
		{"v3-last-line-feed", true},
		// a clock or a generator that is asked twice
		{"v3-timestamp-differs", true},
		{"v3-nonce-differs", true},
		{"v3-url-full", true},
		{"v3-path-escape", strings.ContainsAny(right.uri, "%|*+")},
		// what a GET has in place of its body
		{"v3-body-line", !hasBody},
		{"v3-body-invented", !hasBody},
		{"v3-query-order", strings.Contains(query, "&")},
		{"v3-lines-swapped", true},
		// how a language writes a line feed
		{"v3-backslash-n", true},
		{"v3-crlf", true},
		{"v3-hash", true},
		// the wrong one of several keys in one folder
		{"v3-key-platform", true},
		{"v3-key-merchant", true},
		{"v3-method-case", true},
		{"v3-method-other", true},
		{"v3-body-line-feed", hasBody},
		{"v3-body-numbers", isJSON && strings.ContainsAny(right.body.text, "0123456789")},
		{"v3-path-unsigned", strings.Count(path, "/") > 1},
		{"v3-path-slash", true},
		{"v3-question-mark", query == ""},
		{"v3-timestamp-milliseconds", true},
		{"v3-nonce-case", strings.ToUpper(right.nonce) != strings.ToLower(right.nonce)},
		{"v3-pss", true},
		{"v3-line-missing", true},
		{"v3-separator", true},
		// all that has no name of its own, such as a proxy that changes the request
		{"v3-message-other", true},
	} {
		if one.possible {
			ids = append(ids, one.id)
		}
	}
	return slices.Clip(ids)
}
