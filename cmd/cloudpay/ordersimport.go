package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/orderfile"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
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

	// format is csv or jsonl; empty: the file's name tells.
	format string
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
	cmd.Flags().StringVar(&i.format, "format", "", l.Say("csv or jsonl; by the file's name when left out", "csv 或 jsonl；不填则取决于文件名"))
	cmd.Flags().StringVar(&i.rejects, "rejects", "", l.Say(
		"file to write rejected lines to, as CSV: line, out_trade_no, field, rule", "写入被拒绝行的 CSV 文件：line、out_trade_no、field、rule"))
	complete(cmd, "format", string(orderfile.CSV), string(orderfile.JSONLines))
	_ = cmd.MarkFlagFilename("rejects", string(orderfile.CSV))
	return cmd
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
		format, err := orderfile.FormatOf(i.format, args[0])
		if err != nil {
			return usagef("--format: %w", "--format：%w", err)
		}
		rejects, err := orderfile.OpenRejects(i.rejects, source, i.Language)
		if err != nil {
			return usagef("--rejects: %w", "--rejects：%w", err)
		}
		in := &orderfile.Importer{
			Register: s.RegisterAll, Merchant: m, Format: format, Rejects: rejects,
			Progress: render.NewProgress(cmd.ErrOrStderr(), size, i.Language),
		}
		// The rejected lines are written out whatever ended the import.
		err = errors.Join(in.Run(cmd.Context(), source), rejects.End(cmd.ErrOrStderr()))
		return i.tell(cmd, in, err)
	})
}

// tell prints the counts, whatever ended the import, and returns the exit code: 1 also when every
// line was read and some were rejected, so that a script does not take a part for the whole.
// Nothing is counted of a file whose header is wrong.
func (i *importCmd) tell(cmd *cobra.Command, in *orderfile.Importer, err error) error {
	if _, is := errors.AsType[*orderfile.HeaderError](err); is {
		return usage(err)
	}
	// The counts are said after an error, too: what was registered stays registered.
	if i.json {
		render.JSON(cmd.OutOrStdout(), struct {
			Lines    int `json:"lines"`
			Added    int `json:"added"`
			Known    int `json:"known"`
			Rejected int `json:"rejected"`
		}{in.Lines, in.Added, in.Known, in.Rejects.Count})
	} else {
		fmt.Fprint(cmd.OutOrStdout(), i.Say("%d orders: %d registered, %d registered before, %d rejected\n",
			"共 %d 个订单：新登记 %d，此前已登记 %d，拒绝 %d\n", in.Lines, in.Added, in.Known, in.Rejects.Count))
	}
	switch {
	case err != nil:
		return bilingual.Errorf("the import is not complete: what was registered stays, and running it again goes on: %w",
			"导入未完成：已登记的保留，重新执行即可继续：%w", inStore(err))
	case in.Rejects.Count > 0:
		return exit(exitFault)
	}
	return nil
}
