package explain

import (
	"os"
	"strings"
	"testing"

	"cloudpay/internal/diagnosis"
)

// FuzzRead: whatever a person pastes is read without a panic, the lines of each part lie in the
// text, and a text that is not blank is taken for something. Nothing is fine without a key.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"curl-terminal.txt", "curl-piped.txt"} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, text := range []string{
		rawRequest, rawReply, rawRequest + "\n\n" + rawReply, notified, refused, "SIGN_ERROR", "签名错误",
		"curl -sS -d $'{\"a\":\\u7b7e}' \\\n -H 'A: b' \"https://h/v3/x\" | jq", "[{\"method\":\"GET\",\"verdict\":\"ok\"}]",
		"<xml><return_code><![CDATA[FAIL]]></return_code></xml>", "{\"level\":\"INFO\",\"msg\":\"m\"}\n{", "\xff\xfe{\x00}\x00",
		"> GET /v3/x HTTP/2\n>\n< HTTP/2 200\n<\n\r  0 --:--:-- 0* Closing connection 0\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r := Read(text)
		lines := strings.Count(r.decode(text), "\n") + 1
		for _, part := range r.Parts {
			if part.First < 1 || part.Last < part.First || part.Last > lines {
				t.Errorf("a %s has the lines %d to %d of %d", part.Form, part.First, part.Last, lines)
			}
		}
		if len(r.Parts) == 0 && len(r.Notes) == 0 {
			t.Error("nothing was read, and nothing was said about it")
		}
		for _, answer := range Explain(r, diagnosis.Keys{}) {
			if answer.Verdict == Fine && answer.Form != formExchange { // the gateway itself has verified that
				t.Errorf("a %s is fine without a key", answer.Form)
			}
		}
	})
}
