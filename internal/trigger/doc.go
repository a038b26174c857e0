// Package trigger connects a platform's event with a workflow. It reads the parameters from the
// event, identifies the caller, runs the workflow if the caller may, and puts the result into the
// form that the trigger expects. The handlers in functions/ are one line each: all that differs
// between events is here.
//
// # Events and replies
//
// Package event tells what an event is by what the platforms write into it, and decides nothing
// about trust. Each kind has a file here, and a reply of its own in every case:
//
//	call     a cloud call (wx.cloud.callFunction) or a direct invoke: the event is the parameters,
//	         the reply is the result object
//	http     function URL, API gateways, CloudBase's access service, our own server: path, query
//	         string and body have the parameters; the reply is the result object under the HTTP
//	         status of its outcome
//	queue    CKafka, CMQ, TDMQ, SQS: each message's body is a call's parameters; the reply is what
//	         to redeliver (SQS), or a report, or an error if messages must be redelivered that the
//	         reply cannot name
//	timer    SCF's and CloudBase's timers, EventBridge: no parameters; the reply is the report of
//	         the sweep
//	foreign  other services' events (SNS, S3, COS, …), which say nothing of an order: an error
//
// A fault of ours is a reply too: a mini-program that gets a platform error can only guess whether
// its order was closed. Only a queue, a timer and a foreign event get errors, which make the
// platform redeliver the event.
//
// # Callers
//
// Any sign from anywhere lowers trust; only the platform or a secret raises it. The platform's word
// is what comes beside the event: which hosting this is, and the environment of this very
// invocation, never the process's, which on a warm instance may be the previous caller's. The event
// is the caller's own word, all of it. Function identify, in caller.go, is the whole decision;
// docs/callers.md describes it for operators.
//
//	caller    identified by                                       may
//	service   the right service_token, or its header over HTTP    do everything
//	impostor  a wrong one                                         do nothing, whatever else it has
//	http      Authorization: Bearer, or an authorizer's claim     close and query all orders
//	user      WX_OPENID and WX_APPID, or TCB_UUID; over HTTP an   close and query its own orders
//	          access token, or a gateway's header (door.go)
//	stranger  any other sign of a user, or of CloudBase           do nothing
//	timer     TRIGGER_SRC, TCB_SOURCE, a token, Lambda's IAM      sweep
//	queue     Lambda's IAM; elsewhere each message's own token    close and query what it names
//	direct    Lambda's IAM; elsewhere the operator's declaration  do everything
//	nobody    none of these                                       do nothing
//
// It is not certain whether CloudBase sends WX_… and TCB_… to functions in Go, nor which parties
// write TCB_SOURCE. Every rule requires a sign, so a sign that is not sent leads to fewer rights;
// forging_test.go tries every source in the place of every other on each hosting.
//
// Every caller that may do nothing gets the same sentence. The log has the reason, and the setting
// that would change it. It has an owner's first characters only, an order number only if it is one
// and its caller was admitted, and no token ever.
package trigger
