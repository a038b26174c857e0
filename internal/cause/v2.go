package cause

import "cloudpay/internal/bilingual"

// keysV2 are the causes in the key and the digest of an APIv2 document.
func keysV2() []Cause {
	return []Cause{
		// What could be read in two ways is refused.
		{
			ID:   "v2-document",
			What: bilingual.New("the body is not an APIv2 document", "请求体不是 APIv2 的 XML 文档"),
			Remedy: bilingual.New("Send UTF-8 XML: the root xml, in it elements of text or CDATA, nothing deeper, no name twice.",
				"发送 UTF-8 的 XML：根元素 xml，其中只有文本或 CDATA 元素，不嵌套，名称不重复。"),
		},
		// In partner mode mch_id is the service provider.
		{
			ID:   "v2-mchid",
			What: bilingual.New("mch_id is not the merchant whose key signs", "mch_id 不是签名密钥所属的商户"),
			Remedy: bilingual.New("Put the merchant number that owns the APIv2 key into mch_id: a service provider's own, its sub-merchant's into sub_mch_id.",
				"mch_id 填写 APIv2 密钥所属的商户号：服务商填自己的，子商户号填在 sub_mch_id。"),
		},
		// An empty element counts as absent.
		{
			ID:     "v2-sign-missing",
			What:   bilingual.New("there is no sign", "没有 sign"),
			Remedy: bilingual.New("Add the element sign to the document after signing.", "签名后把 sign 元素加入文档。"),
		},
		// No other word is documented (doc v2/merchant 4011985891).
		{
			ID:   "v2-sign-type",
			What: bilingual.New("sign_type must be MD5, HMAC-SHA256 or absent", "sign_type 必须是 MD5、HMAC-SHA256 或不填"),
			Remedy: bilingual.New("Write <sign_type>HMAC-SHA256</sign_type>, or leave it out for MD5.",
				"写 <sign_type>HMAC-SHA256</sign_type>，使用 MD5 时可不填。"),
		},
		// Both keys have 32 characters (weixin-java-pay-demo#136).
		{
			ID:   "v2-key-v3",
			What: bilingual.New("the APIv3 key was used where the APIv2 key belongs", "本应使用 APIv2 密钥，却用了 APIv3 密钥"),
			Remedy: bilingual.New("Use the APIv2 key (商户平台 → API安全 → APIv2密钥); the two are set apart from each other.",
				"使用 APIv2 密钥（商户平台 → API安全 → APIv2密钥）；两个密钥分别设置。"),
		},
		// The digest follows the sign_type sent.
		{
			ID:     "v2-md5-for-hmac",
			What:   bilingual.New("it is MD5 where sign_type asks for HMAC-SHA256", "sign_type 要求 HMAC-SHA256，实际是 MD5"),
			Remedy: bilingual.New("Sign with HMAC-SHA256, or leave sign_type out.", "用 HMAC-SHA256 签名，或不填 sign_type。"),
		},
		// An SDK's default differs from the documents'.
		{
			ID:   "v2-hmac-for-md5",
			What: bilingual.New("it is HMAC-SHA256 where sign_type asks for MD5", "sign_type 要求 MD5，实际是 HMAC-SHA256"),
			Remedy: bilingual.New("Send and sign sign_type=HMAC-SHA256: without it WeChat Pay takes MD5.",
				"发送并签名 sign_type=HMAC-SHA256：不填时按 MD5 验签。"),
		},
		// Most libraries print small digits.
		{
			ID:     "v2-small-letters",
			What:   bilingual.New("it is in lower-case digits and must be in capitals", "sign 是小写的：应为大写"),
			Remedy: bilingual.New("Turn the hexadecimal digits of sign into capitals.", "把 sign 的十六进制数字转成大写。"),
		},
		// The key stands in the text, which suggests that no HMAC is needed.
		{
			ID:   "v2-sha256",
			What: bilingual.New("it is plain SHA-256, not HMAC-SHA256", "sign 是普通 SHA-256，不是 HMAC-SHA256"),
			Remedy: bilingual.New("Use HMAC-SHA256 with the APIv2 key as its key; &key= and the key stand in the text, too.",
				"使用以 APIv2 密钥为密钥的 HMAC-SHA256；文本末尾的 &key= 和密钥也要保留。"),
		},
		// HMAC has the key twice, and it is taken for enough once.
		{
			ID:   "v2-key-unsigned",
			What: bilingual.New("&key= and the APIv2 key are missing at the end", "末尾缺少 &key= 和 APIv2 密钥"),
			Remedy: bilingual.New("Append &key= and the APIv2 key to the sorted text before the digest, also for HMAC-SHA256.",
				"计算摘要前在排序后的文本末尾追加 &key= 和 APIv2 密钥，HMAC-SHA256 也一样。"),
		},
		// The name before the key is part of the text.
		{
			ID:     "v2-key-name",
			What:   bilingual.New("the APIv2 key was not appended with &key= before it", "APIv2 密钥前面不是 &key="),
			Remedy: bilingual.New("Write exactly &key= before the key, in small letters.", "密钥前面必须正好是小写的 &key=。"),
		},
		// The key was turned into capitals with the digest.
		{
			ID:     "v2-key-case",
			What:   bilingual.New("the APIv2 key was used in other letters, small or capital", "APIv2 密钥的大小写不对"),
			Remedy: bilingual.New("Use the key as it was set: only the digest becomes capitals.", "密钥按设置时的大小写使用：只有摘要要转成大写。"),
		},
		// Nothing shows white space at the end of a secret.
		{
			ID:   "v2-key-blank",
			What: bilingual.New("the APIv2 key was used with white space or quotes around it", "APIv2 密钥前后带有空白或引号"),
			Remedy: bilingual.New("Remove them: a file's last line feed, a space that was copied along, quotes of a .env file.",
				"去掉它们：文件末尾的换行、复制时带上的空格、.env 文件中的引号。"),
		},
		// A key that was set anew counts at once, and the old one no longer.
		{
			ID:   "v2-key-merchant",
			What: bilingual.New("another merchant's APIv2 key was used", "用了另一个商户的 APIv2 密钥"),
			Remedy: bilingual.New("Use the key of the merchant in mch_id; a service provider signs with its own.",
				"使用 mch_id 所对应商户的密钥；服务商使用自己的密钥。"),
			Decides: bilingual.New("Sign with the key at WeChat Pay's signature check page (支付接口签名校验工具), and set the key anew if that fits.",
				"用微信支付的“支付接口签名校验工具”以该密钥签名比较；若一致仍报错，请重新设置密钥。"),
		},
		// Base64, a cut digest, or another hash.
		{
			ID: "v2-length",
			What: bilingual.New("sign has another length than a digest: MD5 makes 32 digits, HMAC-SHA256 makes 64",
				"sign 的长度不对：MD5 是 32 位，HMAC-SHA256 是 64 位"),
			Remedy: bilingual.New("Send the digest in hexadecimal digits, whole, and neither in base64 nor as 16 digits of MD5.",
				"以十六进制发送完整的摘要，不要用 base64，也不要用 16 位 MD5。"),
		},
	}
}

