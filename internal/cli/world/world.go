// Package world runs the emulated world of one folder: everything that `cloudpay emulate` serves,
// on ports that are known before, and with the state that the folder keeps. It resets that state,
// and moves it from one folder to another.
package world

import (
	"context"
	"errors"
	"io"
	"net/url"
	"path/filepath"

	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/deployflags"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/emulator/ports"
	"cloudpay/internal/printable"
	"cloudpay/internal/store/migrate"
)

// None is the value of a setting for which there is a default, and that is to have no value.
const None = "none"

// Addresses are where a world listens, as host and port; an empty one is numbered from the base.
type Addresses struct{ Gateway, Backup, Admin, Cloud, Console, Events string }

// World is one run. Language, Dir, Runtime, Settings and Log are required.
type World struct {
	*render.Language

	// Dir keeps keys, binaries and state from one run to the next.
	Dir string
	// Bin is a folder of the functions' executables. Empty: they are taken from beside this
	// program, and built from the sources where there are none.
	Bin string
	// Runtime is how the functions run.
	Runtime platform.Runtime
	// Settings are how they are configured. Their Store and Events are the world's own: see below.
	Settings desk.Settings
	// Store is an address as for CLOUDPAY_STORE, or None. Empty: a file in Dir, if the functions
	// have SQLite.
	Store string
	// Events is where the functions send events, or None. Empty: the world's event sink.
	Events string
	// NotifyURL is the notify_url of orders that are placed by the management API without one, or
	// None. Empty: that of the function which takes notifications, if one runs.
	NotifyURL string
	// NotifyHosts are the hosts besides this machine that WeChat Pay may notify.
	NotifyHosts []string
	// PortBase numbers the ports; 0: any that are free. At has those that are elsewhere.
	PortBase int
	At       Addresses
	// Fresh begins without the state of earlier runs. Keys stay.
	Fresh bool
	// Deploy says which functions run, and with what.
	Deploy deployflags.Flags
	// Scenario is a file of what goes wrong from the beginning on; empty: nothing does.
	Scenario string
	// OpenConsole opens the console in a browser as soon as everything answers.
	OpenConsole bool
	// Log gets what is called, and what the world says while it starts.
	Log io.Writer
	// Admission is set by its flags.
	Admission

	scenario []byte // what Scenario holds, after Check
}

// offsets of the ports from the base, in the order of the README's table.
const (
	gatewayPort = iota
	backupPort
	adminPort
	cloudPort
	consolePort
	eventsPort
	portCount
)

// place is one of the world's addresses. The flag that sets it is its name and -addr.
type place struct {
	name   string
	at     *string
	offset int
	is     bilingual.Text
}

func (w *World) places() []place {
	return []place{
		{"gateway", &w.At.Gateway, gatewayPort, bilingual.New("WeChat Pay", "微信支付")},
		{"backup", &w.At.Backup, backupPort, bilingual.New("WeChat Pay's backup domain", "微信支付备用域名")},
		{"admin", &w.At.Admin, adminPort, bilingual.New("WeChat Pay's management API", "微信支付的管理接口")},
		{"cloud", &w.At.Cloud, cloudPort, bilingual.New("the cloud with the functions", "云及云函数")},
		{"console", &w.At.Console, consolePort, bilingual.New("the console", "控制台")},
		{"events", &w.At.Events, eventsPort, bilingual.New("the event sink", "事件接收器")},
	}
}

// Register adds the flags for all settings but Runtime and Settings.
func (w *World) Register(flags *pflag.FlagSet) {
	flags.StringVar(&w.Dir, "dir", ".cloudpay", w.Say("folder for keys, binaries, state and emulator.json", "保存密钥、二进制、状态与 emulator.json 的目录"))
	flags.IntVar(&w.PortBase, "port-base", ports.Base, w.Say("the first of the ports; 0 takes any that are free", "各端口中的第一个；0 表示任意空闲端口"))
	flags.BoolVar(&w.Fresh, "fresh", false, w.Say("forget the orders and the clock of earlier runs; keys stay", "清除此前的订单与时钟，密钥保留"))
	flags.BoolVar(&w.OpenConsole, "open", false, w.Say("open the console in a browser; the key e does the same later",
		"在浏览器中打开控制台；之后按 e 键亦可"))
	flags.StringVar(&w.Bin, "bin", "", w.Say("folder of binaries built before, such as dist of make package; when left out, those\n"+
		"beside this program, or else they are built", "已编译的二进制所在目录，如 make package 的 dist；不填则用本程序旁的，\n没有时编译"))
	flags.StringVar(&w.Store, "store", "", w.Say(
		"where registered orders are kept: an address as for CLOUDPAY_STORE, or none; orders.db in\nthe folder when left out",
		"登记订单的存储：与 CLOUDPAY_STORE 相同的地址，或 none；不填则为目录中的\norders.db"))
	flags.StringVar(&w.Events, "events-url", "", w.Say(
		"where the functions send events: an address as for CLOUDPAY_NOTIFY_URL, or none; the\nemulator's event sink when left out",
		"云函数发送事件的地址：与 CLOUDPAY_NOTIFY_URL 相同，或 none；不填则为模拟器的\n事件接收器"))
	flags.StringVar(&w.NotifyURL, "notify-url", "", w.Say(
		"notify_url of orders that the management API adds without one, or none; when left out,\nthe function with the route paynotify",
		"经管理接口添加且未填 notify_url 的订单所用的地址，或 none；不填则为提供 paynotify 路由的\n云函数"))
	flags.StringVar(&w.Scenario, "scenario", "", w.Say("a file of faults that are switched on at the start, as GET /scenario answers it",
		"启动时即开启的故障，文件内容为 GET /scenario 的应答"))
	w.Deploy.Register(w.Language, flags)
	flags.StringSliceVar(&w.NotifyHosts, "notify-hosts", nil, w.Say(
		"hosts besides this machine that a notify_url may name, with commas between", "除本机外允许 notify_url 使用的主机名，以逗号分隔"))
	w.register(flags, w.Language)
	for _, p := range w.places() {
		flags.StringVar(p.at, p.name+"-addr", "", w.Say("where %s listens, if not at its port", "%s的监听地址，默认为其端口", p.is))
	}
}

