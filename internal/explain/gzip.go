package explain

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
)

var errLongText = errors.New("the text is longer than is read")

// gunzip undoes Content-Encoding: gzip (RFC 9110, section 8.4.1.3), up to MaxInput bytes: some
// kilobytes can become gigabytes. isPacked is false for a body that is none, as it is where the
// program that printed it has undone it. The error says why one that is could not be undone.
func gunzip(header http.Header, body string) (text string, isPacked bool, err error) {
	const magic = "\x1f\x8b" // RFC 1952, section 2.3.1
	if !strings.EqualFold(header.Get("Content-Encoding"), "gzip") || !strings.HasPrefix(body, magic) {
		return "", false, nil
	}
	reader, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		return "", true, err //nolint:wrapcheck // it is only asked whether there is one
	}
	plain, err := io.ReadAll(io.LimitReader(reader, MaxInput+1))
	if err == nil && len(plain) > MaxInput {
		err = errLongText
	}
	return string(plain), true, err
}
