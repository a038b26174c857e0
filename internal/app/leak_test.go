package app_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/order"
	"cloudpay/internal/telemetry/telemetrytest"
)

// openID is the user of the tests. It is as long as a real one, so that it can be found in the
// logs.
const openID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"

// inUse writes the environment's secrets to a file, and `make test` searches the tests' output for
// them. Values that are not valid keys, which some tests configure, are left out.
func (e *env) inUse() {
	e.t.Helper()
	const shortest = 16
	telemetrytest.Secret(e.t, telemetrytest.Identity, openID)
	for variable, kind := range map[string]telemetrytest.Kind{
		"WXPAY_V2_KEY":           telemetrytest.V2Key,
		"WXPAY_V3_KEY":           telemetrytest.V3Key,
		"WXPAY_PRIVATE_KEY":      telemetrytest.PrivateKey,
		"CLOUDPAY_SERVICE_TOKEN": telemetrytest.Token,
		"CLOUDPAY_HTTP_TOKEN":    telemetrytest.Token,
		"CLOUDPAY_TIMER_TOKEN":   telemetrytest.Token,
	} {
		value := e.vars[variable]
		isPath := kind == telemetrytest.PrivateKey && !strings.HasPrefix(value, "-----BEGIN")
		if len(value) >= shortest && !isPath {
			telemetrytest.Secret(e.t, kind, value)
		}
	}
}

// logged is a function's log: it goes to the test, and to a file that is searched.
func (e *env) logged(to io.Writer) io.Writer {
	e.t.Helper()
	return io.MultiWriter(to, telemetrytest.Output(e.t, telemetrytest.Logs))
}

// collected is the emulated platform's log. It repeats each reply, as SCF's does, and a reply may
// hold what no line of a function's log may.
func (e *env) collected(to io.Writer) io.Writer {
	e.t.Helper()
	return platformLog{lines: e.logged(to), replies: io.MultiWriter(to, telemetrytest.Output(e.t, telemetrytest.Replies))}
}

// platformLog separates the emulated platform's lines, one in each Write, from the replies in it.
type platformLog struct{ lines, replies io.Writer }

func (l platformLog) Write(line []byte) (int, error) {
	if bytes.HasPrefix(line, []byte("Response RequestId:")) {
		return l.replies.Write(line)
	}
	return l.lines.Write(line)
}

// replied records what a caller got.
func (e *env) replied(payload []byte) {
	e.t.Helper()
	if _, err := telemetrytest.Output(e.t, telemetrytest.Replies).Write(payload); err != nil {
		e.t.Fatal(err)
	}
	var result order.Result
	if json.Unmarshal(payload, &result) == nil { // other replies have no signature
		telemetrytest.Secret(e.t, telemetrytest.Signature, result.Sign)
	}
}

// answered records the reply to an invocation by the platform.
func (e *env) answered(reply platform.Reply) {
	e.t.Helper()
	e.replied(reply.Payload)
	if reply.Err != nil {
		telemetrytest.Error(e.t, reply.Err)
	}
}
