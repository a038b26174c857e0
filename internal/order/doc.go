// Package order is the vocabulary of closing and querying a WeChat Pay order:
// what a caller asks (Params), whom we act for (Merchant), what is sent (Call),
// what came back (Answer, with its verdict and Proof), how it ended (Outcome),
// and the one object every caller is given (Result).
//
// It is pure: no clock, no network, no environment. Every dialect of WeChat Pay
// is translated into these words by internal/wechatpay, and every decision is
// made upon them by internal/closing.
//
// The line that runs through all of it: what the gateway said and proved is one
// thing, what we infer or cannot prove is another. Only the first may close or
// pay an order in anyone's books; the second is doubt, and doubt is settled by
// asking again.
package order
