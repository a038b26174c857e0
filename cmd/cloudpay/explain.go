package main

import (
	"os"

	"github.com/spf13/cobra"

	"cloudpay/internal/cli/explaining"
	"cloudpay/internal/cli/render"
)

// newExplain makes the command explain. It needs no configuration: of keys that are not there it
// says what they would be good for. Its exit code is that of doctor: 1 for a fault, and for a text
// that proves nothing, so that a script takes only a signature that was verified for right.
func newExplain(l *render.Language) *cobra.Command {
	e := &explaining.Command{Language: l}
	cmd := describe(l, "explain", &cobra.Command{
		Args: cobra.ArbitraryArgs, // checked with the flags
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkLanguage(l); err != nil {
				return err
			}
			e.Environ, e.In, e.Out, e.Hints = os.Environ(), cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
			fine, err := e.Run(cmd.Context(), args)
			switch {
			case err != nil:
				return usage(err)
			case !fine:
				return exit(exitFault)
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault // the argument is a file
		},
	})
	e.Flags(cmd.Flags())
	emulatorFlag(l, cmd, &e.Emulator)
	_ = cmd.MarkFlagFilename("env-file")
	_ = cmd.MarkFlagFilename("certificate", "pem")
	return cmd
}
