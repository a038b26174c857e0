package diagnosis

import (
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"iter"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"cloudpay/internal/bilingual"
)

// maxUnzipped bounds what a compressed body may be, in bytes.
const maxUnzipped = 64 << 10

// original is what a body may have been before it was changed, and how it was changed then. The
// clause is about the body that is at hand.
type original struct {
	why  bilingual.Text
	body string
}

// originalsOf yields what a body may have been when it was signed, the likeliest first: changed as
// a whole, then as JSON that was parsed and written again. The body itself is not among them.
func originalsOf(body string) iter.Seq[original] {
	return func(yield func(original) bool) {
		seen := map[string]bool{body: true}
		unseen := func(one original) bool {
			if seen[one.body] {
				return true
			}
			seen[one.body] = true
			return yield(one)
		}
		for _, one := range wholes(body) {
			if !unseen(one) {
				return
			}
		}
		documents(body, unseen)
	}
}

// wholes are the changes that need no JSON:
//
//   - an editor or echo adds a line feed, and a shell's $(…) takes one away;
//   - a JSON codec makes null, {} or "" of the empty body of a 204;
//   - a servlet container or a database reads UTF-8 as ISO-8859-1;
//   - a cloud function's gateway hands a body over in base64, and says so beside it;
//   - a framework takes a JSON text for a string, and writes that as JSON again;
//   - a log escapes a body as HTML or as part of a URL.
func wholes(body string) []original {
	var list []original
	add := func(en, zh, text string) { list = append(list, original{bilingual.New(en, zh), text}) }
	add("white space was added at the end of the body", "正文末尾多了空白字符", strings.TrimSuffix(body, "\n"))
	add("white space was added at the end of the body", "正文末尾多了空白字符", strings.TrimRight(body, " \t\r\n"))
	add("white space was added around the body", "正文首尾多了空白字符", strings.TrimSpace(body))
	add("the line feed at the end of the body was taken away", "正文末尾的换行符被去掉了", body+"\n")
	add("the body is empty, as a 204's is, and something was made of it", "正文本来是空的（如 204），却被换成了别的内容", "")
	add("a byte order mark was put before the body", "正文前多了字节顺序标记 BOM", strings.TrimPrefix(body, "\ufeff"))
	add("line ends were changed to carriage return and line feed", "换行被改成了回车加换行", strings.ReplaceAll(body, "\r\n", "\n"))
	if text, ok := latin1(body); ok {
		add("the body was read as ISO-8859-1 instead of UTF-8", "正文被当作 ISO-8859-1 而不是 UTF-8 读取", text)
	}
	add("the body was escaped as HTML", "正文被做了 HTML 转义", html.UnescapeString(body))
	if text, err := url.QueryUnescape(body); err == nil {
		add("the body was URL-encoded", "正文被做了 URL 编码", text)
	}
	if raw, err := base64.StdEncoding.DecodeString(body); err == nil {
		add("the body is still in base64, as a gateway hands it over with isBase64Encoded",
			"正文还是 base64，网关以 isBase64Encoded 交付时就是这样", string(raw))
	}
	var text string
	if json.Unmarshal([]byte(body), &text) == nil {
		add("the body was made a JSON string once more", "正文又被序列化成了一个 JSON 字符串", text)
	}
	if text, ok := unzipped(body); ok {
		add("the body is still compressed with gzip", "正文还是 gzip 压缩的", text)
	}
	return list
}

// documents yields the forms in which the JSON of a body may have been before it was parsed and
// written again. WeChat Pay writes compact JSON, so that other white space is tried alone.
//
// What a program received and wrote again differs from what was signed by its library: Python adds
// spaces and \uXXXX, PHP \/ and \uXXXX, Go \u0026 and, of a map, sorted members, Jackson members in
// the order of a class. Each is undone by writing the document in WeChat Pay's form. Members that
// the program's types dropped cannot be had back; those that they added, being empty, are left out.
func documents(body string, yield func(original) bool) {
	sent := newJSONText(body)
	if sent == nil {
		sent = newJSONText(strings.ReplaceAll(body, "'", `"`)) // as Python prints a dictionary
	}
	if sent == nil {
		return
	}
	texts := []*jsonText{sent}
	if filled := sent.withoutEmpty(); filled.write(style{}) != sent.write(style{}) {
		texts = append(texts, filled)
	}
	for _, text := range texts {
		for s := range text.styles() {
			if !yield(original{s.describe(text != sent), text.write(s)}) {
				return
			}
		}
	}
	if !sent.isDocumented() {
		permutations(sent, yield)
	}
}

