// Package paygate is an emulated WeChat Pay, for tests of code that places, closes and queries
// orders. It speaks APIv2 (XML), APIv3 (JSON; on the mainland, overseas, and for combined orders)
// and the private link of WeChat cloud hosting, for direct merchants and for service providers. It
// verifies the signature of every request, with code that it shares with no client, and says why
// one is wrong. In a test, [RunT] starts it on loopback ports and stops it at the end:
//
//	gate := paygate.RunT(t)
//	gate.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100}) // one yuan, not paid
//	gate.MustInject(paygate.Fault{Action: paygate.Drop, Times: 1}) // lose the next reply
//	… close A1 at gate.URL with gate.Merchant's keys …
//	gate.WantState("A1", paygate.StateClosed)
//	gate.Requests() // what was asked and answered, and why
//
// A [Server] is a [Gateway] that listens; outside of tests, [New] makes a Gateway, which is an
// [net/http.Handler]. Its methods are in three groups. What a merchant and a user do:
// [Gateway.AddOrder], [Gateway.AddCombined], [Gateway.Pay], [Gateway.FailPayment],
// [Gateway.Refund]. What goes wrong: [Gateway.Inject], [Gateway.SetSigning],
// [Gateway.RotateCertificate], [Gateway.SetDomain], [Gateway.Advance]. What there is to see:
// [Gateway.Order], [Gateway.Combined], [Gateway.Orders], [Gateway.Requests],
// [Gateway.Notifications], [Gateway.Time]. [Gateway.Admin] serves the same as a management API in
// JSON, for a port of its own; words such as "close", "v3" and "unauthentic" are the same there and
// here.
//
// The rest of this comment is what is played, by the numbers of the documents on pay.weixin.qq.com.
// docs/emulator.md is the reference of the management API, and lists what is not played.
//
// # APIv2
//
// POST /pay/unifiedorder and /pay/micropay place orders; /pay/closeorder, /pay/orderquery and
// /secapi/pay/reverse close, query and reverse them; /secapi/pay/refund and /pay/refundquery refund
// them. Requests and replies are flat XML below the root xml, values as text or CDATA. sign is the
// MD5 or, if sign_type says HMAC-SHA256, the HMAC-SHA256 in capital hexadecimal digits of
//
//	appid=wx2421b1c4370ec43b&mch_id=10000100&nonce_str=4ca9…&out_trade_no=1415983244&key=<key>
//
// that is: of every element but sign whose value is not empty, sorted by name, values raw. The
// reply is signed in the same way with the request's sign_type. HTTP always says 200; return_code
// FAIL (wrong signature, unreadable document) is not signed, result_code FAIL with an err_code is
// (doc v2/merchant 4011935216, v2/partner 4011940962). The client certificate that the real gateway
// demands below /secapi/ is not checked: there is no TLS here.
//
// # APIv3
//
// POST …/jsapi, …/native, …/app, …/h5 and …/codepay (see below), POST
// …/out-trade-no/{out_trade_no}/close, GET …/out-trade-no/{out_trade_no} and GET
// …/id/{transaction_id}, below /v3/pay/transactions with mchid and below
// /v3/pay/partner/transactions with sp_mchid and sub_mchid. The close has them in its JSON body,
// the queries in the query string. The request's Authorization is
//
//	WECHATPAY2-SHA256-RSA2048 mchid="…",nonce_str="…",timestamp="…",serial_no="…",signature="…"
//
// where signature is the base64 of the RSASSA-PKCS1-v1_5 SHA-256 signature over five lines, each
// ended by a line feed: method, path and query as in the request line, timestamp, nonce_str, body
// as sent (doc v3/merchant 4012365336). The timestamp may be five minutes off. A reply to a
// correctly signed request is signed whatever its status: Wechatpay-Signature is over the three
// lines Wechatpay-Timestamp, Wechatpay-Nonce and body (empty for a 204), with the key that the
// request's Wechatpay-Serial named, or the platform certificate's if it named none (doc
// 4013053249). A 401 is not signed and carries sign_information. Paths and methods that are not
// played are 404 and 405 with the code NOT_PLAYED, and a message that says so.
//
// An order is placed with a JSON body (doc v3/merchant 4012525167, 4012525171, 4012525153, and
// their partner, combined and payment-code twins), every member of which is checked. The answer is
// a prepay_id, a code_url or an h5_url; a payment code is charged at once. The same number again is
// accepted with exactly the same parameters. [Gateway.CheckPaySign] checks what a client is handed.
// POST /v3/security/echo is the self-test of keys (doc 4014551946).
//
// Overseas orders (see [Order].Region) have folders of their own, /v3/global/transactions and
// /hk/v3/transactions, which serve both modes; they have an id from the beginning, are closed by
// either number, and their queries have other names. Combined orders (see [CombinedOrder]) have
// /v3/combine-transactions; a close names all sub-orders, {"combine_appid","sub_orders"}, and
// sub-orders are found nowhere else.
//
// GET /v3/certificates, /v3/global/certificates and /hk/v3/certificates list the platform
// certificates, newest first, each encrypted by AES-256-GCM with the merchant's APIv3 key: the
// nonce of 12 characters as it is, associated data "certificate", the tag behind the text (doc
// 4013053420). [Signing] has a share of replies signed by the other kind of key, or as a probe.
//
// # wxcloudrun
//
// POST /_/pay/closeorder and /_/pay/queryorder, JSON with sub_mch_id and out_trade_no or
// transaction_id, not signed: a request that reaches the link is believed. The reply is
// {"errcode":0,"errmsg":"ok","respdata":{…}}, with APIv2's elements in respdata, amounts as numbers
// and coupons as lists (developers.weixin.qq.com/minigame/dev/wxcloudrun/src/development/pay).
//
// # Notifications
//
// The payment of an order with a NotifyURL, and the end of a refund with one, are posted there. In
// APIv3 the body is JSON whose resource is encrypted by AES-256-GCM with the APIv3 key, and the
// header has the five Wechatpay-* of a reply, over the body in the same way; 200 or 204
// acknowledges it. In APIv2 it is XML, signed as the order was placed; of a refund it is not
// signed, and req_info is encrypted by AES-256-ECB with the hexadecimal MD5 of the API key; 200
// with return_code SUCCESS acknowledges it. A receiver has five seconds. What is not acknowledged
// is sent again after 15 s, 15 s, 30 s, 3, 10, 20, 30, 30 and 30 minutes, 1, 3, 3, 3, 6 and 6 hours
// by the business clock (pay.weixin.qq.com, notification/introduction; doc v2/merchant 4011937248).
// The first attempt is made at once, beside the payment; the later ones by [Gateway.Advance], which
// returns when they are answered. In a test:
//
//	gate.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100, NotifyURL: shop.URL})
//	gate.MustPay("A1")
//	gate.MustWaitNotified("A1") // or fails, with what the shop answered
//
// Only this machine is called, and the hosts of [Options].NotifyHosts.
//
// # Orders
//
// An order belongs to a merchant, or to a service provider and one of its sub-merchants, and its
// number is unique there. What a close answers depends on the trade state: NOTPAY and PAYERROR
// close; CLOSED and REVOKED say ORDERCLOSED; SUCCESS and REFUND say ORDERPAID; USERPAYING and
// ACCEPT say USERPAYING; payment-code orders (MICROPAY) say INVALID_REQUEST while they are open.
//
// A paid order is refunded in up to fifty parts within a year (POST and GET
// /v3/refund/domestic/refunds, and APIv2's calls above). A refund is accepted as PROCESSING, which
// turns the order to REFUND, and is SUCCESS ten seconds later ([Options].RefundTime) by the
// business clock, or whatever [Gateway.EndRefund] says. The same out_refund_no with the same
// amounts is the same refund. [Gateway.Refunds] shows what was refunded. A payment-code order is
// reversed within seven days, which makes it REVOKED whether it was paid or not.
//
// There are two clocks: the wire clock ([Options].Now) dates signatures, and orders and
// certificates age by the business clock. That moves by [Gateway.Advance], and only by it unless
// [Options].Running is set. An unpaid order of seven business days closes by itself, or at a later
// time_expire. After its time_expire an order cannot be paid, and stays as it is.
//
// The state is in memory. With [Options].File it is in a file too, which outlives a process that is
// killed; [Gateway.Export] and [Gateway.Import] carry it elsewhere.
//
// # Page
//
// GET /cashier on the wire's ports is a page that shows an order that was placed over the wire, and
// pays it; see [Options].Running.
package paygate
