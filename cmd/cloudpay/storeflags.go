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
	"cloudpay/internal/cli/render"
	"cloudpay/internal/config"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
)

// storeVariable is the variable with the store's address.
const storeVariable = "CLOUDPAY_STORE"

// storeFlags are the flags that the commands below orders share: which store they work on, and how
// they print. Each of these commands embeds them, and reaches the store by with.
type storeFlags struct {
	*render.Language

	// address is --store, which may hold a password and is never printed; empty: the environment's.
	address string
	// emulator is the folder of one whose environment is used; empty: this process's.
	emulator string
	// clock is a running emulator's, if its store is meant; set by configured.
	clock string
	// json prints an object a line.
	json bool
}

// register adds the flags. A command adds its own after them.
func (f *storeFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.address, "store", "", f.Say("the store's address; %s when left out", "存储的地址；不填则取 %s", storeVariable))
	flags.BoolVar(&f.json, "json", false, f.Say("print JSON, an object a line, as docs/cli.md describes it", "逐行输出 docs/cli.md 所述的 JSON 对象"))
	emulatorFlag(f.Language, cmd, &f.emulator)
	_ = cmd.RegisterFlagCompletionFunc("store", cobra.FixedCompletions(
		[]string{"mysql://", "postgres://", "sqlite:"}, cobra.ShellCompDirectiveNoSpace|cobra.ShellCompDirectiveNoFileComp))
}

// with calls do with the store and the merchant whose orders are meant. Nothing is connected before
// do asks the store. An error of the store's gets its exit code here.
func (f *storeFlags) with(do func(*store.Store, order.Merchant) error) error {
	m, err := f.merchant()
	if err != nil {
		return err
	}
	s, err := f.open()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // what was written is committed already
	return inStore(do(s, m))
}

// where is the store's address, which is known to be well formed, and the flag or variable that
// named it, for errors. --store comes before the environment.
func (f *storeFlags) where() (address, said string, err error) {
	if err := checkLanguage(f.Language); err != nil {
		return "", "", err
	}
	address, said = f.address, "--store"
	if address == "" {
		said = storeVariable
		if address, err = f.configured(); err != nil {
			return "", "", err
		}
	}
	return address, said, checkAddress(address, said)
}

// configured is the store that the environment names. Faults of other variables are none here: the
// tables may be made before the merchant has any keys.
func (f *storeFlags) configured() (string, error) {
	environ, err := environment(f.emulator)
	if err != nil {
		return "", err
	}
	settings, err := config.Load(environ)
	if faults, is := errors.AsType[*config.Faults](err); is && faults.Has(storeVariable) {
		return "", usage(only(faults, storeVariable))
	}
	f.clock = settings.EmulatorClock
	switch address := settings.Store.Reveal(); {
	case address != "":
		return address, nil
	case f.emulator != "":
		return "", usagef("--emulator: the emulator in %s keeps no orders: it was started without a store",
			"--emulator：%s 中的模拟器不保存订单：启动时没有存储", f.emulator)
	}
	// Without a store there is nothing that these commands could work on.
	return "", usagef("--store: must name the database that orders are kept in, unless %s does: "+
		"mysql://…, postgres://… or sqlite:/path/to/file.db",
		"--store：须指明保存订单的数据库，除非已设置 %s：mysql://…、postgres://… 或 sqlite:/path/to/file.db", storeVariable)
}

// open opens the store. Nothing is connected yet. SQLite would make a file that is not there, an
// empty one: a wrong path would look like a store without orders.
func (f *storeFlags) open() (*store.Store, error) {
	address, said, err := f.where()
	if err != nil {
		return nil, err
	}
	if path, is := sqlitePath(address); is {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, usagef("%s: there is no file %s: `cloudpay orders migrate` makes it",
				"%s：没有文件 %s：请用 `cloudpay orders migrate` 创建", said, path)
		}
	}
	opened, err := store.Open(address) // which connects when it is first asked
	if clock := app.EmulatedClock(f.clock); err == nil && clock != nil {
		opened.ShiftClock(clock)
	}
	return opened, err
}

