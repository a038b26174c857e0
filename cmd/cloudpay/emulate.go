package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"cloudpay/internal/emulator/platform"
)

func newEmulate() *cobra.Command {
	var (
		dir, bin string
		as       role
		at       addresses
	)
	cmd := &cobra.Command{
		Use:   "emulate",
		Short: "Run the functions, the cloud around them and WeChat Pay behind them, until interrupted",
		Long: `emulate builds both functions and serves three things on loopback until it is
interrupted (SIGINT):

  gateway  an emulated WeChat Pay, APIv2 and APIv3, that verifies every signature
  admin    its management API: orders, payments, the clock, faults, history
           (docs/emulator.md)
  cloud    the functions: POST /v1/functions/closeorder with the event as body,
           and the header X-WX-OPENID to be a mini-program's user

On first use it makes the keys of a merchant and of the gateway and keeps them in
the folder. emulator.json there says how everything is reached, and which
environment a function needs that you start yourself; it is there while the
emulator runs. One emulator at a time may use a folder.

在本机模拟云函数平台与微信支付，密钥与地址写入 --dir 目录，按 Ctrl-C 结束。`,
		Example: `  cloudpay emulate --dir .cloudpay
  cloudpay emulate --dir .cloudpay --api v2 --partner`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(at.check(), as.check()); err != nil {
				return err
			}
			return emulate(cmd, dir, bin, as, at)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&dir, "dir", ".cloudpay", "folder for keys, binaries and emulator.json")
	flags.StringVar(&bin, "bin", "", "folder of binaries built before; empty builds them")
	flags.StringVar(&as.api, "api", "v3", "dialect that the functions speak: "+strings.Join(apis(), ", "))
	flags.StringVar(&as.region, "region", "cn", "where their merchant is: "+strings.Join(regions(), ", "))
	flags.BoolVar(&as.partner, "partner", false, "run the functions as a service provider for a sub-merchant")
	flags.StringVar(&at.gateway, "gateway-addr", "127.0.0.1:0", "where WeChat Pay listens")
	flags.StringVar(&at.backup, "backup-addr", "127.0.0.1:0", "where WeChat Pay's backup domain listens")
	flags.StringVar(&at.admin, "admin-addr", "127.0.0.1:0", "where its management API listens")
	flags.StringVar(&at.cloud, "cloud-addr", "127.0.0.1:0", "where the functions are called")
	_ = cmd.MarkFlagDirname("dir")
	_ = cmd.MarkFlagDirname("bin")
	_ = cmd.RegisterFlagCompletionFunc("api", cobra.FixedCompletions(apis(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("region", cobra.FixedCompletions(regions(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// emulate serves until the command's context ends.
func emulate(cmd *cobra.Command, dir, bin string, as role, at addresses) error {
	ctx := cmd.Context()
	dir, err := absolute(dir)
	if err != nil {
		return err
	}
	release, err := occupy(dir)
	if err != nil {
		return err
	}
	defer release()
	if bin == "" {
		bin = filepath.Join(dir, "bin")
		cmd.PrintErrln("building closeorder and queryorder …")
		if err := buildFunctions(ctx, bin); err != nil {
			return err
		}
	}
	e, err := startEmulator(ctx, dir, at)
	if err != nil {
		return err
	}
	defer e.stop()
	functions, err := deploy(ctx, bin, e.env(as), os.Stderr)
	if err != nil {
		return err
	}
	defer undeploy(functions)
	cloudURL, err := e.serve(ctx, "--cloud-addr", at.cloud, &platform.Cloud{Functions: functions, AppID: emulatedAppID})
	if err != nil {
		return err
	}
	if err := writeDescription(dir, e.describe(cloudURL, as)); err != nil {
		return err
	}
	defer forgetDescription(dir)
	fmt.Fprintf(cmd.OutOrStdout(), "cloudpay emulator ready: gateway %s backup %s admin %s cloud %s, described in %s\n",
		e.gatewayURL, e.backupURL, e.adminURL, cloudURL, filepath.Join(dir, descriptionFile))
	<-ctx.Done()
	return nil
}
