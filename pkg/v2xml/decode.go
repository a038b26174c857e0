package v2xml

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/beevik/etree"

	"cloudpay/pkg/wire"
)

// document is a reply's elements with a value, in byte order of their names, each name once.
type document []field

// get returns the value of an element, "" when it is empty or absent, which is the same in this
// protocol.
func (d document) get(name string) string {
	for i := range d {
		if d[i].name == name { // lengths first: on a list this short that beats a search
			return d[i].value
		}
	}
	return ""
}

// The errors of decode. They become the Detail of a MalformedError, and quote nothing of the body
// but names of elements, truncated.
var (
	errMarkup    = errors.New("it has more markup than any reply has")
	errCharset   = errors.New("it declares an encoding other than UTF-8")
	errRoot      = errors.New("its root is not one <xml> element")
	errOutside   = errors.New("it has text between its elements")
	errForbidden = errors.New("it has a comment, a directive such as DOCTYPE or a processing instruction")
)

// decode reads a document of the dialect that the package comment describes.
func decode(got *wire.Reply) (document, error) {
	body, err := got.Document()
	if err != nil {
		return nil, err
	}
	if bytes.Count(body, []byte{'<'}) > maxMarkup {
		return nil, errMarkup
	}
	stoodIn := needStandIns(body)
	if stoodIn {
		body = addStandIns(body)
	}
	var doc etree.Document
	doc.ReadSettings.CharsetReader = refuseCharset
	doc.ReadSettings.MaxDepth = 2 // the root and its children: reading stops at the first nested element
	if err := doc.ReadFromBytes(body); err != nil {
		return nil, explain(err)
	}
	root, err := rootOf(&doc)
	if err != nil {
		return nil, err
	}
	d, err := flatten(root)
	if err != nil || !stoodIn {
		return d, err
	}
	return d, d.removeStandIns()
}

// removeStandIns puts the bytes that XML cannot contain back into the values. It refuses them in
// the decisive elements, which databases store.
func (d document) removeStandIns() error {
	for i, f := range d {
		d[i].value = removeStandIns(f.value)
		if d[i].value != f.value && slices.Contains(decisive[:], f.name) {
			return fmt.Errorf("%s has a control character, or is not UTF-8", f.name)
		}
	}
	return nil
}

// decisive are the elements that say which order is in what state.
var decisive = [...]string{"out_trade_no", "trade_state", "transaction_id"}

// maxMarkup is how many '<' a reply may have. A full one has under a hundred elements, three '<'
// each with CDATA; a MiB of "<a/>" would make etree allocate a hundred times its size.
const maxMarkup = 1 << 14

// refuseCharset refuses every declared encoding but UTF-8. etree's default reads any as UTF-8.
func refuseCharset(string, io.Reader) (io.Reader, error) { return nil, errCharset }

// explain words a parser's error without quoting the body.
func explain(err error) error {
	var syntax *xml.SyntaxError
	switch {
	case errors.Is(err, errCharset):
		return errCharset
	case errors.Is(err, etree.ErrMaxDepth):
		return errors.New("it has an element inside an element")
	case errors.As(err, &syntax):
		return fmt.Errorf("it is not well-formed XML, line %d", syntax.Line)
	}
	return errors.New("it is not well-formed XML")
}

// rootOf returns the root. Around it there may be white space, and an xml declaration at the very
// start.
func rootOf(doc *etree.Document) (*etree.Element, error) {
	var root *etree.Element
	for i, token := range doc.Child {
		switch t := token.(type) {
		case *etree.Element:
			if root != nil {
				return nil, errRoot
			}
			root = t
		case *etree.CharData:
			if !t.IsWhitespace() {
				return nil, errOutside
			}
		case *etree.ProcInst:
			if i > 0 || t.Target != "xml" {
				return nil, errForbidden
			}
		default:
			return nil, errForbidden
		}
	}
	if root == nil || root.Tag != "xml" || root.Space != "" || len(root.Attr) > 0 {
		return nil, errRoot
	}
	return root, nil
}

