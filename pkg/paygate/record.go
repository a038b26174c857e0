package paygate

import (
	"encoding/binary"
	"strings"
	"time"
	"unique"
)

// record is an order as the book keeps it, and the state it was added in: a repeated addition is
// told from a different one by what was given. It is packed, as a hundred thousand orders have to
// fit in a small machine: [Order] is 472 bytes without its texts, a record 144. [record.order]
// unpacks it, [record.pack] packs it again.
type record struct {
	terms unique.Handle[terms]
	// the merchant's number, which never changes
	outTradeNo string
	// the texts of Order.own, each behind its length
	texts string
	state TradeState
	// nil for none
	coupons *[]Coupon
	total   int64
	// in seconds, see secondsOf
	createdAt, timeExpire, paidAt, closedAt int64
	// the parameters of the request that placed it; none: it was added
	params fingerprint
	// its place in the book's sequence
	place int32
	// the next order of the same number, another owner's
	next *record
}

// terms is what many orders have in common. Each combination is in memory once.
type terms struct {
	mchID, subMchID, region, appID, subAppID string
	currency, tradeType, bankType            string
	api, signType                            string
	exchangeRate                             int64
	// the state that the order was added in
	born TradeState
}

// newRecord packs an order that is about to be added.
func newRecord(o *Order) *record {
	r := &record{outTradeNo: strings.Clone(o.OutTradeNo)}
	r.packBorn(o, o.State)
	return r
}

// pack keeps an order as it is now. Its owner and its number are those of the record.
func (r *record) pack(o *Order) { r.packBorn(o, r.terms.Value().born) }

// packBorn is pack for an order that was added in a state.
func (r *record) packBorn(o *Order, born TradeState) {
	r.terms = unique.Make(terms{
		mchID: o.MchID, subMchID: o.SubMchID, region: o.Region, appID: o.AppID, subAppID: o.SubAppID,
		currency: o.Currency, tradeType: o.TradeType, bankType: o.BankType, api: o.API, signType: o.SignType,
		exchangeRate: o.ExchangeRate, born: born,
	})
	r.state, r.total = unique.Make(o.State).Value(), o.Total
	r.createdAt, r.timeExpire = secondsOf(o.CreatedAt), secondsOf(o.TimeExpire)
	r.paidAt, r.closedAt = secondsOf(o.PaidAt), secondsOf(o.ClosedAt)
	r.coupons = nil
	if len(o.Coupons) > 0 {
		coupons := o.clone().Coupons
		r.coupons = &coupons
	}
	r.packTexts(o)
}

// packTexts packs the order's own texts, unless they are those that the record has.
func (r *record) packTexts(o *Order) {
	packed := make([]byte, 0, 512)
	for _, text := range o.own() {
		packed = binary.AppendUvarint(packed, uint64(len(*text)))
		packed = append(packed, *text...)
	}
	if r.texts != string(packed) {
		r.texts = string(packed)
	}
}

// own are the texts that an order has in common with few others.
func (o *Order) own() [9]*string {
	return [...]*string{
		&o.OpenID, &o.SubOpenID, &o.Attach, &o.DeviceInfo, &o.Description, &o.NotifyURL, &o.PrepayID, &o.TransactionID,
		&o.CombineOutTradeNo,
	}
}

// order unpacks the order. Changes of it do not reach the record before pack.
func (r *record) order() Order {
	t := r.terms.Value()
	o := Order{
		OutTradeNo: r.outTradeNo, MchID: t.mchID, SubMchID: t.subMchID, Region: t.region, AppID: t.appID, SubAppID: t.subAppID,
		Total: r.total, Currency: t.currency, ExchangeRate: t.exchangeRate, TradeType: t.tradeType, BankType: t.bankType,
		State: r.state, API: t.api, SignType: t.signType,
		CreatedAt: timeOfSeconds(r.createdAt), TimeExpire: timeOfSeconds(r.timeExpire),
		PaidAt: timeOfSeconds(r.paidAt), ClosedAt: timeOfSeconds(r.closedAt),
	}
	rest := r.texts
	for _, text := range o.own() {
		length, begin := leadingUvarint(rest)
		end := begin + length
		*text, rest = rest[begin:end], rest[end:]
	}
	if r.coupons != nil {
		o.Coupons = *r.coupons
		o = o.clone()
	}
	return o
}

// leadingUvarint reads the number that a packed text begins with, and returns where what follows it
// begins.
func leadingUvarint(packed string) (value, end int) {
	for shift := 0; ; shift += 7 {
		b := packed[end]
		end++
		value |= int(b&0x7f) << shift
		if b < 0x80 {
			return value, end
		}
	}
}

// born is the order as it was added.
func (r *record) born() Order {
	born := r.order()
	born.State = r.terms.Value().born
	return born
}

// owner is the merchant or sub-merchant that the order belongs to.
func (r *record) owner() Owner {
	t := r.terms.Value()
	return Owner{MchID: t.mchID, SubMchID: t.subMchID}
}

