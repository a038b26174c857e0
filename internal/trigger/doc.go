// Package trigger stands between a platform's event and a workflow: it reads the
// caller's words out of the event, says who is calling, and puts the result into
// the form the caller understands. The handlers in functions/ are one line each
// because everything that differs between events is here.
//
// Two ways of calling are known so far, and both carry the parameters as a JSON
// object and want the result object back: the cloud call of a mini-program or
// web page (wx.cloud.callFunction), and a direct invoke through the cloud's API.
// What tells them apart is what the platform says about the invocation, never
// what the event says about itself, which the caller wrote. (The one exception
// lowers trust: an event with userInfo counts as a user's, whoever wrote it.)
//
// A fault of ours becomes a reply too: a mini-program that is answered with a
// platform error can only guess whether the order was closed.
package trigger
