package explaining_test

import (
	"crypto/md5"
	"encoding/hex"
	"strings"
)

// md5Of is an APIv2 sign over a text that ends in the key.
func md5Of(text string) string {
	sum := md5.Sum([]byte(text))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}
