package paygate

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// TradeState is the state of an order, in the words of both protocols (pay.weixin.qq.com doc
// v3/merchant 4012791859, v2 chapter 9_2). Tests may write it as a text: gate.WantState("A1",
// "CLOSED").
type TradeState string

// The trade states, and what a close answers in each.
const (
	// StateNotPay is an order that is placed and not paid; a failed attempt stays here. A close
	// closes it; it closes by itself after seven days.
	StateNotPay TradeState = "NOTPAY"
	// StateUserPaying is an order whose user is typing the password. A close answers USERPAYING.
	StateUserPaying TradeState = "USERPAYING"
	// StatePayError is a payment that failed, as a payment code's can. A close closes it; it closes
	// by itself after seven days.
	StatePayError TradeState = "PAYERROR"
	// StateAccept is a payment that was accepted and waits for the deduction. A close answers
	// USERPAYING.
	StateAccept TradeState = "ACCEPT"
	// StateSuccess is an order that was paid. A close answers ORDERPAID.
	StateSuccess TradeState = "SUCCESS"
	// StateRefund is an order that was paid, and refunded at least in part. A close answers
	// ORDERPAID.
	StateRefund TradeState = "REFUND"
	// StateClosed is an order closed by a close or by age. It is final; a close answers
	// ORDERCLOSED.
	StateClosed TradeState = "CLOSED"
	// StateRevoked is a payment-code order that was reversed. It is final; a close answers
	// ORDERCLOSED.
	StateRevoked TradeState = "REVOKED"
)

// tradeStates are all states, in the order in which an error lists them.
func tradeStates() []TradeState {
	return []TradeState{StateNotPay, StateUserPaying, StatePayError, StateAccept, StateSuccess, StateRefund, StateClosed, StateRevoked}
}

// paid reports whether money moved.
func (s TradeState) paid() bool { return s == StateSuccess || s == StateRefund }

// payable reports whether a payment may still arrive.
func (s TradeState) payable() bool {
	return s == StateNotPay || s == StateUserPaying || s == StatePayError || s == StateAccept
}

// description returns trade_state_desc.
func (s TradeState) description() string {
	return map[TradeState]string{
		StateNotPay:     "订单未支付",
		StateUserPaying: "用户支付中，需要输入密码",
		StatePayError:   "支付失败，请重新下单支付",
		StateAccept:     "已接收，等待扣款",
		StateSuccess:    "支付成功",
		StateRefund:     "订单发生过退款，退款详情请查询退款单",
		StateClosed:     "订单已关闭",
		StateRevoked:    "订单已撤销",
	}[s]
}

// Owner is the merchant, or the service provider with one of its sub-merchants, that an order
// belongs to. An order number is unique within one owner only.
type Owner struct {
	// MchID is the merchant's number, or the service provider's.
	MchID string
	// SubMchID is the sub-merchant's number. Empty: the order is the merchant's own.
	SubMchID string
}

// String names the owner as the management API does.
func (o Owner) String() string {
	if o.SubMchID == "" {
		return "mchid " + o.MchID
	}
	return "sp_mchid " + o.MchID + " sub_mchid " + o.SubMchID
}

