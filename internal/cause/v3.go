package cause

import "cloudpay/internal/bilingual"

// headersV3 are the causes in a request's headers, in the order in which WeChat Pay checks them
// (pay.weixin.qq.com doc v3/merchant 4012072670).
func headersV3() []Cause {
	return []Cause{
		// The gateway's front answers 400 before it verifies anything (yansongda/pay#455).
		{
			ID:   "v3-accept",
			What: bilingual.New("the header Accept is missing", "缺少请求头 Accept"),
			Remedy: bilingual.New("Send Accept: application/json on every request, also on one without a body.",
				"每个请求都带上 Accept: application/json，没有请求体的请求也要带。"),
		},
		// The same front demands it (wechatpay-apache-httpclient#23, PowerWeChat PR#250).
		{
			ID:   "v3-user-agent",
			What: bilingual.New("the header User-Agent is missing", "缺少请求头 User-Agent"),
			Remedy: bilingual.New("Send a User-Agent that names your program; some HTTP clients send none.",
				"带上能说明程序名称的 User-Agent；有些 HTTP 客户端默认不发送。"),
		},
		// The scheme names the algorithm; SM2 has another (doc v3/merchant 4012365336).
		{
			ID: "v3-scheme",
			What: bilingual.New("Authorization must start with WECHATPAY2-SHA256-RSA2048 and one space",
				"Authorization 必须以 WECHATPAY2-SHA256-RSA2048 加一个空格开头"),
			Remedy: bilingual.New(`Write Authorization: WECHATPAY2-SHA256-RSA2048 mchid="…",nonce_str="…",timestamp="…",serial_no="…",signature="…".`,
				`写成 Authorization: WECHATPAY2-SHA256-RSA2048 mchid="…",nonce_str="…",timestamp="…",serial_no="…",signature="…"。`),
		},
		// WeChat Pay may be more lenient about spaces; none of its documents says so.
		{
			ID: "v3-header-form",
			What: bilingual.New(`Authorization is not five name="value" pairs: mchid, nonce_str, timestamp, serial_no and signature`,
				`Authorization 不是由五组 名称="值" 组成：mchid、nonce_str、timestamp、serial_no、signature`),
			Remedy: bilingual.New("Write each of the five once, its value in double quotes, with commas and no spaces between them;"+
				" nonce_str has at most 32 characters, timestamp whole seconds.",
				"五个字段各写一次，值用英文双引号，字段之间用逗号且不加空格；nonce_str 最多 32 个字符，timestamp 是整数秒。"),
		},
		// In partner mode this is sp_mchid, in a combined order the combining merchant.
		{
			ID:   "v3-mchid",
			What: bilingual.New("the mchid in Authorization is not the merchant whose keys sign", "Authorization 中的 mchid 不是签名密钥所属的商户"),
			Remedy: bilingual.New("Put the merchant number that owns the API certificate into mchid: a service provider's own, not its sub-merchant's.",
				"mchid 填写 API 证书所属的商户号：服务商填自己的商户号，不是子商户号。"),
		},
		// The two serial numbers look alike, and both are needed in one request.
		{
			ID: "v3-serial-platform",
			What: bilingual.New("serial_no is that of a key of WeChat Pay, which belongs in Wechatpay-Serial",
				"serial_no 填的是微信支付的密钥序列号，它应放在 Wechatpay-Serial 中"),
			Remedy: bilingual.New("Put the serial number of the merchant's API certificate into serial_no:"+
				" openssl x509 -in apiclient_cert.pem -noout -serial.",
				"serial_no 填写商户 API 证书的序列号：openssl x509 -in apiclient_cert.pem -noout -serial。"),
		},
		// openssl prints the number in capitals, Windows in small letters, Java in decimal.
		{
			ID:   "v3-serial-form",
			What: bilingual.New("serial_no is the merchant's, but written in another form", "serial_no 是商户的序列号，但写法不对"),
			Remedy: bilingual.New("Write it as 40 hexadecimal digits in capitals, without colons, spaces or 0x.",
				"写成 40 位大写十六进制数字，不带冒号、空格和 0x。"),
		},
		// A renewed certificate has a new number, and the old one is refused once it is revoked.
		{
			ID:   "v3-serial-other",
			What: bilingual.New("serial_no is not the serial number of the merchant's API certificate", "serial_no 不是商户 API 证书的序列号"),
			Remedy: bilingual.New("Take the serial number from the certificate whose private key signs:"+
				" openssl x509 -in apiclient_cert.pem -noout -serial. After a renewal, change both.",
				"序列号要取自签名私钥所对应的证书：openssl x509 -in apiclient_cert.pem -noout -serial。更换证书后两者都要改。"),
		},
		// Thirteen digits: JavaScript and Java count milliseconds.
		{
			ID:   "v3-milliseconds",
			What: bilingual.New("the timestamp in Authorization is in milliseconds", "Authorization 中的 timestamp 是毫秒"),
			Remedy: bilingual.New("Use seconds: Math.floor(Date.now() / 1000), System.currentTimeMillis() / 1000.",
				"改用秒：Math.floor(Date.now() / 1000)、System.currentTimeMillis() / 1000。"),
		},
		// Five minutes either way (wechatpay-go#203, yansongda/pay PR#1168).
		{
			ID:   "v3-clock",
			What: bilingual.New("the timestamp is more than five minutes from WeChat Pay's clock", "timestamp 与微信支付的时钟相差超过 5 分钟"),
			Remedy: bilingual.New("Set the machine's clock (NTP), and sign each request when it is sent: a retry needs a new timestamp.",
				"校准机器时钟（NTP），并在发送时才签名：重试也要用新的 timestamp。"),
		},
		// It chooses the key that signs the reply (doc 4013053249).
		{
			ID: "v3-wechatpay-serial",
			What: bilingual.New("Wechatpay-Serial names no key of WeChat Pay that this merchant has",
				"Wechatpay-Serial 填的不是该商户可用的微信支付密钥"),
			Remedy: bilingual.New("Send the id of WeChat Pay's public key, PUB_KEY_ID_ and digits, or a platform certificate's serial number"+
				" that is still valid; never the merchant's own.",
				"填写微信支付公钥 ID（PUB_KEY_ID_ 加数字），或仍然有效的平台证书序列号；不要填商户自己的序列号。"),
		},
	}
}

