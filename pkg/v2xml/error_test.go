package v2xml_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"cloudpay/internal/telemetry/telemetrytest"
	"cloudpay/pkg/v2xml"
)

// wantError returns the error of type E in err, or ends the test.
func wantError[E error](t testing.TB, err error) E {
	t.Helper()
	telemetrytest.Secret(t, telemetrytest.V2Key, key)
	telemetrytest.Error(t, err)
	found, ok := errors.AsType[E](err)
	if !ok {
		t.Fatalf("error %v (a %s), want a %T in it", err, kindOf(err), found)
	}
	return found
}

// kindOf names the one of the package's error types that err is, or other, or none.
func kindOf(err error) string {
	if err == nil {
		return "none"
	}
	if e, ok := errors.AsType[*v2xml.Error](err); ok {
		return fmt.Sprintf("Error authenticated=%t", e.Authenticated)
	}
	if e, ok := errors.AsType[*v2xml.VerifyError](err); ok {
		return "VerifyError " + string(e.Reason)
	}
	if _, ok := errors.AsType[*v2xml.MalformedError](err); ok {
		return "MalformedError"
	}
	return "other"
}

// TestErrorsNameTheOrder: wrapped once, with the verb.
func TestErrorsNameTheOrder(t *testing.T) {
	t.Parallel()
	c := answering(nil)
	_, closing := closeOne(c)
	_, querying := queryOne(c)
	_, byID := c.QueryOrder(t.Context(), v2xml.Request{TransactionID: "42000001"})
	_, hostile := c.CloseOrder(t.Context(), v2xml.Request{OutTradeNo: "A\n1"})
	_, long := c.CloseOrder(t.Context(), v2xml.Request{OutTradeNo: strings.Repeat("A", 5000)})
	for want, err := range map[string]error{
		"closing order 1415983244: reply with HTTP 200 cannot be read: it is empty":                                  closing,
		"querying order 1415983244: reply with HTTP 200 cannot be read: it is empty":                                 querying,
		"querying order 42000001: reply with HTTP 200 cannot be read: it is empty":                                   byID,
		`closing order "A\n1": out_trade_no holds "\n": only 0-9 A-Z a-z _ - | * @ are allowed`:                      hostile,
		`closing order "` + strings.Repeat("A", 72) + `"…: out_trade_no has 5000 characters: at most 32 are allowed`: long,
	} {
		if got := fmt.Sprint(err); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestNothingPrintsTheKey collects whatever the package can print, from every kind of failure, and
// looks for the key in the forms it could take.
func TestNothingPrintsTheKey(t *testing.T) {
	t.Parallel()
	bytesOfKey := []byte(key)
	forms := []string{
		key, strings.ToUpper(key), hex.EncodeToString(bytesOfKey), strings.ToUpper(hex.EncodeToString(bytesOfKey)),
		base64.StdEncoding.EncodeToString(bytesOfKey), strings.Trim(fmt.Sprintf("%d", bytesOfKey), "[]"), key[:16], key[16:],
	}
	searched := telemetrytest.Output(t, telemetrytest.Logs)
	for _, text := range append(printedErrors(t), printedValues(t)...) {
		_, _ = io.WriteString(searched, text+"\n")
		for _, form := range forms {
			if strings.Contains(text, form) {
				t.Errorf("the key is in %s", text)
			}
		}
		if strings.ContainsAny(text, "\r") || strings.Count(strings.TrimSpace(text), "\n") > 0 {
			t.Errorf("more than one line: %q", text)
		}
	}
}

// printedErrors are the texts of one error of each kind.
func printedErrors(t *testing.T) []string {
	t.Helper()
	clients := []*v2xml.Client{
		answering(nil), answering([]byte("<html>")), answering(signed(closeElements()...)[:90]),
		answering(write(closeElements())), answering(write(with(closeElements(), element{"sign", "0"}))),
		answering(signed(with(closeElements(), element{"appid", "another"})...)),
		answering(signed(with(closeElements(), element{"result_code", "FAIL"})...)),
		answering(signed(with(closeElements(), element{"result_code", "?"})...)),
		answering(write([]element{{"return_code", "FAIL"}, {"return_msg", "a\nb"}})),
		responding(http.StatusFound, nil, "Location", "https://\x7f/"), responding(http.StatusBadGateway, []byte("<html>")),
		client(roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("reset") })),
	}
	var texts []string
	for _, t := range []v2xml.SignType{v2xml.MD5, v2xml.HMACSHA256, "SHA-1"} {
		for _, c := range clients {
			c.SignType = t
			_, err := closeOne(c)
			texts = append(texts, printed(err)...)
			_, err = queryOne(c)
			texts = append(texts, printed(err)...)
			_, err = c.QueryOrder(context.Background(), v2xml.Request{})
			texts = append(texts, printed(err)...)
		}
	}
	return texts
}

// printedValues are the texts of a client and its key.
func printedValues(t *testing.T) []string {
	t.Helper()
	c := v2xml.Client{AppID: appID, MchID: mchID, Key: key}
	texts := append(printed(c), printed(&c)...)
	texts = append(texts, printed(c.Key)...)
	texts = append(texts, printed(struct{ Inner v2xml.Client }{c})...)
	texts = append(texts, printed(map[string]v2xml.Key{"k": key})...)
	for _, text := range printed(c.Key) {
		if !strings.Contains(text, "redacted") {
			t.Errorf("a Key printed as %s, want redacted", text)
		}
	}
	return texts
}

// printed is v in every form that fmt, encoding/json and log/slog give it.
func printed(v any) []string {
	var texts []string
	for verb := range strings.FieldsSeq("v +v #v s q x X d +q #x") {
		texts = append(texts, fmt.Sprintf("%"+verb, v))
	}
	if b, err := json.Marshal(v); err == nil {
		texts = append(texts, string(b))
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
	texts = append(texts, log.String())
	log.Reset()
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
	return append(texts, log.String())
}
