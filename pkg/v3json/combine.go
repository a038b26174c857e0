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
)

const (
	combinePath = "/v3/combine-transactions/" + byOutTradeNo

	// maxSubOrders is what partners may combine; merchants of their own 10, says the gateway.
	maxSubOrders = 50
)

// CombineCloseRequest names the combined order to close, with all that is in it.
type CombineCloseRequest struct {
	// CombineOutTradeNo is the number of the whole, required.
	CombineOutTradeNo string
	// SubOrders are those that the order was made with, every one of them: the gateway closes all or none, and
	// refuses a list that is not the whole.
	SubOrders []SubOrder
	// Nonce is this attempt's nonce_str, made when empty.
	Nonce string
}

// SubOrder names one of the orders in a combined one.
type SubOrder struct {
	MchID      string `json:"mchid"`        // required, its merchant
	OutTradeNo string `json:"out_trade_no"` // required, its merchant's number
	// SubMchID is the partner's sub-merchant, in all sub-orders or in none.
	SubMchID string `json:"sub_mchid,omitzero"`
	SubAppID string `json:"sub_appid,omitzero"`
}

// CombineQueryRequest names the combined order to query.
type CombineQueryRequest struct {
	// CombineOutTradeNo is the number of the whole, required.
	CombineOutTradeNo string
	// Nonce is this attempt's nonce_str, made when empty.
	Nonce string
}

// CombineQueryReply is the gateway's word on a combined order.
type CombineQueryReply struct {
	Envelope
	CombinedTransaction
}

// CombinedTransaction is a combined order as the gateway knows it. It has no state of its own: each of its SubOrders
// has one, and there is at least one of them. The fields are those of pay.weixin.qq.com pages v3/merchant/4012557006 and
// v3/partner/4012761049; those that the gateway adds are ignored.
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

