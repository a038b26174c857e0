package render

import "regexp"

// deliveryReason is why a delivery failed, as the register keeps it; programs of the release before
// wrote telling of event.
var deliveryReason = regexp.MustCompile(`^(?:delivering|telling of) event (\d+): (.*)$`)

// deliveryReasons are the sweep's and the notifier's own reasons, which are kept in English, with
// their Chinese. A transport's own words stay as they are.
var deliveryReasons = []struct {
	en *regexp.Regexp
	zh string
}{
	{regexp.MustCompile(`^no answer within (\S+)$`), "$1 内没有应答"},
	{regexp.MustCompile(`^no answer before the sweep's time was up$`), "本次扫描结束前没有应答"},
	{regexp.MustCompile(`^the address is not one that a request can be sent to$`), "该地址无法接收请求"},
	{regexp.MustCompile(`^the receiver answered (\d+), not 2xx$`), "接收方应答 $1，而不是 2xx"},
	{regexp.MustCompile(`^the receiver answered (\d+), not 2xx; retry after (\S+)$`), "接收方应答 $1，而不是 2xx；要求 $2 后重试"},
}

// DeliveryReason is why an event was not delivered, as the register keeps it.
func (l *Language) DeliveryReason(recorded string) string {
	parts := deliveryReason.FindStringSubmatch(recorded)
	if parts == nil {
		return recorded
	}
	reason := parts[2]
	for _, known := range deliveryReasons {
		if l.Chinese && known.en.MatchString(reason) {
			reason = known.en.ReplaceAllString(reason, known.zh)
			break
		}
	}
	return l.Say("delivering event %s: %s", "投递事件 %s：%s", parts[1], reason)
}
