package paygate

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"time"
)

// CombinedOrder is one payment for several orders, which are placed, paid and closed together
// (合单支付, close and query of /v3/combine-transactions). Only the combined order's own paths lead
// to them: APIv2, wxcloudrun and the paths of single orders do not find a part. To
// [Gateway.AddCombined] only CombineOutTradeNo and SubOrders have to be given.
type CombinedOrder struct {
	// CombineOutTradeNo is its number: 1 to 32 of digits, letters and _ - | * @.
	CombineOutTradeNo string
	// MchID is the combine_mchid: the merchant that combined the orders, and closes and queries
	// them. Empty: the gateway's only merchant.
	MchID string
	// AppID is the combine_appid, which a close must name. Empty: the merchant's.
	AppID string
	// OpenID is the payer. Empty: an invented one.
	OpenID string
	// DeviceInfo is repeated by queries, as scene_info.device_id.
	DeviceInfo string
	// API is "v3" if it was placed over the wire. Empty: it was added.
	API string
	// NotifyURL and TimeExpire are the whole's; see [Order].
	NotifyURL  string
	TimeExpire time.Time
	// PrepayID is the newest prepay_id that was answered for it, set by placing it over the wire.
	PrepayID string

	// SubOrders are the orders, 1 to 50. Their MchID may be any merchant number, also one that the
	// gateway does not know. Empty: the combiner's. Their AppID, OpenID, DeviceInfo, API and
	// TimeExpire are the combined order's.
	SubOrders []Order
}

// maxSubOrders is the limit in the partners' documents; that of merchants which are none is ten.
const maxSubOrders = 50

// combination is a combined order as the book keeps it: its parts are orders of their own there.
type combination struct {
	// without SubOrders
	head CombinedOrder
	// in the order given
	parts []orderKey
	// the parameters of the request that placed it; none: it was added
	params fingerprint
}

func (c *CombinedOrder) key() orderKey {
	return orderKey{Owner{MchID: c.MchID}, c.CombineOutTradeNo}
}

