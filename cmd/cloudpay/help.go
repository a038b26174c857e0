package main

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/tools/txtar"

	"cloudpay/internal/cli/render"
)

// The names of the commands that cobra adds. It finds them by these, so they are not translated.
const (
	helpName       = "help"
	completionName = "completion"
)

// helpTexts are the words of the commands, a file each, in txtar's form:
//
//	-- use --            how it is used
//	-- short --          one line for lists of commands
//	-- en --             the help's long text
//	-- zh --             the same in Chinese
//	-- examples --       command lines, which tests hold to what there is
//
// use and short have English on the first line, and Chinese on the second where it differs. Both
// languages stand in one file, so that a change of one is seen beside the other.
//
//go:embed help/*.txt
var helpTexts embed.FS

// readTexts reads the parts of a file of texts. A file that is not there has none: a test wants
// every command to have texts.
func readTexts(name string) map[string]string {
	file, _ := helpTexts.ReadFile("help/" + name + ".txt")
	parts := map[string]string{}
	for _, part := range txtar.Parse(file).Files {
		parts[part.Name] = strings.TrimRight(string(part.Data), "\n")
	}
	return parts
}

// describe gives a command its texts: Use, Short, Long and Example. It returns the command.
func describe(l *render.Language, name string, cmd *cobra.Command) *cobra.Command {
	parts := readTexts(name)
	// line is the part's first line in English, its second in Chinese.
	line := func(part string) string {
		en, zh, both := strings.Cut(parts[part], "\n")
		if !both {
			zh = en
		}
		return l.Say(en, zh)
	}
	cmd.Use, cmd.Short, cmd.Long, cmd.Example = line("use"), line("short"), l.Say(parts["en"], parts["zh"]), parts["examples"]
	if cmd.ValidArgsFunction == nil {
		cmd.ValidArgsFunction = cobra.NoFileCompletions // no argument is a file unless a command says so
	}
	cmd.Flags().SortFlags = false // they are listed in the order of use, as they are added
	cmd.Flags().SetNormalizeFunc(spell)
	return cmd
}

// wordHelp words what cobra adds to a tree of commands: the frame of each help, the flags --help
// and --version, the commands help and completion, and what is wrong with a flag.
func wordHelp(l *render.Language, root *cobra.Command) {
	root.PersistentFlags().BoolP("help", "h", false, l.Say("show the help of a command", "显示命令的帮助"))
	root.Flags().BoolP("version", "v", false, l.Say("print the version", "显示版本"))
	root.SetVersionTemplate(l.Say("cloudpay version {{.Version}}\n", "cloudpay 版本 {{.Version}}\n"))
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), frame(l, cmd))
		return err
	})
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w (see %s --help)", "%w（见 %s --help）", render.FlagError(err), cmd.CommandPath())
	})
	root.SetHelpCommand(newHelp(l))
	// The completion command has no group: it comes last, under a title of its own.
	root.InitDefaultCompletionCmd(completionName) // cobra adds it by itself only when it is asked for
	for _, cmd := range root.Commands() {         // Find would report an unknown command with the wrong words
		if cmd.Name() == completionName {
			wordCompletion(l, cmd)
		}
	}
}

// frame is the part of a help that is alike for all commands, as in cobra's own template. cobra has
// no translations, and a changed template would link text/template.
//
// The order is cobra's: usage, examples, commands, flags, and where to read on.
func frame(l *render.Language, cmd *cobra.Command) string {
	out := &strings.Builder{}
	out.WriteString(l.Say("Usage:", "用法："))
	if !cmd.HasAvailableSubCommands() || cmd.HasAvailableLocalFlags() && cmd.HasParent() {
		fmt.Fprintf(out, "\n  %s", strings.Replace(cmd.UseLine(), "[flags]", l.Say("[flags]", "[选项]"), 1))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(out, "\n  %s %s", cmd.CommandPath(), l.Say("[command]", "[命令]"))
	}
	if cmd.HasExample() {
		fmt.Fprintf(out, "\n\n%s\n%s", l.Say("Examples:", "示例："), cmd.Example)
	}
	listCommands(l, out, cmd)
	out.WriteString(l.Flags(l.Say("Flags:", "选项："), cmd.LocalFlags()))
	out.WriteString(l.Flags(l.Say("Global Flags:", "全局选项："), cmd.InheritedFlags()))
	if cmd.HasAvailableSubCommands() {
		fmt.Fprint(out, "\n\n", l.Say("Use \"%s [command] --help\" for more information about a command.",
			"使用 \"%s [命令] --help\" 查看命令的详细说明。", cmd.CommandPath()))
	}
	return out.String()
}

