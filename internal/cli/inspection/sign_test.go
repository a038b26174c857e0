package inspection_test

import (
	"crypto/md5"
	"encoding/hex"
	"strings"
)

// signedV2 is an APIv2 document over names, in their order, and values in turn.
func signedV2(key string, pairs ...string) string {
	var text, body strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		text.WriteString(pairs[i] + "=" + pairs[i+1] + "&")
		body.WriteString("<" + pairs[i] + ">" + pairs[i+1] + "</" + pairs[i] + ">")
	}
	sum := md5.Sum([]byte(text.String() + "key=" + key))
	return "<xml>" + body.String() + "<sign>" + strings.ToUpper(hex.EncodeToString(sum[:])) + "</sign></xml>"
}
