// Package hosting starts a function on the cloud platform that it finds itself on, and defines what
// an invocation is.
//
// There are four ways to be called. The first of these environment variables that is set decides:
//
//	AWS_LAMBDA_RUNTIME_API  AWS Lambda: the process requests each event from
//	                        http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next
//	                        and posts the answer back; aws-lambda-go does this
//	                        (docs.aws.amazon.com/lambda, "runtimes-api")
//	SCF_RUNTIME_API         Tencent SCF's custom runtime: the same idea, without a version or a
//	                        request ID in its paths (SCF doc 583/47274); see customHost
//	_LAMBDA_SERVER_PORT     Tencent SCF and CloudBase, runtime Go1: the platform dials the process
//	                        and calls it by net/rpc, gob over bare TCP
//	                        (github.com/tencentyun/scf-go-lib, package cloudfunction); see scfHost
//	PORT                    an HTTP server on that port, as SCF's web functions, CloudBase's HTTP
//	                        functions and WeChat cloud hosting (微信云托管) expect; see webHost
//	none of them            no platform: one sentence on standard error, exit code 2
//
// The order is by how sure the sign is. PORT is last, since it may be set for other reasons; Lambda
// is before Go1, since Lambda's old go1.x runtime shared SCF's variable.
//
// Events reach the function's [Handler] as the platform sent them. The requests of the HTTP server,
// which come as no event, reach its [HTTPHandler] as a [Request], which is also what package
// trigger/event decodes the other platforms' HTTP events into (ADR 9).
//
// The Go1 protocol is a service named Function with two methods. Gob matches structs by field name,
// so either side may be older than the other:
//
//	Function.Ping(PingRequest{}) PingResponse{}    answered as soon as the port is open
//	Function.Invoke(InvokeRequest) InvokeResponse  one event; Payload and Environment are JSON
//
// The service here is our own, over scf-go-lib's message types, because a payment function cannot
// use the library's Start (ADR 1):
//
//   - It fixes the listen address: loopback in one version, all interfaces in the next. Ours
//     listens on all interfaces, or on CLOUDPAY_LISTEN_HOST, which the local emulator sets.
//   - It copies each invocation's environment into the process for ever, so that a warm instance
//     still shows the previous caller's WX_OPENID. Ours passes the map to its own invocation only.
//   - It takes a missing deadline for 1970, so that every call made with the context fails at once.
//     Ours treats a deadline in the past as absent.
//
// Go1, Lambda and the custom runtime run one invocation at a time on an instance unless configured
// otherwise, and a web function many. Nothing here relies on either: every invocation has a
// context, a map and a payload of its own, and the context ends when the handler returns.
package hosting

import "context"

// Platform is the platform that calls the function.
type Platform string

const (
	// SCF is the Go1 runtime of Tencent's Serverless Cloud Function, and of CloudBase, which is
	// built on it.
	SCF Platform = "scf"
	// SCFCustom is SCF's custom runtime. It does not identify callers: Environment is always nil.
	SCFCustom Platform = "scf-custom"
	// Web is our own HTTP server, behind any gateway: an SCF web function, a CloudBase HTTP
	// function, a container. All that is known of a caller is in the request: Environment is always
	// nil.
	Web Platform = "web"
	// Lambda is AWS Lambda, by its Runtime API (provided.al2023).
	Lambda Platform = "lambda"
)

// Invocation is one call of the function: what the caller sent, and what the platform knows of it.
type Invocation struct {
	// Payload is the event as the caller wrote it: usually JSON, but unchecked. It is valid until
	// the handler returns. On Web it is nil: the Request stands beside the Invocation.
	Payload   []byte
	RequestID string   // the platform's name for this call; may be empty, but not on Web
	Function  string   // the function's name by the platform; may be empty
	Platform  Platform // the platform that calls

	// TraceID is the platform's name for the chain of calls that this one is part of: the root of
	// X-Ray's trace on Lambda, TraceId on Go1. It may be empty.
	TraceID string

	// Environment is what the platform says about this very call, such as WX_OPENID or TRIGGER_SRC
	// (SCF: InvokeRequest's Environment, which also repeats the configured variables). Unlike
	// Payload, the caller cannot write it. It is nil on every other platform, and may be on SCF. It
	// is never put into the process environment.
	Environment map[string]string

	// Withheld reports that the request's body was not read, since its head proves nothing and no
	// body could (Web only, see Refused). The handler can only refuse the request.
	Withheld bool

	// Cognito is the identity that called through an Amazon Cognito identity pool (Lambda only); ""
	// for every other caller. It is an app's user with borrowed credentials, so that IAM's letting
	// the call pass proves nothing more.
	Cognito string
}

// Handler answers one event. Its context has the platform's deadline (in the future at the start),
// the request ID for the log (internal/telemetry), and the platform library's own value
// (functioncontext on Go1, lambdacontext on Lambda). The bytes are the caller's reply. An error
// makes the platform report a failed function, and some triggers then redeliver the event. A panic
// is answered as an error and leaves the process running.
type Handler func(ctx context.Context, inv Invocation) ([]byte, error)

// HTTPHandler answers one HTTP request, with a context like Handler's. An error, a panic and a
// Response that cannot be sent are answered with status 500.
type HTTPHandler func(ctx context.Context, inv Invocation, r Request) (Response, error)