// listCommands lists the commands below a command, group by group. Commands without a group, such
// as cobra's own, come last. A command without any groups has all of its commands under one title.
func listCommands(l *render.Language, out *strings.Builder, cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	groups := slices.Clone(cmd.Groups())
	switch {
	case len(groups) == 0:
		groups = append(groups, &cobra.Group{Title: l.Say("Available Commands:", "可用命令：")})
	case !cmd.AllChildCommandsHaveGroup():
		groups = append(groups, &cobra.Group{Title: l.Say("Additional Commands:", "其他命令：")})
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

// newHelp is cobra's own command of that name, in the language. A command that there is not is an
// error of usage here; cobra's prints it and ends with 0.
func newHelp(l *render.Language) *cobra.Command {
	return &cobra.Command{
		Use:   l.Say("help [command]", "help [命令]"),
		Short: l.Say("Show the help of any command", "显示任意命令的帮助"),
		Long: l.Say("help shows the help of a command: cloudpay help orders import.",
			"help 显示命令的帮助，如 cloudpay help orders import。"),
		ValidArgsFunction: completeHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 && about.HasSubCommands() {
				return usagef("there is no command %q (see %s --help)", "没有命令 %q（见 %s --help）",
					strings.Join(args, " "), cmd.Root().Name())
			}
			return about.Help()
		},
	}
}

// completeHelp completes the name of a command below those that were typed, with its short text for
// shells that show one.
func completeHelp(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	above, _, err := cmd.Root().Find(args)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	for _, below := range above.Commands() {
		if below.IsAvailableCommand() && strings.HasPrefix(below.Name(), begun) {
			names = append(names, cobra.CompletionWithDesc(below.Name(), below.Short))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// wordCompletion words cobra's command that writes a shell's completion script, and those below it.
// The scripts themselves are cobra's. They call the command for each completion, which answers in
// the language of the shell's locale.
func wordCompletion(l *render.Language, cmd *cobra.Command) {
	cmd.Short = l.Say("Write the completion script of a shell", "生成命令行补全脚本")
	cmd.Long = l.Say("completion writes the script that completes cloudpay's commands in a shell.",
		"completion 生成在命令行中补全 cloudpay 命令的脚本。")
	cmd.Args, cmd.RunE, cmd.Run = knownCommand, showHelp, nil
	load := map[string]string{
		"bash":       "source <(cloudpay completion bash)",
		"zsh":        "source <(cloudpay completion zsh)",
		"fish":       "cloudpay completion fish | source",
		"powershell": "cloudpay completion powershell | Out-String | Invoke-Expression",
	}
	// cobra's own texts are English, and long: they say where each system keeps such scripts.
	for _, shell := range cmd.Commands() {
		shell.Short = l.Say("Write the completion script of %s", "生成 %s 的补全脚本", shell.Name())
		shell.Long = l.Say("%s writes the completion script of this shell. To load it into the running one:\n\n  %s",
			"%s 生成该命令行的补全脚本。在当前会话中加载：\n\n  %s", shell.Name(), load[shell.Name()])
		shell.Args = noArguments // cobra's own check answers in English
		shell.Flags().VisitAll(func(flag *pflag.Flag) {
			if flag.Name == "no-descriptions" {
				flag.Usage = l.Say("leave descriptions out", "不含说明")
			}
		})
	}
}
