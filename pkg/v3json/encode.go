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
	byOutTradeNo   = "out-trade-no/"
	byTransaction  = "id/"
	dotSegment     = "."
	dotDotSegment  = ".."
	badOutTradeNo  = "OutTradeNo must be 1 to 32 characters, and neither \".\" nor \"..\""
	badTransaction = "TransactionID must be 1 to 32 letters and digits"
	badSubMchID    = "SubMchID must be 1 to 32 letters and digits"
)

// encodeClose writes the bodies by hand: their values are letters and digits, which JSON does not escape, and the
// bytes that are signed must be the bytes that are sent.
func (c *Client) encodeClose(req CloseRequest) (question, error) {
	if err := c.check(); err != nil {
		return question{}, err
	}
	nonce, err := c.nonce(req.Nonce)
	if err != nil {
		return question{}, err
	}
	if !isOutTradeNo(req.OutTradeNo) {
		return question{}, errors.New(badOutTradeNo)
	}
	path, body := directPath, `{"mchid":"`+c.MchID+`"}`
	if req.SubMchID != "" {
		if !isNumber(req.SubMchID) {
			return question{}, errors.New(badSubMchID)
		}
		path, body = partnerPath, `{"sp_mchid":"`+c.MchID+`","sub_mchid":"`+req.SubMchID+`"}`
	}
	uri := path + byOutTradeNo + url.PathEscape(req.OutTradeNo) + "/close"
	return question{method: http.MethodPost, uri: uri, body: body, nonce: nonce}, nil
}

func (c *Client) encodeQuery(req QueryRequest) (question, error) {
	if err := c.check(); err != nil {
		return question{}, err
	}
	nonce, err := c.nonce(req.Nonce)
	if err != nil {
		return question{}, err
	}
	order, err := orderSegments(req)
	if err != nil {
		return question{}, err
	}
	path, query := directPath, "?mchid="+c.MchID
	if req.SubMchID != "" {
		if !isNumber(req.SubMchID) {
			return question{}, errors.New(badSubMchID)
		}
		path, query = partnerPath, "?sp_mchid="+c.MchID+"&sub_mchid="+req.SubMchID
	}
	return question{method: http.MethodGet, uri: path + order + query, nonce: nonce}, nil
}

// orderSegments is the end of a query's path, which names the order by one of its two numbers.
func orderSegments(req QueryRequest) (string, error) {
	switch {
	case req.OutTradeNo != "" && req.TransactionID != "":
		return "", errors.New("OutTradeNo and TransactionID are both given: give one")
	case req.TransactionID != "":
		if !isNumber(req.TransactionID) {
			return "", errors.New(badTransaction)
		}
		return byTransaction + req.TransactionID, nil
	case req.OutTradeNo == "":
		return "", errors.New("OutTradeNo and TransactionID are both empty: give one")
	case !isOutTradeNo(req.OutTradeNo):
		return "", errors.New(badOutTradeNo)
	}
	return byOutTradeNo + url.PathEscape(req.OutTradeNo), nil
}

// isOutTradeNo refuses only what could not be sent as one path segment. Which characters a merchant may use differs
// between documents ("@" was once allowed), and the gateway knows; "." and ".." are steps within a path, which a
// proxy may take, and then the signature no longer fits.
func isOutTradeNo(s string) bool {
	return s != "" && s != dotSegment && s != dotDotSegment && utf8.RuneCountInString(s) <= maxNumber
}