// Check reports every setting that is wrong, by its flag.
func (w *World) Check() error {
	faults := []error{w.Deploy.Check(), w.check()}
	if w.Dir == "" {
		faults = append(faults, bilingual.Errorf("--dir: name a folder, which may be a new one", "--dir：请指定目录，可为新目录"))
	}
	if w.Scenario != "" {
		var err error
		w.scenario, err = readScenario(w.Scenario)
		faults = append(faults, err)
	}
	const maxPort = 65535
	if w.PortBase < 0 || w.PortBase > maxPort-portCount+1 {
		faults = append(faults, bilingual.Errorf("--port-base: must be 0 or a port up to %d, since %d ports are counted from it",
			"--port-base：须为 0 或不超过 %d 的端口，从它起依次占用 %d 个端口", maxPort-portCount+1, portCount))
	}
	// An emulator answers without proof, so it must not be reached from another machine.
	for _, p := range w.places() {
		if *p.at == "" {
			continue
		}
		if err := desk.CheckAddress(*p.at); err != nil {
			faults = append(faults, bilingual.Errorf("--%s-addr: %w", "--%s-addr：%w", p.name, err))
		}
	}
	if err := desk.CheckHosts(w.NotifyHosts); err != nil {
		faults = append(faults, bilingual.Errorf("--notify-hosts: %w", "--notify-hosts：%w", err))
	}
	if u, err := url.Parse(w.NotifyURL); w.NotifyURL != "" && w.NotifyURL != None && (err != nil || u.Host == "" || u.RawQuery != "") {
		faults = append(faults, bilingual.Errorf(
			"--notify-url: must be an address without a query, such as http://127.0.0.1:8080/notify, or none",
			"--notify-url：须为不带查询参数的地址，如 http://127.0.0.1:8080/notify，或 none"))
	}
	return errors.Join(faults...)
}

// notifyURL is the setting, or the path of the cloud that takes notifications.
func (w *World) notifyURL(path string) string {
	switch w.NotifyURL {
	case "":
		return path
	case None:
		return ""
	}
	return w.NotifyURL
}

// Run serves until ctx ends, and calls ready when everything answers. What was started last ends
// first: the description is removed before anything that it names stops answering. A second signal
// changes nothing: what the first one began takes a second at most, and leaves no process and no
// temporary file only if it ends. When the process is killed instead, the system releases the
// folder's lock, and the next emulator removes the description.
func (w *World) Run(ctx context.Context, ready func(desk.Description)) error {
	holdSignals()
	err := w.run(ctx, ready)
	if err != nil && ctx.Err() != nil && !errors.Is(err, ErrInterrupted) {
		return bilingual.Errorf("%w: the emulator had not started", "%w：模拟器尚未启动完成", ErrInterrupted)
	}
	return explain(err)
}

// run is Run with errors as they arise.
func (w *World) run(ctx context.Context, ready func(desk.Description)) error {
	binaries, err := w.built()
	if err != nil {
		return err
	}
	dir, release, err := desk.Lock(w.Dir)
	if err != nil {
		return err
	}
	defer release()
	reserved, err := w.reserve(ctx)
	if err != nil {
		return err
	}
	defer reserved.Close()
	if err := prepare(dir, w.Fresh); err != nil {
		return err
	}
	fromSources := binaries == nil
	if fromSources {
		if binaries, err = w.build(ctx, filepath.Join(dir, "bin")); err != nil {
			return err
		}
	}
	if w.Settings.Store, err = w.openStore(ctx, dir, binaries); err != nil {
		return err
	}
	return w.serve(ctx, reserved, &deployment{world: w, dir: dir, binaries: binaries, fromSources: fromSources}, ready)
}

