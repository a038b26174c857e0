package v3json

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"cloudpay/pkg/wire"
)

const (
	combinePath = "/v3/combine-transactions/" + byOutTradeNo

	// maxSubOrders is what partners may combine; merchants of their own 10, says the gateway.
	maxSubOrders = 50
)

// CombineRequest names the combined order to close or to query.
type CombineRequest struct {
	// CombineOutTradeNo is the number of the whole, required.
	CombineOutTradeNo string
	// SubOrders are those that the order was made with. A close requires every one of them: the
	// gateway closes all or none, and refuses an incomplete list. A query needs none.
	SubOrders []SubOrder
	// Nonce is this attempt's nonce_str, made when empty.
	Nonce string
}

// SubOrder names one of the orders in a combined one, in a request and in a reply.
type SubOrder struct {
	MchID      string `json:"mchid"`        // required, its merchant
	OutTradeNo string `json:"out_trade_no"` // required, its merchant's number
	// SubMchID is the partner's sub-merchant, in all sub-orders or in none.
	SubMchID string `json:"sub_mchid,omitzero"`
	SubAppID string `json:"sub_appid,omitzero"`
}

// CombineQueryReply is the gateway's record of a combined order, signed.
type CombineQueryReply struct {
	Envelope
	CombinedTransaction
}

// CombinedTransaction is the gateway's record of a combined order. It has no state of its own: each
// of its SubOrders has one, and there is at least one of them. The fields are those of
// pay.weixin.qq.com pages v3/merchant/4012557006 and v3/partner/4012761049. Unknown fields are
// ignored.
type CombinedTransaction struct {
	CombineAppID         string `json:"combine_appid,omitzero"`
	CombineMchID         string `json:"combine_mchid"`
	CombineOutTradeNo    string `json:"combine_out_trade_no"`
	CombineTransactionID string `json:"combine_transaction_id,omitzero"` // of payments to individuals
	TradeScenario        string `json:"trade_scenario,omitzero"`

	SceneInfo        SceneInfo        `json:"scene_info,omitzero"`
	CombinePayerInfo Payer            `json:"combine_payer_info,omitzero"`
	InstallmentInfo  *Installment     `json:"installment_info,omitzero"`
	SubOrders        []SubTransaction `json:"sub_orders"`

	// Unread is that of [Transaction], of the whole and of its SubOrders.
	Unread []string `json:"-"`
}

// SubTransaction is one order within a combined one. MchID, OutTradeNo and TradeState are never
// empty.
type SubTransaction struct {
	SubOrder

	SubOpenID     string `json:"sub_openid,omitzero"`
	TransactionID string `json:"transaction_id,omitzero"` // only after payment
	TradeType     string `json:"trade_type,omitzero"`     // NATIVE, JSAPI, APP, MWEB
	// TradeState is SUCCESS, REFUND (paid, and at least part of it refunded), NOTPAY, CLOSED or
	// PAYERROR. A state never seen before is passed on as received.
	TradeState  string    `json:"trade_state"`
	BankType    string    `json:"bank_type,omitzero"`
	Attach      string    `json:"attach,omitzero"`
	SuccessTime time.Time `json:"success_time,omitzero"` // when it was paid, in the offset received; zero until then

	Amount          *SubAmount  `json:"amount,omitzero"` // nil when the reply has none
	PromotionDetail []Promotion `json:"promotion_detail,omitzero"`

	IndividualAuthID string `json:"individual_auth_id,omitzero"`
	IndividualName   string `json:"individual_name,omitzero"`

	// Unread is that of [Transaction].
	Unread []string `json:"-"`
}

// SubAmount is a sub-order's price and what the payer paid after coupons, both in fen. It is
// [Amount] by other names.
type SubAmount struct {
	TotalAmount   *int64 `json:"total_amount,omitzero"` // nil when the reply has none
	PayerAmount   *int64 `json:"payer_amount,omitzero"` // nil when the reply has none
	Currency      string `json:"currency,omitzero"`
	PayerCurrency string `json:"payer_currency,omitzero"`
	// SettlementRate is an exchange rate times 10^8, as written: the pages do not say that it is an
	// integer.
	SettlementRate json.Number `json:"settlement_rate,omitzero"`
}

