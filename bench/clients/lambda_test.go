package clients_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/platform"
)

// AWS's SDK for Go is how a service with an IAM role calls a Lambda function: it needs no token of ours.
func TestLambdaSDK(t *testing.T) {
	t.Parallel()
	c := startCloud(t, platform.Lambda)
	c.order(t, "UNPAID")
	c.order(t, "PAID")
	c.pay(t, "PAID")
	client := lambda.New(lambda.Options{
		BaseEndpoint: aws.String(c.url),
		Region:       "ap-southeast-1",
		Credentials:  credentials.NewStaticCredentialsProvider("any", "any", ""),
	})

	for _, call := range []call{
		{queryorder, map[string]string{"out_trade_no": "UNPAID"}, answer{Outcome: "found", TradeState: "NOTPAY"}},
		{closeorder, map[string]string{"out_trade_no": "UNPAID"}, answer{Outcome: "closed"}},
		{closeorder, map[string]string{"out_trade_no": "UNPAID"}, answer{Outcome: "alreadyClosed", ErrCode: "ORDERCLOSED"}},
		{closeorder, map[string]string{"outTradeNo": "PAID"}, answer{Outcome: "paid", TradeState: "SUCCESS", ErrCode: "ORDERPAID"}},
		{closeorder, map[string]string{}, answer{Outcome: "refused", ErrCode: "PARAM_ERROR"}},
		{queryorder, map[string]string{"out_trade_no": "NOBODYS"}, answer{Outcome: "notFound", ErrCode: "ORDERNOTEXIST"}},
	} {
		output, err := client.Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: aws.String(call.Name), Payload: []byte(encode(t, call.Data)), LogType: types.LogTypeTail,
		})
		if err != nil {
			t.Fatal(err)
		}
		if output.StatusCode != http.StatusOK || output.FunctionError != nil {
			t.Errorf("%s: got status %d and error %v, want a result", call.Name, output.StatusCode, aws.ToString(output.FunctionError))
		}
		var got answer
		if err := json.Unmarshal(output.Payload, &got); err != nil {
			t.Fatalf("%q: %v", output.Payload, err)
		}
		if diff := cmp.Diff(call.want, got); diff != "" {
			t.Errorf("%s %v (-want +got):\n%s", call.Name, call.Data, diff)
		}
		if aws.ToString(output.LogResult) == "" {
			t.Errorf("%s: got no log, want the tail that was asked for", call.Name)
		}
	}

	_, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("refundorder")})
	if missing := (*types.ResourceNotFoundException)(nil); !errors.As(err, &missing) {
		t.Errorf("a function that is not there: got %v, want a ResourceNotFoundException", err)
	}
}
