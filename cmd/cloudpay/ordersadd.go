package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/orderfile"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/registering"
	"cloudpay/internal/store"
)

// addCmd is one run of orders add.
type addCmd struct {
	storeFlags

	// given are the flags for the order's parameters but its number, which is the argument.
	given parameterFlags
}

// newAdd makes the command orders add: closeorder with close_at, without a function. The order is
// closed by the timer of the deployed function, so the register has to be the same.
func newAdd(l *render.Language) *cobra.Command {
	a := &addCmd{storeFlags: storeFlags{Language: l}}
	cmd := describe(l, "orders-add", &cobra.Command{
		Args: a.wantOrder,
		RunE: a.run,
	})
	a.register(cmd)
	a.given.register(l, cmd.Flags(), func(p order.Parameter) bool {
		return p.Registered && p.Name != "out_trade_no" || p.Name == combined // the number is the argument
	})
	// The dialect is registered with the order. Without one the function uses its own, and whether
	// it has the keys is only known there.
	cmd.Flags().Lookup("api").Usage = l.Say(
		"dialect: v3, v2, wxcloudrun; what the function has configured when it closes the order, when left out",
		"接口：v3, v2, wxcloudrun；不填则取云函数关单时的配置")
	complete(cmd, "api", apis()...)
	// The flag is there to be answered: the error says what to do with a combined order.
	_ = cmd.Flags().MarkHidden(flagOf(combined))
	return cmd
}

// combined is the parameter that names a combined order, which cannot be registered.
const combined = "combine_out_trade_no"

func flagOf(parameter string) string { return strings.ReplaceAll(parameter, "_", "-") }

// wantOrder wants the number of an order, unless a combined one is named.
func (a *addCmd) wantOrder(cmd *cobra.Command, args []string) error {
	if len(args) == 0 && *a.given.texts[combined] != "" {
		return nil
	}
	return oneOrder(cmd, args)
}

// run registers the order and shows it. Registering is idempotent: the same again changes nothing,
// and other facts are refused with exit code 5, as they are to a function's caller.
func (a *addCmd) run(cmd *cobra.Command, args []string) error {
	var p order.Params
	// What the flags hold is checked before the store is opened: a typo needs no database.
	err := a.given.set(&p)
	if len(args) > 0 {
		of, fault := nameInto(&p, args[0])
		if of.MchID != "" {
			fault = bilingual.Errorf("order %q: must be ORDER or SUB_MCHID/ORDER", "订单 %q：须为订单号，或 子商户号/订单号", args[0])
		}
		err = errors.Join(err, fault)
	}
	if err != nil {
		return usage(err)
	}
	return a.with(func(s *store.Store, m order.Merchant) error {
		// As in a file, close_at must be given: closeorder without it would close at once.
		p.ChangedBy = userName()
		request, err := orderfile.NewRequest(m, p)
		if err != nil {
			return usage(inFlags(p, err))
		}
		got, err := registering.One(cmd.Context(), s, request)
		if _, is := errors.AsType[*order.FieldError](got.Err); is {
			return usage(inFlags(p, got.Err))
		}
		if err = cmp.Or(err, got.Err); err != nil {
			return schedule.InWordsOf(p, err)
		}
		// The register knows when the order is due: close_at may be seconds by the database's
		// clock.
		record, err := s.Show(cmd.Context(), request.Ref)
		if err == nil { // it may have been withdrawn meanwhile
			err = record.Refusal(request.Entry)
		}
		if err != nil {
			return schedule.InWordsOf(p, err)
		}
		a.tell(cmd, record, got)
		return nil
	})
}

// tell shows the order as the register has it, which may be how it was registered before.
func (a *addCmd) tell(cmd *cobra.Command, r schedule.Record, got schedule.Registration) {
	if a.json {
		render.JSON(cmd.OutOrStdout(), orderfile.NewRecord(r))
		return
	}
	// An order that is done, or was given up, is not due any more.
	what := a.Say("registered", "已登记")
	switch {
	case r.Pruned:
		what = a.Say("was registered before; it ended, and was pruned", "此前已登记；已结束并清理")
	case !got.Added:
		what = a.Say("was registered before, with the same facts", "此前已登记，内容相同")
	case got.Again:
		what = a.Say("registered anew", "已重新登记")
	case !r.CloseAt.IsZero() && r.CloseAt.Before(r.RegisteredAt):
		what = a.Say("registered, and due at once, for its time is past", "已登记；时间已过，立即到期")
	}
	fmt.Fprintf(cmd.OutOrStdout(), "✓ %s  %s: %s %s\n",
		render.Number(r.SubMchID, r.OutTradeNo), what, a.Say("due", "到期"), cmp.Or(render.Clock(r.DueAt), "-"))
}
