package errcode

import "slices"

// OfMerchant are the codes that speak of the merchant's own papers (keys, numbers, how they
// belong together) whatever order was asked about. Coming again changes nothing until a person has
// mended them. WeChat Pay says NOAUTH too, but so do we, of callers.
func OfMerchant() []string {
	return []string{SignError, "APPID_NOT_EXIST", "MCHID_NOT_EXIST", "APPID_MCHID_NOT_MATCH"}
}

// IsOfMerchant reports whether a code is one of OfMerchant.
func IsOfMerchant(code string) bool { return slices.Contains(OfMerchant(), code) }
