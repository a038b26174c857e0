package main

import (
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/order"
)

// Texts that several commands have. Each is worded once, so that the same flag means the same.
var (
	subMerchant = bilingual.New("a service provider's sub-merchant; WXPAY_SUB_MCHID when left out", "服务商的子商户；不填则取 WXPAY_SUB_MCHID")
	verbosely   = bilingual.New("log in JSON to standard error", "向标准错误输出 JSON 日志")
	// noneOnStdin is no fault: a script may have found no orders.
	noneOnStdin = bilingual.New("no orders on standard input", "标准输入中没有订单")
)

// apis lists the values of --api, the newest dialect first.
func apis() []string { return []string{string(order.V3), string(order.V2), string(order.WXCloudRun)} }

// spell lets a flag be given as the parameter is spelt in a call (--sub_mch_id), as APIv3 spells it
// (--sub-mchid), and --combine for short.
func spell(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	name = strings.ReplaceAll(name, "_", "-")
	switch name {
	case "sub-mchid":
		name = "sub-mch-id"
	case "combine":
		name = "combine-out-trade-no"
	}
	return pflag.NormalizedName(name)
}

// complete has a shell complete a flag's values. It cannot fail: the flag exists, and has no
// completion yet.
func complete(cmd *cobra.Command, flag string, values ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// checkChoice reports a flag with a value that is none of those it takes. The message lists them,
// so that a typo is mended without the help.
func checkChoice(flag, value string, of []string) error {
	if slices.Contains(of, value) {
		return nil
	}
	return bilingual.Errorf("--%s: must be %s, not %q", "--%s：须为 %s，而不是 %q", flag, strings.Join(of, ", "), value)
}

// checkLanguage reports a --lang that is not known. The message is in the locale's language. Each
// command checks it together with its other flags, so that all faults are reported at once.
func checkLanguage(l *render.Language) error {
	if l.Asked != "" && !slices.Contains(render.Languages(), l.Asked) {
		return usagef("--lang: must be en or zh, not %q", "--lang：须为 en 或 zh，而不是 %q", l.Asked)
	}
	return nil
}

// parameterFlags are flags for the parameters of a call. Their names and help are those of the
// table in package order, from which docs/api.md and the columns of order files come too. All are
// texts: the table reads the values, so that a flag takes what a call takes.
type parameterFlags struct {
	// texts are the flags of one value, by the parameter's name.
	texts map[string]*string
	// subOrders are the values of --sub-order, which may be given several times.
	subOrders []string
}

// register adds flags for some parameters, in the order of the table.
func (f *parameterFlags) register(l *render.Language, flags *pflag.FlagSet, wanted func(order.Parameter) bool) {
	f.texts = map[string]*string{}
	for _, p := range order.Parameters() {
		switch {
		case !wanted(p):
		case p.Name == "sub_orders":
			flags.StringArrayVar(&f.subOrders, "sub-order", nil, l.Say(
				"an order of the combined one, each in a flag of its own: mchid=…,out_trade_no=…", "合单中的一个子订单，每个各用一次：mchid=…,out_trade_no=…"))
		default:
			name := strings.ReplaceAll(p.Name, "_", "-")
			f.texts[p.Name] = flags.String(name, "", l.Text(p.Help))
			if p.Switch {
				flags.Lookup(name).NoOptDefVal = "true"
			}
		}
	}
}

// set puts the flags that were given into p, and reports all that break a rule.
func (f *parameterFlags) set(p *order.Params) error {
	var faults []error
	put := func(parameter order.Parameter, value string) {
		if fault := parameter.Set(p, value); fault != nil {
			faults = append(faults, inFlags(*p, fault))
		}
	}
	for _, parameter := range order.Parameters() {
		if text := f.texts[parameter.Name]; text != nil {
			put(parameter, *text) // Set takes an empty text for none
		}
		// A sub-order is one text with all of its parameters in it.
		if parameter.Name == "sub_orders" {
			for _, text := range f.subOrders {
				put(parameter, text) // an empty one, as of a variable that is not set, is a fault
			}
		}
	}
	return errors.Join(faults...)
}

// inFlags words a fault of the parameters as one of the flags that they were given by. Other errors
// stay as they are.
func inFlags(p order.Params, err error) error {
	field, ok := errors.AsType[*order.FieldError](err)
	if !ok {
		return err
	}
	// The field of a sub-order's parameter is sub_orders[N].NAME.
	name, rest, isPart := strings.Cut(field.Field, "[")
	switch {
	case field.Field == "out_trade_no": // an argument
		return bilingual.Errorf("order %q: %s", "订单 %q：%s", p.OutTradeNo, field.Rule)
	case isPart:
		return bilingual.Errorf("--sub-order [%s: %s", "--sub-order [%s：%s", rest, field.Rule)
	case name == "sub_orders":
		name = "sub_order"
	}
	return bilingual.Errorf("--%s: %s", "--%s：%s", strings.ReplaceAll(name, "_", "-"), field.Rule)
}

// emulatorFlag adds --emulator. With it a command works on the emulator's merchant without a
// variable set, so that a tutorial's reader cannot ask the real gateway by mistake.
func emulatorFlag(l *render.Language, cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "emulator", "", l.Say(
		"use the environment of the emulator that runs in this folder, not this process's", "使用该目录中运行的模拟器的环境，而不是本进程的"))
	_ = cmd.MarkFlagDirname("emulator")
}

// environment is what a command is configured by: that of the emulator that serves in a folder, or
// this process's when the folder is empty. The two are never mixed: a key of the merchant's own
// must not reach an emulator, nor an emulator's address a real order.
func environment(emulator string) ([]string, error) {
	if emulator == "" {
		return os.Environ(), nil
	}
	d, err := desk.Read(emulator)
	if err != nil {
		return nil, usage(err)
	}
	return d.Environ(), nil
}

// showHelp runs a command that only has commands below it.
func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// knownCommand refuses the arguments of such a command: the first one is no command below it. The
// message names those that look like it.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2 // letters that may be wrong
	err := bilingual.Errorf("unknown command %q (see %s --help)", "没有命令 %q（见 %s --help）", args[0], cmd.CommandPath())
	for _, name := range cmd.SuggestionsFor(args[0]) {
		err = bilingual.Errorf("%w; did you mean %s?", "%w；是否为 %s？", err, name)
	}
	return usage(err)
}

// noArguments refuses arguments as an error of usage. cobra's own check words it in English and
// ends with another exit code.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments, and %q is one (see %s --help)", "%s 不接受参数，而 %q 是参数（见 %s --help）",
			cmd.CommandPath(), args[0], cmd.CommandPath())
	}
	return nil
}

// wantArguments checks that there is at least one argument and at most so many; 0 is any number. en
// and zh say what to name, and take the command's path. The command checks the arguments' form.
func wantArguments(most int, en, zh string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 || most > 0 && len(args) > most {
			return usagef(en, zh, cmd.CommandPath())
		}
		return nil
	}
}

// oneOrder wants the number of an order, and no more.
var oneOrder = wantArguments(1, "name one order: %s ORDER", "请指定一个订单：%s 订单号")
