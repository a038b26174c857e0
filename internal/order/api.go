package order

// API is the dialect of WeChat Pay that carries a call.
type API string

const (
	// V2 is APIv2: XML over HTTPS, signed with the merchant's APIv2 key.
	V2 API = "v2"
	// V3 is APIv3: JSON over HTTPS, signed with RSA keys on both sides.
	V3 API = "v3"
	// WXCloudRun is WeChat cloud hosting's private link (微信云托管): JSON over
	// plain HTTP inside the container, without keys or signatures. What comes over
	// it is believed because only WeChat is at its other end.
	WXCloudRun API = "wxcloudrun"
)

// Region is where the merchant is: orders, addresses and numbers differ.
type Region string

const (
	// Mainland is mainland China.
	Mainland Region = "cn"
	// Global is everywhere else (/v3/global/…).
	Global Region = "global"
	// HongKong is the interface that Hong Kong's merchants had before it
	// (/hk/v3/…).
	HongKong Region = "hk"
)

// Overseas reports whether an order has a number of WeChat Pay's from its
// creation on, so that it can be closed by either.
func (r Region) Overseas() bool { return r == Global || r == HongKong }

// Op is what is asked of the gateway about an order.
type Op string

const (
	// OpClose asks that the order can no longer be paid (关单).
	OpClose Op = "close"
	// OpQuery asks what state the order is in (查单).
	OpQuery Op = "query"
)

// Validate returns an error for a dialect that does not exist. The empty API is the configured one.
func (a API) Validate() *FieldError {
	switch a {
	case "", V2, V3, WXCloudRun:
		return nil
	}
	return ParamError("api", `must be "v2", "v3" or "wxcloudrun"`, `须为 "v2"、"v3" 或 "wxcloudrun"`)
}
