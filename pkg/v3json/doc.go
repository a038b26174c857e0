// Package v3json closes and queries WeChat Pay orders over APIv3: JSON bodies, RSA signatures in
// headers. Its twin for APIv2 is pkg/v2xml, with the same file and method names. What both share is
// in package wire.
//
// This comment is the protocol. Pages are cited by their number on pay.weixin.qq.com/doc.
//
// # Requests
//
// On the mainland, below /v3/pay:
//
//	direct   close  POST /transactions/out-trade-no/{out_trade_no}/close
//	                     {"mchid":"…"}
//	         query  GET  /transactions/out-trade-no/{out_trade_no}?mchid=…
//	                GET  /transactions/id/{transaction_id}?mchid=…
//	partner  close  POST /partner/transactions/out-trade-no/{out_trade_no}/close
//	                     {"sp_mchid":"…","sub_mchid":"…"}
//	         query  GET  /partner/transactions/out-trade-no/{out_trade_no}?sp_mchid=…&sub_mchid=…
//	                GET  /partner/transactions/id/{transaction_id}?sp_mchid=…&sub_mchid=…
//
// Overseas one path serves both modes, the common and the institutional, which send different
// numbers. An order is closed by either of its numbers (pay.weixin.qq.com/wiki/doc/api_external/en,
// chapter3_3_7 and chapter3_5_2). Client.Region chooses:
//
//	Global       close  POST /v3/global/transactions/out-trade-no/{out_trade_no}/close
//	                    POST /v3/global/transactions/id/{transaction_id}/close
//	             query  GET  /v3/global/transactions/out-trade-no/{out_trade_no}?…
//	                    GET  /v3/global/transactions/id/{transaction_id}?…
//	HongKong     the same four below /hk/v3/transactions/
//
//	common         close {"mchid":"…"}                      query ?mchid=…
//	institutional  close {"sp_mchid":"…","sub_mchid":"…"}   query ?sp_mchid=…&sub_mchid=…
//
// Combined orders, of several merchants and paid as one, exist on the mainland only, and are
// neither closed nor found by the paths above. A close names every sub-order, 1 to 50 of them
// (merchants that are no partners may combine 10), or is refused; all are closed or none. sub_mchid
// stands in all of them, a partner's, or in none:
//
//	close  POST /v3/combine-transactions/out-trade-no/{combine_out_trade_no}/close
//	            {"combine_appid":"…","sub_orders":[
//	             {"mchid":"…","out_trade_no":"…","sub_mchid":"…","sub_appid":"…"}]}
//	query  GET  /v3/combine-transactions/out-trade-no/{combine_out_trade_no}
//
// The hosts, and their backups:
//
//	Mainland  api.mch.weixin.qq.com    api2.mch.weixin.qq.com
//	Global    apihk.mch.weixin.qq.com  api.mch.weixin.qq.com
//	HongKong  api.mch.weixin.qq.com    apihk.mch.weixin.qq.com
//
// An order number in a path is escaped once, as one segment: "|" is sent as %7C and "*" as %2A.
// Every request has these headers:
//
//   - Accept: application/json, and a User-Agent. Without them the gateway answers 400
//     INVALID_REQUEST.
//   - Wechatpay-Serial, which names the key that the reply is to be signed with. A GET has it too:
//     without it a merchant that has a WeChat Pay public key gets replies signed by a platform
//     certificate.
//   - Content-Type: application/json, when it has a body.
//
// # Signing a request (page 4012365336)
//
// The merchant's private key signs five lines with RSASSA-PKCS1-v1_5 over SHA-256. Each line, the
// last one included, ends with "\n":
//
//	METHOD       POST or GET
//	URL          absolute path, and "?" with the query if there is one, exactly as sent; no host
//	TIMESTAMP    seconds since 1970, within five minutes of the gateway's clock
//	NONCE        1 to 32 letters and digits, new for each attempt
//	BODY         exactly the bytes sent; empty for a GET
//
// The signature, in standard base64, goes into one header. serial_no is that of the merchant's API
// certificate; the merchant is mchid, sp_mchid for a partner, combine_mchid for a combined order.
// The five items may stand in any order:
//
//	Authorization: WECHATPAY2-SHA256-RSA2048
//	    mchid="…",nonce_str="…",timestamp="…",serial_no="…",signature="…"
//
// # A worked example
//
// Merchant 1900007291, whose certificate is 408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB, closes order
// 1217752501201407033233368018 at 1554208460 with nonce 593BEC0C930BF1AFEB40B4A08C8FB242. It signs
// these 141 bytes,
//
//	POST\n
//	/v3/pay/transactions/out-trade-no/1217752501201407033233368018/close\n
//	1554208460\n
//	593BEC0C930BF1AFEB40B4A08C8FB242\n
//	{"mchid":"1900007291"}\n
//
// and with the private key that page 4012365336 prints (its public half is
// testdata/published_request_key.pem) gets
//
//	P07HGWiMaJOltVF73HduLS9BRHZgDNu9vz6W34MvVxtX6wF7x4DukPqSYsKm1rcJ0ZGbdNZnYy4uFR/ghWB2Jr+m
//	4wHI61IkZMKLZSO6mTycv9hrr/GSGhNgCqme+yGjonosG6p5RN9dgn2O/1SL7k3uP6639dWs2mGwBDSd/TfGI125
//	0II3UFxdH1wUTUyJx0nIaJKnsS8JcFkv/yL1HJlM7bg+xoMLQU500RB4DPn6hG3luz4XDobPc49gT6jBxNCviFaP
//	EanGXhW3NKe3dKBvDAsAcSTbEwI1kF2BOx8B0QTtS7FKRZ246KHDjsy5t4GWXztLdAZWIVVVVZDZEQ==
//
// # Verifying a reply (pages 4013053420, 4013053249, 4012354982)
//
// WeChat Pay signs three lines in the same way, each ended by "\n": the header Wechatpay-Timestamp,
// the header Wechatpay-Nonce, and the body as received. A 204 signs an empty body:
// "TIMESTAMP\nNONCE\n\n". The signature is in Wechatpay-Signature, the key's name in
// Wechatpay-Serial: PUB_KEY_ID_… for a WeChat Pay public key, the serial in hex for a platform
// certificate. While a merchant moves from one to the other, both are in use: hold both.
//
//	reply                                             result
//	2xx without signature headers                     VerifyError, ReasonUnsigned (1)
//	any, with some of the four headers, not all       VerifyError, ReasonUnsigned
//	any, with one of them twice, or not verifying     VerifyError, ReasonBadSignature
//	any, signed by a key we do not hold               VerifyError, ReasonUnknownSerial
//	any, with a signature WECHATPAY/SIGNTEST/…        VerifyError, ReasonProbe (2)
//	any, more than five minutes from our clock        VerifyError, ReasonStale
//	other than 2xx, without signature headers         Error, not Authenticated (3)
//	200 about another order or merchant               VerifyError, ReasonMismatch
//	200 to a close, which 204 and no body answer      VerifyError, ReasonMismatch
//	202 to a query, with an order and no code in it   as a 200
//
//	(1) "Forged or altered", say the documents.
//	(2) Deliberately wrong, to test that clients verify.
//	(3) Unsigned, as the gateway answers what it could not authenticate; an impostor would too.
//
// # What a signature proves
//
// It covers time, nonce and body, and neither the status line nor the request. A query's 200 is
// bound to the request by the numbers it repeats, which are compared. A close's 204 repeats
// nothing, and neither does a refusal: they answer this very request only where TLS ends at the
// gateway and [Envelope].Fresh is true; elsewhere query the order before you take it for closed or
// paid. A refusal proves its code and message, and not its HTTP status.
//
// # What a query's answer must repeat
//
//	direct, common           mchid, and no other merchant
//	partner, institutional   sp_mchid, sub_mchid
//	  all four               out_trade_no, or transaction_id (overseas: id) and any out_trade_no
//	combined                 combine_mchid, combine_out_trade_no
//
// A number that differs or is missing is ReasonMismatch. These names, and trade_state, may stand
// there once and in small letters only; so may amount. No other merchant means that sp_mchid and
// sub_mchid are absent, or mchid again. Overseas, id is WeChat Pay's order number, and Transaction
// has it as TransactionID. A combined order has no state: each of its sub_orders has its own
// trade_state, and amount.total_amount and amount.payer_amount where other orders have total and
// payer_total. Without sub_orders, or with one that has no mchid, out_trade_no or trade_state, or
// with the same one twice, the reply is malformed.
//
// # What cannot be read
//
// These numbers, trade_state, and the totals and currencies in amount must be of their JSON type
// where they are given, or the reply is malformed. Of all the rest, what is not of its type, or a
// success_time that is not RFC 3339, is left out and named in Unread: it informs, and the state is
// no less true without it. A byte order mark before the object is no part of it, though signed.
//
// # Notifications (pages 4012791861, 4012791865)
//
// WeChat Pay posts a notification to the notify_url that an order or a refund was made with, and
// wants a 200 or a 204 within five seconds. After anything else it comes again, fifteen times over
// a day, then no more. Its headers sign the body as a reply's do, but that all four are required:
//
//	{"id":"EV-…","create_time":"…","event_type":"…","resource_type":"encrypt-resource",
//	 "summary":"…","resource":{"original_type":"…","algorithm":"AEAD_AES_256_GCM",
//	  "ciphertext":"base64","associated_data":"…","nonce":"12 bytes"}}
//
// The ciphertext is AES-256-GCM with the tag at its end. The key and the nonce are the bytes of
// their texts; associated_data may be missing or "". Platform certificates sign the notifications
// of all merchants, so only the decryption proves whose one is. A notification is handled in two
// cases:
//
//	event_type           original_type  what is decrypted                proves
//	TRANSACTION.SUCCESS  transaction    an order, trade_state SUCCESS    Paid
//	TRANSACTION.SUCCESS  transaction    a combined order                 Paid: some sub_orders
//	REFUND.SUCCESS       refund         a refund, refund_status SUCCESS  Refunded
//	any other, or another state                                          nothing
//
// Of a combined order, the sub_orders with trade_state SUCCESS count, and no others. The decrypted
// order is that of a query's reply, and is read as strictly. A refund names its order and that
// order's amount.total; its own success_time is when the refund succeeded.
//
// # Refusals
//
//	{"code":"PARAM_ERROR","message":"…",
//	 "detail":{"field":"…","value":"…","issue":"…","location":"…"}}
//
// detail has other shapes too, and 404 and 405 have no body at all. The codes are left as received;
// what they mean for an order is not this package's business. Judge by code and status, never by
// message.
package v3json
