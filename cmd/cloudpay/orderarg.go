package main

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/orderfile"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
)

// orderArgs is how the commands below orders name registered orders. Each that takes an order
// embeds it, so that what one command prints is accepted by every other:
//
//	A1                          the order of --sub-mch-id, or else of the configured sub-merchant
//	1900000109/A1               a sub-merchant's, as list prints it
//	cn/1900000001/1900000109/A1 the full name, as errors print it
//	{"mchId":…,"outTradeNo":…}  the object that list --json prints
type orderArgs struct {
	// subMchID is --sub-mch-id; empty: the configured sub-merchant, or none.
	subMchID string
}

// maxRecords bounds the list of orders in JSON on standard input, in bytes: some fifty thousand.
const maxRecords = 16 << 20

// nameFlag adds --sub-mch-id to a command that names orders.
func (a *orderArgs) nameFlag(l *render.Language, cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.subMchID, "sub-mch-id", "", l.Text(subMerchant))
}

// filterFlag adds --sub-mch-id to a command that lists orders, or what belongs to orders: without
// it those of all sub-merchants are meant.
func (a *orderArgs) filterFlag(l *render.Language, cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.subMchID, "sub-mch-id", "", l.Say("only those of this sub-merchant", "仅该子商户的"))
}

// only is the sub-merchant that a list is limited to; empty when it has those of all.
func (a *orderArgs) only(m order.Merchant) (string, error) {
	if a.subMchID == "" {
		return "", nil
	}
	const number = "A1" // the rules of sub-merchants are those of a call, which is about an order
	ref, err := a.complete(m, number, order.Ref{OutTradeNo: number})
	return ref.SubMchID, err
}

// named is the orders that the arguments name, where - stands for those on standard input, one a
// line. All are read and checked before any is returned.
func (a *orderArgs) named(cmd *cobra.Command, m order.Merchant, args []string) ([]order.Ref, error) {
	refs, err := orderfile.Named(args, cmd.InOrStdin(), maxRecords, func(text string) (order.Ref, error) { return a.ref(m, text) })
	if err != nil {
		return nil, usage(err)
	}
	return refs, nil
}

// ref is the order that one text names. Another merchant's is refused: its number may be one of
// ours.
func (a *orderArgs) ref(m order.Merchant, text string) (order.Ref, error) {
	named, err := splitName(text)
	if err != nil {
		return order.Ref{}, usage(err)
	}
	// Region and merchant are compared as they are: a list of another configuration is a mistake.
	if named.MchID != "" && named.Account() != m.Account() {
		return order.Ref{}, usage(notOurs(named.OutTradeNo, named.Account(), m.Account()))
	}
	return a.complete(m, text, named)
}

// complete fills in the sub-merchant and checks the name by the rules of a call.
func (a *orderArgs) complete(m order.Merchant, text string, named order.Ref) (order.Ref, error) {
	p := order.Params{OutTradeNo: named.OutTradeNo, SubMchID: cmp.Or(named.SubMchID, a.subMchID)}
	if a.subMchID != "" && p.SubMchID != a.subMchID {
		return order.Ref{}, usage(foreignTo(text, a.subMchID))
	}
	call, err := m.QueryCall(p)
	switch {
	case err == nil:
		return call.Ref, nil
	case named.SubMchID != "": // no flag named it
		return order.Ref{}, usagef("order %q: %w", "订单 %q：%w", text, err)
	}
	return order.Ref{}, usage(inFlags(p, err))
}

// nameInto names the order of a call by any form of its name, whose sub-merchant must agree with a
// --sub-mch-id that p has already. It returns the account that the name has, zero if it has none:
// whether it is the configured one is for the caller to check.
func nameInto(p *order.Params, text string) (of order.Account, err error) {
	named, err := splitName(text)
	switch {
	case err != nil:
		return of, err
	case named.SubMchID != "" && p.SubMchID != "" && named.SubMchID != p.SubMchID:
		return of, foreignTo(named.OutTradeNo, p.SubMchID)
	}
	p.OutTradeNo, p.SubMchID = named.OutTradeNo, cmp.Or(named.SubMchID, p.SubMchID)
	if named.MchID != "" {
		of = named.Account()
	}
	return of, nil
}

func notOurs(number string, of, ours order.Account) error {
	return bilingual.Errorf("order %q: is one of %q in %q, and these are those of %s in %s",
		"订单 %q：属于商户 %q（%q），而此处为 %s（%s）的订单", number, of.MchID, of.Region, ours.MchID, ours.Region)
}

func foreignTo(text, subMchID string) error {
	return bilingual.Errorf("order %q: is not one of sub-merchant %s (--sub-mch-id)", "订单 %q：不属于子商户 %s（--sub-mch-id）", text, subMchID)
}

// splitName reads the name of an order in any of its forms; parts that it leaves out are empty. No
// part of a name may hold a slash.
func splitName(text string) (order.Ref, error) {
	if strings.HasPrefix(text, "{") {
		var listed order.Ref
		if err := json.Unmarshal([]byte(text), &listed); err != nil || listed.MchID == "" || listed.OutTradeNo == "" {
			return order.Ref{}, bilingual.Errorf("must be an order's number, or an order as `cloudpay orders list --json` prints it",
				"须为订单号，或 `cloudpay orders list --json` 输出的订单")
		}
		return listed, nil
	}
	parts := strings.Split(text, "/")
	if len(parts) > 1 && slices.Contains(parts, "") || len(parts) > 4 {
		return order.Ref{}, bilingual.Errorf("order %q: must be ORDER, or SUB_MCHID/ORDER as `cloudpay orders list` prints it",
			"订单 %q：须为订单号，或如 `cloudpay orders list` 输出的 子商户号/订单号", text)
	}
	named := order.Ref{OutTradeNo: parts[len(parts)-1]}
	switch len(parts) {
	case 2:
		named.SubMchID = parts[0]
	case 3:
		named.Region, named.MchID = order.Region(parts[0]), parts[1]
	case 4:
		named.Region, named.MchID, named.SubMchID = order.Region(parts[0]), parts[1], parts[2]
	}
	return named, nil
}
