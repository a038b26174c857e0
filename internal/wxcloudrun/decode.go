package wxcloudrun

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/pkg/wire"
)

// The known keys of the link's own object and of WeChat Pay's within it. All others are ignored.
var (
	envelopeKeys = []string{"errcode", "errmsg", "respdata"}
	respdataKeys = []string{
		"return_code", "return_msg", "result_code", "result_msg", "err_code", "err_code_des",
		"appid", "mch_id", "sub_appid", "sub_mch_id", "nonce_str", "sign",
		"out_trade_no", "transaction_id", "trade_state", "trade_state_desc", "trade_type", "bank_type",
		"openid", "is_subscribe", "sub_openid", "sub_is_subscribe", "device_info", "attach", "time_end",
		"total_fee", "settlement_total_fee", "fee_type", "cash_fee", "cash_fee_type", "coupon_fee", "coupon_count",
		couponIDs, couponTypes, couponFees,
		"prepay_id", "refund_id", "out_refund_no",
	}
)

const (
	couponIDs   = "coupon_id_list"
	couponTypes = "coupon_type_list"
	couponFees  = "coupon_fee_list"
)

// The errors of reading a body. They become the Detail of a MalformedError, and quote nothing of
// the body but names of keys, truncated.
var (
	errJSON   = errors.New("it is not JSON, or was cut short")
	errObject = errors.New("it is JSON and not an object")
)

// envelope is the link's own part of a reply.
type envelope struct {
	errcode, errmsg string
	respdata        json.RawMessage // not decoded
}

// decodeEnvelope reads the link's own part.
func decodeEnvelope(got *wire.Reply) (envelope, error) {
	body, err := got.Document()
	if err != nil {
		return envelope{}, err
	}
	values, err := decode(body, envelopeKeys)
	if err != nil {
		return envelope{}, err
	}
	e := envelope{respdata: values["respdata"]}
	if e.errcode, err = scalar("errcode", values["errcode"]); err != nil {
		return envelope{}, err
	}
	e.errmsg, err = scalar("errmsg", values["errmsg"])
	return e, err
}

// decode reads one JSON object and returns the values of the known keys in it. encoding/json would
// take the last of two, and ignore case, where another decoder of the same bytes may see another
// order.
func decode(object []byte, known []string) (map[string]json.RawMessage, error) {
	if !json.Valid(object) {
		return nil, errJSON
	}
	dec := json.NewDecoder(bytes.NewReader(object)) // it is valid, so nothing below fails
	if start, _ := dec.Token(); start != json.Delim('{') {
		return nil, errObject
	}
	values := make(map[string]json.RawMessage, len(known))
	for dec.More() {
		token, _ := dec.Token()
		key, _ := token.(string)
		var value json.RawMessage
		_ = dec.Decode(&value)
		for _, k := range known {
			if !strings.EqualFold(key, k) {
				continue
			}
			if _, repeated := values[k]; repeated || key != k {
				return nil, fmt.Errorf("it gives %s more than once or as %s", k, wire.Quote(key))
			}
			values[k] = value
		}
	}
	return values, nil
}

// scalar returns the text of a string, or a number as written; "" when absent.
func scalar(key string, value json.RawMessage) (string, error) {
	switch {
	case absent(value):
		return "", nil
	case value[0] == '"':
		var s string
		_ = json.Unmarshal(value, &s) // never fails: it was decoded before
		return s, nil
	case value[0] == '-' || '0' <= value[0] && value[0] <= '9':
		return string(value), nil
	}
	return "", fmt.Errorf("%s is neither a string nor a number", key)
}

func absent(value json.RawMessage) bool { return len(value) == 0 || string(value) == "null" }

// document is WeChat Pay's part of a reply.
type document struct {
	texts   map[string]string
	coupons []Coupon
	unread  []string // the informing keys whose values cannot be read
}

// informing are the keys that decide neither what the reply says, nor about which order and
// merchant, and that are not the order's own amounts. An unreadable one does not make the state any
// less true.
var informing = []string{
	"trade_state_desc", "trade_type", "bank_type", "openid", "is_subscribe", "sub_openid", "sub_is_subscribe",
	"device_info", "attach", "time_end", "settlement_total_fee", "coupon_fee", "coupon_count",
}

// get returns the value of a key, "" when it is empty or absent, which is the same in this
// protocol.
func (d document) get(key string) string { return d.texts[key] }

