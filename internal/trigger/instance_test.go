package trigger_test

import (
	"strings"
	"sync"
	"testing"

	"cloudpay/internal/hosting"
)

// The first line of an instance says that it was started for this call. Of several that come at
// once one is the first.
func TestColdStartIsLogged(t *testing.T) {
	t.Parallel()
	k := newKit(t).open()
	_ = k.invoke(`{"out_trade_no":"A1"}`, nil)
	_, _ = k.handle(timerEvent(), nil)
	var got []any
	for _, line := range k.lines() {
		got = append(got, line["coldStart"])
	}
	if len(got) != 2 || got[0] != true || got[1] != false {
		t.Errorf("coldStart: got %v, want true and then false", got)
	}

	k = newKit(t).open()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { _, _ = k.handle(`{"out_trade_no":"A1"}`, nil) })
	}
	all.Wait()
	if got := strings.Count(k.logs.String(), `"coldStart":true`); got != 1 {
		t.Errorf("%d of eight calls at once were the first", got)
	}
}

func timerEvent() string { return text(timerForms["scf-timer"]("")) }

// The log has the platform's trace id, unless it is no id or a secret that came in its place.
func TestTraceIsLogged(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]any{
		"1-67891233-abcdef012345678912345678": "1-67891233-abcdef012345678912345678",
		"":                                    nil,
		serviceToken:                          "redacted",
		"two words":                           nil,
		strings.Repeat("a", 129):              nil,
	} {
		k := newKit(t).strict()
		_, _ = k.fn.Handle(t.Context(), hosting.Invocation{Payload: []byte(`{}`), Platform: hosting.SCF, TraceID: given})
		if got := k.lines()[0]["traceId"]; got != want {
			t.Errorf("%q: got traceId %v, want %v", given, got, want)
		}
	}
}