// serve starts everything, in the order in which one thing needs another's address.
func (w *World) serve(ctx context.Context, reserved *ports.Reserved, deployed *deployment, ready func(desk.Description)) error {
	d, err := desk.Start(ctx, deployed.dir, desk.Addresses{
		Gateway: w.At.Gateway, Backup: w.At.Backup, Admin: w.At.Admin, Reserved: reserved, NotifyHosts: w.NotifyHosts,
	})
	if err != nil {
		return err
	}
	defer d.Close()
	if err := w.serveEvents(ctx, d); err != nil {
		return err
	}
	w.Settings.CallerPolicy = w.Deploy.CallerPolicy
	logs, closeLogs, err := w.functionLogs(deployed.dir)
	if err != nil {
		return err
	}
	defer closeLogs()
	register, closeRegister, err := w.openRegister(d.Gateway.Ahead)
	if err != nil {
		return err
	}
	defer closeRegister()
	deployed.desk, deployed.logs, deployed.cloudURL, deployed.register = d, logs, "http://"+reserved.Address("cloud"), register
	as, err := deployed.plan(ctx)
	if err != nil {
		return err
	}
	ended, stop := w.log.Watch(d, w.Language, w.Log)
	defer stop()
	as.Origins, as.Keys, as.Ended, as.Register = w.origins, w.keys(), ended, register.api()
	cloudURL, undeploy, err := d.Deploy(ctx, as)
	if err != nil {
		return err
	}
	defer undeploy()
	if err := w.furnish(d, deployed); err != nil {
		return err
	}
	if err := d.ServeConsole(ctx, w.At.Console, w.shown(d, deployed.dir, cloudURL, register)); err != nil {
		return err
	}
	// Written last, the description says that everything it names answers.
	described := d.Describe(cloudURL, w.Runtime, w.Settings)
	forget, err := described.Write(deployed.dir)
	if err != nil {
		return err
	}
	defer forget()
	if err := deployed.watch(); err != nil {
		return err
	}
	ready(described)
	deployed.serve(ctx, described.ConsoleURL)
	return nil
}

// furnish plays the scenario that was asked for, and lets the management API explain and examine.
func (w *World) furnish(d *desk.Desk, deployed *deployment) error {
	if err := w.play(d); err != nil {
		return err
	}
	return w.inspect(d, deployed)
}

// reserve takes all ports before anything is built or started.
func (w *World) reserve(ctx context.Context) (*ports.Reserved, error) {
	places := w.places()
	list := make([]ports.Place, 0, len(places))
	for _, p := range places {
		if *p.at == "" {
			*p.at = ports.Numbered(w.PortBase, p.offset)
		}
		list = append(list, ports.Place{Name: p.name, Address: *p.at})
	}
	return reserve(ctx, list...)
}

// reserve takes ports, or says how others are chosen.
func reserve(ctx context.Context, places ...ports.Place) (*ports.Reserved, error) {
	reserved, err := ports.Reserve(ctx, places...)
	if err != nil {
		return nil, bilingual.Errorf("%w\n--port-base N counts the ports from another one, and --port-base 0 takes any that are free",
			"%w\n可用 --port-base N 从其他端口起编号，或用 --port-base 0 取任意空闲端口", err)
	}
	return reserved, nil
}

// serveEvents serves the event sink, and has the functions send events there unless they are sent
// elsewhere.
func (w *World) serveEvents(ctx context.Context, d *desk.Desk) error {
	sink, err := d.ServeEvents(ctx, w.At.Events)
	if err != nil {
		return err
	}
	switch w.Events {
	case "":
		w.Settings.Events = sink
	case None:
		w.Settings.Events = ""
	default:
		w.Settings.Events = w.Events
	}
	return nil
}

// openStore is the address of the store that the functions are given; empty: none. A SQLite file is
// made and migrated; any other database is for its owner to migrate.
func (w *World) openStore(ctx context.Context, dir string, binaries map[string]string) (string, error) {
	address := w.Store
	switch {
	case address == None:
		return "", nil
	case address == "" && !hasSQLite(binaries):
		w.say("the functions have no SQLite, so that no orders are registered: --store names a database", "云函数不含 SQLite，不登记订单：可用 --store 指定数据库")
		return "", nil
	case address == "":
		address = "sqlite:" + filepath.Join(dir, ordersFile)
	}
	path, is := sqliteFile(address)
	if !is {
		return address, nil
	}
	path, err := filepath.Abs(path) // the functions have another working directory
	if err == nil {
		err = checkRegister(ctx, path)
	}
	var steps []migrate.Step
	if err == nil {
		steps, err = migrate.Up(ctx, "sqlite:"+path)
	}
	if err != nil {
		return "", bilingual.Errorf("--store: %w", "--store：%w", err)
	}
	if len(steps) > 0 && steps[0].Version > 1 {
		w.say("%s was an older program's: its schema is brought to step %d", "%s 由较早的程序写入：已将其数据库结构升级至步骤 %d",
			path, steps[len(steps)-1].Version)
	}
	return "sqlite:" + path, nil
}

// say writes a line to the log.
func (w *World) say(en, zh string, values ...any) {
	_, _ = io.WriteString(w.Log, printable.Lines(w.Say(en, zh, values...))+"\n") // a closed terminal needs no error
}