// Order is an order as the gateway keeps it. To [Gateway.AddOrder] only OutTradeNo and Total have
// to be given; PrepayID, PaidAt, ClosedAt, CombineOutTradeNo and TransactionID are the gateway's,
// and ignored there. Its JSON is the part of the management API's order that has the same form
// there; the owner, the times and WeChat Pay's number are written otherwise.
type Order struct {
	// OutTradeNo is the merchant's number of the order: 1 to 32 of digits, letters and _ - | * @.
	OutTradeNo string `json:"out_trade_no"`
	// MchID is the merchant, or SubMchID's service provider. Empty: the gateway's only merchant.
	MchID string `json:"-"`
	// SubMchID is the sub-merchant, which the order binds to its service provider. Empty: the order
	// is MchID's own.
	SubMchID string `json:"sub_mchid,omitempty"`
	// Region says which APIv3 paths lead to the order: empty for the mainland, "global" or "hk".
	// APIv2 and wxcloudrun find it anyway.
	Region string `json:"region,omitempty"`

	// AppID is the one it was placed with. Empty: the merchant's.
	AppID string `json:"appid,omitempty"`
	// SubAppID is the sub-merchant's appid, which queries repeat.
	SubAppID string `json:"sub_appid,omitempty"`
	// OpenID is the payer under AppID. Empty: an invented one.
	OpenID string `json:"openid,omitempty"`
	// SubOpenID is the payer under SubAppID.
	SubOpenID string `json:"sub_openid,omitempty"`
	// Total is the price, positive, in the currency's smallest unit: fen for CNY.
	Total int64 `json:"total"`
	// Currency is three capital letters. Empty: CNY on the mainland, HKD overseas.
	Currency string `json:"currency,omitempty"`

	// ExchangeRate is overseas' amount.exchange_rate: one unit of Currency in CNY, times 10^8.
	// Zero: 10^8, which makes the payer's amount the order's.
	ExchangeRate int64 `json:"exchange_rate,omitempty"`

	// Attach and DeviceInfo are repeated by queries; up to 128 characters.
	Attach     string `json:"attach,omitempty"`
	DeviceInfo string `json:"device_info,omitempty"`
	// TradeType is how it is paid. Empty: "JSAPI". Open "MICROPAY" orders cannot be closed.
	TradeType string `json:"trade_type,omitempty"`
	// Description is what is sold; the page on which the user pays shows it.
	Description string `json:"description,omitempty"`
	// NotifyURL is where the payment is notified ([Notification]), an absolute address of http or
	// https. Empty: nowhere.
	NotifyURL string `json:"notify_url,omitempty"`
	// BankType is the payer's bank, which queries of a paid order repeat. Empty: "OTHERS".
	BankType string `json:"bank_type,omitempty"`
	// Coupons are spent by the payment. Together they are at most Total.
	Coupons []Coupon `json:"coupons,omitempty"`

	// State is where the order begins, or stands. Empty: StateNotPay.
	State TradeState `json:"state,omitempty"`
	// CreatedAt is when it was placed. Zero: the business clock's time. It may be later than that:
	// the clock stands still, and callers do not.
	CreatedAt time.Time `json:"-"`
	// TimeExpire is the last moment at which the user can pay. It closes nothing: the order stays
	// NOTPAY until the merchant closes it. Zero: there is none.
	TimeExpire time.Time `json:"-"`
	// API is the protocol by which the order is placed, and its payment notified: "v2" or "v3".
	// Empty: it was not placed over the wire, and is notified by APIv3. SignType is the sign_type
	// of APIv2 that it is placed with. Empty: MD5.
	API      string `json:"api,omitempty"`
	SignType string `json:"sign_type,omitempty"`
	// PrepayID is the newest prepay_id that was answered for it, set by placing it over the wire.
	PrepayID string `json:"-"`
	// PaidAt and ClosedAt are set by the payment and by the close, by the business clock.
	PaidAt   time.Time `json:"-"`
	ClosedAt time.Time `json:"-"`
	// TransactionID is WeChat Pay's own number, set by the payment; overseas by the creation, so
	// that an unpaid order can be closed by it.
	TransactionID string `json:"-"`

	// CombineOutTradeNo is the combined order that it is a part of, set by [Gateway.AddCombined].
	CombineOutTradeNo string `json:"-"`
}

// Coupon is a discount that a payment used. It shows as coupon_*_$n in APIv2, as coupon_*_list in
// wxcloudrun, and in promotion_detail in both APIs.
type Coupon struct {
	// ID is not empty.
	ID   string `json:"coupon_id"`
	Name string `json:"name,omitempty"`
	// Scope is "GLOBAL" or "SINGLE". Empty: "GLOBAL".
	Scope string `json:"scope,omitempty"`
	// Type is "CASH" or "NOCASH". Empty: "CASH".
	Type string `json:"type,omitempty"`
	// Amount is what it takes off the total, positive, in the order's unit.
	Amount int64 `json:"amount"`
	// StockID is the batch that the coupon was handed out from.
	StockID string `json:"stock_id,omitempty"`
	// WechatpayContribute, MerchantContribute and OtherContribute say by whose money Amount is
	// paid. They are repeated as given, whatever their sum.
	WechatpayContribute int64 `json:"wechatpay_contribute,omitempty"`
	MerchantContribute  int64 `json:"merchant_contribute,omitempty"`
	OtherContribute     int64 `json:"other_contribute,omitempty"`
	// Goods are the articles of a SINGLE coupon.
	Goods []Good `json:"goods_detail,omitempty"`
}

