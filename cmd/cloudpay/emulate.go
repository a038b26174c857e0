package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/cli/world"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/order"
)

// emulateCmd is one run of emulate. Its flags are checked before anything starts, and all faults
// are reported together.
type emulateCmd struct{ world.World }

// newEmulate makes the command emulate, which serves until it is interrupted. Other commands find
// it by the description in its folder.
func newEmulate(l *render.Language) *cobra.Command {
	e := &emulateCmd{world.World{Language: l}}
	cmd := describe(l, "emulate", &cobra.Command{
		Args: noArguments,
		RunE: e.run,
	})
	e.register(cmd)
	cmd.AddCommand(newAdvance(l), newExport(l), newImportState(l), newLogs(l))
	return cmd
}

// register adds the flags.
func (e *emulateCmd) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	e.Register(flags)
	flags.StringVar((*string)(&e.Runtime), "runtime", string(platform.Go1), e.Say("how the functions are run: %s", "云函数的运行方式：%s",
		strings.Join(runtimes(), ", ")))
	// A call by a service may still choose another dialect: the environment has the keys of all.
	flags.StringVar(&e.Settings.API, "api", string(order.V3), e.Say("dialect that the functions speak: %s", "云函数所用接口：%s",
		strings.Join(apis(), ", ")))
	flags.StringVar(&e.Settings.Region, "region", string(order.Mainland), e.Say("where their merchant is: %s", "商户所在地区：%s",
		strings.Join(regions(), ", ")))
	flags.BoolVar(&e.Settings.Partner, "partner", false, e.Say("run the functions as a service provider for a sub-merchant",
		"以服务商身份代表子商户运行云函数"))
	_ = cmd.MarkFlagDirname("dir")
	_ = cmd.MarkFlagDirname("bin")
	_ = cmd.MarkFlagDirname("functions")
	complete(cmd, "caller-policy", "any", "platform")
	complete(cmd, "runtime", runtimes()...)
	complete(cmd, "api", apis()...)
	complete(cmd, "region", regions()...)
}

// regions lists the values of --region, as WXPAY_REGION takes them.
func regions() []string {
	return []string{string(order.Mainland), string(order.Global), string(order.HongKong)}
}

// runtimes lists the values of --runtime. The same binaries run on all of them.
func runtimes() []string {
	names := make([]string, 0, len(platform.Runtimes()))
	for _, r := range platform.Runtimes() {
		names = append(names, string(r))
	}
	return names
}

// check looks at the flags, and reports all faults together.
func (e *emulateCmd) check() error {
	faults := []error{
		checkLanguage(e.Language), checkChoice("api", e.Settings.API, apis()), checkChoice("region", e.Settings.Region, regions()),
		checkChoice("runtime", string(e.Runtime), runtimes()), e.Check(),
	}
	if e.Store != "" && e.Store != world.None {
		faults = append(faults, checkAddress(e.Store, "--store"))
	}
	return errors.Join(faults...)
}

// run serves until the command's context ends.
func (e *emulateCmd) run(cmd *cobra.Command, _ []string) error {
	if err := e.check(); err != nil {
		return usage(err)
	}
	e.Log = cmd.ErrOrStderr()
	err := e.Run(cmd.Context(), func(d desk.Description) { e.announce(cmd, d) })
	if bin, is := errors.AsType[*world.BinError](err); is {
		return usage(bin)
	}
	return err
}

// announce tells a developer how everything is reached, and which variables point an SDK here
// without a change of code.
func (e *emulateCmd) announce(cmd *cobra.Command, d desk.Description) {
	parts := readTexts("emulate")
	file, err := filepath.Abs(filepath.Join(e.Dir, desk.File))
	if err != nil {
		file = desk.File // the working directory is gone
	}
	text := strings.NewReplacer(
		"{cloud}", d.CloudURL, "{host}", strings.TrimPrefix(d.CloudURL, "http://"), "{console}", d.ConsoleURL, "{events}", d.EventsURL,
	).Replace(e.Say(parts["endpoints en"], parts["endpoints zh"]))
	fmt.Fprintln(cmd.OutOrStdout(), text)
	if d.HTTPFunctionURL != "" {
		fmt.Fprint(cmd.OutOrStdout(), e.Say("wx.cloud.callHTTPFunction: %s/closeorder, with the user in the header X-WX-OPENID\n",
			"wx.cloud.callHTTPFunction：%s/closeorder，以请求头 X-WX-OPENID 表示用户\n", d.HTTPFunctionURL))
	}
	if d.NotifyURL != "" {
		fmt.Fprint(cmd.OutOrStdout(), e.Say("notify_url of orders without one: %s\n", "未填 notify_url 的订单通知到：%s\n", d.NotifyURL))
	}
	fmt.Fprint(cmd.OutOrStdout(), e.Say("cloudpay emulator ready: gateway %s backup %s admin %s cloud %s, described in %s\n",
		"cloudpay 模拟器就绪：gateway %s backup %s admin %s cloud %s，说明见 %s\n",
		d.GatewayURL, d.BackupURL, d.AdminURL, d.CloudURL, file))
}
