// Package hosting starts a handler on the cloud platform it finds itself on, and says what an invocation is.
//
// Two platforms are spoken to, and the environment tells which one is there:
//
//	AWS_LAMBDA_RUNTIME_API set   AWS Lambda: the process asks http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next
//	                             for each event and posts the answer back (docs.aws.amazon.com/lambda, "runtimes-api");
//	                             aws-lambda-go does this for us
//	_LAMBDA_SERVER_PORT set      Tencent SCF and CloudBase, runtime Go1: the platform dials the process and calls it by
//	                             net/rpc, gob over bare TCP (github.com/tencentyun/scf-go-lib, package cloudfunction)
//	neither                      nobody would ever call: one sentence on standard error, exit code 2
//
// The Go1 protocol is a service named Function with two methods. Gob matches structs by field name, so either side may
// be older than the other:
//
//	Function.Ping(PingRequest{}) PingResponse{}        answered as soon as the port is open
//	Function.Invoke(InvokeRequest) InvokeResponse      one event; Payload and Environment are JSON texts
//
// The service here is our own, over scf-go-lib's message types, because the library's Start has three habits that a
// payment function cannot live with. It fixes the listen address (loopback in one version, all interfaces in the next);
// ours listens on all interfaces, or on CLOUDPAY_LISTEN_HOST when that is set, as the local emulator does. It copies each
// invocation's environment into the process for ever, so that a warm instance still shows the previous caller's
// WX_OPENID; ours leaves the process alone and hands the map to its own invocation only. And it takes a missing deadline
// for 1970, so that every call made with the context fails at once; ours treats a deadline in the past as absent.
//
// Both platforms call one invocation at a time on one instance unless told otherwise, but nothing here relies on it:
// every invocation has a context, a map and a payload of its own, and the context ends when the handler returns.
package hosting

import "context"

// Platform says who is calling the handler.
type Platform string

const (
	// SCF is Tencent's Serverless Cloud Function and CloudBase, which is built on it; the Go1 runtime.
	SCF Platform = "scf"
	// Lambda is AWS Lambda, by its Runtime API (provided.al2023).
	Lambda Platform = "lambda"
)

// Invocation is one call of the function: what the caller sent, and what the platform says about it.
type Invocation struct {
	Payload   []byte   // the event as the caller wrote it: usually JSON, but nobody has checked; valid until the handler returns
	RequestID string   // the platform's name for this call, "" when it gave none
	Function  string   // the function's name as the platform gives it, "" when it gave none
	Platform  Platform // who is calling

	// Environment is what the platform says about THIS call, such as WX_OPENID or TRIGGER_SRC (SCF: InvokeRequest's
	// Environment, which also repeats the configured variables). The caller cannot write it, unlike Payload. Nil on
	// Lambda and when SCF sent none. Nothing of it is ever put into the process environment.
	Environment map[string]string
}

// Handler answers one invocation. Its context carries the platform's deadline (always in the future at the start), the
// request id for the log (internal/telemetry), and the platform library's own context value (functioncontext on SCF, lambdacontext on
// Lambda). The bytes are sent to the caller as they are; an error makes the platform report a failed function, and some
// triggers then call again. A panic is answered as an error and leaves the process running.
type Handler func(ctx context.Context, inv Invocation) ([]byte, error)
