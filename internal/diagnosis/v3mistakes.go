package diagnosis

import (
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cause"
)

// guessesV3 are what is tried on a message. Its lists are made once for each diagnosis.
func guessesV3(r *Request, right messageV3) guesses[messageV3] {
	// the URL is what most programs sign wrongly: it is made of parts, and sent by a library
	g := guesses[messageV3]{likely: uriMistakes(r.Host, right.uri), rare: rareV3(right)}
	for _, one := range bodyMistakes(right.body) {
		g.likely = append(g.likely, inBody(one))
		switch one.id {
		case "v3-body-spaces", "v3-body-escapes", "v3-body-line-feed": // Python's and Go's encoders differ in two of them
			g.joined = append(g.joined, inBody(one))
		}
	}
	g.likely = append(g.likely, layoutMistakes()...)
	// a clock that is read twice is at most some seconds further
	for offset := int64(1); offset <= nearTime; offset++ {
		g.likely = append(g.likely, timeMistake(right.seconds()+offset, offset), timeMistake(right.seconds()-offset, -offset))
	}
	g.likely = append(g.likely, nonceMistakes(right.nonce)...)
	g.likely = append(g.likely, partMistakes(right)...)
	return g
}

// inBody is a mistake of the body in its message.
func inBody(one mistake[signedBody]) mistake[messageV3] {
	return mistake[messageV3]{one.id, one.detail, func(m *messageV3) { one.do(&m.body) }}
}

// rareV3 lists the mistakes that come in thousands of forms: lines and parameters in every order,
// the milliseconds of a second, the keys of a body. They are tried alone, since a pair would cost
// the product of both.
func rareV3(right messageV3) iter.Seq[mistake[messageV3]] {
	return func(yield func(mistake[messageV3]) bool) {
		for _, list := range [][]mistake[messageV3]{
			rareLayouts(), otherHosts(right.uri), guessedBodies(right), cutNonces(right.nonce),
		} {
			for _, one := range list {
				if !yield(one) {
					return
				}
			}
		}
		for one := range queryOrders(right.uri) {
			if !yield(one) {
				return
			}
		}
		for one := range rareBodyMistakes(right.body) {
			if !yield(inBody(one)) {
				return
			}
		}
		distantTimes(right.seconds())(yield)
	}
}

// nearTime is how many seconds a clock that is read twice is further in the likely mistakes.
const nearTime = 3

// timeMistake is a timestamp that was read from the clock a second time.
func timeMistake(signed, offset int64) mistake[messageV3] {
	return mistake[messageV3]{
		"v3-timestamp-differs",
		bilingual.Sprintf("header mismatch: the timestamp signed is %+d seconds from the header's",
			"签名的 timestamp 与请求头中的相差 %+d 秒", offset),
		func(m *messageV3) { m.timestamp = strconv.FormatInt(signed, 10) },
	}
}

// distantTimes are timestamps that lie further away, up to what WeChat Pay allows or by the hours
// of a time zone, and the milliseconds of the header's second.
func distantTimes(header int64) iter.Seq[mistake[messageV3]] {
	const most, zone, perSecond = 300, 8 * 3600, 1000
	return func(yield func(mistake[messageV3]) bool) {
		for ms := range int64(perSecond) {
			one := mistake[messageV3]{id: "v3-timestamp-milliseconds", do: func(m *messageV3) {
				m.timestamp = strconv.FormatInt(header*perSecond+ms, 10)
			}}
			if !yield(one) {
				return
			}
		}
		if !yield(timeMistake(header+zone, zone)) || !yield(timeMistake(header-zone, -zone)) {
			return
		}
		for offset := int64(nearTime + 1); offset <= most; offset++ {
			if !yield(timeMistake(header+offset, offset)) || !yield(timeMistake(header-offset, -offset)) {
				return
			}
		}
	}
}

// nonceGuess is what is signed in place of the header's nonce.
type nonceGuess struct {
	id     cause.ID
	detail bilingual.Text
	nonce  string
}

