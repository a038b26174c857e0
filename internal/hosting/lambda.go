package hosting

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"cloudpay/internal/telemetry"
)

// lambdaHost serves a handler to Lambda's Runtime API. scfHost and customHost are its twins.
type lambdaHost struct{ handler Handler }

// serve answers events until the process ends: aws-lambda-go ends it, with exit code 1, when the
// API is gone. Lambda's old go1.x runtime used SCF's variable for its port, and the library (unless
// it is built with the tag lambda.norpc) still prefers that port to the Runtime API, so the
// variable is unset.
func (l lambdaHost) serve() error {
	if err := os.Unsetenv(scfPortVariable); err != nil {
		return fmt.Errorf("clearing %s for Lambda: %w", scfPortVariable, err)
	}
	lambda.StartWithOptions(l)
	return errors.New("aws-lambda-go stopped asking for events")
}

// Invoke answers one event. It implements aws-lambda-go's lambda.Handler: bytes in, bytes out.
func (l lambdaHost) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	inv := l.invocation(ctx, payload)
	given, _ := ctx.Deadline()
	ctx, cancel := withDeadline(ctx, given, 0)
	defer cancel()
	return answer(telemetry.WithRequestID(ctx, inv.RequestID), l.handler, inv)
}

// invocation is the event with the platform's context. Lambda has no environment of one call: IAM
// identifies its callers, except those that use the credentials of an Amazon Cognito identity pool.
func (l lambdaHost) invocation(ctx context.Context, payload []byte) Invocation {
	trace, _ := ctx.Value(lambdaTraceKey).(string)
	inv := Invocation{
		Payload: payload, Function: lambdacontext.FunctionName, Platform: Lambda, TraceID: traceRoot(trace),
	}
	if platform, ok := lambdacontext.FromContext(ctx); ok {
		inv.RequestID = platform.AwsRequestID
		// Either ID shows that the call came by an identity pool, and that is what counts.
		inv.Cognito = cmp.Or(platform.Identity.CognitoIdentityID, platform.Identity.CognitoIdentityPoolID)
	}
	return inv
}

// lambdaTraceKey is the text under which aws-lambda-go puts the header Lambda-Runtime-Trace-Id into
// the context.
const lambdaTraceKey = "x-amzn-trace-id"

// traceRoot is the root of an X-Ray trace header,
// Root=1-67891233-abcdef012345678912345678;Parent=…;Sampled=1; "" without one. The rest of the
// header may be the caller's words: gateways pass on what came with the request.
func traceRoot(header string) string {
	for field := range strings.SplitSeq(header, ";") {
		root, is := strings.CutPrefix(strings.TrimSpace(field), "Root=")
		if parts := strings.Split(root, "-"); is && len(parts) == 3 && parts[0] == "1" && isHex(parts[1], 8) && isHex(parts[2], 24) {
			return root
		}
	}
	return ""
}

func isHex(text string, length int) bool {
	return len(text) == length && strings.Trim(text, "0123456789abcdefABCDEF") == ""
}
