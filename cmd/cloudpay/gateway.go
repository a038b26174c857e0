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
	"cloudpay/internal/emulator/ports"
)

// gatewayCmd is one run of gateway: WeChat Pay alone, for a merchant's server in any language.
type gatewayCmd struct {
	*render.Language

	// dir keeps keys and state from one run to the next.
	dir string
	// base is the first of three ports; 0: any free ones.
	base int
	// hosts are those besides this machine that may be notified.
	hosts []string
}

// newGateway makes the command gateway, which serves until it is interrupted.
func newGateway(l *render.Language) *cobra.Command {
	g := &gatewayCmd{Language: l}
	cmd := describe(l, "gateway", &cobra.Command{
		Args: noArguments,
		RunE: g.run,
	})
	flags := cmd.Flags()
	flags.StringVar(&g.dir, "dir", ".cloudpay", l.Say("folder for keys, state and emulator.json", "保存密钥、状态与 emulator.json 的目录"))
	flags.IntVar(&g.base, "port-base", ports.Base, l.Say("first of three ports: WeChat Pay, its backup domain, management; 0 takes free ones",
		"三个端口的首个：微信支付、备用域名、管理接口；0 为任意空闲端口"))
	flags.StringSliceVar(&g.hosts, "notify-hosts", nil, l.Say("hosts besides this machine that a notify_url may name, with commas between",
		"除本机外允许 notify_url 使用的主机名，以逗号分隔"))
	_ = cmd.MarkFlagDirname("dir")
	return cmd
}

// run serves until the command's context ends.
func (g *gatewayCmd) run(cmd *cobra.Command, _ []string) error {
	if err := errors.Join(checkLanguage(g.Language), world.CheckGateway(g.dir, g.base, g.hosts)); err != nil {
		return usage(err)
	}
	return world.Gateway(cmd.Context(), g.dir, g.base, g.hosts, func(dir string, d desk.Description) {
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
