package interop_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wechatpay-apiv3/wechatpay-go/services/partnerpayments/jsapi"
	direct "github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"
)

// sdk is WeChat Pay's own client. Direct and partner payments are different services there, with a
// type of request and reply each; here they are one, whose replies are JSON objects.
type sdk struct {
	t        *testing.T
	client   *core.Client
	mchID    string
	subMchID string // set for partner payments
}

func newSDKClient(t *testing.T, auth core.ClientOption, transport http.RoundTripper, more ...core.ClientOption) *core.Client {
	t.Helper()
	more = append(more, auth, option.WithHTTPClient(&http.Client{Transport: transport}))
	client, err := core.NewClient(t.Context(), more...)
	if err != nil {
		t.Fatalf("wechatpay-go makes a client: %v", err)
	}
	return client
}

// ask puts a call through the SDK and returns its error.
func (s *sdk) ask(c call) error {
	s.t.Helper()
	var err error
	switch {
	case c.closing:
		err = s.close(c.outTradeNo)
	case c.transactionID != "":
		_, err = s.queryTransaction(c.transactionID)
	default:
		_, err = s.query(c.outTradeNo)
	}
	return err
}

func (s *sdk) close(outTradeNo string) error {
	if s.subMchID == "" {
		service := direct.JsapiApiService{Client: s.client}
		_, err := service.CloseOrder(s.t.Context(), direct.CloseOrderRequest{OutTradeNo: &outTradeNo, Mchid: &s.mchID})
		return err
	}
	service := jsapi.JsapiApiService{Client: s.client}
	_, err := service.CloseOrder(s.t.Context(), jsapi.CloseOrderRequest{
		OutTradeNo: &outTradeNo, SpMchid: &s.mchID, SubMchid: &s.subMchID,
	})
	return err
}

func (s *sdk) query(outTradeNo string) (map[string]any, error) {
	if s.subMchID == "" {
		service := direct.JsapiApiService{Client: s.client}
		transaction, _, err := service.QueryOrderByOutTradeNo(s.t.Context(), direct.QueryOrderByOutTradeNoRequest{
			OutTradeNo: &outTradeNo, Mchid: &s.mchID,
		})
		return fields(s.t, transaction), err
	}
	service := jsapi.JsapiApiService{Client: s.client}
	transaction, _, err := service.QueryOrderByOutTradeNo(s.t.Context(), jsapi.QueryOrderByOutTradeNoRequest{
		OutTradeNo: &outTradeNo, SpMchid: &s.mchID, SubMchid: &s.subMchID,
	})
	return fields(s.t, transaction), err
}

func (s *sdk) queryTransaction(id string) (map[string]any, error) {
	if s.subMchID == "" {
		service := direct.JsapiApiService{Client: s.client}
		transaction, _, err := service.QueryOrderById(s.t.Context(), direct.QueryOrderByIdRequest{
			TransactionId: &id, Mchid: &s.mchID,
		})
		return fields(s.t, transaction), err
	}
	service := jsapi.JsapiApiService{Client: s.client}
	transaction, _, err := service.QueryOrderById(s.t.Context(), jsapi.QueryOrderByIdRequest{
		TransactionId: &id, SpMchid: &s.mchID, SubMchid: &s.subMchID,
	})
	return fields(s.t, transaction), err
}

// fields is a transaction of either library as a JSON object.
func fields(t *testing.T, transaction any) map[string]any {
	t.Helper()
	encoded, err := json.Marshal(transaction)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		t.Fatal(err)
	}
	return object
}
