package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // for --zone on machines without time zones, such as Windows

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/orderfile"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/registering"
	"cloudpay/internal/store"
)

// importCmd is one run of orders import. The work is orderfile.Importer's; this is what it reads,
// and what a person or a script is told. A file looks like one of these:
//
//	out_trade_no,close_at,openid,total
//	A1,1800,oABC,12345
//
//	{"out_trade_no":"A1","close_at":1800,"openid":"oABC","total":12345}
type importCmd struct {
	storeFlags
	orderArgs

	// format is csv or jsonl; empty: the file's name tells.
	format string
	// encoding is one of orderfile.Encodings; empty: the file tells.
	encoding string
	// columns are the --map flags.
	columns []string
	// closeAt is for a CSV file without that column, also with change.
	closeAt string
	// zone is the name of the time zone of times without one; empty: there must be none.
	zone string
	// overdue takes a close_at that is long past, again registers anew what was withdrawn.
	overdue, again bool
	// fromLine is the first line that is registered.
	fromLine int
	// change and withdraw have the file correct or withdraw registrations instead; by names the one
	// that asks for it.
	change, withdraw bool
	by               string
	// rejects is a file for the lines that are not registered; empty: standard error gets the
	// first.
	rejects string
}

// newImport makes the command orders import. It may be run again after any end: what is registered
// already, with the same facts, is only counted.
func newImport(l *render.Language) *cobra.Command {
	i := &importCmd{storeFlags: storeFlags{Language: l}}
	cmd := describe(l, "orders-import", &cobra.Command{
		Args:              wantArguments(1, "name one file, or - for standard input: %s FILE", "请指定一个文件，或用 - 表示标准输入：%s 文件"),
		ValidArgsFunction: cobra.FixedCompletions(orderfile.Extensions(), cobra.ShellCompDirectiveFilterFileExt),
		RunE:              i.run,
	})
	cmd.Long = strings.ReplaceAll(cmd.Long, "{columns}", columnList())
	i.register(cmd)
	i.flags(l, cmd.Flags())
	i.nameFlag(l, cmd)
	complete(cmd, "format", string(orderfile.CSV), string(orderfile.JSONLines))
	complete(cmd, "encoding", orderfile.Encodings()...)
	_ = cmd.MarkFlagFilename("rejects", string(orderfile.CSV))
	return cmd
}

// flags adds the flags that say how the file is written, and what of it is registered.
func (i *importCmd) flags(l *render.Language, flags *pflag.FlagSet) {
	flags.StringVar(&i.format, "format", "", l.Say("csv or jsonl; by the file's name when left out", "csv 或 jsonl；不填则取决于文件名"))
	flags.StringVar(&i.encoding, "encoding", "", l.Say("utf-8, gbk, utf-16le or utf-16be; by the file's beginning when left out",
		"utf-8、gbk、utf-16le 或 utf-16be；不填则由文件开头判断"))
	flags.StringArrayVar(&i.columns, "map", nil, l.Say("what columns are, as TITLE=NAME,…; total:yuan is an amount in yuan,\n"+
		"- leaves a column out, and '*=-' all that are not known", "指明各列，如 列名=参数名,…；total:yuan 表示以元为单位，\n- 表示忽略该列，'*=-' 忽略所有无法识别的列"))
	flags.StringVar(&i.closeAt, "close-at", "", l.Say("close_at of all orders, for CSV without that column", "全部订单的 close_at，用于没有该列的 CSV"))
	flags.StringVar(&i.zone, "zone", "", l.Say("time zone of times without one, such as Asia/Shanghai", "没有时区的时间所属时区，如 Asia/Shanghai"))
	flags.BoolVar(&i.overdue, "overdue", false, l.Say("take every close_at that lies before created_at or more than a day back",
		"允许 close_at 早于 created_at，或已过去一天以上"))
	flags.BoolVar(&i.again, "again", false, l.Say("register orders anew that were withdrawn, or that WeChat Pay did not have",
		"重新登记已撤回的订单，或因微信支付无此订单而结束的订单"))
	flags.IntVar(&i.fromLine, "from-line", 1, l.Say("the first line that is registered, besides the header", "从第几行起登记（表头除外）"))
	flags.BoolVar(&i.change, "change", false, l.Say("correct the registrations of the orders, by the columns that the file has",
		"按文件所含的列更正订单的登记"))
	flags.BoolVar(&i.withdraw, "withdraw", false, l.Say("withdraw the registrations of the orders", "撤回订单的登记"))
	flags.StringVar(&i.by, "changed-by", "", l.Say("the name of the change's author, for its history; this user when left out",
		"变更人，记入变更历史；不填则为当前用户"))
	flags.StringVar(&i.rejects, "rejects", "", l.Say("file to write rejected lines to as they were, each with its reason",
		"写入被拒绝的行（原样，附原因）的文件"))
}

