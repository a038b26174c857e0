package console

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
)

// wechatOrder is an order as WeChat Pay's management API shows it (docs/emulator.md, "Orders").
// What the order does not have is empty.
type wechatOrder struct {
	OutTradeNo string `json:"out_trade_no"`
	// MchID is the merchant of an order of its own. An order of a sub-merchant has SPMchID, the
	// service provider, instead.
	MchID    string `json:"mchid"`
	SPMchID  string `json:"sp_mchid"`
	SubMchID string `json:"sub_mchid"`
	// Region is empty for the mainland.
	Region string `json:"region"`
	State  string `json:"state"`
	// Total is in fen, overseas in the currency's smallest unit.
	Total             int64     `json:"total"`
	Currency          string    `json:"currency"`
	TradeType         string    `json:"trade_type"`
	OpenID            string    `json:"openid"`
	Attach            string    `json:"attach"`
	Description       string    `json:"description"`
	CombineOutTradeNo string    `json:"combine_out_trade_no"`
	TransactionID     string    `json:"transaction_id"`
	NotifyURL         string    `json:"notify_url"`
	CreatedAt         time.Time `json:"created_at,omitzero"`
	TimeExpire        time.Time `json:"time_expire,omitzero"`
	SuccessTime       time.Time `json:"success_time,omitzero"`
	ClosedAt          time.Time `json:"closed_at,omitzero"`
}

// orderIn reads an order that the management API answers; what is none is empty.
func orderIn(answer []byte) (order wechatOrder) {
	_ = json.Unmarshal(answer, &order)
	return order
}

// key is the order's name in the register.
func (o wechatOrder) key() Key {
	return Key{Region: cmp.Or(o.Region, "cn"), MchID: cmp.Or(o.MchID, o.SPMchID), SubMchID: o.SubMchID, OutTradeNo: o.OutTradeNo}
}

// Price is the amount as people write it.
func (o wechatOrder) Price() string {
	if o.Currency == "" || o.Currency == "CNY" {
		return yuan(&o.Total)
	}
	return o.Currency + strings.TrimPrefix(yuan(&o.Total), "¥")
}

// tradeStates are WeChat Pay's, with the words for them, as the filter lists them.
var tradeStates = []struct {
	State string
	Word  bilingual.Text
}{
	{"NOTPAY", bilingual.New("not paid", "未支付")},
	{"USERPAYING", bilingual.New("being paid", "支付中")},
	{"PAYERROR", bilingual.New("payment failed", "支付失败")},
	{"ACCEPT", bilingual.New("accepted", "已接收")},
	{"SUCCESS", bilingual.New("paid", "已支付")},
	{"REFUND", bilingual.New("refunded", "转入退款")},
	{"CLOSED", bilingual.New("closed", "已关闭")},
	{"REVOKED", bilingual.New("reversed", "已撤销")},
}

// progresses are the register's states, with the words for them.
var progresses = []struct {
	Progress Progress
	Word     bilingual.Text
}{
	{Waiting, bilingual.New("waiting", "等待关单")},
	{overdue, bilingual.New("overdue", "已到期")},
	{Closing, bilingual.New("closing", "关单中")},
	{Stuck, bilingual.New("stuck", "已放弃")},
	{Withdrawn, bilingual.New("withdrawn", "已撤回")},
	{Ended, bilingual.New("ended", "已结束")},
}

// finals are the words for how an order ended.
var finals = map[string]bilingual.Text{
	"closed":   bilingual.New("closed", "已关单"),
	"paid":     bilingual.New("paid", "已支付"),
	"notFound": bilingual.New("not found", "不存在"),
}

// orderRow is an order on both sides.
type orderRow struct {
	language

	// WeChat is WeChat Pay's truth; nil: it has no such order. Register is the register's; nil: the
	// order is not registered.
	WeChat   *wechatOrder
	Register *Registered
	// Now is the business clock, by which both age.
	Now time.Time
	// Fault is why a side could not be read; it is then not said to differ. Zero: both were.
	Fault bilingual.Text
}

