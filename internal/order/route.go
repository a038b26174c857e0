package order

// Route is the way that an exchange with WeChat Pay goes. It decides what an answer proves that
// names no order: the success of a close, and every refusal. The signature of such an answer proves
// that WeChat Pay said it, and not of which order.
type Route string

const (
	// RouteForeign: something that ends TLS, or may, is on the way. It may mix up replies, so that
	// only a query whose reply names the order decides. It is what the zero Route means.
	RouteForeign Route = "foreign"
	// RouteOwn: TLS ends at WeChat Pay's own host. Its replies can only be mixed up on a used
	// HTTP/1.1 connection.
	RouteOwn Route = "own"
	// RouteLink: WeChat cloud hosting's private link. What its sidecar does with connections is not
	// known.
	RouteLink Route = "link"
)

// Conclusive reports whether the answer proves what it says of the order that was asked about,
// although it names none.
func (a Answer) Conclusive() bool { return a.Route == RouteOwn && a.Fresh }

// Repeatable reports whether the answer, if it is repeated by another like it, proves that the
// order does not exist. No query can confirm that by naming the order.
func (a Answer) Repeatable() bool {
	return a.Fresh && (a.Route == RouteOwn || a.Route == RouteLink)
}
