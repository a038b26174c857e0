// Package wxcloudrun closes and queries WeChat Pay orders from inside a WeChat cloud hosting
// container (微信云托管): plain JSON over plain HTTP to a private link, without keys. Its twins for the
// open internet are pkg/v2xml and pkg/v3json, with the same file and method names.
//
// This comment is the protocol, as developers.weixin.qq.com documents it
// (minigame/dev/wxcloudrun/src/development/pay/order, pages close and query; guide/weixin/open for
// the link), and the places where this package is stricter, with the reasons.
//
// # The link
//
// A container whose version was built with the "open interface service" (开放接口服务) switched on, and
// with the paths below among its permitted interfaces, has a sidecar that takes over
// http://api.weixin.qq.com. The sidecar knows the mini program and signs for it, as WeChat's own
// service provider. So a request has no key, no mch_id and no signature, and names the merchant's
// own number as sub_mch_id. The link speaks HTTP and no TLS: this is the one place where plain HTTP
// to a gateway is right.
//
// The link is all that vouches for a reply. The sign in it was made with a key that only Tencent
// has, so it is passed on and proves nothing. Outside such a container, or through a proxy,
// anything on the way can write the answers. Therefore the environment's proxy is not used, and the
// program uses this package only where it is configured to run there. A reply over the link carries
// x-openapi-seqid, which is passed on as RequestID. A refusal without it gets a remark. It is not
// required, since an impostor of the link can send it too.
//
// # Requests
//
//	close  POST http://api.weixin.qq.com/_/pay/closeorder
//	query  POST http://api.weixin.qq.com/_/pay/queryorder    (not orderquery, as in APIv2)
//
//	{"nonce_str":"…","out_trade_no":"2021WERUN1647840687637","sub_mch_id":"1712734762"}
//
// The names are snake_case, in this fixed order, transaction_id last; a query has either
// out_trade_no or transaction_id. sub_mch_id is required. nonce_str is required by the page's table
// and missing from its sample: it is always sent. Content-Type is application/json to the letter:
// anything else has been answered with errcode 45105. Values are 1 to 32 characters of 0-9 A-Z a-z
// _ - | * @, so none needs an escape.
//
// # Replies
//
//	{"errcode":0,"errmsg":"ok","respdata":{"return_code":"SUCCESS","return_msg":"OK",
//	 "appid":"wxd2565e6a04246fd1","mch_id":"1800780001",
//	 "sub_appid":"wxd2565e6a04246fd1","sub_mch_id":"1712734762",
//	 "nonce_str":"9uI3AxvJ7GLpGIIX","sign":"…","result_code":"SUCCESS"}}
//
// respdata is APIv2's reply in JSON: appid and mch_id are those of WeChat's service provider, and
// err_code survives, which wx-server-sdk's cloudPay overwrites. The steps, in order:
//
//  1. A status other than 200 is an unauthenticated [wire.Error], whatever the body says. Redirects
//     are not followed.
//  2. A body over one MiB, or one that is not the dialect below, is a [wire.MalformedError].
//  3. errcode other than 0 is an unauthenticated [wire.Error]: the link refused (no permission, no
//     such interface, busy), and WeChat Pay may or may not have received the request.
//  4. return_code FAIL is an unauthenticated [wire.Error] with return_msg as its message, as in
//     APIv2.
//  5. The echo: sub_mch_id must be ours, and out_trade_no and transaction_id the requested ones
//     wherever the reply has them; a successful query must have the number that it was requested
//     by. Anything else is a [wire.VerifyError] with ReasonMismatch.
//  6. result_code FAIL is an authenticated [wire.Error] with err_code and err_code_des. result_code
//     SUCCESS is the reply. Anything else, a query's SUCCESS without a trade_state, or a total_fee
//     or cash_fee that is no number, is a [wire.MalformedError]. An informing value that cannot be
//     read is left out, and named in Unread.
//
// A close's reply names no order; one that has what only replies to other calls have (trade_state,
// prepay_id, …) is refused.
//
// # The dialect
//
// One JSON object. A known name may stand in an object once, and in lower case only: decoders
// differ in which of two they take, and in whether capitals matter. Unknown names are ignored.
// Numbers (total_fee, errcode) may be written as numbers or as strings, and so may numbers of
// orders and merchants; null and "" count as absent. A byte order mark before the object is no part
// of it.
//
// Amounts are whole numbers of fen. time_end is yyyyMMddHHmmss in China's time, UTC+8 the year
// round, and says so nowhere. Coupons are three lists side by side: coupon_id_list,
// coupon_type_list, coupon_fee_list.
package wxcloudrun
