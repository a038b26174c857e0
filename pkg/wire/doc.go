// Package wire makes one HTTP exchange that ends.
//
// The protocols of WeChat Pay (packages v2xml and v3json) and every other client of this module
// send their requests through [Exchange]. It bounds what net/http leaves unbounded, and reports
// what a protocol cannot see in a reply:
//
//   - The reply's head is at most 64 KiB ([NewTransport]) and its body at most what the caller allows.
//   - A status that no caller asks for (1xx, 3xx) is returned without its body, which is closed unread.
//     net/http makes the connection itself the body of a 101 Switching Protocols, and reading that
//     ends with no context's deadline.
//   - Redirects are not followed: a signed request is meant for the host and path it was signed for.
//   - [Reply.Fresh] tells whether the reply can be another request's. Over a used HTTP/1.1 connection
//     it can: replies carry no number, so a far side that sent one reply too many stays one reply
//     out of step, and each later exchange reads the reply of the one before it.
//
// A request is sent once. Whether to send it again is for the caller to decide.
package wire
