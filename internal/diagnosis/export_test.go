package diagnosis

// The bounds that the tests hold a diagnosis to, in bytes of work.
const (
	MaxWork = maxWork
	TryCost = tryCost
	// MaxWritten is the most that one try may go beyond.
	MaxWritten = maxWritten
)

// Work is what the search of a diagnosis cost, in bytes.
func Work(d Diagnosis) int { return d.spent.work }

// OpenSignature is the function under test, as it is.
var OpenSignature = openSignature