// Good is one article that a [Coupon] was for. Amounts are in the order's unit.
type Good struct {
	ID string `json:"goods_id"`
	// Quantity is how many; UnitPrice and DiscountAmount are what one costs and how much is off.
	Quantity       int64  `json:"quantity"`
	UnitPrice      int64  `json:"unit_price"`
	DiscountAmount int64  `json:"discount_amount"`
	Remark         string `json:"goods_remark,omitempty"`
}

// Owner returns the merchant or sub-merchant that the order belongs to.
func (o *Order) Owner() Owner { return Owner{MchID: o.MchID, SubMchID: o.SubMchID} }

// key is what the book finds the order by.
func (o *Order) key() orderKey { return orderKey{o.Owner(), o.OutTradeNo} }

// clone copies the order with its coupons, so that a caller cannot change what the book has.
func (o *Order) clone() Order {
	c := *o
	c.Coupons = append([]Coupon(nil), o.Coupons...) // none is nil, to compare alike
	for i := range c.Coupons {
		c.Coupons[i].Goods = slices.Clone(c.Coupons[i].Goods)
	}
	return c
}

// discount is the sum that coupons took off the total; with types only those of these types.
func (o *Order) discount(types ...string) int64 {
	var sum int64
	for _, c := range o.Coupons {
		if len(types) == 0 || slices.Contains(types, c.Type) {
			sum += c.Amount
		}
	}
	return sum
}

const (
	// lifetime is the age at which WeChat Pay closes an unpaid order by itself (the page on order
	// states of the basic payment documents).
	lifetime = 7 * 24 * time.Hour

	// the payment codes' trade type.
	microPay     = "MICROPAY"
	couponCash   = "CASH"
	couponNoCash = "NOCASH"
	scopeGlobal  = "GLOBAL"
	scopeSingle  = "SINGLE"
	// 28 characters, as openids have.
	defaultOpenID = "oEmu1atedPayer00000000000001"
	// characters of an attach; the documents give the other texts no more.
	maxText = 128
)

var (
	currencyRule      = regexp.MustCompile(`^[A-Z]{3}$`)
	outTradeNoRule    = regexp.MustCompile(`^[0-9A-Za-z_\-|*@]{1,32}$`)
	transactionIDRule = regexp.MustCompile(`^[0-9A-Za-z]{1,32}$`)
	mchIDRule         = regexp.MustCompile(`^[0-9]{1,32}$`)
	tradeTypeRule     = regexp.MustCompile(`^[A-Z]{1,16}$`)
)

const outTradeNoSentence = "must be 1 to 32 of digits, letters and _ - | * @"

// isMchID reports whether a text is a merchant number: 1 to 32 digits. The documents say
// String(32); those in use have ten.
func isMchID(s string) bool { return mchIDRule.MatchString(s) }

// bookError is why a method or the management API could not do what was asked, in a sentence that
// names the field as the management API spells it.
type bookError struct {
	status int // as the management API answers it
	text   string
}

func (e *bookError) Error() string { return e.text }

