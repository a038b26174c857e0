package hosting

import (
	"context"
	"io"
	"net"
)

// ServeSCF lets the tests serve the Go1 protocol on a listener of theirs.
func ServeSCF(l net.Listener, h Handler) error { return scfHost{handler: h}.serve(l) }

// InvokeLambda lets the tests call the handler as aws-lambda-go does, without a process around it.
func InvokeLambda(ctx context.Context, payload []byte, h Handler) ([]byte, error) {
	return lambdaHost{handler: h}.Invoke(ctx, payload)
}

// StartIn is Start with its surroundings as parameters.
func StartIn(
	getenv func(string) string, listen func(network, address string) (net.Listener, error), stderr io.Writer, build Build,
) int {
	return start(getenv, listen, stderr, build)
}

// Deadline lets the tests tabulate the rule.
var Deadline = deadline
