package admission_test

import (
	"fmt"
	"strings"
	"testing"

	"cloudpay/internal/emulator/admission"
)

// The lines of callers are read among any others, as far as they are whole.
func TestCallers(t *testing.T) {
	t.Parallel()
	user := admission.Caller{Kind: "user", By: "environment", Owner: "oABC…", OutTradeNo: "A1", Rule: "notTheirs", Remedy: "it is another's"}
	const line = `{"level":"WARN","caller":"user","identifiedBy":"environment","owner":"oABC…","outTradeNo":"A1","rule":"notTheirs","remedy":"it is another's"}`
	service := admission.Caller{Kind: "service", By: "serviceToken"}
	for printed, want := range map[string][]admission.Caller{
		"":                               nil,
		"hello\n{\n":                     nil,
		line:                             {user},
		"starting\n" + line + "\nrest":   {user},
		line[20:] + "\n" + line + "\n":   {user},
		`{"caller":7}` + "\n" + line:     {user},
		`{"caller":""}` + "\n":           nil,
		`{"a":{"caller":"user"}}` + "\n": nil,
		`{"caller":"service","identifiedBy":"serviceToken"}` + "\n" + line + "\n": {service, user},
	} {
		if got := admission.Callers(printed); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: got %+v, want %+v", printed, got, want)
		}
	}
	if got := admission.Callers(strings.Repeat(line+"\n", 30)); len(got) != 10 || !got[9].IsDenied() || service.IsDenied() {
		t.Errorf("got %d callers of a batch, want ten that were denied", len(got))
	}
	long := admission.Callers(`{"caller":"user","remedy":"` + strings.Repeat("关", 400) + `"}`)
	if got := long[0].Remedy; len(got) > 500 || strings.Trim(got, "关") != "" {
		t.Errorf("got %d bytes, want 500 at most, and whole characters", len(got))
	}
}

// What says who calls is taken out of an object, and nothing else.
func TestWithoutProof(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"out_trade_no":"A1","service_token":"x","serviceToken":7,"userInfo":{"openId":"o"}}`: `{"out_trade_no":"A1"}`,
		`{"sub_orders":[{"service_token":"kept"}]}`:                                            `{"sub_orders":[{"service_token":"kept"}]}`,
		`["service_token"]`: `["service_token"]`,
		"no JSON":           "no JSON",
		"":                  "",
		"null":              "null",
	} {
		if got := admission.WithoutProof([]byte(text)); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
