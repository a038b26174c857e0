package demo

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/emulator/workload"
	"cloudpay/internal/order"
	"cloudpay/internal/store"
	"cloudpay/internal/store/migrate"
)

// begin starts WeChat Pay, the register, the receiver of events, the functions with their timers,
// and the shop. The functions trust only callers that prove themselves, as in production: the
// customer is named by the platform, the shop's server has the service token, and the timer is the
// platform's. After an error, end stops what was started.
func (j *journey) begin(ctx context.Context) (err error) {
	at := desk.Addresses{Gateway: desk.AnyPort, Backup: desk.AnyPort, Admin: desk.AnyPort}
	if j.desk, err = desk.Start(ctx, j.Dir, at); err != nil {
		return err
	}
	j.ends = append(j.ends, j.desk.Close)
	as := desk.Settings{API: string(order.V3), Region: string(order.Mainland), Store: "sqlite:" + filepath.Join(j.Dir, "orders.db")}
	if as.Events, err = j.desk.ServeEvents(ctx, desk.AnyPort); err != nil {
		return err
	}
	if err := j.openRegister(ctx, as.Store); err != nil {
		return err
	}
	if err := j.deploy(ctx, as); err != nil {
		return err
	}
	if j.shop, err = openShop(ctx, j.cloud); err != nil {
		return err
	}
	j.ends = append(j.ends, j.shop.Close)
	return nil
}

// end stops whatever was started, the last first. The functions end before what they call.
func (j *journey) end() {
	for _, stop := range slices.Backward(j.ends) {
		stop()
	}
	j.ends = nil
}

// openRegister makes the functions' store, and opens it to be read: a second process beside the
// functions, as `cloudpay orders` is.
func (j *journey) openRegister(ctx context.Context, address string) (err error) {
	if _, err = migrate.Up(ctx, address); err == nil {
		j.register, err = store.Open(address)
	}
	if err != nil {
		return bilingual.Errorf("making a store of orders: %w", "创建订单存储：%w", err)
	}
	j.ends = append(j.ends, func() { _ = j.register.Close() }) // it was only read
	return nil
}

// deploy starts the functions, and the timers of their description, as `cloudpay emulate` does.
// Without CLOUDPAY_CALLER_POLICY they believe callers as when they are deployed. Placeholders of
// the description are filled in from this process's environment, but for the emulator's own
// variables: a real merchant's keys never reach the functions.
func (j *journey) deploy(ctx context.Context, as desk.Settings) error {
	described, err := filepath.Abs(cmp.Or(j.Described, j.Dir))
	if err != nil {
		return bilingual.Errorf("finding the functions' description: %w", "查找云函数的描述：%w", err)
	}
	plan, err := workload.Make(ctx, workload.Options{
		Dir: described, Workspace: filepath.Join(j.Dir, "functions"), Binaries: j.Binaries, Runtime: platform.Go1,
		Env: j.desk.Env(as), Lookup: os.LookupEnv, Warm: 1,
	})
	if err != nil {
		return err
	}
	url, undeploy, err := j.desk.Deploy(ctx, desk.Deployment{
		Functions: plan.Functions, Timers: plan.Timers, Logs: j.Logs, Address: desk.AnyPort,
	})
	if err != nil {
		return err
	}
	j.ends = append(j.ends, undeploy)
	j.timers, j.cloud = plan.Timers, j.desk.Describe(url, platform.Go1, as)
	return nil
}