// nonceMistakes are forms of the header's nonce. A nonce that has nothing in common with it cannot
// be found: the digest of the message does not give it away.
func nonceMistakes(nonce string) []mistake[messageV3] {
	blank := bilingual.New("the nonce_str was signed with white space around it that was not sent", "签名的 nonce_str 带有未发送的空白")
	guesses := []nonceGuess{
		{"v3-nonce-case", bilingual.New("the nonce_str signed is in capitals, the header's is not", "签名的 nonce_str 是大写，请求头中的不是"),
			strings.ToUpper(nonce)},
		{"v3-nonce-case", bilingual.New("the nonce_str signed is in small letters, the header's is not", "签名的 nonce_str 是小写，请求头中的不是"),
			strings.ToLower(nonce)},
		{"v3-nonce-differs", bilingual.New("the nonce_str was not signed, although the header has one", "请求头有 nonce_str，但未参与签名"), ""},
		{"v3-nonce-differs", bilingual.New("the nonce_str was signed in quotes", "签名的 nonce_str 带引号"), `"` + nonce + `"`},
		{"v3-nonce-differs", bilingual.New("the nonce_str was signed without white space around it", "签名的 nonce_str 去掉了前后空白"),
			strings.TrimSpace(nonce)},
		{"v3-nonce-differs", blank, nonce + " "}, {"v3-nonce-differs", blank, " " + nonce},
		{"v3-nonce-differs", bilingual.New("the nonce_str was signed URL-encoded", "签名的 nonce_str 做了 URL 编码"), url.QueryEscape(nonce)},
		{"v3-nonce-differs", bilingual.New("the nonce_str was signed with its name", "签名时带上了 nonce_str 的名称"), "nonce_str=" + nonce},
	}
	var list []mistake[messageV3]
	for _, guess := range append(guesses, hyphenGuesses(nonce)...) {
		if guess.nonce != nonce {
			list = append(list, guess.mistake())
		}
	}
	return list
}

// mistake is the guess in its message.
func (g nonceGuess) mistake() mistake[messageV3] {
	return mistake[messageV3]{g.id, g.detail, func(m *messageV3) { m.nonce = g.nonce }}
}

// hyphenGuesses are a UUID without its hyphens, or with them where the header has none: 32 digits
// are all that nonce_str may hold, and a UUID has 36 characters.
func hyphenGuesses(nonce string) []nonceGuess {
	const digits = 32
	without := nonceGuess{
		"v3-nonce-differs", bilingual.New("the nonce_str was signed without its hyphens", "签名的 nonce_str 去掉了连字符"),
		strings.ReplaceAll(nonce, "-", ""),
	}
	if len(nonce) != digits {
		return []nonceGuess{without}
	}
	return []nonceGuess{without, {
		"v3-nonce-differs", bilingual.New("the nonce_str was signed with the hyphens of a UUID", "签名的 nonce_str 带有 UUID 的连字符"),
		strings.Join([]string{nonce[:8], nonce[8:12], nonce[12:16], nonce[16:20], nonce[20:]}, "-"),
	}}
}

// cutNonces are the begins of the nonce: a column or a buffer was too short for it.
func cutNonces(nonce string) []mistake[messageV3] {
	cut := bilingual.New("the nonce_str was cut before signing", "nonce_str 在签名前被截断")
	list := make([]mistake[messageV3], 0, len(nonce))
	for size := len(nonce) - 1; size > 0; size-- {
		list = append(list, nonceGuess{"v3-nonce-differs", cut, nonce[:size]}.mistake())
	}
	return list
}

// partMistakes are the method's and the timestamp's other forms.
func partMistakes(right messageV3) []mistake[messageV3] {
	list := []mistake[messageV3]{
		{id: "v3-timestamp-milliseconds", do: func(m *messageV3) { m.timestamp += "000" }},
		{"v3-timestamp-differs", bilingual.New("the timestamp was not signed, although the header has one", "请求头有 timestamp，但未参与签名"),
			func(m *messageV3) { m.timestamp = "" }},
		{id: "v3-method-case", do: func(m *messageV3) { m.method = strings.ToLower(m.method) }},
		{"v3-method-case", bilingual.New("the method was signed with one capital alone", "请求方法签名时只有首字母大写"), func(m *messageV3) {
			m.method = m.method[:min(1, len(m.method))] + strings.ToLower(m.method[min(1, len(m.method)):])
		}},
	}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if method != right.method {
			list = append(list, mistake[messageV3]{
				"v3-method-other", bilingual.Sprintf("the method signed is %s", "签名的请求方法是 %s", method),
				func(m *messageV3) { m.method = method },
			})
		}
	}
	return list
}

// uriGuess is what is signed in place of path and query.
type uriGuess struct {
	id     cause.ID
	detail bilingual.Text
	uri    string
}

// uriMistakes are the ways in which the URL is signed otherwise than it is sent.
func uriMistakes(host, uri string) []mistake[messageV3] {
	path, query, _ := strings.Cut(uri, "?")
	guesses := []uriGuess{{"v3-query", bilingual.Text{}, path}}
	if query == "" {
		guesses = []uriGuess{{"v3-question-mark", bilingual.New("a ? was sent after the path without a query string, and not signed",
			"没有查询串却在路径后发送了 ?，且未参与签名"), path}}
	}
	guesses = append(guesses, escapeGuesses(path, query)...)
	guesses = append(guesses, wholeURLGuesses(host, uri)...)
	guesses = append(guesses, pathGuesses(path, query)...)
	if values, err := url.ParseQuery(query); err == nil && query != "" {
		guesses = append(guesses, uriGuess{
			"v3-query-order",
			bilingual.New("the query string was signed sorted, and sent in another order", "查询串按排序后的顺序签名，发送时是另一种顺序"),
			path + "?" + values.Encode(),
		})
	}
	list := make([]mistake[messageV3], 0, len(guesses))
	seen := map[string]bool{uri: true}
	for _, guess := range guesses {
		if !seen[guess.uri] {
			seen[guess.uri] = true
			list = append(list, mistake[messageV3]{guess.id, guess.detail, func(m *messageV3) { m.uri = guess.uri }})
		}
	}
	return list
}

