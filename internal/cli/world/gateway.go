package world

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/exchangelog"
	"cloudpay/internal/cli/inspection"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/ports"
)

// Gateway is one run of WeChat Pay alone, without functions. Language and Log are required; flags
// set the rest.
type Gateway struct {
	*render.Language

	// Log gets what is exchanged.
	Log io.Writer

	dir   string // keeps keys and state from one run to the next
	base  int    // numbers the three ports; 0: any that are free
	hosts []string
	fresh bool
	log   exchangelog.Flag
}

// Register adds the flags.
func (g *Gateway) Register(flags *pflag.FlagSet) {
	flags.StringVar(&g.dir, "dir", ".cloudpay", g.Say("folder for keys, state and emulator.json", "保存密钥、状态与 emulator.json 的目录"))
	flags.IntVar(&g.base, "port-base", ports.Base, g.Say("first of three ports: WeChat Pay, its backup domain, management; 0 takes free ones",
		"三个端口的首个：微信支付、备用域名、管理接口；0 为任意空闲端口"))
	flags.BoolVar(&g.fresh, "fresh", false, g.Say("forget the orders and the clock of earlier runs; keys stay", "清除此前的订单与时钟，密钥保留"))
	flags.StringSliceVar(&g.hosts, "notify-hosts", nil, g.Say("hosts besides this machine that a notify_url may name, with commas between",
		"除本机外允许 notify_url 使用的主机名，以逗号分隔"))
	g.log.Register(flags, g.Language)
}

// Check reports every setting that is wrong, by its flag.
func (g *Gateway) Check() error {
	const highest = 65_535 - 2
	faults := []error{g.log.Check()}
	if g.dir == "" {
		faults = append(faults, bilingual.Errorf("--dir: name a folder, which may be a new one", "--dir：请指定目录，可为新目录"))
	}
	if g.base < 0 || g.base > highest {
		faults = append(faults, bilingual.Errorf("--port-base: must be 0 to %d", "--port-base：须为 0 至 %d", highest))
	}
	if err := desk.CheckHosts(g.hosts); err != nil {
		faults = append(faults, bilingual.Errorf("--notify-hosts: %w", "--notify-hosts：%w", err))
	}
	return errors.Join(faults...)
}

// Run serves until ctx ends. ready is called when the gateway is described in the folder. The
// description is written last and removed first, as an emulator's is: it never names what does not
// answer, also after several signals. When the process is killed instead, the system releases the
// folder's lock, and the next start removes the description and goes on with the state.
func (g *Gateway) Run(ctx context.Context, ready func(dir string, d desk.Description)) error {
	holdSignals()
	path, release, err := desk.Lock(g.dir)
	if err != nil {
		return explain(err)
	}
	defer release()
	at := desk.Addresses{
		Gateway: ports.Numbered(g.base, 0), Backup: ports.Numbered(g.base, 1), Admin: ports.Numbered(g.base, 2), NotifyHosts: g.hosts,
	}
	at.Reserved, err = reserve(ctx, ports.Place{Name: "gateway", Address: at.Gateway},
		ports.Place{Name: "backup", Address: at.Backup}, ports.Place{Name: "admin", Address: at.Admin})
	if err != nil {
		return err
	}
	defer at.Reserved.Close()
	if err := prepare(path, g.fresh); err != nil {
		return explain(err)
	}
	return explain(g.serve(ctx, path, at, ready))
}

// serve is Run in a folder that is ready.
func (g *Gateway) serve(ctx context.Context, dir string, at desk.Addresses, ready func(string, desk.Description)) error {
	d, err := desk.Start(ctx, dir, at)
	if err != nil {
		return err
	}
	defer d.Close()
	_, stop := g.log.Watch(d, g.Language, g.Log)
	defer stop()
	d.Manage("/explain", inspection.Explain(dir))
	described := d.Describe("", "", desk.Settings{API: "v3", Region: "cn"})
	forget, err := described.Write(dir)
	if err != nil {
		return err
	}
	defer forget()
	ready(dir, described)
	<-ctx.Done()
	return nil
}
