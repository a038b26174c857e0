package order_test

import (
	"errors"
	"strings"
	"testing"

	"cloudpay/internal/order"
)

// TestOwners: an owner is well formed if a platform could name a user so.
func TestOwners(t *testing.T) {
	t.Parallel()
	m := order.Merchant{MchID: "19000001", AppID: "wx2421b1c4370ec43b", API: order.V3, APIs: []order.API{order.V3}}
	for owner, valid := range map[order.Owner]bool{
		"":                                      true,
		"wx:wx2421b1c4370ec43b:oUpF8uMuAJO_M-2": true,
		"tcb:0123-abc_D":                        true,
		"wx:wx1:" + order.Owner(strings.Repeat("o", 128)):                                           true,
		"wx:wx1:" + order.Owner(strings.Repeat("o", 129)):                                           false,
		"wx:" + order.Owner(strings.Repeat("w", 128)) + ":" + order.Owner(strings.Repeat("o", 128)): false, // more than is kept
		"wx:wx2421b1c4370ec43b:o,A/B":                                                               false,
		"wx:wx1:o A":                                                                                false,
		"wx:wx1:o1:o2":                                                                              false,
		"wx:wx1:":                                                                                   false,
		"wx::o1":                                                                                    false,
		"wx:o1":                                                                                     false,
		"tcb:":                                                                                      false,
		"tcb:u1:u2":                                                                                 false,
		"qq:a:b":                                                                                    false,
		"o1":                                                                                        false,
		":":                                                                                         false,
		"wx:wx1:微信":                                                                                 false,
		"wx:wx1:o\n":                                                                                false,
	} {
		fault := owner.Validate()
		if (fault == nil) != valid || fault != nil && fault.Field != "owner" {
			t.Errorf("%q: got %v, want valid %v", owner, fault, valid)
		}
		if _, err := m.CloseCall(order.Params{OutTradeNo: "A1", Owner: owner}); (err == nil) != valid {
			t.Errorf("a close with %q: got %v, want valid %v", owner, err, valid)
		}
	}
	for openID, valid := range map[string]bool{
		"": true, "oUpF8uMuAJO_M-2": true, strings.Repeat("o", 128): true,
		strings.Repeat("o", 129): false, "o,A/B": false, "o:1": false, "o b": false, "o\x00": false,
	} {
		_, err := m.CloseCall(order.Params{OutTradeNo: "A1", OpenID: openID})
		field, is := errors.AsType[*order.FieldError](err)
		if (err == nil) != valid || err != nil && (!is || field.Field != "openid") {
			t.Errorf("openid %q: got %v, want valid %v", openID, err, valid)
		}
	}
}
