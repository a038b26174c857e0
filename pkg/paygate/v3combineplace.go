package paygate

import "fmt"

// combinedPlacement is a combined order as a request places it; see placement.
type combinedPlacement struct {
	order  CombinedOrder
	params map[string]string
}

// combineForm is what the body of a combined placing may hold. Its names differ from those of
// single orders: total_amount, and an attach that has to be there.
func combineForm(trade string) []member {
	form := []member{
		textMember("combine_appid", "合单商户appid", 32).needed(), mchIDMember("combine_mchid", "合单发起方商户号"),
		numberMember("combine_out_trade_no", "合单商户订单号", 1), textMember("time_start", "交易起始时间", 64).ruled(ruleOf(isRFC3339, errNotTime)),
		expiryMember(), notifyMember().needed(), limitPayMember(),
		arrayMember("sub_orders", "子单信息", maxSubOrders, subOrderForm()...).needed(),
	}
	scene := sceneMember(trade)
	if trade == tradeJSAPI {
		form = append(form, objectMember("combine_payer_info", "支付者",
			textMember("openid", "用户标识", 128), textMember("sub_openid", "用户子标识", 128)).needed())
	}
	return append(form, scene)
}

// subOrderForm is one of sub_orders.
func subOrderForm() []member {
	return []member{
		mchIDMember("mchid", "子单发起方商户号"), textMember("attach", "附加数据", 128).needed(),
		objectMember("amount", "订单金额", integerMember("total_amount", "标价金额", 1).needed(), currencyMember().needed()).needed(),
		numberMember("out_trade_no", "子单商户订单号", minOutTradeNo), textMember("description", "商品描述", 127).needed(),
		textMember("sub_mchid", "二级商户号", 32).ruled(ruleOf(isMchID, errNotMchID)), textMember("sub_appid", "子商户应用ID", 32),
		textMember("detail", "商品详情", 6000), textMember("goods_tag", "订单优惠标记", 32), settleMember(true),
	}
}

// askPlaceCombined is askPlace for a combined order, by a body that has the form.
func (g *Gateway) askPlaceCombined(q *question, doc map[string]any) *refusal {
	if no := ownMchID(q, "combine_mchid", textAt(doc, "combine_mchid")); no != nil {
		return no
	}
	if no := ownAppID(q, "combine_appid", textAt(doc, "combine_appid")); no != nil {
		return no
	}
	all := CombinedOrder{
		API: apiV3, CombineOutTradeNo: textAt(doc, "combine_out_trade_no"), MchID: q.merchant.MchID, AppID: q.merchant.AppID,
		OpenID: textAt(doc, "combine_payer_info", "openid"), DeviceInfo: textAt(doc, "scene_info", "device_id"),
		NotifyURL: textAt(doc, "notify_url"), TimeExpire: timeExpire(doc),
	}
	subOpenID := textAt(doc, "combine_payer_info", "sub_openid")
	if q.trade == tradeJSAPI && all.OpenID == "" && subOpenID == "" {
		return textMember("openid", "用户标识", 128).missing("/combine_payer_info/openid").
			because("/combine_payer_info must have openid or sub_openid")
	}
	subs, _ := doc["sub_orders"].([]any)
	for i, sub := range subs {
		members, _ := sub.(map[string]any)
		part := subOrderOf(members, q.trade)
		part.SubOpenID = subOpenID
		if no := g.boundPart(&part, i); no != nil {
			return no
		}
		all.SubOrders = append(all.SubOrders, part)
	}
	q.combining = &combinedPlacement{order: all, params: paramsOfPlacing(doc, q.trade)}
	return nil
}

// subOrderOf is the order of one of sub_orders.
func subOrderOf(sub map[string]any, trade string) Order {
	return Order{
		MchID: textAt(sub, "mchid"), SubMchID: textAt(sub, "sub_mchid"), SubAppID: textAt(sub, "sub_appid"),
		OutTradeNo: textAt(sub, "out_trade_no"), Attach: textAt(sub, "attach"), Description: textAt(sub, "description"),
		Total: integerAt(sub, "amount", "total_amount"), TradeType: trade,
	}
}

// boundPart refuses a part for a sub-merchant that is not its service provider's. The sub-merchants
// of merchants that are not this gateway's are not known, and believed.
func (g *Gateway) boundPart(part *Order, i int) *refusal {
	if g.merchant(part.MchID) == nil || g.orders.isBound(part.Owner()) {
		return nil
	}
	no := notBound(part.Owner())
	return no.because(fmt.Sprintf("sub_orders[%d]: %s", i, no.reason))
}

// handlePlaceCombined places a combined order, or returns why not.
func (g *Gateway) handlePlaceCombined(q *question) (subject, *refusal) {
	all, no := g.orders.placeCombined(q.combining)
	if all.CombineOutTradeNo == "" {
		return subject{}, no
	}
	return newSubject(&all), no
}

// placeCombined is place for a combined order: all its parts are kept, or none.
func (b *orderBook) placeCombined(p *combinedPlacement) (CombinedOrder, *refusal) {
	born, err := b.completeCombined(p.order)
	if err != nil {
		return CombinedOrder{}, refuse(codeParamError).because(err.Error())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c, known := b.combined[born.key()]
	if known {
		if no := b.combinedAgain(c, p.params); no != nil {
			return b.gather(c), no
		}
	} else {
		if err := b.vacant(born.SubOrders); err != nil {
			return CombinedOrder{}, b.placing.refuse(againDifferent, numberUsed()).because(err.Error())
		}
		c = b.insertCombined(b.expiring(born))
		c.params = b.fingerprint(p.params)
	}
	c.head.PrepayID = b.issue(c.head.PrepayID, issued{combined: c})
	b.saveCombined(c)
	return b.gather(c), nil
}

// expiring moves a combined order's time_expire to where WeChat Pay does, and gives it to the
// parts.
func (b *orderBook) expiring(c CombinedOrder) CombinedOrder {
	c.TimeExpire = b.placing.expiry(c.TimeExpire, b.clock.time())
	for i := range c.SubOrders {
		c.SubOrders[i].TimeExpire = c.TimeExpire
	}
	return c
}

// combinedAgain is placedAgain for a combined order: the first part that cannot be placed again
// decides. The book is locked.
func (b *orderBook) combinedAgain(c *combination, second map[string]string) *refusal {
	parts := b.gather(c).SubOrders
	for i := range parts {
		part := parts[i]
		part.CombineOutTradeNo = "" // it is not placed alone
		if no := b.placedAgain(&part, c.params, second); no != nil {
			return no
		}
	}
	return nil
}
