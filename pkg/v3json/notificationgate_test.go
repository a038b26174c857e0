package v3json_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"cloudpay/pkg/paygate"
	"cloudpay/pkg/v3json"
	"cloudpay/pkg/wire"
)

// acknowledging is a shop that acknowledges everything.
func acknowledging(t *testing.T) string {
	t.Helper()
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(shop.Close)
	return shop.URL + "/notify"
}

// gateClient is the gateway's merchant, with the gateway's public key and certificate.
func gateClient(t *testing.T, gate *paygate.Server) *v3json.Client {
	t.Helper()
	pem, err := gate.PublicKeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	public, err := v3json.ParsePublicKey(gate.PublicKeyID(), pem)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := v3json.ParseCertificate(gate.CertificatePEM())
	if err != nil {
		t.Fatal(err)
	}
	ring, err := v3json.NewKeyring(public, certificate)
	if err != nil {
		t.Fatal(err)
	}
	return &v3json.Client{MchID: gate.Merchant.MchID, Keys: ring, V3Key: newV3Key(t, gate.Merchant.V3Key), Now: gate.Time}
}

// sent waits until an order's newest notification was acknowledged, and decodes its last attempt.
func sent(t *testing.T, gate *paygate.Server, number string, of ...paygate.Owner) (*wire.Notification[v3json.Transaction], error) {
	t.Helper()
	n, err := gate.AwaitNotified(t.Context(), number, of...)
	if err != nil {
		t.Fatal(err)
	}
	last := n.Attempts[len(n.Attempts)-1]
	header := http.Header{}
	for name, value := range last.RequestHeader {
		header.Set(name, value)
	}
	return gateClient(t, gate).DecodeNotification(t.Context(), header, []byte(last.RequestBody))
}

// TestNotificationsOfTheEmulatedGateway: the gateway, which shares no code with this package,
// encrypts and signs each kind of notification that is handled.
func TestNotificationsOfTheEmulatedGateway(t *testing.T) {
	t.Parallel()
	gate, url := paygate.RunT(t), acknowledging(t)
	own := gate.Merchant.MchID
	gate.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100, NotifyURL: url})
	gate.MustAddOrder(paygate.Order{OutTradeNo: "P1", SubMchID: "1900000109", Total: 101, NotifyURL: url})
	gate.MustAddCombined(paygate.CombinedOrder{CombineOutTradeNo: "C1", NotifyURL: url, SubOrders: []paygate.Order{
		{OutTradeNo: "S1", Total: 60}, {OutTradeNo: "S2", Total: 40},
	}})
	for number, want := range map[string][]string{
		"A1": {own + "//A1 SUCCESS 100"},
		"P1": {own + "/1900000109/P1 SUCCESS 101"},
		"C1": {own + "//S1 SUCCESS 60", own + "//S2 SUCCESS 40"},
	} {
		for _, byCertificate := range []bool{false, true} {
			gate.MustSetSigning(paygate.Signing{NotifyByCertificate: byCertificate})
			if !byCertificate {
				gate.MustPay(number)
			} else if n, err := gate.AwaitNotified(t.Context(), number); err != nil {
				t.Fatal(err)
			} else if _, err := gate.SendNotification(n.ID); err != nil {
				t.Fatal(err)
			}
			got, err := sent(t, gate, number)
			if err != nil {
				t.Fatalf("order %s, by certificate %t: %v", number, byCertificate, err)
			}
			if short := withoutTransactions(got.Paid); !slices.Equal(short, want) || len(got.Refunded) != 0 {
				t.Errorf("order %s: got %q, want %q", number, short, want)
			}
			for _, one := range got.Paid {
				if one.TransactionID == "" || one.SuccessTime.IsZero() || one.Payer.OpenID == "" && one.Payer.SPOpenID == "" || len(one.Unread) != 0 {
					t.Errorf("order %s: got %+v, want its payment's facts", number, one)
				}
			}
		}
	}
}

// withoutTransactions is inShort without the numbers that the gateway draws.
func withoutTransactions(orders []v3json.Transaction) []string {
	list := inShort(orders)
	for i, short := range list {
		list[i] = strings.Replace(short, " "+orders[i].TransactionID+" ", " ", 1)
	}
	return list
}

func TestRefundOfTheEmulatedGateway(t *testing.T) {
	t.Parallel()
	gate, url := paygate.RunT(t), acknowledging(t)
	gate.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100})
	gate.MustPay("A1")
	reply, err := http.Post(gate.AdminURL+"/orders/A1/refund", "application/json", strings.NewReader(`{"amount":40,"notify_url":"`+url+`"}`))
	if err != nil || reply.StatusCode != http.StatusOK {
		t.Fatalf("refunding: %v %v", reply, err)
	}
	_ = reply.Body.Close()
	got, err := sent(t, gate, "A1")
	if err != nil {
		t.Fatal(err)
	}
	if short := withoutTransactions(got.Refunded); !slices.Equal(short, []string{gate.Merchant.MchID + "//A1  100"}) || len(got.Paid) != 0 {
		t.Errorf("got %q of %+v, want the order refunded", short, got)
	}
}

// TestForgeriesOfTheEmulatedGateway: each of the gateway's faults of a notification is refused, but
// an empty associated_data, which is none.
func TestForgeriesOfTheEmulatedGateway(t *testing.T) {
	t.Parallel()
	for action, want := range map[paygate.Action]string{
		paygate.BadSignature: "bad signature", paygate.Unsigned: "unsigned", paygate.UnknownSerial: "unknown serial", paygate.Probe: "probe",
		paygate.Stale: "stale", paygate.WrongKey: "bad signature", paygate.WrongMerchant: "mismatch", "reencoded": "bad signature",
		"wrong-associated-data": "bad signature", "empty-associated-data": "",
	} {
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			gate := paygate.RunT(t)
			client, taken := gateClient(t, gate), make(chan error, 1)
			shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err == nil {
					_, err = client.DecodeNotification(r.Context(), r.Header, body)
				}
				if err != nil {
					w.WriteHeader(http.StatusUnauthorized)
				}
				taken <- err
			}))
			t.Cleanup(shop.Close)
			gate.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100, NotifyURL: shop.URL})
			gate.MustInject(paygate.Fault{Action: action, Op: "notify"})
			gate.MustPay("A1")
			_, refused := gate.AwaitNotified(t.Context(), "A1")
			err := <-taken
			if want == "" {
				if err != nil || refused != nil {
					t.Errorf("got error %v, and the gateway %v, want it accepted", err, refused)
				}
				return
			}
			wantReason(t, err, wire.Reason(want))
			if refused == nil || !strings.Contains(refused.Error(), "401 is neither 200 nor 204") {
				t.Errorf("the gateway got %v, want the answer 401", refused)
			}
		})
	}
}