// invalid is a wrong field; the management API answers it by 400.
func invalid(format string, args ...any) error {
	return &bookError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// conflict is something that the state of the orders does not allow; 409.
func conflict(format string, args ...any) error {
	return &bookError{http.StatusConflict, fmt.Sprintf(format, args...)}
}

// missing is something that is not there; 404.
func missing(format string, args ...any) error {
	return &bookError{http.StatusNotFound, fmt.Sprintf(format, args...)}
}

// orderKey is what an order is found by.
type orderKey struct {
	owner      Owner
	outTradeNo string
}

// orderBook keeps the orders, under one lock. What looks at an order and changes it does both in
// one method, so that no payment can come between. Each method that finds an order first lets it
// expire, so that expiry needs no goroutine and cannot be seen to be late. Methods whose comment
// says that the book is locked are called with the lock held.
type orderBook struct {
	clock     *clock
	merchants []*Merchant
	placing   placingRules

	mu bookLock
	// in order of addition
	sequence []*record
	// by out_trade_no the first of them, which leads to those of other owners, and by
	// transaction_id
	numbers      map[string]*record
	transactions map[string]*record
	// the sets of names that parameters of placings had
	shapes   shapeList
	combined map[orderKey]*combination
	// by combine_out_trade_no
	combinedNumbers map[string][]orderKey
	// service providers with their sub-merchants
	bound   map[Owner]bool
	refunds refundLedger
	// every prepay_id that was answered
	prepayments map[prepayCode]issued
	// transactions so far, and how many of them the file knows of
	numbered, keptNumbered int
	notices                noticeBook
}

// newOrderBook makes an empty book, in which the merchants' sub-merchants are bound.
func newOrderBook(clock *clock, merchants []*Merchant, placing placingRules, keep *keeper) *orderBook {
	book := &orderBook{
		clock:           clock,
		merchants:       merchants,
		placing:         placing,
		mu:              bookLock{keep: keep},
		numbers:         make(map[string]*record),
		transactions:    make(map[string]*record),
		combined:        make(map[orderKey]*combination),
		combinedNumbers: make(map[string][]orderKey),
		bound:           make(map[Owner]bool),
		prepayments:     make(map[prepayCode]issued),
	}
	for _, m := range merchants {
		for _, sub := range m.SubMchIDs {
			book.bound[Owner{m.MchID, sub}] = true
		}
	}
	return book
}

// isBound reports whether the owner's sub-merchant belongs to its service provider. A merchant
// itself is always bound.
func (b *orderBook) isBound(owner Owner) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return owner.SubMchID == "" || b.bound[owner]
}

