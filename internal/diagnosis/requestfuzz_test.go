package diagnosis_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"cloudpay/internal/cause"
	"cloudpay/internal/diagnosis"
)

// FuzzV3: a request is fine only if the documents' message was signed by the merchant's key with
// the fields sent, whatever was made of it; and nothing panics.
func FuzzV3(f *testing.F) {
	right := testPlace.right()
	f.Add("POST", testPlace.uri, testTime, testNonce, testPlace.body, base64.StdEncoding.EncodeToString(rsaSign(f, right)))
	f.Add("GET", testPlace.uri, testTime, testNonce, "", "AA==")
	f.Add("POST", "/v3?b=1&a=%7c|", "0", "-", `{"a":[{"b":1e2},"\u00e9"]}`+"\n", strings.Repeat("ab", 32))
	keys := testKeys(f)
	f.Fuzz(func(t *testing.T, method, uri, timestamp, nonce, body, signature string) {
		header := http.Header{"Authorization": {`WECHATPAY2-SHA256-RSA2048 mchid="` + testMchID + `",nonce_str="` + nonce + `",signature="` +
			signature + `",timestamp="` + timestamp + `",serial_no="` + testSerial + `"`}}
		got := diagnosis.V3(diagnosis.Request{Method: method, URI: uri, Header: header, Body: []byte(body)}, keys)
		message := method + "\n" + uri + "\n" + timestamp + "\n" + nonce + "\n" + body + "\n"
		if got.Fine && message != right {
			t.Errorf("fine, and another message than the one that was signed: %q", message)
		}
		if got.Fine == (len(got.Findings) > 0) {
			t.Errorf("fine is %t with %d findings", got.Fine, len(got.Findings))
		}
		wantRows(t, got)
	})
}

// FuzzV2: a document is fine only if its sign is the digest that the documents say; and nothing
// panics, nor shows the key.
func FuzzV2(f *testing.F) {
	f.Add(fmt.Sprintf(published, "9A0A8659F005D6984697E2CA0A9CF3B7"))
	f.Add(fmt.Sprintf(published, strings.Repeat("0", 64)))
	f.Add(`<xml><a><![CDATA[1]]></a><b>茶 &amp;</b><sign>X</sign></xml>`)
	keys := keysV2()
	keys.MchID = ""
	f.Fuzz(func(t *testing.T, document string) {
		got := diagnosis.V2([]byte(document), keys)
		if text := strings.TrimSuffix(got.Expected, "<redacted>") + publishedKey; got.Fine && !strings.Contains(document, md5Of(text)) &&
			!strings.Contains(document, hmacOf(publishedKey, text)) {
			t.Errorf("fine, and neither digest of %q is in %q", text, document)
		}
		if got.Fine == (len(got.Findings) > 0) {
			t.Errorf("fine is %t with %d findings", got.Fine, len(got.Findings))
		}
		if !strings.Contains(document, publishedKey) && strings.Contains(fmt.Sprintf("%+v", got), publishedKey) {
			t.Errorf("the key is shown: %+v", got)
		}
		wantRows(t, got)
	})
}

// wantRows wants each finding to have a row in the table, and words.
func wantRows(t *testing.T, d diagnosis.Diagnosis) {
	t.Helper()
	for _, found := range d.Findings {
		if _, known := cause.Of(found.ID); !known || found.Detail.EN == "" || found.Detail.ZH == "" {
			t.Errorf("%+v has no row, or no words", found)
		}
	}
}

// idRule matches an ID in the source.
var idRule = regexp.MustCompile(`"((?:v3|v2|reply|notice|account)-[a-z0-9-]+)"`)

// TestIDsHaveRows: every ID that the diagnosis and the emulated gateway name is in the table.
func TestIDsHaveRows(t *testing.T) {
	t.Parallel()
	found := 0
	for _, pattern := range []string{"*.go", "../../pkg/paygate/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, match := range idRule.FindAllSubmatch(text, -1) {
				found++
				if _, known := cause.Of(cause.ID(match[1])); !known {
					t.Errorf("%s: %s has no row in internal/cause", file, match[1])
				}
			}
		}
	}
	const least = 100
	if found < least {
		t.Errorf("found %d IDs, want %d at least: is this the source?", found, least)
	}
}