// withQuery puts a query behind a path, and nothing for an empty one.
func withQuery(path, query string) string {
	if query == "" {
		return path
	}
	return path + "?" + query
}

// escapeGuesses are the ways in which the URL is escaped otherwise.
func escapeGuesses(path, query string) []uriGuess {
	plain, err := url.PathUnescape(path)
	if err != nil {
		plain = path
	}
	// an HTTP client that escapes what its caller has escaped already
	once := bilingual.New("the path was sent double-escaped, and signed escaped once", "路径发送时转义了两次，签名时只转义一次")
	// a server-side framework hands out the path decoded; JavaScript's URL does not
	unescapedPath := bilingual.New("the path was signed unescaped, and sent escaped", "路径签名时未转义，发送时已转义")
	// languages disagree about | and *: Go escapes the first in a path, Java both but *
	escaped := bilingual.New("the path was signed escaped, and sent unescaped", "路径签名时已转义，发送时未转义")
	// the number was escaped, and then the whole path
	double := bilingual.New("the path was signed double-escaped, and sent escaped once", "路径签名时转义了两次，发送时只转义一次")
	// %7c for %7C: .NET before version 5, and some proxies
	small := bilingual.New("the path was signed with the digits of its escapes in other letters, small or capital", "路径签名时转义的十六进制字母大小写不同")
	guess := func(detail bilingual.Text, path string) uriGuess {
		return uriGuess{"v3-path-escape", detail, withQuery(path, query)}
	}
	return append(queryEscapeGuesses(path, query),
		guess(once, strings.ReplaceAll(path, "%25", "%")), guess(unescapedPath, plain),
		guess(escaped, (&url.URL{Path: plain}).EscapedPath()), guess(escaped, escapeSegments(plain, url.PathEscape)),
		guess(escaped, escapeSegments(plain, escapeAsJava)), guess(escaped, escapeSegments(plain, escapeAsJavaScript)),
		guess(double, strings.ReplaceAll(path, "%", "%25")),
		guess(small, escapes.ReplaceAllStringFunc(path, strings.ToLower)), guess(small, escapes.ReplaceAllStringFunc(path, strings.ToUpper)),
	)
}

// queryEscapeGuesses are the ways in which the query is escaped otherwise.
func queryEscapeGuesses(path, query string) []uriGuess {
	if query == "" {
		return nil
	}
	// edited is the query with each value changed, and its order kept
	edited := func(edit func(string) string) string {
		pairs := strings.Split(query, "&")
		for i, pair := range pairs {
			name, value, found := strings.Cut(pair, "=")
			if found {
				pairs[i] = name + "=" + edit(value)
			}
		}
		return path + "?" + strings.Join(pairs, "&")
	}
	// again is the query with each value unescaped and escaped otherwise; one that cannot be
	// unescaped stays as it is
	again := func(escape func(string) string) string {
		return edited(func(value string) string {
			plain, err := url.QueryUnescape(value)
			if err != nil {
				return value
			}
			return escape(plain)
		})
	}
	plain := bilingual.New("the query string was signed unescaped, and sent escaped", "查询串签名时未转义，发送时已转义")
	otherwise := bilingual.New("the query string was signed with other escapes than it was sent", "查询串签名时的转义与发送时不同")
	const id = "v3-path-escape"
	return []uriGuess{
		{id, plain, again(func(value string) string { return value })},
		{id, otherwise, again(url.QueryEscape)}, {id, otherwise, again(url.PathEscape)},
		{id, otherwise, again(escapeAsJava)}, {id, otherwise, again(escapeAsJavaScript)},
		{id, otherwise, edited(url.QueryEscape)},
		{id, otherwise, path + "?" + escapes.ReplaceAllStringFunc(query, strings.ToLower)},
		{id, otherwise, path + "?" + strings.ReplaceAll(query, "&", "&amp;")},
	}
}

// hosts are WeChat Pay's: a request that was captured at an emulator or a proxy was signed for one
// of them.
var hosts = []string{
	"api.mch.weixin.qq.com", "api2.mch.weixin.qq.com", "apihk.mch.weixin.qq.com", "api.wechatpay.cn", "api2.wechatpay.cn",
}