// SubTransaction is one order within a combined one. MchID, OutTradeNo and TradeState are never empty.
type SubTransaction struct {
	MchID     string `json:"mchid"`
	SubMchID  string `json:"sub_mchid,omitzero"`
	SubAppID  string `json:"sub_appid,omitzero"`
	SubOpenID string `json:"sub_openid,omitzero"`

	OutTradeNo    string `json:"out_trade_no"`
	TransactionID string `json:"transaction_id,omitzero"` // only after payment
	TradeType     string `json:"trade_type,omitzero"`     // NATIVE, JSAPI, APP, MWEB
	// TradeState is SUCCESS, REFUND (paid, and at least part of it refunded), NOTPAY, CLOSED or PAYERROR. A state
	// never seen before is passed on as received.
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

// SubAmount is what a sub-order costs and what the payer paid, after coupons; both in fen. It is [Amount] by other
// names.
type SubAmount struct {
	TotalAmount   *int64 `json:"total_amount,omitzero"` // nil when the reply has none
	PayerAmount   *int64 `json:"payer_amount,omitzero"` // nil when the reply has none
	Currency      string `json:"currency,omitzero"`
	PayerCurrency string `json:"payer_currency,omitzero"`
	// SettlementRate is an exchange rate times 10^8, as written: the pages do not say that it is an integer.
	SettlementRate json.Number `json:"settlement_rate,omitzero"`
}

// CloseCombined closes an unpaid combined order, with all of its sub-orders. It is on the mainland only. Reply and errors
// are as those of [Client.CloseOrder], which closes none of the sub-orders by itself.
func (c *Client) CloseCombined(ctx context.Context, req CombineCloseRequest) (*CloseReply, error) {
	reply, err := c.closeCombined(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("closing combined order %s: %w", name(req.CombineOutTradeNo), err)
	}
	return reply, nil
}

func (c *Client) closeCombined(ctx context.Context, req CombineCloseRequest) (*CloseReply, error) {
	q, err := c.encodeCombineClose(req)
	if err != nil {
		return nil, err
	}
	return c.sendClose(ctx, q)
}

// QueryCombined reports a combined order. It is on the mainland only. A reply means that a signed 200 came back, and that
// it is about the very order that was asked for, of this merchant; that its sub-orders are all of them is the gateway's
// word. Errors are those of [Client.QueryOrder].
func (c *Client) QueryCombined(ctx context.Context, req CombineQueryRequest) (*CombineQueryReply, error) {
	reply, err := c.queryCombined(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("querying combined order %s: %w", name(req.CombineOutTradeNo), err)
	}
	return reply, nil
}

func (c *Client) queryCombined(ctx context.Context, req CombineQueryRequest) (*CombineQueryReply, error) {
	q, err := c.encodeCombine(req.CombineOutTradeNo, req.Nonce)
	if err != nil {
		return nil, err
	}
	got, err := c.sendQuery(ctx, q)
	if err != nil {
		return nil, err
	}
	combined, fault := decodeCombined(got.body)
	if fault != "" {
		return nil, got.malformed(fault)
	}
	fault = difference(
		echo{"combine_mchid", combined.CombineMchID, c.MchID},
		echo{"combine_out_trade_no", combined.CombineOutTradeNo, req.CombineOutTradeNo},
	)
	if fault != "" {
		return nil, got.disbelieve(ReasonMismatch, fault)
	}
	return &CombineQueryReply{Envelope: got.Envelope, CombinedTransaction: combined}, nil
}

// encodeCombine is the question what has become of a combined order.
func (c *Client) encodeCombine(outTradeNo, givenNonce string) (question, error) {
	if err := c.Check(); err != nil {
		return question{}, err
	}
	if c.Region != Mainland {
		return question{}, fmt.Errorf("combined orders are on the mainland only, and Region is %q", string(c.Region))
	}
	nonce, err := c.nonce(givenNonce)
	if err != nil {
		return question{}, err
	}
	if !isOutTradeNo(outTradeNo) {
		return question{}, errors.New("Combine" + badOutTradeNo)
	}
	return question{method: http.MethodGet, uri: combinePath + url.PathEscape(outTradeNo), nonce: nonce}, nil
}

func (c *Client) encodeCombineClose(req CombineCloseRequest) (question, error) {
	q, err := c.encodeCombine(req.CombineOutTradeNo, req.Nonce)
	if err != nil {
		return question{}, err
	}
	if !isNumber(c.AppID) {
		return question{}, errors.New("AppID must be 1 to 32 letters and digits: the combine_appid that the order was made with")
	}
	if err := checkSubOrders(req.SubOrders); err != nil {
		return question{}, err
	}
	body, err := json.Marshal(struct {
		CombineAppID string     `json:"combine_appid"`
		SubOrders    []SubOrder `json:"sub_orders"`
	}{c.AppID, req.SubOrders})
	if err != nil {
		return question{}, fmt.Errorf("encoding SubOrders: %w", err)
	}
	q.method, q.uri, q.body = http.MethodPost, q.uri+closeSegment, string(body)
	return q, nil
}

func checkSubOrders(orders []SubOrder) error {
	if len(orders) == 0 || len(orders) > maxSubOrders {
		return fmt.Errorf("SubOrders has %d: it must be every sub-order of the combined order, 1 to %d", len(orders), maxSubOrders)
	}
	seen := make(map[orderKey]bool, len(orders))
	for i, order := range orders {
		if err := order.check(); err != nil {
			return fmt.Errorf("SubOrders[%d].%w", i, err)
		}
		if (order.SubMchID == "") != (orders[0].SubMchID == "") {
			return fmt.Errorf("SubOrders[%d].SubMchID: give one in every sub-order, as partners do, or in none", i)
		}
		key := orderKey{order.MchID, order.SubMchID, order.OutTradeNo}
		if seen[key] {
			return fmt.Errorf("SubOrders[%d].OutTradeNo %s is given twice", i, name(order.OutTradeNo))
		}
		seen[key] = true
	}
	return nil
}

// orderKey is what tells one sub-order from the others.
type orderKey struct{ mchID, subMchID, outTradeNo string }

// check begins with the field's name. OutTradeNo may be anything that JSON carries unchanged: unlike a path, a body has
// no place where a character means something else.
func (o SubOrder) check() error {
	switch {
	case !isNumber(o.MchID):
		return errors.New("MchID must be 1 to 32 letters and digits")
	case o.OutTradeNo == "" || utf8.RuneCountInString(o.OutTradeNo) > maxNumber || !utf8.ValidString(o.OutTradeNo):
		return errors.New("OutTradeNo must be 1 to 32 characters of UTF-8")
	case o.SubMchID != "" && !isNumber(o.SubMchID):
		return errors.New(badSubMchID)
	case o.SubAppID != "" && !isNumber(o.SubAppID):
		return errors.New("SubAppID must be 1 to 32 letters and digits")
	}
	return nil
}

// combineKeys are the names that decide what a reply on a combined order is about, beside those within its sub_orders,
// which are the echoKeys.
var combineKeys = [...]string{"combine_mchid", "combine_out_trade_no", "sub_orders"}

// decodeCombined reads the body of a combined query's 200; fault says in one line why it cannot be read. Each sub-order
// is decoded from its own bytes, so that its names are made as sure of as those of an order that stands alone.
func decodeCombined(body []byte) (combined CombinedTransaction, fault string) {
	var wire struct {
		CombinedTransaction
		SubOrders []json.RawMessage `json:"sub_orders"`
	}
	body = withoutMark(body)
	unread, fault := decodeReply(body, &wire)
	if fault != "" {
		return CombinedTransaction{}, fault
	}
	if fault := checkKeys(body, combineKeys[:]); fault != "" {
		return CombinedTransaction{}, fault
	}
	if len(unread) > 0 {
		// Each sub-order as it came: what was left out was left out of a copy.
		var sent struct {
			SubOrders []json.RawMessage `json:"sub_orders"`
		}
		if err := json.Unmarshal(body, &sent); err != nil {
			return CombinedTransaction{}, jsonFault(err)
		}
		wire.SubOrders = sent.SubOrders
	}
	if len(wire.SubOrders) == 0 {
		return CombinedTransaction{}, "it has no sub_orders"
	}
	combined, combined.Unread = wire.CombinedTransaction, unread
	combined.SubOrders = make([]SubTransaction, 0, len(wire.SubOrders))
	seen := make(map[orderKey]bool, len(wire.SubOrders))
	for i, raw := range wire.SubOrders {
		sub, fault := decodeSubOrder(raw)
		key := orderKey{sub.MchID, sub.SubMchID, sub.OutTradeNo}
		if fault == "" && seen[key] {
			fault = "it is about " + name(sub.OutTradeNo) + " again"
		}
		if fault != "" {
			return CombinedTransaction{}, fmt.Sprintf("sub_orders[%d]: %s", i, fault)
		}
		seen[key] = true
		for _, path := range sub.Unread {
			combined.Unread = append(combined.Unread, fmt.Sprintf("sub_orders[%d].%s", i, path))
		}
		combined.SubOrders = append(combined.SubOrders, sub)
	}
	return combined, ""
}

func decodeSubOrder(raw json.RawMessage) (sub SubTransaction, fault string) {
	var wire struct {
		SubTransaction
		// An empty time is as good as none, which time.Time would not have.
		SuccessTime string `json:"success_time"`
	}
	unread, fault := decodeReply(raw, &wire)
	if fault != "" {
		return SubTransaction{}, fault
	}
	if fault := checkKeys(raw, echoKeys[:]); fault != "" {
		return SubTransaction{}, fault
	}
	// Without these nobody could tell which order is in what state.
	switch {
	case wire.MchID == "":
		return SubTransaction{}, "it has no mchid"
	case wire.OutTradeNo == "":
		return SubTransaction{}, "it has no out_trade_no"
	case wire.TradeState == "":
		return SubTransaction{}, "it has no trade_state"
	}
	wire.Unread = unread
	wire.SubTransaction.SuccessTime = parseSuccessTime(wire.SuccessTime, &wire.Unread)
	return wire.SubTransaction, ""
}