// permutations yields the orders of an object's members, one object at a time. They are for
// documents that the table of orders does not know, or that WeChat Pay writes in another order than
// printed.
func permutations(sent *jsonText, yield func(original) bool) {
	const most = 1_000 // those of six members, and some
	tries := 0
	for _, object := range sent.objects() {
		for order := range orders(len(object.keys)) {
			how := style{spaces: compact, moved: &move{object, order}}
			if tries++; tries > most || !yield(original{how.describe(false), sent.write(how)}) {
				return
			}
		}
	}
}

// isDocumented reports whether all members are known and stand in the documented order.
func (t *jsonText) isDocumented() bool {
	for _, object := range t.objects() {
		if ranks, known := documentedRanksOf(object.keys); len(ranks) == 0 || known < len(object.keys) {
			return false
		}
	}
	return t.write(style{keys: documented}) == t.write(style{})
}

// styles yields the styles in which the signed document may be, the likeliest first, but those that
// make no difference to it: a document without slashes is not written with \/. Order, escapes and
// numbers are combined with each other, white space with escapes.
func (t *jsonText) styles() iter.Seq[style] {
	keys := t.distinct([]int{asSent, documented, sorted}, func(i int) style { return style{spaces: compact, keys: i} })
	escapes := t.distinct(upTo(len(escapings)+1), func(i int) style { return style{spaces: compact, escapes: i} })
	numbers := t.distinct(upTo(len(numberings)), func(i int) style { return style{spaces: compact, numbers: i} })
	spaces := t.distinct(upTo(len(spacings)+1), func(i int) style { return style{spaces: i} })
	return func(yield func(style) bool) {
		for _, key := range keys {
			for _, escape := range escapes {
				for _, number := range numbers {
					if !yield(style{keys: key, spaces: compact, escapes: escape, numbers: number}) {
						return
					}
				}
			}
		}
		for _, space := range spaces {
			for _, escape := range escapes {
				if !yield(style{spaces: cmp.Or(space, t.sent), escapes: escape}) {
					return
				}
			}
		}
	}
}

// distinct keeps the values whose styles make texts of their own, the first of those that make the
// same: of a text in ASCII thirteen ways to escape leave two or three.
func (t *jsonText) distinct(values []int, of func(int) style) []int {
	seen := map[string]bool{}
	var kept []int
	for _, value := range values {
		text := t.write(of(value))
		if !seen[text] {
			seen[text] = true
			kept = append(kept, value)
		}
	}
	return kept
}

// upTo are the numbers from 0 to below n.
func upTo(n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	return numbers
}

// describe says how a document was signed, of which another was received. emptied is about members
// that were left out.
func (s style) describe(emptied bool) bilingual.Text {
	how := bilingual.Sprintf("the body was parsed and serialised again: %s", "正文被解析后重新序列化：%s", spacings[s.spaces-1].detail)
	add := func(more bilingual.Text) { how = bilingual.Sprintf("%s, %s", "%s，%s", how, more) }
	if s.keys != asSent || s.moved != nil {
		add(bilingual.New("with its members in another order", "成员的顺序不同"))
	}
	if s.escapes != asSent {
		add(escapings[s.escapes-1].detail)
	}
	if s.numbers != 0 {
		add(numberings[s.numbers].detail)
	}
	if emptied {
		add(bilingual.New("without the empty members", "没有空成员"))
	}
	return how
}

// withoutEmpty is the document without the members that a type's unset fields are written as.
func (t *jsonText) withoutEmpty() *jsonText {
	return &jsonText{root: t.root.withoutEmpty(), sent: t.sent, written: make(map[style]string)}
}

