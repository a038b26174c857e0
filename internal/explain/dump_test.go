package explain_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"

	"cloudpay/internal/diagnosis"
	"cloudpay/internal/explain"
)

// dumpHex writes a block as curl --trace does (src/tool_cb_dbg.c, dump).
func dumpHex(out *strings.Builder, title, text string) {
	fmt.Fprintf(out, "%s, %d bytes (0x%x)\n", title, len(text), len(text))
	for at := 0; at < len(text); at += 16 {
		row := text[at:min(at+16, len(text))]
		fmt.Fprintf(out, "%04x: ", at)
		for i := range 16 {
			if i < len(row) {
				fmt.Fprintf(out, "%02x ", row[i])
			} else {
				out.WriteString("   ")
			}
		}
		out.WriteString(strings.Map(printed, row) + "\n")
	}
}

// dumpASCII writes a block as curl --trace-ascii does: a row ends at CRLF, or behind 64 characters.
func dumpASCII(out *strings.Builder, title, text string) {
	fmt.Fprintf(out, "%s, %d bytes (0x%x)\n", title, len(text), len(text))
	for at := 0; at < len(text); {
		row := text[at:min(at+64, len(text))]
		next := at + len(row)
		if end := strings.Index(text[at:min(at+66, len(text))], "\r\n"); end >= 0 && end <= len(row) {
			row, next = row[:end], at+end+2
		}
		fmt.Fprintf(out, "%04x: %s\n", at, strings.Map(printed, row))
		at = next
	}
}

func printed(r rune) rune {
	if r < ' ' || r > '~' {
		return '.'
	}
	return r
}

// TestDumps reads the bytes of curl's dumps: the request's body, which curl -v does not print, and
// the reply's with its signature's remarks.
func TestDumps(t *testing.T) {
	t.Parallel()
	const requestHead = "POST /v3/pay/transactions/out-trade-no/A1/close HTTP/1.1\r\nHost: api.mch.weixin.qq.com\r\n" +
		"Authorization: WECHATPAY2-SHA256-RSA2048 mchid=\"1900000001\",nonce_str=\"593BEC0C930BF1AFEB40B4A08C8FB242\",timestamp=\"1554208460\"," +
		"serial_no=\"408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB\",signature=\"AAAA\"\r\nAccept: */*\r\nUser-Agent: curl/8.5.0\r\n" +
		"Content-Type: application/json\r\nContent-Length: 22\r\n\r\n"
	const body = `{"mchid":"1900000001"}`
	const refusal = `{"code":"SIGN_ERROR","message":"sign not match"}`
	for name, dump := range map[string]func(*strings.Builder, string, string){"--trace": dumpHex, "--trace-ascii": dumpASCII} {
		var text strings.Builder
		text.WriteString("== Info:   Trying 127.0.0.1:9801...\n")
		dump(&text, "=> Send SSL data", "ignored")
		dump(&text, "12:00:00.000001 => Send header", requestHead)
		dump(&text, "=> Send data", body)
		for _, line := range []string{"HTTP/1.1 401 Unauthorized\r\n", "Content-Type: application/json\r\n", "Content-Length: 48\r\n", "\r\n"} {
			dump(&text, "<= Recv header", line)
		}
		dump(&text, "<= Recv data", refusal)
		text.WriteString("== Info: Connection #0 to host 127.0.0.1 left intact\n")
		answers := explain.Explain(explain.Read([]byte(text.String())), diagnosis.Keys{})
		if len(answers) != 2 {
			t.Fatalf("%s: got %d parts, want a request and its reply", name, len(answers))
		}
		want := "POST\n/v3/pay/transactions/out-trade-no/A1/close\n1554208460\n593BEC0C930BF1AFEB40B4A08C8FB242\n" + body + "\n"
		if answers[0].Expected != want || answers[0].From != "curl" {
			t.Errorf("%s: to be signed is %q, want %q", name, answers[0].Expected, want)
		}
		if answers[1].Title != "HTTP 401 SIGN_ERROR" || answers[1].Said != "sign not match" {
			t.Errorf("%s: the reply is %q, which says %q", name, answers[1].Title, answers[1].Said)
		}
	}
}

// TestDumpsBroken: a dump that was cut or mixed up is read as far as it goes, and never panics.
func TestDumpsBroken(t *testing.T) {
	t.Parallel()
	var whole strings.Builder
	dumpHex(&whole, "=> Send header", "GET /v3/certificates HTTP/1.1\r\nHost: x\r\n\r\n")
	dumpASCII(&whole, "<= Recv header", "HTTP/1.1 204 No Content\r\n\r\n")
	text := whole.String()
	for cut := 0; cut < len(text); cut += 5 {
		explain.Read([]byte(text[:cut]))
		explain.Read([]byte(text[cut:]))
	}
	reading := explain.Read([]byte("=> Send data, 4 bytes (0x4)\n0000: abcd\n"))
	if len(reading.Notes) == 0 {
		t.Error("a body without its header leaves no note")
	}
}

// TestGzip: a body that is still compressed is judged by its text, and one that would fill the
// memory is cut.
func TestGzip(t *testing.T) {
	t.Parallel()
	packed := func(text string) string {
		var out bytes.Buffer
		writer := gzip.NewWriter(&out)
		_, _ = writer.Write([]byte(text)) // to memory
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	reply := func(body string) []byte {
		return fmt.Appendf(nil, "HTTP/1.1 401 Unauthorized\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	answers := explain.Explain(explain.Read(reply(packed(`{"code":"SIGN_ERROR","message":"sign not match"}`))), diagnosis.Keys{})
	if len(answers) != 1 || answers[0].Title != "HTTP 401 SIGN_ERROR" {
		t.Errorf("got %+v, want the refusal that was compressed", answers)
	}
	for name, body := range map[string]string{
		"damaged": packed("text")[:12], "no gzip": "\x1f\x8bnone", "huge": packed(strings.Repeat("a", 2<<20)),
	} {
		if reading := explain.Read(reply(body)); len(reading.Notes) == 0 {
			t.Errorf("%s: got no note", name)
		}
	}
}