// add keeps an order. created is false if the same order, by everything that was given, is already
// there.
func (b *orderBook) add(given Order) (order Order, created bool, err error) {
	born, err := b.complete(given)
	if err != nil {
		return Order{}, false, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.find(born.key())
	if old == nil {
		return b.current(b.insert(born)), true, nil
	}
	order = b.current(old)
	if order.CombineOutTradeNo != "" {
		return Order{}, false, conflict("order %s of %s exists as a part of the combined order %s: use a new out_trade_no",
			born.OutTradeNo, born.Owner(), order.CombineOutTradeNo)
	}
	first := old.born()
	if diff := differences(&first, &born, given.State == "", given.CreatedAt.IsZero()); len(diff) > 0 {
		return Order{}, false, conflict("order %s of %s exists with another %s: use a new out_trade_no",
			born.OutTradeNo, born.Owner(), strings.Join(diff, ", "))
	}
	return order, false, nil
}

// insert keeps a complete order. The book is locked, and has no order of that number.
func (b *orderBook) insert(order Order) *record {
	rec := newRecord(&order)
	if overseas(order.Region) {
		order.TransactionID = b.number(b.clock.time())
	}
	if order.State.paid() {
		b.settle(&order, order.State)
	}
	if order.State == StateClosed || order.State == StateRevoked {
		order.ClosedAt = b.clock.time()
	}
	b.put(rec)
	if order.State == StateRefund {
		b.bornRefunded(&order)
	}
	b.save(rec, &order)
	return rec
}

// merchant returns the merchant that an order is added for: the only one if none is named. name is
// what the error calls the field.
func (b *orderBook) merchant(name, mchID string) (*Merchant, error) {
	if mchID == "" && len(b.merchants) == 1 {
		return b.merchants[0], nil
	}
	i := slices.IndexFunc(b.merchants, func(m *Merchant) bool { return m.MchID == mchID })
	if i < 0 {
		return nil, invalid("%s: %q is no merchant of this gateway; it has %s", name, mchID, merchantIDs(b.merchants))
	}
	return b.merchants[i], nil
}

// complete fills in what was left out, and checks the whole.
func (b *orderBook) complete(o Order) (Order, error) {
	merchant, err := b.merchant("mchid", o.MchID)
	if err != nil {
		return Order{}, err
	}
	o.MchID = merchant.MchID
	o.AppID = cmp.Or(o.AppID, merchant.AppID)
	o.CombineOutTradeNo = ""
	return b.fill(o)
}

// fill does the part of complete that an order of another gateway's merchant needs too, which can
// be a part of a combined order.
func (b *orderBook) fill(o Order) (Order, error) {
	o = o.clone()
	if overseas(o.Region) {
		o.Currency = cmp.Or(o.Currency, "HKD")
		o.ExchangeRate = cmp.Or(o.ExchangeRate, rateUnit)
	}
	o.Currency = cmp.Or(o.Currency, currencyCNY)
	o.OpenID = cmp.Or(o.OpenID, defaultOpenID)
	o.TradeType = cmp.Or(o.TradeType, "JSAPI")
	o.BankType = cmp.Or(o.BankType, "OTHERS")
	o.State = cmp.Or(o.State, StateNotPay)
	if o.CreatedAt.IsZero() {
		o.CreatedAt = b.clock.time()
	}
	o.CreatedAt = o.CreatedAt.In(beijing()).Truncate(time.Second)
	o.PaidAt, o.ClosedAt, o.TransactionID = time.Time{}, time.Time{}, ""
	o.PrepayID = ""
	if !o.TimeExpire.IsZero() {
		o.TimeExpire = o.TimeExpire.In(beijing()).Truncate(time.Second)
	}
	for i := range o.Coupons {
		o.Coupons[i].Scope = cmp.Or(o.Coupons[i].Scope, scopeGlobal)
		o.Coupons[i].Type = cmp.Or(o.Coupons[i].Type, couponCash)
	}
	return o, checkOrder(&o)
}

// checkOrder returns an error for the first field that is wrong.
func checkOrder(o *Order) error {
	switch {
	case !outTradeNoRule.MatchString(o.OutTradeNo):
		return invalid("out_trade_no: %q %s", o.OutTradeNo, outTradeNoSentence)
	case o.Region != mainland && !overseas(o.Region):
		return invalid("region: %q must be one of %s, or absent for the mainland", o.Region, list([]string{global, hongKong}))
	case !currencyRule.MatchString(o.Currency):
		return invalid("currency: %q must be three capital letters, such as HKD", o.Currency)
	case o.ExchangeRate < 0 || o.ExchangeRate > maxRate:
		return invalid("exchange_rate: %d must be a positive number, the rate times 10^8", o.ExchangeRate)
	case o.SubMchID != "" && !isMchID(o.SubMchID):
		return invalid("sub_mchid: %q must be 1 to 32 digits", o.SubMchID)
	case o.Total <= 0:
		return invalid("total: %d must be a positive number of fen", o.Total)
	case !slices.Contains(tradeStates(), o.State):
		return invalid("state: %q must be one of %s", o.State, list(tradeStates()))
	case !tradeTypeRule.MatchString(o.TradeType):
		return invalid("trade_type: %q must be 1 to 16 capital letters, such as JSAPI or MICROPAY", o.TradeType)
	}
	for _, check := range []func(*Order) error{checkTexts, checkNotifying, checkCoupons} {
		if err := check(o); err != nil {
			return err
		}
	}
	return nil
}

// checkTexts returns an error for the first text that is too long, or that APIv2 cannot carry.
func checkTexts(o *Order) error {
	for _, text := range []struct{ name, value string }{
		{"attach", o.Attach}, {"openid", o.OpenID}, {"sub_openid", o.SubOpenID}, {"appid", o.AppID},
		{"sub_appid", o.SubAppID}, {"device_info", o.DeviceInfo}, {"bank_type", o.BankType}, {"description", o.Description},
	} {
		if !isXMLText(text.value) || len([]rune(text.value)) > maxText {
			return invalid("%s: must be up to %d characters that XML can carry", text.name, maxText)
		}
	}
	return nil
}

// checkNotifying returns an error for the first field that is wrong of those that say where and how
// the payment is notified.
func checkNotifying(o *Order) error {
	switch {
	case o.NotifyURL != "" && checkNotifyURL(o.NotifyURL) != nil:
		return invalid("notify_url: %v", checkNotifyURL(o.NotifyURL))
	case !slices.Contains([]string{"", apiV2, apiV3}, o.API):
		return invalid("api: %q must be %s, %s or absent", o.API, apiV2, apiV3)
	case !slices.Contains([]string{"", signMD5, signHMAC}, o.SignType):
		return invalid("sign_type: %q must be %s, %s or absent", o.SignType, signMD5, signHMAC)
	default:
		return nil
	}
}

// checkCoupons returns an error for the first coupon that is wrong, or if they exceed the total.
func checkCoupons(o *Order) error {
	for i, c := range o.Coupons {
		switch {
		case c.ID == "" || !isXMLText(c.ID) || !isXMLText(c.Name):
			return invalid("coupons[%d].coupon_id: must not be empty, and coupons be made of characters that XML can carry", i)
		case c.Amount <= 0:
			return invalid("coupons[%d].amount: %d must be a positive number of fen", i, c.Amount)
		case c.Type != couponCash && c.Type != couponNoCash:
			return invalid("coupons[%d].type: %q must be one of %s, %s", i, c.Type, couponCash, couponNoCash)
		case c.Scope != scopeGlobal && c.Scope != scopeSingle:
			return invalid("coupons[%d].scope: %q must be one of %s, %s", i, c.Scope, scopeGlobal, scopeSingle)
		}
	}
	if o.discount() > o.Total {
		return invalid("coupons: together %d fen, more than the total of %d", o.discount(), o.Total)
	}
	return nil
}

// differences names the facts that two additions of one order number disagree on: the fields that
// the management API takes as they are, and the time. A state or a time that the second addition
// leaves open agrees with any.
func differences(a, b *Order, anyState, anyTime bool) []string {
	var names []string
	first, second := reflect.ValueOf(*a), reflect.ValueOf(*b)
	for i := range first.NumField() {
		name, _, _ := strings.Cut(first.Type().Field(i).Tag.Get("json"), ",")
		given := name != "-" && (name != "state" || !anyState)
		if given && !reflect.DeepEqual(first.Field(i).Interface(), second.Field(i).Interface()) {
			names = append(names, name)
		}
	}
	if !anyTime && !a.CreatedAt.Equal(b.CreatedAt) {
		names = append(names, "created_at")
	}
	if !a.TimeExpire.Equal(b.TimeExpire) {
		names = append(names, "time_expire")
	}
	return names
}

// expire closes an unpaid order whose time has run out: seven days, or a later time_expire. A
// payment that is under way keeps it open: what the real gateway does then is not documented.
func (b *orderBook) expire(o *Order) {
	end := o.CreatedAt.Add(lifetime)
	if o.TimeExpire.After(end) {
		end = o.TimeExpire
	}
	if (o.State == StateNotPay || o.State == StatePayError) && !b.clock.time().Before(end) {
		o.State = StateClosed
		o.ClosedAt = end
	}
}

// settle sets the facts of a payment. Its time is the business clock's, but not before the order's
// own: a test may place an order later than the clock, which would otherwise be paid before it was
// placed.
func (b *orderBook) settle(o *Order, state TradeState) {
	o.State = state
	o.PaidAt = b.clock.time()
	if o.PaidAt.Before(o.CreatedAt) {
		o.PaidAt = o.CreatedAt
	}
	if o.TransactionID == "" {
		o.TransactionID = b.number(o.PaidAt)
	}
}

// number makes a new transaction's number: 28 digits with the date in them, as the real ones.
func (b *orderBook) number(at time.Time) string {
	b.numbered++
	return fmt.Sprintf("4200%06d%s%010d", b.numbered%1_000_000, at.Format("20060102"), b.numbered)
}

// get finds the order that a question is about. ok is false if there is none that the question
// reaches.
func (b *orderBook) get(q *question) (order Order, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rec := b.find(q.orderKey())
	if rec == nil {
		return Order{}, false
	}
	if order = b.current(rec); !q.reaches(&order) {
		return Order{}, false
	}
	return order, true
}

// byTransaction returns the order number that an owner's payment belongs to, empty if there is
// none.
func (b *orderBook) byTransaction(owner Owner, transactionID string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if rec, ok := b.transactions[transactionID]; ok && rec.owner() == owner {
		return rec.outTradeNo
	}
	return ""
}

// close closes an order, or returns why not, in one step: no payment can come between the look at
// the state and the close. The order is as it is afterwards; it is empty if there is none.
func (b *orderBook) close(q *question) (Order, *refusal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rec := b.find(q.orderKey())
	if rec == nil {
		return Order{}, refuse(codeOrderNotExist)
	}
	order := b.current(rec)
	if !q.reaches(&order) {
		return Order{}, refuse(codeOrderNotExist)
	}
	if no := closeRefusal(&order); no != nil {
		return order, no
	}
	order.State, order.ClosedAt = StateClosed, b.clock.time()
	b.save(rec, &order)
	return order, nil
}

// closeRefusal is the state table of closing. nil means that the close goes through. A payment-code
// order that is open can only be reversed (撤销), which is another operation. ACCEPT is not in the
// documents of close; it is taken for USERPAYING, since money may still move.
func closeRefusal(o *Order) *refusal {
	if o.TradeType == microPay && o.State.payable() {
		return refuse(codeInvalidRequest).saying("不允许普通关单(只能撤销)").numbered(suffixReverseOnly)
	}
	switch o.State {
	case StateNotPay, StatePayError:
		return nil
	case StateUserPaying, StateAccept:
		return refuse(codeUserPaying)
	case StateSuccess, StateRefund:
		return refuse(codeOrderPaid)
	case StateClosed, StateRevoked:
		return refuse(codeOrderClosed)
	default:
		return refuse(codeTradeError)
	}
}

// elsewhere says where else there is an order of that number, which is the usual reason for not
// finding one.
func (b *orderBook) elsewhere(q *question) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := q.orderKey()
	if rec := b.find(key); rec != nil && !q.combine {
		order := rec.order()
		return order.whereabouts()
	}
	facts := []string{fmt.Sprintf("there is no order %s of %s", key.outTradeNo, key.owner)}
	if q.combine {
		facts[0] = fmt.Sprintf("there is no combined order %s of %s", key.outTradeNo, key.owner)
	}
	if _, exists := b.combined[key]; exists {
		facts = append(facts, "it is a combined order's number, whose paths are below "+pathCombine)
	}
	for other := b.numbers[key.outTradeNo]; other != nil; other = other.next {
		facts = append(facts, fmt.Sprintf("one exists of %s", other.owner()))
	}
	return strings.Join(facts, "; ")
}