func decodeRespdata(respdata json.RawMessage) (document, error) {
	values, err := decode(respdata, respdataKeys)
	if err != nil {
		return document{}, err
	}
	d := document{texts: make(map[string]string, len(values))}
	for _, key := range respdataKeys {
		switch key {
		case couponIDs, couponTypes, couponFees:
			var whole bool
			if d.coupons, whole = addCoupons(d.coupons, key, values[key]); !whole {
				d.unread = append(d.unread, key)
			}
			continue
		}
		d.texts[key], err = scalar(key, values[key])
		switch {
		case err == nil:
		case slices.Contains(informing, key):
			d.unread = append(d.unread, key)
		default:
			return document{}, err
		}
	}
	d.coupons = slices.DeleteFunc(d.coupons, func(c Coupon) bool { return c == Coupon{} })
	return d, nil
}

// addCoupons adds one of the three lists to the coupons, of which there are as many as the longest
// list has elements. A value that is no list is left out, and so is an element that cannot be read;
// whole reports that neither happened.
func addCoupons(coupons []Coupon, key string, value json.RawMessage) (all []Coupon, whole bool) {
	if absent(value) || string(value) == `""` {
		return coupons, true
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(value, &elements); err != nil {
		return coupons, false
	}
	whole = true
	for i, element := range elements {
		if i == len(coupons) {
			coupons = append(coupons, Coupon{})
		}
		text, err := scalar(key, element)
		if err == nil {
			err = coupons[i].set(key, text)
		}
		whole = whole && err == nil
	}
	return coupons, whole
}

func (c *Coupon) set(key, value string) (err error) {
	switch key {
	case couponIDs:
		c.ID = value
	case couponTypes:
		c.Type = value
	case couponFees:
		if value != "" { // the list is shorter than the others
			c.Fee, err = parseNumber(key, value)
		}
	}
	return err
}

// china is the zone of time_end. It is a fixed zone, as an image may have no zone database.
var china = time.FixedZone("UTC+8", 8*60*60)

// transaction returns the order that d describes.
func (d document) transaction() (Transaction, error) {
	t := Transaction{
		AppID: d.get("appid"), MchID: d.get("mch_id"), SubAppID: d.get("sub_appid"), SubMchID: d.get("sub_mch_id"),
		DeviceInfo: d.get("device_info"),
		OpenID:     d.get("openid"), IsSubscribe: d.get("is_subscribe"),
		SubOpenID: d.get("sub_openid"), SubIsSubscribe: d.get("sub_is_subscribe"),
		TradeType: d.get("trade_type"), TradeState: d.get("trade_state"), TradeStateDesc: d.get("trade_state_desc"),
		BankType: d.get("bank_type"), FeeType: d.get("fee_type"), CashFeeType: d.get("cash_fee_type"),
		Coupons: d.coupons, Unread: d.unread,
		TransactionID: d.get("transaction_id"), OutTradeNo: d.get("out_trade_no"), Attach: d.get("attach"),
	}
	for _, number := range [...]struct {
		key  string
		into **int64
	}{
		{"total_fee", &t.TotalFee},
		{"settlement_total_fee", &t.SettlementTotalFee},
		{"cash_fee", &t.CashFee},
		{"coupon_fee", &t.CouponFee},
		{"coupon_count", &t.CouponCount},
	} {
		value := d.get(number.key)
		if value == "" {
			continue // not sent, so nil
		}
		var err error
		*number.into, err = parseNumber(number.key, value)
		switch {
		case err == nil:
		case slices.Contains(informing, number.key):
			t.Unread = append(t.Unread, number.key)
		default:
			return Transaction{}, err
		}
	}
	var err error
	if t.TimeEnd, err = parseTime("time_end", d.get("time_end")); err != nil {
		t.Unread = append(t.Unread, "time_end")
	}
	return t, nil
}

// parseNumber reads digits and nothing else: no sign, no fraction, no exponent.
func parseNumber(key, value string) (*int64, error) {
	unsigned, err := strconv.ParseUint(value, 10, 63)
	if err != nil {
		return nil, fmt.Errorf("%s is not a whole number", key)
	}
	n := int64(unsigned)
	return &n, nil
}

// parseTime reads yyyyMMddHHmmss as China's time, and "" as the zero Time. It checks the length
// because time.ParseInLocation also accepts a fraction of a second.
func parseTime(key, value string) (time.Time, error) {
	const layout = "20060102150405"
	if value == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(layout, value, china)
	if err != nil || len(value) != len(layout) {
		return time.Time{}, fmt.Errorf("%s is not a time as yyyyMMddHHmmss", key)
	}
	return t, nil
}
