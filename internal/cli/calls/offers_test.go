package calls_test

import (
	"slices"
	"strings"
	"testing"

	"cloudpay/internal/cli/calls"
	"cloudpay/internal/emulator/platform"
)

// What is offered for a function is what a call of it accepts, on each runtime: the matrix of all
// triggers and callers says which.
func TestOffers(t *testing.T) {
	t.Parallel()
	for _, on := range append(platform.Runtimes(), platform.Node) {
		offers := calls.Offers(on)
		if len(offers) != len(calls.Triggers()) {
			t.Errorf("%s: got %d triggers, want all", on, len(offers))
		}
		for i, o := range offers {
			if o.Name != calls.Triggers()[i] || o.Meaning != calls.Meaning(o.Name) {
				t.Errorf("%s: got %+v, want trigger %d", on, o, i)
			}
			for _, as := range every {
				kind, _, _ := strings.Cut(as, ":")
				if offered, want := slices.Contains(o.Callers, kind), expected(on, o.Name, as) != ""; offered != want {
					t.Errorf("%s by %s as %s: offered %t, want %t", on, o.Name, kind, offered, want)
				}
			}
			if isTimer := o.Name == calls.Timer || o.Name == "eventbridge"; o.IsTimer != isTimer {
				t.Errorf("%s by %s: is a timer %t, want %t", on, o.Name, o.IsTimer, isTimer)
			}
		}
	}
}
