package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/printable"
	"cloudpay/internal/store/migrate"
)

// emulation is one run of emulate: what its flags say.
type emulation struct {
	dir, bin, runtime, kept string
	as                      desk.Settings
	at                      desk.Addresses
	cloud                   string // where it listens
	language                *language
}

func newEmulate(l *language) *cobra.Command {
	e := &emulation{language: l}
	cmd := &cobra.Command{
		Use: "emulate",
		Short: l.say(words("Run the functions, the cloud around them and WeChat Pay behind them, until interrupted",
			"运行云函数及模拟的云平台与微信支付，直到中断")),
		Long: l.say(words(`emulate builds both functions and serves three things on loopback until it is
interrupted (SIGINT):

  gateway  an emulated WeChat Pay, APIv2 and APIv3, that verifies every signature
  admin    its management API: orders, payments, the clock, faults, history
           (docs/emulator.md)
  cloud    the functions: POST /v1/functions/closeorder with the event as body,
           and the header X-WX-OPENID to be a mini-program's user; and what the
           SDKs of CloudBase, Tencent Cloud and AWS call, HTTP triggers, timers
           and queues

--runtime is how the functions are run: go1 and custom as SCF does, lambda as AWS
Lambda does, web as web functions and containers are. --bin dist takes the functions
that make package has built.

Registered orders are kept in a store, so that timers close what is overdue: with
SQLite linked (go run -tags sqlite ./cmd/cloudpay) in orders.db of the folder, else in
the database that --store names. "cloudpay orders … --emulator DIR" works on it.

On first use it makes the keys of a merchant and of the gateway and keeps them in
the folder. emulator.json there says how everything is reached, and which
environment a function needs that you start yourself; it is there while the
emulator runs. One emulator at a time may use a folder.`, `emulate 编译两个云函数，并在本机回环地址上提供三项服务，直到中断（Ctrl-C）：

  gateway  模拟的微信支付，APIv2 与 APIv3，校验每个签名
  admin    其管理接口：订单、支付、时钟、故障、历史（docs/emulator.md）
  cloud    云函数：POST /v1/functions/closeorder，请求体为事件，用请求头 X-WX-OPENID
           表示小程序用户；以及 CloudBase、腾讯云、AWS 的 SDK 所调用的接口、HTTP
           触发器、定时器与队列

--runtime 为运行云函数的方式：go1 与 custom 同 SCF，lambda 同 AWS Lambda，web 同 Web 函数
与容器。--bin dist 使用 make package 编译的云函数。

登记的订单保存在存储中，由定时器关闭到期的：含 SQLite 时（go run -tags sqlite
./cmd/cloudpay）为目录中的 orders.db，否则为 --store 所指的数据库。可用 "cloudpay orders …
--emulator 目录" 操作。

首次使用时生成商户与网关的密钥，保存在目录中。其中的 emulator.json 说明如何访问各项服务，以及
自行启动的云函数所需的环境；模拟器运行期间才有。一个目录同时只能由一个模拟器使用。`)),
		Example: `  cloudpay emulate --dir .cloudpay
  cloudpay emulate --dir .cloudpay --api v2 --partner
  cloudpay emulate --dir .cloudpay --runtime lambda`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := e.check(); err != nil {
				return usage(err)
			}
			return e.run(cmd)
		},
	}
	e.register(cmd)
	return cmd
}

