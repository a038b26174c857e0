package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/cli/world"
	"cloudpay/internal/emulator/desk"
)

// gatewayCmd is one run of gateway: WeChat Pay alone, for a merchant's server in any language.
type gatewayCmd struct{ world.Gateway }

// newGateway makes the command gateway, which serves until it is interrupted.
func newGateway(l *render.Language) *cobra.Command {
	g := &gatewayCmd{world.Gateway{Language: l}}
	cmd := describe(l, "gateway", &cobra.Command{
		Args: noArguments,
		RunE: g.run,
	})
	g.Register(cmd.Flags())
	_ = cmd.MarkFlagDirname("dir")
	return cmd
}

// run serves until the command's context ends.
func (g *gatewayCmd) run(cmd *cobra.Command, _ []string) error {
	if err := errors.Join(checkLanguage(g.Language), g.Check()); err != nil {
		return usage(err)
	}
	g.Log = cmd.ErrOrStderr()
	return g.Run(cmd.Context(), func(dir string, d desk.Description) {
		fmt.Fprintln(cmd.OutOrStdout(), g.ready(dir, d))
	})
}

// ready says how a merchant's server is pointed here. Keys are named by their files, and the two
// symmetric ones by the description that has them: no secret is printed.
func (g *gatewayCmd) ready(dir string, d desk.Description) string {
	parts := readTexts("gateway")
	return strings.NewReplacer(
		"{gateway}", d.GatewayURL, "{backup}", d.BackupURL, "{admin}", d.AdminURL, "{file}", filepath.Join(dir, desk.File),
		"{mchid}", d.Merchant.MchID, "{appid}", d.Merchant.AppID, "{sub_mchid}", d.Merchant.SubMchID, "{serial}", d.Merchant.Serial,
		"{private_key}", d.Merchant.PrivateKey, "{public_key}", d.Merchant.PublicKey, "{public_key_id}", d.Merchant.PublicKeyID,
	).Replace(g.Say(parts["ready en"], parts["ready zh"]))
}