// CloseCombined closes an unpaid combined order, with all of its sub-orders. It is on the mainland
// only. Reply and errors are those of [Client.CloseOrder], which closes no sub-order by itself.
func (c *Client) CloseCombined(ctx context.Context, req CombineRequest) (*CloseReply, error) {
	reply, err := c.closeCombined(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("closing combined order %s: %w", wire.Quote(req.CombineOutTradeNo), err)
	}
	return reply, nil
}

func (c *Client) closeCombined(ctx context.Context, req CombineRequest) (*CloseReply, error) {
	u, err := c.encodeCombineClose(req)
	if err != nil {
		return nil, err
	}
	return c.sendClose(ctx, u)
}

// QueryCombined reports a combined order. It is on the mainland only. It returns a reply when a
// signed 200 came back about the requested order, of this merchant; that its sub-orders are all of
// them, the gateway says. Errors are those of [Client.QueryOrder].
func (c *Client) QueryCombined(ctx context.Context, req CombineRequest) (*CombineQueryReply, error) {
	reply, err := c.queryCombined(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("querying combined order %s: %w", wire.Quote(req.CombineOutTradeNo), err)
	}
	return reply, nil
}

func (c *Client) queryCombined(ctx context.Context, req CombineRequest) (*CombineQueryReply, error) {
	u, err := c.encodeCombineQuery(req)
	if err != nil {
		return nil, err
	}
	got, err := c.sendQuery(ctx, u)
	if err != nil {
		return nil, err
	}
	combined, err := decodeCombined(got.Body)
	if err != nil {
		return nil, got.Malformed(err.Error())
	}
	if err := got.VerifyEcho("combine_mchid", combined.CombineMchID, c.MchID); err != nil {
		return nil, err
	}
	if err := got.VerifyEcho("combine_out_trade_no", combined.CombineOutTradeNo, req.CombineOutTradeNo); err != nil {
		return nil, err
	}
	return &CombineQueryReply{Envelope: got.Envelope, CombinedTransaction: combined}, nil
}

func (c *Client) encodeCombineQuery(req CombineRequest) (unsigned, error) {
	u, err := c.newUnsigned(req.Nonce)
	if err != nil {
		return unsigned{}, err
	}
	if c.Region != Mainland {
		return unsigned{}, fmt.Errorf("combined orders are on the mainland only, and Region is %q", string(c.Region))
	}
	if !isOutTradeNo(req.CombineOutTradeNo) {
		return unsigned{}, errors.New("Combine" + badOutTradeNo)
	}
	u.uri = combinePath + url.PathEscape(req.CombineOutTradeNo)
	return u, nil
}

func (c *Client) encodeCombineClose(req CombineRequest) (unsigned, error) {
	u, err := c.encodeCombineQuery(req)
	if err != nil {
		return unsigned{}, err
	}
	if !isNumber(c.AppID) {
		return unsigned{}, errors.New("AppID must be 1 to 32 letters and digits: the combine_appid that the order was made with")
	}
	if err := checkSubOrders(req.SubOrders); err != nil {
		return unsigned{}, err
	}
	body, err := json.Marshal(struct {
		CombineAppID string     `json:"combine_appid"`
		SubOrders    []SubOrder `json:"sub_orders"`
	}{c.AppID, req.SubOrders})
	if err != nil {
		return unsigned{}, fmt.Errorf("encoding SubOrders: %w", err)
	}
	u.method, u.uri, u.body = http.MethodPost, u.uri+closeSegment, string(body)
	return u, nil
}

func checkSubOrders(orders []SubOrder) error {
	if len(orders) == 0 || len(orders) > maxSubOrders {
		return fmt.Errorf("SubOrders has %d: it must be every sub-order of the combined order, 1 to %d", len(orders), maxSubOrders)
	}
	seen := make(map[SubOrder]bool, len(orders))
	for i, order := range orders {
		if err := order.check(); err != nil {
			return fmt.Errorf("SubOrders[%d].%w", i, err)
		}
		if (order.SubMchID == "") != (orders[0].SubMchID == "") {
			return fmt.Errorf("SubOrders[%d].SubMchID: give one in every sub-order, as partners do, or in none", i)
		}
		key := order.key()
		if seen[key] {
			return fmt.Errorf("SubOrders[%d].OutTradeNo %s is given twice", i, wire.Quote(order.OutTradeNo))
		}
		seen[key] = true
	}
	return nil
}