// Number is the order's number.
func (o orderRow) Number() string {
	if o.WeChat != nil {
		return o.WeChat.OutTradeNo
	}
	return o.Register.OutTradeNo
}

// Link is the address of the order's own page.
func (o orderRow) Link() string {
	var key Key
	if o.WeChat != nil {
		key = o.WeChat.key()
	} else {
		key = o.Register.Key
	}
	return withQuery("/orders/"+url.PathEscape(o.Number()), "mchid", key.MchID, "sub_mchid", key.SubMchID)
}

// StateWord is WeChat Pay's state in words.
func (o orderRow) StateWord() string { return o.In(o.stateText()) }

// stateText is WeChat Pay's state in words of both languages.
func (o orderRow) stateText() bilingual.Text {
	if o.WeChat == nil {
		return bilingual.New("no such order", "没有该订单")
	}
	for _, known := range tradeStates {
		if known.State == o.WeChat.State {
			return known.Word
		}
	}
	return bilingual.Same(o.WeChat.State)
}

// ProgressWord is the register's state in words.
func (o orderRow) ProgressWord() string {
	if o.Register == nil {
		return o.T("not registered", "未登记")
	}
	if text, known := finals[o.Register.Final]; known {
		return o.In(text)
	}
	for _, known := range progresses {
		if known.Progress == o.Register.Progress {
			return o.In(known.Word)
		}
	}
	return string(o.Register.Progress)
}

// settledBy is the states of WeChat Pay that an end in the register stands for.
var settledBy = map[string][]string{"closed": {"CLOSED", "REVOKED"}, "paid": {"SUCCESS", "REFUND"}}

// isSettled reports whether WeChat Pay's state is one that a close cannot change any more.
func isSettled(state string) bool {
	return slices.Contains(slices.Concat(settledBy["closed"], settledBy["paid"]), state)
}

// Differs reports whether the two sides contradict one another, or one knows less:
//
//	register                 differs from WeChat Pay's
//	ended as closed          all but CLOSED and REVOKED
//	ended as paid            all but SUCCESS and REFUND
//	ended as not found       any order
//	waiting, closing, stuck  CLOSED, REVOKED, SUCCESS, REFUND, and no order
//	withdrawn, none          nothing: the register does not follow the order
//
// A difference is no fault by itself: the register learns of a payment by a notification, a query
// or the next sweep.
func (o orderRow) Differs() bool {
	switch {
	case o.Register == nil || o.Fault != (bilingual.Text{}):
		return false
	case o.WeChat == nil:
		return o.Register.Final != "notFound"
	case o.Register.Progress == Ended:
		return !slices.Contains(settledBy[o.Register.Final], o.WeChat.State)
	case o.Register.Progress == Withdrawn:
		return false
	default:
		return isSettled(o.WeChat.State)
	}
}

// AmountDiffers reports whether both sides know the amount, and not the same.
func (o orderRow) AmountDiffers() bool {
	return o.WeChat != nil && o.Register != nil && o.Register.Total != nil && *o.Register.Total != o.WeChat.Total
}

// youngest is how old an order has to be before APIv2 closes it.
const youngest = 5 * time.Minute

// Age is how old an open order is, by WeChat Pay's clock; 0 for one that has ended.
func (o orderRow) Age() time.Duration {
	if o.WeChat == nil || isSettled(o.WeChat.State) || o.WeChat.CreatedAt.IsZero() {
		return 0
	}
	return max(o.Now.Sub(o.WeChat.CreatedAt), time.Second)
}

// AgeText is the age in words.
func (o orderRow) AgeText() string { return o.Duration(o.Age()) }

// AgePercent is the part of the five minutes that has passed, in percent up to 100.
func (o orderRow) AgePercent() int { return int(min(100*o.Age()/youngest, 100)) }

