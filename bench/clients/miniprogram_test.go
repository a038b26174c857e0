package clients_test

import (
	"slices"
	"testing"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/nodetest"
)

// The page of examples/miniprogram says what became of the order, through its own wx.request shim.
func TestMiniProgramPage(t *testing.T) {
	t.Parallel()
	nodetest.Need(t)
	for _, test := range []struct {
		name     string
		settings []string
		number   string
		taps     string
		want     []string
	}{
		{
			"unpaid", []string{"CLOUDPAY_CALLER_POLICY=any"}, "UNPAID", "query,close,query,close",
			[]string{"订单未支付", "订单已关闭，可以重新下单", "订单已关闭", "订单已关闭，可以重新下单"},
		},
		{
			"paid", []string{"CLOUDPAY_CALLER_POLICY=any"}, "PAID", "query,close",
			[]string{"订单已支付", "订单已支付，请勿重复付款"},
		},
		{"nobody's", []string{"CLOUDPAY_CALLER_POLICY=any"}, "NOBODYS", "query", []string{"没有这笔订单"}},
		// Without a store nobody knows whose order it is, so it is not theirs.
		{"not theirs", nil, "UNPAID", "query,close", []string{"不能操作这笔订单", "不能操作这笔订单"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := startCloud(t, platform.Go1, test.settings...)
			c.order(t, "UNPAID")
			c.order(t, "PAID")
			c.pay(t, "PAID")
			got := c.node(t, []string{"OPENID=oUser"}, "page.js", "../../examples/miniprogram", test.number, test.taps)
			if !slices.Equal(got, test.want) {
				t.Errorf("the page says %q, want %q", got, test.want)
			}
		})
	}
}

// A page that cannot reach the cloud says so, and claims nothing about the order.
func TestMiniProgramPageWithoutCloud(t *testing.T) {
	t.Parallel()
	nodetest.Need(t)
	nowhere := &cloud{url: "http://127.0.0.1:1"}
	got := nowhere.node(t, nil, "page.js", "../../examples/miniprogram", "A1", "close")
	if want := []string{"网络异常，请稍后查询订单状态"}; !slices.Equal(got, want) {
		t.Errorf("the page says %q, want %q", got, want)
	}
}
