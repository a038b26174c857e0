package doctor

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
	"cloudpay/internal/notify"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule/outbox"
)

const (
	nameNotifyURL  = "CLOUDPAY_NOTIFY_URL"
	nameNotifyKey  = "CLOUDPAY_NOTIFY_KEY"
	nameForwardURL = "CLOUDPAY_PAYNOTIFY_FORWARD_URL"

	// maxWebhook limits everything that is said to one receiver.
	maxWebhook = 5 * time.Second
	// endsSoon is how long before its end a receiver's certificate gets a warning. One of ninety
	// days is usually renewed when thirty are left.
	endsSoon = 10 * 24 * time.Hour
)

// A receiver is looked at in two steps. The first is a HEAD without content, which any web server
// answers and which asks for nothing: it shows the name, the port, TLS, the certificate's end, and
// whether something redirects. A status of 404 or 405 is not judged, since receivers need to know
// POST alone.
//
// The second is made with --send only, because a shop's server acts on what it receives: an event
// of the kind test, signed as every delivery is, and a second one that is signed with a key that
// was made up. A receiver that acknowledges the second verifies nothing, and anyone who learns its
// address can have stock released or goods delivered.
//
// Deliveries follow no redirect, and neither does this: the event would go to another receiver than
// the configured one.

// receiver is a web address that gets something from the functions.
type receiver struct {
	variable string
	address  config.Secret
	// events reports that it gets events, of which one can be made up.
	events bool
}

// checkWebhooks looks at the receivers of events and of unrecorded notifications, at once.
func checkWebhooks(ctx context.Context, e *examination) []Finding {
	receivers := group{}
	for _, r := range []receiver{
		{nameNotifyURL, e.settings.NotifyURL, true},
		{nameForwardURL, e.settings.ForwardURL, false},
	} {
		// A faulty address is reported by checkConfiguration.
		if r.address.Reveal() != "" && !e.faults.Has(r.variable) {
			receivers = append(receivers, r.check)
		}
	}
	return receivers.findings(ctx, e)
}

// check looks at one receiver. Its address may hold a secret, and is not shown.
func (r receiver) check(ctx context.Context, e *examination) []Finding {
	f := webhookCheck.about(r.variable)
	if e.Offline {
		return []Finding{f.skipped(bilingual.New("not asked, for --offline", "未检查（--offline）"))}
	}
	ctx, cancel := e.limited(ctx, maxWebhook, 2)
	defer cancel()
	// A HEAD has neither content nor effect.
	seen := e.exchange(ctx, http.MethodHead, r.address.Reveal())
	if seen.err != nil {
		found, remedy := seen.unreached(false)
		return []Finding{f.fault(found, bilingual.Sprintf("%s; the line is %s=https://HOST/PATH",
			"%s；对应的配置为 %s=https://HOST/PATH", remedy, r.variable))}
	}
	if finding, redirected := r.redirected(f, seen, e.Send && r.events); redirected {
		return []Finding{finding}
	}
	return append(r.reached(f, seen, e.now()), r.deliveries(ctx, e, f)...)
}

// redirected words a redirect, which no delivery follows. A permanent one is of the address,
// whatever the method; another may be of a HEAD alone.
func (r receiver) redirected(f Finding, seen probe, sent bool) (Finding, bool) {
	found := bilingual.Sprintf("answers HTTP %d, a redirect, and deliveries follow none", "返回 HTTP %d 重定向，而投递不会跟随重定向", seen.status)
	remedy := bilingual.Sprintf("write the address that it leads to: %s", "请填写其指向的地址：%s", r.lineTo(seen.location))
	switch {
	case seen.status == http.StatusMovedPermanently, seen.status == http.StatusPermanentRedirect:
		return f.fault(found, remedy), true
	case seen.status/100 != 3 || sent: // a delivery will tell
		return f, false
	}
	return f.warning(bilingual.Sprintf("answers a HEAD with HTTP %d, a redirect, and deliveries follow none",
		"对 HEAD 返回 HTTP %d 重定向，而投递不会跟随重定向",
		seen.status), remedy), true
}

