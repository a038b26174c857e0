package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
)

// wordHelp words what cobra adds to a tree of commands: the frame of every help, the flags --help
// and --version, the commands help and completion, and what is wrong with a flag.
func (l *language) wordHelp(root *cobra.Command) {
	root.PersistentFlags().BoolP("help", "h", false, l.say(words("show the help of a command", "显示命令的帮助")))
	root.Flags().BoolP("version", "v", false, l.say(words("print the version", "显示版本")))
	root.SetVersionTemplate(l.say(words("cloudpay version {{.Version}}\n", "cloudpay 版本 {{.Version}}\n")))
	root.SetUsageFunc(l.usage)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w (see %s --help)", "%w（见 %s --help）", flagError(err), cmd.CommandPath())
	})
	root.SetHelpCommand(l.newHelp())
	root.InitDefaultCompletionCmd(completionName) // it is left out unless it is asked for
	for _, cmd := range root.Commands() {
		if cmd.Name() == completionName {
			l.wordCompletion(cmd)
		}
	}
}

// usage prints the part of a help that is alike for all commands, as cobra's own does.
func (l *language) usage(cmd *cobra.Command) error {
	out := &strings.Builder{}
	fmt.Fprint(out, l.say(words("Usage:", "用法：")))
	if cmd.Runnable() && !cmd.HasAvailableSubCommands() {
		fmt.Fprintf(out, "\n  %s", strings.Replace(cmd.UseLine(), "[flags]", l.say(words("[flags]", "[选项]")), 1))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(out, "\n  %s %s", cmd.CommandPath(), l.say(words("[command]", "[命令]")))
	}
	if cmd.HasExample() {
		fmt.Fprintf(out, "\n\n%s\n%s", l.say(words("Examples:", "示例：")), cmd.Example)
	}
	l.commands(out, cmd)
	l.flags(out, words("Flags:", "选项："), cmd.LocalFlags())
	l.flags(out, words("Global Flags:", "全局选项："), cmd.InheritedFlags())
	if cmd.HasAvailableSubCommands() {
		fmt.Fprint(out, "\n\n", l.sayf("Use \"%s [command] --help\" for more information about a command.",
			"使用 \"%s [命令] --help\" 查看命令的详细说明。", cmd.CommandPath()))
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), out)
	return err
}

// commands prints the commands below a command, group by group.
func (l *language) commands(out *strings.Builder, cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	groups := cmd.Groups()
	if !cmd.AllChildCommandsHaveGroup() {
		rest := words("Additional Commands:", "其他命令：")
		if len(groups) == 0 {
			rest = words("Available Commands:", "可用命令：")
		}
		groups = append(groups, &cobra.Group{Title: l.say(rest)})
	}
	for _, group := range groups {
		fmt.Fprintf(out, "\n\n%s", group.Title)
		for _, below := range cmd.Commands() {
			if below.GroupID == group.ID && (below.IsAvailableCommand() || below.Name() == helpName) {
				fmt.Fprintf(out, "\n  %-*s %s", below.NamePadding(), below.Name(), below.Short)
			}
		}
	}
}

// flags prints flags in two columns: how they are written, and what they mean.
func (l *language) flags(out *strings.Builder, title bilingual.Text, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	var written, meant []string
	widest := 0
	flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Hidden {
			return
		}
		short := "    "
		if flag.Shorthand != "" {
			short = "-" + flag.Shorthand + ", "
		}
		kind, usage := pflag.UnquoteUsage(flag)
		line := strings.TrimRight("  "+short+"--"+flag.Name+" "+l.say(kindOf(kind)), " ")
		written, meant = append(written, line), append(meant, usage+l.initial(flag))
		widest = max(widest, columns(line))
	})
	fmt.Fprintf(out, "\n\n%s", l.say(title))
	for i, line := range written {
		fmt.Fprintf(out, "\n%s   %s", padded(line, widest), strings.ReplaceAll(meant[i], "\n", "\n"+padded("", widest+len("   "))))
	}
}

// kindOf names what a flag takes, by pflag's name for it.
func kindOf(name string) bilingual.Text {
	switch name {
	case "string":
		return words("string", "文本")
	case "stringArray":
		return words("stringArray", "文本…")
	case "int":
		return words("int", "整数")
	case "duration":
		return words("duration", "时长")
	}
	return bilingual.Same(name)
}

// initial says what a flag is when it is not given, unless that is nothing.
func (l *language) initial(flag *pflag.Flag) string {
	switch value := flag.DefValue; value {
	case "", "0", "0s", "false", "[]":
		return ""
	default:
		return l.sayf(" (default %s)", "（默认 %s）", value)
	}
}
