package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cloudpay/internal/emulator/platform"
)

func newEmulate() *cobra.Command {
	var (
		dir, bin, runtime string
		as                role
		at                addresses
	)
	cmd := &cobra.Command{
		Use:   "emulate",
		Short: "Run the functions, the cloud around them and WeChat Pay behind them, until interrupted",
		Long: `emulate builds both functions and serves three things on loopback until it is
interrupted (SIGINT):

  gateway  an emulated WeChat Pay, APIv2 and APIv3, that verifies every signature
  admin    its management API: orders, payments, the clock, faults, history
           (docs/emulator.md)
  cloud    the functions: POST /v1/functions/closeorder with the event as body,
           and the header X-WX-OPENID to be a mini-program's user; and what the
           SDKs of CloudBase, Tencent Cloud and AWS call, HTTP triggers, timers
           and queues

--runtime is how the functions are run: go1 and custom as SCF does, lambda as AWS
Lambda does, web as web functions and containers are.

On first use it makes the keys of a merchant and of the gateway and keeps them in
the folder. emulator.json there says how everything is reached, and which
environment a function needs that you start yourself; it is there while the
emulator runs. One emulator at a time may use a folder.

在本机模拟云函数平台与微信支付，密钥与地址写入 --dir 目录，按 Ctrl-C 结束。`,
		Example: `  cloudpay emulate --dir .cloudpay
  cloudpay emulate --dir .cloudpay --api v2 --partner
  cloudpay emulate --dir .cloudpay --runtime lambda`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(at.check(), as.check(), checkRuntime(runtime)); err != nil {
				return err
			}
			return emulate(cmd, dir, bin, platform.Runtime(runtime), as, at)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&dir, "dir", ".cloudpay", "folder for keys, binaries and emulator.json")
	flags.StringVar(&bin, "bin", "", "folder of binaries built before; empty builds them")
	flags.StringVar(&runtime, "runtime", string(platform.Go1), "how the functions are run: "+strings.Join(runtimes(), ", "))
	flags.StringVar(&as.api, "api", "v3", "dialect that the functions speak: "+strings.Join(apis(), ", "))
	flags.StringVar(&as.region, "region", "cn", "where their merchant is: "+strings.Join(regions(), ", "))
	flags.BoolVar(&as.partner, "partner", false, "run the functions as a service provider for a sub-merchant")
	flags.StringVar(&at.gateway, "gateway-addr", "127.0.0.1:0", "where WeChat Pay listens")
	flags.StringVar(&at.backup, "backup-addr", "127.0.0.1:0", "where WeChat Pay's backup domain listens")
	flags.StringVar(&at.admin, "admin-addr", "127.0.0.1:0", "where its management API listens")
	flags.StringVar(&at.cloud, "cloud-addr", "127.0.0.1:0", "where the functions are called")
	_ = cmd.MarkFlagDirname("dir")
	_ = cmd.MarkFlagDirname("bin")
	_ = cmd.RegisterFlagCompletionFunc("runtime", cobra.FixedCompletions(runtimes(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("api", cobra.FixedCompletions(apis(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("region", cobra.FixedCompletions(regions(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// runtimes are the names of all runtimes.
func runtimes() []string {
	names := make([]string, 0, len(platform.Runtimes()))
	for _, r := range platform.Runtimes() {
		names = append(names, string(r))
	}
	return names
}

func checkRuntime(runtime string) error {
	if !slices.Contains(runtimes(), runtime) {
		return fmt.Errorf("--runtime: must be %s, not %q", strings.Join(runtimes(), ", "), runtime)
	}
	return nil
}

// tags are those that the functions are deployed with.
func tags(runtime platform.Runtime) []string {
	if runtime == platform.Lambda {
		return []string{"lambda.norpc"}
	}
	return nil
}

// emulate serves until the command's context ends.
func emulate(cmd *cobra.Command, dir, bin string, runtime platform.Runtime, as role, at addresses) error {
	ctx := cmd.Context()
	dir, err := absolute(dir)
	if err != nil {
		return err
	}
	release, err := occupy(dir)
	if err != nil {
		return err
	}
	defer release()
	if bin == "" {
		bin = filepath.Join(dir, "bin")
		cmd.PrintErrln("building closeorder and queryorder …")
		if err := buildFunctions(ctx, bin, tags(runtime)...); err != nil {
			return err
		}
	}
	e, err := startEmulator(ctx, dir, at)
	if err != nil {
		return err
	}
	defer e.stop()
	functions, err := deployOn(ctx, runtime, bin, e.env(as), os.Stderr)
	if err != nil {
		return err
	}
	cloud := &platform.Cloud{Functions: functions, AppID: emulatedAppID}
	defer func() { _ = cloud.Close() }() // after the functions: what they still do ends with them
	defer undeploy(functions)
	cloudURL, err := e.serve(ctx, "--cloud-addr", at.cloud, cloud)
	if err != nil {
		return err
	}
	if err := writeDescription(dir, e.describe(cloudURL, as)); err != nil {
		return err
	}
	defer forgetDescription(dir)
	sayEndpoints(cmd.OutOrStdout(), cloudURL)
	fmt.Fprintf(cmd.OutOrStdout(), "cloudpay emulator ready: gateway %s backup %s admin %s cloud %s, described in %s\n",
		e.gatewayURL, e.backupURL, e.adminURL, cloudURL, filepath.Join(dir, descriptionFile))
	<-ctx.Done()
	return nil
}

// sayEndpoints tells how the functions are called, and which variables point an
// SDK here without a change of code.
func sayEndpoints(out io.Writer, cloudURL string) {
	fmt.Fprintf(out, `the functions closeorder and queryorder are called by / 调用方式:
  CloudBase HTTP API, JS SDK    POST %[1]s/v1/functions/closeorder
  CloudBase node-sdk, wx-server-sdk   export TCB_CONTEXT_CNFG='{"URL":"%[1]s/admin"}' TENCENTCLOUD_SECRETID=any TENCENTCLOUD_SECRETKEY=any
  AWS SDKs and CLI              export AWS_ENDPOINT_URL_LAMBDA=%[1]s AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any
  Tencent Cloud API 3.0         endpoint %[2]s, scheme HTTP: Invoke, InvokeFunction
  HTTP triggers                 %[1]s/http/queryorder/… (SCF function URL), /tcb/queryorder/… (CloudBase), /aws/queryorder/… (API Gateway)
  timers, queues                POST %[1]s/v1/timers/closeorder, POST %[1]s/v1/queues/closeorder?form=sqs
`, cloudURL, strings.TrimPrefix(cloudURL, "http://"))
}
