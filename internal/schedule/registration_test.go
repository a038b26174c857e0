package schedule_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

func TestEntry(t *testing.T) {
	t.Parallel()
	fee := int64(100)
	shop := order.Merchant{AppID: "wx1", MchID: "19000001", API: order.V3, APIs: []order.API{order.V2, order.V3}}
	provider := order.Merchant{
		Partner: true, AppID: "wxp", MchID: "19000001", SubMchID: "19000009", SubAppID: "wxs", API: order.V2, APIs: []order.API{order.V2},
	}
	for _, tc := range []struct {
		name     string
		merchant order.Merchant
		params   order.Params
		want     schedule.Entry
	}{
		{
			"the least", shop, order.Params{OutTradeNo: "A1"},
			schedule.Entry{Ref: order.Ref{Region: "cn", MchID: "19000001", OutTradeNo: "A1"}},
		},
		{
			"an openid is below our appid", shop,
			order.Params{OutTradeNo: "A1", SubMchID: "19000001", SubAppID: "wx1", OpenID: "o1", CloseAt: "60", Total: &fee},
			schedule.Entry{
				Ref: order.Ref{Region: "cn", MchID: "19000001", OutTradeNo: "A1"}, Owner: "wx:wx1:o1", CloseIn: time.Minute, Total: &fee,
			},
		},
		{
			"a service provider's defaults", provider, order.Params{OutTradeNo: "A1", OpenID: "o1"},
			schedule.Entry{Ref: order.Ref{Region: "cn", MchID: "19000001", SubMchID: "19000009", OutTradeNo: "A1"}, Owner: "wx:wxs:o1"},
		},
		{
			"what a service provider's caller names", provider,
			order.Params{OutTradeNo: "A1", SubMchID: "19000008", SubAppID: "wx8", OpenID: "o1", Owner: "wx:wx8:o1"},
			schedule.Entry{
				Ref:   order.Ref{Region: "cn", MchID: "19000001", SubMchID: "19000008", OutTradeNo: "A1"},
				Owner: "wx:wx8:o1", SubAppID: "wx8",
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := schedule.NewEntry(tc.merchant, tc.params)
			if err != nil {
				t.Fatal(err)
			}
			if got.Ref != tc.want.Ref {
				t.Errorf("got %s, want %s", got.Ref, tc.want.Ref)
			}
			if field := got.Differs(tc.want); field != "" {
				t.Errorf("got another %s than wanted: %+v", field, got)
			}
		})
	}
}

func TestEntryRefuses(t *testing.T) {
	t.Parallel()
	less := int64(-1)
	withoutAppID := order.Merchant{MchID: "19000001", API: order.V3, APIs: []order.API{order.V3}}
	for field, p := range map[string]order.Params{
		"out_trade_no: ":            {},
		"openid: names":             {OutTradeNo: "A1", OpenID: "o1"},
		"openid: give":              {OutTradeNo: "A1", OpenID: "o1", Owner: "tcb:u1"},
		"openid: must":              {OutTradeNo: "A1", OpenID: "o,A/B"},
		"owner: must":               {OutTradeNo: "A1", Owner: "tcb:u 1"},
		"total: ":                   {OutTradeNo: "A1", Total: &less},
		"created_at: ":              {OutTradeNo: "A1", CreatedAt: time.UnixMilli(1)},
		"close_at: must":            {OutTradeNo: "A1", CloseAt: "soon"},
		"close_at: ":                {OutTradeNo: "A1", CloseAt: "9999999999999999999999"},
		"close_at: must be at most": {OutTradeNo: "A1", CloseAt: "-1"},
	} {
		_, err := schedule.NewEntry(withoutAppID, p)
		if err == nil || !strings.HasPrefix(err.Error(), field) {
			t.Errorf("got %v, want %q", err, field)
		}
	}
}

// TestRegistrationHoldsOwnersToTheirRules: what is refused in a call is not registered either.
func TestRegistrationHoldsOwnersToTheirRules(t *testing.T) {
	t.Parallel()
	m := order.Merchant{MchID: "19000001", AppID: "wx1", API: order.V3, APIs: []order.API{order.V3}}
	for owner, valid := range map[order.Owner]bool{"": true, "tcb:u1": true, "wx:wx1:o1": true, "wx:wx1": false, "me": false, "tcb:u 1": false} {
		if _, err := schedule.NewEntry(m, order.Params{OutTradeNo: "A1", CloseAt: "60", Owner: owner}); (err == nil) != valid {
			t.Errorf("owner %q: got %v, want valid %v", owner, err, valid)
		}
		entry := schedule.Entry{Ref: order.Ref{Region: order.Mainland, MchID: "1", OutTradeNo: "A1"}, Owner: owner}
		if (entry.Validate() == nil) != valid {
			t.Errorf("an entry of %q: got %v, want valid %v", owner, entry.Validate(), valid)
		}
	}
	for openID, valid := range map[string]bool{"": true, "o1": true, strings.Repeat("o", 129): false, "o:1": false, "o b": false} {
		if _, err := schedule.NewEntry(m, order.Params{OutTradeNo: "A1", CloseAt: "60", OpenID: openID}); (err == nil) != valid {
			t.Errorf("openid %q: got %v, want valid %v", openID, err, valid)
		}
	}
}

func TestCloseAt(t *testing.T) {
	t.Parallel()
	m := order.Merchant{MchID: "19000001", API: order.V3, APIs: []order.API{order.V3}}
	e, err := schedule.NewEntry(m, order.Params{OutTradeNo: "A1", CloseAt: "2026-11-22T18:30:00+08:00"})
	if want := time.Date(2026, 11, 22, 10, 30, 0, 0, time.UTC); err != nil || !e.CloseAt.Equal(want) || e.CloseIn != 0 {
		t.Errorf("got %+v, %v, want it at %v", e, err, want)
	}
	_, err = schedule.NewEntry(m, order.Params{CombineOutTradeNo: "C1", CloseAt: "1"})
	if err == nil {
		t.Error("a combined order is registered")
	}
}

// TestInWordsOf: a conflict of owners is named by the parameter that was given.
func TestInWordsOf(t *testing.T) {
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
