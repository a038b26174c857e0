package explain

import (
	"encoding/base64"
	"net/http"
	"net/textproto"
	"regexp"
	"strings"

	"cloudpay/internal/diagnosis"
)

// prompt is what may stand before a command line that was pasted from a terminal.
var prompt = regexp.MustCompile(`^(?:[^\s$#%>]*[$#%>] +)?(curl(?:\.exe)? .*)$`)

// cutCommand cuts a prompt off a command line of curl's: $, # or > behind a name, as shells and
// PowerShell have it. found is false if the line is no command line of curl's.
func cutCommand(line string) (command string, found bool) {
	match := prompt.FindStringSubmatch(strings.TrimLeft(line, " \t"))
	if match == nil {
		return "", false
	}
	return match[1], true
}

// isCommand reports whether a text begins with a command line of curl's.
func isCommand(text string) bool {
	line, _, _ := cutLine(text)
	_, found := cutCommand(line)
	return found
}

// readCommand reads a command line of curl's as the request that curl would send. Several lines
// that end in a backslash are one:
//
//	curl -X POST https://api.mch.weixin.qq.com/v3/pay/transactions/out-trade-no/A1/close \
//	  -H 'Authorization: WECHATPAY2-SHA256-RSA2048 mchid="…",…' \
//	  -H 'Content-Type: application/json' \
//	  --data-raw '{"mchid":"1900000001"}'
//
// It runs nothing, and opens no file that the line names. The rules are those of curl's manual:
// data makes a POST of type application/x-www-form-urlencoded unless a header says another, several
// pieces are joined by &, --json sets the two types, and -G moves the data into the URL.
func (r *Reading) readCommand(text string) {
	skipped := len(text) - len(strings.TrimLeft(text, " \t\r\n"))
	first := lineAt(text, skipped)
	line, rest, _ := cutLine(text[skipped:])
	command, _ := cutCommand(line)
	words, used, fault := splitWords(command + "\n" + rest)
	switch fault {
	case openQuote:
		r.note(first, "a quotation mark of the command line is not closed: its end was cut off", "命令行的引号未闭合：结尾被截断")
	case exact:
	case expansion:
		r.note(first, "the command line has a $VARIABLE or a $(command), whose value is not known here", "命令行含有 $变量 或 $(命令)，其值未知")
	}
	c := curlCommand{r: r, line: first, header: http.Header{}}
	c.take(words[1:])
	part := c.part()
	part.First, part.Last = first, first+strings.Count(strings.TrimRight((command + "\n" + rest)[:used], "\r\n"), "\n")
	r.add(part)
}

// curlCommand is what the options of a command line ask for.
type curlCommand struct {
	r    *Reading
	line int

	// method is of -X; empty: by the data.
	method string
	// url is the argument that is no option, or of --url. A later one replaces it.
	url string
	// header has the fields of -H, and those that curl adds.
	header http.Header
	// data are the pieces of the body, and hasData says that there is one, perhaps an empty one.
	data    []string
	hasData bool
	// inQuery sends the data in the URL (-G).
	inQuery bool
	// unknownData says that the body is in a file.
	unknownData bool
	// agent is of -A; empty: curl's own.
	agent string
}

// The options with a value that are passed over: they change nothing that is signed.
var passedOptions = regexp.MustCompile(`^--(output|max-time|connect-timeout|retry|proxy|cacert|cert|key|resolve|` +
	`write-out|cookie|cookie-jar|referer|connect-to|interface|retry-delay|cert-type|pass|ciphers|` +
	`dump-header|trace|trace-ascii|stderr|capath)$`)

// valueFlags are curl's one-letter options with a value, which may follow without a space (-XPOST).
// An option that is not among them is taken for a switch, so that its value would be taken for the
// URL: the list is whole, as far as curl 8 has it.
const valueFlags = "XHdAuomxEwbceDFTKQtyYzrCP"

// take reads the words behind curl. As in curl an option's value follows as a word of its own,
// behind = after a long name, or at once behind a letter; letters without values may be joined.
// What is no option is the URL.
func (c *curlCommand) take(words []string) {
	for i := 0; i < len(words); i++ {
		word := words[i]
		option, value, joined := word, "", false
		switch {
		case strings.HasPrefix(word, "--"):
			option, value, joined = strings.Cut(word, "=")
		case len(word) > 2 && word[0] == '-':
			// -sSvX POST: letters without a value, and perhaps one with a value at the end.
			at := 1
			for at < len(word) && !strings.ContainsRune(valueFlags, rune(word[at])) {
				c.set("-"+word[at:at+1], "")
				at++
			}
			if at == len(word) {
				continue
			}
			option, value, joined = "-"+word[at:at+1], word[at+1:], at+1 < len(word)
		case !strings.HasPrefix(word, "-") || word == "-":
			c.url = word
			continue
		}
		if takesValue(option) && !joined {
			if i++; i == len(words) {
				c.r.note(c.line, "the command line ends behind an option that takes a value", "命令行在需要取值的选项后结束")
				return
			}
			value = words[i]
		}
		c.set(option, value)
	}
}

