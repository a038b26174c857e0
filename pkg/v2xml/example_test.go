package v2xml_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"cloudpay/pkg/v2xml"
)

func ExampleClient_CloseOrder() {
	client := v2xml.Client{
		AppID: "wx2421b1c4370ec43b", MchID: "10000100", Key: "192006250b4c09247ec02edce69f6a2d",
		HTTPClient: &http.Client{Transport: &memory{reply: closeReply()}}, // leave it out to reach the gateway itself
	}
	reply, err := client.CloseOrder(context.Background(), v2xml.Request{OutTradeNo: "1415983244"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("closed, signed", reply.Signature)
	// Output: closed, signed 3F6C0334F30049911429C32D51D92771
}

// An order that was paid in the meantime: the code counts, because it is authenticated.
func ExampleError() {
	paid := signed(with(head(), element{"result_code", "FAIL"}, element{"err_code", "ORDERPAID"}, element{"err_code_des", "该订单已支付"})...)
	client := v2xml.Client{
		AppID: "wx2421b1c4370ec43b", MchID: "10000100", Key: "192006250b4c09247ec02edce69f6a2d",
		HTTPClient: &http.Client{Transport: &memory{reply: paid}},
	}
	_, err := client.CloseOrder(context.Background(), v2xml.Request{OutTradeNo: "1415983244"})
	if refused, ok := errors.AsType[*v2xml.Error](err); ok && refused.Authenticated && refused.Code == "ORDERPAID" {
		fmt.Println("paid already: query it")
	}
	fmt.Println(err)
	// Output:
	// paid already: query it
	// closing order 1415983244: the gateway refused with HTTP 200 ORDERPAID: 该订单已支付
}

func ExampleClient_QueryOrder() {
	client := v2xml.Client{
		AppID: "wx2421b1c4370ec43b", MchID: "10000100", Key: "192006250b4c09247ec02edce69f6a2d",
		HTTPClient: &http.Client{Transport: &memory{reply: queryReply()}},
	}
	reply, err := client.QueryOrder(context.Background(), v2xml.Request{OutTradeNo: "1415983244"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reply.TradeState, *reply.TotalFee, reply.FeeType, reply.TimeEnd)
	// Output: SUCCESS 101 CNY 2014-11-11 17:00:43 +0800 UTC+8
}

// The example of the signing document.
func ExampleSign() {
	fields := map[string]string{
		"appid": "wxd930ea5d5a258f4f", "mch_id": "10000100", "device_info": "1000", "body": "test",
		"nonce_str": "ibuaiVcKdpRxkhJA", "attach": "", // empty, so not signed
	}
	fmt.Println(v2xml.Sign(fields, "192006250b4c09247ec02edce69f6a2d", v2xml.MD5))
	fmt.Println(v2xml.Sign(fields, "192006250b4c09247ec02edce69f6a2d", v2xml.HMACSHA256))
	// Output:
	// 9A0A8659F005D6984697E2CA0A9CF3B7
	// 6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6
}
