package order

import (
	"strings"
)

// Account is a merchant number in its region: whose orders are meant, and whose quota at WeChat Pay they are closed on. For a
// service provider it is the provider's own number.
type Account struct {
	Region Region
	MchID  string
}

func (a Account) String() string { return string(a.Region) + "/" + a.MchID }

// Account is whom the functions act for, as the store knows it.
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

// String is the order's full name, in the order of its parts: cn/1900000100/1900000109/A1.
func (r Ref) String() string {
	parts := []string{string(r.Region), r.MchID}
	if r.SubMchID != "" {
		parts = append(parts, r.SubMchID)
	}
	return strings.Join(append(parts, r.OutTradeNo), "/")
}

// Account is the merchant that the order belongs to.
func (r Ref) Account() Account { return Account{Region: r.Region, MchID: r.MchID} }

// CheckSubAppID holds an appid to the rule of the parameter sub_appid. It may be empty.
func CheckSubAppID(id string) *FieldError { return alphanumeric.check("sub_appid", id) }

// Validate holds a Ref to the rules that Params are held to, so that what was registered can be closed, and finds the first
// part that breaks one.
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
