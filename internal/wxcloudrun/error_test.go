package wxcloudrun_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"cloudpay/internal/wxcloudrun"
)

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	at := wxcloudrun.Envelope{HTTPStatus: 200, RequestID: "seq-1"}
	for want, err := range map[string]error{
		"the gateway refused with HTTP 200 ORDERPAID: 订单已支付; Request-ID seq-1": &wxcloudrun.Error{
			Code: "ORDERPAID", Message: "订单已支付", Authenticated: true, Envelope: at,
		},
		"the gateway refused with HTTP 502; not WeChat Pay's own word, so only a hint": &wxcloudrun.Error{
			Envelope: wxcloudrun.Envelope{HTTPStatus: 502},
		},
		"the gateway refused with HTTP 200 -1: busy (d); not WeChat Pay's own word, so only a hint; retry after 2s": &wxcloudrun.Error{
			Code: "-1", Message: "busy", Detail: "d", RetryAfter: 2 * time.Second, Envelope: wxcloudrun.Envelope{HTTPStatus: 200},
		},
		"reply with HTTP 200 disbelieved, mismatch: d; Request-ID seq-1": &wxcloudrun.VerifyError{
			Reason: wxcloudrun.ReasonMismatch, HTTPStatus: 200, RequestID: "seq-1", Detail: "d",
		},
		"reply with HTTP 200 cannot be read: d": &wxcloudrun.MalformedError{HTTPStatus: 200, Detail: "d"},
	} {
		if got := err.Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestErrorsNameTheOrder(t *testing.T) {
	t.Parallel()
	c := responding(http.StatusOK, refused("SYSTEMERROR", "系统错误"))
	_, closing := closeOne(t, c)
	_, querying := queryOne(t, c)
	_, byTransaction := c.QueryOrder(t.Context(), wxcloudrun.QueryRequest{TransactionID: transactionID, SubMchID: subMchID})
	_, odd := c.CloseOrder(t.Context(), wxcloudrun.CloseRequest{OutTradeNo: "A\n1", SubMchID: subMchID})
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

// TestForeignTextStaysOnOneLine: whoever wrote it.
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
