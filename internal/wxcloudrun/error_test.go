package wxcloudrun_test

import (
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"cloudpay/internal/wxcloudrun"
)

func TestErrorsNameTheOrder(t *testing.T) {
	t.Parallel()
	c := responding(http.StatusOK, refused("SYSTEMERROR", "系统错误"))
	_, closing := closeOne(t, c)
	_, querying := queryOne(t, c)
	_, byTransaction := c.QueryOrder(t.Context(), wxcloudrun.Request{TransactionID: transactionID, SubMchID: subMchID})
	_, odd := c.CloseOrder(t.Context(), wxcloudrun.Request{OutTradeNo: "A\n1", SubMchID: subMchID})
	if got, want := odd.Error(), `closing order "A\n1": `; !strings.HasPrefix(got, want) {
		t.Errorf("error %s, want it to start with %s", got, want)
	}
	for prefix, err := range map[string]error{
		"closing order " + orderNo + ": ":        closing,
		"querying order " + orderNo + ": ":       querying,
		"querying order " + transactionID + ": ": byTransaction,
	} {
		if !strings.HasPrefix(err.Error(), prefix) {
			t.Errorf("error %v, want it to start with %q", err, prefix)
		}
	}
}

// TestForeignTextStaysOnOneLine: text of any origin.
func TestForeignTextStaysOnOneLine(t *testing.T) {
	t.Parallel()
	hostile := "a\nb\r\x1b[31m\u202e\xff" + strings.Repeat("长", 10_000)
	for _, body := range []string{
		refused(hostile, hostile),
		with(closeSample, fields{"return_code": "FAIL", "return_msg": hostile}),
		with(closeSample, fields{"sub_mch_id": hostile}),
		`{"errcode":0,"respdata":{"` + strings.Repeat("x", 9) + `":1,"SIGN":1}}`,
	} {
		_, err := closeOne(t, responding(http.StatusOK, body, "X-Openapi-Seqid", hostile))
		checkLine(t, err.Error())
	}
}

func checkLine(t *testing.T, line string) {
	t.Helper()
	if !utf8.ValidString(line) {
		t.Errorf("not UTF-8: %q", line)
	}
	if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
		t.Errorf("not one printable line: %q", line)
	}
	if len(line) > 4096 {
		t.Errorf("a line of %d bytes", len(line))
	}
}
