package paygate

// SetNotifyURL sets the notify_url of orders, single and combined, that the management API adds
// without one from now on; empty: none. Orders that a merchant places name their own. It is not
// kept in [Options.File]. The error says why the address is none that WeChat Pay takes.
func (g *Gateway) SetNotifyURL(address string) error {
	if address != "" {
		if err := checkNotifyURL(address); err != nil {
			return invalid("notify_url: %v", err)
		}
	}
	g.notifyByDefault.Store(&address)
	return nil
}

// notifyURL is what SetNotifyURL set.
func (g *Gateway) notifyURL() string {
	if address := g.notifyByDefault.Load(); address != nil {
		return *address
	}
	return ""
}

// notifyURLOf is the notify_url of an order that is added without one. An order that is there
// already keeps its own, so that adding it again is no conflict after the default has changed.
func (g *Gateway) notifyURLOf(o Order) string {
	address := g.notifyURL()
	if address == "" {
		return ""
	}
	owners := []Owner{o.Owner()}
	if o.MchID == "" {
		owners = nil
	}
	if old, err := g.Order(o.OutTradeNo, owners...); err == nil {
		return old.NotifyURL
	}
	return address
}

// notifyURLOfCombined is the same for a combined order.
func (g *Gateway) notifyURLOfCombined(combineOutTradeNo string) string {
	address := g.notifyURL()
	if address == "" {
		return ""
	}
	if old, err := g.Combined(combineOutTradeNo); err == nil {
		return old.NotifyURL
	}
	return address
}
