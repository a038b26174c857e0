// Package hosting starts a handler on the cloud platform it finds itself on, and says what an invocation is.
//
// There are four ways to be called, and the environment tells which one it is. The first variable of these that is set
// decides:
//
//	AWS_LAMBDA_RUNTIME_API  AWS Lambda: the process asks http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next
//	                        for each event and posts the answer back (docs.aws.amazon.com/lambda, "runtimes-api");
//	                        aws-lambda-go does this for us
//	SCF_RUNTIME_API         Tencent SCF's custom runtime: the same idea in other words, without a version or a request id in
//	                        its paths (SCF doc 583/47274); see customHost
//	_LAMBDA_SERVER_PORT     Tencent SCF and CloudBase, runtime Go1: the platform dials the process and calls it by
//	                        net/rpc, gob over bare TCP (github.com/tencentyun/scf-go-lib, package cloudfunction)
//	PORT                    an HTTP server on that port, as SCF's web functions, CloudBase's HTTP functions and WeChat cloud
//	                        hosting (微信云托管) want one; see webHost
//	none of them            nobody would ever call: one sentence on standard error, exit code 2
//
// The order is by how sure the sign is. PORT is last, since anybody may have set that for reasons of their own; Lambda is
// before Go1, since its old go1.x runtime shared SCF's variable.
//
// Events reach the function's [Handler] as the platform sent them. The requests of the HTTP server, which come as no
// event, reach its [HTTPHandler] as a [Request], which is also what package trigger/event decodes the other platforms'
// HTTP events into (ADR 9).
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
// Go1, Lambda and the custom runtime call one invocation at a time on one instance unless told otherwise,
// and a web function many, but nothing here relies on either: every invocation has a context, a map and a payload of its
// own, and the context ends when the handler returns.
package hosting

import "context"

// Platform says who is calling the handler.
type Platform string

const (
	// SCF is Tencent's Serverless Cloud Function and CloudBase, which is built on it; the Go1 runtime.
	SCF Platform = "scf"
	// SCFCustom is SCF by its custom runtime. It says nothing of who calls: Environment is always nil.
	SCFCustom Platform = "scf-custom"
	// Web is an HTTP server of our own, behind whatever gateway: an SCF web function, a CloudBase HTTP function, a
	// container. All that it knows of a caller is in the request, so Environment is always nil.
	Web Platform = "web"
	// Lambda is AWS Lambda, by its Runtime API (provided.al2023).
	Lambda Platform = "lambda"
)

// Invocation is one call of the function: what the caller sent, and what the platform says about it.
type Invocation struct {
	// Payload is the event as the caller wrote it: usually JSON, but unchecked. It is valid until the handler returns. On
	// Web it is nil: the Request stands beside the Invocation.
	Payload   []byte
	RequestID string   // the platform's name for this call, "" when it gave none (Web: one is made)
	Function  string   // the function's name as the platform gives it, "" when it gave none
	Platform  Platform // who is calling

	// TraceID is the platform's name for the chain of calls that this one is part of, "" when it
	// gave none: the root of X-Ray's trace on Lambda, TraceId on Go1.
	TraceID string

	// Environment is what the platform says about THIS call, such as WX_OPENID or TRIGGER_SRC (SCF: InvokeRequest's
	// Environment, which also repeats the configured variables). The caller cannot write it, unlike Payload. Nil on every
	// other platform, and when SCF sent none. Nothing of it is ever put into the process environment.
	Environment map[string]string

	// Withheld says that the request's body was not read, since its head proves nothing and no body
	// could (Web only, see Refused). The handler can only refuse it.
	Withheld bool

	// Cognito is the identity that called through an Amazon Cognito identity pool (Lambda only), "" when nobody did. Such
	// a caller is a user of an app who was lent credentials: that IAM let the call pass says nothing more.
	Cognito string
}

// Handler answers one invocation. Its context carries the platform's deadline (always in the future at the start), the
// request id for the log (internal/telemetry), and the platform library's own context value (functioncontext on Go1,
// lambdacontext on Lambda). The bytes are sent to the caller as they are; an error makes the platform report a failed
// function, and some triggers then call again. A panic is answered as an error and leaves the process running.
type Handler func(ctx context.Context, inv Invocation) ([]byte, error)

// HTTPHandler answers one HTTP request, with a context like Handler's. An error, a panic and a Response that cannot be
// sent are answered with status 500.
type HTTPHandler func(ctx context.Context, inv Invocation, r Request) (Response, error)
