package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/store/migrate"
)

// emulation is one run of emulate: what its flags say.
type emulation struct {
	dir, bin, runtime, kept string
	as                      role
	at                      addresses
}

func newEmulate() *cobra.Command {
	e := &emulation{}
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

Registered orders are kept in a store, so that timers close what is overdue: with
SQLite linked (go run -tags sqlite ./cmd/cloudpay) in orders.db of the folder, else in
the database that --store names. "cloudpay orders … --emulator DIR" works on it.

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
			if err := errors.Join(e.at.check(), e.as.check(), checkRuntime(e.runtime)); err != nil {
				return err
			}
			return e.run(cmd)
		},
	}
	e.register(cmd)
	return cmd
}

func (e *emulation) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&e.dir, "dir", ".cloudpay", "folder for keys, binaries and emulator.json")
	flags.StringVar(&e.bin, "bin", "", "folder of binaries built before; empty builds them")
	flags.StringVar(&e.runtime, "runtime", string(platform.Go1), "how the functions are run: "+strings.Join(runtimes(), ", "))
	flags.StringVar(&e.kept, "store", "", "where registered orders are kept: an address as for CLOUDPAY_STORE, or none; when left out,\n"+
		"orders.db in the folder, if this program has SQLite (-tags sqlite) and builds the functions itself")
	flags.StringVar(&e.as.api, "api", "v3", "dialect that the functions speak: "+strings.Join(apis(), ", "))
	flags.StringVar(&e.as.region, "region", "cn", "where their merchant is: "+strings.Join(regions(), ", "))
	flags.BoolVar(&e.as.partner, "partner", false, "run the functions as a service provider for a sub-merchant")
	flags.StringVar(&e.at.gateway, "gateway-addr", "127.0.0.1:0", "where WeChat Pay listens")
	flags.StringVar(&e.at.backup, "backup-addr", "127.0.0.1:0", "where WeChat Pay's backup domain listens")
	flags.StringVar(&e.at.admin, "admin-addr", "127.0.0.1:0", "where its management API listens")
	flags.StringVar(&e.at.cloud, "cloud-addr", "127.0.0.1:0", "where the functions are called")
	_ = cmd.MarkFlagDirname("dir")
	_ = cmd.MarkFlagDirname("bin")
	_ = cmd.RegisterFlagCompletionFunc("runtime", cobra.FixedCompletions(runtimes(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("api", cobra.FixedCompletions(apis(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("region", cobra.FixedCompletions(regions(), cobra.ShellCompDirectiveNoFileComp))
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

// tags are those that the functions are deployed with, and SQLite's where they keep their orders in it.
func tags(runtime platform.Runtime, kept string) []string {
	var tags []string
	if runtime == platform.Lambda {
		tags = append(tags, "lambda.norpc")
	}
	if _, is := sqlitePath(kept); is {
		tags = append(tags, "sqlite")
	}
	return tags
}

// noStore is what --store says for none.
const noStore = "none"

// keepIn is the store that the functions are given; empty: none. A file is made ready; any other database is its owner's to
// migrate.
func keepIn(ctx context.Context, given, dir, bin string) (string, error) {
	switch {
	case given == noStore, given == "" && (bin != "" || !hasSQLite()):
		return "", nil
	case given == "":
		given = "sqlite:" + filepath.Join(dir, "orders.db")
	}
	if err := checkAddress(given, "--store"); err != nil {
		return "", err
	}
	path, is := sqlitePath(given)
	if !is {
		return given, nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("--store: %w", err)
	}
	if _, err = migrate.Up(ctx, "sqlite:"+path); err != nil {
		return "", fmt.Errorf("--store: %w", err)
	}
	return "sqlite:" + path, nil
}

// run serves until the command's context ends.
func (e *emulation) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	dir, err := absolute(e.dir)
	if err != nil {
		return err
	}
	release, err := occupy(dir)
	if err != nil {
		return err
	}
	defer release()
	kept, err := keepIn(ctx, e.kept, dir, e.bin)
	if err != nil {
		return err
	}
	bin, err := e.built(cmd, dir, kept)
	if err != nil {
		return err
	}
	running, err := startEmulator(ctx, dir, e.at)
	if err != nil {
		return err
	}
	defer running.stop()
	running.store = kept
	functions, err := deployOn(ctx, platform.Runtime(e.runtime), bin, running.env(e.as), os.Stderr)
	if err != nil {
		return err
	}
	cloud := &platform.Cloud{Functions: functions, AppID: emulatedAppID}
	defer func() { _ = cloud.Close() }() // after the functions: what they still do ends with them
	defer undeploy(functions)
	cloudURL, err := running.serve(ctx, "--cloud-addr", e.at.cloud, cloud)
	if err != nil {
		return err
	}
	if err := writeDescription(dir, running.describe(cloudURL, platform.Runtime(e.runtime), e.as)); err != nil {
		return err
	}
	defer forgetDescription(dir)
	sayEndpoints(cmd.OutOrStdout(), cloudURL)
	fmt.Fprintf(cmd.OutOrStdout(), "cloudpay emulator ready: gateway %s backup %s admin %s cloud %s, described in %s\n",
		running.gatewayURL, running.backupURL, running.adminURL, cloudURL, filepath.Join(dir, descriptionFile))
	<-ctx.Done()
	return nil
}

// built is the folder of the functions, which are built unless they were before.
func (e *emulation) built(cmd *cobra.Command, dir, kept string) (string, error) {
	if e.bin != "" {
		return e.bin, nil
	}
	bin := filepath.Join(dir, "bin")
	cmd.PrintErrln("building closeorder and queryorder …")
	return bin, buildFunctions(cmd.Context(), bin, tags(platform.Runtime(e.runtime), kept)...)
}

// sayEndpoints tells how the functions are called, and which variables point an
// SDK here without a change of code.
func sayEndpoints(out io.Writer, cloudURL string) {
	fmt.Fprintf(out, `the functions closeorder and queryorder are called by / 调用方式:
  CloudBase HTTP API, JS SDK    POST %[1]s/v1/functions/closeorder
  CloudBase node-sdk, wx-server-sdk   export TCB_CONTEXT_CNFG='{"URL":"%[1]s/admin"}' TENCENTCLOUD_SECRETID=any TENCENTCLOUD_SECRETKEY=any
  AWS SDKs and CLI              export AWS_ENDPOINT_URL_LAMBDA=%[1]s AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any
                                export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
  Tencent Cloud API 3.0         endpoint %[2]s, scheme HTTP: Invoke, InvokeFunction
  HTTP triggers                 %[1]s/http/queryorder/… (SCF function URL), /tcb/queryorder/… (CloudBase), /aws/queryorder/… (API Gateway)
  timers, queues                POST %[1]s/v1/timers/closeorder, POST %[1]s/v1/queues/closeorder?form=sqs
`, cloudURL, strings.TrimPrefix(cloudURL, "http://"))
}
