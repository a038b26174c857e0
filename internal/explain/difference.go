package explain

import "cloudpay/internal/diagnosis"

// Difference is where what was signed first differs from what should have been. differs is false if
// one of the two texts is not known, or if they are equal.
func (a *Answer) Difference() (place diagnosis.Place, differs bool) {
	if a.Expected == "" || a.Signed == "" {
		return diagnosis.Place{}, false
	}
	return diagnosis.Difference(a.Expected, a.Signed)
}
