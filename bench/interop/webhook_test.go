package interop_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"cloudpay/internal/notify"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule/outbox"
)

const (
	webhookKey      = notify.Key("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	otherWebhookKey = notify.Key("whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=")
	plainWebhookKey = notify.Key("0123456789abcdef")
)

// Deliveries of internal/notify are verified by the library that the authors of Standard Webhooks
// publish.
func TestStandardWebhooksVerifiesDeliveries(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		keys     []notify.Key
		verifier func() (*standardwebhooks.Webhook, error)
		now      func() time.Time
		refused  bool
	}{
		"one key":             {keys: []notify.Key{webhookKey}, verifier: verifierOf(webhookKey)},
		"the first of two":    {keys: []notify.Key{webhookKey, otherWebhookKey}, verifier: verifierOf(webhookKey)},
		"the last of two":     {keys: []notify.Key{webhookKey, otherWebhookKey}, verifier: verifierOf(otherWebhookKey)},
		"a key of bytes":      {keys: []notify.Key{plainWebhookKey}, verifier: rawVerifierOf(plainWebhookKey)},
		"both forms":          {keys: []notify.Key{webhookKey, plainWebhookKey}, verifier: rawVerifierOf(plainWebhookKey)},
		"another key":         {keys: []notify.Key{webhookKey}, verifier: verifierOf(otherWebhookKey), refused: true},
		"six minutes ago":     {keys: []notify.Key{webhookKey}, verifier: verifierOf(webhookKey), now: apart(-6 * time.Minute), refused: true},
		"six minutes to come": {keys: []notify.Key{webhookKey}, verifier: verifierOf(webhookKey), now: apart(6 * time.Minute), refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verifier, err := test.verifier()
			if err != nil {
				t.Fatal(err)
			}
			receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || verifier.Verify(body, r.Header) != nil {
					w.WriteHeader(http.StatusUnauthorized)
				}
			}))
			defer receiver.Close()
			sender, err := notify.New(receiver.URL, test.keys, notify.Options{Now: test.now})
			if err != nil {
				t.Fatal(err)
			}
			ref := order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: "A1|*<&>"}
			err = sender.Deliver(t.Context(), outbox.Event{
				EventID: outbox.NewEventID(ref, 1, outbox.EventClosed, 1), Number: 1, Kind: outbox.EventClosed, Ref: ref, OccurredAt: time.Now(),
			})
			answer, isAnswer := errors.AsType[*outbox.DeliveryError](err)
			if refused := isAnswer && answer.Status == http.StatusUnauthorized; refused != test.refused || !refused && err != nil {
				t.Errorf("got %v, want it refused: %v", err, test.refused)
			}
		})
	}
}

func verifierOf(key notify.Key) func() (*standardwebhooks.Webhook, error) {
	return func() (*standardwebhooks.Webhook, error) { return standardwebhooks.NewWebhook(string(key)) }
}

func rawVerifierOf(key notify.Key) func() (*standardwebhooks.Webhook, error) {
	return func() (*standardwebhooks.Webhook, error) { return standardwebhooks.NewWebhookRaw([]byte(key)) }
}

func apart(d time.Duration) func() time.Time {
	return func() time.Time { return time.Now().Add(d) }
}
