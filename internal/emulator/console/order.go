package console

import (
	"context"
	"net/http"
	"slices"

	"cloudpay/internal/bilingual"
)

// orderView is the page of one order.
type orderView struct {
	orderRow

	// Requests are the last ones about it, the newest first.
	Requests []requestRow
	// Deliveries are what was sent to the merchant's server about it.
	Deliveries []activity
}

// showOrder shows an order on both sides, with what was asked and told about it.
func (c *Console) showOrder(w http.ResponseWriter, r *http.Request) {
	query, number := r.URL.Query(), r.PathValue("number")
	key := Key{Region: "cn", MchID: query.Get("mchid"), SubMchID: query.Get("sub_mchid"), OutTradeNo: number}
	v := newView(r, "orders", bilingual.Sprintf("Order %s", "订单 %s", number))
	v.Live = withQuery("/stream", "show", "changes", "after", c.newest(r.Context(), c.sources()).String())
	v.curl(c.api.orderAddress(key))
	page := orderView{orderRow: orderRow{language: v.language, Now: c.now(r.Context())}}
	var err error
	page.WeChat, err = c.wechat(r.Context(), key)
	page.Fault = bilingual.Wording(err)
	if page.WeChat != nil {
		key = page.WeChat.key()
	}
	if err == nil {
		page.Register, page.Fault = c.find(r.Context(), key)
	}
	switch {
	case err != nil:
		c.fail(w, r, v.Room, err)
		return
	case page.WeChat == nil && page.Register == nil && page.Fault != (bilingual.Text{}):
		c.fail(w, r, v.Room, bilingual.Errorf("%s", "%s", page.Fault))
		return
	case page.WeChat == nil && page.Register == nil:
		c.fail(w, r, v.Room, &apiError{http.StatusNotFound, v.T("there is no order of this number", "没有该编号的订单")})
		return
	}
	if err := c.about(r.Context(), v, &page, number); err != nil {
		c.fail(w, r, v.Room, err)
		return
	}
	v.Data = page
	c.render(w, r, http.StatusOK, "order", v)
}

// about reads what was asked and told about an order.
func (c *Console) about(ctx context.Context, v *view, page *orderView, number string) error {
	const most = "50"
	requests := withQuery(c.api.admin+"/requests", "order", number, "limit", most)
	deliveries := withQuery(c.api.admin+"/deliveries", "order", number, "limit", most)
	v.curl(requests)
	v.curl(deliveries)
	var found []request
	if _, err := c.api.get(ctx, requests, &found); err != nil {
		return err
	}
	for _, one := range slices.Backward(found) {
		page.Requests = append(page.Requests, requestRow{v.language, one})
	}
	var told struct{ Deliveries []delivery }
	if _, err := c.api.get(ctx, deliveries, &told); err != nil {
		return err
	}
	for _, one := range slices.Backward(told.Deliveries) {
		page.Deliveries = append(page.Deliveries, one.activity(v.language))
	}
	return nil
}