// Due is the time until the register closes the order, in words; empty if it does not.
func (o orderRow) Due() string {
	if o.Register == nil || o.Register.DueAt.IsZero() || o.Register.Progress == Ended {
		return ""
	}
	if left := o.Register.DueAt.Sub(o.Now); left > 0 {
		return o.T("in "+o.Duration(left), o.Duration(left)+"后")
	}
	return o.T("due", "已到期")
}

// Duration is a duration in one or two units.
func (l language) Duration(d time.Duration) string {
	d = d.Round(time.Second)
	days, hours, minutes, seconds := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case days > 0:
		return l.units(days, "d", "天", hours, "h", "小时")
	case hours > 0:
		return l.units(hours, "h", "小时", minutes, "min", "分")
	case minutes > 0:
		return l.units(minutes, "min", "分", seconds, "s", "秒")
	default:
		return strconv.Itoa(seconds) + l.T(" s", "秒")
	}
}

// units are two numbers with their units, or one where the other is 0.
func (l language) units(many int, en, zh string, few int, fewEN, fewZH string) string {
	text := strconv.Itoa(many) + l.T(" "+en, zh)
	if few > 0 {
		text += l.T(" ", "") + strconv.Itoa(few) + l.T(" "+fewEN, fewZH)
	}
	return text
}

// ordersPage is how many orders a page shows.
const ordersPage = 50

// newestOrders is a number above that of any order, which names the page with the newest ones.
const newestOrders = "1000000000000"

// ordersView is the page of the orders.
type ordersView struct {
	// Search is a part of the number, State a state of WeChat Pay's, and Progress one of the
	// register's; empty ones select all.
	Search, State, Progress string
	Rows                    []orderRow
	// States and Progresses are what the filters offer.
	States     any
	Progresses any
	// HasRegister says that the functions keep one.
	HasRegister bool
	// Older and Newer are the addresses of the pages around it; empty where there is none.
	Older, Newer string
}

// IsChosen reports whether the page shows the register's orders in a state of progress.
func (o ordersView) IsChosen(progress Progress) bool { return o.Progress == string(progress) }

// showOrders shows orders, the newest first: WeChat Pay's, each beside the register; or with
// ?progress= the register's, each beside WeChat Pay.
func (c *Console) showOrders(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	v := newView(r, "orders", bilingual.New("Orders", "订单"))
	v.Live = withQuery("/stream", "show", "changes", "after", c.newest(r.Context(), c.sources()).String())
	page := ordersView{
		Search: strings.TrimSpace(query.Get("search")), State: query.Get("state"), Progress: query.Get("progress"),
		States: tradeStates, Progresses: progresses, HasRegister: c.register != nil,
	}
	var err error
	if page.Progress != "" && c.register != nil {
		err = c.registered(r, v, &page)
	} else {
		err = c.placed(r, v, &page)
	}
	if err != nil {
		c.fail(w, r, v.Room, err)
		return
	}
	v.Data = page
	c.render(w, r, http.StatusOK, "orders", v)
}

// placed fills the page with WeChat Pay's orders.
func (c *Console) placed(r *http.Request, v *view, page *ordersView) error {
	query := r.URL.Query()
	before := query.Get("before")
	if before == "" && query.Get("after") == "" {
		before = newestOrders
	}
	address := withQuery(c.api.admin+"/orders", "before", before, "after", query.Get("after"), "search", page.Search,
		"state", page.State, "limit", strconv.Itoa(ordersPage))
	v.curl(address)
	var orders []wechatOrder
	around, err := c.api.get(r.Context(), address, &orders)
	if err != nil {
		return err
	}
	now := c.now(r.Context())
	slices.Reverse(orders)
	registered, fault := c.findAll(r.Context(), v, orders)
	for _, order := range orders {
		row := orderRow{language: v.language, WeChat: &order, Register: registered[order.key()], Now: now, Fault: fault}
		page.Rows = append(page.Rows, row)
	}
	if around.prev != nil {
		page.Older = withQuery("/orders", "search", page.Search, "state", page.State, "before", around.prev.Get("before"))
	}
	if around.next != nil {
		page.Newer = withQuery("/orders", "search", page.Search, "state", page.State, "after", around.next.Get("after"))
	}
	return nil
}