// flatten lists the children of root by name. It omits empty ones: no signature covers them, so
// nothing may depend on them.
func flatten(root *etree.Element) (document, error) {
	d := make(document, 0, (len(root.Child)+1)/2+1)
	for _, token := range root.Child {
		switch t := token.(type) {
		case *etree.Element:
			value, err := textOf(t)
			if err != nil {
				return nil, err
			}
			d = append(d, field{t.Tag, value})
		case *etree.CharData:
			if !t.IsWhitespace() {
				return nil, errOutside
			}
		default:
			return nil, errForbidden
		}
	}
	slices.SortFunc(d, byName)
	for i := 1; i < len(d); i++ {
		if d[i].name == d[i-1].name {
			return nil, fmt.Errorf("element %.64q is repeated", d[i].name)
		}
	}
	return slices.DeleteFunc(d, func(f field) bool { return f.value == "" }), nil
}

// textOf returns the value of a child of the root.
func textOf(e *etree.Element) (string, error) {
	if e.Space != "" || strings.IndexByte(e.Tag, ':') >= 0 || len(e.Attr) > 0 {
		return "", fmt.Errorf("element %.64q has a name prefix or an attribute", e.Tag)
	}
	for _, token := range e.Child {
		if _, ok := token.(*etree.CharData); !ok {
			return "", errForbidden
		}
	}
	return e.Text(), nil
}

// china is the zone of time_end. It is a fixed zone, as a function's image may have no zone
// database.
var china = time.FixedZone("UTC+8", 8*60*60)

// strict are the elements that must be readable where they are given: the order's own amounts. All
// others inform, and an unreadable one does not make the state any less true.
var strict = [...]string{"cash_fee", "total_fee"}

// transaction fills in t from d.
func (d document) transaction(t *Transaction) error {
	for _, f := range d {
		err := t.set(f)
		switch {
		case err == nil:
		case slices.Contains(strict[:], f.name):
			return err
		default:
			t.Unread = append(t.Unread, f.name)
		}
	}
	t.Coupons = d.coupons(&t.Unread)
	return nil
}

// set stores one element in its field, if it has one.
func (t *Transaction) set(f field) (err error) {
	if p := t.text(f.name); p != nil {
		*p = f.value
		return nil
	}
	if p := t.number(f.name); p != nil {
		*p, err = parseNumber(f)
		return err
	}
	switch f.name {
	case "time_end":
		t.TimeEnd, err = parseTime(f)
	case "promotion_detail":
		t.PromotionDetail, err = parsePromotions(f)
	}
	return err
}

// text returns the field for a text element of that name, nil when there is none.
func (t *Transaction) text(name string) *string {
	switch name {
	case "trade_type":
		return &t.TradeType
	case "trade_state":
		return &t.TradeState
	case "trade_state_desc":
		return &t.TradeStateDesc
	case "bank_type":
		return &t.BankType
	case "fee_type":
		return &t.FeeType
	case "cash_fee_type":
		return &t.CashFeeType
	case "transaction_id":
		return &t.TransactionID
	case "out_trade_no":
		return &t.OutTradeNo
	case "attach":
		return &t.Attach
	}
	return t.party(name)
}

// party is text for the elements about merchants and payers.
func (t *Transaction) party(name string) *string {
	switch name {
	case "appid":
		return &t.AppID
	case "mch_id":
		return &t.MchID
	case "sub_appid":
		return &t.SubAppID
	case "sub_mch_id":
		return &t.SubMchID
	case "device_info":
		return &t.DeviceInfo
	case "openid":
		return &t.OpenID
	case "is_subscribe":
		return &t.IsSubscribe
	case "sub_openid":
		return &t.SubOpenID
	case "sub_is_subscribe":
		return &t.SubIsSubscribe
	}
	return nil
}