func (n *jsonNode) withoutEmpty() *jsonNode {
	filled := *n
	filled.keys, filled.children = nil, nil
	for i, child := range n.children {
		child = child.withoutEmpty()
		if n.kind == jsonObject {
			if child.isEmpty() {
				continue
			}
			filled.keys = append(filled.keys, n.keys[i])
		}
		filled.children = append(filled.children, child)
	}
	return &filled
}

// isEmpty reports whether a value is what an unset field is written as by the usual libraries.
func (n *jsonNode) isEmpty() bool {
	switch n.kind {
	case jsonObject, jsonArray:
		return len(n.children) == 0
	case jsonString:
		return n.text == ""
	default:
		return n.raw == "null" || n.raw == "false" || n.raw == "0"
	}
}

// latin1 undoes a text that was read one byte a character: each character is a byte again. ok is
// false if it cannot have been, since a character is no byte or the bytes are no UTF-8.
func latin1(text string) (string, bool) {
	var out []byte
	for _, r := range text {
		if r > 0xff {
			return "", false
		}
		out = append(out, byte(r)) //nolint:gosec // at most 0xff
	}
	return string(out), utf8.Valid(out)
}

// unzipped undoes gzip, up to maxUnzipped. WeChat Pay signs the text, and a client that sets
// Accept-Encoding by itself gets the compressed bytes from Go's net/http and from libcurl.
func unzipped(body string) (string, bool) {
	reader, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		return "", false
	}
	text, err := io.ReadAll(io.LimitReader(reader, maxUnzipped))
	return string(text), err == nil
}

// documentedOrders are the orders of an object's members in the examples of WeChat Pay's documents
// (pay.weixin.qq.com doc v3/merchant 4012791861, 4012791863, 4012791865, 4012551764), with a
// semicolon behind each object.
const documentedOrders = `
	id create_time resource_type event_type summary resource;
	original_type algorithm ciphertext associated_data nonce;
	algorithm nonce associated_data ciphertext;
	serial_no effective_time expire_time encrypt_certificate;
	code message detail;
	field value issue location sign_information;
	method sign_message_length truncated_sign_message url;
	echo_message encrypted_echo_message;
	appid mchid sp_appid sp_mchid sub_appid sub_mchid out_trade_no transaction_id trade_type trade_state
	trade_state_desc bank_type attach success_time payer amount scene_info promotion_detail;
	openid sp_openid sub_openid;
	total payer_total currency payer_currency;
	coupon_id name scope type amount stock_id wechatpay_contribute merchant_contribute other_contribute
	currency goods_detail;
	goods_id quantity unit_price discount_amount goods_remark;
	combine_appid combine_mchid combine_out_trade_no scene_info combine_payer_info sub_orders;
	mchid sub_mchid sub_appid sub_openid out_trade_no transaction_id trade_type trade_state bank_type attach
	success_time amount promotion_detail;
	total_amount currency payer_amount payer_currency;
	refund_id out_refund_no transaction_id out_trade_no channel user_received_account success_time create_time
	status funds_account amount promotion_detail;
	total refund from payer_total payer_refund settlement_refund settlement_total discount_refund currency
	refund_fee`

// documentedOrder returns the places of an object's keys in their documented order. Unknown ones
// come last.
func documentedOrder(keys []*jsonNode) []int {
	ranks, _ := documentedRanksOf(keys)
	rank := func(i int) int { return cmp.Or(ranks[keys[i].text], len(ranks)+1) }
	order := upTo(len(keys))
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rank(a), rank(b)) })
	return order
}

// documentedRanksOf returns the order that knows the most of an object's keys, and how many it
// knows.
func documentedRanksOf(keys []*jsonNode) (best map[string]int, most int) {
	for _, ranks := range documentedRanks() {
		known := 0
		for _, key := range keys {
			if ranks[key.text] > 0 {
				known++
			}
		}
		if known > most || known == most && len(ranks) < len(best) {
			best, most = ranks, known
		}
	}
	return best, most
}

// documentedRanks are the places of the members in each documented order, counted from 1.
var documentedRanks = sync.OnceValue(func() []map[string]int {
	var all []map[string]int
	for order := range strings.SplitSeq(documentedOrders, ";") {
		ranks := map[string]int{}
		for name := range strings.FieldsSeq(order) {
			ranks[name] = len(ranks) + 1
		}
		all = append(all, ranks)
	}
	return all
})
