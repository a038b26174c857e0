package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The names of the commands that cobra adds.
const (
	helpName       = "help"
	completionName = "completion"
)

// newHelp is cobra's own command of that name, in the language.
func (l *language) newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   l.say(words("help [command]", "help [命令]")),
		Short: l.say(words("Show the help of any command", "显示任意命令的帮助")),
		Long: l.say(words("help shows the help of a command: cloudpay help orders import.",
			"help 显示命令的帮助，如 cloudpay help orders import。")),
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

// completeHelp completes the name of a command below those that were typed.
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

// wordCompletion words the command that writes a shell's completion script, and those below it.
func (l *language) wordCompletion(cmd *cobra.Command) {
	cmd.Short = l.say(words("Write the completion script of a shell", "生成命令行补全脚本"))
	cmd.Long = l.say(words("completion writes the script that completes cloudpay's commands in a shell.",
		"completion 生成在命令行中补全 cloudpay 命令的脚本。"))
	cmd.Args, cmd.RunE, cmd.Run = l.noSuchCommand, func(cmd *cobra.Command, _ []string) error { return cmd.Help() }, nil
	load := map[string]string{
		"bash":       "source <(cloudpay completion bash)",
		"zsh":        "source <(cloudpay completion zsh)",
		"fish":       "cloudpay completion fish | source",
		"powershell": "cloudpay completion powershell | Out-String | Invoke-Expression",
	}
	for _, shell := range cmd.Commands() {
		shell.Short = l.sayf("Write the completion script of %s", "生成 %s 的补全脚本", shell.Name())
		shell.Long = l.sayf("%s writes the completion script of this shell. To load it into the running one:\n\n  %s",
			"%s 生成该命令行的补全脚本。在当前会话中加载：\n\n  %s", shell.Name(), load[shell.Name()])
		shell.Args = noArguments
		shell.Flags().VisitAll(func(flag *pflag.Flag) {
			if flag.Name == "no-descriptions" {
				flag.Usage = l.say(words("leave descriptions out", "不含说明"))
			}
		})
	}
}
