package wxcloudrun_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"cloudpay/internal/wxcloudrun"
)

// unsent is a client that must not send.
func unsent(t *testing.T) *wxcloudrun.Client {
	t.Helper()
	return client(func(*http.Request) (*http.Response, error) {
		t.Error("something was sent")
		return respond(http.StatusOK, closeSample), nil
	})
}

// TestGoldenRequests: the same request is always the same bytes, and its names are those of the
// documents' sample.
func TestGoldenRequests(t *testing.T) {
	t.Parallel()
	const want = `{"nonce_str":"5K8264ILTKCH16CQ2502SI8ZNMTM67VS","out_trade_no":"2021WERUN1647840687637","sub_mch_id":"1712734762"}`
	const nonce = "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"
	var closing, querying recorded
	if _, err := record(t, &closing, closeSample).CloseOrder(t.Context(),
		wxcloudrun.Request{OutTradeNo: orderNo, SubMchID: subMchID, Nonce: nonce}); err != nil {
		t.Fatal(err)
	}
	if _, err := record(t, &querying, querySample).QueryOrder(t.Context(),
		wxcloudrun.Request{OutTradeNo: orderNo, SubMchID: subMchID, Nonce: nonce}); err != nil {
		t.Fatal(err)
	}
	for call, sent := range map[string]recorded{"close": closing, "query": querying} {
		if sent.body != want {
			t.Errorf("%s sent %s, want %s", call, sent.body, want)
		}
		if sent.ContentLength != int64(len(want)) {
			t.Errorf("%s: Content-Length %d, want %d", call, sent.ContentLength, len(want))
		}
	}
}

func TestEveryAllowedCharacterIsSent(t *testing.T) {
	t.Parallel()
	for _, no := range []string{"0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "_-|*@", strings.Repeat("9", 32)} {
		var sent recorded
		if _, err := record(t, &sent, closeSample).CloseOrder(t.Context(),
			wxcloudrun.Request{OutTradeNo: no, SubMchID: subMchID}); err != nil {
			t.Errorf("%s: %v", no, err)
			continue
		}
		var got map[string]string
		if err := json.Unmarshal([]byte(sent.body), &got); err != nil {
			t.Fatalf("%s: sent %s: %v", no, sent.body, err)
		}
		if got["out_trade_no"] != no {
			t.Errorf("sent %s, want order %s in it", sent.body, no)
		}
	}
}

func TestBadRequestsAreNotSent(t *testing.T) {
	t.Parallel()
	for says, request := range map[string]wxcloudrun.Request{
		"out_trade_no is missing":       {SubMchID: subMchID},
		"transaction_id closes nothing": {OutTradeNo: orderNo, TransactionID: transactionID, SubMchID: subMchID},
		"sub_mch_id is missing":         {OutTradeNo: orderNo},
		"out_trade_no has 33":           {OutTradeNo: strings.Repeat("9", 33), SubMchID: subMchID},
		`out_trade_no holds "\""`:       {OutTradeNo: `A"`, SubMchID: subMchID},
		`out_trade_no holds "\\`:        {OutTradeNo: `A\`, SubMchID: subMchID},
		"out_trade_no holds":            {OutTradeNo: "订单", SubMchID: subMchID},
		`sub_mch_id holds " "`:          {OutTradeNo: orderNo, SubMchID: "1 2"},
		`nonce_str holds "{"`:           {OutTradeNo: orderNo, SubMchID: subMchID, Nonce: "{"},
	} {
		_, err := unsent(t).CloseOrder(t.Context(), request)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: error %v, want %q in it", request, err, says)
		}
	}
}
