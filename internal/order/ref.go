package order

import "strings"

// Account is a merchant number in its region. The orders of a sweep and the quota at WeChat Pay are
// an account's. A service provider's account is its own number, not its sub-merchants'.
type Account struct {
	Region Region
	MchID  string
}

func (a Account) String() string { return string(a.Region) + "/" + a.MchID }

// Account is the merchant's account. The zero Region is the mainland.
func (m Merchant) Account() Account {
	if m.Region == "" {
		return Account{Region: Mainland, MchID: m.MchID}
	}
	return Account{Region: m.Region, MchID: m.MchID}
}

// Ref identifies an order: an order number is unique only below its merchant, and a merchant number
// only in its region. Order numbers are compared byte by byte: A1 and a1 are two orders. The tags
// are those of events and of what the command line prints.
type Ref struct {
	Region Region `json:"region"`
	// MchID is our own number: the service provider's in partner mode.
	MchID string `json:"mchId"`
	// SubMchID is empty in direct mode.
	SubMchID   string `json:"subMchId,omitempty"`
	OutTradeNo string `json:"outTradeNo"`
}

// String joins the parts of the order's full name: cn/1900000100/1900000109/A1.
func (r Ref) String() string {
	parts := []string{string(r.Region), r.MchID}
	if r.SubMchID != "" {
		parts = append(parts, r.SubMchID)
	}
	return strings.Join(append(parts, r.OutTradeNo), "/")
}

// Account is the merchant that the order belongs to.
func (r Ref) Account() Account { return Account{Region: r.Region, MchID: r.MchID} }

// CheckSubAppID returns an error for an appid that the parameter sub_appid could not have. It may
// be empty.
func CheckSubAppID(id string) *FieldError { return alphanumeric.check("sub_appid", id) }

// Validate returns an error for the first part that breaks a rule of Params: an order that no call
// could name must not be registered.
func (r Ref) Validate() *FieldError {
	number := numberOf(r.Region)
	switch {
	case r.Region != Mainland && !r.Region.Overseas():
		return ParamError("region", `must be "cn", "global" or "hk"`, `须为 "cn"、"global" 或 "hk"`)
	case r.MchID == "":
		return missing("mchid")
	case r.OutTradeNo == "":
		return MissingOutTradeNo()
	}
	return first(
		outTradeNo.check("out_trade_no", r.OutTradeNo),
		number.check("mchid", r.MchID),
		number.check("sub_mch_id", r.SubMchID),
	)
}