// change finds the one order that a number and perhaps an owner mean, and changes it. If do fails,
// the order stays as it is. It fails if there is no such order, or more than one.
func (b *orderBook) change(outTradeNo string, fits func(Owner) bool, do func(*Order) error) (Order, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []*record
	for rec := b.numbers[outTradeNo]; rec != nil; rec = rec.next {
		if fits(rec.owner()) {
			found = append(found, rec)
		}
	}
	switch len(found) {
	case 0:
		return Order{}, missing("there is no order %s here", outTradeNo)
	case 1:
		order := b.current(found[0])
		before := order.clone()
		if err := do(&order); err != nil {
			return Order{}, err
		}
		b.notePaid(before.State, &order)
		if !reflect.DeepEqual(before, order) { // a look changes nothing
			b.save(found[0], &order)
		}
		return order, nil
	default:
		owners := make([]string, len(found))
		for i, rec := range found {
			owners[i] = rec.owner().String()
		}
		return Order{}, conflict("order number %s is ambiguous: it belongs to %s; narrow it by mchid and sub_mchid",
			outTradeNo, strings.Join(owners, " and to "))
	}
}

// pay is the user's payment of an order; see [Gateway.Pay].
func (b *orderBook) pay(o *Order) error {
	if o.CombineOutTradeNo != "" {
		return conflict("order %s is a part of the combined order %s: only the whole can be paid", o.OutTradeNo, o.CombineOutTradeNo)
	}
	if !o.State.payable() {
		return conflict("order %s is %s: only an unpaid, open order can be paid", o.OutTradeNo, o.State)
	}
	if o.expired(b.clock.time()) {
		return conflict("order %s could be paid until its time_expire, %s; it stays %s until it is closed",
			o.OutTradeNo, timeText(o.TimeExpire), o.State)
	}
	b.settle(o, StateSuccess)
	return nil
}

