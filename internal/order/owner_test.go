package order_test

import (
	"errors"
	"strings"
	"testing"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// An owner is what a platform calls a user, in whichever way it was said.
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
		_, err := schedule.NewEntry(m, order.Params{OutTradeNo: "A1", CloseAt: "60", Owner: owner})
		if (err == nil) != valid {
			t.Errorf("registering for %q: got %v, want valid %v", owner, err, valid)
		}
		entry := schedule.Entry{Ref: order.Ref{Region: order.Mainland, MchID: "1", OutTradeNo: "A1"}, Owner: owner}
		if (entry.Validate() == nil) != valid {
			t.Errorf("an entry for %q: got %v, want valid %v", owner, entry.Validate(), valid)
		}
	}
	for openID, valid := range map[string]bool{
		"": true, "oUpF8uMuAJO_M-2": true, strings.Repeat("o", 128): true,
		strings.Repeat("o", 129): false, "o,A/B": false, "o:1": false, "o b": false, "o\x00": false,
	} {
		for _, closeAt := range []string{"60", ""} {
			call := func(p order.Params) error { _, err := m.CloseCall(p); return err }
			if closeAt != "" {
				call = func(p order.Params) error { _, err := schedule.NewEntry(m, p); return err }
			}
			err := call(order.Params{OutTradeNo: "A1", CloseAt: closeAt, OpenID: openID})
			field, is := errors.AsType[*order.FieldError](err)
			if (err == nil) != valid || err != nil && (!is || field.Field != "openid") {
				t.Errorf("openid %q: got %v, want valid %v", openID, err, valid)
			}
		}
	}
}

// Whoever registers another owner is told so by the word that they used.
func TestConflictsOfOwnersAreNamedAsTheyWereSaid(t *testing.T) {
	t.Parallel()
	ref := order.Ref{Region: order.Mainland, MchID: "1", OutTradeNo: "A1"}
	was := schedule.Entry{Ref: ref, Owner: "tcb:u1"}
	conflict := &schedule.ConflictError{Ref: ref, Field: was.Differs(schedule.Entry{Ref: ref})}
	for want, p := range map[string]order.Params{"owner": {Owner: "tcb:u2"}, "openid": {OpenID: "o1"}} {
		named, is := errors.AsType[*schedule.ConflictError](schedule.InWordsOf(p, conflict))
		if !is || named.Field != want || named.Ref != ref || !strings.Contains(named.Error(), "another "+want) {
			t.Errorf("got %v, want it to name %s", named, want)
		}
	}
	other := &schedule.ConflictError{Ref: ref, Field: "total"}
	if got := schedule.InWordsOf((order.Params{}), other); !errors.Is(got, error(other)) {
		t.Errorf("got %v, want %v as it is", got, other)
	}
	if got := schedule.InWordsOf((order.Params{}), nil); got != nil {
		t.Errorf("got %v, want none", got)
	}
}
