package paygate

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// placement is an order as a request of either API places it.
type placement struct {
	// with API, and in APIv2 SignType
	order Order
	// every parameter of the request, by its name, but those that differ from request to request: a
	// nonce and a signature. A second request for the number has to repeat them all (WeChat Pay's
	// list of internal error numbers: 268498688, re-entry parameters differ).
	params map[string]string
}

const (
	// the life of a prepay_id and of a code_url (doc v3/merchant 4012525167, 4012525171).
	prepayLife = 2 * time.Hour
	// the life of an h5_url (doc v3/merchant 4012525153).
	h5Life = 5 * time.Minute

	// a time_expire that is sooner is moved to there, silently (doc v3/merchant 4012525167).
	soonestExpiry = time.Minute
	// one that is later is moved back. The documents of e-commerce say fifteen days.
	latestExpiry = 90 * 24 * time.Hour

	// an order number has six characters at least when it is placed by APIv3; closes and queries
	// take shorter ones.
	minOutTradeNo = 6
)

// The trade types besides MICROPAY, as both protocols spell them.
const (
	tradeJSAPI  = "JSAPI"
	tradeNative = "NATIVE"
	tradeApp    = "APP"
	// H5: a page in a mobile browser.
	tradeMobile = "MWEB"
)

// passwordAbove is the amount in fen above which the user of a payment code types a password: 1,000
// yuan (pay.weixin.qq.com doc v2/merchant 4011937125). The real gateway also demands one after ten
// payments on a day, which is not played.
const passwordAbove = 100_000

// The situations of [Options].PlacedAgain: why a number that is known is not placed again.
const (
	// open, and placed with other parameters.
	againDifferent = "different"
	// paid, perhaps refunded.
	againPaid = "paid"
	// closed, or reversed.
	againClosed = "closed"
	// open, and its time_expire has passed.
	againExpired = "expired"
)

// placingRules is what [Options] says about placing.
type placingRules struct {
	// by situation
	codes      map[string]string
	samePrepay bool
	// zero: latestExpiry
	latest time.Duration
}

// newPlacingRules checks the options about placing.
func newPlacingRules(opts *Options) (placingRules, error) {
	situations := []string{againDifferent, againPaid, againClosed, againExpired}
	var wrong complaints
	for _, situation := range sortedKeys(opts.PlacedAgain) {
		wrong.expectf(slices.Contains(situations, situation),
			"Options.PlacedAgain: %q must be one of %s", situation, list(situations))
		wrong.expectf(codeRule.MatchString(opts.PlacedAgain[situation]),
			"Options.PlacedAgain[%q]: %q must be a code, such as OUT_TRADE_NO_USED", situation, opts.PlacedAgain[situation])
	}
	wrong.expectf(opts.LatestExpiry >= 0, "Options.LatestExpiry: %s must not be negative", opts.LatestExpiry)
	rules := placingRules{codes: make(map[string]string), samePrepay: opts.SamePrepayID, latest: opts.LatestExpiry}
	maps.Copy(rules.codes, opts.PlacedAgain)
	return rules, wrong.err()
}

// refuse is the refusal of a situation: the option's code, or the usual one.
func (r *placingRules) refuse(situation string, usual *refusal) *refusal {
	if code := r.codes[situation]; code != "" {
		return refuseAs(code).numbered(usual.suffix)
	}
	return usual
}

// expiry moves a time_expire to where WeChat Pay does. The zero time stays: the order can then be
// paid as long as it is open.
func (r *placingRules) expiry(given, now time.Time) time.Time {
	if given.IsZero() {
		return given
	}
	earliest, latest := now.Add(soonestExpiry), now.Add(cmp.Or(r.latest, latestExpiry))
	switch {
	case given.Before(earliest):
		return earliest
	case given.After(latest):
		return latest
	default:
		return given
	}
}

// place keeps the order of a request that places one, and gives it a prepay_id. A number that is
// known is placed again if it is open and every parameter is the same: it gets a new prepay_id, and
// the earlier ones stay good for their two hours. Otherwise the order is as it was, and the refusal
// says why. The request was checked, and its sub-merchant is bound.
func (b *orderBook) place(p *placement) (Order, *refusal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rec, no := b.enter(p)
	if no != nil {
		return b.orderOf(rec), no
	}
	order := rec.order()
	order.PrepayID = b.issue(order.PrepayID, issued{single: rec})
	b.save(rec, &order)
	return order, nil
}

// enter finds the record of a placement's number, or makes it, which the caller saves. If there is
// one that cannot be placed again, it is returned with the refusal. The book is locked.
func (b *orderBook) enter(p *placement) (*record, *refusal) {
	born, err := b.complete(p.order)
	if err != nil {
		return nil, refuse(codeParamError).because(err.Error())
	}
	if rec := b.find(born.key()); rec != nil {
		order := b.current(rec)
		return rec, b.placedAgain(&order, rec.params, p.params)
	}
	born.TimeExpire = b.placing.expiry(born.TimeExpire, b.clock.time())
	rec := newRecord(&born)
	rec.params = b.fingerprint(p.params)
	b.put(rec)
	return rec, nil
}