func (e *emulation) register(cmd *cobra.Command) {
	flags, say, sayf := cmd.Flags(), e.language.say, e.language.sayf
	flags.StringVar(&e.dir, "dir", ".cloudpay", say(words("folder for keys, binaries and emulator.json", "保存密钥、二进制与 emulator.json 的目录")))
	flags.StringVar(&e.bin, "bin", "", say(words("folder of binaries built before, such as dist of make package; empty builds them",
		"已编译的二进制所在目录，如 make package 的 dist；不填则编译")))
	flags.StringVar(&e.runtime, "runtime", string(platform.Go1), sayf("how the functions are run: %s", "云函数的运行方式：%s",
		strings.Join(runtimes(), ", ")))
	flags.StringVar(&e.kept, "store", "", say(words(
		"where registered orders are kept: an address as for CLOUDPAY_STORE, or none; when left out,\n"+
			"orders.db in the folder, if this program has SQLite (-tags sqlite) and builds the functions itself",
		"登记订单的存储：与 CLOUDPAY_STORE 相同的地址，或 none；不填时，若本程序含 SQLite（-tags sqlite）且自行\n"+
			"编译云函数，则为目录中的 orders.db")))
	flags.StringVar(&e.as.API, "api", "v3", sayf("dialect that the functions speak: %s", "云函数所用接口：%s", strings.Join(apis(), ", ")))
	flags.StringVar(&e.as.Region, "region", "cn", sayf("where their merchant is: %s", "商户所在地区：%s", strings.Join(regions(), ", ")))
	flags.BoolVar(&e.as.Partner, "partner", false, say(words("run the functions as a service provider for a sub-merchant",
		"以服务商身份代表子商户运行云函数")))
	flags.StringVar(&e.at.Gateway, "gateway-addr", desk.AnyPort, say(words("where WeChat Pay listens", "微信支付的监听地址")))
	flags.StringVar(&e.at.Backup, "backup-addr", desk.AnyPort, say(words("where WeChat Pay's backup domain listens", "微信支付备用域名的监听地址")))
	flags.StringVar(&e.at.Admin, "admin-addr", desk.AnyPort, say(words("where its management API listens", "管理接口的监听地址")))
	flags.StringVar(&e.cloud, "cloud-addr", desk.AnyPort, say(words("where the functions are called", "调用云函数的监听地址")))
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

// check looks at the flags.
func (e *emulation) check() error {
	faults := []error{e.language.check()}
	if e.dir == "" {
		faults = append(faults, bilingual.Errorf("--dir: name a folder, which may be a new one", "--dir：请指定目录，可为新目录"))
	}
	for _, given := range []struct{ flag, address string }{
		{"--gateway-addr", e.at.Gateway}, {"--backup-addr", e.at.Backup}, {"--admin-addr", e.at.Admin}, {"--cloud-addr", e.cloud},
	} {
		if err := desk.CheckAddress(given.address); err != nil {
			faults = append(faults, bilingual.Errorf("%s: %w", "%s：%w", given.flag, err))
		}
	}
	for _, choice := range []struct {
		flag, value string
		of          []string
	}{{"--api", e.as.API, apis()}, {"--region", e.as.Region, regions()}, {"--runtime", e.runtime, runtimes()}} {
		if !slices.Contains(choice.of, choice.value) {
			faults = append(faults, bilingual.Errorf("%s: must be %s, not %q", "%s：须为 %s，而不是 %q",
				choice.flag, strings.Join(choice.of, ", "), choice.value))
		}
	}
	return errors.Join(faults...)
}

func apis() []string    { return []string{"v3", "v2", "wxcloudrun"} }
func regions() []string { return []string{"cn", "global", "hk"} }

// tags are SQLite's where the functions keep their orders in it, besides those they are deployed
// with.
func tags(kept string) []string {
	if _, is := sqlitePath(kept); is {
		return []string{"sqlite"}
	}
	return nil
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
		return "", bilingual.Errorf("--store: %w", "--store：%w", err)
	}
	if _, err = migrate.Up(ctx, "sqlite:"+path); err != nil {
		return "", bilingual.Errorf("--store: %w", "--store：%w", err)
	}
	return "sqlite:" + path, nil
}

// run serves until the command's context ends.
func (e *emulation) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	dir, release, err := desk.Lock(e.dir)
	if err != nil {
		return err
	}
	defer release()
	if e.as.Store, err = keepIn(ctx, e.kept, dir, e.bin); err != nil {
		return err
	}
	binaries, err := e.binaries(cmd, dir)
	if err != nil {
		return err
	}
	d, err := desk.Open(ctx, dir, e.at)
	if err != nil {
		return err
	}
	defer d.Close()
	runtime := platform.Runtime(e.runtime)
	cloudURL, undeploy, err := d.Deploy(ctx, desk.Deployment{
		Binaries: binaries, Runtime: runtime, Env: d.Env(e.as), Logs: printable.NewWriter(cmd.ErrOrStderr()), Address: e.cloud,
	})
	if err != nil {
		return err
	}
	defer undeploy()
	described := d.Describe(cloudURL, runtime, e.as)
	forget, err := described.Write(dir)
	if err != nil {
		return err
	}
	defer forget()
	e.language.sayEndpoints(cmd.OutOrStdout(), cloudURL)
	fmt.Fprint(cmd.OutOrStdout(), e.language.sayf("cloudpay emulator ready: gateway %s backup %s admin %s cloud %s, described in %s\n",
		"cloudpay 模拟器就绪：gateway %s backup %s admin %s cloud %s，说明见 %s\n",
		described.GatewayURL, described.BackupURL, described.AdminURL, cloudURL, filepath.Join(dir, desk.File)))
	<-ctx.Done()
	return nil
}

