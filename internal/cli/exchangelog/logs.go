package exchangelog

import (
	"context"
	"io"

	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/paint"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/traffic"
	"cloudpay/internal/printable"
)

// Bounds of how many entries are shown.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// Logs shows what a running emulator remembers, or what comes. Language is required; flags set the
// rest.
type Logs struct {
	*render.Language

	dir          string
	query        traffic.Query
	follow       bool
	full, asJSON bool
}

// Register adds the flags.
func (c *Logs) Register(flags *pflag.FlagSet) {
	flags.StringVar(&c.dir, "dir", ".cloudpay", c.Say("folder of the running emulator", "运行中模拟器的目录"))
	flags.BoolVarP(&c.follow, "follow", "f", false, c.Say("show what comes, until interrupted", "持续显示新的记录，直到中断"))
	flags.StringVar(&c.query.Function, "function", "", c.Say(
		"only calls of this function, and what it was sent or has sent", "仅该云函数的调用，以及发给它或由它发出的"))
	flags.StringVar(&c.query.OutTradeNo, "order", "", c.Say("only what is about this order", "仅与该订单有关的记录"))
	flags.StringVar(&c.query.Verdict, "verdict", "", c.Say(
		"only what has this verdict or outcome: ok, refused, failed, closed, exhausted, …",
		"仅该结论或结果的记录：ok、refused、failed、closed、exhausted……"))
	flags.IntVar(&c.query.Limit, "limit", defaultLimit, c.Say("how many at most, the last ones", "最多显示多少条，取最后的"))
	flags.BoolVar(&c.full, "full", false, c.Say("show every request, and the strings of a wrong signature", "显示每个请求，以及签名有误时的签名串"))
	flags.BoolVar(&c.asJSON, "json", false, c.Say("print an object a line", "每行输出一个对象"))
}

// Check reports flags that are wrong.
func (c *Logs) Check() error {
	switch {
	case c.query.Limit < 1 || c.query.Limit > maxLimit:
		return bilingual.Errorf("--limit: must be 1 to %d", "--limit：须为 1 至 %d", maxLimit)
	case c.full && c.asJSON:
		return bilingual.Errorf("--json: shows everything already; leave --full out", "--json：已包含全部内容；请去掉 --full")
	default:
		return nil
	}
}

// Run prints to out until there is no more, or with --follow until ctx ends; notes about the
// connection go to notes.
func (c *Logs) Run(ctx context.Context, out, notes io.Writer) error {
	style := Style{Mode: Short, Brush: paint.For(out), Language: c.Language}
	switch {
	case c.asJSON:
		style.Mode = JSON
	case c.full:
		style.Mode = Full
	}
	show := func(e Entry) { _, _ = io.WriteString(out, style.Entry(e)) } // a closed terminal needs no error
	if c.follow {
		f := Follower{Find: c.find, Query: c.query, Show: show, Say: func(text bilingual.Text) {
			_, _ = io.WriteString(notes, "cloudpay: "+printable.Text(c.Text(text))+"\n") // as above
		}}
		return f.Run(ctx)
	}
	from, err := c.find()
	if err != nil {
		return err
	}
	return History(ctx, from, c.query, show)
}

// find is where the emulator of the folder is.
func (c *Logs) find() (Source, error) {
	d, err := desk.Read(c.dir)
	return Source{CloudURL: d.CloudURL, AdminURL: d.AdminURL}, err
}
