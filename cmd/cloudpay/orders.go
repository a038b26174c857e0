package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cloudpay/internal/app"
	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
)

func newOrders(l *language) *cobra.Command {
	cmd := &cobra.Command{
		Use: "orders",
		Short: l.say(words("Keep the orders that are to be closed at their time: register, look up, take up again",
			"管理到期关单的订单：登记、查看、重新处理")),
		Long: l.say(words(`orders works on the store of orders that wait to be closed: the database that
CLOUDPAY_STORE or --store names. WeChat Pay is not asked anything, and none of its
keys are needed; whose orders are meant is said by WXPAY_MCHID, WXPAY_REGION and,
for a service provider, WXPAY_MODE=partner and WXPAY_SUB_MCHID.

A store's address is one of

  mysql://USER:PASSWORD@HOST:3306/DATABASE?tls=true
  postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full
  sqlite:/path/to/file.db     (go run -tags sqlite ./cmd/cloudpay …)

Give one with a password in CLOUDPAY_STORE: what stands on a command line can be
seen by everybody on the machine.

Exit codes:
  0  done
  1  the store cannot be asked, or lines of an import were rejected
  2  the command line or the environment is wrong; nothing was done
  4  the order is not registered
  5  the order is registered with other facts, or was not given up`,
			`orders 操作待关订单的存储，即 CLOUDPAY_STORE 或 --store 所指的数据库。不会访问微信支付，也不需要
其密钥；订单属于谁由 WXPAY_MCHID、WXPAY_REGION 决定，服务商还须 WXPAY_MODE=partner 与
WXPAY_SUB_MCHID。

存储的地址为以下之一：

  mysql://USER:PASSWORD@HOST:3306/DATABASE?tls=true
  postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full
  sqlite:/path/to/file.db     （go run -tags sqlite ./cmd/cloudpay …）

含密码的地址请放在 CLOUDPAY_STORE 中：命令行的内容本机所有人都能看到。

退出码：
  0  已完成
  1  存储无法访问，或导入时有行被拒绝
  2  命令行或环境变量有误；未做任何事
  4  订单未登记
  5  订单已以其他内容登记，或并未放弃`)),
		Example: `  cloudpay orders migrate
  cloudpay orders add A1 --close-at 1800 --openid oABC
  cloudpay orders import orders.csv --rejects rejects.csv
  cloudpay orders list --stuck`,
		Args: l.noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newMigrate(l), newAdd(l), newImport(l), newList(l), newShow(l), newReopen(l), newEvents(l), newRedeliver(l))
	return cmd
}

// nameStore is where the store's address is found.
const nameStore = "CLOUDPAY_STORE"

// books is one run of a command below orders: which store it works on, and how it speaks.
type books struct {
	address  string
	emulator string
	json     bool
	language *language
}

// register adds the flags that all of them share.
func (b *books) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.SetNormalizeFunc(spellings)
	flags.StringVar(&b.address, "store", "", b.language.sayf(
		"the store's address; %s when left out", "存储的地址；不填则取 %s", nameStore))
	flags.BoolVar(&b.json, "json", false, b.language.say(words(
		"print JSON, an object a line, as docs/cli.md describes it", "逐行输出 docs/cli.md 所述的 JSON 对象")))
	b.language.registerEmulator(cmd, &b.emulator)
	_ = cmd.RegisterFlagCompletionFunc("store", cobra.FixedCompletions(
		[]string{"mysql://", "postgres://", "sqlite:"}, cobra.ShellCompDirectiveNoSpace|cobra.ShellCompDirectiveNoFileComp))
}

// where is the store's address, and the flag or variable that said so.
func (b *books) where() (address, said string, err error) {
	if err := b.language.check(); err != nil {
		return "", "", err
	}
	if b.address != "" {
		return b.address, "--store", nil
	}
	environ, err := environment(b.emulator)
	if err != nil {
		return "", "", err
	}
	address, err = storeIn(environ)
	switch {
	case err != nil:
		return "", "", err
	case address == "" && b.emulator != "":
		return "", "", usagef("--emulator: the emulator in %s keeps no orders: it was started without a store",
			"--emulator：%s 中的模拟器不保存订单：启动时没有存储", b.emulator)
	case address == "":
		return "", "", usagef("--store: must name the database that orders are kept in, unless %s does: "+
			"mysql://…, postgres://… or sqlite:/path/to/file.db",
			"--store：须指明保存订单的数据库，除非已设置 %s：mysql://…、postgres://… 或 sqlite:/path/to/file.db", nameStore)
	}
	return address, nameStore, nil
}

// storeIn is the store that an environment names; empty when it names none.
func storeIn(environ []string) (string, error) {
	settings, err := config.Load(environ)
	if faults, is := errors.AsType[*config.Faults](err); is && faults.Has(nameStore) {
		return "", usage(only(faults, nameStore))
	}
	return settings.Store.Reveal(), nil
}