// key returns what tells one sub-order from another.
func (o SubOrder) key() SubOrder {
	o.SubAppID = ""
	return o
}

// check returns an error that begins with the field's name. OutTradeNo may be anything that JSON
// carries unchanged: unlike in a path, no character has a meaning of its own in a body.
func (o SubOrder) check() error {
	switch {
	case !isNumber(o.MchID):
		return errors.New("MchID must be 1 to 32 letters and digits")
	case o.OutTradeNo == "" || utf8.RuneCountInString(o.OutTradeNo) > maxNumber || !utf8.ValidString(o.OutTradeNo):
		return errors.New("OutTradeNo must be 1 to 32 characters of UTF-8")
	case o.SubMchID != "" && !isNumber(o.SubMchID):
		return checkSubMchID(o.SubMchID)
	case o.SubAppID != "" && !isNumber(o.SubAppID):
		return errors.New("SubAppID must be 1 to 32 letters and digits")
	}
	return nil
}

// combineKeys are the names that decide which order a combined order's reply is about. Those within
// its sub_orders are the echoKeys.
var combineKeys = [...]string{"combine_mchid", "combine_out_trade_no", "sub_orders"}

// decodeCombined reads the body of a combined query's 200. The error is one line, the Detail of a
// MalformedError. Each sub-order is decoded from its own bytes, so that its keys are checked as
// strictly as those of an order that stands alone.
func decodeCombined(body []byte) (CombinedTransaction, error) {
	var sent struct {
		CombinedTransaction
		SubOrders []json.RawMessage `json:"sub_orders"`
	}
	body = withoutMark(body)
	unread, err := decodeReply(body, &sent)
	if err != nil {
		return CombinedTransaction{}, err
	}
	if err := checkKeys(body, combineKeys[:]); err != nil {
		return CombinedTransaction{}, err
	}
	if len(unread) > 0 {
		// decodeReply decoded a copy without the unread values. The sub-orders are needed as sent.
		var whole struct {
			SubOrders []json.RawMessage `json:"sub_orders"`
		}
		if err := json.Unmarshal(body, &whole); err != nil {
			return CombinedTransaction{}, jsonError(err)
		}
		sent.SubOrders = whole.SubOrders
	}
	if len(sent.SubOrders) == 0 {
		return CombinedTransaction{}, errors.New("it has no sub_orders")
	}
	combined := sent.CombinedTransaction
	combined.Unread = unread
	if err := combined.addSubOrders(sent.SubOrders); err != nil {
		return CombinedTransaction{}, err
	}
	return combined, nil
}

// addSubOrders decodes the sub-orders, each of which must be another order.
func (t *CombinedTransaction) addSubOrders(raw []json.RawMessage) error {
	t.SubOrders = make([]SubTransaction, 0, len(raw))
	seen := make(map[SubOrder]bool, len(raw))
	for i := range raw {
		sub, err := decodeSubOrder(raw[i])
		key := sub.key()
		if err == nil && seen[key] {
			err = fmt.Errorf("it is about %s again", wire.Quote(sub.OutTradeNo))
		}
		if err != nil {
			return fmt.Errorf("sub_orders[%d]: %w", i, err)
		}
		seen[key] = true
		for _, path := range sub.Unread {
			t.Unread = append(t.Unread, fmt.Sprintf("sub_orders[%d].%s", i, path))
		}
		t.SubOrders = append(t.SubOrders, sub)
	}
	return nil
}

func decodeSubOrder(raw json.RawMessage) (SubTransaction, error) {
	var sent struct {
		SubTransaction
		// A string: time.Time refuses an empty one, which stands for none.
		SuccessTime string `json:"success_time"`
	}
	unread, err := decodeReply(raw, &sent)
	if err != nil {
		return SubTransaction{}, err
	}
	if err := checkKeys(raw, echoKeys[:]); err != nil {
		return SubTransaction{}, err
	}
	// Without these three, the state is no order's.
	switch {
	case sent.MchID == "":
		return SubTransaction{}, errors.New("it has no mchid")
	case sent.OutTradeNo == "":
		return SubTransaction{}, errors.New("it has no out_trade_no")
	case sent.TradeState == "":
		return SubTransaction{}, errNoState
	}
	sent.Unread = unread
	sent.SubTransaction.SuccessTime = parseSuccessTime(sent.SuccessTime, &sent.Unread)
	return sent.SubTransaction, nil
}
