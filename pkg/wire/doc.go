// Package wire is what the protocols of WeChat Pay share: one bounded HTTP exchange, the kinds of
// error, and what of a reply may be printed.
//
// The protocols (packages v2xml and v3json) encode, sign, verify and decode. All else that stands
// between a request's bytes and a reply's bytes is here. Other clients of this module use the
// exchange alone.
//
// # The exchange
//
// [Exchange] bounds what net/http leaves unbounded, and reports what a reply does not show:
//
//   - The reply's head is at most 64 KiB ([NewTransport]), its body at most the caller's limit.
//   - A status that answers no request of ours (1xx, 3xx) is returned without its body, which is
//     closed unread. net/http makes the connection itself the body of a 101 Switching Protocols,
//     and no context's deadline ends a read from that.
//   - Redirects are not followed: a signed request is valid for one host and path only.
//   - [Reply].Fresh reports whether the reply can be another request's. Over a used HTTP/1.1
//     connection it can: replies carry no number, so a peer that sent one reply too many stays one
//     reply out of step, and each later exchange reads the reply of the one before it.
//
// A request is sent once. Retries are the caller's.
//
// # The kinds of error
//
// A protocol's call fails in one of four ways, which errors.As tells apart:
//
//   - [*Error]: the reply is a refusal. Only one that is Authenticated says anything about the
//     order.
//   - [*VerifyError]: the reply's authenticity cannot be proved, or it answers another request.
//   - [*MalformedError]: the reply cannot be read.
//   - any other: no reply arrived (errors.Is finds the context's error), or none was requested.
//
// # Notifications
//
// A [Notification] is what the protocols' decoders return for a message that WeChat Pay sends by
// itself. It fails with the second and the third of these kinds, without an HTTP status.
//
// # What may be printed
//
// Every error is one printable line of bounded length, without headers, bodies or keys. Text that a
// peer chose is shown by [OneLine] or [Quote]. A key's type embeds [Redacted].
package wire