// stringV2 are the causes in the text that is digested. With the APIv2 key the text can be made
// again, so that the sign proves each of them.
func stringV2() []Cause {
	return []Cause{
		// An empty element is sent, but takes no part (befinal/node-tenpay#18).
		{
			ID:   "v2-empty-values",
			What: bilingual.New("empty values were signed", "空值参与了签名"),
			Remedy: bilingual.New("Leave elements without a value out of the signed text, or out of the document.",
				"没有值的元素不参与签名，或干脆不放进文档。"),
		},
		// Byte order: capitals come before small letters.
		{
			ID:     "v2-order",
			What:   bilingual.New("elements were signed in the order they were sent, not sorted by name", "元素按发送顺序签名，没有按名称排序"),
			Remedy: bilingual.New("Sort by name in byte order (ASCII) before joining.", "拼接前按名称的字节序（ASCII）排序。"),
		},
		// sign_type is added to the document after signing.
		{
			ID:     "v2-sign-type-unsigned",
			What:   bilingual.New("sign_type was sent but not signed", "发送了 sign_type，但未参与签名"),
			Remedy: bilingual.New("Put sign_type into the elements before signing.", "签名之前就把 sign_type 放入元素。"),
		},
		// The signer adds sign_type to a copy of the document.
		{
			ID:     "v2-sign-type-unsent",
			What:   bilingual.New("sign_type was signed but not sent", "签名了 sign_type，但没有发送"),
			Remedy: bilingual.New("Send the element sign_type that was signed.", "发送已参与签名的 sign_type 元素。"),
		},
		// A field is set after signing, or left out by a list of names.
		{
			ID:   "v2-element-unsigned",
			What: bilingual.New("an element was sent but not signed", "有元素发送了，但未参与签名"),
			Remedy: bilingual.New("Sign when the document is complete: every element but sign takes part, also one that is new to the program.",
				"文档完整后再签名：除 sign 外的所有元素都参与签名，程序不认识的元素也一样。"),
			Decides: decideByLog,
		},
		// sign stands in the map that is signed, empty or from the first attempt.
		{
			ID:     "v2-sign-signed",
			What:   bilingual.New("sign was signed too", "sign 自身也参与了签名"),
			Remedy: bilingual.New("Leave sign out of the signed text, also when a document is signed again.", "待签名文本不包含 sign，重复签名时也一样。"),
		},
		// http_build_query and its like escape (doc v2: values are taken as they are).
		{
			ID:     "v2-escaped",
			What:   bilingual.New("values were URL-encoded before signing", "签名前对值做了 URL 编码"),
			Remedy: bilingual.New("Sign the values as they are, without URL or XML escapes.", "按原值签名，不做 URL 编码或 XML 转义。"),
		},
		// The text was made of the document in place of its values.
		{
			ID:   "v2-cdata",
			What: bilingual.New("the marks of CDATA were taken into the value", "把 CDATA 标记当成了值的一部分"),
			Remedy: bilingual.New("Sign the value alone, and write <![CDATA[…]]> around it only in the document.",
				"只对值本身签名，<![CDATA[…]]> 只出现在文档中。"),
		},
		// An XML writer or reader trims, the signer does not.
		{
			ID: "v2-trimmed",
			What: bilingual.New("a value was signed with white space around it that was not sent, or the other way round",
				"签名时某个值前后的空白与发送时不一致"),
			Remedy: bilingual.New("Trim values before signing, or not at all.", "要去空白就在签名之前去，否则不要去。"),
		},
		// A float is formatted otherwise in the text than in the document.
		{
			ID:   "v2-numbers",
			What: bilingual.New("a number was signed in another form than it was sent", "签名时某个数字的写法与发送时不同"),
			Remedy: bilingual.New("Turn amounts into whole fen as text once, and use that text both to sign and to send.",
				"金额只转换一次成整数分的字符串，签名和发送都用它。"),
		},
		// getBytes() without a charset takes the machine's: GBK on Windows in Chinese.
		{
			ID:   "v2-charset",
			What: bilingual.New("the text was signed in another charset than UTF-8", "签名时文本不是 UTF-8 编码"),
			Remedy: bilingual.New(`Digest the text's UTF-8 bytes: getBytes("UTF-8"), not getBytes(); no GBK.`,
				`对 UTF-8 字节做摘要：用 getBytes("UTF-8")，不用 getBytes()；不要用 GBK。`),
			Decides: bilingual.New("Sign once with all values in ASCII: if that is accepted, it is the charset.",
				"把所有值换成 ASCII 再签名一次：如果通过，就是字符集问题。"),
		},
		// Both sides have the key, so every recipe can be tried: none fits.
		{
			ID: "v2-other",
			What: bilingual.New("no likely mistake makes it: look for another key, or a value changed after signing",
				"常见错误都不会得到它：请检查是否用了别的密钥，或签名后改动了值"),
			Remedy: bilingual.New("Compare the signed text with the expected one, element by element; then set the APIv2 key anew.",
				"把实际签名的文本与应签名的文本逐项比较；再重新设置 APIv2 密钥。"),
			Decides: decideByLog,
		},
	}
}