// decideByLog is what tells apart the messages that the digest does not give away.
var decideByLog = bilingual.New("Print the signed text just before signing and the request as it is sent, and compare them byte for byte.",
	"在签名之前打印待签名串，并打印实际发出的请求，逐字节比较。")

// messageV3 are the causes in the lines of the signed message but the body. The digest in the
// signature proves each of them, but for a nonce that has nothing in common with the header's and a
// timestamp that lies far from it. In the order in which they are likely: the URL, the method, the
// timestamp, the nonce, and how the lines are put together.
func messageV3() []Cause {
	return []Cause{
		// A library's path property leaves the query out (woofcloud/labrador PR#25).
		{
			ID:   "v3-query",
			What: bilingual.New("the query string was not signed", "查询串（? 及其后的参数）未参与签名"),
			Remedy: bilingual.New("Sign path and query as they stand in the request line: /v3/pay/…/1217752501?mchid=1900000001.",
				"按请求行中的样子对路径和查询串签名：/v3/pay/…/1217752501?mchid=1900000001。"),
		},
		// Maps have no order in Go, and another in each language.
		{
			ID: "v3-query-order",
			What: bilingual.New("the query string was signed with its parameters in another order than they were sent",
				"查询串签名时的参数顺序与发送时不同"),
			Remedy: bilingual.New("Make the query string once, and use that text both to sign and to send.", "查询串只生成一次，签名和发送都用同一个字符串。"),
		},
		// What a client has at hand is the whole URL.
		{
			ID: "v3-url-full",
			What: bilingual.New("the full URL was signed, with scheme and host: only path and query count",
				"对带协议和域名的完整 URL 签了名：只应包含路径和查询串"),
			Remedy: bilingual.New("Take scheme and host off: sign from the first / after the host.", "去掉协议和域名：从域名之后的第一个 / 开始签名。"),
		},
		// An order's number may hold | and *, which libraries escape differently.
		{
			ID:   "v3-path-escape",
			What: bilingual.New("the URL was escaped otherwise when it was signed than when it was sent", "签名时与发送时 URL 的转义不同"),
			Remedy: bilingual.New("Escape each value once, and sign the URL as it is sent: | is %7C in both.",
				"每个值只转义一次，并按发送时的样子签名：| 在两处都是 %7C。"),
		},
		// Joining a base URL and a path doubles or loses the slash.
		{
			ID:   "v3-path-slash",
			What: bilingual.New("the path was signed with another / at its begin or end than it was sent", "签名的路径开头或结尾的 / 与发送的不一致"),
			Remedy: bilingual.New("Sign the path with its leading /, and with no / at its end that is not sent.",
				"签名的路径要以 / 开头；没有发送的结尾 / 不要签名。"),
		},
		// A client with a base URL knows only the rest of the path.
		{
			ID:   "v3-path-unsigned",
			What: bilingual.New("a part of the path was not signed", "路径有一部分未参与签名"),
			Remedy: bilingual.New("Sign the whole path from /v3 on, also what a base URL or a proxy adds.",
				"从 /v3 开始对整个路径签名，包括基础 URL 或代理补上的部分。"),
		},
		// Java and JavaScript join path, ? and an empty query.
		{
			ID:     "v3-question-mark",
			What:   bilingual.New("a ? was signed after the path, although there is no query string", "没有查询串，却在路径后签了一个 ?"),
			Remedy: bilingual.New("Add ? only where a query string follows.", "只有存在查询串时才加 ?。"),
		},
		// axios and requests take and keep small letters.
		{
			ID:     "v3-method-case",
			What:   bilingual.New("the method was signed in small letters", "请求方法按小写签名"),
			Remedy: bilingual.New("Sign GET and POST in capitals.", "GET、POST 按大写签名。"),
		},
		// A wrapper that signs POST for every call.
		{
			ID:   "v3-method-other",
			What: bilingual.New("another method was signed than was sent", "签名的请求方法与发送的不同"),
			Remedy: bilingual.New("Sign the method of the request: GET for a query, POST for placing and closing.",
				"按实际请求方法签名：查询是 GET，下单和关单是 POST。"),
		},
		// The header is divided by 1000, the signed text is not.
		{
			ID:   "v3-timestamp-milliseconds",
			What: bilingual.New("the timestamp signed is in milliseconds, the header's in seconds", "签名的 timestamp 是毫秒，请求头中的是秒"),
			Remedy: bilingual.New("Make the timestamp once, in seconds, and use it both to sign and in the header.",
				"timestamp 只生成一次，以秒为单位，签名和请求头用同一个值。"),
		},
		// The clock was read twice, and a second began in between.
		{
			ID:   "v3-timestamp-differs",
			What: bilingual.New("header mismatch: another timestamp was signed than the header has", "签名的 timestamp 与请求头中的不一致"),
			Remedy: bilingual.New("Read the clock once, and use that timestamp both to sign and in the header.",
				"只读取一次时钟，签名和请求头用同一个 timestamp。"),
			Decides: decideByLog,
		},
		// A form of the header that changes letters after signing.
		{
			ID:     "v3-nonce-case",
			What:   bilingual.New("the nonce_str signed has other capitals than the header's", "签名的 nonce_str 与请求头中的大小写不一致"),
			Remedy: bilingual.New("Change the nonce's case before signing, or not at all.", "要改大小写就在签名之前改，否则不要改。"),
		},
		// The nonce is made twice, once to sign and once for the header. A random one cannot be
		// recovered from the digest: it is proved only where it is a form of the header's.
		{
			ID:   "v3-nonce-differs",
			What: bilingual.New("another nonce_str was signed than the header has", "签名的 nonce_str 与请求头中的不一致"),
			Remedy: bilingual.New("Make the nonce once for each request, and use it both to sign and in the header.",
				"每个请求只生成一次随机串，签名和请求头用同一个值。"),
			Decides: decideByLog,
		},
		// The order is that of the documents, not of the header's fields.
		{
			ID:   "v3-lines-swapped",
			What: bilingual.New("the lines were signed in the wrong order", "待签名串各行的顺序不对"),
			Remedy: bilingual.New("Sign in this order: method, URL, timestamp, nonce_str, body.",
				"按此顺序签名：请求方法、URL、timestamp、nonce_str、请求体。"),
		},
		// Lines that are joined have no line feed after the last one.
		{
			ID: "v3-last-line-feed",
			What: bilingual.New("the last line feed is missing: each of the five lines ends with one, also an empty body's",
				"缺少最后一个换行符：五行每行都以换行符结尾，请求体为空也一样"),
			Remedy: bilingual.New(`Write method + "\n" + url + "\n" + timestamp + "\n" + nonce + "\n" + body + "\n".`,
				`写成 method + "\n" + url + "\n" + timestamp + "\n" + nonce + "\n" + body + "\n"。`),
		},
		// A GET is signed with four lines.
		{
			ID: "v3-body-line",
			What: bilingual.New("the line of the body is missing: it ends with a line feed also when the body is empty",
				"缺少请求体那一行：请求体为空时也要有换行符"),
			Remedy: bilingual.New("Sign five lines; the fifth of a GET is empty and ends with a line feed.",
				"要签名五行；GET 的第五行为空，但仍以换行符结尾。"),
		},
		// PHP_EOL and Java's line separator differ by machine.
		{
			ID:   "v3-crlf",
			What: bilingual.New("the lines end with carriage return and line feed: only line feed is right", "各行以回车加换行结尾：只应是换行符"),
			Remedy: bilingual.New(`Write "\n", not "\r\n", PHP_EOL or the platform's line separator.`,
				`写 "\n"，不要写 "\r\n"、PHP_EOL 或系统换行符。`),
		},
		// In single quotes no escape is read in PHP, Ruby and shells.
		{
			ID: "v3-backslash-n",
			What: bilingual.New("the lines are separated by a backslash and an n: it must be the line feed character",
				"各行之间是反斜杠加字母 n：应是换行符"),
			Remedy: bilingual.New(`Put \n between double quotes where the language demands that (PHP, Ruby, shell: $'\n').`,
				`在要求双引号的语言中把 \n 放进双引号（PHP、Ruby；shell 用 $'\n'）。`),
		},
		// Blanks, commas or nothing stand between the parts.
		{
			ID:   "v3-separator",
			What: bilingual.New("the lines are joined by something other than a line feed", "各行之间不是用换行符连接的"),
			Remedy: bilingual.New("End each of the five lines with one line feed, and put nothing else between them.",
				"五行各以一个换行符结尾，中间不要有其他字符。"),
		},
		// A part that a signer takes for optional.
		{
			ID:     "v3-line-missing",
			What:   bilingual.New("a line of the message is missing", "待签名串缺少一行"),
			Remedy: bilingual.New("Sign five lines: method, URL, timestamp, nonce_str, body.", "要签名五行：请求方法、URL、timestamp、nonce_str、请求体。"),
		},
		// The digest says only that the text was another one.
		{
			ID: "v3-message-other",
			What: bilingual.New("the right key signed another message: method, URL, body, or a timestamp or nonce_str other than the header's;"+
				" no likely mistake makes it",
				"密钥正确，但签名的是另一段内容：请求方法、URL、请求体，或与请求头不同的 timestamp、nonce_str；常见错误都不会得到它"),
			Remedy: bilingual.New("Compare the signed text with the expected one: method, URL, timestamp, nonce_str, body.",
				"把实际签名的内容与应签名的内容比较：请求方法、URL、timestamp、nonce_str、请求体。"),
			Decides: decideByLog,
		},
	}
}