// wholeURLGuesses are the URL with what stands before the path: scheme and host, or the host alone.
// The host is tried as it was received, and as WeChat Pay's first.
func wholeURLGuesses(host, uri string) []uriGuess {
	withHost := bilingual.New("the host was signed with the path: only path and query count", "连同域名一起签名：只应包含路径和查询串")
	names := hosts[:1]
	if host != "" && host != hosts[0] {
		names = []string{host, hosts[0]}
	}
	const forms = 3
	guesses := make([]uriGuess, 0, forms*len(names))
	for _, name := range names {
		guesses = append(guesses,
			uriGuess{id: "v3-url-full", uri: "https://" + name + uri}, uriGuess{id: "v3-url-full", uri: "http://" + name + uri},
			uriGuess{"v3-url-full", withHost, name + uri})
	}
	return guesses
}

// otherHosts are the URL with the rest of WeChat Pay's hosts.
func otherHosts(uri string) []mistake[messageV3] {
	var list []mistake[messageV3]
	for _, host := range hosts[1:] {
		for _, guess := range wholeURLGuesses(host, uri) {
			list = append(list, mistake[messageV3]{guess.id, guess.detail, func(m *messageV3) { m.uri = guess.uri }})
		}
	}
	return list
}

// pathGuesses are the path with a slash more or less, or without a part.
func pathGuesses(path, query string) []uriGuess {
	guesses := []uriGuess{
		{"v3-path-slash", bilingual.New("the leading / of the path was not signed", "路径开头的 / 未参与签名"),
			withQuery(strings.TrimPrefix(path, "/"), query)},
		{"v3-path-slash", bilingual.New("the path was signed with two / at its begin", "签名的路径开头有两个 /"), withQuery("/"+path, query)},
		{"v3-path-slash", bilingual.New("the path was signed with a / at its end that was not sent", "签名的路径结尾多了一个 /"),
			withQuery(path+"/", query)},
		{"v3-path-slash", bilingual.New("the path was signed without the / at its end", "签名的路径缺少结尾的 /"),
			withQuery(strings.TrimSuffix(path, "/"), query)},
		{"v3-question-mark", bilingual.Text{}, withQuery(path, query) + "?"},
		{"v3-path-unsigned", bilingual.New("only the query string was signed", "只签名了查询串"), query},
		{"v3-path-unsigned", bilingual.New("only ? and the query string were signed", "只签名了 ? 和查询串"), "?" + query},
	}
	// a client that is given https://api.mch.weixin.qq.com/v3 as its base signs what follows
	cut := bilingual.New("the begin of the path was not signed, what a base URL adds", "路径开头（基础 URL 补上的部分）未参与签名")
	const most = 8 // segments that a base URL may have; WeChat Pay's longest path has seven
	rest := path
	for range most {
		at := strings.Index(strings.TrimPrefix(rest, "/"), "/")
		if at < 0 {
			break
		}
		rest = rest[at+1:]
		guesses = append(guesses, uriGuess{"v3-path-unsigned", cut, withQuery(rest, query)},
			uriGuess{"v3-path-unsigned", cut, withQuery(strings.TrimPrefix(rest, "/"), query)})
	}
	return guesses
}

// queryOrders are the parameters of the query in every order: a partner's query has two, sp_mchid
// and sub_mchid, and a query of a bill has more.
func queryOrders(uri string) iter.Seq[mistake[messageV3]] {
	path, query, _ := strings.Cut(uri, "?")
	pairs := strings.Split(query, "&")
	return func(yield func(mistake[messageV3]) bool) {
		for order := range orders(len(pairs)) {
			one := mistake[messageV3]{id: "v3-query-order", do: func(m *messageV3) {
				turned := make([]string, len(order))
				for i, from := range order {
					turned[i] = pairs[from]
				}
				m.uri = path + "?" + strings.Join(turned, "&")
			}}
			if !yield(one) {
				return
			}
		}
	}
}

// guessedBodies are the parameters of a request without a body, signed as its body: a wrapper that
// takes its parameters for a body in every call, and moves those of a GET into the query later.
func guessedBodies(right messageV3) []mistake[messageV3] {
	_, query, _ := strings.Cut(right.uri, "?")
	values, err := url.ParseQuery(query)
	if right.body.text != "" || query == "" || err != nil {
		return nil
	}
	var members []string
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range values {
			if !yield(name) {
				return
			}
		}
	}) {
		members = append(members, strconv.Quote(name)+":"+strconv.Quote(values.Get(name)))
	}
	tight := "{" + strings.Join(members, ",") + "}"
	spaced := newJSONText(tight)
	texts := []string{tight, query}
	if spaced != nil {
		for i := range spacings {
			texts = append(texts, spaced.write(style{spaces: i + 1}))
		}
	}
	var list []mistake[messageV3]
	for _, one := range inventedBodies(texts...) {
		list = append(list, inBody(one))
	}
	return list
}
