// Package v2xml closes and queries WeChat Pay orders over APIv2.
//
// A [Client] sends one signed XML document and accepts the reply when its signature verifies and it
// answers the request. The twin package v3json does the same over APIv3, with the same file, type
// and method names. What both share is in package wire.
//
// The rest of this comment is the protocol, as pay.weixin.qq.com documents it (closeorder: doc
// v2/merchant 4011935216, doc v2/partner 4011941754; signing: wiki doc/api chapter 4_3; XML safety:
// chapter 23_5), and the places where this package is stricter than the document, with the reasons.
//
// # Requests
//
// Both calls are an HTTP POST of a flat UTF-8 document to BaseURL + /pay/closeorder or
// /pay/orderquery. No client certificate is needed. The elements stand in byte order of their
// names, with sign at the end:
//
//	appid           always; the service provider's own in partner mode
//	mch_id          always; the service provider's own in partner mode
//	nonce_str       always; made when the caller gives none
//	out_trade_no    always on close; on query this or transaction_id
//	sign_type       only when it is HMAC-SHA256; its absence means MD5
//	sub_appid       optional, partner mode only
//	sub_mch_id      partner mode only; its presence is what makes the call a partner's
//	transaction_id  query only
//	sign            always
//
// APIv2 cannot close by transaction_id: an unpaid order has none.
//
// Every value is 1 to 32 characters (String(32) in the documents) of 0-9 A-Z a-z _ - | * @, which
// is what out_trade_no may contain and more than the others need. So no value needs an escape, and
// none contains the '&' and '=' that the signing string is built with.
//
// # The bytes that are signed
//
//  1. Take every element with a non-empty value, except sign. sign_type takes part.
//  2. Order them by name, byte by byte: upper case before '_' before lower case.
//  3. Join them as name=value with '&' between. Values are the text itself: UTF-8, XML escapes and
//     CDATA brackets undone, not URL-encoded, white space kept.
//  4. Append "&key=" and the 32-character APIv2 key.
//  5. MD5: the MD5 of these bytes. HMAC-SHA256: the HMAC of the same bytes under the same key. The
//     signature is either in upper-case hexadecimal, 32 or 64 digits.
//
// The published example: the elements appid=wxd930ea5d5a258f4f, body=test, device_info=1000,
// mch_id=10000100, nonce_str=ibuaiVcKdpRxkhJA under the key 192006250b4c09247ec02edce69f6a2d sign
// the bytes (one line)
//
//	appid=wxd930ea5d5a258f4f&body=test&device_info=1000&mch_id=10000100
//	&nonce_str=ibuaiVcKdpRxkhJA&key=192006250b4c09247ec02edce69f6a2d
//
// and give
//
//	MD5          9A0A8659F005D6984697E2CA0A9CF3B7
//	HMAC-SHA256  6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6
//
// A close of the order 1415983244 by appid wx2421b1c4370ec43b with that key is therefore the
// document (one line, with nothing between the elements)
//
//	<xml>
//	<appid>wx2421b1c4370ec43b</appid>
//	<mch_id>10000100</mch_id>
//	<nonce_str>4ca93f17ddf3443ceabf72f26d64fe0e</nonce_str>
//	<out_trade_no>1415983244</out_trade_no>
//	<sign>8D2363E7A0948301A065F369DEB9011B</sign>
//	</xml>
//
// # Replies
//
// The HTTP status is 200 for refusals too. Content-Type is text/plain or anything else, so it is
// ignored. The steps, in order:
//
//  1. A status other than 200 is an unauthenticated [Error], whatever the body says. Redirects are
//     not followed.
//  2. A body over one MiB, or one that is not the dialect below, is a [MalformedError].
//  3. return_code FAIL is never signed: an unauthenticated [Error] with return_msg as its message.
//     It is a hint only, and never a reason to call an order closed or paid.
//  4. return_code SUCCESS must be signed, whatever result_code says. The signature covers every
//     received element, known or not, by the request's sign_type (replies do not name one). A
//     missing or wrong signature is a [VerifyError].
//  5. The echo: appid and mch_id must be ours, sub_mch_id the requested one (none in direct mode).
//     sub_appid and the order's numbers must be the requested ones wherever the reply has them; a
//     successful query must have the number that it was requested by. Anything else is a
//     [VerifyError] with wire.ReasonMismatch.
//  6. result_code FAIL is an authenticated [Error] with err_code and err_code_des. result_code
//     SUCCESS is the reply. Anything else, a query's SUCCESS without a trade_state, or a total_fee
//     or cash_fee that is no number, is a [MalformedError]. Any other number or time that does not
//     parse is left out, and named in Unread.
//
// A close's reply names no order, and neither does a refusal, so a signed reply to another close
// would pass. It can only be this request's where TLS ends at the gateway and [Envelope].Fresh is
// true; elsewhere query the order before you take it for closed or paid. A signed reply to another
// call is recognised by the elements that such replies must have (trade_state, prepay_id,
// refund_id, …) and refused.
//
// # Notifications (doc v2/merchant 4011937248)
//
// WeChat Pay posts a document of the same dialect to the notify_url that the order was made with:
// the elements of a paid order's query, without trade_state. It is answered, within five seconds
// and with HTTP 200, by
//
//	<xml><return_code><![CDATA[SUCCESS]]></return_code>
//	<return_msg><![CDATA[OK]]></return_msg></xml>
//
// and comes again after anything else, fifteen times over a day. The signature covers every element
// that came. sign_type follows the order's, and is there for HMAC-SHA256 only; where it is missing,
// the length of the sign tells the two apart.
//
// The same key signs all replies and all requests, and most of what tells them apart is which
// elements they have. A query's reply about an unpaid order says result_code SUCCESS; played back
// as a notification it must not count as a payment. So a notification with trade_state, prepay_id
// or another element of theirs is refused, and so is one without transaction_id or time_end.
//
// # The dialect
//
// One root <xml>, flat, each element at most once, each with text, CDATA or both in any order. The
// following are refused, because each gives a document a second reading or something that no
// signature covers: DOCTYPE and other directives, processing instructions (but for an xml
// declaration at the very start, in UTF-8), comments, attributes, name prefixes, nested elements,
// repeated elements, and text between elements other than white space. An empty element counts as
// absent. Unknown names are signed like the others and then ignored, as the documents require of
// every client. A byte order mark before the document is no part of it.
//
// Text may contain bytes that XML cannot: control characters, carriage returns in CDATA, and half a
// character. An attach has them when the merchant put them there, and they are signed and read as
// they are. In the elements that say which order is in what state they are refused.
//
// The signing string has a weakness of its own: it does not escape '&', so attach "x" and bank_type
// "y" give the same bytes as attach "x&bank_type=y" alone. An attacker who can alter a reply could
// hide elements in this way without the key. A value that reads as a known element, at the very
// place where that element would be sorted, is therefore refused with wire.ReasonBadSignature. The
// reverse, an element split out of a value, cannot be detected: do not let strangers write attach.
//
// Amounts are whole numbers of the currency's smallest unit (fen for CNY). time_end is
// yyyyMMddHHmmss in China's time, UTC+8 the year round, and says so nowhere. Coupons are elements
// numbered from 0 (coupon_id_0, coupon_type_0, coupon_fee_0) and become a list. promotion_detail is
// JSON inside the text of one element.
package v2xml
