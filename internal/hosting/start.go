package hosting

import (
	"fmt"
	"io"
	"net"
	"os"
)

// The environment variables that say which platform this is.
const (
	lambdaAPIVariable  = "AWS_LAMBDA_RUNTIME_API" // host:port of Lambda's Runtime API
	scfPortVariable    = "_LAMBDA_SERVER_PORT"    // the port on which the Go1 platform calls
	listenHostVariable = "CLOUDPAY_LISTEN_HOST"   // ours: listen here and not on all interfaces
)

// Exit codes of Start.
const (
	exitFailed     = 1 // the platform is there but could not be served
	exitNoPlatform = 2 // there is no platform: a usage error
)

// refusal is what somebody reads who runs the binary by hand.
const refusal = "cloudpay: this program is a cloud function, and no platform is here to call it: neither " +
	scfPortVariable + " (Tencent SCF, CloudBase) nor " + lambdaAPIVariable + " (AWS Lambda) is set. " +
	"Deploy it, or try it on this machine with `make demo` or `go run ./cmd/cloudpay emulate`.\n"

// Build makes a function's handler out of an environment (in the form of [os.Environ]). The handler's log goes to logs,
// which the platforms collect line by line. An error means that nothing may be served; it says what to do.
type Build func(environ []string, logs io.Writer) (Handler, error)

// Start serves what build makes on the platform that the environment names, and never returns: it ends the process with
// code 2 and a sentence on standard error when there is no platform, and with code 1 when build refuses, or the platform
// is gone or cannot be served. The handler is built before the platform can call, and only if there is a platform.
func Start(build Build) {
	os.Exit(start(os.Getenv, net.Listen, os.Stderr, build))
}

// start is Start with its surroundings as parameters; it returns the exit code.
func start(
	getenv func(string) string, listen func(network, address string) (net.Listener, error), stderr io.Writer, build Build,
) int {
	lambdaAPI, scfPort := getenv(lambdaAPIVariable), getenv(scfPortVariable)
	if lambdaAPI == "" && scfPort == "" {
		_, _ = io.WriteString(stderr, refusal) // the exit code says it too
		return exitNoPlatform
	}
	h, err := build(os.Environ(), os.Stdout)
	switch {
	case err != nil:
		// The error says it all.
	case lambdaAPI != "":
		err = lambdaHost{handler: h}.serve()
	default:
		err = listenAndServe(net.JoinHostPort(getenv(listenHostVariable), scfPort), listen, h)
	}
	_, _ = fmt.Fprintf(stderr, "cloudpay: %v\n", err)
	return exitFailed
}

// listenAndServe serves the Go1 protocol on address. The platform may dial another address than loopback, so an empty
// host means all interfaces.
func listenAndServe(
	address string, listen func(network, address string) (net.Listener, error), h Handler,
) error {
	l, err := listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listening for the platform on %s (from %s): %w", address, scfPortVariable, err)
	}
	return scfHost{handler: h}.serve(l)
}