// charge keeps the order of a payment code and has it paid at once, or if it costs too much for
// that leaves it USERPAYING, which is a refusal too: the user types a password, and the merchant
// queries until the order is paid or reverses it. A number that is known is refused by its state.
func (b *orderBook) charge(p *placement) (Order, *refusal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rec, no := b.enter(p)
	if no != nil {
		return b.orderOf(rec), no
	}
	order := rec.order()
	if order.Total > passwordAbove {
		order.State = StateUserPaying
		no = refuse(codeUserPaying).because(fmt.Sprintf(
			"the order costs more than %d fen, so that the user types a password: query it, and pay or reverse it", passwordAbove))
	} else {
		b.settle(&order, StateSuccess)
	}
	b.save(rec, &order)
	return order, no
}

// orderOf is a record's order as it stands, empty if there is none. The book is locked.
func (b *orderBook) orderOf(rec *record) Order {
	if rec == nil {
		return Order{}
	}
	return b.current(rec)
}

// placedAgain says why a known number cannot be placed, nil if it can. The state goes before a
// difference: which of them the real gateway looks at first is not published. The book is locked.
func (b *orderBook) placedAgain(o *Order, first fingerprint, second map[string]string) *refusal {
	var no *refusal
	rules := &b.placing
	switch {
	case o.CombineOutTradeNo != "":
		return rules.refuse(againDifferent, numberUsed()).
			because("order " + o.OutTradeNo + " exists as a part of the combined order " + o.CombineOutTradeNo)
	case o.State.paid():
		no = rules.refuse(againPaid, refuse(codeInvalidRequest).spelt(codeOrderPaid).
			saying("该订单已支付").numbered(suffixPlacedPaid))
	case o.State == StateRevoked:
		no = rules.refuse(againClosed, refuse(codeOrderClosed).spelt("ORDERREVERSED"))
	case o.State == StateClosed:
		no = rules.refuse(againClosed, refuse(codeOrderClosed))
	case o.State == StateUserPaying || o.State == StateAccept:
		no = refuse(codeUserPaying)
	default:
		return b.openAgain(o, first, second)
	}
	return no.because(fmt.Sprintf("order %s is %s: use a new out_trade_no", o.OutTradeNo, o.State))
}

// openAgain is placedAgain for an order that is open.
func (b *orderBook) openAgain(o *Order, first fingerprint, second map[string]string) *refusal {
	rules := &b.placing
	if !first.placed() {
		return rules.refuse(againDifferent, numberUsed()).
			because("order " + o.OutTradeNo + " was not placed over the wire, but added: use a new out_trade_no")
	}
	switch differing := b.differing(first, second); {
	case len(differing) > 0:
		return rules.refuse(againDifferent, numberUsed()).because(fmt.Sprintf(
			"order %s was placed with another %s: repeat every parameter, or use a new out_trade_no",
			o.OutTradeNo, strings.Join(differing, ", ")))
	case o.State == StatePayError:
		return rules.refuse(againDifferent, numberUsed()).
			because("the payment of order " + o.OutTradeNo + " failed: use a new out_trade_no")
	case o.expired(b.clock.time()):
		return rules.refuse(againExpired, refuse(codeOrderClosed).saying("订单已超过支付有效期，请关单后重新下单")).because(fmt.Sprintf(
			"order %s could be paid until its time_expire, %s: close it, and use a new out_trade_no", o.OutTradeNo, timeText(o.TimeExpire)))
	default:
		return nil
	}
}

// numberUsed is the refusal of a number that is taken: INVALID_REQUEST with this text is what
// merchants report of both APIs; the table of 2025 has OUT_TRADE_NO_USED.
func numberUsed() *refusal {
	return refuse(codeInvalidRequest).saying("201 商户订单号重复").numbered(suffixReentry)
}

// expired reports whether the user can no longer pay, although the order is open.
func (o *Order) expired(now time.Time) bool {
	return !o.TimeExpire.IsZero() && !now.Before(o.TimeExpire)
}

// checkNotifyURL returns an error unless the address is one that WeChat Pay takes: absolute, of
// http or https, and without a query string (doc v3/merchant 4012525167). Loopback hosts and ports
// are for tests, and accepted.
func checkNotifyURL(address string) error {
	const most = 256 // APIv2's; APIv3 has 255
	parsed, err := url.Parse(address)
	switch {
	case err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https":
		return errors.New("must be an absolute address that begins with http:// or https://")
	case parsed.RawQuery != "" || parsed.ForceQuery || parsed.Fragment != "" || parsed.User != nil:
		return errors.New("must have no query string, no fragment and no user")
	case len(address) > most || !utf8.ValidString(address):
		return fmt.Errorf("must be at most %d bytes of UTF-8", most)
	default:
		return nil
	}
}
