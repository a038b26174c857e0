package main

import (
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store"
)

// listPending prints the events that are still to be delivered, those that are due first at the
// front, with their ages and why they wait; and how many there are, and how the receiver does.
func (e *eventsCmd) listPending(cmd *cobra.Command, s *store.Store, of outbox.Selection) error {
	pending, err := s.Pending(cmd.Context(), of, e.limit)
	if err != nil {
		return err
	}
	rows := &render.Table{Out: cmd.OutOrStdout(), Header: []string{
		e.Say("event", "事件"), e.Say("order", "商户订单号"), e.Say("what", "内容"), e.Say("age", "已等待"),
		e.Say("attempts", "次数"), e.Say("next", "下次投递"), e.Say("why", "原因"),
	}}
	for _, d := range pending {
		if e.json {
			render.JSON(cmd.OutOrStdout(), d)
			continue
		}
		rows.Row(strconv.FormatInt(d.Number, 10), render.Number(d.SubMchID, d.OutTradeNo), e.Event(d.Event), d.Age.Round(time.Second).String(),
			strconv.Itoa(d.Attempts), render.Clock(d.DueAt), e.DeliveryReason(d.LastError))
	}
	rows.Flush()
	if e.json {
		return nil
	}
	return e.tellPending(cmd, s, of, len(pending))
}

// tellPending says what is for the person.
func (e *eventsCmd) tellPending(cmd *cobra.Command, s *store.Store, of outbox.Selection, listed int) error {
	const most = 1_000_000 // a count reads all of them
	waiting, err := s.Waiting(cmd.Context(), of.Account, most)
	if err != nil {
		return err
	}
	receiver, err := s.Receiver(cmd.Context(), of.Account)
	if err != nil {
		return err
	}
	if waiting == 0 {
		cmd.PrintErrln(e.Say("no event waits to be delivered", "没有待投递的事件"))
	} else {
		cmd.PrintErrln(e.Say("%d of %d events that wait to be delivered", "%d / %d 个待投递的事件", listed, waiting))
	}
	if !receiver.FailingSince.IsZero() {
		cmd.PrintErrln(e.Say("the receiver has acknowledged none since %s: %s", "接收方自 %s 起未确认任何事件：%s",
			render.Clock(receiver.FailingSince), e.DeliveryReason(receiver.LastError)))
	}
	if receiver.Pause > 0 {
		cmd.PrintErrln(e.Say("the receiver wants none before %s (Retry-After), unless some are sent again by cloudpay orders redeliver",
			"接收方要求 %s 之前不再投递（Retry-After）；用 cloudpay orders redeliver 重新投递即可提前恢复",
			render.Clock(time.Now().Add(receiver.Pause))))
	}
	return nil
}