// takesValue reports whether an option is followed by its value. Of the long ones those are listed
// that matter here, and those of passedOptions.
func takesValue(option string) bool {
	switch option {
	case "--request", "--header", "--data", "--data-raw", "--data-ascii", "--data-binary", "--data-urlencode",
		"--json", "--url", "--user-agent", "--user", "--form", "--upload-file", "--config":
		return true
	}
	return passedOptions.MatchString(option) || len(option) == 2 && strings.Contains(valueFlags, option[1:])
}

// set takes one option. Those that change nothing of what is signed are passed over. The password
// of -u is dropped at once: WeChat Pay takes none, and it is not to be printed.
func (c *curlCommand) set(option, value string) {
	switch option {
	case "-X", "--request":
		c.method = value
	case "-H", "--header":
		c.setHeader(value)
	case "-d", "--data", "--data-ascii", "--data-binary":
		if strings.HasPrefix(value, "@") {
			c.unknown()
			return
		}
		c.add(value)
	case "--data-raw":
		c.add(value)
	case "--json":
		c.fallback("Content-Type", "application/json")
		c.fallback("Accept", "application/json")
		c.set("--data", value)
	case "--data-urlencode", "-F", "--form", "-T", "--upload-file", "-K", "--config":
		c.r.note(c.line, "the option %s is not read: no request to WeChat Pay to close or query an order needs it",
			"未读取选项 %s：微信支付的关单与查单请求不需要它", option)
		c.unknownData = true
	case "-G", "--get":
		c.inQuery = true
	case "-I", "--head":
		c.method = http.MethodHead
	case "-A", "--user-agent":
		c.agent = value
	case "-u", "--user":
		c.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("redacted")))
	case "--url":
		c.url = value
	}
}

// unknown notes a body that is in a file.
func (c *curlCommand) unknown() {
	c.unknownData = true
	c.r.note(c.line, "the body is in a file that the command line names, and that is not opened: write it in place of @FILE",
		"请求体在命令行所指的文件中，不会打开该文件：请将内容写在 @文件 的位置")
}

// add takes a piece of the body. Several are joined by &, as curl does it.
func (c *curlCommand) add(piece string) { c.data, c.hasData = append(c.data, piece), true }

// setHeader takes -H. "Name;" sends an empty value, and "Name:" none of curl's own.
func (c *curlCommand) setHeader(field string) {
	name, value, isField := strings.Cut(field, ":")
	if !isField {
		if strings.HasPrefix(field, "@") {
			c.r.note(c.line, "a header is in a file, which is not opened", "请求头在文件中，不会打开该文件")
		}
		return
	}
	c.header.Add(textproto.CanonicalMIMEHeaderKey(name), strings.TrimSpace(value))
}

// fallback is a header that curl sends unless another value is given. It has to be there: without
// Accept or User-Agent WeChat Pay refuses a request of APIv3.
func (c *curlCommand) fallback(name, value string) {
	if _, given := c.header[name]; !given {
		c.header.Set(name, value)
	}
}

// part is the request that curl would send. Its address is not normalised: curl changes only /./
// and /../, which no address of WeChat Pay's has.
func (c *curlCommand) part() Part {
	body := strings.Join(c.data, "&")
	uri, host := splitURL(c.url)
	if !strings.Contains(c.url, "://") { // curl's default scheme
		uri, host = splitURL("http://" + c.url)
	}
	switch {
	case c.inQuery && c.hasData:
		joint := "?"
		if strings.Contains(uri, "?") {
			joint = "&"
		}
		uri, body = uri+joint+body, ""
	case c.hasData || c.unknownData:
		c.fallback("Content-Type", "application/x-www-form-urlencoded")
		if c.method == "" {
			c.method = http.MethodPost
		}
	}
	if c.method == "" {
		c.method = http.MethodGet
	}
	if c.url == "" {
		c.r.note(c.line, "the command line names no URL", "命令行中没有 URL")
	}
	c.fallback("Accept", "*/*")
	if c.agent == "" {
		c.agent = "curl"
	}
	c.fallback("User-Agent", c.agent)
	part := Part{Form: formRequest, From: "command", request: &diagnosis.Request{Method: c.method, URI: uri, Host: host, Header: c.header}}
	part.bodyMissing = c.unknownData
	part.setBody([]byte(body))
	return part
}
