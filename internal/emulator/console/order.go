package console

import (
	"net/http"

	"cloudpay/internal/bilingual"
)

// orderView is the page of one order.
type orderView struct {
	orderRow
	timeline

	// Done is what an action did; nil before one.
	Done *deed
}

// showOrder shows an order on both sides, with what happened to it.
func (c *Console) showOrder(w http.ResponseWriter, r *http.Request) { c.orderPage(w, r, nil) }

// orderPage answers the page of an order, with what an action did; 422 if the action was refused.
// Either side may lack the order. If neither has it the answer is 404, and the reason where one
// could not be read.
func (c *Console) orderPage(w http.ResponseWriter, r *http.Request, done *deed) {
	query, number := r.URL.Query(), r.PathValue("number")
	key := Key{Region: "cn", MchID: query.Get("mchid"), SubMchID: query.Get("sub_mchid"), OutTradeNo: number}
	v := newView(r, "orders", bilingual.Sprintf("Order %s", "订单 %s", number))
	status := http.StatusOK
	if r.Method == http.MethodPost { // a change of the language after an action does nothing again
		v.Back = orderLink(r)
	}
	if done != nil && done.failed() {
		status = http.StatusUnprocessableEntity
	}
	v.Live = withQuery("/stream", "show", "changes", "after", c.newest(r.Context(), c.sources()).String())
	v.curl(c.api.orderAddress(key))
	page := orderView{orderRow: orderRow{language: v.language, Now: c.now(r.Context())}, Done: done}
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
	page.timeline = c.tell(r.Context(), v, page.orderRow, query.Get("open"))
	v.Data = page
	c.render(w, r, status, "order", v)
}
