package v2xml_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// This file is the test's own gateway: it reads, writes and signs documents with encoding/xml and
// plain string work, and nothing of the package, so that a mistake cannot be made on both sides at
// once.

// The merchant of the published closeorder sample, with the key of the published signature vector.
const (
	appID   = "wx2421b1c4370ec43b"
	mchID   = "10000100"
	orderNo = "1415983244"
	key     = "192006250b4c09247ec02edce69f6a2d"
)

// element is one element of a document, in its order there.
type element struct{ name, value string }

// elementsOf reads a flat document.
func elementsOf(t testing.TB, body []byte) []element {
	t.Helper()
	elements, err := readFlat(body)
	if err != nil {
		t.Fatalf("reading %s: %v", body, err)
	}
	return elements
}

func readFlat(body []byte) ([]element, error) {
	var doc struct {
		XMLName  xml.Name `xml:"xml"`
		Elements []struct {
			XMLName xml.Name
			Value   string `xml:",chardata"`
		} `xml:",any"`
	}
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	body = cdata.ReplaceAllFunc(controls(body, "\t\n\r"), func(section []byte) []byte { return controls(section, "\t\n") })
	d := xml.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&doc); err != nil {
		return nil, err
	}
	var elements []element
	for _, e := range doc.Elements {
		elements = append(elements, element{e.XMLName.Local, string(sentBytes(e.Value))})
	}
	return elements, nil
}

var cdata = regexp.MustCompile(`(?s)<!\[CDATA\[.*?\]\]>`)

// controls writes U+E1xx for each byte xx that encoding/xml refuses or alters, but for those in
// kept.
func controls(text []byte, kept string) []byte {
	var out []byte
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		alien := r < ' ' && !strings.ContainsRune(kept, r) || r == 0xFFFE || r == 0xFFFF || r == utf8.RuneError && size == 1
		for _, b := range text[:size] {
			if alien {
				out = utf8.AppendRune(out, 0xE100+rune(b))
			} else {
				out = append(out, b)
			}
		}
		text = text[size:]
	}
	return out
}

// sentBytes undoes controls.
func sentBytes(value string) []byte {
	var out []byte
	for _, r := range value {
		if 0xE100 <= r && r <= 0xE1FF {
			out = append(out, byte(r-0xE100))
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

// message joins the elements as the signature wants them, "&key=" and the key included.
func message(elements []element, key string) string {
	var pairs []string
	for _, e := range elements {
		if e.value != "" && e.name != "sign" {
			pairs = append(pairs, e.name+"="+e.value)
		}
	}
	// Sorting whole pairs would put "a=…" after "a_b=…" or before it by the accident of '=' < '_';
	// names decide.
	slices.SortFunc(pairs, func(a, b string) int {
		an, _, _ := strings.Cut(a, "=")
		bn, _, _ := strings.Cut(b, "=")
		return strings.Compare(an, bn)
	})
	return strings.Join(append(pairs, "key="+key), "&")
}

func signMD5(elements []element, key string) string {
	sum := md5.Sum([]byte(message(elements, key)))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

func signHMAC(elements []element, key string) string {
	h := hmac.New(sha256.New, []byte(key))
	_, _ = io.WriteString(h, message(elements, key))
	return strings.ToUpper(hex.EncodeToString(h.Sum(nil)))
}

// write makes a document the way the gateway's replies look: CDATA, a line for each element.
func write(elements []element) []byte {
	var b strings.Builder
	b.WriteString("<xml>")
	for _, e := range elements {
		value := strings.ReplaceAll(e.value, "]]>", "]]]]><![CDATA[>")
		b.WriteString("<" + e.name + "><![CDATA[" + value + "]]></" + e.name + ">\n")
	}
	b.WriteString("</xml>")
	return []byte(b.String())
}

// signed writes elements with their MD5 signature after them.
func signed(elements ...element) []byte {
	return write(append(slices.Clone(elements), element{"sign", signMD5(elements, key)}))
}

// with returns elements with some replaced, added, or, where the value is "-", taken out.
func with(elements []element, changes ...element) []element {
	out := slices.Clone(elements)
	for _, c := range changes {
		i := slices.IndexFunc(out, func(e element) bool { return e.name == c.name })
		switch {
		case i < 0:
			out = append(out, c)
		case c.value == "-":
			out = slices.Delete(out, i, i+1)
		default:
			out[i].value = c.value
		}
	}
	return out
}

// head is what every signed reply starts with.
func head() []element {
	return []element{
		{"return_code", "SUCCESS"}, {"return_msg", "OK"}, {"appid", appID}, {"mch_id", mchID},
		{"nonce_str", "IITRi8Iabbblz1Jc"}, {"result_code", "SUCCESS"},
	}
}

func closeElements() []element { return with(head(), element{"result_msg", "OK"}) }

func closeReply() []byte { return signed(closeElements()...) }

// queryElements is a paid order with everything there can be.
func queryElements() []element {
	return append(head(), []element{
		{"device_info", "013467007045764"}, {"openid", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}, {"is_subscribe", "N"},
		{"trade_type", "JSAPI"}, {"bank_type", "CCB_DEBIT"}, {"total_fee", "101"}, {"settlement_total_fee", "100"},
		{"fee_type", "CNY"}, {"cash_fee", "89"}, {"cash_fee_type", "CNY"}, {"coupon_fee", "12"}, {"coupon_count", "2"},
		{"coupon_id_0", "10000"}, {"coupon_type_0", "CASH"}, {"coupon_fee_0", "10"},
		{"coupon_id_1", "10001"}, {"coupon_type_1", "NO_CASH"}, {"coupon_fee_1", "2"},
		{"transaction_id", "1008450740201411110005820873"}, {"out_trade_no", orderNo}, {"attach", "深圳 & <分店>"},
		{"time_end", "20141111170043"}, {"trade_state", "SUCCESS"}, {"trade_state_desc", "支付成功"},
	}...)
}

func queryReply() []byte { return signed(queryElements()...) }

// sortedNames are the names of elements in the order of the signature.
func sortedNames(elements []element) []string {
	var names []string
	for _, e := range elements {
		names = append(names, e.name)
	}
	slices.Sort(names)
	return names
}
