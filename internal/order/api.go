package order

// API is the dialect of WeChat Pay that carries a call.
type API string

const (
	// V2 is APIv2: XML over HTTPS, signed with the merchant's APIv2 key.
	V2 API = "v2"
	// V3 is APIv3: JSON over HTTPS, signed with RSA keys on both sides.
	V3 API = "v3"
)

// Op is what is asked of the gateway about an order.
type Op string

const (
	// OpClose asks that the order can no longer be paid (关单).
	OpClose Op = "close"
	// OpQuery asks what state the order is in (查单).
	OpQuery Op = "query"
)
