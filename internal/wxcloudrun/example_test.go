package wxcloudrun_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"cloudpay/internal/wxcloudrun"
	"cloudpay/pkg/wire"
)

// link answers with one body; leave HTTPClient out of the examples to use the link itself.
func link(body string) *http.Client {
	return &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return respond(http.StatusOK, body), nil })}
}

func ExampleClient_CloseOrder() {
	client := wxcloudrun.Client{HTTPClient: link(closeSample)}
	reply, err := client.CloseOrder(context.Background(), wxcloudrun.Request{
		OutTradeNo: "2021WERUN1647840687637", SubMchID: "1712734762",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("closed for", reply.SubMchID)
	// Output: closed for 1712734762
}

func ExampleClient_QueryOrder() {
	client := wxcloudrun.Client{HTTPClient: link(querySample)}
	reply, err := client.QueryOrder(context.Background(), wxcloudrun.Request{
		OutTradeNo: "2021WERUN1647840687637", SubMchID: "1712734762",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reply.TradeState, *reply.TotalFee, reply.FeeType, reply.TimeEnd)
	// Output: SUCCESS 1 CNY 2022-03-21 13:51:31 +0800 UTC+8
}

// An order that was paid in the meantime: the code survives here, and counts because it came over
// the link.
func ExampleError() {
	client := wxcloudrun.Client{HTTPClient: link(refused("ORDERPAID", "订单已支付"))}
	_, err := client.CloseOrder(context.Background(), wxcloudrun.Request{OutTradeNo: "A1", SubMchID: "1712734762"})
	if refused, ok := errors.AsType[*wire.Error](err); ok && refused.Authenticated && refused.Code == "ORDERPAID" {
		fmt.Println("paid already: query it")
	}
	fmt.Println(err)
	// Output:
	// paid already: query it
	// closing order A1: the gateway refused with HTTP 200 ORDERPAID: 订单已支付
}