// addCombined keeps a combined order and all its parts, or nothing. created is false if the same
// one is already there.
func (b *orderBook) addCombined(given CombinedOrder) (all CombinedOrder, created bool, err error) {
	born, err := b.completeCombined(given)
	if err != nil {
		return CombinedOrder{}, false, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if old, exists := b.combined[born.key()]; exists {
		if !b.sameCombined(old, &born, given.SubOrders) {
			return CombinedOrder{}, false, conflict("combined order %s of mchid %s exists with other facts: use a new combine_out_trade_no",
				born.CombineOutTradeNo, born.MchID)
		}
		return b.gather(old), false, nil
	}
	if err := b.vacant(born.SubOrders); err != nil {
		return CombinedOrder{}, false, err
	}
	return b.gather(b.insertCombined(born)), true, nil
}

// insertCombined keeps a complete combined order and its parts. The book is locked, and has none of
// these numbers.
func (b *orderBook) insertCombined(born CombinedOrder) *combination {
	c := &combination{head: born}
	c.head.SubOrders = nil
	for i := range born.SubOrders {
		c.parts = append(c.parts, b.insert(born.SubOrders[i]).key())
	}
	b.enterCombined(c)
	b.saveCombined(c)
	return c
}

// completeCombined fills in what was left out and checks the whole.
func (b *orderBook) completeCombined(c CombinedOrder) (CombinedOrder, error) {
	merchant, err := b.merchant("combine_mchid", c.MchID)
	if err != nil {
		return CombinedOrder{}, err
	}
	c.MchID = merchant.MchID
	c.AppID = cmp.Or(c.AppID, merchant.AppID)
	c.OpenID = cmp.Or(c.OpenID, defaultOpenID)
	c.PrepayID = ""
	if !c.TimeExpire.IsZero() {
		c.TimeExpire = c.TimeExpire.In(beijing()).Truncate(time.Second)
	}
	switch {
	case c.NotifyURL != "" && checkNotifyURL(c.NotifyURL) != nil:
		return CombinedOrder{}, invalid("notify_url: %v", checkNotifyURL(c.NotifyURL))
	case !outTradeNoRule.MatchString(c.CombineOutTradeNo):
		return CombinedOrder{}, invalid("combine_out_trade_no: %q %s", c.CombineOutTradeNo, outTradeNoSentence)
	case len(c.SubOrders) == 0 || len(c.SubOrders) > maxSubOrders:
		return CombinedOrder{}, invalid("sub_orders: %d of them, there must be 1 to %d", len(c.SubOrders), maxSubOrders)
	}
	c.SubOrders = slices.Clone(c.SubOrders)
	seen := make(map[orderKey]bool)
	for i := range c.SubOrders {
		if err := b.completePart(&c, &c.SubOrders[i], seen); err != nil {
			return CombinedOrder{}, invalid("sub_orders[%d].%v", i, err)
		}
	}
	return c, nil
}

// completePart fills in and checks one part; seen has the parts before it.
func (b *orderBook) completePart(c *CombinedOrder, part *Order, seen map[orderKey]bool) error {
	o := *part
	o.MchID = cmp.Or(o.MchID, c.MchID)
	o.AppID, o.OpenID, o.DeviceInfo, o.CombineOutTradeNo = c.AppID, c.OpenID, c.DeviceInfo, c.CombineOutTradeNo
	o.API, o.TimeExpire = c.API, c.TimeExpire
	o, err := b.fill(o)
	switch {
	case err != nil:
		return err
	case !isMchID(o.MchID):
		return invalid("mchid: %q must be 1 to 32 digits", o.MchID)
	case overseas(o.Region):
		return invalid("region: combined orders are the mainland's")
	case seen[o.key()]:
		return invalid("out_trade_no: %s of %s is there twice", o.OutTradeNo, o.Owner())
	}
	seen[o.key()] = true
	*part = o
	return nil
}

// vacant returns an error for a part whose number is taken. The book is locked.
func (b *orderBook) vacant(parts []Order) error {
	for i := range parts {
		key := parts[i].key()
		if b.find(key) != nil {
			return conflict("order %s of %s exists: use a new out_trade_no", key.outTradeNo, key.owner)
		}
	}
	return nil
}

// enterCombined puts a combined order in the book, which has its parts. The book is locked.
func (b *orderBook) enterCombined(c *combination) {
	key := c.head.key()
	b.combined[key] = c
	b.combinedNumbers[key.outTradeNo] = append(b.combinedNumbers[key.outTradeNo], key)
}

// sameCombined reports whether an addition repeats an earlier one, its parts in any order. What the
// parts became since does not count, as with single orders. The book is locked.
func (b *orderBook) sameCombined(old *combination, born *CombinedOrder, given []Order) bool {
	head := old.head
	if head.AppID != born.AppID || head.OpenID != born.OpenID || head.DeviceInfo != born.DeviceInfo ||
		head.NotifyURL != born.NotifyURL || !head.TimeExpire.Equal(born.TimeExpire) || len(old.parts) != len(born.SubOrders) {
		return false
	}
	for i := range born.SubOrders {
		part := &born.SubOrders[i]
		key := part.key()
		if !slices.Contains(old.parts, key) {
			return false
		}
		first := b.find(key).born()
		if len(differences(&first, part, given[i].State == "", given[i].CreatedAt.IsZero())) > 0 {
			return false
		}
	}
	return true
}

// gather returns a combined order with its parts as they stand. The book is locked.
func (b *orderBook) gather(c *combination) CombinedOrder {
	all := c.head
	all.SubOrders = make([]Order, len(c.parts))
	for i, key := range c.parts {
		all.SubOrders[i] = b.current(b.find(key))
	}
	return all
}

// getCombined returns the combined order of a key. ok is false if there is none.
func (b *orderBook) getCombined(key orderKey) (all CombinedOrder, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, ok := b.combined[key]
	if !ok {
		return CombinedOrder{}, false
	}
	return b.gather(c), true
}

// closeCombined closes all parts or none, in one step. The close must name exactly the parts that
// were combined. ok is false if there is no such combined order.
func (b *orderBook) closeCombined(q *question) (all CombinedOrder, no *refusal, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, ok := b.combined[q.orderKey()]
	if !ok {
		return CombinedOrder{}, refuse(codeOrderNotExist), false
	}
	all = b.gather(c)
	if why := c.mismatch(q.named); why != "" {
		return all, refuse(codeInvalidRequest).saying("子单信息与下单时不一致，合单不支持部分关单").because(why), true
	}
	if no := closeAllRefusal(all.SubOrders); no != nil {
		return all, no, true
	}
	for _, key := range c.parts {
		rec := b.find(key)
		if order := b.current(rec); closeRefusal(&order) == nil {
			order.State, order.ClosedAt = StateClosed, b.clock.time()
			b.save(rec, &order)
		}
	}
	return b.gather(c), nil, true
}

// closeAllRefusal is the state table of closing for all parts:
//
//	one is paid, or being paid                  that part's refusal; nothing is closed
//	all are closed already                      ORDERCLOSED
//	some are closed already, the others open    the others are closed
//
// Which part decides is not documented; the first that cannot be closed does.
func closeAllRefusal(parts []Order) *refusal {
	var closed *refusal
	open := false
	for i := range parts {
		no := closeRefusal(&parts[i])
		switch {
		case no == nil:
			open = true
		case no.v2 == codeOrderClosed:
			closed = no
		default:
			return no
		}
	}
	if open {
		return nil
	}
	return closed
}

// namedOrders is the sub-orders as a close names them, and its combine_appid.
type namedOrders struct {
	appID string
	keys  []orderKey
}

// mismatch says how a close's sub-orders differ from those that were combined, empty if they are
// the same.
func (c *combination) mismatch(named namedOrders) string {
	if named.appID != c.head.AppID {
		return fmt.Sprintf("combine_appid is %s, and the combined order's is %s", named.appID, c.head.AppID)
	}
	for _, key := range named.keys {
		if !slices.Contains(c.parts, key) {
			return fmt.Sprintf("sub-order %s of %s is none of the combined order's", key.outTradeNo, key.owner)
		}
	}
	for _, key := range c.parts {
		if !slices.Contains(named.keys, key) {
			return fmt.Sprintf("sub-order %s of %s is missing: the close must name all %d", key.outTradeNo, key.owner, len(c.parts))
		}
	}
	return ""
}

// alter changes the order of a number, or all parts of the combined order of that number: all or
// none.
func (b *orderBook) alter(no string, fits func(Owner) bool, do func(*Order) error) (altered, error) {
	key, found, err := b.findCombined(no, fits)
	if err != nil {
		return altered{}, err
	}
	if !found {
		order, err := b.change(no, fits, do)
		return altered{order: order}, err
	}
	all, err := b.changeCombined(key, do)
	return altered{combined: &all}, err
}

// altered is what alter found: an order, or a combined one.
type altered struct {
	order    Order
	combined *CombinedOrder
}

// findCombined returns the key of the combined order that a number means, if there is one. It is an
// error if the number is also that of an order, or of another combined one.
func (b *orderBook) findCombined(no string, fits func(Owner) bool) (orderKey, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []orderKey
	for _, key := range b.combinedNumbers[no] {
		if fits(key.owner) {
			found = append(found, key)
		}
	}
	if len(found) == 0 {
		return orderKey{}, false, nil
	}
	ordinary := false
	for rec := b.numbers[no]; rec != nil; rec = rec.next {
		ordinary = ordinary || fits(rec.owner())
	}
	if ordinary || len(found) > 1 {
		return orderKey{}, false, conflict("order number %s is ambiguous: a combined order has it, and another one; narrow it by mchid", no)
	}
	return found[0], true, nil
}

// changeCombined changes all parts of a combined order, or none if one of them cannot be changed.
func (b *orderBook) changeCombined(key orderKey, do func(*Order) error) (CombinedOrder, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, ok := b.combined[key]
	if !ok {
		return CombinedOrder{}, missing("there is no combined order %s here", key.outTradeNo)
	}
	parts := b.gather(c).SubOrders
	for i := range parts {
		parts[i].CombineOutTradeNo = "" // as a part it may not be paid alone
		if err := do(&parts[i]); err != nil {
			return CombinedOrder{}, err
		}
		parts[i].CombineOutTradeNo = c.head.CombineOutTradeNo
	}
	first := b.current(b.find(c.parts[0]))
	for i, key := range c.parts {
		rec := b.find(key)
		if before := b.current(rec); !reflect.DeepEqual(before, parts[i]) { // a look changes nothing
			b.save(rec, &parts[i])
		}
	}
	all := b.gather(c)
	if !first.State.paid() && all.SubOrders[0].State == StateSuccess {
		b.noteCombined(&all)
	}
	return all, nil
}

// AddCombined places a combined order, as the merchant's combined prepay call would. It is no error
// if the same one is already there. It is one if the number or that of a part is taken, if a field
// is wrong (the first is named), or if MchID is no merchant of this gateway.
func (g *Gateway) AddCombined(c CombinedOrder) error {
	_, _, err := g.orders.addCombined(c)
	return g.keep.or(err)
}

// Combined returns a combined order, its parts as they stand. If several merchants have combined
// orders of that number, of must name one. The error says that there is none, or more than one.
func (g *Gateway) Combined(combineOutTradeNo string, of ...Owner) (CombinedOrder, error) {
	key, found, err := g.orders.findCombined(combineOutTradeNo, oneOf(of))
	if err == nil && !found {
		err = missing("there is no combined order %s here", combineOutTradeNo)
	}
	if err != nil {
		return CombinedOrder{}, err
	}
	all, _ := g.orders.getCombined(key)
	return all, nil
}

// handleCombined does what was asked of a combined order, or returns why not.
func (g *Gateway) handleCombined(q *question) (subject, *refusal) {
	if q.op == opQuery {
		all, ok := g.orders.getCombined(q.orderKey())
		if !ok {
			return subject{}, g.noOrder(q)
		}
		return newSubject(&all), nil
	}
	all, no, ok := g.orders.closeCombined(q)
	switch {
	case !ok:
		return subject{}, g.noOrder(q)
	case no != nil && no.v2 == codeOrderClosed && g.reentrantClose:
		return newSubject(&all), nil
	case no != nil && no.reason == "":
		no = no.because("the sub-orders are " + jointState(all.SubOrders))
	}
	return newSubject(&all), no
}

// newSubject makes a combined order what a question is about. The head's facts stand in an order,
// for code that looks at number, merchant and state only.
func newSubject(all *CombinedOrder) subject {
	return subject{
		Order: Order{
			MchID: all.MchID, OutTradeNo: all.CombineOutTradeNo, AppID: all.AppID, OpenID: all.OpenID, DeviceInfo: all.DeviceInfo,
			State: TradeState(jointState(all.SubOrders)), PrepayID: all.PrepayID, TradeType: all.SubOrders[0].TradeType,
		},
		parts: all.SubOrders,
	}
}

// jointState is the state of the parts, or their states if they differ, with commas between them.
func jointState(parts []Order) string {
	var states []TradeState
	for i := range parts {
		if !slices.Contains(states, parts[i].State) {
			states = append(states, parts[i].State)
		}
	}
	return list(states)
}

// askCombined checks an authenticated request about a combined order, and completes the question.
func (g *Gateway) askCombined(ex *exchange, q *question) *refusal {
	if !outTradeNoRule.MatchString(q.outTradeNo) {
		return badParam(
			issue{Field: "combine_out_trade_no", Value: q.outTradeNo, Issue: "illegal characters or length", Location: "uri_template"},
			"输入源“/uri_template/combine_out_trade_no”映射到值字段“合单商户订单号”字符串规则校验失败").
			because(fmt.Sprintf("combine_out_trade_no %q %s", q.outTradeNo, outTradeNoSentence))
	}
	if q.op == opQuery {
		params, err := decodeQueryV3(ex.r.URL.RawQuery)
		if err != nil {
			return refuse(codeParamError).because("the query string cannot be read: " + err.Error())
		}
		return refuseSurplus(params, nil, "query")
	}
	if no := wantJSONType(ex.r); no != nil {
		return no
	}
	named, err := decodeCombineClose(ex.body)
	if err != nil {
		return badParam(issue{Field: "sub_orders", Value: "", Issue: "missing or malformed", Location: "body"}, "参数错误").
			because("the body is not a combined order's close: " + err.Error())
	}
	q.named = named
	return nil
}

// decodeCombineClose reads combine_appid and sub_orders, with no name twice and none that the
// documents do not have.
func decodeCombineClose(body []byte) (namedOrders, error) {
	doc, err := decodeObject(body)
	if err != nil {
		return namedOrders{}, err
	}
	if err := onlyNames(doc, "combine_appid", "sub_orders"); err != nil {
		return namedOrders{}, err
	}
	named := namedOrders{}
	if named.appID, err = textOf(doc, "combine_appid"); err != nil {
		return namedOrders{}, err
	}
	subs, isArray := doc["sub_orders"].([]any)
	if n := len(subs); !isArray || n == 0 || n > maxSubOrders {
		return namedOrders{}, fmt.Errorf("sub_orders must be an array of 1 to %d", maxSubOrders)
	}
	for i, sub := range subs {
		key, err := decodeSubOrder(sub)
		if err != nil {
			return namedOrders{}, fmt.Errorf("sub_orders[%d]: %w", i, err)
		}
		if slices.Contains(named.keys, key) {
			return namedOrders{}, fmt.Errorf("sub_orders[%d]: %s of %s is there twice", i, key.outTradeNo, key.owner)
		}
		named.keys = append(named.keys, key)
	}
	return named, nil
}

// decodeSubOrder reads one of sub_orders. sub_appid must be a string, and is not compared.
func decodeSubOrder(value any) (orderKey, error) {
	sub, isObject := value.(map[string]any)
	if !isObject {
		return orderKey{}, errors.New("it must be an object")
	}
	mchID, noMchID := textOf(sub, "mchid")
	number, noNumber := textOf(sub, "out_trade_no")
	subMchID, noSubMchID := optionalTextOf(sub, "sub_mchid")
	_, noSubAppID := optionalTextOf(sub, "sub_appid")
	surplus := onlyNames(sub, "mchid", "out_trade_no", "sub_mchid", "sub_appid")
	for _, fault := range []error{surplus, noMchID, noNumber, noSubMchID, noSubAppID} {
		if fault != nil {
			return orderKey{}, fault
		}
	}
	switch {
	case !isMchID(mchID):
		return orderKey{}, fmt.Errorf("mchid %q must be 1 to 32 digits", mchID)
	case subMchID != "" && !isMchID(subMchID):
		return orderKey{}, fmt.Errorf("sub_mchid %q must be 1 to 32 digits", subMchID)
	case !outTradeNoRule.MatchString(number):
		return orderKey{}, fmt.Errorf("out_trade_no %q %s", number, outTradeNoSentence)
	default:
		return orderKey{Owner{mchID, subMchID}, number}, nil
	}
}

// combinedTransaction is a combined query's answer. It has no state of its own.
type combinedTransaction struct {
	AppID      string           `json:"combine_appid"`
	MchID      string           `json:"combine_mchid"`
	OutTradeNo string           `json:"combine_out_trade_no"`
	SceneInfo  *sceneInfo       `json:"scene_info,omitempty"`
	Payer      *payer           `json:"combine_payer_info,omitempty"`
	SubOrders  []subTransaction `json:"sub_orders"`
}

// subTransaction is a part of it: an order's answer, but for names of its own.
type subTransaction struct {
	transaction

	// hides the order's; always empty
	TradeStateDesc string          `json:"trade_state_desc,omitempty"`
	SubOpenID      string          `json:"sub_openid,omitempty"`
	Amount         *combinedAmount `json:"amount,omitempty"`
}

// combinedAmount is a part's amount, under names of its own.
type combinedAmount struct {
	Total         int64  `json:"total_amount"`
	Currency      string `json:"currency"`
	Payer         *int64 `json:"payer_amount,omitempty"`
	PayerCurrency string `json:"payer_currency,omitempty"`
}

// reportCombined is the reply to a combined query.
func reportCombined(s *subject) *reply {
	all := combinedTransaction{AppID: s.AppID, MchID: s.MchID, OutTradeNo: s.OutTradeNo, SubOrders: []subTransaction{}}
	for i := range s.parts {
		part := &s.parts[i]
		all.SubOrders = append(all.SubOrders, newSubTransaction(part))
		if part.State.paid() {
			all.Payer = &payer{OpenID: s.OpenID}
		}
	}
	if s.DeviceInfo != "" {
		all.SceneInfo = &sceneInfo{DeviceID: s.DeviceInfo}
	}
	return newReplyV3(http.StatusOK, all)
}

// newSubTransaction writes a part. Unlike an order's, its amount is there before it is paid; the
// payer and the scene are the whole's.
func newSubTransaction(o *Order) subTransaction {
	t := newTransaction(o)
	sub := subTransaction{transaction: t, Amount: &combinedAmount{Total: o.Total, Currency: o.Currency}}
	sub.AppID, sub.SPAppID, sub.SPMchID, sub.MchID = "", "", "", o.MchID
	sub.SubMchID, sub.SubAppID = o.SubMchID, o.SubAppID
	sub.Payer, sub.SceneInfo = nil, nil
	if t.Amount != nil {
		sub.SubOpenID = o.SubOpenID
		sub.Amount.Payer, sub.Amount.PayerCurrency = &t.Amount.PayerTotal, t.Amount.PayerCurrency
	}
	return sub
}

// combinedFacts is what a combined order is given with by the management API, in place of an
// order's facts.
type combinedFacts struct {
	CombineOutTradeNo string       `json:"combine_out_trade_no,omitempty"`
	CombineMchID      string       `json:"combine_mchid,omitempty"`
	CombineAppID      string       `json:"combine_appid,omitempty"`
	SubOrders         []orderFacts `json:"sub_orders,omitempty"`
}

// given reports whether the body is a combined order's.
func (f *combinedFacts) given() bool {
	return f.CombineOutTradeNo != "" || f.CombineMchID != "" || f.CombineAppID != "" || f.SubOrders != nil
}

// combinedView is a combined order as it is shown.
type combinedView struct {
	CombineOutTradeNo string `json:"combine_out_trade_no"`
	CombineMchID      string `json:"combine_mchid"`
	CombineAppID      string `json:"combine_appid"`
	OpenID            string `json:"openid"`
	DeviceInfo        string `json:"device_info,omitempty"`
	API               string `json:"api,omitempty"`
	NotifyURL         string `json:"notify_url,omitempty"`
	TimeExpire        string `json:"time_expire,omitempty"`
	PrepayID          string `json:"prepay_id,omitempty"`
	Page              string `json:"page,omitempty"`
	// the parts', with commas between them where they differ
	State     string      `json:"state"`
	SubOrders []orderView `json:"sub_orders"`
}

// newCombinedView writes a combined order as the management API shows it.
func newCombinedView(c *CombinedOrder) combinedView {
	view := combinedView{
		CombineOutTradeNo: c.CombineOutTradeNo, CombineMchID: c.MchID, CombineAppID: c.AppID,
		OpenID: c.OpenID, DeviceInfo: c.DeviceInfo, API: c.API, NotifyURL: c.NotifyURL, TimeExpire: timeText(c.TimeExpire),
		PrepayID: c.PrepayID, Page: pagePath(c.PrepayID), State: jointState(c.SubOrders),
	}
	for i := range c.SubOrders {
		view.SubOrders = append(view.SubOrders, newOrderView(&c.SubOrders[i]))
	}
	return view
}

// adminAddCombined adds a combined order. Of an order's own facts the payer and the device are the
// whole's; the others are the parts', and are refused beside it.
func (g *Gateway) adminAddCombined(f *combinedFacts, whole *orderFacts) (int, any, error) {
	c := CombinedOrder{
		CombineOutTradeNo: f.CombineOutTradeNo, MchID: f.CombineMchID, AppID: f.CombineAppID,
		OpenID: whole.OpenID, DeviceInfo: whole.DeviceInfo, NotifyURL: whole.NotifyURL,
	}
	var wrong error
	if c.TimeExpire, wrong = timeOf("time_expire", whole.TimeExpire); wrong != nil {
		return 0, nil, wrong
	}
	if c.NotifyURL == "" {
		c.NotifyURL = g.notifyURLOfCombined(c.CombineOutTradeNo)
	}
	rest := *whole
	rest.OpenID, rest.DeviceInfo, rest.NotifyURL, rest.TimeExpire = "", "", "", ""
	if !reflect.DeepEqual(rest, orderFacts{}) {
		return 0, nil, invalid("combine_out_trade_no: goes with combine_mchid, combine_appid, openid, device_info, notify_url, time_expire " +
			"and sub_orders; all else is said in sub_orders")
	}
	for i := range f.SubOrders {
		sub := &f.SubOrders[i]
		if sub.MchID != "" && sub.SPMchID != "" {
			return 0, nil, invalid("sub_orders[%d].mchid: give either mchid or sp_mchid, not both", i)
		}
		part, err := sub.factsOfOrder()
		if err != nil {
			return 0, nil, invalid("sub_orders[%d].%v", i, err)
		}
		c.SubOrders = append(c.SubOrders, part)
	}
	all, created, err := g.orders.addCombined(c)
	if err != nil {
		return 0, nil, err
	}
	return addition(created), newCombinedView(&all), nil
}
