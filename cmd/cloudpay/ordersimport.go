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

// importCmd is one run of orders import.
type importCmd struct {
	storeFlags

	format  string // empty: the file's name tells
	rejects string // a file; empty: standard error gets the first ones
}

func newImport(l *render.Language) *cobra.Command {
	i := &importCmd{storeFlags: storeFlags{Language: l}}
	cmd := describe(l, "orders-import", &cobra.Command{
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name one file, or - for standard input: %s FILE", "请指定一个文件，或用 - 表示标准输入：%s 文件", cmd.CommandPath())
			}
			return nil
		},
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

// columnList is the names of all columns, as many on a line of help as fit.
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

func (i *importCmd) run(cmd *cobra.Command, args []string) error {
	return i.with(func(s *store.Store, m order.Merchant) error {
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
		err = errors.Join(in.Run(cmd.Context(), source), rejects.End(cmd.ErrOrStderr()))
		return i.tell(cmd, in, err)
	})
}

// tell prints the counts, whatever ended the import, and returns the exit code. Nothing is counted
// of a file whose header is wrong.
func (i *importCmd) tell(cmd *cobra.Command, in *orderfile.Importer, err error) error {
	if _, is := errors.AsType[*orderfile.HeaderError](err); is {
		return usage(err)
	}
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