// bodyV3 are the causes in the body. All but the first three are one mistake, an object that is
// serialised twice; they are told apart by what differs between the two texts, because that names
// the library which made the other one.
func bodyV3() []Cause {
	same := bilingual.New("Make the body's text once, sign it, and send those very bytes: hand the HTTP client the text, not the object.",
		"请求体只序列化一次，对该字符串签名，并原样发送：交给 HTTP 客户端的应是字符串而不是对象。")
	return []Cause{
		// A stream is read once: the signer finds it empty (wechatpay-axios-plugin#58).
		{
			ID:     "v3-body-unsigned",
			What:   bilingual.New("the body was not signed (it may have been read already)", "请求体未参与签名（可能已被读取过）"),
			Remedy: bilingual.New("Sign the body's bytes; read a stream once, and keep what was read.", "对请求体的字节签名；流只读取一次，并保留读到的内容。"),
		},
		// JSON of no parameters is {} in most languages.
		{
			ID:   "v3-body-invented",
			What: bilingual.New("a body was signed, and none was sent", "签名了请求体，但没有发送请求体"),
			Remedy: bilingual.New("Sign the empty text for a request without a body: not {}, null or the parameters.",
				"没有请求体时用空字符串签名：不是 {}、null，也不是参数。"),
		},
		// Go's json.Encoder and every editor end a text with one.
		{
			ID:   "v3-body-line-feed",
			What: bilingual.New("the body was signed with another line feed at its end than it was sent", "签名的请求体末尾的换行符与发送的不一致"),
			Remedy: bilingual.New("Sign the body as it is sent: a line feed at the end of a file or of an encoder's output belongs to both or neither.",
				"按发送的样子签名：文件或编码器输出末尾的换行符，要么都有，要么都没有。"),
		},
		// Python writes a space after each colon and comma, pretty printers indent.
		{
			ID: "v3-body-spaces",
			What: bilingual.New("the body was re-serialised between signing and sending: signed with other white space",
				"请求体在签名和发送之间被重新序列化：签名时的空白不同"),
			Remedy: same,
		},
		// A map has no order, or a sorted one in Go.
		{
			ID: "v3-body-keys",
			What: bilingual.New("the body was re-serialised between signing and sending: signed with its keys in another order",
				"请求体在签名和发送之间被重新序列化：签名时键的顺序不同"),
			Remedy: same,
		},
		// Python and PHP write \uXXXX for Chinese, PHP \/ for /, Go and Gson escape < > and &.
		{
			ID: "v3-body-escapes",
			What: bilingual.New("the body was re-serialised between signing and sending: signed with other escapes",
				"请求体在签名和发送之间被重新序列化：签名时的转义不同"),
			Remedy: same,
		},
		// A float in place of an integer: 100.0 for 100, or a text for a number.
		{
			ID: "v3-body-numbers",
			What: bilingual.New("the body was re-serialised between signing and sending: signed with its numbers written otherwise",
				"请求体在签名和发送之间被重新序列化：签名时数字的写法不同"),
			Remedy: same,
		},
	}
}