// aboutOrders are the variables that say whose orders are meant. These commands ignore what is
// wrong with others: they need no keys.
var aboutOrders = []string{
	"WXPAY_API", "WXPAY_REGION", "WXPAY_MODE", "WXPAY_APPID", "WXPAY_MCHID", "WXPAY_SUB_MCHID", "WXPAY_SUB_APPID", "WXPAY_SUB_MCHIDS",
}

// merchant is the owner of the orders, by the configuration that the functions have. Without its
// keys it is not known which dialects the functions speak, so every dialect is taken: the function
// refuses it when it closes the order.
func (f *storeFlags) merchant() (order.Merchant, error) {
	environ, err := environment(f.emulator)
	if err != nil {
		return order.Merchant{}, err
	}
	// With --store, app.New must neither open nor fault the store that the environment names.
	if f.address != "" {
		environ = append(slices.Clip(environ), storeVariable+"=")
	}
	configured, err := app.New(environ, io.Discard)
	if configured == nil {
		return order.Merchant{}, usage(err)
	}
	m := configured.Closer.Merchant
	if faults, is := errors.AsType[*config.Faults](configured.Broken); is {
		// Missing keys are a fault of the whole configuration, and none here.
		if mine := only(faults, aboutOrders...); len(mine.List) > 0 {
			return order.Merchant{}, usage(mine)
		}
		m.APIs = []order.API{order.V2, order.V3, order.WXCloudRun}
	}
	return m, nil
}

// only leaves the faults that are about some variables, or about the files that these may be read
// from (_FILE).
func only(faults *config.Faults, variables ...string) *config.Faults {
	mine := &config.Faults{}
	for _, fault := range faults.List {
		if slices.Contains(variables, strings.TrimSuffix(fault.Variable, "_FILE")) {
			mine.List = append(mine.List, fault)
		}
	}
	return mine
}

// sqlitePath is the file of a SQLite store, and false for another database. The address may be
// written as a URL, with two slashes.
func sqlitePath(address string) (string, bool) {
	path, is := strings.CutPrefix(address, "sqlite:")
	return strings.TrimPrefix(path, "//"), is
}

// checkAddress says what is wrong with a store's address. The address may hold a password, and is
// not repeated.
func checkAddress(address, said string) error {
	if _, _, err := store.Connector(address); err != nil {
		// The package's name means nothing to a user; the flag or the variable does.
		fault := bilingual.Wording(err)
		unprefixed := bilingual.New(strings.TrimPrefix(fault.EN, "store: "), strings.TrimPrefix(fault.ZH, "store: "))
		return usagef("%s: %s", "%s：%s", said, unprefixed)
	}
	return nil
}

// inStore gives an error of the store's its exit code and a Chinese wording. An error that has an
// exit code already passes as it is.
func inStore(err error) error {
	if err == nil {
		return nil
	}
	if _, is := errors.AsType[*exitError](err); is {
		return err
	}
	if missing, is := errors.AsType[*schedule.NotRegisteredError](err); is {
		return &exitError{exitNotFound, missing} // it names the order, and needs no more words around it
	}
	if conflict, is := errors.AsType[*schedule.ConflictError](err); is {
		return &exitError{exitRefused, conflict}
	}
	if withdrawn, is := errors.AsType[*schedule.WithdrawnError](err); is {
		return &exitError{exitRefused, withdrawn}
	}
	if late, is := errors.AsType[*schedule.TooLateError](err); is {
		return &exitError{exitRefused, late}
	}
	if back, is := errors.AsType[*schedule.WentBackError](err); is {
		return &exitError{exitRefused, back}
	}
	if text := bilingual.Wording(err); text.EN != text.ZH {
		return err
	}
	return bilingual.Errorf("%w", "无法操作订单存储：%w", err) // a driver's words, which are English
}
