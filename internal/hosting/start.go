package hosting

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// The environment variables that tell the platforms apart, and ours.
const (
	lambdaAPIVariable     = "AWS_LAMBDA_RUNTIME_API" // host:port of Lambda's Runtime API
	customAPIVariable     = "SCF_RUNTIME_API"        // host of the custom runtime's API
	customAPIPortVariable = "SCF_RUNTIME_API_PORT"   // its port
	scfPortVariable       = "_LAMBDA_SERVER_PORT"    // the port on which the Go1 platform calls
	webPortVariable       = "PORT"                   // the port for an HTTP server
	listenHostVariable    = "CLOUDPAY_LISTEN_HOST"   // ours: listen here and not on all interfaces
	functionNameVariable  = "SCF_FUNCTIONNAME"       // the function's name, where SCF says it nowhere else
	faultsVariable        = "CLOUDPAY_CONFIG_FAULTS" // ours: whether an unconfigured function serves
)

// scfVariables are set by SCF, in web functions too, and not in other containers.
var scfVariables = []string{"SCF_RUNTIME", "TENCENTCLOUD_RUNENV", functionNameVariable}

// Exit codes of Start.
const (
	exitDone       = 0 // an HTTP server was told to stop, and has
	exitFailed     = 1 // the platform cannot be served, or a container's function is unconfigured
	exitNoPlatform = 2 // there is no platform: a usage error
)

// refusal is printed when the binary is run by hand.
const refusal = "cloudpay: this program is a cloud function, and no platform is here to call it: none of " +
	lambdaAPIVariable + " (AWS Lambda), " + customAPIVariable + " (SCF's custom runtime), " +
	scfPortVariable + " (Tencent SCF and CloudBase, Go1) and " + webPortVariable + " (a web function or a container) is set. " +
	"Deploy it, or try it on this machine with `make demo` or `go run ./cmd/cloudpay emulate`.\n"

// Start serves the function that build makes on the platform that the environment names, and never
// returns. It ends the process with code 2 and a sentence on standard error without a platform, and
// with code 1 if build fails or the platform cannot be served. The function is built before the
// platform can call it, and only if there is a platform. An HTTP server that is told to stop
// (SIGTERM or SIGINT) finishes the requests in flight and ends with code 0.
//
// A function that is not configured logs that once. It then answers every call with the fault,
// since a cloud function that ends shows its callers nothing (ADR 5); in a container it ends with
// code 1, so that a rollout stops and the old containers stay. CLOUDPAY_CONFIG_FAULTS overrides
// this: "answer" or "exit".
func Start(build Build) {
	os.Exit(start(os.Getenv, net.Listen, os.Stderr, build))
}

// start is Start with its surroundings as parameters. It returns the exit code.
func start(getenv func(string) string, listen listenFunc, stderr io.Writer, build Build) int {
	serve := hostFor(getenv, listen)
	if serve == nil {
		_, _ = io.WriteString(stderr, refusal) // on failure, the exit code is left
		return exitNoPlatform
	}
	fn, err := build(os.Environ(), os.Stdout)
	if err == nil {
		if fn.Log != nil {
			slog.SetDefault(fn.Log)
		}
		if fn.Broken != nil && !answersFaults(getenv, fn.Broken) {
			return exitFailed
		}
		limitMemory(getenv, fn.MemoryMB)
		err = serve(fn)
		if fn.End != nil {
			fn.End()
		}
	}
	if err == nil {
		return exitDone
	}
	_, _ = fmt.Fprintf(stderr, "cloudpay: %v\n", err)
	return exitFailed
}

// answersFaults logs that a function is not configured, and reports whether it is served all the
// same. Nothing else prints the fault.
func answersFaults(getenv func(string) string, broken error) bool {
	answers := !inContainer(getenv)
	switch strings.TrimSpace(getenv(faultsVariable)) {
	case "answer":
		answers = true
	case "exit":
		answers = false
	}
	then := "each call is answered with CONFIG_ERROR"
	if !answers {
		then = "it ends with code 1; " + faultsVariable + "=answer would have it answer each call with CONFIG_ERROR"
	}
	slog.Error("the function is not configured", "fault", strings.Join(strings.Fields(broken.Error()), " "), "then", then)
	return answers
}

// inContainer reports whether this is an HTTP server that was not started by a platform of cloud
// functions.
func inContainer(getenv func(string) string) bool {
	platforms := append([]string{lambdaAPIVariable, customAPIVariable, scfPortVariable}, scfVariables...)
	return !slices.ContainsFunc(platforms, func(name string) bool { return getenv(name) != "" })
}

// listenFunc is [net.Listen].
type listenFunc func(network, address string) (net.Listener, error)

// hostFor is what serves a function in this environment, in the order of the package comment; nil
// without a platform.
func hostFor(getenv func(string) string, listen listenFunc) func(Function) error {
	scfPort, webPort := getenv(scfPortVariable), getenv(webPortVariable)
	switch {
	case getenv(lambdaAPIVariable) != "":
		return func(fn Function) error { return lambdaHost{handler: fn.Handle}.serve() }
	case getenv(customAPIVariable) != "":
		base := customBase(getenv(customAPIVariable), getenv(customAPIPortVariable))
		return func(fn Function) error {
			return customHost{handler: fn.Handle, base: base, function: getenv(functionNameVariable)}.serve()
		}
	case scfPort != "":
		// The platform may dial another address than loopback: an empty host is all interfaces.
		address := net.JoinHostPort(getenv(listenHostVariable), scfPort)
		return func(fn Function) error {
			return listenAndServe(address, scfPortVariable, listen, scfHost{handler: fn.Handle}.serve)
		}
	case webPort != "":
		address := net.JoinHostPort(cmp.Or(getenv(listenHostVariable), "0.0.0.0"), webPort)
		return func(fn Function) error {
			web := webHost{function: fn, name: getenv(functionNameVariable), onSCF: !inContainer(getenv)}
			return listenAndServe(address, webPortVariable, listen, web.serveUntilSignal)
		}
	default:
		return nil
	}
}

// listenAndServe serves on address, whose port came from variable.
func listenAndServe(address, variable string, listen listenFunc, serve func(net.Listener) error) error {
	l, err := listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listening for the platform on %s (from %s): %w", address, variable, err)
	}
	return serve(l)
}

// serveUntilSignal serves until the platform stops the process. A second signal ends it at once.
func (w webHost) serveUntilSignal(l net.Listener) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop)
	defer stop()
	return w.serve(ctx, l)
}
