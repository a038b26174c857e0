package v3json

import (
	"errors"
	"net/http"
	"net/url"
	"unicode/utf8"
)

// unsigned is a request before it is signed.
type unsigned struct {
	method string
	uri    string // path and query, escaped, as they stand on the wire
	body   string // "" for a GET
	nonce  string
}

const (
	directPath     = "/v3/pay/transactions/"
	partnerPath    = "/v3/pay/partner/transactions/"
	globalPath     = "/v3/global/transactions/"
	hongKongPath   = "/hk/v3/transactions/"
	byOutTradeNo   = "out-trade-no/"
	byTransaction  = "id/"
	closeSegment   = "/close"
	dotSegment     = "."
	dotDotSegment  = ".."
	badOutTradeNo  = "OutTradeNo must be 1 to 32 characters, and neither \".\" nor \"..\""
	badTransaction = "TransactionID must be 1 to 32 letters and digits"
)

// Request names the order to close or to query.
type Request struct {
	// OutTradeNo is the merchant's order number. A close requires it on the mainland.
	OutTradeNo string
	// TransactionID is WeChat Pay's order number, which an order has from its payment on. A query,
	// and overseas a close, may give it in place of OutTradeNo.
	TransactionID string
	// SubMchID, when set, makes this a partner's request about that sub-merchant's order (overseas:
	// an institution's).
	SubMchID string
	// Nonce is this attempt's nonce_str, made when empty.
	Nonce string
}

// newUnsigned checks the client and chooses the nonce.
func (c *Client) newUnsigned(givenNonce string) (unsigned, error) {
	if err := c.Check(); err != nil {
		return unsigned{}, err
	}
	nonce, err := c.nonce(givenNonce)
	return unsigned{method: http.MethodGet, nonce: nonce}, err
}

// encodeClose writes the body by hand: its values are letters and digits, which JSON does not
// escape, and the bytes that are signed must be the bytes that are sent.
func (c *Client) encodeClose(req Request) (unsigned, error) {
	u, err := c.newUnsigned(req.Nonce)
	if err != nil {
		return unsigned{}, err
	}
	order, err := closeSegments(c.Region, req)
	if err != nil {
		return unsigned{}, err
	}
	u.method, u.body = http.MethodPost, `{"mchid":"`+c.MchID+`"}`
	if req.SubMchID != "" {
		u.body = `{"sp_mchid":"` + c.MchID + `","sub_mchid":"` + req.SubMchID + `"}`
	}
	u.uri = c.Region.transactionsPath(req.SubMchID != "") + order + closeSegment
	return u, checkSubMchID(req.SubMchID)
}

func (c *Client) encodeQuery(req Request) (unsigned, error) {
	u, err := c.newUnsigned(req.Nonce)
	if err != nil {
		return unsigned{}, err
	}
	order, err := orderSegments(req.OutTradeNo, req.TransactionID)
	if err != nil {
		return unsigned{}, err
	}
	merchant := "?mchid=" + c.MchID
	if req.SubMchID != "" {
		merchant = "?sp_mchid=" + c.MchID + "&sub_mchid=" + req.SubMchID
	}
	u.uri = c.Region.transactionsPath(req.SubMchID != "") + order + merchant
	return u, checkSubMchID(req.SubMchID)
}

func checkSubMchID(subMchID string) error {
	if subMchID != "" && !isNumber(subMchID) {
		return errors.New("SubMchID must be 1 to 32 letters and digits")
	}
	return nil
}

// closeSegments returns the part of a close's path that names the order.
func closeSegments(region Region, req Request) (string, error) {
	switch {
	case region != Mainland:
		return orderSegments(req.OutTradeNo, req.TransactionID)
	case req.TransactionID != "":
		return "", errors.New("TransactionID closes nothing on the mainland: give OutTradeNo alone, " +
			"or set Region if the merchant is an overseas one")
	case !isOutTradeNo(req.OutTradeNo):
		return "", errors.New(badOutTradeNo)
	}
	return byOutTradeNo + url.PathEscape(req.OutTradeNo), nil
}

// orderSegments returns the part of a path that names the order by one of its two numbers.
func orderSegments(outTradeNo, transactionID string) (string, error) {
	switch {
	case outTradeNo != "" && transactionID != "":
		return "", errors.New("OutTradeNo and TransactionID are both given: give one")
	case transactionID != "":
		if !isNumber(transactionID) {
			return "", errors.New(badTransaction)
		}
		return byTransaction + transactionID, nil
	case outTradeNo == "":
		return "", errors.New("OutTradeNo and TransactionID are both empty: give one")
	case !isOutTradeNo(outTradeNo):
		return "", errors.New(badOutTradeNo)
	}
	return byOutTradeNo + url.PathEscape(outTradeNo), nil
}

// isOutTradeNo reports whether s can be sent as one path segment. Which characters a merchant may
// use differs between documents ("@" was once allowed), so the gateway decides. "." and ".." are
// steps within a path: a proxy may take them, and then the signature no longer verifies.
func isOutTradeNo(s string) bool {
	return s != "" && s != dotSegment && s != dotDotSegment && utf8.RuneCountInString(s) <= maxNumber
}