// number returns the field for an amount or a count of that name, nil when there is none.
func (t *Transaction) number(name string) **int64 {
	switch name {
	case "total_fee":
		return &t.TotalFee
	case "settlement_total_fee":
		return &t.SettlementTotalFee
	case "cash_fee":
		return &t.CashFee
	case "coupon_fee":
		return &t.CouponFee
	case "coupon_count":
		return &t.CouponCount
	case "consume_fee":
		return &t.ConsumeFee
	}
	return nil
}

// otherNames are the known elements that neither text nor number has a field for.
var otherNames = [...]string{
	"err_code", "err_code_des", "nonce_str", "result_code", "result_msg", "return_code", "return_msg",
	"promotion_detail", "time_end",
	"out_refund_no", "prepay_id", "recall", "refund_id",
}

// isKnown reports whether this package reads elements of this name.
func isKnown(name string) bool {
	var t Transaction
	if t.text(name) != nil || t.number(name) != nil || slices.Contains(otherNames[:], name) {
		return true
	}
	_, _, isCoupon := couponName(name)
	return isCoupon
}

// coupons makes one Coupon of coupon_id_$n, coupon_type_$n and coupon_fee_$n for each n. What
// cannot be read is left out and named in unread.
func (d document) coupons(unread *[]string) []Coupon {
	var coupons []Coupon
	var numbers []int // numbers[i] is the n of coupons[i]
	for _, f := range d {
		kind, n, ok := couponName(f.name)
		if !ok {
			continue
		}
		i, found := slices.BinarySearch(numbers, n)
		if !found {
			numbers = slices.Insert(numbers, i, n)
			coupons = slices.Insert(coupons, i, Coupon{})
		}
		if err := coupons[i].set(kind, f); err != nil {
			*unread = append(*unread, f.name)
		}
	}
	return slices.DeleteFunc(coupons, func(c Coupon) bool { return c == Coupon{} })
}

// couponName splits coupon_fee_12 into fee and 12. Numbers are plain decimals below 1000. A name
// such as coupon_fee_01 is unknown: it would be a second name for coupon_fee_1.
func couponName(name string) (kind string, n int, ok bool) {
	rest, isCoupon := strings.CutPrefix(name, "coupon_")
	if !isCoupon {
		return "", 0, false
	}
	kind, digits, _ := strings.Cut(rest, "_")
	if kind != "id" && kind != "type" && kind != "fee" {
		return "", 0, false
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || n > 999 || strconv.Itoa(n) != digits {
		return "", 0, false
	}
	return kind, n, true
}

func (c *Coupon) set(kind string, f field) (err error) {
	switch kind {
	case "id":
		c.ID = f.value
	case "type":
		c.Type = f.value
	case "fee":
		c.Fee, err = parseNumber(f)
	}
	return err
}

// parseNumber reads digits and nothing else: no sign, no fraction, no space.
func parseNumber(f field) (*int64, error) {
	unsigned, err := strconv.ParseUint(f.value, 10, 63)
	if err != nil {
		return nil, fmt.Errorf("%s is not a whole number", f.name)
	}
	n := int64(unsigned)
	return &n, nil
}

// parseTime reads yyyyMMddHHmmss as China's time. It checks the length because time.Parse also
// accepts a fraction of a second.
func parseTime(f field) (time.Time, error) {
	const layout = "20060102150405"
	t, err := time.ParseInLocation(layout, f.value, china)
	if err != nil || len(f.value) != len(layout) {
		return time.Time{}, fmt.Errorf("%s is not a time as yyyyMMddHHmmss", f.name)
	}
	return t, nil
}

// parsePromotions reads {"promotion_detail":[…]}.
func parsePromotions(f field) ([]Promotion, error) {
	var sent struct {
		PromotionDetail []Promotion `json:"promotion_detail"`
	}
	if err := json.Unmarshal([]byte(f.value), &sent); err != nil {
		// err quotes the body, so it is left out.
		return nil, fmt.Errorf("%s is not the JSON object it should be", f.name)
	}
	return sent.PromotionDetail, nil
}
