package trigger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"cloudpay/internal/order"
)

// setSubOrders reads the orders of a combined order: an array of objects, in the
// spelling of APIv3 (mchid), APIv2 (mch_id) or CloudPay (mchId).
func setSubOrders(p *order.Params, value json.RawMessage) *order.FieldError {
	var list []json.RawMessage
	if err := json.Unmarshal(value, &list); err != nil {
		return notSubOrders()
	}
	for i, text := range list {
		sub, fault := readSubOrder(fmt.Sprintf("sub_orders[%d]", i), text)
		if fault != nil {
			return fault
		}
		p.SubOrders = append(p.SubOrders, sub)
	}
	return nil
}

func notSubOrders() *order.FieldError {
	return order.ParamError("sub_orders", `must be an array of objects such as {"mchid":"1900000001","out_trade_no":"A1"}`,
		`须为对象数组，如 {"mchid":"1900000001","out_trade_no":"A1"}`)
}

// A subParameter is a field of a sub-order, in all its spellings.
type subParameter struct {
	names []string
	field func(*order.SubOrder) *string
}

var subParameters = []subParameter{
	{[]string{"mchid", "mch_id", "mchId"}, func(s *order.SubOrder) *string { return &s.MchID }},
	{[]string{"sub_mchid", "sub_mch_id", "subMchid", "subMchId"}, func(s *order.SubOrder) *string { return &s.SubMchID }},
	{[]string{"out_trade_no", "outTradeNo"}, func(s *order.SubOrder) *string { return &s.OutTradeNo }},
}

// readSubOrder takes no key that it does not know, and none twice: what is closed must be the
// whole of what was meant.
func readSubOrder(where string, text json.RawMessage) (order.SubOrder, *order.FieldError) {
	var sub order.SubOrder
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return sub, notSubOrders()
	}
	given := map[string]string{} // by parameter: the spelling
	for d.More() {
		key, value, err := member(d)
		if err != nil {
			return sub, notJSON(where, err)
		}
		i := slices.IndexFunc(subParameters, func(p subParameter) bool { return slices.Contains(p.names, key) })
		if i < 0 {
			return sub, order.ParamError(where+"."+clip(key), "is not a parameter; a sub-order has mchid, sub_mchid and out_trade_no",
				"不是参数；子订单有 mchid、sub_mchid 和 out_trade_no")
		}
		name := subParameters[i].names[0]
		if other, twice := given[name]; twice {
			return sub, givenTwice(where+"."+name, other, key)
		}
		given[name] = key
		s, fault := asString(where+"."+clip(key), value)
		if fault != nil {
			return sub, fault
		}
		*subParameters[i].field(&sub) = s
	}
	return sub, nil
}
