package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/store"
)

// importing is one run of orders import.
type importing struct {
	books

	format, rejects string
}

func newImport(l *language) *cobra.Command {
	i := &importing{books: books{language: l}}
	cmd := &cobra.Command{
		Use:   l.say(words("import FILE", "import 文件")),
		Short: l.say(words("Register many orders, from CSV or JSON Lines", "从 CSV 或 JSON Lines 批量登记订单")),
		Long: l.sayf(`import registers the orders in a file, a line each; - is standard input. Lines that
cannot be registered keep no others from it: each is reported with its line number,
the field and the rule that it breaks, to --rejects (CSV) or to standard error (the
first 20), and the exit code is 1. Running it again is harmless: what is registered
already, with the same facts, is counted and left alone.

CSV has a header that names the columns, and commas between them; JSON Lines have an
object a line. The names are the parameters of closeorder, in any spelling:
%s
out_trade_no and close_at must be given, empty columns count as not given, and texts
are UTF-8. A line may be 64 KiB long, and a quoted text must end on it.`,
			`import 登记文件中的订单，每行一个；- 表示标准输入。有误的行不影响其他行：每一行连同行号、字段与
所违反的规则写入 --rejects（CSV），或输出到标准错误（前 20 行），退出码为 1。重复执行无害：
已以相同内容登记的只计数，不作更改。

CSV 的首行为列名，以逗号分隔；JSON Lines 每行一个对象。名称为 closeorder 的参数，写法不限：
%s
必须有 out_trade_no 与 close_at，空列视为未提供，文本为 UTF-8。每行不超过 64 KiB，带引号的文本
须在同一行结束。`, wrapped(factNames())),
		Example: `  cloudpay orders import orders.csv --rejects rejects.csv
  mysql … | cloudpay orders import - --format csv
  cloudpay orders import orders.jsonl --json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name one file, or - for standard input: %s FILE", "请指定一个文件，或用 - 表示标准输入：%s 文件", cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: cobra.FixedCompletions(formatNames(), cobra.ShellCompDirectiveFilterFileExt),
		RunE:              i.run,
	}
	i.register(cmd)
	cmd.Flags().StringVar(&i.format, "format", "", l.say(words("csv or jsonl; by the file's name when left out", "csv 或 jsonl；不填则取决于文件名")))
	cmd.Flags().StringVar(&i.rejects, "rejects", "", l.say(words(
		"file to write rejected lines to, as CSV: line, out_trade_no, field, rule", "写入被拒绝行的 CSV 文件：line、out_trade_no、field、rule")))
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{formatCSV, formatJSON}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.MarkFlagFilename("rejects", formatCSV)
	return cmd
}

// wrapped are names, as many on a line of help as fit.
func wrapped(names []string) string {
	const width = 78
	var lines []string
	line := " "
	for i, name := range names {
		if i < len(names)-1 {
			name += ","
		}
		if len(line)+len(name) >= width {
			lines, line = append(lines, line), " "
		}
		line += " " + name
	}
	return strings.Join(append(lines, line), "\n")
}

func (i *importing) run(cmd *cobra.Command, args []string) error {
	return i.with(func(s *store.Store, m order.Merchant) error {
		source, size, err := openSource(args[0], cmd.InOrStdin())
		if err != nil {
			return err
		}
		defer func() { _ = source.Close() }() // it was only read
		format, err := formatOf(i.format, args[0])
		if err != nil {
			return err
		}
		out, err := i.openRejects(source)
		if err != nil {
			return err
		}
		in := &intake{
			register: s.RegisterAll, merchant: m, rejects: out, parse: parserOf[format](),
			progress: newProgress(cmd.ErrOrStderr(), size, isTerminal(cmd.ErrOrStderr()), i.language),
		}
		err = in.run(cmd.Context(), source)
		err = errors.Join(err, out.end(cmd.ErrOrStderr()))
		return i.tell(cmd, in, err)
	})
}

// openSource opens the file, or standard input; size is -1 when it is not known.
func openSource(name string, stdin io.Reader) (source io.ReadCloser, size int64, err error) {
	if name == "-" {
		return io.NopCloser(stdin), -1, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, usagef("the orders to import: %w", "要导入的订单：%w", err)
	}
	facts, err := f.Stat()
	switch {
	case err != nil:
		_ = f.Close()
		return nil, 0, usagef("the orders to import: %w", "要导入的订单：%w", err)
	case facts.IsDir():
		_ = f.Close()
		return nil, 0, usagef("the orders to import: %s is a folder; name a file", "要导入的订单：%s 是目录；请指定文件", name)
	case !facts.Mode().IsRegular():
		return f, -1, nil
	}
	return f, facts.Size(), nil
}

// openRejects makes the report of what is rejected. It must not be the very file that is read.
func (i *importing) openRejects(source io.ReadCloser) (*rejects, error) {
	if i.rejects == "" {
		return &rejects{language: i.language}, nil
	}
	if read, is := source.(*os.File); is {
		one, err1 := read.Stat()
		other, err2 := os.Stat(i.rejects)
		if err1 == nil && err2 == nil && os.SameFile(one, other) {
			return nil, usagef("--rejects: %s is the file that is imported; name another", "--rejects：%s 是正在导入的文件；请另选一个", i.rejects)
		}
	}
	f, err := os.OpenFile(filepath.Clean(i.rejects), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, usagef("--rejects: %w", "--rejects：%w", err)
	}
	return newRejects(f, i.language), nil
}

func isTerminal(w io.Writer) bool {
	f, is := w.(*os.File)
	return is && term.IsTerminal(int(f.Fd()))
}

// imported is the count as JSON.
type imported struct {
	Lines    int `json:"lines"`
	Added    int `json:"added"`
	Known    int `json:"known"`
	Rejected int `json:"rejected"`
}

// tell counts, whatever ended it, and returns the exit code.
func (i *importing) tell(cmd *cobra.Command, in *intake, err error) error {
	if code, _ := exitCode(err); code == exitUsage {
		return err
	}
	if i.json {
		sayJSON(cmd.OutOrStdout(), imported{in.lines, in.added, in.known, in.rejects.count})
	} else {
		fmt.Fprint(cmd.OutOrStdout(), i.language.sayf(
			"%d orders: %d registered, %d registered before, %d rejected\n",
			"共 %d 个订单：新登记 %d，此前已登记 %d，拒绝 %d\n",
			in.lines, in.added, in.known, in.rejects.count))
	}
	switch {
	case err != nil:
		return bilingual.Errorf("the import is not complete: what was registered stays, and running it again goes on: %w",
			"导入未完成：已登记的保留，重新执行即可继续：%w", inStore(err))
	case in.rejects.count > 0:
		return &exitError{code: exitFault}
	}
	return nil
}
