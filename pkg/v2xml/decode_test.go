package v2xml_test

import (
	"bytes"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/pkg/v2xml"
)

// TestDialectAccepted: other ways to write one and the same reply.
func TestDialectAccepted(t *testing.T) {
	t.Parallel()
	elements := with(head(), element{"out_trade_no", orderNo}, element{"trade_state", "SUCCESS"}, element{"attach", `<a> & "b" ]]> 'c'`})
	want, err := queryOne(answering(signed(elements...)))
	if err != nil {
		t.Fatal(err)
	}
	if want.Attach != `<a> & "b" ]]> 'c'` {
		t.Fatalf("Attach %q", want.Attach)
	}
	canonical := string(signed(elements...))
	escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")
	var text strings.Builder
	for _, e := range elementsOf(t, signed(elements...)) {
		text.WriteString("<" + e.name + ">" + escaped.Replace(e.value) + "</" + e.name + ">")
	}
	replace := func(old, with string) string {
		if !strings.Contains(canonical, old) {
			t.Fatalf("%s is not in %s", old, canonical)
		}
		return strings.Replace(canonical, old, with, 1)
	}
	for name, body := range map[string]string{
		"text":                  "<xml>" + text.String() + "</xml>",
		"declaration":           `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + canonical,
		"declaration, lower":    `<?xml version='1.0' encoding='utf-8' standalone='yes'?>` + canonical,
		"bare declaration":      `<?xml version="1.0"?>` + canonical,
		"white space around":    "\r\n\t " + canonical + "\n\n",
		"white space inside":    strings.ReplaceAll(canonical, ">\n<", ">\r\n\t <"),
		"no white space":        strings.ReplaceAll(canonical, ">\n<", "><"),
		"spaces in tags":        strings.ReplaceAll(strings.ReplaceAll(canonical, "</xml>", "</xml >"), "</appid>", "</appid\n>"),
		"text beside CDATA":     replace("<![CDATA[SUCCESS]]></trade_state>", "SUC<![CDATA[]]><![CDATA[CE]]>SS</trade_state>"),
		"character references":  replace("<![CDATA[SUCCESS]]></trade_state>", "&#83;UCC&#x45;SS</trade_state>"),
		"empty elements":        replace("<xml>", "<xml><device_info/><openid></openid><bank_type><![CDATA[]]></bank_type><total_fee/>"),
		"another order":         reversed(t, canonical),
		"an empty unknown":      canonical[:len(canonical)-len("</xml>")] + "<new/></xml>",
		"space in the root tag": replace("<xml>", "<xml >"),
		"byte order mark":       "\ufeff" + canonical,
		"mark and declaration":  "\ufeff" + `<?xml version="1.0" encoding="UTF-8"?>` + canonical,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := queryOne(answering([]byte(body)))
			if err != nil {
				t.Fatalf("%v\n%s", err, body)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestBytesThatXMLCannotHold: an attach with them is signed as it is, and read as it is.
func TestBytesThatXMLCannotHold(t *testing.T) {
	t.Parallel()
	for name, attach := range map[string]string{
		"control character":       "a\x1dc",
		"NUL":                     "\x00",
		"CR LF":                   "l1\r\nl2",
		"CR":                      "\rl2\r",
		"a character cut at last": "深圳分\xe5\xba",
		"a character cut at once": "\xbaa",
		"not a character":         "\uffff\ufffe",
		"beside what XML escapes": "\x01 & <b> ]]> \r \u00e9\x7f",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := signed(with(queryElements(), element{"attach", attach})...)
			got, err := queryOne(answering(body))
			if err != nil {
				t.Fatal(err)
			}
			if got.Attach != attach || got.TradeState != "SUCCESS" {
				t.Errorf("attach %q in state %s, want %q", got.Attach, got.TradeState, attach)
			}
			for i := range len(attach) {
				altered := bytes.Replace(body, []byte(attach), []byte(attach[:i]+"?"+attach[i+1:]), 1)
				if _, err := queryOne(answering(altered)); err == nil && !bytes.Equal(altered, body) {
					t.Errorf("byte %d of the attach was altered, and the reply believed", i)
				}
			}
		})
	}
	// A carriage return taken out or put in breaks the signature like any other byte.
	for was, is := range map[string]string{"l1\r\nl2": "l1\nl2", "l1\nl2": "l1\r\nl2"} {
		body := signed(with(queryElements(), element{"attach", was})...)
		_, err := queryOne(answering(bytes.Replace(body, []byte(was), []byte(is), 1)))
		if got := kindOf(err); got != "VerifyError bad signature" {
			t.Errorf("%q made of %q: got %s (%v), want VerifyError bad signature", is, was, got, err)
		}
	}
}

// TestDecisiveElementsAreText: which order it is, and in what state, is said in characters.
func TestDecisiveElementsAreText(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"out_trade_no", "trade_state", "transaction_id"} {
		for _, more := range []string{"\x00", "\r", "\xe5"} {
			wantMalformed(t, name, valueOf(t, queryReply(), name)+more, name+" has a control character, or is not UTF-8")
		}
	}
}

// TestStandInsOfTheReplysOwn: one in the reply cannot be told from ours, so that nothing is
// replaced.
func TestStandInsOfTheReplysOwn(t *testing.T) {
	t.Parallel()
	for _, own := range []string{"\U0010f000", "\U0010f0ff"} {
		got, err := queryOne(answering(signed(with(queryElements(), element{"attach", own})...)))
		if err != nil || got.Attach != own {
			t.Errorf("%+q: got %+v (%v), want it as it is", own, got, err)
		}
		wantMalformed(t, "attach", own+"\x01", "it is not well-formed XML, line 27")
	}
}

// reversed is the document with its elements in the opposite order.
func reversed(t *testing.T, body string) string {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(strings.TrimPrefix(body, "<xml>"), "\n</xml>"), "\n")
	if len(lines) < 5 {
		t.Fatalf("%d lines in %s", len(lines), body)
	}
	for i, j := 0, len(lines)-1; i < j; i, j = i+1, j-1 {
		lines[i], lines[j] = lines[j], lines[i]
	}
	return "<xml>" + strings.Join(lines, "") + "</xml>"
}

// TestUnknownElementsAreSigned: an unknown one cannot be added, changed or taken
// away.
func TestUnknownElementsAreSigned(t *testing.T) {
	t.Parallel()
	elements := with(closeElements(), element{"new_in_2030", "你好 & 再见"}, element{"Ünïcode", "1"})
	body := string(signed(elements...))
	if _, err := closeOne(answering([]byte(body))); err != nil {
		t.Fatal(err)
	}
	for name, altered := range map[string]string{
		"changed":    strings.Replace(body, "再见", "再来", 1),
		"taken away": strings.Replace(body, "<Ünïcode><![CDATA[1]]></Ünïcode>", "", 1),
		"emptied":    strings.Replace(body, "<Ünïcode><![CDATA[1]]></Ünïcode>", "<Ünïcode/>", 1),
		"renamed":    strings.ReplaceAll(body, "new_in_2030", "new_in_2031"),
		"added":      strings.Replace(body, "<xml>", "<xml><more>1</more>", 1),
		"white":      strings.Replace(body, "<xml>", "<xml><more> </more>", 1),
	} {
		if altered == body {
			t.Fatalf("%s: nothing was altered", name)
		}
		_, err := closeOne(answering([]byte(altered)))
		if got := kindOf(err); got != "VerifyError bad signature" {
			t.Errorf("%s: got %s (%v), want VerifyError bad signature", name, got, err)
		}
	}
}

// TestDialectRefused: each body would be a good reply, were it not for one thing.
func TestDialectRefused(t *testing.T) {
	t.Parallel()
	good := string(closeReply())
	inside := func(s string) string { return strings.Replace(good, "<xml>", "<xml>"+s, 1) }
	const (
		notXML    = "it is not well-formed XML"
		html      = "it is an HTML page"
		root      = "its root is not one <xml> element"
		outside   = "it has text between its elements"
		forbidden = "it has a comment, a directive such as DOCTYPE or a processing instruction"
		nested    = "it has an element inside an element"
		prefixed  = "has a name prefix or an attribute"
		charset   = "it declares an encoding other than UTF-8"
	)
	var bomb strings.Builder
	bomb.WriteString("<!DOCTYPE xml [<!ENTITY a0 \"SUCCESS\">")
	for i := range 30 {
		fmt.Fprintf(&bomb, "<!ENTITY a%d \"&a%d;&a%d;\">", i+1, i, i)
	}
	bomb.WriteString("]>")
	for _, test := range []struct{ name, body, want string }{
		{"nothing", "", "it is empty"},
		{"white space", " \r\n\t ", "it is empty"},
		{"HTML", "<html><head></head><body>502 Bad Gateway</body></html>", html},
		{"HTML with DOCTYPE", "\n<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\"><html></html>", html},
		{"HTML without a root", "<BODY>maintenance</BODY>", html},
		{"HTML head", "<head><title>x</title></head>", html},
		{"JSON", `{"return_code":"SUCCESS"}`, outside},
		{"text", "upstream connect error", outside},
		{"gzip", "\x1f\x8b\x08\x00\x00\x00", notXML},
		{"NUL in a name", inside("<a\x00>1</a\x00>"), notXML},
		{"NUL between elements", inside("\x00"), outside},
		{"a name that is not UTF-8", inside("<a\xff>1</a\xff>"), notXML},
		{"UTF-16", "\xff\xfe<\x00x\x00", notXML},
		{"two byte order marks", "\ufeff\ufeff" + good, outside},
		{"byte order mark after white space", " \ufeff" + good, outside},
		{"byte order mark alone", "\ufeff", "it is empty"},
		{"DOCTYPE", "<!DOCTYPE xml>" + good, forbidden},
		{"DOCTYPE after a declaration", `<?xml version="1.0"?><!DOCTYPE xml SYSTEM "file:///etc/passwd">` + good, forbidden},
		{"DOCTYPE inside", inside("<!DOCTYPE xml>"), forbidden},
		{"DOCTYPE in an element", inside("<a><!DOCTYPE xml></a>"), forbidden},
		{"entity", `<!DOCTYPE xml [<!ENTITY e "SUCCESS">]>` + inside("<a>&e;</a>"), notXML},
		{"external entity", `<!DOCTYPE xml [<!ENTITY e SYSTEM "file:///etc/passwd">]>` + good, forbidden},
		{"parameter entity", `<!DOCTYPE xml [<!ENTITY % e SYSTEM "http://127.0.0.1/x.dtd"> %e;]>` + good, forbidden},
		{"billion laughs", bomb.String() + inside("<a>&a30;</a>"), notXML},
		{"undeclared entity", inside("<a>&nbsp;</a>"), notXML},
		{"directive", inside("<!ELEMENT a ANY>"), forbidden},
		{"processing instruction", inside(`<?php echo 1?>`), forbidden},
		{"processing instruction before", `<?xml-stylesheet href="x"?>` + good, forbidden},
		{"processing instruction after", good + `<?a b?>`, forbidden},
		{"processing instruction in an element", inside("<a><?b c?></a>"), forbidden},
		{"declaration after white space", "\n" + `<?xml version="1.0"?>` + good, forbidden},
		{"declaration twice", `<?xml version="1.0"?><?xml version="1.0"?>` + good, forbidden},
		{"declaration inside", inside(`<?xml version="1.0"?>`), forbidden},
		{"declaration of GBK", `<?xml version="1.0" encoding="GBK"?>` + good, charset},
		{"declaration of Latin-1", `<?xml version="1.0" encoding="iso-8859-1"?>` + good, charset},
		{"declaration of XML 1.1", `<?xml version="1.1"?>` + good, notXML},
		{"comment", inside("<!-- -->"), forbidden},
		{"comment before", "<!-- -->" + good, forbidden},
		{"comment after", good + "<!-- -->", forbidden},
		{"comment in a value", strings.Replace(good, "<![CDATA[SUCCESS]]></result_code>", "SUC<!-- -->CESS</result_code>", 1), forbidden},
		{"nested", inside("<a><b>1</b></a>"), nested},
		{"nested, empty", inside("<a><b/></a>"), nested},
		{"deeply nested", inside(strings.Repeat("<a>", 5000) + strings.Repeat("</a>", 5000)), nested},
		{"repeated", inside("<appid>" + appID + "</appid>"), `element "appid" is repeated`},
		{"repeated, empty", inside("<appid/>"), `element "appid" is repeated`},
		{"unknown repeated", inside("<a>1</a><b/><a>1</a>"), `element "a" is repeated`},
		{"repeated with a long name", inside(strings.Repeat("<"+strings.Repeat("n", 999)+"/>", 2)), `element "` + strings.Repeat("n", 64) + `" is repeated`},
		{"mixed", inside("text"), outside},
		{"mixed, CDATA", inside("<![CDATA[text]]>"), outside},
		{"text before", "x" + good, outside},
		{"text after", good + "x", outside},
		{"two roots", good + good, root},
		{"two roots, one empty", good + "<xml/>", root},
		{"another root", strings.ReplaceAll(good, "xml>", "Xml>"), root},
		{"a prefixed root", strings.ReplaceAll(good, "xml>", "a:xml>"), root},
		{"a root with an attribute", strings.Replace(good, "<xml>", `<xml xmlns="urn:x">`, 1), root},
		{"only a declaration", `<?xml version="1.0"?>`, root},
		{"a prefix", inside("<a:b>1</a:b>"), prefixed},
		{"a strange prefix", inside("<:b>1</:b>"), prefixed},
		{"an attribute", strings.Replace(good, "<appid>", `<appid type="x">`, 1), prefixed},
		{"an attribute without a value", strings.Replace(good, "<appid>", `<appid type>`, 1), notXML},
		{"tags that do not match", strings.Replace(good, "</appid>", "</mch_id>", 1), notXML},
		{"an end tag too many", good + "</xml>", notXML},
		{"a CDATA that does not end", inside("<a><![CDATA[x</a>") + "]]", notXML},
		{"CDATA's end in text", inside("<a>x]]>y</a>"), notXML},
		{"too much markup", inside(strings.Repeat("<a/>", 20_000)), "it has more markup than any reply has"},
		{"an empty root", "<xml/>", "its return_code is neither SUCCESS nor FAIL"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, header := range []string{"text/plain", "text/xml", "text/html"} {
				_, err := closeOne(responding(http.StatusOK, []byte(test.body), "Content-Type", header))
				got := wantError[*v2xml.MalformedError](t, err)
				if !strings.Contains(got.Detail, test.want) {
					t.Errorf("Detail %q, want %q", got.Detail, test.want)
				}
				if got.HTTPStatus != http.StatusOK {
					t.Errorf("HTTPStatus %d, want 200", got.HTTPStatus)
				}
			}
		})
	}
}

// outcome is a reply, or an error.
type outcome struct {
	reply any
	err   error
}

// goodReplies are signed replies with the question that each answers.
func goodReplies() map[string]struct {
	body []byte
	ask  func([]byte) outcome
} {
	closing := func(t v2xml.SignType) func([]byte) outcome {
		return func(body []byte) outcome {
			c := answering(body)
			c.SignType = t
			reply, err := closeOne(c)
			return outcome{reply, err}
		}
	}
	querying := func(body []byte) outcome {
		reply, err := queryOne(answering(body))
		return outcome{reply, err}
	}
	withEmpties := with(closeElements(), element{"device_info", ""}, element{"err_code", ""})
	hmacked := write(append(closeElements(), element{"sign", signHMAC(closeElements(), key)}))
	some := with(head(), element{"out_trade_no", orderNo}, element{"trade_state", "SUCCESS"}, element{"total_fee", "101"},
		element{"time_end", "20141111170043"}, element{"coupon_fee_0", "12"}, element{"attach", "深圳 & <分店>"},
		element{"promotion_detail", `{"promotion_detail":[{"amount":5}]}`})
	return map[string]struct {
		body []byte
		ask  func([]byte) outcome
	}{
		"close, MD5":         {signed(withEmpties...), closing(v2xml.MD5)},
		"close, HMAC-SHA256": {hmacked, closing(v2xml.HMACSHA256)},
		"query":              {append([]byte(`<?xml version="1.0" encoding="UTF-8"?>`+"\n"), signed(some...)...), querying},
	}
}

// meaning marks the bytes of a document that say something: names of elements and values. The
// others are XML's own (brackets, white space between elements, the declaration).
func meaning(t *testing.T, body []byte) []bool {
	t.Helper()
	marks := make([]bool, len(body))
	found := 0
	for _, m := range regexp.MustCompile(`</?([a-z_0-9]+)>|<!\[CDATA\[([^\]]*)\]\]>`).FindAllSubmatchIndex(body, -1) {
		for _, group := range [][2]int{{m[2], m[3]}, {m[4], m[5]}} {
			for i := group[0]; i >= 0 && i < group[1]; i++ {
				marks[i] = true
				found++
			}
		}
	}
	if found < len(body)/2 {
		t.Fatalf("only %d of %d bytes mean anything", found, len(body))
	}
	return marks
}

// TestEveryByteCounts alters each byte of a good reply, in each bit and to each character that XML
// cares about, and takes it out. In a name or a value that must be refused; elsewhere it may pass
// only when it changes nothing.
func TestEveryByteCounts(t *testing.T) {
	t.Parallel()
	for name, good := range goodReplies() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			marks := meaning(t, good.body)
			want := good.ask(good.body)
			if want.err != nil {
				t.Fatal(want.err)
			}
			tried, passed := 0, 0
			try := func(i int, body []byte, how string) {
				tried++
				got := good.ask(body)
				switch {
				case got.err != nil:
				case marks[i]:
					t.Errorf("%s of byte %d (%q) was accepted: %s", how, i, good.body[i], body)
				case !reflect.DeepEqual(got, want):
					t.Errorf("%s of byte %d (%q) changed the reply to %+v", how, i, good.body[i], got.reply)
				default:
					passed++
				}
			}
			for i, old := range good.body {
				for _, to := range substitutes(old) {
					if to == old {
						continue
					}
					altered := bytes.Clone(good.body)
					altered[i] = to
					try(i, altered, fmt.Sprintf("change to %q", to))
				}
				try(i, append(bytes.Clone(good.body[:i]), good.body[i+1:]...), "removal")
			}
			// White space for white space passes, and little else does.
			if passed == 0 || passed > tried/10 {
				t.Errorf("%d of %d alterations changed nothing", passed, tried)
			}
		})
	}
}

// substitutes are what a byte is altered to.
func substitutes(old byte) []byte {
	var all []byte
	for bit := range 8 {
		all = append(all, old^1<<bit)
	}
	return append(all, "<>&/] \n"...)
}

func TestTruncatedAtEveryByte(t *testing.T) {
	t.Parallel()
	for name, good := range goodReplies() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := range good.body {
				if got := good.ask(good.body[:n]); kindOf(got.err) != "MalformedError" {
					t.Fatalf("the first %d of %d bytes: got %s (%v), want MalformedError", n, len(good.body), kindOf(got.err), got.err)
				}
			}
		})
	}
}

// TestEveryElementCounts drops, repeats, empties, renames and swaps the values of a good reply's
// elements.
func TestEveryElementCounts(t *testing.T) {
	t.Parallel()
	for name, good := range goodReplies() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			elements := elementsOf(t, good.body)
			for i, e := range elements {
				if e.value == "" {
					continue
				}
				for how, altered := range map[string][]element{
					"dropped":       append(append([]element{}, elements[:i]...), elements[i+1:]...),
					"repeated":      append(append([]element{}, elements...), e),
					"repeated anew": append(append([]element{}, elements...), element{e.name, "x"}),
					"emptied":       with(elements, element{e.name, ""}),
					"renamed":       append(with(elements, element{e.name, "-"}), element{e.name + "x", e.value}),
					"in upper case": append(with(elements, element{e.name, "-"}), element{strings.ToUpper(e.name), e.value}),
					"padded":        with(elements, element{e.name, e.value + " "}),
					"swapped":       with(elements, element{e.name, elements[(i+1)%len(elements)].value + "1"}),
				} {
					if got := good.ask(write(altered)); got.err == nil {
						t.Errorf("%s %s: accepted as %+v", e.name, how, got.reply)
					}
				}
			}
		})
	}
}
