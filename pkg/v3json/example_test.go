package v3json_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"cloudpay/pkg/v3json"
)

// exampleClient is a client as in production, but for the last three fields: they put a gateway in
// memory in the network's place, and stop the clock at its replies' time.
func exampleClient(gateway http.RoundTripper) *v3json.Client {
	keyFile, _ := os.ReadFile("testdata/merchant_key.pem")
	key, err := v3json.ParseKey("5A0D6B1F9C3E47A2B8D1F00C6E7A94D3B2C1E0F9", keyFile)
	if err != nil {
		fmt.Println(err)
	}
	publicFile, _ := os.ReadFile("testdata/platform_pub.pem")
	public, err := v3json.ParsePublicKey("PUB_KEY_ID_0119000072912024112100222200001234", publicFile)
	if err != nil {
		fmt.Println(err)
	}
	ring, err := v3json.NewKeyring(public)
	if err != nil {
		fmt.Println(err)
	}
	return &v3json.Client{
		MchID:      "1900007291",
		Key:        key,
		Keys:       ring,
		HTTPClient: &http.Client{Transport: gateway},
		Now:        wireTime,
	}
}

func ExampleClient_CloseOrder() {
	client := exampleClient(signed(http.StatusNoContent, ""))
	reply, err := client.CloseOrder(context.Background(), v3json.Request{OutTradeNo: "A1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("closed, HTTP", reply.HTTPStatus)
	// Output: closed, HTTP 204
}

func ExampleClient_CloseOrder_refused() {
	client := exampleClient(signed(http.StatusBadRequest,
		`{"code":"PARAM_ERROR","message":"参数错误","detail":{"field":"/sub_mchid","issue":"不存在","location":"body"}}`))
	_, err := client.CloseOrder(context.Background(), v3json.Request{OutTradeNo: "A1", SubMchID: "1900008462"})
	fmt.Println(err)
	if refused, ok := errors.AsType[*v3json.Error](err); ok && refused.Authenticated {
		fmt.Println("WeChat Pay says", refused.Code)
	}
	// Output:
	// closing order A1: the gateway refused with HTTP 400 PARAM_ERROR: 参数错误 (field: /sub_mchid; issue: 不存在; location: body); Request-ID 08F5B0C1B50610E80318C9E1A85820B03228EEB804-268435461
	// WeChat Pay says PARAM_ERROR
}

func ExampleClient_QueryOrder() {
	client := exampleClient(signed(http.StatusOK, `{"mchid":"1900007291","out_trade_no":"A1","trade_state":"SUCCESS",`+
		`"transaction_id":"4200001234202408056789012345","success_time":"2024-08-05T17:33:41+08:00",`+
		`"amount":{"total":100,"payer_total":90,"currency":"CNY"}}`))
	reply, err := client.QueryOrder(context.Background(), v3json.Request{OutTradeNo: "A1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reply.TradeState, reply.TransactionID, reply.SuccessTime)
	fmt.Println("paid", *reply.Amount.PayerTotal, "of", *reply.Amount.Total, "fen")
	// Output:
	// SUCCESS 4200001234202408056789012345 2024-08-05 17:33:41 +0800 +0800
	// paid 90 of 100 fen
}

func ExampleVerifyError() {
	// A proxy on the way has taken the signature headers off.
	client := exampleClient(answer{status: http.StatusNoContent})
	_, err := client.CloseOrder(context.Background(), v3json.Request{OutTradeNo: "A1"})
	if unverified, ok := errors.AsType[*v3json.VerifyError](err); ok {
		fmt.Println(unverified.Reason)
	}
	fmt.Println(err)
	// Output:
	// unsigned
	// closing order A1: reply with HTTP 204 failed verification, unsigned: missing every Wechatpay- header (did a proxy strip them, or answer itself?)
}

func ExampleKey() {
	fmt.Printf("%+v\n", exampleClient(nil).Key)
	// Output: redacted
}
