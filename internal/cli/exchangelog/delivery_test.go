package exchangelog_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/cli/exchangelog"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/traffic"
)

// notification is an attempt of WeChat Pay to notify a shop.
func notification(attempt int, verdict, state string) traffic.Delivery {
	return traffic.Delivery{
		Time: noon, Clock: noon, From: traffic.FromWeChatPay, To: "http://127.0.0.1:8080/notify", API: "v3", Topic: "payment",
		OutTradeNo: "A1", Attempt: attempt, Verdict: verdict, State: state,
	}
}

// event is what a function told the event sink.
func event(verdict string, status int, reason string) traffic.Delivery {
	return traffic.Delivery{
		Time: noon, From: traffic.FromFunctions, Function: "closeorder", To: "event sink", Topic: "closed", OutTradeNo: "A1",
		Verdict: verdict, HTTPStatus: status, Reason: reason,
	}
}

// A message has a line that says from where, to where, what, and what became of it: with the next
// attempt, and below it why it was not acknowledged or not sent.
func TestDelivery(t *testing.T) {
	t.Parallel()
	const head = "12:00:00  wechatpay → http://127.0.0.1:8080/notify v3 payment A1"
	acknowledged := notification(1, "ok", "acknowledged")
	acknowledged.HTTPStatus = 204
	failed := notification(2, "failed", "pending")
	failed.HTTPStatus, failed.Reason, failed.Next = 503, "503 is neither 200 nor 204", noon.Add(30*time.Second)
	down := notification(7, "failed", "pending")
	down.Reason, down.Next, down.Faults = "there was no answer: connection refused", noon.Add(90*time.Minute), []string{"duplicate"}
	last := notification(16, "failed", "exhausted")
	last.HTTPStatus = 500
	replay := notification(3, "ok", "acknowledged")
	replay.HTTPStatus, replay.Replay = 200, true
	refused := notification(0, "refused", "refused")
	refused.To, refused.Reason = "http://shop.example/n", "the host is not this machine: start with --notify-hosts shop.example"
	delayed := notification(0, "delayed", "pending")
	delayed.Next, delayed.Reason = noon.Add(3*time.Hour), "a fault delays it by 3h0m0s"
	stranger := event("unauthentic", 401, "webhook-signature: it is wrong")
	stranger.Function, stranger.OutTradeNo, stranger.Topic = "", "A\x1b[2J", ""
	for name, q := range map[string]struct {
		delivery traffic.Delivery
		want     string
	}{
		"acknowledged": {acknowledged, head + " → ok 204\n"},
		"failed": {failed, head + " (attempt 2) → failed 503, again in 30s\n" +
			"          503 is neither 200 nor 204\n"},
		"down": {down, head + " (attempt 7) → failed [duplicate], again in 1h30m\n" +
			"          there was no answer: connection refused\n"},
		"the last attempt": {last, head + " (attempt 16) → failed 500, the last attempt\n"},
		"by hand":          {replay, head + " (attempt 3) (sent by hand) → ok 200\n"},
		"refused": {refused, "12:00:00  wechatpay → http://shop.example/n v3 payment A1 → refused\n" +
			"          the host is not this machine: start with --notify-hosts shop.example\n"},
		"delayed": {delayed, head + " → delayed, again in 3h\n          a fault delays it by 3h0m0s\n"},
		"event":   {event("ok", 204, ""), "12:00:00  closeorder → event sink closed A1 → ok 204\n"},
		"wrong signature": {stranger, "12:00:00  functions → event sink A\\u001b[2J → unauthentic 401\n" +
			"          webhook-signature: it is wrong\n"},
	} {
		for _, mode := range []exchangelog.Mode{exchangelog.Short, exchangelog.Full} {
			if diff := cmp.Diff(q.want, atNoon(style(mode).Delivery(q.delivery))); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, mode, diff)
			}
		}
	}
	if text := style(exchangelog.JSON).Entry(exchangelog.Entry{Delivery: &failed}); strings.Count(text, "\n") != 1 ||
		!strings.HasPrefix(text, `{"kind":"delivery","id":0,`) || !strings.Contains(text, `"next":"2026-11-29T12:00:30Z"`) {
		t.Errorf("got %s, want an object in a line", text)
	}
	zh := exchangelog.Style{Mode: exchangelog.Short, Language: &render.Language{Chinese: true}}
	if text := zh.Delivery(failed); !strings.Contains(text, "A1（第 2 次） → failed 503，30s 后重试\n") {
		t.Errorf("got %s", text)
	}
	if text := zh.Delivery(last); !strings.Contains(text, "，最后一次\n") {
		t.Errorf("got %s", text)
	}
}
