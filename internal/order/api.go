package order

// API is the dialect of WeChat Pay that a call is made in. The empty API is the configured one.
type API string

const (
	// V2 is APIv2: XML over HTTPS, signed with the merchant's APIv2 key.
	V2 API = "v2"
	// V3 is APIv3: JSON over HTTPS, signed with RSA keys on both sides.
	V3 API = "v3"
	// WXCloudRun is WeChat cloud hosting's private link (微信云托管): JSON over plain HTTP inside the
	// container, without keys or signatures. Its replies count as authenticated because only WeChat
	// is at its other end.
	WXCloudRun API = "wxcloudrun"
)

// Region is where the merchant is. Addresses, and the rules for orders and numbers, depend on it.
type Region string

const (
	// Mainland is mainland China.
	Mainland Region = "cn"
	// Global is everywhere else (/v3/global/…).
	Global Region = "global"
	// HongKong is the older interface for Hong Kong's merchants (/hk/v3/…).
	HongKong Region = "hk"
)

// Overseas reports whether the region is not the mainland. Orders there have WeChat Pay's number
// from their creation on, and can be closed by it.
func (r Region) Overseas() bool { return r == Global || r == HongKong }

// Op is an operation on an order.
type Op string

const (
	// OpClose makes an order unpayable (关单).
	OpClose Op = "close"
	// OpQuery reads an order's state (查单).
	OpQuery Op = "query"
)

// Validate returns an error for a dialect that does not exist.
func (a API) Validate() *FieldError {
	switch a {
	case "", V2, V3, WXCloudRun:
		return nil
	}
	return ParamError("api", `must be "v2", "v3" or "wxcloudrun"`, `须为 "v2"、"v3" 或 "wxcloudrun"`)
}
