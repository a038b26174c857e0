package app

import (
	"context"
	"errors"
	"io"
	"net/http"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/paynotify"
	"cloudpay/internal/trigger/event"
)

// PayNotify makes functions/paynotify: it takes WeChat Pay's notifications, which come by HTTP to a
// public address. Every path is a notify_url.
func PayNotify(environ []string, logs io.Writer) (hosting.Function, error) {
	a, settings, err := build(environ, logs)
	if err != nil {
		return hosting.Function{}, err
	}
	a.breakFor(notifiedFaults(settings))
	f := payNotify{receiver: a.newReceiver(settings), broken: a.Broken != nil}
	return hosting.Function{
		Handle: f.handle, HandleHTTP: f.handleHTTP, Standing: standingOfNotice, IsSecret: a.access.IsSecret,
		Broken: a.Broken, Log: a.Log, MemoryMB: a.memoryMB, End: a.End,
	}, nil
}

// notifiedFaults are the faults of a configuration that serves other functions, and not this one.
func notifiedFaults(c config.Config) []config.Fault {
	faults := c.CheckRoutes([]string{"paynotify"})
	switch {
	case c.Has(order.V3) && c.V3.Key.Reveal() == "":
		faults = append(faults, config.Fault{
			Variable: "WXPAY_V3_KEY",
			Problem:  bilingual.New("is not set, and notifications are encrypted with it", "未设置，而通知以它加密"),
			Remedy:   bilingual.New("give the APIv3 key of the merchant account", "请填商户平台的 APIv3 密钥"),
		})
	case !c.Has(order.V3) && !c.Has(order.V2):
		faults = append(faults, config.Fault{
			Variable: "WXPAY_API",
			Problem:  bilingual.New("has no credentials that verify notifications", "没有可用于验证通知的凭证"),
			Remedy:   bilingual.New("configure v3 or v2: over the private link no notification comes", "请配置 v3 或 v2：私有链路不发送通知"),
		})
	}
	return faults
}

// breakFor adds faults to the report of those that the App has.
func (a *App) breakFor(list []config.Fault) {
	if len(list) == 0 {
		return
	}
	faults := &config.Faults{}
	if a.Broken != nil && !errors.As(a.Broken, &faults) {
		return // it is broken for another reason
	}
	for _, f := range list {
		if !faults.Has(f.Variable) {
			faults.List = append(faults.List, f)
		}
	}
	a.Broken = faults
}

// newReceiver makes the receiver of notifications, with the keys of the App's own clients. It must
// not be used if the App is Broken.
func (a *App) newReceiver(c config.Config) *paynotify.Receiver {
	r := &paynotify.Receiver{
		Merchant: a.Closer.Merchant, AppIDs: c.AppIDs, V2: a.clients.v2, V3: a.clients.v3, Log: a.Log,
	}
	if address := c.ForwardURL.Reveal(); address != "" {
		r.Forward = paynotify.NewForwarder(address, nil)
	}
	if a.Store != nil {
		r.Register = a.Store
		if a.Sweeper.Notifier != nil {
			r.Deliver = a.Sweeper.Deliver
		}
	}
	return r
}

// payNotify has a receiver answer requests, whichever platform they come by.
type payNotify struct {
	receiver *paynotify.Receiver
	broken   bool
}

// standingOfNotice is what the head of a request proves: nothing, but what is posted may be signed.
func standingOfNotice(head hosting.Request) hosting.Standing {
	if head.Method != http.MethodPost {
		return hosting.Refused
	}
	return hosting.Notified
}

// errNoRequest is the error for an event that is no HTTP request: WeChat Pay sends nothing else.
var errNoRequest = errors.New(
	"paynotify takes HTTP requests alone: lead a route, a function URL or a gateway to it, and set no other trigger")

// handle answers an HTTP request that came as an event. The error is errNoRequest for every other
// event.
func (p payNotify) handle(ctx context.Context, inv hosting.Invocation) ([]byte, error) {
	e, fault := event.Decode(inv.Payload)
	if e.Kind != event.HTTP {
		return nil, errNoRequest
	}
	response, err := p.serve(ctx, inv, e, fault)
	return e.EncodeResponse(response), err
}

// handleHTTP answers a request to our own server.
func (p payNotify) handleHTTP(ctx context.Context, inv hosting.Invocation, r hosting.Request) (hosting.Response, error) {
	return p.serve(ctx, inv, event.Event{Kind: event.HTTP, Request: r}, nil)
}

// serve answers a request, whichever platform it came by. Its error is nil.
func (p payNotify) serve(ctx context.Context, inv hosting.Invocation, e event.Event, fault *event.Fault) (hosting.Response, error) {
	switch {
	case inv.Withheld:
		return responseOf(paynotify.NotAllowed()), nil
	case fault != nil:
		return responseOf(paynotify.Unreadable(fault.TooLarge)), nil
	}
	return p.respond(ctx, e.Request), nil
}

func (p payNotify) respond(ctx context.Context, r hosting.Request) hosting.Response {
	switch {
	case r.Method != http.MethodPost:
		return responseOf(paynotify.NotAllowed())
	case p.broken:
		return responseOf(paynotify.Unavailable())
	}
	header := http.Header{}
	for name, value := range r.Header {
		header.Set(name, value)
	}
	return responseOf(p.receiver.Take(ctx, paynotify.Notice{Header: header, Body: r.Body}))
}

func responseOf(a paynotify.Answer) hosting.Response {
	header := map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
	if a.ContentType != "" {
		header["Content-Type"] = a.ContentType
	}
	if a.Status == http.StatusMethodNotAllowed {
		header["Allow"] = http.MethodPost
	}
	return hosting.Response{Status: a.Status, Header: header, Body: a.Body}
}