// columnList is the names of all columns, as many on a line of help as fit. They come from the
// table of parameters, so that the help has a new one by itself.
func columnList() string {
	const width = 78
	list, line := "", " "
	for _, p := range order.Parameters() {
		switch {
		case !p.Registered:
			continue
		case len(line)+len(p.Name)+len(" ,") > width:
			list, line = list+line+"\n", " "
		}
		line += " " + p.Name + ","
	}
	return list + strings.TrimSuffix(line, ",")
}

// run imports the file. What is wrong with the flags is said before the first line is read; the
// store is opened before that, since its errors are the likelier ones.
func (i *importCmd) run(cmd *cobra.Command, args []string) error {
	return i.with(func(s *store.Store, m order.Merchant) error {
		// The size is for the progress bar; of a pipe it is not known.
		source, size, err := orderfile.Open(args[0], cmd.InOrStdin())
		if err != nil {
			return usagef("the orders to import: %w", "要导入的订单：%w", err)
		}
		defer func() { _ = source.Close() }() // it was only read
		in := &orderfile.Importer{
			Register: func(ctx context.Context, all []registering.Request) ([]schedule.Registration, error) {
				return registering.All(ctx, s, all)
			},
			Merchant: m, Encoding: i.encoding, FromLine: i.fromLine, SubMchID: i.subMchID, CloseAt: i.closeAt,
			Overdue: i.overdue, Again: i.again, By: cmp.Or(i.by, userName()),
			Progress: render.NewProgress(cmd.ErrOrStderr(), size, i.Language),
		}
		if i.change || i.withdraw {
			in.Change = i.changeIn(s, m)
		}
		if err := i.read(in, args[0]); err != nil {
			return err
		}
		rejects, err := orderfile.OpenRejects(i.rejects, source, i.fromLine > 1, i.Language)
		if err != nil {
			return usagef("--rejects: %w", "--rejects：%w", err)
		}
		in.Rejects = rejects
		// The rejected lines are written out whatever ended the import.
		err = errors.Join(in.Run(cmd.Context(), source), rejects.End(cmd.ErrOrStderr()))
		return i.tell(cmd, in, err)
	})
}

// read puts the flags that say how the file is written into the importer.
func (i *importCmd) read(in *orderfile.Importer, name string) (err error) {
	if in.Format, err = orderfile.FormatOf(i.format, name); err != nil {
		return usagef("--format: %w", "--format：%w", err)
	}
	if in.Columns, err = orderfile.ParseColumns(strings.Join(i.columns, ",")); err != nil {
		return usagef("--map: %w", "--map：%w", err)
	}
	for _, flag := range []struct {
		name  string
		given bool
	}{{"map", len(i.columns) > 0}, {"close-at", i.closeAt != ""}, {"zone", i.zone != ""}} {
		if flag.given && in.Format != orderfile.CSV {
			return usagef("--%s: is for CSV; JSON Lines name what they have", "--%s：仅用于 CSV；JSON Lines 自带名称", flag.name)
		}
	}
	if i.zone != "" {
		if in.Zone, err = time.LoadLocation(i.zone); err != nil {
			return usagef("--zone: must be a time zone's name such as Asia/Shanghai or UTC, not %q",
				"--zone：须为时区名，如 Asia/Shanghai 或 UTC，而不是 %q", i.zone)
		}
	}
	return i.check()
}

// check refuses flags that do not go together, or would do nothing.
func (i *importCmd) check() error {
	changes := i.change || i.withdraw
	switch {
	case i.encoding != "" && !slices.Contains(orderfile.Encodings(), i.encoding):
		return usage(checkChoice("encoding", i.encoding, orderfile.Encodings()))
	case i.change && i.withdraw:
		return usagef("--withdraw: and --change are two imports: give one of them", "--withdraw：与 --change 是两种导入：只能给出其一")
	case i.withdraw && (i.closeAt != "" || i.overdue):
		return usagef("--withdraw: changes nothing else: leave out --close-at and --overdue", "--withdraw：不更改其他内容：请去掉 --close-at 与 --overdue")
	case i.again && changes:
		return usagef("--again: registers orders: leave out --change and --withdraw", "--again：用于登记订单：请去掉 --change 与 --withdraw")
	case i.by != "" && !changes && !i.again:
		return usagef("--changed-by: goes with --change, --withdraw or --again", "--changed-by：与 --change、--withdraw 或 --again 一起使用")
	case i.fromLine < 1:
		return usagef("--from-line: must be a line's number, from 1", "--from-line：须为行号，从 1 起")
	}
	return nil
}

