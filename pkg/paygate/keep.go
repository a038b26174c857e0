package paygate

// change is one entry of the state, to be kept: value as JSON under key in bucket. A nil value
// removes the entry.
type change struct {
	bucket string
	key    string
	value  any
}

// changed keeps changes together. The book is locked.
func (*orderBook) changed(...change) {}