// binaries are the functions' executables, which are built unless --bin says that they were before.
func (e *emulation) binaries(cmd *cobra.Command, dir string) (map[string]string, error) {
	bin, err := filepath.Abs(e.bin)
	if err == nil && e.bin == "" {
		bin = filepath.Join(dir, "bin")
		cmd.PrintErrln(e.language.say(words("building closeorder and queryorder …", "编译 closeorder 与 queryorder …")))
		if err := buildFunctions(cmd.Context(), bin, tags(e.as.Store)...); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, bilingual.Errorf("--bin: %w", "--bin：%w", err)
	}
	binaries, err := desk.Find(bin, platform.Runtime(e.runtime))
	if err != nil {
		return nil, usagef("--bin: %w", "--bin：%w", err)
	}
	return binaries, nil
}

// buildFunctions builds the functions into a folder.
func buildFunctions(ctx context.Context, bin string, tags ...string) error {
	err := desk.Build(ctx, bin, tags...)
	if ctx.Err() != nil {
		return notBuilt()
	}
	return err
}

// notBuilt is the end of a build that a signal stopped.
func notBuilt() error {
	return bilingual.Errorf("%w: the functions are not built", "%w：云函数尚未编译完成", errInterrupted)
}

// sayEndpoints tells how the functions are called, and which variables point an
// SDK here without a change of code.
func (l *language) sayEndpoints(out io.Writer, cloudURL string) {
	fmt.Fprint(out, l.sayf(`the functions closeorder and queryorder are called by:
  CloudBase HTTP API, JS SDK    POST %[1]s/v1/functions/closeorder
  CloudBase node-sdk, wx-server-sdk   export TCB_CONTEXT_CNFG='{"URL":"%[1]s/admin"}' TENCENTCLOUD_SECRETID=any TENCENTCLOUD_SECRETKEY=any
  AWS SDKs and CLI              export AWS_ENDPOINT_URL_LAMBDA=%[1]s AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any
                                export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
  Tencent Cloud API 3.0         endpoint %[2]s, scheme HTTP: Invoke, InvokeFunction
  HTTP triggers                 %[1]s/http/queryorder/… (SCF function URL), /tcb/queryorder/… (CloudBase), /aws/queryorder/… (API Gateway)
  timers, queues                POST %[1]s/v1/timers/closeorder, POST %[1]s/v1/queues/closeorder?form=sqs
`, `云函数 closeorder 与 queryorder 的调用方式：
  CloudBase HTTP API、JS SDK    POST %[1]s/v1/functions/closeorder
  CloudBase node-sdk, wx-server-sdk   export TCB_CONTEXT_CNFG='{"URL":"%[1]s/admin"}' TENCENTCLOUD_SECRETID=any TENCENTCLOUD_SECRETKEY=any
  AWS SDK 与 CLI                export AWS_ENDPOINT_URL_LAMBDA=%[1]s AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any
                                export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
  腾讯云 API 3.0                endpoint %[2]s，协议 HTTP：Invoke、InvokeFunction
  HTTP 触发器                   %[1]s/http/queryorder/… (SCF function URL), /tcb/queryorder/… (CloudBase), /aws/queryorder/… (API Gateway)
  定时器、队列                  POST %[1]s/v1/timers/closeorder, POST %[1]s/v1/queues/closeorder?form=sqs
`, cloudURL, strings.TrimPrefix(cloudURL, "http://")))
}