// tell prints the counts, whatever ended the import, and returns the exit code: 1 also when every
// line was read and some were rejected, so that a script does not take a part for the whole.
// Nothing is counted of a file that is not read.
func (i *importCmd) tell(cmd *cobra.Command, in *orderfile.Importer, err error) error {
	if _, is := errors.AsType[*orderfile.FileError](err); is {
		return usage(err)
	}
	// The counts are said after an error, too: what was registered stays registered.
	if i.json {
		render.JSON(cmd.OutOrStdout(), struct {
			Lines     int `json:"lines"`
			Added     int `json:"added"`
			Anew      int `json:"anew,omitempty"`
			Known     int `json:"known"`
			Withdrawn int `json:"withdrawn,omitempty"`
			Rejected  int `json:"rejected"`
			Due       int `json:"dueAtOnce,omitempty"`
			NextLine  int `json:"nextLine,omitempty"`
		}{in.Lines, in.Added, in.Anew, in.Known, in.Withdrawn, in.Rejects.Count, in.DueAtOnce, in.NextLine})
	} else {
		fmt.Fprint(cmd.OutOrStdout(), i.summary(in))
		if in.DueAtOnce > 0 {
			cmd.PrintErrln(i.Say("%d of them are due at once, for their time is past", "其中 %d 个时间已过，立即到期", in.DueAtOnce))
		}
	}
	switch {
	case err != nil && in.NextLine == 0: // everything was read; the report of what was rejected is broken
		return err
	case err != nil:
		return bilingual.Errorf("the import is not complete: what was registered stays; go on with --from-line %d, or run it again: %w",
			"导入未完成：已登记的保留；请用 --from-line %d 继续，或重新执行：%w", in.NextLine, inStore(err))
	case in.Rejects.Count > 0:
		return exit(exitFault)
	}
	return nil
}

// summary is the counts in one line.
func (i *importCmd) summary(in *orderfile.Importer) string {
	switch {
	case i.withdraw:
		return i.Say("%d orders: %d withdrawn, %d withdrawn before, %d rejected\n", "共 %d 个订单：撤回 %d，此前已撤回 %d，拒绝 %d\n",
			in.Lines, in.Added, in.Known, in.Rejects.Count)
	case i.change:
		return i.Say("%d orders: %d changed, %d as they are, %d rejected\n", "共 %d 个订单：更改 %d，无需更改 %d，拒绝 %d\n",
			in.Lines, in.Added, in.Known, in.Rejects.Count)
	}
	text := i.Say("%d orders: %d registered, %d registered before, %d rejected",
		"共 %d 个订单：新登记 %d，此前已登记 %d，拒绝 %d", in.Lines, in.Added, in.Known, in.Rejects.Count)
	if in.Anew > 0 {
		text += i.Say(", %d registered anew", "，重新登记 %d", in.Anew)
	}
	if in.Withdrawn > 0 {
		text += i.Say(", %d withdrawn and left so (--again registers them anew)", "，已撤回且未重新登记 %d（可用 --again 重新登记）", in.Withdrawn)
	}
	return text + "\n"
}

// changeIn returns what --change and --withdraw do with an order.
func (i *importCmd) changeIn(s *store.Store, m order.Merchant) func(context.Context, order.Params) (schedule.Entry, bool, error) {
	by := cmp.Or(i.by, userName())
	return func(ctx context.Context, p order.Params) (schedule.Entry, bool, error) {
		p.Change, p.Withdraw, p.ChangedBy, p.Overdue = i.change, i.withdraw, by, p.Overdue || i.overdue
		ref, change, err := schedule.NewChange(m, p, time.Now())
		if err != nil {
			return schedule.Entry{}, false, err
		}
		before, err := s.Show(ctx, ref)
		if err != nil {
			return schedule.Entry{}, false, err
		}
		after, err := s.Change(ctx, ref, change)
		return after.Entry, before.Progress != after.Progress || before.Differs(after.Entry) != "", err
	}
}
