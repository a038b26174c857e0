package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/order"
	"cloudpay/internal/printable"
	"cloudpay/internal/store/migrate"
)

// emulateCmd is one run of emulate.
type emulateCmd struct {
	*render.Language

	dir     string
	bin     string // a folder of executables; empty: they are built
	runtime string
	store   string // as it is given: an address, noStore, or empty for the folder's own file
	as      desk.Settings
	at      desk.Addresses
	cloud   string // the address that the cloud listens on
}

// noStore is the value of --store for none.
const noStore = "none"

func newEmulate(l *render.Language) *cobra.Command {
	e := &emulateCmd{Language: l}
	cmd := describe(l, "emulate", &cobra.Command{
		Args: noArguments,
		RunE: e.run,
	})
	e.register(cmd)
	return cmd
}

func (e *emulateCmd) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&e.dir, "dir", ".cloudpay", e.Say("folder for keys, binaries and emulator.json", "保存密钥、二进制与 emulator.json 的目录"))
	flags.StringVar(&e.bin, "bin", "", e.Say("folder of binaries built before, such as dist of make package; empty builds them",
		"已编译的二进制所在目录，如 make package 的 dist；不填则编译"))
	flags.StringVar(&e.runtime, "runtime", string(platform.Go1), e.Say("how the functions are run: %s", "云函数的运行方式：%s",
		strings.Join(runtimes(), ", ")))
	flags.StringVar(&e.store, "store", "", e.Say(
		"where registered orders are kept: an address as for CLOUDPAY_STORE, or none; when left out,\n"+
			"orders.db in the folder, if this program has SQLite (-tags sqlite) and builds the functions itself",
		"登记订单的存储：与 CLOUDPAY_STORE 相同的地址，或 none；不填时，若本程序含 SQLite（-tags sqlite）且自行\n"+
			"编译云函数，则为目录中的 orders.db"))
	flags.StringVar(&e.as.API, "api", string(order.V3), e.Say("dialect that the functions speak: %s", "云函数所用接口：%s",
		strings.Join(apis(), ", ")))
	flags.StringVar(&e.as.Region, "region", string(order.Mainland), e.Say("where their merchant is: %s", "商户所在地区：%s",
		strings.Join(regions(), ", ")))
	flags.BoolVar(&e.as.Partner, "partner", false, e.Say("run the functions as a service provider for a sub-merchant",
		"以服务商身份代表子商户运行云函数"))
	for _, address := range e.listenFlags() {
		flags.StringVar(address.at, address.flag, desk.AnyPort, e.Text(address.meaning))
	}
	_ = cmd.MarkFlagDirname("dir")
	_ = cmd.MarkFlagDirname("bin")
	complete(cmd, "runtime", runtimes()...)
	complete(cmd, "api", apis()...)
	complete(cmd, "region", regions()...)
}

// listenFlag is a flag for where something listens.
type listenFlag struct {
	flag    string
	at      *string
	meaning bilingual.Text
}

func (e *emulateCmd) listenFlags() []listenFlag {
	return []listenFlag{
		{"gateway-addr", &e.at.Gateway, bilingual.New("where WeChat Pay listens", "微信支付的监听地址")},
		{"backup-addr", &e.at.Backup, bilingual.New("where WeChat Pay's backup domain listens", "微信支付备用域名的监听地址")},
		{"admin-addr", &e.at.Admin, bilingual.New("where its management API listens", "管理接口的监听地址")},
		{"cloud-addr", &e.cloud, bilingual.New("where the functions are called", "调用云函数的监听地址")},
	}
}

// regions lists the values of --region.
func regions() []string {
	return []string{string(order.Mainland), string(order.Global), string(order.HongKong)}
}

// runtimes lists the values of --runtime.
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
		checkLanguage(e.Language), checkChoice("api", e.as.API, apis()), checkChoice("region", e.as.Region, regions()),
		checkChoice("runtime", e.runtime, runtimes()),
	}
	if e.dir == "" {
		faults = append(faults, bilingual.Errorf("--dir: name a folder, which may be a new one", "--dir：请指定目录，可为新目录"))
	}
	for _, address := range e.listenFlags() {
		if err := desk.CheckAddress(*address.at); err != nil {
			faults = append(faults, bilingual.Errorf("--%s: %w", "--%s：%w", address.flag, err))
		}
	}
	return errors.Join(faults...)
}

// run serves until the command's context ends. What was started last ends first: the description is
// removed before anything that it names stops answering.
func (e *emulateCmd) run(cmd *cobra.Command, _ []string) error {
	if err := e.check(); err != nil {
		return usage(err)
	}
	ctx := cmd.Context()
	dir, release, err := desk.Lock(e.dir)
	if err != nil {
		return err
	}
	defer release()
	if e.as.Store, err = e.openStore(ctx, dir); err != nil {
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
	e.sayEndpoints(cmd.OutOrStdout(), cloudURL)
	fmt.Fprint(cmd.OutOrStdout(), e.Say("cloudpay emulator ready: gateway %s backup %s admin %s cloud %s, described in %s\n",
		"cloudpay 模拟器就绪：gateway %s backup %s admin %s cloud %s，说明见 %s\n",
		described.GatewayURL, described.BackupURL, described.AdminURL, cloudURL, filepath.Join(dir, desk.File)))
	<-ctx.Done()
	return nil
}

// openStore is the address of the store that the functions are given; empty: none. A SQLite file is
// made and migrated; any other database is for its owner to migrate. Functions from --bin may be
// built without SQLite, so that for them the folder's own file has to be asked for.
func (e *emulateCmd) openStore(ctx context.Context, dir string) (string, error) {
	given := e.store
	switch {
	case given == noStore, given == "" && (e.bin != "" || !hasSQLite()):
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
	path, err := filepath.Abs(path) // the functions have another working directory
	if err == nil {
		_, err = migrate.Up(ctx, "sqlite:"+path)
	}
	if err != nil {
		return "", bilingual.Errorf("--store: %w", "--store：%w", err)
	}
	return "sqlite:" + path, nil
}

// binaries are the functions' executables, which are built unless --bin names a folder of them.
func (e *emulateCmd) binaries(cmd *cobra.Command, dir string) (map[string]string, error) {
	bin, err := filepath.Abs(e.bin)
	if err != nil {
		return nil, bilingual.Errorf("--bin: %w", "--bin：%w", err)
	}
	if e.bin == "" {
		bin = filepath.Join(dir, "bin")
		var tags []string // besides those that the functions are deployed with
		if _, is := sqlitePath(e.as.Store); is {
			tags = []string{"sqlite"}
		}
		cmd.PrintErrln(e.Say("building closeorder and queryorder …", "编译 closeorder 与 queryorder …"))
		if err := buildFunctions(cmd.Context(), bin, tags...); err != nil {
			return nil, err
		}
	}
	binaries, err := desk.Find(bin, platform.Runtime(e.runtime))
	if err != nil {
		return nil, usagef("--bin: %w", "--bin：%w", err)
	}
	return binaries, nil
}

// buildFunctions builds the functions into a folder. An interrupted build is told from a failed one.
func buildFunctions(ctx context.Context, bin string, tags ...string) error {
	err := desk.Build(ctx, bin, tags...)
	if ctx.Err() != nil {
		return bilingual.Errorf("%w: the functions are not built", "%w：云函数尚未编译完成", errInterrupted)
	}
	return err
}

// sayEndpoints tells how the functions are called, and which variables point an SDK here without a
// change of code.
func (e *emulateCmd) sayEndpoints(out io.Writer, cloudURL string) {
	fmt.Fprint(out, e.Say(`the functions closeorder and queryorder are called by:
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