// signatureV3 are the causes in the signature itself: how it is written, and what made it. They
// need no message: the merchant's public key opens its own signatures alone.
func signatureV3() []Cause {
	return []Cause{
		// Many libraries sign into hexadecimal digits.
		{
			ID:     "v3-hex",
			What:   bilingual.New("the signature must be in standard base64: it is in hexadecimal", "签名应为标准 base64：现在是十六进制"),
			Remedy: bilingual.New("Encode the signature's bytes in base64, not in hexadecimal.", "对签名的字节做 base64 编码，而不是十六进制编码。"),
		},
		// The digits are then encoded once more.
		{
			ID: "v3-base64-hex",
			What: bilingual.New("the signature is base64 of hexadecimal digits: it must be base64 of the bytes",
				"签名是对十六进制字符串做的 base64：应对字节做 base64"),
			Remedy: bilingual.New("Drop the hexadecimal step: many libraries sign into hexadecimal unless they are asked for base64 or bytes.",
				"去掉十六进制这一步：很多库默认输出十六进制，要指定输出 base64 或字节。"),
		},
		// The alphabet of JSON Web Tokens.
		{
			ID: "v3-base64-url",
			What: bilingual.New("the signature must be in standard base64 with padding: it uses the URL alphabet, with - and _",
				"签名应为带填充的标准 base64：现在用的是 URL 字母表（- 和 _）"),
			Remedy: bilingual.New("Use the standard alphabet, with + and / and padding.", "使用标准字母表（+ 和 /）并保留填充。"),
		},
		// A header split at each = loses it.
		{
			ID: "v3-base64-padding",
			What: bilingual.New("the signature must be in standard base64 with padding: the padding is missing",
				"签名应为带填充的标准 base64：现在缺少填充"),
			Remedy: bilingual.New("Keep the = signs at the end of the base64 text; do not split the header at =.",
				"保留 base64 末尾的 =；不要按 = 切分请求头。"),
		},
		// URL-encoded, wrapped at 64 columns, cut, or encoded twice.
		{
			ID:   "v3-base64-other",
			What: bilingual.New("the signature must be in standard base64 with padding", "签名应为带填充的标准 base64"),
			Remedy: bilingual.New("Encode the signature's bytes in base64 once, on one line, and do not URL-encode it.",
				"对签名的字节只做一次 base64 编码，不换行，也不要做 URL 编码。"),
		},
		// A key of another size, or no RSA signature at all.
		{
			ID:   "v3-length",
			What: bilingual.New("the signature has another length than the merchant's key makes", "签名的长度与商户密钥产生的不一致"),
			Remedy: bilingual.New("Sign with the RSA private key of apiclient_key.pem (2048 bits: 256 bytes, 344 characters of base64).",
				"使用 apiclient_key.pem 中的 RSA 私钥签名（2048 位：256 字节，base64 为 344 个字符）。"),
		},
		// The APIv3 key is taken for the signing key.
		{
			ID: "v3-hmac",
			What: bilingual.New("the signature is a digest with a shared key, or with none: it must be an RSA signature",
				"签名是用共享密钥（或不用密钥）做的摘要：应为 RSA 签名"),
			Remedy: bilingual.New("Sign with the RSA private key of apiclient_key.pem; the APIv3 key only decrypts what WeChat Pay sends.",
				"使用 apiclient_key.pem 的 RSA 私钥签名；APIv3 密钥只用于解密微信支付发来的内容。"),
			Decides: bilingual.New("With the APIv3 key the HMAC can be computed and compared.", "有 APIv3 密钥就能算出 HMAC 进行比较。"),
		},
		// DigestInfo in the opened signature names the hash (RFC 8017, section 9.2, note 1).
		{
			ID:   "v3-hash",
			What: bilingual.New("the right key signed, but over another hash: it must be SHA-256", "密钥正确，但摘要算法不对：应为 SHA-256"),
			Remedy: bilingual.New("Use SHA256withRSA (RSA-SHA256, OPENSSL_ALGO_SHA256); PHP's default is SHA-1.",
				"使用 SHA256withRSA（RSA-SHA256、OPENSSL_ALGO_SHA256）；PHP 的默认值是 SHA-1。"),
		},
		// Newer libraries choose PSS by default.
		{
			ID: "v3-pss",
			What: bilingual.New("the right key signed the right message, but with PSS padding: it must be RSASSA-PKCS1-v1_5",
				"密钥和内容都正确，但用了 PSS 填充：应为 RSASSA-PKCS1-v1_5"),
			Remedy: bilingual.New("Choose PKCS #1 v1.5 padding: PKCS1v15 in Python and Go, RSASSA-PKCS1-v1_5 in WebCrypto.",
				"选择 PKCS #1 v1.5 填充：Python 和 Go 的 PKCS1v15，WebCrypto 的 RSASSA-PKCS1-v1_5。"),
		},
		// Two merchants' files are mixed up.
		{
			ID:   "v3-key-merchant",
			What: bilingual.New("the signature was made with another merchant's key", "签名用的是另一个商户的私钥"),
			Remedy: bilingual.New("Use the private key that belongs to the certificate of serial_no: a service provider signs with its own.",
				"使用与 serial_no 证书配套的私钥：服务商使用自己的私钥。"),
		},
		// Only an emulator gives that key away.
		{
			ID: "v3-key-platform",
			What: bilingual.New("the signature was made with WeChat Pay's own key, which signs replies: it must be the merchant's",
				"签名用的是微信支付自己的密钥（用于应答签名）：应使用商户私钥"),
			Remedy: bilingual.New("Use the merchant's apiclient_key.pem. In a test, do not hand the client the emulator's platform key.",
				"使用商户的 apiclient_key.pem。测试时不要把模拟器的平台密钥交给客户端。"),
		},
		// The public key of the certificate does not open the signature.
		{
			ID: "v3-key-other",
			What: bilingual.New("the signature was not made with the private key of the merchant's certificate (with RSASSA-PKCS1-v1_5)",
				"签名不是用商户 API 证书对应的私钥生成的（RSASSA-PKCS1-v1_5）"),
			Remedy: bilingual.New("Compare openssl x509 -in apiclient_cert.pem -noout -pubkey with openssl rsa -in apiclient_key.pem -pubout:"+
				" they must be equal. After a renewal, change certificate, serial number and key together.",
				"比较 openssl x509 -in apiclient_cert.pem -noout -pubkey 与 openssl rsa -in apiclient_key.pem -pubout：两者必须相同。更换证书后，证书、序列号和私钥要一起更换。"),
			Decides: bilingual.New("If the two public keys are equal, the signature was changed on the way.", "如果两个公钥相同，则签名在途中被改动。"),
		},
	}
}