// fail is the user's payment that does not go through; see [Gateway.FailPayment].
func (b *orderBook) fail(o *Order) error {
	switch {
	case o.CombineOutTradeNo != "":
		return conflict("order %s is a part of the combined order %s: only the whole can be paid", o.OutTradeNo, o.CombineOutTradeNo)
	case !o.State.payable():
		return conflict("order %s is %s: only the payment of an open order can fail", o.OutTradeNo, o.State)
	case o.TradeType == microPay:
		o.State = StatePayError
	default:
		o.State = StateNotPay
	}
	return nil
}

// all returns every order, oldest addition first.
func (b *orderBook) all() []Order {
	b.mu.Lock()
	defer b.mu.Unlock()
	orders := make([]Order, len(b.sequence))
	for i, rec := range b.sequence {
		orders[i] = b.current(rec)
	}
	return orders
}

// AddOrder places an order, as the merchant's prepay call would. It is no error if the same order,
// by everything that is given, is already there. It is one if another order of that number is, if a
// field is wrong (the first is named), or if MchID is no merchant of this gateway. As with every
// method that changes something, it is also one if the change cannot be kept in [Options].File.
func (g *Gateway) AddOrder(o Order) error {
	_, _, err := g.orders.add(o)
	return g.keep.or(err)
}

