package trigger

import "testing"

// A user is not told which setting an operator has to change.
func TestWithoutSettings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                     "",
		"call again (later)":                   "call again (later)",
		"letters only overseas (WXPAY_REGION)": "letters only overseas",
		"name it (or set WXPAY_SUB_MCHID as the default) / ":           "name it / ",
		"not allowed (CLOUDPAY_STORE); see (a) and (WXPAY_APPID), (b)": "not allowed; see (a) and, (b)",
		"仅境外商户可含字母（WXPAY_REGION）":                                      "仅境外商户可含字母",
		"（甲）与（见 CLOUDPAY_CALLER_POLICY 的说明）。":                          "（甲）与。",
		"(WXPAY_REGION)":              "(WXPAY_REGION)", // nothing before it that it belongs to
		"a (b (WXPAY_REGION)) c":      "a (b) c",
		"unclosed (WXPAY_REGION":      "unclosed (WXPAY_REGION",
		"unclosed ( and (WXPAY_MODE)": "unclosed ( and",
	} {
		if got := withoutSettings(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
