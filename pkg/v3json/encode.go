package v3json

import (
	"errors"
	"net/http"
	"net/url"
	"unicode/utf8"
)

// question is a request before it is signed: what is asked, in the bytes it is asked in.
type question struct {
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
	badSubMchID    = "SubMchID must be 1 to 32 letters and digits"
)

// encodeClose writes the bodies by hand: their values are letters and digits, which JSON does not escape, and the
// bytes that are signed must be the bytes that are sent.
func (c *Client) encodeClose(req CloseRequest) (question, error) {
	if err := c.Check(); err != nil {
		return question{}, err
	}
	nonce, err := c.nonce(req.Nonce)
	if err != nil {
		return question{}, err
	}
	order, err := closeSegments(c.Region, req)
	if err != nil {
		return question{}, err
	}
	body := `{"mchid":"` + c.MchID + `"}`
	if req.SubMchID != "" {
		if !isNumber(req.SubMchID) {
			return question{}, errors.New(badSubMchID)
		}
		body = `{"sp_mchid":"` + c.MchID + `","sub_mchid":"` + req.SubMchID + `"}`
	}
	uri := c.Region.transactionsPath(req.SubMchID != "") + order + closeSegment
	return question{method: http.MethodPost, uri: uri, body: body, nonce: nonce}, nil
}

func (c *Client) encodeQuery(req QueryRequest) (question, error) {
	if err := c.Check(); err != nil {
		return question{}, err
	}
	nonce, err := c.nonce(req.Nonce)
	if err != nil {
		return question{}, err
	}
	order, err := orderSegments(req.OutTradeNo, req.TransactionID)
	if err != nil {
		return question{}, err
	}
	query := "?mchid=" + c.MchID
	if req.SubMchID != "" {
		if !isNumber(req.SubMchID) {
			return question{}, errors.New(badSubMchID)
		}
		query = "?sp_mchid=" + c.MchID + "&sub_mchid=" + req.SubMchID
	}
	uri := c.Region.transactionsPath(req.SubMchID != "") + order + query
	return question{method: http.MethodGet, uri: uri, nonce: nonce}, nil
}

// closeSegments is the part of a close's path that names the order.
func closeSegments(region Region, req CloseRequest) (string, error) {
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

// orderSegments is the part of a path that names the order by one of its two numbers.
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

// isOutTradeNo refuses only what could not be sent as one path segment. Which characters a merchant may use differs
// between documents ("@" was once allowed), and the gateway knows; "." and ".." are steps within a path, which a
// proxy may take, and then the signature no longer fits.
func isOutTradeNo(s string) bool {
	return s != "" && s != dotSegment && s != dotDotSegment && utf8.RuneCountInString(s) <= maxNumber
}
