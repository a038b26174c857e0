// Package demo plays the demonstration before an emulated WeChat Pay. There are two programs.
//
// [Demo.Journey] tells three stories, each a screen. The shop's server places the orders over the
// wire and receives WeChat Pay's notifications, the clock is moved as `cloudpay emulate advance`
// does, and the timers of the description fire by it. A reply that is lost, and a payment that no
// person could time, are faults of the management API. What is printed is read back from where it
// happened:
//
//	requests to WeChat Pay   the gateway's history
//	timers                   the cloud's record of them (GET /v1/timers)
//	what caused a request    the cloud's journal of calls (GET /v1/calls)
//	events                   the event sink, which verifies their signatures
//	notifications            the shop, which verifies and decrypts them
//	how an order ended       the gateway's order, and the functions' register
//
// [Demo.Run] plays calls in every dialect and mode, timers and a crash, and prints a table. It
// checks each answer and the gateway's own record of the order.
//
// Whatever is not as it should be is collected and returned at the end, after everything has been
// shown: what comes after a fault may show why.
package demo

import (
	"context"
	"path/filepath"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/order"
	"cloudpay/internal/store/migrate"
)

// Run plays every variant and prints all calls in a table. The error says what was not as it should
// be, or what kept a call from being made. Functions and cloud are new in each variant; the
// gateway, its orders and its clock are the same, as WeChat Pay's are.
func (d *Demo) Run(ctx context.Context) error {
	// Each listens on a port of its own, as two domains and a management network would be.
	var err error
	at := desk.Addresses{Gateway: desk.AnyPort, Backup: desk.AnyPort, Admin: desk.AnyPort}
	if d.desk, err = desk.Start(ctx, d.Dir, at); err != nil {
		return err
	}
	defer d.desk.Close()
	for _, v := range []variant{
		{"v2", false, bilingual.New("APIv2 (XML, MD5) · direct merchant", "APIv2 (XML, MD5) · 直连商户")},
		{"v2", true, bilingual.New("APIv2 (XML, MD5) · service provider", "APIv2 (XML, MD5) · 服务商")},
		{"v3", false, bilingual.New("APIv3 (JSON, RSA) · direct merchant", "APIv3 (JSON, RSA) · 直连商户")},
		{"v3", true, bilingual.New("APIv3 (JSON, RSA) · service provider", "APIv3 (JSON, RSA) · 服务商")},
	} {
		if err := d.play(ctx, v); err != nil {
			return err
		}
	}
	return d.summary()
}

// play makes every call in one variant, with functions of its own. These trust only callers that
// prove themselves, as in production: the emulator's own policy would let anyone call.
func (d *Demo) play(ctx context.Context, v variant) error {
	s := &scene{variant: v, store: "sqlite:" + filepath.Join(d.Dir, v.api+"-"+v.mode().EN+".db")}
	if _, err := migrate.Up(ctx, s.store); err != nil {
		return bilingual.Errorf("making a store of orders: %w", "创建订单存储：%w", err)
	}
	as := desk.Settings{API: v.api, Region: string(order.Mainland), Partner: v.partner, Store: s.store}
	// The functions have the service token, by which the shop's server proves itself.
	env := d.desk.Env(as)
	cloudURL, undeploy, err := d.desk.Deploy(ctx, desk.Deployment{
		Binaries: d.Binaries, Runtime: platform.Go1, Env: env, Logs: d.Logs, Address: desk.AnyPort,
	})
	if err != nil {
		return err
	}
	defer undeploy()
	// Nothing reads the description of this cloud from a file: the calls are made here.
	s.owner, s.cloud = as.Owner(), desk.Description{CloudURL: cloudURL, Runtime: platform.Go1, Env: env}
	d.print("\n━━━ %s\n", "\n━━━ %s\n", v.title)
	for _, name := range []string{"unpaid", "paid", "lost", "stranger", "overdue", "overduepaid"} {
		if err := d.place(s, name, ""); err != nil {
			return bilingual.Errorf("placing an order: %w", "下单：%w", err)
		}
	}
	for _, c := range d.calls() {
		if err := d.call(ctx, s, c); err != nil {
			return err
		}
	}
	return d.sweep(ctx, s)
}