// lineTo is the line with the host that a redirect leads to. Its path may repeat a secret.
func (r receiver) lineTo(location string) string {
	own, err := url.Parse(r.address.Reveal())
	if err != nil {
		return r.variable + "=https://HOST/PATH"
	}
	to, err := own.Parse(location)
	const longest = 100
	if err != nil || to.Scheme != "https" && to.Scheme != "http" || to.Host == "" || len(to.Host) > longest {
		return r.variable + "=https://HOST/PATH"
	}
	return r.variable + "=" + to.Scheme + "://" + to.Host + "/PATH"
}

// reached words a receiver that answered a HEAD, and the end of its certificate. Its status says
// nothing: receivers need to know POST alone.
func (r receiver) reached(f Finding, seen probe, now time.Time) []Finding {
	if seen.status == http.StatusBadGateway || seen.status == http.StatusServiceUnavailable || seen.status == http.StatusGatewayTimeout {
		return []Finding{f.warning(bilingual.Sprintf("answers HTTP %d: what stands before it reaches no receiver",
			"返回 HTTP %d：其前置代理未能到达接收方", seen.status),
			bilingual.New("start the receiver, and see what stands before it", "请启动接收方，并检查其前置代理"))}
	}
	found := bilingual.Sprintf("answers, HTTP %d in %d ms%s", "可达，HTTP %d，%d 毫秒%s", seen.status, seen.took.Milliseconds(), seen.tls)
	if seen.certificate == nil {
		return []Finding{f.fine(found)}
	}
	last := seen.certificate.NotAfter
	if last.Sub(now) < endsSoon {
		return []Finding{f.warning(bilingual.Sprintf("its TLS certificate expires on %s", "其 TLS 证书将于 %s 过期", last.Format(dateWithZone)),
			bilingual.New("renew it, and see why that was not done by itself: no event is delivered after that day",
				"请更换证书，并检查为何未自动更换：过期后无法投递事件"))}
	}
	return []Finding{f.fine(bilingual.Sprintf("%s; its certificate is valid until %s", "%s；证书有效期至 %s", found, last.Format(dateWithZone)))}
}

// deliveries sends a test event, and the same with a wrong signature. Without --send it says what
// was not checked.
func (r receiver) deliveries(ctx context.Context, e *examination, f Finding) []Finding {
	switch {
	case !r.events:
		return []Finding{f.skipped(bilingual.New("whether it accepts notifications was not checked: WeChat Pay alone can sign one",
			"未检查它是否接受通知：只有微信支付能够签名"))}
	case !e.Send:
		f = f.skipped(bilingual.New("whether it accepts a signed event was not checked", "未检查它是否接受带签名的事件"))
		f.Remedy = bilingual.New("--send delivers a test event (docs/events.md)", "--send 会投递测试事件（docs/events.md）")
		return []Finding{f}
	}
	keys := make([]notify.Key, 0, len(e.settings.NotifyKeys))
	for _, key := range e.settings.NotifyKeys {
		keys = append(keys, notify.Key(key.Reveal()))
	}
	took := time.Now()
	if err := r.deliver(ctx, e, keys); err != nil {
		return []Finding{r.undelivered(f, err)}
	}
	acknowledged := f.fine(bilingual.Sprintf("acknowledges a signed test event (%d ms)",
		"接受带签名的测试事件（%d 毫秒）", time.Since(took).Milliseconds()))
	return []Finding{acknowledged, r.forged(ctx, e, f)}
}

// eventTest is the kind of a test event. docs/events.md says what a receiver does with it.
const eventTest outbox.EventKind = "test"

// deliver sends a test event about an order with a made-up number.
func (r receiver) deliver(ctx context.Context, e *examination, keys []notify.Key) error {
	webhook, err := notify.New(r.address.Reveal(), keys, notify.Options{Now: e.now})
	if err != nil {
		return err
	}
	defer webhook.CloseIdleConnections()
	ref := order.Ref{Region: e.settings.Region, MchID: e.settings.MchID, OutTradeNo: madeUp + rand.Text()[:16]}
	return webhook.Deliver(ctx, outbox.Event{
		EventID: outbox.NewEventID(ref, 0, eventTest, 0), Kind: eventTest, Ref: ref, OccurredAt: e.now().UTC(),
	})
}