// key is what the order is found by.
func (r *record) key() orderKey { return orderKey{r.owner(), r.outTradeNo} }

// secondsOf packs a time; all times of orders are whole seconds. No time is a number of its own,
// in the year 1.
func secondsOf(at time.Time) int64 { return at.Unix() }

// timeOfSeconds unpacks a time, in UTC+8.
func timeOfSeconds(seconds int64) time.Time {
	if seconds == (time.Time{}).Unix() {
		return time.Time{}
	}
	return time.Unix(seconds, 0).In(beijing())
}

// find returns the record of an order, nil if there is none. The book is locked.
func (b *orderBook) find(key orderKey) *record {
	for rec := b.numbers[key.outTradeNo]; rec != nil; rec = rec.next {
		if rec.owner() == key.owner {
			return rec
		}
	}
	return nil
}

// current is a record's order as it stands: it is closed if its time has run out. The book is
// locked.
func (b *orderBook) current(rec *record) Order {
	order := rec.order()
	b.expire(&order)
	return order
}

// put puts a record at the end of the book. The book is locked, and has no order of that number.
func (b *orderBook) put(rec *record) {
	rec.place = int32(len(b.sequence)) //nolint:gosec // two billion orders fit in no memory
	b.sequence = append(b.sequence, rec)
	if first := b.numbers[rec.outTradeNo]; first == nil {
		b.numbers[rec.outTradeNo] = rec
	} else {
		for first.next != nil {
			first = first.next
		}
		first.next = rec
	}
	if owner := rec.owner(); owner.SubMchID != "" {
		b.bound[owner] = true
	}
}

// save packs an order, and has it written when the book is unlocked. Everything that changes an
// order calls it. The book is locked.
func (b *orderBook) save(rec *record, o *Order) {
	rec.pack(o)
	b.index(o.TransactionID, rec)
	if b.mu.keep != nil {
		b.changed(change{ordersBucket, numberKey(int(rec.place)), b.keepOrder(rec, o)})
	}
}

// index has a record found by its transaction_id, if it has one. The book is locked.
func (b *orderBook) index(transactionID string, rec *record) {
	if _, known := b.transactions[transactionID]; transactionID != "" && !known {
		b.transactions[strings.Clone(transactionID)] = rec // which is not packed with other texts
	}
}

// keepOrder is the order of a record as the file has it. The book is locked.
func (b *orderBook) keepOrder(rec *record, o *Order) keptOrder {
	kept := keptOrder{
		Order: *o, MchID: o.MchID, CreatedAt: o.CreatedAt, TimeExpire: o.TimeExpire, PrepayID: o.PrepayID,
		PaidAt: o.PaidAt, ClosedAt: o.ClosedAt, TransactionID: o.TransactionID, CombineOutTradeNo: o.CombineOutTradeNo,
		BornState: rec.terms.Value().born, keptParams: rec.params.kept(),
	}
	if o.PrepayID == "" {
		return kept
	}
	if at := b.prepayments[codeOf(o.PrepayID)].at; at != rec.createdAt {
		kept.PrepaidAt = timeOfSeconds(at)
	}
	return kept
}

// keptOrder is an order as the file has it: with the fields that the management API writes
// otherwise.
type keptOrder struct {
	Order
	keptParams

	MchID      string    `json:"mchid"`
	CreatedAt  time.Time `json:"created_at"`
	TimeExpire time.Time `json:"time_expire,omitzero"`
	PrepayID   string    `json:"prepay_id,omitempty"`
	// when PrepayID was answered, if not at CreatedAt
	PrepaidAt         time.Time  `json:"prepaid_at,omitzero"`
	PaidAt            time.Time  `json:"paid_at,omitzero"`
	ClosedAt          time.Time  `json:"closed_at,omitzero"`
	TransactionID     string     `json:"transaction_id,omitempty"`
	CombineOutTradeNo string     `json:"combine_out_trade_no,omitempty"`
	BornState         TradeState `json:"born"`
}

// record packs an order that the file or an export has.
func (k *keptOrder) record() (*record, error) {
	o := k.Order
	o.MchID, o.CreatedAt, o.TimeExpire, o.PrepayID = k.MchID, k.CreatedAt, k.TimeExpire, k.PrepayID
	o.PaidAt, o.ClosedAt, o.TransactionID, o.CombineOutTradeNo = k.PaidAt, k.ClosedAt, k.TransactionID, k.CombineOutTradeNo
	if err := intoBeijing(&o.CreatedAt, &o.TimeExpire, &o.PaidAt, &o.ClosedAt, &k.PrepaidAt); err != nil {
		return nil, err
	}
	rec := newRecord(&o)
	rec.packBorn(&o, k.BornState)
	return rec, nil
}

// prepaidAt is when the newest prepay_id was answered.
func (k *keptOrder) prepaidAt() int64 {
	if k.PrepaidAt.IsZero() {
		return secondsOf(k.CreatedAt)
	}
	return secondsOf(k.PrepaidAt)
}
