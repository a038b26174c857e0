package main

import (
	"cmp"
	"errors"
	"fmt"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/orderfile"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
)

// changeCmd is one run of orders change or orders withdraw.
type changeCmd struct {
	storeFlags
	orderArgs

	// withdraw distinguishes the two.
	withdraw bool
	// given are the flags for what changes.
	given parameterFlags
}

// newChange makes the command orders change: closeorder with change, without a function.
func newChange(l *render.Language) *cobra.Command {
	return (&changeCmd{storeFlags: storeFlags{Language: l}}).command("orders-change",
		"close_at", "openid", "owner", "sub_appid", "total", "overdue", "changed_by")
}

// newWithdraw makes the command orders withdraw: closeorder with withdraw, without a function.
func newWithdraw(l *render.Language) *cobra.Command {
	return (&changeCmd{storeFlags: storeFlags{Language: l}, withdraw: true}).command("orders-withdraw", "changed_by")
}

// command makes either command, with flags for these parameters.
func (c *changeCmd) command(name string, parameters ...string) *cobra.Command {
	cmd := describe(c.Language, name, &cobra.Command{
		Args: wantArguments(0, "name an order: %s ORDER..., or - to read them from standard input",
			"请指定订单：%s 订单号...，或用 - 从标准输入读取"),
		RunE: c.run,
	})
	c.register(cmd)
	c.given.register(c.Language, cmd.Flags(), func(p order.Parameter) bool { return slices.Contains(parameters, p.Name) })
	c.nameFlag(c.Language, cmd)
	return cmd
}

// run changes each order in turn. One that is not registered, or cannot be changed any more, keeps
// none of the others from it. Repeating it does no harm.
func (c *changeCmd) run(cmd *cobra.Command, args []string) error {
	p := order.Params{Change: !c.withdraw, Withdraw: c.withdraw}
	if err := c.given.set(&p); err != nil {
		return usage(err)
	}
	if p.Change && p.CloseAt == "" && p.Owner == "" && p.OpenID == "" && p.Total == nil {
		return usagef("give what changes: --close-at, --owner, --openid or --total", "请给出要更改的内容：--close-at、--owner、--openid 或 --total")
	}
	p.ChangedBy = cmp.Or(p.ChangedBy, userName())
	return c.with(func(orders *store.Store, m order.Merchant) error {
		refs, err := c.named(cmd, m, args)
		if err != nil {
			return err
		}
		if len(refs) == 0 {
			cmd.PrintErrln(c.Text(noneOnStdin))
		}
		worst := exitFine
		for _, ref := range refs {
			p.OutTradeNo, p.SubMchID = ref.OutTradeNo, ref.SubMchID
			_, change, err := schedule.NewChange(m, p, time.Now())
			if err != nil {
				return usage(inFlags(p, err))
			}
			record, err := orders.Change(cmd.Context(), ref, change)
			if _, is := errors.AsType[*order.FieldError](err); is { // by what is registered
				err = &exitError{exitRefused, bilingual.Errorf("order %s: %w", "订单 %s：%w", ref, inFlags(p, err))}
			}
			code, _ := exitCode(inStore(err))
			switch code {
			case exitFine:
				c.tell(cmd, record, p.CloseAt != "")
			case exitNotFound, exitRefused:
				complain(c.Language, cmd.ErrOrStderr(), inStore(err))
			default:
				return err
			}
			worst = worse(worst, code)
		}
		return exit(worst)
	})
}

// tell prints what became of one order. moved says that its close_at was changed: such an order is
// due later than that only if its time was past.
func (c *changeCmd) tell(cmd *cobra.Command, r schedule.Record, moved bool) {
	if c.json {
		render.JSON(cmd.OutOrStdout(), orderfile.NewRecord(r))
		return
	}
	what := c.Say("due %s", "到期 %s", render.Clock(r.DueAt))
	switch {
	case c.withdraw:
		what = c.Say("is withdrawn", "已撤回")
	case moved && r.CloseAt.Before(r.DueAt):
		what = c.Say("due at once, for its time is past: %s", "时间已过，立即到期：%s", render.Clock(r.DueAt))
	}
	fmt.Fprintf(cmd.OutOrStdout(), "✓ %s: %s\n", render.Number(r.SubMchID, r.OutTradeNo), what)
}

// userName is the user of this process, for the history; "cli" when the system does not say.
func userName() string {
	u, err := user.Current()
	if err != nil {
		return "cli"
	}
	kept := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return -1
	}, u.Username)
	const most = 64
	return cmp.Or(kept[:min(len(kept), most)], "cli")
}