// open opens the store. Nothing is connected yet.
func (b *books) open() (*store.Store, error) {
	address, said, err := b.where()
	if err != nil {
		return nil, err
	}
	if err := checkAddress(address, said); err != nil {
		return nil, err
	}
	if path, is := sqlitePath(address); is {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, usagef("%s: there is no file %s: `cloudpay orders migrate` makes it",
				"%s：没有文件 %s：请用 `cloudpay orders migrate` 创建", said, path)
		}
	}
	return store.Open(address)
}

// with does something with the store and the merchant.
func (b *books) with(do func(*store.Store, order.Merchant) error) error {
	m, err := b.merchant()
	if err != nil {
		return err
	}
	s, err := b.open()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	return do(s, m)
}

// aboutOrders are the variables that say whose orders are meant. What is wrong with others is none of these commands' business.
var aboutOrders = []string{
	"WXPAY_API", "WXPAY_REGION", "WXPAY_MODE", "WXPAY_APPID", "WXPAY_MCHID", "WXPAY_SUB_MCHID", "WXPAY_SUB_APPID", "WXPAY_SUB_MCHIDS",
}

// merchant is whose orders they are.
func (b *books) merchant() (order.Merchant, error) {
	environ, err := environment(b.emulator)
	if err != nil {
		return order.Merchant{}, err
	}
	if b.address != "" { // the one that the environment names is not opened, and what is wrong with it does not matter
		environ = append(slices.Clip(environ), nameStore+"=")
	}
	configured, err := app.New(environ, io.Discard)
	if configured == nil {
		return order.Merchant{}, usage(err)
	}
	m := configured.Closer.Merchant
	faults, is := errors.AsType[*config.Faults](configured.Broken)
	if !is {
		return m, nil
	}
	if mine := only(faults, aboutOrders...); len(mine.List) > 0 {
		return order.Merchant{}, usage(mine)
	}
	// Without its keys it is not known which dialects the functions speak: they will say so when they close the order.
	m.APIs = []order.API{order.V2, order.V3, order.WXCloudRun}
	return m, nil
}

// only leaves the faults that are about some variables.
func only(faults *config.Faults, variables ...string) *config.Faults {
	mine := &config.Faults{}
	for _, fault := range faults.List {
		if slices.Contains(variables, strings.TrimSuffix(fault.Variable, "_FILE")) {
			mine.List = append(mine.List, fault)
		}
	}
	return mine
}

// sqlitePath is the file of a SQLite store.
func sqlitePath(address string) (string, bool) {
	path, is := strings.CutPrefix(address, "sqlite:")
	return strings.TrimPrefix(path, "//"), is
}

// hasSQLite reports whether this program was built with it.
func hasSQLite() bool {
	_, _, err := store.Connector("sqlite:any") // opens nothing
	return err == nil
}

// checkAddress says what is wrong with a store's address, or how to get SQLite where it is missing.
func checkAddress(address, said string) error {
	if _, is := sqlitePath(address); is && !hasSQLite() {
		return usagef("%s: this program was built without SQLite: build it with -tags sqlite "+
			"(go run -tags sqlite ./cmd/cloudpay …), or name a database at mysql:// or postgres://",
			"%s：本程序编译时未包含 SQLite：请用 -tags sqlite 编译（go run -tags sqlite ./cmd/cloudpay …），"+
				"或使用 mysql:// 或 postgres:// 的数据库", said)
	}
	if _, _, err := store.Connector(address); err != nil {
		fault := bilingual.Wording(err)
		unprefixed := words(strings.TrimPrefix(fault.EN, "store: "), strings.TrimPrefix(fault.ZH, "store: "))
		return usagef("%s: %s", "%s：%s", said, unprefixed)
	}
	return nil
}

// refOf is the order of that number.
func refOf(m order.Merchant, number, subMchID string) (order.Ref, error) {
	call, err := m.QueryCall(order.Params{OutTradeNo: number, SubMchID: subMchID})
	if err != nil {
		return order.Ref{}, usage(inFlags(order.Params{OutTradeNo: number}, err))
	}
	return call.Ref, nil
}

// inStore gives an error of the store's its exit code.
func inStore(err error) error {
	if missing, is := errors.AsType[*schedule.NotRegisteredError](err); is {
		return &exitError{exitNotFound, missing} // it names the order, and has no need of what was being done
	}
	if conflict, is := errors.AsType[*schedule.ConflictError](err); is {
		return &exitError{exitRefused, conflict}
	}
	if err == nil || bilingual.Wording(err).EN != bilingual.Wording(err).ZH {
		return err
	}
	return bilingual.Errorf("%w", "无法操作订单存储：%w", err) // a driver's words, which are English
}