// overdue is a filter besides the register's states: the waiting orders that are due.
const overdue Progress = "overdue"

// registered fills the page with the register's orders in a state of progress, or those overdue.
func (c *Console) registered(r *http.Request, v *view, page *ordersView) error {
	from, listed := r.URL.Query().Get("from"), Progress(page.Progress)
	if listed == overdue {
		listed = Waiting
	}
	v.curl(c.register.listPath(listed, from, ordersPage))
	orders, next, err := c.register.List(r.Context(), listed, from, ordersPage)
	if err != nil {
		return bilingual.Errorf("reading the register: %w", "读取登记：%w", err)
	}
	now := c.now(r.Context())
	if page.IsChosen(overdue) {
		orders, next = dueOf(orders, next, now)
	}
	for _, registered := range orders {
		row := orderRow{language: v.language, Register: &registered, Now: now}
		var err error
		row.WeChat, err = c.wechat(r.Context(), registered.Key)
		row.Fault = bilingual.Wording(err)
		page.Rows = append(page.Rows, row)
	}
	if next != "" {
		page.Older = withQuery("/orders", "progress", page.Progress, "from", next)
	}
	return nil
}

// dueOf is the part of a page of waiting orders that is due. They are listed by the time at which
// they are due, so the first one that is not ends the list.
func dueOf(orders []Registered, next string, now time.Time) (due []Registered, further string) {
	for i, one := range orders {
		if one.DueAt.After(now) {
			return orders[:i], ""
		}
	}
	return orders, next
}

// find reads an order of the register; nil if it is not registered, or why that is not known.
func (c *Console) find(ctx context.Context, key Key) (*Registered, bilingual.Text) {
	if c.register == nil {
		return nil, bilingual.Text{}
	}
	found, err := c.register.Find(ctx, key)
	if err != nil {
		return nil, bilingual.Wording(err)
	}
	return found, bilingual.Text{}
}

// findAll reads those of WeChat Pay's orders that are registered, by their names, or why that is
// not known.
func (c *Console) findAll(ctx context.Context, v *view, orders []wechatOrder) (map[Key]*Registered, bilingual.Text) {
	if c.register == nil {
		return nil, bilingual.Text{}
	}
	keys := make([]Key, 0, len(orders))
	for _, order := range orders {
		keys = append(keys, order.key())
	}
	found, addresses, err := c.register.FindAll(ctx, keys)
	for _, address := range addresses {
		v.curl(address)
	}
	return found, bilingual.Wording(err)
}

// orderAddress is the address of an order in the management API.
func (a *api) orderAddress(key Key) string {
	owner := "mchid"
	if key.SubMchID != "" {
		owner = "sp_mchid"
	}
	address := a.admin + "/orders/" + url.PathEscape(key.OutTradeNo)
	if key.MchID == "" {
		return address
	}
	return address + "?" + owner + "=" + url.QueryEscape(key.MchID) + "&sub_mchid=" + url.QueryEscape(key.SubMchID)
}

// wechat reads an order of WeChat Pay; nil if there is no such order, or why that is not known.
func (c *Console) wechat(ctx context.Context, key Key) (*wechatOrder, error) {
	var order wechatOrder
	_, err := c.api.get(ctx, c.api.orderAddress(key), &order)
	if refusal, refused := errors.AsType[*apiError](err); refused && refusal.status == http.StatusNotFound {
		return nil, nil //nolint:nilnil // there is no such order, and nothing went wrong
	}
	if err != nil {
		return nil, err
	}
	return &order, nil
}
