package schedule_test

import (
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
	nobody := order.Merchant{MchID: "19000001", API: order.V3, APIs: []order.API{order.V3}}
	for field, p := range map[string]order.Params{
		"out_trade_no: ": {},
		"openid: names":  {OutTradeNo: "A1", OpenID: "o1"},
		"openid: give":   {OutTradeNo: "A1", OpenID: "o1", Owner: "tcb:u1"},
		"openid: must":   {OutTradeNo: "A1", OpenID: "o,A/B"},
		"owner: must":    {OutTradeNo: "A1", Owner: "tcb:u 1"},
		"total: ":        {OutTradeNo: "A1", Total: &less},
		"created_at: ":   {OutTradeNo: "A1", CreatedAt: time.UnixMilli(1)},
		"close_at: must": {OutTradeNo: "A1", CloseAt: "soon"},
		"close_at: ":     {OutTradeNo: "A1", CloseAt: "9999999999999999999999"},
	} {
		_, err := schedule.NewEntry(nobody, p)
		if err == nil || !strings.HasPrefix(err.Error(), field) {
			t.Errorf("got %v, want %q", err, field)
		}
	}
}
