package paygate

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// prepayCode is the pageCode of a prepay_id, by which the book finds what was placed. The prepay_id
// itself is kept in the order, and only the newest one.
type prepayCode [pageCodeLength]byte

// pageCodeLength is the length of a pageCode.
const pageCodeLength = 9

// codeOf is the code of a prepay_id.
func codeOf(prepayID string) prepayCode { return prepayCode([]byte(pageCode(prepayID))) }

// issued is what a prepay_id was answered for: an order, or a combined one.
type issued struct {
	single   *record
	combined *combination
	// when, in seconds by the business clock
	at int64
}

// prepayment is a prepay_id that was answered, as the page and the check of a paySign see it. The
// file has one for each prepay_id that is no longer its order's newest.
type prepayment struct {
	// what files of format 1 have besides the key
	ID         string `json:"prepay_id,omitempty"`
	MchID      string `json:"mchid"`
	SubMchID   string `json:"sub_mchid,omitempty"`
	OutTradeNo string `json:"out_trade_no"`
	// OutTradeNo is a combine_out_trade_no
	Combined bool `json:"combined,omitempty"`
	// by the business clock
	At time.Time `json:"at"`
}

// owner is the merchant whose order it is.
func (p *prepayment) owner() Owner { return Owner{MchID: p.MchID, SubMchID: p.SubMchID} }

// orderKey is what the order is found by.
func (p *prepayment) orderKey() orderKey { return orderKey{p.owner(), p.OutTradeNo} }

// prepayment is what is known about the prepay_id.
func (i issued) prepayment() *prepayment {
	key := i.key()
	return &prepayment{
		MchID: key.owner.MchID, SubMchID: key.owner.SubMchID, OutTradeNo: key.outTradeNo, Combined: i.combined != nil,
		At: timeOfSeconds(i.at),
	}
}

// key is what the order, or the combined one, is found by.
func (i issued) key() orderKey {
	if i.combined != nil {
		return i.combined.head.key()
	}
	return i.single.key()
}

// newest is the newest prepay_id of the same order.
func (i issued) newest() string {
	if i.combined != nil {
		return i.combined.head.PrepayID
	}
	order := i.single.order()
	return order.PrepayID
}

// issue returns a new prepay_id for an order or a combined one, whose newest one so far is newest.
// That stays good, and is returned again where the options say so and it is younger than two hours.
// The caller saves the order with the prepay_id. The book is locked.
func (b *orderBook) issue(newest string, what issued) string {
	now := b.clock.time()
	if newest != "" {
		code := codeOf(newest)
		last := b.prepayments[code]
		if b.placing.samePrepay && now.Before(timeOfSeconds(last.at).Add(prepayLife)) {
			return newest
		}
		b.changed(change{prepaymentsBucket, string(code[:]), last.prepayment()})
	}
	what.at = secondsOf(now)
	id := newPrepayID(now)
	b.prepayments[codeOf(id)] = what
	return id
}

// newPrepayID makes what a prepay_id looks like: wx, 14 digits of Beijing's time, 20 characters.
func newPrepayID(now time.Time) string {
	return "wx" + now.In(beijing()).Format("20060102150405") + strings.ToLower(randomText(20))
}

// pageCode is what a code_url ends with, as short as the real ones: it follows from the prepay_id,
// and does not tell it.
func pageCode(prepayID string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	sum := sha256.Sum256([]byte("code_url " + prepayID))
	code := make([]byte, pageCodeLength)
	for i := range code {
		code[i] = alphabet[int(sum[i])%len(alphabet)]
	}
	return string(code)
}

// prepayment returns the prepay_id whose page has the code, nil if there is none.
func (b *orderBook) prepayment(code string) *prepayment {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(code) != pageCodeLength {
		return nil
	}
	what, known := b.prepayments[prepayCode([]byte(code))]
	if !known {
		return nil
	}
	return what.prepayment()
}

// prepaymentOf returns what a prepay_id was answered for, nil if none was.
func (b *orderBook) prepaymentOf(prepayID string) *prepayment {
	return b.prepayment(pageCode(prepayID))
}

// loadPrepayment takes a prepay_id from the file or an export. The book has what it was answered
// for, with the newest one.
func (b *orderBook) loadPrepayment(key string, value []byte) error {
	var p prepayment
	err := unmarshal(value, &p)
	if err == nil {
		err = intoBeijing(&p.At)
	}
	what := issued{at: secondsOf(p.At)}
	if p.Combined {
		what.combined = b.combined[p.orderKey()]
	} else {
		what.single = b.find(p.orderKey())
	}
	switch {
	case err != nil:
		return err
	case len(key) != pageCodeLength:
		return errors.New("the key is no code of a page")
	case p.ID != "" && key != pageCode(p.ID):
		return fmt.Errorf("it is not the key of %q", p.ID)
	case what.single == nil && what.combined == nil:
		return fmt.Errorf("there is no order %s of %s", p.OutTradeNo, p.owner())
	}
	b.prepayments[prepayCode([]byte(key))] = what
	return nil
}

// dumpPrepayments passes the prepay_ids that are not their order's newest to put, in the order of
// their keys. The newest ones are in the orders.
func (b *orderBook) dumpPrepayments(put func(change)) {
	var earlier []change
	for code, what := range b.prepayments {
		if newest := what.newest(); newest == "" || codeOf(newest) != code {
			earlier = append(earlier, change{prepaymentsBucket, string(code[:]), what.prepayment()})
		}
	}
	slices.SortFunc(earlier, func(x, y change) int { return strings.Compare(x.key, y.key) })
	for _, c := range earlier {
		put(c)
	}
}