// forged sends a test event that is signed with a key of nobody's. A receiver that acknowledges it
// would believe anyone.
func (r receiver) forged(ctx context.Context, e *examination, f Finding) Finding {
	err := r.deliver(ctx, e, []notify.Key{notify.Key(rand.Text())})
	answer, answered := errors.AsType[*outbox.DeliveryError](err)
	switch {
	// Acknowledged, so that it was not verified.
	case err == nil:
		return f.fault(bilingual.New("acknowledges an event with a wrong signature: anyone who knows its address can have orders delivered",
			"接受签名错误的事件：任何知道其地址的人都能让它发货"),
			bilingual.Sprintf("have it verify %s before anything else, and answer 401 (docs/events.md)",
				"请先用 %s 验签，失败则返回 401（docs/events.md）", nameNotifyKey))
	// docs/events.md says 401; any 4xx has the event retried, and none acted upon.
	case answered && answer.Status/100 == 4:
		return f.fine(bilingual.Sprintf("refuses one with a wrong signature (HTTP %d)", "拒绝签名错误的事件（HTTP %d）", answer.Status))
	}
	return f.warning(bilingual.New("does not refuse an event with a wrong signature by 4xx", "对签名错误的事件未返回 4xx"),
		bilingual.New("answer 401, so that a changed key is found in the reasons of `cloudpay orders events --pending`",
			"请返回 401，以便在 `cloudpay orders events --pending` 的原因中发现密钥不一致"))
}

// undelivered words a test event that was not acknowledged, with the most frequent cause of each
// status.
func (r receiver) undelivered(f Finding, err error) Finding {
	answer, answered := errors.AsType[*outbox.DeliveryError](err)
	// The HEAD was answered: the receiver hangs, or hung up.
	if !answered {
		return f.fault(bilingual.New("was reached, and did not answer a test event in time", "可达，但未及时应答测试事件"),
			bilingual.New("acknowledge an event first, and act on it afterwards: a delivery has ten seconds", "请先应答再处理：每次投递最多等待十秒"))
	}
	found := bilingual.Sprintf("answers a signed test event with HTTP %d", "对带签名的测试事件返回 HTTP %d", answer.Status)
	switch status := answer.Status; {
	// A HEAD was not redirected, and a POST is.
	case status/100 == 3:
		return f.fault(found, bilingual.Sprintf("write the address that it leads to, for no redirect is followed: %s=https://HOST/PATH",
			"投递不跟随重定向，请填写其指向的地址：%s=https://HOST/PATH", r.variable))
	// The signature is right by our keys, so that the receiver has others, or another clock.
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return f.fault(found, bilingual.Sprintf("give the receiver the key in %s (of whsec_… the base64 behind it), and see that its"+
			" clock is right and that"+
			" it signs the body as it came", "请让接收方使用 %s 中的密钥（whsec_ 之后为 base64），并检查其时钟，且须以收到的原始报文验签", nameNotifyKey))
	// Something answers, and not a receiver.
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed, status == http.StatusGone:
		return f.fault(found, bilingual.Sprintf("correct the path: %s=https://HOST/PATH; it takes POST",
			"请更正路径：%s=https://HOST/PATH，且须接受 POST", r.variable))
	// A receiver that is overloaded now may be right otherwise.
	case answer.IsBusy():
		return f.warning(found, bilingual.New("try again when it is less busy; deliveries rest and are retried", "请在其空闲后重试；投递会暂停并重试"))
	}
	return f.fault(found, bilingual.New("answer 2xx to events of the kind test, which ask for nothing (docs/events.md)",
		"对 kind 为 test 的事件返回 2xx，它不要求任何操作（docs/events.md）"))
}
