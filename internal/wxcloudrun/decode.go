package wxcloudrun

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The keys that we know, of the link's own object and of WeChat Pay's within it. What is not here is not looked at.
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

// The errors of reading a body. They become the Detail of a MalformedError, and repeat nothing of it but, quoted and cut,
// names of keys.
var (
	errHTML   = errors.New("it is an HTML page: is something else answering at BaseURL?")
	errEmpty  = errors.New("it is empty")
	errJSON   = errors.New("it is not JSON, or was cut short")
	errObject = errors.New("it is JSON and not an object")
)

// envelope is the link's own part of a reply.
type envelope struct {
	errcode, errmsg string
	respdata        json.RawMessage // not looked at yet
}

func decodeEnvelope(body []byte) (envelope, error) {
	if err := precheck(body); err != nil {
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

// precheck names what is better named than called bad JSON.
func precheck(body []byte) error {
	start := bytes.TrimSpace(body)
	for _, opening := range [...]string{"<!doctype html", "<html", "<head", "<body"} {
		if len(start) >= len(opening) && strings.EqualFold(string(start[:len(opening)]), opening) {
			return errHTML
		}
	}
	if len(start) == 0 {
		return errEmpty
	}
	return nil
}

// decode reads one JSON object and returns the values of the known keys in it. encoding/json by itself would take the last
// of two, and mind no capitals; whoever reads the same bytes with another decoder would see another order.
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
				return nil, fmt.Errorf("it gives %s more than once or as %s", k, name(key))
			}
			values[k] = value
		}
	}
	return values, nil
}

// scalar is the text of a string, or a number as it was written; "" for null and for nothing.
func scalar(key string, value json.RawMessage) (string, error) {
	switch {
	case absent(value):
		return "", nil
	case value[0] == '"':
		var s string
		_ = json.Unmarshal(value, &s) // it is part of what has been decoded
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
}

// text returns the value of a key, "" when it is empty or not there, which for this protocol is the same.
func (d document) text(key string) string { return d.texts[key] }

func decodeRespdata(respdata json.RawMessage) (document, error) {
	values, err := decode(respdata, respdataKeys)
	if err != nil {
		return document{}, err
	}
	coupons, err := parseCoupons(values)
	if err != nil {
		return document{}, err
	}
	d := document{texts: make(map[string]string, len(values)), coupons: coupons}
	for _, key := range respdataKeys {
		switch key {
		case couponIDs, couponTypes, couponFees:
		default:
			if d.texts[key], err = scalar(key, values[key]); err != nil {
				return document{}, err
			}
		}
	}
	return d, nil
}

// parseCoupons lays the three lists side by side. The longest of them says how many coupons there are.
func parseCoupons(values map[string]json.RawMessage) ([]Coupon, error) {
	var coupons []Coupon
	for _, key := range [...]string{couponIDs, couponTypes, couponFees} {
		parts, err := list(key, values[key])
		if err != nil {
			return nil, err
		}
		for i, part := range parts {
			if i == len(coupons) {
				coupons = append(coupons, Coupon{})
			}
			if err := coupons[i].set(key, part); err != nil {
				return nil, err
			}
		}
	}
	return coupons, nil
}

// list is the texts of an array of scalars; none for null, "" and nothing.
func list(key string, value json.RawMessage) ([]string, error) {
	if absent(value) || string(value) == `""` {
		return nil, nil
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(value, &elements); err != nil {
		return nil, fmt.Errorf("%s is not a list", key)
	}
	texts := make([]string, len(elements))
	for i, element := range elements {
		text, err := scalar("an element of "+key, element)
		if err != nil {
			return nil, err
		}
		texts[i] = text
	}
	return texts, nil
}

func (c *Coupon) set(key, value string) (err error) {
	switch key {
	case couponIDs:
		c.ID = value
	case couponTypes:
		c.Type = value
	case couponFees:
		c.Fee, err = parseNumber(key, value)
	}
	return err
}

// china is where time_end is. A fixed zone: a container's image may have no zone database.
var china = time.FixedZone("UTC+8", 8*60*60)

// transaction is the order that d tells of.
func (d document) transaction() (Transaction, error) {
	t := Transaction{
		AppID: d.text("appid"), MchID: d.text("mch_id"), SubAppID: d.text("sub_appid"), SubMchID: d.text("sub_mch_id"),
		DeviceInfo: d.text("device_info"),
		OpenID:     d.text("openid"), IsSubscribe: d.text("is_subscribe"),
		SubOpenID: d.text("sub_openid"), SubIsSubscribe: d.text("sub_is_subscribe"),
		TradeType: d.text("trade_type"), TradeState: d.text("trade_state"), TradeStateDesc: d.text("trade_state_desc"),
		BankType: d.text("bank_type"), FeeType: d.text("fee_type"), CashFeeType: d.text("cash_fee_type"),
		Coupons: d.coupons, TransactionID: d.text("transaction_id"), OutTradeNo: d.text("out_trade_no"), Attach: d.text("attach"),
	}
	for _, number := range [...]struct {
		key  string
		into *int64
	}{
		{"total_fee", &t.TotalFee},
		{"settlement_total_fee", &t.SettlementTotalFee},
		{"cash_fee", &t.CashFee},
		{"coupon_fee", &t.CouponFee},
		{"coupon_count", &t.CouponCount},
	} {
		var err error
		if *number.into, err = parseNumber(number.key, d.text(number.key)); err != nil {
			return Transaction{}, err
		}
	}
	var err error
	t.TimeEnd, err = parseTime("time_end", d.text("time_end"))
	return t, err
}

// parseNumber reads digits and nothing else: no sign, no fraction, no exponent. Nothing is 0.
func parseNumber(key, value string) (int64, error) {
	if value == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(value, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%s is not a whole number", key)
	}
	return int64(n), nil
}

// parseTime reads yyyyMMddHHmmss as China's time, and nothing as the zero Time. The length is looked at because
// time.ParseInLocation takes a fraction of a second unasked.
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
