// Command cloudpay runs the cloud functions on one machine, before an emulated cloud and an
// emulated WeChat Pay, and closes and queries a merchant's real orders from the terminal.
//
// Each command is a struct of its flags, in a file of its own; orders.go has the commands below
// "orders". What several of them share stands below them: orderCmd for close and query, storeFlags
// for the commands that work on the register, flags.go and exit.go for all. A new command is a file
// of that kind, a file of texts in help/, and a line in newRoot or newOrders.
//
// All commands keep to these rules:
//
//   - Standard output has what was asked for, and nothing else. How a list goes on, progress, logs
//     and what is wrong go to standard error.
//   - --json prints an object a line, which docs/api.md and docs/cli.md describe. Keys and codes
//     are the same in every language.
//   - All that is wrong with a command line is said at once, with exit code 2, before anything is
//     done.
//   - Running a command again does no harm.
package main

import (
	"cmp"
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	_ "time/tzdata" // times are printed in the local zone, also in an image without files of zones

	"github.com/spf13/cobra"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/store"
	"cloudpay/internal/store/sqlite"
)

// main links SQLite, which the functions leave out unless they are built with its tag.
func main() {
	store.LinkSQLite(sqlite.Driver{})
	os.Exit(execute())
}

// execute is main with an exit code.
func execute() int {
	// A closed pipe ends a print and not the process: an emulator goes on serving when its output
	// is no longer read.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal lets commands end what they began; a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	l := render.LanguageOf(os.Args[1:])
	return end(l, os.Stderr, newRoot(l).ExecuteContext(ctx))
}

// keepOrder has the commands listed in the order of teaching. That is a setting of cobra's for the
// whole process, and tests make several roots at once.
var keepOrder = sync.OnceFunc(func() { cobra.EnableCommandSorting = false })

// newRoot makes the tree of commands, with all its texts in the language. Each call makes a new
// one: flags keep their values, and tests run many command lines in one process.
func newRoot(l *render.Language) *cobra.Command {
	root := describe(l, "cloudpay", &cobra.Command{
		Version:       builtFrom(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          showHelp,
	})
	keepOrder()
	// What can be tried without an account comes first, in the order of a tutorial.
	for _, part := range []struct {
		group    cobra.Group
		commands []*cobra.Command
	}{
		{
			cobra.Group{ID: "trying", Title: l.Say("Try it out on this machine:", "在本机试用：")},
			[]*cobra.Command{newDemo(l), newEmulate(l), newInvoke(l), newGateway(l)},
		},
		{
			cobra.Group{ID: "using", Title: l.Say("With a merchant's configuration:", "使用商户配置：")},
			[]*cobra.Command{newDoctor(l), newExplain(l), newQuery(l), newClose(l), newOrders(l), newSweep(l)},
		},
	} {
		root.AddGroup(&part.group)
		for _, command := range part.commands {
			command.GroupID = part.group.ID
			root.AddCommand(command)
		}
	}
	root.PersistentFlags().StringVar(&l.Asked, "lang", "", l.Say(
		"language: en or zh (default by LC_ALL, LC_MESSAGES or LANG)", "语言：en 或 zh（默认取决于 LC_ALL、LC_MESSAGES 或 LANG）"))
	complete(root, "lang", render.Languages()...)
	wordHelp(l, root)
	return root
}

// builtFrom is the commit that the command was built from, as far as the go command noted it. There
// are no other versions: the functions and the command are built from one tree.
func builtFrom() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return cmp.Or(info.Main.Version, "unknown")
}
