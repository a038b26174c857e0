// Package order is the vocabulary of one call about a WeChat Pay order: what the caller says
// (Params, read by a Reader from one table of parameters), the merchant that is configured
// (Merchant), the request (Call), the reply (Answer), how the call ended (Outcome), and the object
// that every caller gets (Result).
//
// It is pure: no clock, no network, no environment. internal/wechatpay translates each dialect of
// WeChat Pay into it; internal/closing decides with it.
//
// Two kinds of knowledge are kept apart throughout: what the gateway said and proved, and what is
// inferred or unproved. Only the first ends an order. The second is doubt, and a query decides it.
package order
