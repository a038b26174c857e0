// Package trigger stands between a platform's event and a workflow. It reads the caller's words out of the event, decides
// whether to act on them, and puts the result into the form that the trigger understands. The handlers in functions/ are
// one line each because everything that differs between events is here.
//
// # Events and replies
//
// Package event tells what an event is by what the platforms write into it, and knows nothing of trust. Each kind has a
// file here and a reply of its own, whatever goes wrong:
//
//	call   a cloud call (wx.cloud.callFunction), a direct invoke: the event is the parameters, the reply is the result object
//	http   function URL, API gateways, CloudBase's access service, our own server: path, query string and body have the
//	       parameters; the reply is the result object under the status that belongs to its outcome
//	queue  CKafka, CMQ, TDMQ, SQS: each message's body is a call's parameters; the reply is what is to come again (SQS),
//	       or a report, or, when messages must come again that the reply cannot name, an error
//	timer  SCF's and CloudBase's timers, EventBridge: no parameters; the reply is the sweep's report
//	foreign  other services' events (SNS, S3, COS, …), which say nothing of an order: always an error
//
// A fault of ours becomes a reply too: a mini-program that is answered with a platform error can
// only guess whether its order was closed. Only a queue, a timer and a foreign event get errors,
// which make the platform bring the same event again.
//
// # Callers
//
// Trust is lowered by any sign from anywhere, and raised only by the platform or by a secret. The platform's word is what
// comes beside the event: which hosting this is, and the environment of this very invocation, never the process's, which
// on a warm instance may be the previous caller's. The event is the caller's own word, all of it. Function identify, in
// caller.go, is the whole of the decision; docs/callers.md tells operators about it.
//
//	caller    known by                                             may
//	service   the right service_token, or its header over HTTP     everything
//	impostor  a wrong one                                          nothing, whatever else speaks for them
//	http      Authorization: Bearer, or an authorizer's claim      close and query all orders
//	user      WX_OPENID and WX_APPID, or TCB_UUID                  close and query what the store says is theirs
//	stranger  any other sign of a user, or of CloudBase            nothing
//	timer     TRIGGER_SRC, TCB_SOURCE, a token, Lambda's IAM       sweep
//	queue     Lambda's IAM; elsewhere each message is a service's  close and query what its messages name
//	direct    Lambda's IAM; elsewhere the operator's word          everything
//	nobody    none of these                                        nothing
//
// Whether CloudBase hands WX_… and TCB_… to functions in Go is not certain, and neither is who writes what into
// TCB_SOURCE. Every rule asks for a sign, so a sign that is not delivered leads to less; forging_test.go tries each source
// from each other one on each hosting, with and without.
//
// Everybody who may do nothing is told the same sentence. The log has the reason, and the setting that would change it. It
// has an owner's first characters only, an order's number if it is one and its caller was let in, and no token ever.
package trigger
