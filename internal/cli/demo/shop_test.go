package demo

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/emulator/desk"
	"cloudpay/pkg/paygate"
)

// openedShop is a shop before an emulated WeChat Pay, without functions.
func openedShop(t *testing.T) (*desk.Desk, *shop) {
	t.Helper()
	world, err := desk.Start(t.Context(), t.TempDir(), desk.Addresses{Gateway: desk.AnyPort, Backup: desk.AnyPort, Admin: desk.AnyPort})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(world.Close)
	s, err := openShop(t.Context(), world.Describe("", "", desk.Settings{API: "v3", Region: "cn"}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return world, s
}

// An order is placed over the wire, once for each number. A reply that is not signed by WeChat Pay
// places nothing as far as the shop knows.
func TestShopPlaces(t *testing.T) {
	t.Parallel()
	world, s := openedShop(t)
	prepayID, err := s.place(t.Context(), "TEA-101")
	if err != nil || !strings.HasPrefix(prepayID, "wx") {
		t.Errorf("got %q, %v, want a prepay_id", prepayID, err)
	}
	if got := world.Gateway.Requests(); len(got) != 1 || got[0].Op != "place" || got[0].Verdict != "ok" || got[0].State != "NOTPAY" {
		t.Errorf("got %+v, want one placing", got)
	}
	for action, want := range map[paygate.Action]string{
		paygate.BadSignature: "signature", paygate.Unsigned: "Wechatpay-Timestamp", paygate.Stale: "Wechatpay-Timestamp",
		paygate.UnknownSerial: "serial", paygate.Drop: "no reply", paygate.SystemError: "WeChat Pay answers 500",
	} {
		number := "TEA-" + string(action)
		if err := world.Gateway.Inject(paygate.Fault{Op: "place", OutTradeNo: number, Action: action, Times: 1}); err != nil {
			t.Fatal(err)
		}
		if prepayID, err := s.place(t.Context(), number); err == nil || prepayID != "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %q, %v, want %q", action, prepayID, err, want)
		}
	}
	s.described.Merchant.MchID = "1900000002"
	if _, err := s.place(t.Context(), "TEA-102"); err == nil {
		t.Error("another merchant's key placed an order")
	}
}

// A notification that is not genuine is refused and shows no payment. The genuine one follows.
func TestShopRefusesNotifications(t *testing.T) {
	t.Parallel()
	for _, action := range []paygate.Action{
		paygate.BadSignature, paygate.Unsigned, paygate.UnknownSerial, paygate.Stale, paygate.WrongKey, paygate.WrongMerchant,
	} {
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			world, s := openedShop(t)
			const number = "TEA-103"
			if _, err := s.place(t.Context(), number); err != nil {
				t.Fatal(err)
			}
			if err := world.Gateway.Inject(paygate.Fault{Op: "notify", OutTradeNo: number, Action: action, Times: 1}); err != nil {
				t.Fatal(err)
			}
			if err := world.Gateway.Pay(number); err != nil {
				t.Fatal(err)
			}
			if n, err := world.Gateway.AwaitNotified(t.Context(), number); err == nil || len(n.Attempts) != 1 || n.Attempts[0].HTTPStatus != http.StatusUnauthorized {
				t.Errorf("got %+v, %v, want an attempt that is refused", n, err)
			}
			if got := s.of(number); len(got) != 1 || got[0].err == nil {
				t.Errorf("got %+v, want one that is not believed", got)
			}
			const firstPause = 15 * time.Second
			if err := world.Gateway.Advance(firstPause); err != nil {
				t.Fatal(err)
			}
			if _, err := world.Gateway.AwaitNotified(t.Context(), number); err != nil {
				t.Error(err)
			}
			got := s.of(number)
			if len(got) != 2 || got[1].err != nil || got[1].event != "TRANSACTION.SUCCESS" || got[1].paid.TradeState != "SUCCESS" || got[1].paid.Amount.Total != total {
				t.Errorf("got %+v, want the genuine one at last", got)
			}
		})
	}
}

// What is no notification is refused, however it is wrong.
func TestResource(t *testing.T) {
	t.Parallel()
	const key, algorithm = "0123456789abcdef0123456789abcdef", "AEAD_AES_256_GCM"
	for name, one := range map[string]struct {
		resource resource
		key      string
		want     string
	}{
		"algorithm": {resource{Algorithm: "AEAD_SM4_GCM"}, key, `it is encrypted by "AEAD_SM4_GCM"`},
		"key":       {resource{Algorithm: algorithm}, "short", "the APIv3 key"},
		"nonce":     {resource{Algorithm: algorithm, Nonce: "short"}, key, "its nonce is not of twelve bytes"},
		"text":      {resource{Algorithm: algorithm, Nonce: "0123456789ab", Ciphertext: []byte("nothing")}, key, "decrypting it"},
	} {
		if plain, err := one.resource.open(one.key); err == nil || plain != nil || !strings.Contains(err.Error(), one.want) {
			t.Errorf("%s: got %q, %v, want %q", name, plain, err, one.want)
		}
	}
}
