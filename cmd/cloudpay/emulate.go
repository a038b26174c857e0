package main

import (
	"context"
	"errors"
	"fmt"
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

// emulateCmd is one run of emulate. Its flags are checked before anything starts, and all faults
// are reported together.
type emulateCmd struct {
	*render.Language

	// dir keeps keys, binaries and registered orders from one run to the next.
	dir string
	// bin is a folder of executables; empty: they are built into dir.
	bin string
	// runtime is a platform.Runtime.
	runtime string
	// store is as it is given: an address, noStore, or empty for a file in dir.
	store string
	// as is how the functions are configured; its Store is what openStore makes of store.
	as desk.Settings
	at desk.Addresses
	// cloud is the address that the functions are called at.
	cloud string
}

// noStore is the value of --store for none. The functions then register nothing, and refuse users.
const noStore = "none"

// newEmulate makes the command emulate, which serves until it is interrupted. Other commands find
// it by the description in its folder.
func newEmulate(l *render.Language) *cobra.Command {
	e := &emulateCmd{Language: l, as: desk.Settings{CallerPolicy: "any"}} // a developer may call without proof
	cmd := describe(l, "emulate", &cobra.Command{
		Args: noArguments,
		RunE: e.run,
	})
	e.register(cmd)
	return cmd
}

// register adds the flags. Addresses are on loopback, at any free port when they are not given, so
// that two emulators do not get in each other's way.
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
	// A call by a service may still choose another dialect: the environment has the keys of all.
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

// listenFlag is a flag for where something listens. A fixed port is for scripts that know it before
// the emulator runs.
type listenFlag struct {
	flag    string
	at      *string
	meaning bilingual.Text
}

// listenFlags lists these flags, for adding and for checking them.
func (e *emulateCmd) listenFlags() []listenFlag {
	return []listenFlag{
		{"gateway-addr", &e.at.Gateway, bilingual.New("where WeChat Pay listens", "微信支付的监听地址")},
		{"backup-addr", &e.at.Backup, bilingual.New("where WeChat Pay's backup domain listens", "微信支付备用域名的监听地址")},
		{"admin-addr", &e.at.Admin, bilingual.New("where its management API listens", "管理接口的监听地址")},
		{"cloud-addr", &e.cloud, bilingual.New("where the functions are called", "调用云函数的监听地址")},
	}
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
		checkLanguage(e.Language), checkChoice("api", e.as.API, apis()), checkChoice("region", e.as.Region, regions()),
		checkChoice("runtime", e.runtime, runtimes()),
	}
	if e.dir == "" {
		faults = append(faults, bilingual.Errorf("--dir: name a folder, which may be a new one", "--dir：请指定目录，可为新目录"))
	}
	// An emulator answers without proof, so it must not be reached from another machine.
	for _, address := range e.listenFlags() {
		if err := desk.CheckAddress(*address.at); err != nil {
			faults = append(faults, bilingual.Errorf("--%s: %w", "--%s：%w", address.flag, err))
		}
	}
	return errors.Join(faults...)
}

// run serves until the command's context ends. What was started last ends first: the description is
// removed before anything that it names stops answering. When the process is killed instead, the
// system releases the folder's lock, and the next emulator removes the description.
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
	// The store comes before the functions: which tags they are built with depends on it.
	if e.as.Store, err = e.openStore(ctx, dir); err != nil {
		return err
	}
	binaries, err := e.binaries(cmd, dir)
	if err != nil {
		return err
	}
	// The gateway comes before the functions, too: its addresses are in their environment.
	d, err := desk.Start(ctx, dir, e.at)
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
	// Written last, the description says that everything it names answers.
	described := d.Describe(cloudURL, runtime, e.as)
	forget, err := described.Write(dir)
	if err != nil {
		return err
	}
	defer forget()
	fmt.Fprintln(cmd.OutOrStdout(), e.endpoints(cloudURL))
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

// binaries are the functions' executables, by function. They are built from the repository in the
// working directory, unless --bin names a folder of them, as after a download.
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

// buildFunctions builds the functions into a folder. The error of an interrupted build says that it
// was interrupted, whatever the go command said when it was killed.
func buildFunctions(ctx context.Context, bin string, tags ...string) error {
	err := desk.Build(ctx, bin, tags...)
	if ctx.Err() != nil {
		return bilingual.Errorf("%w: the functions are not built", "%w：云函数尚未编译完成", errInterrupted)
	}
	return err
}

// endpoints tells a developer how the functions are called, and which variables point an SDK here
// without a change of code.
func (e *emulateCmd) endpoints(cloudURL string) string {
	parts := readTexts("emulate")
	text := e.Say(parts["endpoints en"], parts["endpoints zh"])
	return strings.NewReplacer("{cloud}", cloudURL, "{host}", strings.TrimPrefix(cloudURL, "http://")).Replace(text)
}