// Order returns an order, which may be a part of a combined one. If several owners have orders of
// that number, of must name one. The error says that there is none, or more than one.
func (g *Gateway) Order(outTradeNo string, of ...Owner) (Order, error) {
	return g.orders.change(outTradeNo, oneOf(of), func(*Order) error { return nil })
}

// Orders returns every order, oldest addition first; of combined orders the parts.
func (g *Gateway) Orders() []Order { return g.orders.all() }

// Pay has the user pay an order at the business clock's time, or all of a combined order, named by
// its combine_out_trade_no. It is an error, and changes nothing, if the order is not open, is past
// its time_expire, is a part of a combined one, or is not the only one of that number among the
// owners given.
func (g *Gateway) Pay(outTradeNo string, of ...Owner) error {
	_, err := g.orders.alter(outTradeNo, oneOf(of), g.orders.pay)
	return g.keep.or(err)
}

// FailPayment has the user's payment of an order fail: of a payment code, whose user was typing the
// password, the order is PAYERROR then, and any other stays NOTPAY. It is an error, and changes
// nothing, if the order is not open, or as [Gateway.Pay] says.
func (g *Gateway) FailPayment(outTradeNo string, of ...Owner) error {
	_, err := g.orders.alter(outTradeNo, oneOf(of), g.orders.fail)
	return g.keep.or(err)
}

// oneOf accepts the owners given, or any if there are none.
func oneOf(owners []Owner) func(Owner) bool {
	return func(o Owner) bool { return len(owners) == 0 || slices.Contains(owners, o) }
}

// statusOf is the management API's status for an error of the methods.
func statusOf(err error) int {
	if wrong, ok := errors.AsType[*bookError](err); ok {
		return wrong.status
	}
	return http.StatusBadRequest
}

// list joins words for a sentence.
func list[S ~string](words []S) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	return strings.Join(texts, ", ")
}
