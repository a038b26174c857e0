package order

import "slices"

// MerchantCodes are the codes that speak of the merchant's own papers (keys, numbers, how they
// belong together) whatever order was asked about. Coming again changes nothing until a person has
// mended them. WeChat Pay says NOAUTH too, but so do we, of callers.
func MerchantCodes() []string {
	return []string{CodeSignError, "APPID_NOT_EXIST", "MCHID_NOT_EXIST", "APPID_MCHID_NOT_MATCH"}
}

// IsMerchantCode reports whether a code is one of MerchantCodes.
func IsMerchantCode(code string) bool { return slices.Contains(MerchantCodes(), code) }
